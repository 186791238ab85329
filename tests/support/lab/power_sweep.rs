//! A power cut at every operation of a job: the job runs once, the cuts are made in the record.

use crate::lab::disk::{Change, Deaf, Disk};
use crate::lab::jobs::Job;
use crate::lab::power::{Model, Numbers, Replay};
use crate::lab::scene::Scene;
use crate::lab::seen::Seen;
use crate::lab::tally::{Tally, long};
use crate::lab::verdict::Expected;

/// On how many disks of each moment and model the job is run again in the long form.
const LONG_RERUNS: u64 = 10;

/// One job on one disk, whose power is cut everywhere.
pub struct PowerSweep<'a> {
    pub disk: &'a Disk,
    pub scene: &'a Scene,
    pub job: &'a Job,
    /// How many disks are made of every moment, for the models that lose something.
    pub variants: u64,
    /// What is wrong on purpose.
    pub planted: Planted<'a>,
}

/// A mistake that the sweep has to notice.
#[derive(Debug, Clone, Copy)]
pub enum Planted<'a> {
    Nothing,
    /// The disk does not hear some requests.
    Deaf(Deaf),
    /// This is done instead of the job.
    Instead(&'a Job),
}

impl PowerSweep<'_> {
    /// Cuts everywhere and judges.
    pub fn run(&self) -> Tally {
        let what = match self.planted {
            Planted::Nothing => self.job.name().to_owned(),
            Planted::Deaf(deaf) => format!("{}, deaf to {deaf:?}", self.job.name()),
            Planted::Instead(job) => format!("{} instead of {}", job.name(), self.job.name()),
        };
        let mut tally = Tally::new(format!("power cut, {what}, {}", self.scene.name));
        let expected = Expected::learn(self.disk, &self.scene.image, self.job);
        let log = self.record();
        tally.more = format!(", {} operations", log.len());
        self.cuts(&expected, &log, &mut tally);
        tally
    }

    fn record(&self) -> Vec<Change> {
        self.disk.load(&self.scene.image);
        let job = match self.planted {
            Planted::Nothing => self.job,
            Planted::Deaf(deaf) => {
                self.disk.make_deaf(deaf);
                self.job
            }
            Planted::Instead(job) => job,
        };
        job.run(self.disk).map_err(|error| crate::lab::jobs::words(&error)).unwrap();
        self.disk.log()
    }

    /// Cuts a record everywhere.
    pub fn cuts(&self, expected: &Expected, log: &[Change], tally: &mut Tally) {
        let mut seen = Seen::new(self.disk, self.job, expected);
        for model in Model::ALL {
            let mut replay = Replay::begin(&self.scene.image, model);
            for moment in 0..=log.len() {
                if let Some(change) = moment.checked_sub(1).and_then(|last| log.get(last)) {
                    replay.take(change);
                }
                let variants = if model == Model::Process { 1 } else { self.variants };
                for variant in 0..variants {
                    let image = replay.cut(&mut Numbers::new((moment as u64) << 20 | variant));
                    let place = || format!("{model:?} at {moment}, variant {variant}");
                    let kept = seen.judge(&image).and_then(|found| {
                        expected.hold_against(&found, &log[..moment]).map(|()| found.which)
                    });
                    let good = kept.is_ok();
                    tally.count(place, kept);
                    if good
                        && self.runs_again(model, variant)
                        && let Some(outcome) = seen.run_again(&image)
                    {
                        tally.rerun(place, outcome);
                    }
                }
            }
        }
        tally.more += &format!(", {} different disks", seen.disks());
    }

    /// Tells whether the job is run again on a disk: where nothing was planted, on the first of
    /// each moment, in the long form on some more. Equal disks are run again once.
    fn runs_again(&self, model: Model, variant: u64) -> bool {
        let some = if long() { LONG_RERUNS } else { u64::from(model == Model::Adversary) };
        matches!(self.planted, Planted::Nothing) && variant < some
    }
}

/// Runs a job on the disk as it is, without faults: it must end well and leave the new state.
pub fn finish(disk: &Disk, job: &Job, expected: &Expected) -> Result<(), String> {
    use crate::lab::verdict::Which;
    job.run(disk).map_err(|error| crate::lab::jobs::words(&error))?;
    let log = disk.log();
    if let Some(path) = disk.state().lost_locks.first() {
        return Err(format!("{path} was read by an ordinary handle while it was open"));
    }
    disk.load(&disk.image());
    let findings = expected.judge(disk)?;
    expected.hold_against(&findings, &log)?;
    if findings.which == Which::New || expected.changes_nothing() {
        return Ok(());
    }
    Err("it still is the old state".to_owned())
}
