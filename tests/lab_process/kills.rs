//! The program is killed, and its system calls fail.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::calls::{changes, is_about_files, name};
use crate::place::{Catalogue, Job, Place, Start, bare};
use crate::tally::{Tally, long, skip};
use crate::verdict::{Expected, Which, Wrong};
use support::trace::{self, Call, Fault};

/// How many programs run beside each other, each in a folder of its own.
const WORKERS: usize = 2;

/// The errors that calls answer with.
const ERRORS: [(i32, &str); 2] = [(libc::EIO, "EIO"), (libc::ENOSPC, "ENOSPC")];

/// Of so many calls that only look at files, one fails for ever, too.
const LASTING: usize = 10;

/// How often a fault is tried that does not come about.
const ATTEMPTS: usize = 3;

/// How many runs count the calls: two threads do not always make the same number of them.
const COUNTS: usize = 3;

/// One fault, and whether every run so far made the call that it needs.
struct Case {
    name: String,
    fault: Fault,
    certain: bool,
}

/// The system calls of some runs, the shortest run first: two threads do not always make the same.
struct Calls(Vec<Vec<Call>>);

impl Calls {
    fn longest(&self) -> &[Call] {
        &self.0[self.0.len() - 1]
    }

    /// Tells whether each run made so many calls, of one kind or of any.
    fn are_certain(&self, number: usize, call: Option<Call>) -> bool {
        let of_kind = |it: &&Call| call.is_none_or(|call| call == **it);
        self.0.iter().all(|run| run.iter().filter(of_kind).count() >= number)
    }
}

/// One configuration, and what is right in it.
struct Sweep {
    place: Place,
    expected: Expected,
    tally: Mutex<Tally>,
    /// One in so many cases is run again.
    again: usize,
    /// Folders that were judged and from which the job was finished: equal ones are not again.
    finished: Mutex<HashMap<blake3::Hash, Which>>,
}

impl Sweep {
    fn new(kind: Kind, (catalogue, job): (Catalogue, Job), start: Start) -> Self {
        let place = Place::with(catalogue, job, start);
        let expected = Expected::learn(&place);
        let size = if catalogue == Place::LARGE { ", large" } else { "" };
        let name = format!("{}, {job:?}{size}, {start:?}", kind.title());
        let tally = Mutex::new(Tally::new(name));
        Self { place, expected, tally, again: kind.again(), finished: Mutex::default() }
    }

    /// The system calls of the job.
    fn calls(&self) -> Calls {
        let folder = self.place.fresh();
        let count = |_| {
            self.place.fresh_at(&folder);
            let run = trace::run(self.place.command(&folder), Fault::None).unwrap();
            assert!(run.output.status.success(), "{:?}", run.output);
            run.calls
        };
        let mut runs: Vec<Vec<Call>> = (0..COUNTS).map(count).collect();
        runs.sort_by_key(Vec::len);
        let (fewest, most) = (runs[0].len(), runs[COUNTS - 1].len());
        self.tally.lock().unwrap().more = format!(", {fewest} to {most} calls in a run");
        Calls(runs)
    }

