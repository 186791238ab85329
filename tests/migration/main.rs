//! The job through the engine: every kind of file and step, from the sample catalogue and the manual to the room on
//! the disk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod first_phase;
mod in_place;
mod keys;
mod manual;
mod migrate;
mod missing_parts;
mod optimize;
mod preflight;
mod refill;
mod sample;
mod space;
mod transfer;
