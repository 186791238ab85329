//! The fault lab for the program itself: real processes, real system calls, real signals.
//!
//! See tests/README.md for what is covered and how long it takes.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[cfg(target_arch = "x86_64")]
mod calls;
#[cfg(target_arch = "x86_64")]
mod kills;
mod others;
mod place;
mod rights;
mod space;
mod tally;
mod verdict;
