//! The reader of the file format against plain SQL, planted differences against both judges, and damaged
//! bytes against everything that reads them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests look at files from outside the engine"
)]

mod damage;
mod differences;
mod hostile;
mod indexes;
mod reading;
mod runs;
mod scene;
