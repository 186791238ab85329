//! Chains as they grow in real projects: every way up and down, and what must be refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod applications;
mod catalogue;
mod down_steps;
mod fill;
mod gene_catalogue;
mod graphs;
mod observatory;
mod per_phase;
mod plan_is_program;
mod refusals;
mod rig;
mod roundtrips;
mod scripts;
mod sweeps;
mod trace;
