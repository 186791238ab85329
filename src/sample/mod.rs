//! Writes sample FITS catalogues: files for `demo`, for tests and for timing, made up from a seed.
//!
//! This is the only module that creates a database with made-up rows. It knows nothing of phases at
//! work, backups or proofs: it must be able to make files that the rest of the engine refuses.

mod archive;
mod calendar;
mod catalogue;
mod columns;
mod equipment;
mod frames;
mod numbers;
mod options;
mod phases;
mod processing;
mod schema;
mod sessions;
mod sky;
mod writer;

pub use catalogue::{open_catalogue, write_catalogue};
pub use options::{SampleOptions, VersionRows};
pub use phases::{phase_files, schema_sql};
