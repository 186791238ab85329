//! Chains as they grow in real projects: every way up and down, and what must be refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod catalogue;
mod rig;
mod roundtrips;
#[path = "../support/mod.rs"]
mod support;
mod ways_back;
