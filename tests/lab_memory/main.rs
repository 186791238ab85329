//! The fault lab for memory: every allocation of SQLite fails, and the verdict is that of the disk.
//!
//! It stands on tests/support/lab. See tests/README.md.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};

mod allocator;

use phaseshift::event::{Event, Stage};
use support::lab::disk::Disk;
use support::lab::jobs::{self, Job, JobReport};
use support::lab::scene::{Scene, Start};
use support::lab::seen::Seen;
use support::lab::tally::{Tally, long};
use support::lab::verdict::{Expected, Which};

const SESSIONS: u32 = 6;

/// How many allocations of a job fail in the short form; all of them in the long one.
const CASES: u64 = 160;

/// Of so many allocations one is the first of those that fail for ever, in the long form.
const LONG_FOR_EVER: usize = 5;

/// Of so many cases one is run again in the short form.
const RERUNS: u64 = 10;

type Result<T> = std::result::Result<T, String>;

/// Lets an allocation fail during a job; `None` if it has fewer.
fn attempt(
    disk: &Disk,
    scene: &Scene,
    job: &Job,
    (at, for_ever): (u64, bool),
) -> Option<Result<phaseshift::Result<JobReport>>> {
    disk.load(&scene.image);
    allocator::fail(at, for_ever);
    let result = catch_unwind(AssertUnwindSafe(|| job.run(disk)));
    allocator::repair()?;
    Some(result.map_err(|_| "the program panicked".to_owned()))
}

fn judge(
    disk: &Disk,
    expected: &Expected,
    seen: &mut Seen<'_>,
    result: &phaseshift::Result<JobReport>,
) -> Result<Which> {
    let (log, image) = (disk.log(), disk.image());
    let findings = seen.judge(&image)?;
    expected.hold_against(&findings, &log)?;
    expected.hold_result(&findings, result)?;
    Ok(findings.which)
}

fn sweep(disk: &Disk, scene: &Scene, job: &Job, for_ever: bool) -> Tally {
    let lasting = if for_ever { "for ever" } else { "once" };
    let name = format!("no memory {lasting}, {}, {}", job.name(), scene.name);
    let mut tally = Tally::new(name);
    let expected = Expected::learn(disk, &scene.image, job);
    disk.load(&scene.image);
    allocator::fail(u64::MAX - 1, false);
    job.run(disk).map_err(|error| jobs::words(&error)).unwrap();
    let all = allocator::count();
    let step = match (long(), for_ever) {
        (true, false) => 1,
        (true, true) => LONG_FOR_EVER,
        (false, _) => usize::try_from(all / CASES + 1).unwrap(),
    };
    let mut seen = Seen::new(disk, job, &expected);
    for at in (1..=all).step_by(step) {
        let Some(result) = attempt(disk, scene, job, (at, for_ever)) else { break };
        let image = disk.image();
        let outcome = result.and_then(|result| judge(disk, &expected, &mut seen, &result));
        let good = outcome.is_ok();
        tally.count(|| format!("allocation {at}"), outcome);
        // In the short form, one of so many.
        if good
            && (long() || (tally.cases as u64).is_multiple_of(RERUNS))
            && let Some(outcome) = seen.run_again(&image)
        {
            tally.rerun(|| format!("allocation {at}"), outcome);
        }
    }
    tally.more = format!(", {all} allocations, {} different disks", seen.disks());
    tally
}

/// How many allocations after the copy of a restore fail, one by one, in any form.
const AFTER_THE_COPY: u64 = 60;

/// Once, memory that ran out right after a restore in WAL mode was committed made it be said that
/// nothing was changed.
fn after_the_copy(disk: &Disk) -> Tally {
    let scene = Scene::new(disk, Start::WalFrames, SESSIONS);
    let (scene, backup) = scene.with_older_backup(disk, SESSIONS / 2);
    let job = Job::Restore(backup.clone());
    let mut tally = Tally::new("no memory right after the copy of a restore");
    let expected = Expected::learn(disk, &scene.image, &job);
    disk.load(&scene.image);
    allocator::fail(u64::MAX - 1, false);
    let mut copied = 0;
    let mut observer = |event: &Event| {
        if matches!(event, Event::Progress { stage: Stage::Restore, .. }) {
            copied = allocator::count();
        }
    };
    jobs::restore_observed(disk, &backup, &mut observer).unwrap();
    let mut seen = Seen::new(disk, &job, &expected);
    for at in copied + 1..=copied + AFTER_THE_COPY {
        let Some(result) = attempt(disk, &scene, &job, (at, false)) else { break };
        let outcome = result.and_then(|result| judge(disk, &expected, &mut seen, &result));
        tally.count(|| format!("allocation {at}"), outcome);
    }
    tally
}

#[test]
fn a_failed_allocation_leaves_old_or_new_and_is_never_silent() {
    allocator::install();
    let disk = Disk::new("memory");
    after_the_copy(&disk).expect_green();
    for start in [Start::Clean, Start::WalFrames] {
        let scene = Scene::new(&disk, start, SESSIONS);
        let spread = scene.clone().with_free_pages(&disk);
        let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
        let migrate = Job::Migrate(scene.chain.clone().into());
        for (scene, job) in [
            (&scene, migrate),
            (&scene, Job::Backup),
            (&scene, Job::Restore(backup)),
            (&spread, Job::Optimize),
        ] {
            for for_ever in [false, true] {
                sweep(&disk, scene, &job, for_ever).expect_green();
            }
        }
    }
}
