//! The `phaseshift` program.

fn main() {}
