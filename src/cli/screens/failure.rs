//! How a failure is shown.

use std::fmt::Write as _;

use phaseshift::{Error, ErrorKind};

use crate::cli::explain::{Advice, shown};
use crate::cli::output::escaped;
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
    let mut text = format!("{label} {}\n", escaped(error));
    for cause in telling(&error.to_string(), error.causes()) {
        line(&mut text, "cause:", &cause);
    }
    let problems = telling_problems(&error.to_string(), &error.facts().problems);
    for problem in problems.iter().take(LISTED) {
        line(&mut text, "found:", problem);
    }
    if problems.len() > LISTED {
        line(&mut text, "found:", &format!("and {} more", problems.len() - LISTED));
    }
    if let Some(place) = place(error, &text) {
        line(&mut text, "where:", &place);
    }
    line(&mut text, "state:", &advice.state);
    for next in &advice.next {
        line(&mut text, "next: ", next);
    }
    text
}

/// The file that holds the fault, unless the text names it already.
fn place(error: &Error, said: &str) -> Option<String> {
    let (file, line) = error.facts().source.as_ref()?;
    let name = file.file_name()?.to_string_lossy();
    (!said.contains(name.as_ref())).then(|| format!("{}:{line}", shown(file)))
}

/// Returns the causes that the headline does not hold already.
pub fn unsaid(headline: &str, causes: &[String]) -> Vec<String> {
    causes.iter().filter(|cause| !headline.contains(cause.as_str())).cloned().collect()
}

/// Leaves out causes that say nothing that the headline or another cause does not say.
fn telling(headline: &str, causes: Vec<String>) -> Vec<String> {
    let said_elsewhere = |place: usize, cause: &str| {
        let others = causes.iter().enumerate().filter(|(other, _)| *other != place);
        headline.contains(cause) || others.into_iter().any(|(_, other)| other.contains(cause))
    };
    let kept = causes.iter().enumerate().filter(|(place, cause)| {
        cause.as_str() != "SQLite reported an error" && !said_elsewhere(*place, cause)
    });
    kept.map(|(_, cause)| cause.clone()).collect()
}

/// Leaves out problems whose every part stands in the headline.
fn telling_problems<'p>(headline: &str, problems: &'p [String]) -> Vec<&'p String> {
    let is_said = |problem: &str| problem.split(": ").all(|part| headline.contains(part));
    problems.iter().filter(|it| !is_said(it)).collect()
}

/// Adds a labelled line.
fn line(text: &mut String, label: &str, content: &str) {
    let _ = writeln!(text, "  {label} {}", escaped(content.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_repeat_others_are_left_out() {
        let causes =
            ["SQLite reported an error", "disk I/O error", "Error code 778: disk I/O error"];
        let causes = causes.map(str::to_owned).to_vec();
        assert_eq!(telling("the backup failed", causes), ["Error code 778: disk I/O error"]);
        assert!(telling("no table x", vec!["no table x".to_owned()]).is_empty());
    }

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
