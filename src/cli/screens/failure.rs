//! How a failure is shown.

use std::fmt::Write as _;

use phaseshift::{Error, ErrorKind};

use crate::cli::explain::Advice;
use crate::cli::terminal::Style;

/// How many problems are listed before they are counted.
const LISTED: usize = 20;

/// Makes the text of a failure: headline, causes, what was found, the state of the data, what to do next.
pub fn failure(error: &Error, advice: &Advice, style: Style) -> String {
    let label = match error.kind() {
        ErrorKind::Declined => style.strong("Cancelled:"),
        ErrorKind::Interrupted => style.strong("Interrupted:"),
        _ => style.error("Error:"),
    };
    let mut text = format!("{label} {error}\n");
    for cause in error.causes() {
        line(&mut text, "cause:", &cause);
    }
    let problems = &error.facts().problems;
    for problem in problems.iter().take(LISTED) {
        line(&mut text, "found:", problem);
    }
    if problems.len() > LISTED {
        line(&mut text, "found:", &format!("and {} more", problems.len() - LISTED));
    }
    line(&mut text, "state:", &advice.state);
    for next in &advice.next {
        line(&mut text, "next: ", next);
    }
    text
}

/// Adds a labelled line; further lines of the text are indented below it.
fn line(text: &mut String, label: &str, content: &str) {
    let content = content.trim_end().replace('\n', "\n         ");
    let _ = writeln!(text, "  {label} {content}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_the_state_and_the_next_command() {
        let error =
            Error::new(ErrorKind::Requirement, "phase3 cannot start: sessions has duplicate keys")
                .caused_by(std::io::Error::other("2 values of session_id occur more than once"));
        let advice = Advice {
            state: "nothing was changed".into(),
            next: vec!["phaseshift plan --problems".into()],
        };
        assert_eq!(
            failure(&error, &advice, Style::default()),
            "Error: phase3 cannot start: sessions has duplicate keys\n  \
             cause: 2 values of session_id occur more than once\n  \
             state: nothing was changed\n  next:  phaseshift plan --problems\n"
        );
    }
}
