//! Carrying a plan out, inside a write transaction that owns a verified backup.
//!
//! This module executes; it decides nothing: `execute` is a match over the plan's actions. Whether the result is right
//! is judged by `proof`, which knows nothing of it.

mod copy;
mod data;
mod execute;
mod fill;
mod lenient_copy;
mod schema_table;
mod statement;

pub use data::RowsChanged;
pub use execute::{Execution, RunProgress, execute};
pub use fill::FittingIndexes;