    /// Tries all faults, some beside each other.
    fn all(&self, cases: &[Case]) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let next = &next;
                scope.spawn(move || {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                        // Two threads do not always share the work in the same way.
                        if !(0..ATTEMPTS).any(|_| self.case(worker, &case.name, case.fault)) {
                            self.tally.lock().unwrap().miss(case.certain);
                        }
                    }
                });
            }
        });
    }

    /// Tries one fault; tells whether it came about.
    fn case(&self, worker: usize, name: &str, fault: Fault) -> bool {
        let folder = self.place.aside(&format!("case-{worker}"));
        self.place.fresh_at(&folder);
        let run = trace::run(self.place.command(&folder), fault).unwrap();
        let print = fingerprint(&folder);
        if run.happened && run.output.stdout.is_empty() {
            let known = self.finished.lock().unwrap().get(&print).copied();
            if let Some(which) = known {
                self.tally.lock().unwrap().count::<Wrong>(name, Ok(which));
                return true;
            }
        }
        // The judge opens the database, which repairs it; the next run has to do so by itself.
        let copy = self.place.aside(&format!("copy-{worker}"));
        Place::copy_at(&folder, &copy);
        let outcome = self.expected.judge_copy(&folder, &copy, &run.output);
        let good = outcome.as_ref().ok().copied();
        let number = {
            let mut tally = self.tally.lock().unwrap();
            if run.happened {
                tally.count(name, outcome);
            } else {
                tally.judge_without(name, outcome);
            }
            tally.cases
        };
        if let Some(which) = good
            && number.is_multiple_of(self.again)
        {
            let outcome = self.expected.again(&self.place, &folder);
            if outcome.is_ok() {
                self.finished.lock().unwrap().insert(print, which);
            }
            self.tally.lock().unwrap().again(name, outcome);
        }
        run.happened
    }

    /// Kills runs that make more calls than were counted, too, until some come to their end.
    fn beyond(&self, counted: usize) {
        let mut ended = 0;
        for number in counted + 1.. {
            let name = format!("call {number}");
            ended += usize::from(!self.case(0, &name, Fault::Kill(number)));
            if ended == COUNTS {
                return;
            }
        }
    }

    fn end(self) {
        let mut tally = self.tally.into_inner().unwrap();
        tally.more += &format!(", {} different folders", self.finished.into_inner().unwrap().len());
        tally.expect_green();
    }
}

/// Sums up a folder: names but for their numbers, which are times and processes, and bytes. What a
/// program says about a backup holds the time, too.
fn fingerprint(folder: &Path) -> blake3::Hash {
    let mut files: Vec<(String, Vec<u8>)> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            let plain = |byte: &u8| if byte.is_ascii_digit() { b'0' } else { *byte };
            let is_text = name.contains(".json");
            let bytes = if is_text { bytes.iter().map(plain).collect() } else { bytes };
            (name.replace(|it: char| it.is_ascii_digit(), "0"), bytes)
        })
        .collect();
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in files {
        for part in [name.as_bytes(), &bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hasher.finalize()
}

/// What happens to a job at its system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is killed before each of them; in the short form before those that change something.
    Kills,
    /// Each of them that is about files fails.
    Errors,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::Kills => "killed before a call",
            Self::Errors => "errors of calls",
        }
    }

    /// One in how many cases is run again.
    fn again(self) -> usize {
        match (long(), self) {
            (false, _) => 5,
            (true, Self::Kills) => 1,
            (true, Self::Errors) => 10,
        }
    }

    fn cases(self, calls: &Calls) -> Vec<Case> {
        match self {
            Self::Kills => kills(calls),
            Self::Errors => errors(calls),
        }
    }
}

/// Tries every fault of a kind; in the short form one in so many, from a few starts.
fn sweep(kind: Kind, job: Job, short: &[Start], step: usize) {
    sweep_of(kind, (Place::FEW, job), if long() { &Start::ALL } else { short }, step);
}

/// The same with a catalogue, from these starts only.
fn sweep_of(kind: Kind, job: (Catalogue, Job), starts: &[Start], step: usize) {
    if !trace::is_possible() {
        return skip("tracing");
    }
    let step = if long() { 1 } else { step };
    for start in starts {
        let sweep = Sweep::new(kind, job, *start);
        let calls = sweep.calls();
        let cases: Vec<_> = kind.cases(&calls).into_iter().step_by(step).collect();
        sweep.all(&cases);
        if long() && kind == Kind::Kills {
            sweep.beyond(calls.longest().len());
        }
        sweep.end();
    }
}

/// A kill before every call; in the short form before those that change something.
fn kills(calls: &Calls) -> Vec<Case> {
    let kill = |(before, call): (usize, &Call)| Case {
        name: format!("call {} ({})", before + 1, name(*call)),
        fault: Fault::Kill(before + 1),
        certain: calls.are_certain(before + 1, None),
    };
    let all = calls.longest().iter().enumerate();
    all.filter(|(_, call)| long() || changes(**call)).map(kill).collect()
}

#[test]
fn a_kill_before_any_system_call_of_a_migration_leaves_old_or_new() {
    sweep(Kind::Kills, Job::Migrate, &[Start::Clean, Start::WalFrames], 6);
}

