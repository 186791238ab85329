//! The proof before the commit: the rebuilt database against the verified backup.
//!
//! The proof reads; it knows the plan's lineage and the backup, and nothing of how rows were copied.

mod baseline;
mod carried;
mod checks;
mod keys;
mod lineage;
mod orphans;
mod records;
mod remade;
mod rows;
mod sound;
mod violations;
mod virtual_tables;

pub use baseline::Baseline;
pub use checks::{CheckResult, Proof, Subject, prove, rows_to_prove};
pub use lineage::{Provenance, TableProvenance, provenance};
pub use records::ExpectedRecords;
pub use remade::{RemadeRows, RemadeTable};
pub(crate) use rows::first_names;
pub use rows::{Sides, TableFound, compare_tables};
pub use violations::{Violation, Violations, foreign_key_violations};
