//! Answers about a file for people and scripts. Everything here opens read-only and changes nothing.

mod audit;
mod dependents;
mod desired;
mod diff;
mod drift;
mod lint;
mod script;
mod status;
mod verify;

pub use audit::{
    Audit, AuditedIndex, AuditedTable, AuditedTrigger, AuditedView, Origin, Stray, audit,
};
pub use dependents::{
    Dependencies, Dependents, TriggerUses, dependencies, dependencies_in, view_layers,
};
pub use desired::{desired_renames, desired_schema};
pub use diff::{SchemaSource, compare_sources, schema_from};
pub use drift::drift;
pub use lint::{
    Acknowledged, Finding, LINT_RULES, LintInput, LintPolicy, LintRule, Linted, acknowledge,
    count_rows_of, lint, lint_rule,
};
pub use script::{in_dependency_order, schema_script};
pub use status::{Status, status};
pub use verify::{Expectation, Met, VerifyCheck, meets, verify};
