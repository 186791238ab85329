//! Asking a person. Only the word `yes` proceeds.
//!
//! Questions are answered with a line, which the terminal reads as usual. Picking from a list uses
//! single keys (dialoguer's `Select`): while a key is waited for the terminal is in raw mode, and it
//! is set back before the key is looked at. A signal to stop ends that wait, too: it breaks the system
//! call of the main thread, which the kernel prefers for signals to the process, and is sent again
//! until it does. Only SIGKILL leaves the terminal raw, as it does with every program of that kind.
//! Where keys cannot be drawn (`TERM=dumb`), a number is asked for instead.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use console::{Term, truncate_str};
use dialoguer::Select;
use phaseshift::event::Interrupt;
use phaseshift::{Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::context::Context;
use super::output::{self, escaped};
use super::terminal::show_cursor;

/// How often a waiting question looks whether it was interrupted.
const POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: PAUSE.as_nanos() as i64 };
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for the word `yes`, or takes `--yes` for it.
///
/// The line is read by the terminal as usual, never in raw mode: whatever ends the program, the
/// terminal stays as it is.
///
/// # Errors
/// [`ErrorKind::Declined`] for any other answer; [`ErrorKind::NoAnswer`] without a terminal;
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

/// Fails if a question would have to be asked and there is no terminal.
///
/// # Errors
/// [`ErrorKind::NoAnswer`].
pub fn require_somebody(context: &Context) -> Result<()> {
    if context.yes || context.can_ask() {
        return Ok(());
    }
    let what = match context.no_input && context.terminal.attended {
        true => "confirmation is required, and --no-input forbids the question",
        false => "confirmation is required, but this is not a terminal; pass --yes",
    };
    Err(Error::new(ErrorKind::NoAnswer, what))
}

/// Lets a person pick one of some lines; returns its place, from 0.
///
/// # Errors
/// [`ErrorKind::Declined`] if none is picked; [`ErrorKind::Interrupted`].
pub fn pick(context: &Context, question: &str, lines: &[String]) -> Result<usize> {
    // Without a thread that breaks the wait for a key, a request to stop would not end it.
    match context.terminal.keys.then(|| Waker::start(&context.interrupt)).flatten() {
        Some(waker) => by_keys(context, waker, question, lines),
        None => by_number(context, lines),
    }
}

fn by_number(context: &Context, lines: &[String]) -> Result<usize> {
    for (place, line) in lines.iter().enumerate() {
        let line = format!("  {:>2}. {}\n", place + 1, escaped(line));
        output::remark(&line, context.terminal.err);
    }
    let most = lines.len();
    let answer = ask(context, &format!("Which one? Type a number from 1 to {most}:"))?;
    let number = answer.trim().parse().ok().filter(|number| (1..=most).contains(number));
    number
        .map(|number: usize| number - 1)
        .ok_or_else(|| Error::new(ErrorKind::Declined, "the answer was not one of the numbers"))
}

fn by_keys(context: &Context, waker: Waker, question: &str, lines: &[String]) -> Result<usize> {
    forget_typed();
    let terminal = Term::stderr();
    // A line that wraps cannot be drawn again in its place.
    let width = usize::from(terminal.size().1).saturating_sub(4).max(20);
    let lines = lines.iter().map(|line| truncate_str(&escaped(line), width, "...").into_owned());
    let question = format!("{question} (arrows and Enter; Esc for none)");
    let select = Select::new().with_prompt(question).default(0).items(lines);
    let picked = select.interact_on_opt(&terminal);
    waker.stop();
    // A signal reaches its handler on another thread, which may be a little later.
    let broken = matches!(&picked, Err(dialoguer::Error::IO(error))
        if error.kind() == io::ErrorKind::Interrupted);
    if broken || context.interrupt.requested() {
        show_cursor();
        return Err(Error::new(ErrorKind::Interrupted, "interrupted at the question"));
    }
    match picked {
        Ok(Some(place)) => Ok(place),
        Ok(None) => Err(Error::new(ErrorKind::Declined, "none was picked")),
        Err(error) => {
            show_cursor();
            Err(Error::new(ErrorKind::Io, "the answer cannot be read").caused_by(error))
        }
    }
}

/// Breaks a wait for a key when a stop was asked for. A signal that comes just before the wait begins
/// does not break it; another one will.
struct Waker {
    done: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Waker {
    /// `None` if no thread can be started.
    fn start(interrupt: &Interrupt) -> Option<Self> {
        let (done, interrupt) = (Arc::new(AtomicBool::new(false)), interrupt.clone());
        let ends = done.clone();
        let watch = move || {
            while !ends.load(Ordering::SeqCst) {
                if interrupt.requested() {
                    // Our own handler takes it and asks for the stop once more.
                    let _ = rustix::process::kill_process(
                        rustix::process::getpid(),
                        rustix::process::Signal::TERM,
                    );
                }
                std::thread::sleep(PAUSE);
            }
        };
        let thread = Builder::new().name("waker".to_owned()).spawn(watch).ok()?;
        Some(Self { done, thread })
    }

    fn stop(self) {
        self.done.store(true, Ordering::SeqCst);
        // It has nothing to tell.
        let _ = self.thread.join();
    }
}

/// Asks for a line. The end of the input is an empty answer.
///
/// The line is read only when the terminal has one, so that a request to stop is seen while it is waited for.
///
/// # Errors
/// [`ErrorKind::Interrupted`]; [`ErrorKind::Io`] if the answer cannot be read.
pub fn ask(context: &Context, question: &str) -> Result<String> {
    forget_typed();
    let style = context.terminal.err;
    output::remark(&format!("{question} "), style);
    let unreadable =
        |error: io::Error| Error::new(ErrorKind::Io, "the answer cannot be read").caused_by(error);
    loop {
        if context.interrupt.requested() {
            output::remark("\n", style);
            return Err(Error::new(ErrorKind::Interrupted, "interrupted at the question"));
        }
        if has_line().map_err(unreadable)? {
            break;
        }
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(unreadable)?;
    if !line.ends_with('\n') {
        output::remark("\n", style);
    }
    Ok(line)
}

/// Throws away what was typed before a question: it cannot be the answer to it.
fn forget_typed() {
    // A terminal whose input cannot be discarded is asked nevertheless.
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Waits a moment for a line, or for the end of the input.
fn has_line() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut waiting, Some(&POLL)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a line is the word, in any case, and nothing else.
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
