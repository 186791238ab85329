//! The simulated disk of the fault lab, its jobs, and the verdict on what a fault leaves.

pub mod catalogue;
pub mod content;
pub mod database;
pub mod disk;
mod files;
mod handle;
pub mod jobs;
mod locks;
pub mod power;
pub mod power_sweep;
pub mod scene;
pub mod seen;
pub mod start;
pub mod tally;
pub mod verdict;
mod vfs;
