//! The one answer to "is this the same schema, and where does it differ?".
//!
//! [`compare_schemas`] gives a verdict on every object of two schemas. `stamp`, `diff`, `check`, drift, squash and
//! drafts read the same value, so that a difference that one of them calls small is small to all.

mod default;
mod difference;
mod entries;
mod index;
mod schema;
mod table;
mod words;

pub(crate) use default::same_default;
pub use difference::{
    ColumnAspect, ColumnDifference, ComparedObject, ConstraintDifference, Difference, IndexAspect,
    Presence, TableOptionName, Verdict, Weight,
};
pub(crate) use entries::{EntryDifference, compare_entries};
pub use schema::{SchemaComparison, compare_schemas, differences, not_identical};
pub use words::Wording;
