//! What integration tests stand on: a project folder of their own, the real program with nothing
//! inherited from the machine, the judge, and the `sqlite3` program.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests look at files from outside the engine"
)]

mod bench;
pub mod bytes;
pub mod crafted;
pub mod hostile;
mod judge;
pub mod lab;
mod other;
mod project;
pub mod sample;
mod snapshot;
mod steps;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod trace;
mod volumes;

pub use {
    bench::{
        Bench, Naive, Renaming, down_to, engine_at, explain, python, quoted, script, toml, up_to,
    },
    judge::{digest, judge, phase3_renames, python3, sqlite3, try_sqlite3},
    other::Other,
    project::{Output, Project, program, with_ending},
    snapshot::{Snapshot, snapshot_database},
    steps::without_realm,
    volumes::{LARGE, SMALL, Volume, load_rows},
};
