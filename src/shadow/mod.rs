//! The shadow: an in-memory database with a file's schema and no rows, in which SQLite itself
//! applies a phase. The target schema is read back from it.
//!
//! The shadow knows steps and schemas. It does not know the file, its rows, or how a change is
//! carried out there. Functions, collations and modules that this program lacks are stubbed here and
//! only here.

mod build;
mod compile;
mod copy_method;
mod data;
mod define;
mod dropped_column;
mod finding;
mod health;
mod in_place;
mod kept;
mod lineage;
mod memory;
mod new_sql;
mod quotes;
mod references;
mod relations;
mod rename;
mod rename_rowid_column;
mod restore_text;
#[expect(clippy::module_inception, reason = "the module is named after its one type")]
mod shadow;
mod step_object;
mod transfer;
mod unrelated;
mod uses;
mod views;

pub use compile::uncompilable;
pub use copy_method::{CopyMethod, RecordCopy};
pub use data::{DataEffects, RowCopy, TableEffect};
pub use finding::{ChangedReference, NameAsString, Outputs, Unsound, UnsoundObject};
pub use in_place::InPlace;
pub use lineage::{ColumnLineage, ColumnOrigin, CopyLayer, Lineage, TableLineage, asks};
pub use shadow::Shadow;
pub(crate) use shadow::free_name;
pub use step_object::{creation, removal};
pub use transfer::{Transfer, transfer, transfer_out_of};
pub use uses::{ObjectUses, Uses};
