//! A draft as the text of a phase file.

use std::fmt::Write as _;

use crate::phase::operation_text;

use super::Draft;

/// Writes the `[[up]]` steps of a draft, each below its remarks.
pub fn draft_text(draft: &Draft) -> String {
    let mut text = String::new();
    for step in &draft.steps {
        text.push('\n');
        for note in &step.notes {
            let _ = writeln!(text, "# {}", comment(note));
        }
        let _ = write!(text, "[[up]]\n{}", operation_text(&step.operation));
    }
    text
}

/// Returns text as it may stand in a comment of a phase file: a line end in a name must not begin a step.
pub fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}
