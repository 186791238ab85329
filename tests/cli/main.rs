//! The program as a person or a script meets it: what it asks, says and refuses.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod bad_input;
mod chain;
mod interrupt;
mod migrate;
mod prompt;
mod restore;
mod scripts;
