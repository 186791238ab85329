//! Answers about a file for people and scripts. Everything here opens read-only and changes nothing.

mod dependents;
mod desired;
mod diff;
mod drift;
mod lint;
mod status;
mod verify;

pub use dependents::{Dependents, dependents, dependents_on, view_layers};
pub use desired::{desired_renames, desired_schema};
pub use diff::{SchemaSource, compare_sources, diff, schema_from};
pub use drift::drift;
pub use lint::{
    Acknowledged, Finding, LINT_RULES, LintInput, LintPolicy, LintRule, Linted, acknowledge,
    count_rows_of, lint, lint_rule,
};
pub use status::{Status, status};
pub use verify::{Answer, Depth, Expectation, VerifyCheck, meets, verify};
