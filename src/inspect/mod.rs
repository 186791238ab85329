//! Answers about a file for people and scripts. Everything here opens read-only and changes nothing.

mod drift;
mod status;
mod verify;

pub use drift::drift;
pub use status::{Status, status};
pub use verify::{Depth, Expectation, VerifyCheck, meets, verify};
