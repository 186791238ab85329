//! Answers about a file for people and scripts. Everything here opens read-only and changes nothing.

mod desired;
mod diff;
mod drift;
mod status;
mod verify;

pub use desired::desired_schema;
pub use diff::{SchemaSource, diff, schema_from};
pub use drift::drift;
pub use status::{Status, status};
pub use verify::{Depth, Expectation, VerifyCheck, meets, verify};
