//! Carrying a plan out, inside a write transaction that owns a verified backup.
//!
//! This module executes; it decides nothing. Whether the result is right is judged by `proof`, which
//! knows nothing of it.

mod execute;
mod fill;
mod in_place;
mod indexes;
mod kept;
mod lenient_copy;
mod refill;

pub use execute::{Execution, RowsChanged, RunProgress, execute};
pub use fill::FittingIndexes;
pub use refill::Refill;
