//! The program is killed, and its system calls fail.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Job, Place, Start};
use crate::strace::{self, Tampering, calls, is_harmless};
use crate::tally::{Tally, long, skip};
use crate::verdict::Expected;

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

/// Tries a tampering with every call, or in the short form with one in `step` of each name.
fn sweep(title: &str, with: &[(&'static str, &str)], step: usize, only: fn(&str) -> bool) {
    if !strace::is_possible() {
        return skip("strace");
    }
    for (job, start) in configurations() {
        let place = Place::new(job, start);
        let expected = Expected::learn(&place);
        let mut tally = Tally::new(format!("{title}, {job:?}, {start:?}"));
        let mut turn = 0;
        for (name, count) in calls(&place).into_iter().filter(|(name, _)| only(name)) {
            for number in 1..=count {
                for (with, and_after) in with {
                    turn += 1;
                    let step = if long() { 1 } else { step };
                    if !usize::is_multiple_of(turn, step) {
                        continue;
                    }
                    let name = name.clone();
                    let tampering = Tampering { name, with, when: format!("{number}{and_after}") };
                    case(&place, &expected, &tampering, &mut tally);
                }
            }
        }
        tally.expect_green();
    }
}

fn case(place: &Place, expected: &Expected, tampering: &Tampering, tally: &mut Tally) {
    let folder = place.fresh();
    let output = strace::run(place, &folder, tampering);
    let name = tampering.to_string();
    let outcome = expected.judge(&folder, &output);
    let good = outcome.is_ok();
    if tampering.happened(&output) {
        tally.count(&name, outcome);
    } else {
        tally.miss(&name, outcome);
    }
    if good && (long() || tally.cases.is_multiple_of(5)) {
        tally.again(&name, expected.again(place, &folder));
    }
}

#[test]
fn a_kill_before_any_system_call_leaves_old_or_new() {
    let changes = |name: &str| long() || !is_harmless(name);
    sweep("killed before a call", &[("signal=KILL", "")], 4, changes);
}

#[test]
fn an_error_of_any_system_call_is_never_silent() {
    let errors =
        [("error=EIO", ""), ("error=EIO", "+"), ("error=ENOSPC", ""), ("error=ENOSPC", "+")];
    // What the loader and the runtime do before main() is not ours.
    let files = |name: &str| {
        let outside = ["close", "write", "read", "poll", "lseek", "fcntl", "newfstatat", "statx"];
        !is_harmless(name) && !outside.contains(&name) || matches!(name, "pread64")
    };
    sweep("errors of calls", &errors, 33, files);
}

/// Kills the program after a time; the output of a killed program tells nothing.
fn run_and_kill(place: &Place, folder: &std::path::Path, after: Duration) -> Output {
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