/// The source of a large backup is checked on another thread while its pages are copied.
#[test]
fn a_kill_before_any_system_call_of_a_migration_of_a_large_file_leaves_old_or_new() {
    sweep_of(Kind::Kills, (Place::LARGE, Job::Migrate), &[Start::WalFrames], 9);
}

#[test]
fn a_kill_before_any_system_call_of_a_migration_in_place_leaves_old_or_new() {
    sweep(Kind::Kills, Job::InPlace, &[Start::Clean], 12);
}

#[test]
fn a_kill_before_any_system_call_of_optimize_leaves_old_or_new() {
    sweep(Kind::Kills, Job::Optimize, &[Start::Clean], 3);
}

#[test]
fn a_kill_before_any_system_call_of_a_backup_leaves_it_whole_or_absent() {
    sweep(Kind::Kills, Job::Backup, &[Start::WalFrames], 6);
}

#[test]
fn a_kill_before_any_system_call_of_a_restore_leaves_old_or_new() {
    sweep(Kind::Kills, Job::Restore, &[Start::Clean], 6);
}

/// Every call about files from the moment on when the program itself begins, each with its number
/// among the calls of its name. What the loader does before that is not ours.
fn failing(calls: &[Call]) -> Vec<(Call, usize)> {
    // The first thing that the runtime of Rust does is to look at the standard streams.
    let begin = calls.iter().position(|call| *call == libc::SYS_poll).unwrap_or_default();
    let mut counts: BTreeMap<Call, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (position, call) in calls.iter().enumerate() {
        let number = counts.entry(*call).or_default();
        *number += 1;
        if position > begin && is_about_files(*call) {
            found.push((*call, *number));
        }
    }
    found
}

/// The faults for every call: what changes something lacks room, too; what only looks at files fails
/// once, and one in [`LASTING`] of them for ever.
fn errors(calls: &Calls) -> Vec<Case> {
    let mut faults = Vec::new();
    for (position, (call, number)) in failing(calls.longest()).into_iter().enumerate() {
        let lasting = changes(call) || position.is_multiple_of(LASTING);
        let errors = if changes(call) { &ERRORS[..] } else { &ERRORS[..1] };
        for &(error, word) in errors {
            let mut add = |for_ever, until| {
                let name = format!("{word} at {} {number}{until}", name(call));
                let fault = Fault::Fail { call, number, error, for_ever };
                let certain = calls.are_certain(number, Some(call));
                faults.push(Case { name, fault, certain });
            };
            add(false, "");
            if lasting {
                add(true, " and all after it");
            }
        }
    }
    faults
}

#[test]
fn an_error_of_any_system_call_of_a_migration_is_never_silent() {
    sweep(Kind::Errors, Job::Migrate, &[Start::Clean, Start::WalFrames], 37);
}

#[test]
fn an_error_of_any_system_call_of_a_migration_of_a_large_file_is_never_silent() {
    sweep_of(Kind::Errors, (Place::LARGE, Job::Migrate), &[Start::Clean], 151);
}

#[test]
fn an_error_of_any_system_call_of_a_migration_in_place_is_never_silent() {
    sweep(Kind::Errors, Job::InPlace, &[Start::CleanWal], 59);
}

#[test]
fn an_error_of_any_system_call_of_optimize_is_never_silent() {
    sweep(Kind::Errors, Job::Optimize, &[Start::CleanWal], 59);
}

#[test]
fn an_error_of_any_system_call_of_a_backup_is_never_silent() {
    sweep(Kind::Errors, Job::Backup, &[Start::Clean], 37);
}

#[test]
fn an_error_of_any_system_call_of_a_restore_is_never_silent() {
    sweep(Kind::Errors, Job::Restore, &[Start::Clean], 37);
}

