//! Running another tool's command: its output is shown escaped and kept in part, and it ends when it is to end.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use phaseshift::event::Interrupt;
use phaseshift::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::settings::shell_word;

/// How much of each stream is kept, from its end.
const KEPT: usize = 16 * 1_024;

/// How long a line may become before it is shown in pieces.
const LINE: usize = 4 * 1_024;

/// How long to wait for output before the command is looked at again.
const TICK: Duration = Duration::from_millis(30);

/// How long output may still come from processes that the command left running.
const REST: Duration = Duration::from_millis(300);

/// How long processes that the command left running are listened to at most, however much they write.
const LONGEST_REST: Duration = Duration::from_secs(3);

/// How many pieces of output wait to be shown. A command that writes faster waits, too.
const WAITING: usize = 16;

/// How long a command that is asked to stop may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// What is run, and how.
pub struct ForeignCommand<'a> {
    /// The text, for `sh -c`.
    pub text: &'a str,
    /// The database that it is to work on.
    pub database: &'a Path,
    pub timeout: Option<Duration>,
    pub interrupt: &'a Interrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with a status; 0 means success.
    Status(i32),
    Signal(i32),
    /// It was stopped because it took too long.
    TimedOut,
    /// It was stopped because a person asked for it.
    Interrupted,
}

/// One stream of a command: the end of what it wrote.
#[derive(Debug, Default, Clone)]
pub struct Captured {
    /// The last bytes as text.
    pub text: String,
    /// Whether more was written before.
    pub truncated: bool,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// What was run, with the clone in its place.
    pub command: String,
    pub ending: Ending,
    pub seconds: f64,
    pub stdout: Captured,
    pub stderr: Captured,
    /// The processes that it left running; they are ended when this is dropped.
    pub left: Option<Left>,
}

/// Processes that a command left running, which are ended with this value: the clone goes away.
#[derive(Debug)]
pub struct Left(Pid);

impl Drop for Left {
    fn drop(&mut self) {
        end(self.0, Signal::TERM);
    }
}

/// Replaces `{}` and `{db}` by a path, quoted for a shell.
pub fn with_database(text: &str, database: &Path) -> String {
    let path = shell_word(&database.display().to_string());
    text.replace("{db}", &path).replace("{}", &path)
}

/// The address of a file as SQLAlchemy, dbmate, sqlx and diesel read it: three slashes before an absolute path.
fn address(database: &Path) -> String {
    format!("sqlite:///{}", database.display())
}

impl ForeignCommand<'_> {
    /// Runs the command in a process group of its own, without input, and hands every line of its output to `show`.
    ///
    /// # Errors
    /// [`ErrorKind::Command`] if no shell can be started.
    pub fn run(&self, show: &mut dyn FnMut(&str)) -> Result<Ran> {
        let command = with_database(self.text, self.database);
        let started = Instant::now();
        let mut child = self.start(&command)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let mut output = Output::of(&mut child);
        let mut ending = None;
        let mut quiet_since = Instant::now();
        let mut ended = quiet_since;
        loop {
            match output.next(show) {
                More::Some => quiet_since = Instant::now(),
                More::None => {}
                More::Closed if ending.is_some() => break,
                More::Closed => std::thread::sleep(TICK),
            }
            if ending.is_none() {
                ending = self.ending(&mut child, started)?;
                quiet_since = Instant::now();
                ended = quiet_since;
            } else if quiet_since.elapsed() > REST || ended.elapsed() > LONGEST_REST {
                break;
            }
        }
        let (stdout, stderr) = output.end(show);
        let left = group.filter(|it| test_kill_process_group(*it).is_ok()).map(Left);
        let ending = ending.unwrap_or(Ending::Interrupted);
        let seconds = started.elapsed().as_secs_f64();
        Ok(Ran { command, ending, seconds, stdout, stderr, left })
    }

    fn start(&self, command: &str) -> Result<Child> {
        Command::new("sh")
            .arg("-c")
            .arg(command)
            .env("PHASESHIFT_DATABASE", self.database)
            .env("DATABASE_URL", address(self.database))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Error::new(ErrorKind::Command, "no shell could be started").caused_by(error)
            })
    }

    /// Returns how the command ended, if it has; stops it if it has to end.
    fn ending(&self, child: &mut Child, started: Instant) -> Result<Option<Ending>> {
        let failed = |error| {
            Error::new(ErrorKind::Command, "the command cannot be waited for").caused_by(error)
        };
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(of_status(status)));
        }
        let (signal, ending) = if self.interrupt.requested() {
            (Signal::INT, Ending::Interrupted)
        } else if self.timeout.is_some_and(|it| started.elapsed() >= it) {
            (Signal::TERM, Ending::TimedOut)
        } else {
            return Ok(None);
        };
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            end(group, signal);
        }
        // It may have left its group. One that has ended does not mind.
        let _ = child.kill();
        child.wait().map_err(failed)?;
        Ok(Some(ending))
    }
}

fn of_status(status: ExitStatus) -> Ending {
    match status.code() {
        Some(code) => Ending::Status(code),
        None => Ending::Signal(status.signal().unwrap_or(0)),
    }
}

