//! The program is killed, and its system calls fail.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::calls::{changes, is_about_files, name};
use crate::place::{Job, Place, Start};
use crate::tally::{Tally, long, skip};
use crate::trace::{self, Call, Fault};
use crate::verdict::Expected;

/// How many programs run beside each other, each in a folder of its own.
const WORKERS: usize = 2;

/// The errors that calls answer with.
const ERRORS: [(i32, &str); 2] = [(libc::EIO, "EIO"), (libc::ENOSPC, "ENOSPC")];

/// Of so many calls that only look at files, one fails for ever, too.
const LASTING: usize = 10;

/// How many runs count the calls: two threads do not always make the same number of them.
const COUNTS: usize = 3;

/// Which configurations are tried: in the short form those that differ most.
fn configurations() -> Vec<(Job, Start)> {
    if long() {
        let jobs = [Job::Migrate, Job::Backup, Job::Restore];
        return jobs.into_iter().flat_map(|job| Start::ALL.map(|start| (job, start))).collect();
    }
    vec![
        (Job::Migrate, Start::Clean),
        (Job::Migrate, Start::WalFrames),
        (Job::Restore, Start::Clean),
    ]
}

/// One configuration, and what is right in it.
struct Sweep {
    place: Place,
    expected: Expected,
    tally: Mutex<Tally>,
    /// One in so many cases is run again.
    again: usize,
}

impl Sweep {
    fn new(title: &str, (job, start): (Job, Start)) -> Self {
        let place = Place::new(job, start);
        let expected = Expected::learn(&place);
        let tally = Mutex::new(Tally::new(format!("{title}, {job:?}, {start:?}")));
        Self { place, expected, tally, again: if long() { 1 } else { 5 } }
    }

    /// The system calls of the job, in the longest of some runs.
    fn calls(&self) -> Vec<Call> {
        let folder = self.place.fresh();
        let count = |_| {
            self.place.fresh_at(&folder);
            let run = trace::run(self.place.command(&folder), Fault::None).unwrap();
            assert!(run.output.status.success(), "{:?}", run.output);
            run.calls
        };
        (0..COUNTS).map(count).max_by_key(Vec::len).unwrap_or_default()
    }

    /// Tries all faults, some beside each other.
    fn all(&self, faults: &[(String, Fault)]) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let next = &next;
                scope.spawn(move || {
                    while let Some((name, fault)) = faults.get(next.fetch_add(1, Ordering::SeqCst))
                    {
                        self.case(worker, name, *fault);
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
        // The judge opens the database, which repairs it; the next run has to do so by itself.
        let copy = self.place.aside(&format!("copy-{worker}"));
        Place::copy_at(&folder, &copy);
        let outcome = self.expected.judge_copy(&folder, &copy, &run.output);
        let good = outcome.is_ok();
        let number = {
            let mut tally = self.tally.lock().unwrap();
            if run.happened {
                tally.count(name, outcome)
            } else {
                tally.miss(name, outcome)
            }
            tally.cases
        };
        if good && number.is_multiple_of(self.again) {
            let outcome = self.expected.again(&self.place, &folder);
            self.tally.lock().unwrap().again(name, outcome);
        }
        run.happened
    }

    fn end(self) {
        self.tally.into_inner().unwrap().expect_green();
    }
}

#[test]
fn a_kill_before_any_system_call_leaves_old_or_new() {
    if !trace::is_possible() {
        return skip("tracing");
    }
    for configuration in configurations() {
        let sweep = Sweep::new("killed before a call", configuration);
        let calls = sweep.calls();
        let kill = |(before, call): (usize, &Call)| {
            (format!("call {} ({})", before + 1, name(*call)), Fault::Kill(before + 1))
        };
        let all = calls.iter().enumerate().filter(|(_, call)| long() || changes(**call));
        let faults: Vec<_> = all.step_by(if long() { 1 } else { 4 }).map(kill).collect();
        sweep.all(&faults);
        if long() {
            // To the end, also of runs that make more calls than were counted.
            let mut number = calls.len();
            let mut ended = 0;
            while ended < COUNTS {
                number += 1;
                ended +=
                    usize::from(!sweep.case(0, &format!("call {number}"), Fault::Kill(number)));
            }
        }
        sweep.end();
    }
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
fn errors(calls: &[Call]) -> Vec<(String, Fault)> {
    let mut faults = Vec::new();
    for (position, (call, number)) in failing(calls).into_iter().enumerate() {
        let lasting = changes(call) || position.is_multiple_of(LASTING);
        let errors = if changes(call) { &ERRORS[..] } else { &ERRORS[..1] };
        for &(error, word) in errors {
            let mut add = |for_ever, until| {
                let title = format!("{word} at {} {number}{until}", name(call));
                faults.push((title, Fault::Fail { call, number, error, for_ever }));
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
fn an_error_of_any_system_call_is_never_silent() {
    if !trace::is_possible() {
        return skip("tracing");
    }
    for configuration in configurations() {
        let mut sweep = Sweep::new("errors of calls", configuration);
        if long() {
            sweep.again = 10;
        }
        let faults = errors(&sweep.calls());
        let faults: Vec<_> = faults.into_iter().step_by(if long() { 1 } else { 33 }).collect();
        sweep.all(&faults);
        sweep.end();
    }
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
