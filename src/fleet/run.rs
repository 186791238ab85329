//! The workers.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, Builder};

use super::limits::{Limits, Stop};
use super::member::Member;
use crate::event::Interrupt;

/// The stack of a worker: that of a main thread, because the statements of a schema nest as deep.
const STACK: usize = 8 << 20;

/// What an outcome says about the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to stop for.
    Done,
    /// It counts against the limit of failures.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended<'m> {
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
    /// The members that no worker began, in order.
    pub left: &'m [Member],
}

/// What is done to one member, and what the outcome says about the run.
pub type Job<'j, T> = (&'j (dyn Fn(&Member) -> T + Sync), fn(&T) -> Verdict);

/// Gives the members to workers, in order, and hands each outcome to `take` on the thread that calls.
///
/// At most as many outcomes wait as there are workers. After a stop no member is begun, and those that run come to
/// their end: a job looks at the interrupt itself and rolls back.
pub fn run<'m, T: Send>(
    members: &'m [Member],
    limits: &Limits,
    interrupt: &Interrupt,
    job: Job<'_, T>,
    take: &mut dyn FnMut(&'m Member, T),
) -> Ended<'m> {
    let mut begun = 0;
    let canaries = limits.canary.min(members.len());
    let batches = [
        (&members[..canaries], Some(0), Stop::Canary),
        (&members[canaries..], limits.max_failures, Stop::Failures),
    ];
    for (members_of_batch, allowed, why) in batches {
        let batch = Batch {
            members: members_of_batch,
            allowed: allowed.unwrap_or(usize::MAX),
            interrupt,
            job,
            next: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        };
        batch.run(limits.jobs, take);
        begun += batch.next.load(Ordering::SeqCst).min(members_of_batch.len());
        let stop = match batch.failed.load(Ordering::SeqCst) > batch.allowed {
            _ if interrupt.requested() => Some(Stop::Interrupted),
            true => Some(why),
            false => None,
        };
        if stop.is_some() {
            return Ended { stop, left: &members[begun..] };
        }
    }
    Ended { stop: None, left: &[] }
}

/// Members that run under the same limit.
struct Batch<'m, 'j, T> {
    members: &'m [Member],
    /// The number of failures that do not stop the batch.
    allowed: usize,
    interrupt: &'j Interrupt,
    job: Job<'j, T>,
    /// The place of the member that is begun next.
    next: AtomicUsize,
    failed: AtomicUsize,
}

impl<'m, T: Send> Batch<'m, '_, T> {
    fn run(&self, jobs: NonZeroUsize, take: &mut dyn FnMut(&'m Member, T)) {
        let workers = jobs.get().min(self.members.len());
        let (sender, outcomes) = sync_channel(workers.max(1));
        let started = thread::scope(|scope| {
            let mut started = 0;
            for number in 0..workers {
                let sender = sender.clone();
                let name = format!("fleet-{number}");
                let worker = Builder::new().name(name).stack_size(STACK);
                let spawned = worker.spawn_scoped(scope, move || self.work(&sender));
                started += usize::from(spawned.is_ok());
            }
            drop(sender);
            outcomes.iter().for_each(|(member, outcome)| take(member, outcome));
            started
        });
        if started == 0 {
            // No thread could be had: this one does the work.
            while let Some(member) = self.begin() {
                take(member, self.finish(member));
            }
        }
    }

    fn work(&self, outcomes: &SyncSender<(&'m Member, T)>) {
        // In-memory databases that a job opens are stopped through the thread.
        self.interrupt.make_current();
        while let Some(member) = self.begin() {
            if outcomes.send((member, self.finish(member))).is_err() {
                return;
            }
        }
    }

    /// Claims the next member, unless the run stops.
    fn begin(&self) -> Option<&'m Member> {
        if self.interrupt.requested() || self.failed.load(Ordering::SeqCst) > self.allowed {
            return None;
        }
        let place = self.next.fetch_add(1, Ordering::SeqCst);
        self.members.get(place)
    }

    fn finish(&self, member: &Member) -> T {
        let (job, judge) = self.job;
        let outcome = job(member);
        if judge(&outcome) == Verdict::Failed {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    }
}
