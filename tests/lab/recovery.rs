//! A power cut, and then an error in the recovery that follows.

use std::collections::BTreeSet;

use support::lab::content;
use support::lab::database;
use support::lab::disk::{Change, Disk, Failure, Fault, Image, Lasting};
use support::lab::jobs::{Job, words};
use support::lab::power::{Model, Numbers, cut};
use support::lab::scene::{DATABASE, Scene, Start};
use support::lab::seen::{Seen, fingerprint};
use support::lab::tally::{Tally, long};
use support::lab::verdict::{Before, Expected, Which};

const SESSIONS: u32 = 12;

/// One job on one disk, cut off and recovered with errors.
struct Recovery<'a> {
    disk: &'a Disk,
    scene: &'a Scene,
    job: &'a Job,
    expected: Expected,
}

impl<'a> Recovery<'a> {
    fn new(disk: &'a Disk, scene: &'a Scene, job: &'a Job) -> Self {
        let expected = Expected::learn(disk, &scene.image, job);
        Self { disk, scene, job, expected }
    }

    /// The different disks after power cuts, one for every so many operations.
    fn disks(&self, step: usize) -> Vec<(usize, Vec<Change>, Image)> {
        self.disk.load(&self.scene.image);
        self.job.run(self.disk).map_err(|error| words(&error)).unwrap();
        let log = self.disk.log();
        let mut seen = BTreeSet::new();
        let mut disks = Vec::new();
        for moment in (0..=log.len()).step_by(step) {
            let mut numbers = Numbers::new(moment as u64);
            let before = log[..moment].to_vec();
            let image = cut(&self.scene.image, &before, Model::Adversary, &mut numbers);
            if seen.insert(fingerprint(&image).to_hex().to_string()) {
                disks.push((moment, before, image));
            }
        }
        disks
    }

    /// Another program opens the database and meets an error at every operation.
    fn by_opening(&self, lasting: Lasting) -> Tally {
        let name = format!("power cut, then {lasting:?} in the recovery of {}", self.scene.name);
        let mut tally = Tally::new(format!("{name}, {}", self.job.name()));
        let mut known = Seen::new(self.disk, self.job, &self.expected);
        let mut shown = 0;
        for (moment, log, image) in self.disks(if long() { 1 } else { 5 }) {
            for at in 1.. {
                self.disk.load(&image);
                self.disk.fail(Fault { at, lasting, failure: Failure::Broken });
                let seen = database::read(self.disk, DATABASE);
                if self.disk.repair().is_none() {
                    break;
                }
                shown += usize::from(seen.is_ok());
                let outcome = self.right(seen).and_then(|()| self.judge(&mut known, &log));
                tally.count(|| format!("at {moment}, error at {at}"), outcome);
            }
        }
        tally.more = format!(", {shown} read in spite of the error");
        tally
    }

    /// The engine runs again and meets an error, too.
    fn by_running_again(&self) -> Tally {
        let mut tally = Tally::new(format!(
            "power cut, then an error when run again, {}, {}",
            self.job.name(),
            self.scene.name
        ));
        let mut known = Seen::new(self.disk, self.job, &self.expected);
        let (moments, errors) = if long() { (3, 5) } else { (13, 41) };
        for (moment, log, image) in self.disks(moments) {
            for at in (1 + moment as u64 % 7..).step_by(errors) {
                self.disk.load(&image);
                let fault = Fault { at, lasting: Lasting::Once, failure: Failure::Broken };
                self.disk.fail(fault);
                let result = self.job.run(self.disk);
                if self.disk.repair().is_none() {
                    break;
                }
                // Only what was promised before the cut is held against the disk: the job may
                // have been done then, or now.
                let outcome = self.judge(&mut known, &log).and_then(|which| match result {
                    Ok(_) if which == Which::Old => Err("said to be done".to_owned()),
                    Ok(_) | Err(_) => Ok(which),
                });
                tally.count(|| format!("at {moment}, error at {at}"), outcome);
            }
        }
        tally
    }

    /// Even a look that met an error shows no third state.
    fn right(&self, seen: Result<content::Contents, String>) -> Result<(), String> {
        let Ok(seen) = seen else { return Ok(()) };
        let old = matches!(&self.expected.before, Before::Holds(it) if it.digest == seen.digest);
        let right = old || seen.digest == self.expected.after.digest;
        if right { Ok(()) } else { Err("a wrong answer was shown".to_owned()) }
    }

    fn judge(&self, known: &mut Seen<'_>, log: &[Change]) -> Result<Which, String> {
        let findings = known.judge(&self.disk.image())?;
        self.expected.hold_against(&findings, log)?;
        Ok(findings.which)
    }
}

fn recover(start: Start, restores: bool) {
    let disk = Disk::new(&format!("recovery-{start:?}-{restores}"));
    let scene = Scene::new(&disk, start, SESSIONS);
    let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
    let job =
        if restores { Job::Restore(backup) } else { Job::Migrate(scene.chain.clone().into()) };
    let recovery = Recovery::new(&disk, &scene, &job);
    recovery.by_opening(Lasting::Once).expect_green();
    recovery.by_opening(Lasting::ForEver).expect_green();
    recovery.by_running_again().expect_green();
}

#[test]
fn an_error_in_the_recovery_of_a_migration_shows_no_third_state() {
    recover(Start::Clean, false);
    recover(Start::WalFrames, false);
}

#[test]
fn an_error_in_the_recovery_of_a_restore_shows_no_third_state() {
    recover(Start::Clean, true);
    recover(Start::WalFrames, true);
}
