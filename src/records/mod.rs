//! Tables and indexes as records: comparing them byte by byte, and what an index must hold.
//!
//! This ties the shapes that SQLite reports to our own reader of the file format. What cannot be shown
//! here is not wrong: the caller then compares values, or lets SQLite check.

mod define;
mod field_positions;
mod index_projection;
mod indexes;
mod layout;
mod same;
mod values;

pub(crate) use define::EXPRESSION;
pub use define::{Indexes, indexes};
pub use index_projection::{IndexClaims, IndexesShown, indexes_shown};
pub use indexes::{RowsKnown, SameIndexes};
pub use layout::{same_layout, same_rules};
pub use same::Records;
pub use values::SameValues;
