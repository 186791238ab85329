//! Writes phases in SQL form.

use std::fmt::Write as _;

use super::sections::{Dialect, is_mark, sections};
use crate::phase::phase::{Phase, PhaseId};
use crate::sql::{TokenKind, significant_tokens, tokens};

/// The SQL of a phase: what its sections hold, without the marks of any tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SectionTexts {
    /// The statements of the way up, and the comments between them.
    pub up: String,
    /// Those of the downgrade, if it has a section or a file.
    pub down: Option<String>,
}

/// Takes the SQL out of a text that another tool marks.
pub(in crate::phase) fn section_texts(text: &str, dialect: Dialect) -> SectionTexts {
    let found = sections(text, dialect);
    let joined = |stretches: &[std::ops::Range<usize>]| {
        let parts = stretches.iter().map(|it| ended(text[it.clone()].trim()));
        parts.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let down = found.down.as_deref().map(joined);
    SectionTexts { up: joined(&found.up), down }
}

/// Returns a text whose last statement ends with a semicolon: some tools do without.
fn ended(text: &str) -> String {
    match significant_tokens(text).last() {
        Some(last) if !last.is_mark(text, ";") => {
            format!("{};{}", &text[..last.end], &text[last.end..])
        }
        Some(_) | None => text.to_owned(),
    }
}

/// Returns the text of a file of SQL for a phase: its settings, and the sections with these statements.
pub fn sql_phase_text(phase: &Phase, texts: &SectionTexts) -> String {
    let mut text = String::from("-- phase:");
    let _ = write!(text, " id={}", phase.id);
    if phase.version > 0 || phase.version_declared {
        let _ = write!(text, " version={}", phase.version);
    }
    let ids = |ids: &[PhaseId]| {
        let names: Vec<&str> = ids.iter().map(PhaseId::as_str).collect();
        if names.is_empty() { "[]".to_owned() } else { names.join(",") }
    };
    let _ = write!(text, " parents={}", ids(&phase.parents));
    if !phase.depends_on.is_empty() {
        let _ = write!(text, " depends_on={}", ids(&phase.depends_on));
    }
    if !phase.labels.is_empty() {
        let _ = write!(text, " labels={}", phase.labels.join(","));
    }
    if phase.description != phase.id.as_str() {
        let _ = write!(text, " description={}", quoted(&phase.description));
    }
    text.push_str("\n-- up\n");
    text.push_str(&without_marks(&texts.up));
    text.push('\n');
    if let Some(down) = &texts.down {
        text.push_str("-- down\n");
        text.push_str(&without_marks(down));
        text.push('\n');
    }
    text
}

/// Writes a value of a setting, on one line.
fn quoted(value: &str) -> String {
    let line: String = value.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    format!("\"{}\"", line.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the text with a colon in comments that would be read as marks.
fn without_marks(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for token in tokens(text) {
        let part = token.text(text);
        match part.strip_prefix("--") {
            Some(words) if token.kind == TokenKind::Comment && is_mark(words.trim()) => {
                written.push_str("--:");
                written.push_str(words);
            }
            Some(_) | None => written.push_str(part),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RealFiles;
    use crate::phase::{PhaseFile, samples};
    use std::path::Path;

    #[test]
    fn what_is_written_is_read_as_the_same_phase() {
        let text = "-- +goose Up\n-- verify the totals\n-- +goose StatementBegin\nCREATE TABLE t(a DEFAULT '\n-- up\n')\n\
            -- +goose StatementEnd\nINSERT INTO t VALUES (1) -- done\n-- +goose Down\n-- down\nDROP TABLE t;\n";
        let texts = section_texts(text, Dialect::Goose);
        let mut phase = samples::phase("b", 7, "a", "");
        phase.description = "it's \"b\"\n\\".to_owned();
        let written = sql_phase_text(&phase, &texts);
        let read = PhaseFile::parse_sql(&RealFiles, Path::new("phases/x.sql"), &written).unwrap();
        assert_eq!((read.phase.id.as_str(), read.phase.version), ("b", 7));
        assert_eq!(read.phase.description, "it's \"b\" \\");
        let ops: Vec<&str> = read.phase.up.iter().map(|it| it.operation.op()).collect();
        assert_eq!(ops, ["create_table", "sql"]);
        assert!(
            matches!(&read.phase.down, crate::phase::Downgrade::Steps(steps) if steps.len() == 1)
        );
        assert!(written.contains("--: verify the totals") && written.contains("'\n-- up\n'"));
    }
}
