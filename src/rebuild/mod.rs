//! Carrying a plan out, inside a write transaction that owns a verified backup.
//!
//! This module executes; it decides nothing. Whether the result is right is judged by `proof`, which
//! knows nothing of it.

mod execute;
mod indexes;
mod relax;

pub use execute::{Execution, RowsChanged, StepNumber, execute};
