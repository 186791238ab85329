//! Comparing the rows of two tables value by value: the judge behind backups, proofs and restores.
//!
//! It shares nothing with the code that copies rows. It knows tables, keys and columns; it does not
//! know phases or why a table changed.

mod compare;
mod conversion;
mod count;
mod cursor;
mod database;
mod index_check;
mod matching;
mod sum;

pub use compare::{Comparison, RowDelta, RowDifference, compare};
pub use conversion::{TypedColumn, Values, conversion_sql, conversions, show};
pub use count::{count_rows, count_rows_where};
pub use cursor::Side;
pub use database::compare_databases;
pub use index_check::index_finding;
pub use matching::{MatchSide, Matched, match_rows};
pub use sum::sum_rows;