/// Kills the program after a time; the output of a killed program tells nothing.
fn run_and_kill(place: &Place, folder: &Path, after: Duration) -> Output {
    let mut command = place.command(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(after);
    // It may have ended by itself.
    drop(child.kill());
    child.wait_with_output().unwrap()
}

#[test]
fn a_kill_at_any_moment_leaves_old_or_new() {
    let place = Place::new(Job::Migrate, Start::WalFrames);
    let expected = Expected::learn(&place);
    let folder = place.fresh();
    let began = Instant::now();
    assert!(place.run(&folder).status.success());
    let whole = began.elapsed();
    let rounds = if long() { 500 } else { 50 };
    let mut tally = Tally::new("killed at a moment, Migrate, WalFrames".to_owned());
    for round in 0..rounds {
        let folder = place.fresh();
        // A row of moments that covers the run evenly and is the same every time.
        let part = f64::from(round * 37 % rounds) / f64::from(rounds) * 1.1;
        let output = run_and_kill(&place, &folder, whole.mul_f64(part));
        let name = format!("round {round}");
        tally.count(&name, expected.judge(&folder, &output));
        tally.again(&name, expected.again(&place, &folder));
    }
    tally.expect_green();
}

/// Some projects beside each other, of which one run migrates all.
struct Fleet {
    place: Place,
    expected: Expected,
}

impl Fleet {
    const FILES: [&str; 3] = ["t/a", "t/b", "t/c"];

    fn fresh(&self, name: &str) -> std::path::PathBuf {
        let folder = self.place.aside(name);
        Self::FILES.iter().for_each(|file| self.place.fresh_at(&folder.join(file)));
        folder
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(Place::program());
        command.args(["migrate", "phase2", "--yes", "--all", "t", "--jobs", "2", "--json"]);
        command.args(["--phases", "t/a/phases", "--wait", "0", "--journal", "journal.jsonl"]);
        bare(&mut command, folder);
        command
    }

    /// The digest in the summary of a run that ended.
    fn digest(output: &Output) -> Result<String, String> {
        let said = String::from_utf8_lossy(&output.stdout);
        let last: Option<serde_json::Value> =
            said.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let digest = last.as_ref().and_then(|it| it["summary"]["digest"].as_str());
        match (output.status.success(), digest) {
            (true, Some(digest)) => Ok(digest.to_owned()),
            _ => Err(format!("{} {said}", output.status)),
        }
    }

    /// The documents of one file: what a run says of another one is no promise for it.
    fn about(file: &str, output: &Output) -> Vec<u8> {
        let name = format!("{}/fits.db", file.trim_start_matches("t/"));
        let said = String::from_utf8_lossy(&output.stdout);
        let is_its = |line: &&str| {
            let document: Option<serde_json::Value> = serde_json::from_str(line).ok();
            document.is_some_and(|it| it["file"].as_str() == Some(&name))
        };
        said.lines().filter(is_its).collect::<Vec<_>>().join("\n").into_bytes()
    }

    /// Kills a run before a call; every file is old or new, and the same command finishes the run.
    fn killed(&self, tally: &mut Tally, (number, digest): (usize, &str)) {
        let (folder, copy) = (self.fresh("fleet"), self.place.aside("fleet-copy"));
        let run = trace::run(Self::command(&folder), Fault::Kill(number)).unwrap();
        Place::copy_at(&folder, &copy);
        for file in Self::FILES {
            let name = format!("call {number}, {file}");
            let (original, copy) = (folder.join(file), copy.join(file));
            let said = Output { stdout: Self::about(file, &run.output), ..run.output.clone() };
            tally.count(&name, self.expected.judge_copy(&original, &copy, &said));
        }
        let again = Self::digest(&Self::command(&folder).output().unwrap());
        let same = again.and_then(|it| if it == digest { Ok(()) } else { Err(it) });
        tally.again(&format!("call {number}"), same);
    }
}

#[test]
fn a_kill_before_any_system_call_of_a_run_over_some_files_leaves_each_old_or_new() {
    if !trace::is_possible() {
        return skip("tracing");
    }
    let starts: &[Start] = if long() { &Start::ALL } else { &[Start::WalFrames] };
    for start in starts {
        let place = Place::with(Place::FEW, Job::Migrate, *start);
        let fleet = Fleet { expected: Expected::learn(&place), place };
        let folder = fleet.fresh("fleet");
        let run = trace::run(Fleet::command(&folder), Fault::None).unwrap();
        let digest = Fleet::digest(&run.output).unwrap();
        let mut tally =
            Tally::new(format!("killed before a call, --all on three files, {start:?}"));
        for number in (1..=run.calls.len()).step_by(if long() { 1 } else { run.calls.len() / 15 }) {
            fleet.killed(&mut tally, (number, &digest));
        }
        tally.expect_green();
    }
}
