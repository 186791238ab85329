//! Faults at system calls: the program is traced, and one call is answered with a signal or an error.
//!
//! strace counts the calls of one name (strace(1), "Tampering"), hence names and numbers.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use crate::place::Place;

/// Calls that change nothing that survives the program; a kill before one of them is a kill before
/// the next of the others.
const HARMLESS: [&str; 34] = [
    "access",
    "arch_prctl",
    "brk",
    "clone3",
    "execve",
    "exit",
    "exit_group",
    "fcntl",
    "futex",
    "getcwd",
    "getdents64",
    "getpid",
    "getrandom",
    "gettid",
    "ioctl",
    "lseek",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "poll",
    "pread64",
    "prlimit64",
    "read",
    "readlink",
    "recvfrom",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_getaffinity",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "statx",
];

/// The number of the signal that cannot be caught.
const KILL: i32 = 9;

/// Tells whether strace is here and may trace.
pub fn is_possible() -> bool {
    let tried =
        std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Counts the system calls of a job by name, in the thread that makes most of them: strace counts for
/// each thread when it tampers.
pub fn calls(place: &Place) -> BTreeMap<String, u32> {
    let folder = place.fresh();
    let record = place.aside("calls");
    let before = ["-f", "-qq", "-o"].map(ToOwned::to_owned).into_iter();
    let before: Vec<String> = before.chain([record.display().to_string()]).collect();
    let output = place.command_under(&folder, "strace", &before).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut of_threads: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in std::fs::read_to_string(record).unwrap().lines() {
        let mut words = line.split_whitespace();
        let (thread, call) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if let Some((name, _)) = call.split_once('(') {
            *of_threads.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut calls = BTreeMap::new();
    for ((name, _), count) in of_threads {
        let most: &mut u32 = calls.entry(name).or_default();
        *most = count.max(*most);
    }
    calls
}

/// Tells whether a call leaves everything as it is.
pub fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}

/// What is done to a call.
#[derive(Debug, Clone)]
pub struct Tampering {
    pub name: String,
    /// `signal=KILL`, `error=EIO`.
    pub with: &'static str,
    /// The number of the call, from 1; with `+` all from there.
    pub when: String,
}

impl std::fmt::Display for Tampering {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:when={}", self.name, self.with, self.when)
    }
}

impl Tampering {
    fn kills(&self) -> bool {
        self.with.starts_with("signal=")
    }

    /// Tells whether the program was killed, if it should have been: it may come to make fewer calls
    /// than were counted, as when fewer other processes are there to be looked at.
    pub fn happened(&self, output: &std::process::Output) -> bool {
        // strace ends as the program did (strace(1), "DIAGNOSTICS").
        !self.kills() || output.status.signal() == Some(KILL)
    }
}

/// Runs the job with one tampering.
pub fn run(place: &Place, folder: &Path, tampering: &Tampering) -> std::process::Output {
    let Tampering { name, .. } = tampering;
    let mut before = vec!["-f", "-qq", "-o", "/dev/null"];
    if !tampering.kills() {
        // The kernel stops the program at the calls of this name only. No signal is sent that way.
        before.push("--seccomp-bpf");
    }
    let before = before.into_iter().chain(["-e"]).map(ToOwned::to_owned);
    let options = [format!("trace={name}"), "-e".to_owned(), format!("inject={tampering}")];
    let before: Vec<String> = before.chain(options).collect();
    place.command_under(folder, "strace", &before).output().unwrap()
}
