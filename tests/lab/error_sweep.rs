//! An error at every operation of a job, once or for ever.

use std::collections::BTreeMap;

use phaseshift::DatabaseState;

use support::lab::disk::{Change, Disk, Failure, Fault, Lasting, Operation};
use support::lab::jobs::{Job, JobReport};
use support::lab::power::{Model, Numbers, cut};
use support::lab::scene::Scene;
use support::lab::seen::Seen;
use support::lab::tally::{Tally, long};
use support::lab::verdict::{Expected, Which};

/// Of so many cases one is run again in the short form.
const RERUNS: u64 = 15;

/// Of so many operations one fails for ever in the short form.
const FOR_EVER: usize = 5;

/// Of so many operations one fails once in the short form, others from every start; a full disk fails all of the few
/// that need space.
const ONCE: usize = 2;

/// How many power cuts follow on each job that says, in spite of an error, that it is done.
const CUTS: u64 = 3;

/// One job on one disk, every operation of which fails once.
pub struct ErrorSweep<'a> {
    pub disk: &'a Disk,
    pub scene: &'a Scene,
    pub job: &'a Job,
    pub failure: Failure,
    pub lasting: Lasting,
}

impl ErrorSweep<'_> {
    pub fn run(&self) -> Tally {
        let Self { failure, lasting, .. } = self;
        let job = self.job.name();
        let name = format!("{failure:?} {lasting:?}, {job}, {}", self.scene.name);
        let mut tally = Tally::new(name);
        let expected = Expected::learn(self.disk, &self.scene.image, self.job);
        let mut seen = Seen::new(self.disk, self.job, &expected);
        let mut fired: BTreeMap<Operation, usize> = BTreeMap::new();
        let (mut said_done, mut said_unknown) = (0, 0);
        let step = self.step();
        let first = 1 + (self.scene.name.len() % step) as u64;
        for at in (first..).step_by(step) {
            let (result, operation) = self.attempt(at);
            let Some(operation) = operation else { break };
            *fired.entry(operation).or_default() += 1;
            said_done += usize::from(result.is_ok());
            let unknown = |error: &phaseshift::Error| error.state() == DatabaseState::Unknown;
            said_unknown += usize::from(result.as_ref().is_err_and(unknown));
            let place = || format!("{operation:?} at {at}");
            let image = self.disk.image();
            let outcome = self.judge(&expected, &mut seen, &result);
            let good = outcome.is_ok();
            tally.count(place, outcome);
            if good
                && (long() || at % RERUNS == 0)
                && let Some(outcome) = seen.run_again(&image)
            {
                tally.rerun(place, outcome);
            }
        }
        let disks = seen.disks();
        tally.more = format!(
            ", {disks} different disks, {said_done} done all the same, {said_unknown} unknown, {fired:?}"
        );
        tally
    }

    /// Of so many operations one fails.
    fn step(&self) -> usize {
        match (self.lasting, self.failure) {
            _ if long() => 1,
            (Lasting::ForEver, _) => FOR_EVER,
            (Lasting::Once, Failure::Broken) => ONCE,
            (Lasting::Once, Failure::Full | Failure::Taken | Failure::Missing) => 1,
        }
    }

    fn attempt(&self, at: u64) -> (phaseshift::Result<JobReport>, Option<Operation>) {
        self.disk.load(&self.scene.image);
        self.disk.fail(Fault { at, lasting: self.lasting, failure: self.failure });
        let result = self.job.run(self.disk);
        (result, self.disk.repair())
    }

    /// The program has ended; the disk is as it left it.
    fn judge(
        &self,
        expected: &Expected,
        seen: &mut Seen<'_>,
        result: &phaseshift::Result<JobReport>,
    ) -> Result<Which, String> {
        let (log, image) = (self.disk.log(), self.disk.image());
        if let Some(path) = self.disk.state().lost_locks.first() {
            return Err(format!("{path} was read by an ordinary handle while it was open"));
        }
        let findings = seen.judge(&image)?;
        expected.hold_against(&findings, &log)?;
        expected.hold_result(&findings, result)?;
        let unknown = result.as_ref().is_err_and(|it| it.state() == DatabaseState::Unknown);
        if unknown && self.lasting == Lasting::Once {
            return Err(format!("{:?}, but said to be unknown", findings.which));
        }
        if matches!(result, Ok(JobReport::Done { follow_up: None })) {
            self.cut_power(expected, seen, &log)?;
        }
        Ok(findings.which)
    }

    /// What was said to be done without any reservation outlasts a power cut.
    fn cut_power(
        &self,
        expected: &Expected,
        seen: &mut Seen<'_>,
        log: &[Change],
    ) -> Result<(), String> {
        for variant in 0..CUTS {
            let mut numbers = Numbers::new(variant);
            let image = cut(&self.scene.image, log, Model::Adversary, &mut numbers);
            let findings = seen.judge(&image)?;
            let kept = expected.hold_against(&findings, log);
            kept.map_err(|why| format!("then a power cut, variant {variant}: {why}"))?;
        }
        Ok(())
    }
}
