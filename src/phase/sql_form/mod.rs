//! The SQL form of a phase: sections of plain SQL, with settings and checks in comments.
//!
//! Statements that SQLite has a step for become that step, so that the plan and the proof know what they do; all others
//! become `sql` steps. See PHASES.md, "Phases in SQL".

mod header;
mod lower;
mod sections;
mod spans;
mod write;

pub(super) use header::settings_table;
pub(super) use lower::{Lowered, lower};
pub(super) use sections::{CheckKind, CheckSection, Dialect, Sections, sections};
pub(super) use spans::keeps_schema;
pub(super) use write::section_texts;
pub use write::{SectionTexts, sql_phase_text};
