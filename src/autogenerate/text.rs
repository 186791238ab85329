//! A draft as the text of a phase file.

use std::fmt::Write as _;

use crate::phase::operation_text;

use super::{Draft, DraftStep};

/// Writes the `[[up]]` steps of a draft, each below its remarks, and its `[[down]]` steps.
pub fn draft_text(draft: &Draft) -> String {
    let mut text = steps_text("up", &draft.steps);
    if !draft.down.is_empty() {
        text.push_str(
            "\n# The downgrade is written out because it cannot be derived from the steps.\n",
        );
        text.push_str(&steps_text("down", &draft.down));
    }
    text
}

fn steps_text(list: &str, steps: &[DraftStep]) -> String {
    let mut text = String::new();
    for step in steps {
        text.push('\n');
        for note in &step.notes {
            let _ = writeln!(text, "# {}", comment(note));
        }
        let _ = write!(text, "[[{list}]]\n{}", operation_text(&step.operation));
    }
    text
}

/// Returns text as it may stand in a comment of a phase file: a line end in a name must not begin a step.
pub fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}