/// Asks the processes of a group to stop, and kills those that do not.
fn end(group: Pid, signal: Signal) {
    let asked = Instant::now();
    // A group that is gone is what is wanted.
    let mut lives = kill_process_group(group, signal).is_ok();
    while lives && asked.elapsed() < GRACE {
        std::thread::sleep(TICK);
        lives = test_kill_process_group(group).is_ok() && !is_zombie(group);
    }
    let _ = kill_process_group(group, Signal::KILL);
}

/// A process that ended and was not waited for yet still counts as one of its group.
fn is_zombie(group: Pid) -> bool {
    let path = format!("/proc/{}/stat", group.as_raw_nonzero());
    #[expect(
        clippy::disallowed_methods,
        reason = "the system's table of processes, no file of a user"
    )]
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|it| it.starts_with('Z'))
}

enum More {
    Some,
    None,
    Closed,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// What comes out of a command.
struct Output {
    chunks: Receiver<(Stream, Vec<u8>)>,
    out: Lines,
    err: Lines,
}

impl Output {
    fn of(child: &mut Child) -> Self {
        let (sender, chunks) = sync_channel(WAITING);
        if let Some(stream) = child.stdout.take() {
            forward(stream, Stream::Out, sender.clone());
        }
        if let Some(stream) = child.stderr.take() {
            forward(stream, Stream::Err, sender);
        }
        Self { chunks, out: Lines::default(), err: Lines::default() }
    }

    fn next(&mut self, show: &mut dyn FnMut(&str)) -> More {
        match self.chunks.recv_timeout(TICK) {
            Ok((Stream::Out, bytes)) => self.out.take(&bytes, show),
            Ok((Stream::Err, bytes)) => self.err.take(&bytes, show),
            Err(RecvTimeoutError::Timeout) => return More::None,
            Err(RecvTimeoutError::Disconnected) => return More::Closed,
        }
        More::Some
    }

    fn end(mut self, show: &mut dyn FnMut(&str)) -> (Captured, Captured) {
        self.out.flush(show);
        self.err.flush(show);
        (self.out.captured(), self.err.captured())
    }
}

/// Reads a stream to its end on a thread of its own. Without a thread, the output is not shown.
fn forward(
    mut stream: impl Read + Send + 'static,
    which: Stream,
    sender: SyncSender<(Stream, Vec<u8>)>,
) {
    let read = move || {
        let mut buffer = [0; 8 * 1_024];
        loop {
            match stream.read(&mut buffer) {
                Ok(count @ 1..) => {
                    if sender.send((which, buffer[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    };
    drop(Builder::new().name("output".to_owned()).spawn(read));
}

/// The lines of one stream.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    kept: Vec<u8>,
    truncated: bool,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], show: &mut dyn FnMut(&str)) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
            self.truncated = true;
        }
        for &byte in bytes {
            // A bar that is drawn again and again is shown as its states, one line each.
            if byte == b'\n' || byte == b'\r' || self.line.len() >= LINE {
                self.flush(show);
            }
            if byte != b'\n' && byte != b'\r' {
                self.line.push(byte);
            }
        }
    }

    fn flush(&mut self, show: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() {
            show(&String::from_utf8_lossy(&self.line));
            self.line.clear();
        }
    }

    fn captured(mut self) -> Captured {
        if self.kept.len() > KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
            self.truncated = true;
        }
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        Captured { text, truncated: self.truncated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, timeout: Option<Duration>) -> (Ran, Vec<String>) {
        let interrupt = Interrupt::default();
        let database = Path::new("/tmp/a b.db");
        let command = ForeignCommand { text, database, timeout, interrupt: &interrupt };
        let mut lines = Vec::new();
        let ran = command.run(&mut |line| lines.push(line.to_owned())).unwrap();
        (ran, lines)
    }

    #[test]
    fn a_command_finds_the_database_three_ways() {
        let text = "echo \"$PHASESHIFT_DATABASE $DATABASE_URL\"; printf '%s\\n' {} {db}; exit 3";
        let (ran, lines) = run(text, None);
        let wanted = ["/tmp/a b.db sqlite:////tmp/a b.db", "/tmp/a b.db", "/tmp/a b.db"];
        assert_eq!(lines, wanted);
        assert_eq!(ran.ending, Ending::Status(3));
        assert!(ran.left.is_none());
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped_with_its_children() {
        let begun = Instant::now();
        let text = "trap '' TERM; sleep 60 & echo $!; wait; sleep 60";
        let (ran, lines) = run(text, Some(Duration::from_millis(200)));
        assert_eq!(ran.ending, Ending::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(20));
        let child = Pid::from_raw(lines[0].parse().unwrap()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(rustix::process::test_kill_process(child).is_err() || is_zombie(child));
    }

    #[test]
    fn processes_that_are_left_running_do_not_hold_the_program() {
        let begun = Instant::now();
        let (ran, lines) = run("sleep 60 & echo started", None);
        assert_eq!((lines, ran.ending), (vec!["started".to_owned()], Ending::Status(0)));
        assert!(ran.left.is_some());
        drop(ran);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn of_much_output_the_end_is_kept() {
        let (ran, lines) =
            run("i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done", None);
        assert_eq!(lines.len(), 9_000);
        assert!(ran.stdout.truncated && ran.stdout.text.len() <= KEPT);
        assert!(ran.stdout.text.ends_with("line 8999\n"));
    }
}
