//! Giving free pages back: a compact copy of the verified backup is made, proven, and written into the file.
//!
//! `VACUUM` in place cannot be proven before it counts, and it renumbers the rowids of tables without a key
//! of their own (<https://sqlite.org/lang_vacuum.html>). So SQLite writes the compact file beside the backup
//! (`VACUUM INTO`); every row in it, rowid included, is compared with the backup; and only then its pages go
//! into the live file, in one transaction, the way a restore does it. This module knows nothing of phases.

mod compact;
mod request;
mod run;
mod space;
#[cfg(test)]
mod tests;

pub use request::{Statistics, VacuumReport, VacuumRequest};
pub use run::vacuum;
pub use space::measure;
