//! Asking a person. Only the word `yes` proceeds.

use std::io::Write as _;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use phaseshift::{Error, ErrorKind, Result};

use super::context::Context;

/// How often a waiting question looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// Asks for the word `yes`, or takes `--yes` for it.
///
/// The line is read by the terminal as usual, never in raw mode: whatever ends the program, the
/// terminal stays as it is.
///
/// # Errors
/// [`ErrorKind::Declined`] for any other answer; [`ErrorKind::NoAnswer`] if there is nobody to ask;
/// [`ErrorKind::Interrupted`].
pub fn confirm(context: &Context, question: &str) -> Result<()> {
    if context.yes {
        return Ok(());
    }
    require_somebody(context)?;
    let answer = ask(context, question)?;
    if is_yes(&answer) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Declined, "the answer was not 'yes'"))
}

/// Fails if a question would have to be asked and nobody is there.
///
/// # Errors
/// [`ErrorKind::NoAnswer`].
pub fn require_somebody(context: &Context) -> Result<()> {
    if context.yes || context.can_ask() {
        return Ok(());
    }
    let what = "this asks before it changes the file, and there is nobody to ask";
    Err(Error::new(ErrorKind::NoAnswer, what))
}

/// Asks for a number from 1 to `most`.
///
/// # Errors
/// [`ErrorKind::Declined`] for anything else; [`ErrorKind::Interrupted`].
pub fn choose(context: &Context, question: &str, most: usize) -> Result<usize> {
    let answer = ask(context, question)?;
    let number = answer.trim().parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| Error::new(ErrorKind::Declined, "the answer was not one of the numbers"))
}

/// Asks for a line. The end of the input is an empty answer.
fn ask(context: &Context, question: &str) -> Result<String> {
    let mut stderr = std::io::stderr();
    // A question that cannot be shown gets no answer; the reader finds that out.
    let _ = write!(stderr, "{question} ").and_then(|()| stderr.flush());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        // The other side may have stopped waiting.
        let _ = sender.send(read.map(|_| line));
    });
    loop {
        if context.interrupt.requested() {
            let _ = writeln!(stderr);
            return Err(Error::new(ErrorKind::Interrupted, "interrupted at the question"));
        }
        match receiver.recv_timeout(POLL) {
            Ok(Ok(line)) => {
                if !line.ends_with('\n') {
                    let _ = writeln!(stderr);
                }
                return Ok(line);
            }
            Ok(Err(error)) => {
                return Err(Error::new(ErrorKind::Io, "the answer cannot be read").caused_by(error));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(ErrorKind::Io, "the answer cannot be read"));
            }
        }
    }
}

/// Tells whether a line is the word, in any case, and nothing else.
fn is_yes(line: &str) -> bool {
    line.trim_end_matches(['\r', '\n']).eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_the_word_proceeds() {
        for line in ["yes\n", "YES\r\n", "Yes"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in ["y\n", "\n", "", "no\n", "yes please\n", "YES \n", " yes\n", "yess"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
