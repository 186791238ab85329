//! How far a single piece of work has come, where no observer is at hand: inside a statement of SQLite, or
//! while another thread is waited for.
//!
//! SQLite calls back every few steps of its virtual machine
//! (<https://sqlite.org/c3ref/progress_handler.html>), with nothing but the thread to tell what it is about.
//! So what is being done stands beside the thread, as does who wants to know.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::{Event, Stage};

/// The shortest time between two tellings.
const PAUSE: Duration = Duration::from_millis(33);

/// Where a count never stops: what is estimated may take longer than it seemed.
const NEARLY: f64 = 0.99;

type Listener = Box<dyn FnMut(&Event)>;

struct Meter {
    stage: Stage,
    subject: String,
    total: u64,
    /// Steps of the virtual machine that the work is expected to take.
    expected: u64,
    steps: u64,
    reported: Instant,
}

impl Meter {
    /// Scales the steps to what is counted for the person.
    fn done(&self) -> u64 {
        let share = (self.steps as f64 / self.expected.max(1) as f64).min(NEARLY);
        (share * self.total as f64) as u64
    }
}

thread_local! {
    static METERS: RefCell<Vec<Meter>> = const { RefCell::new(Vec::new()) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Keeps a listener for progress inside statements of this thread, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct ProgressListener(());

impl Drop for ProgressListener {
    fn drop(&mut self) {
        LISTENER.take();
    }
}

/// Calls a listener with [`Event::Progress`], on this thread, while a single statement or another thread
/// works for a long time; at most thirty times a second. The last number of a statement is not reported.
pub fn listen_to_progress(listener: impl FnMut(&Event) + 'static) -> ProgressListener {
    LISTENER.set(Some(Box::new(listener)));
    ProgressListener(())
}

/// Measures what is done in a closure: `total` units, which `expected` steps of SQLite's virtual machine will do.
pub(crate) fn track_progress<T>(
    (stage, subject): (Stage, &str),
    (total, expected): (u64, u64),
    work: impl FnOnce() -> T,
) -> T {
    struct Scope;
    impl Drop for Scope {
        fn drop(&mut self) {
            METERS.with_borrow_mut(|meters| drop(meters.pop()));
        }
    }
    let (subject, reported) = (subject.to_owned(), Instant::now());
    let meter = Meter { stage, subject, total, expected, steps: 0, reported };
    METERS.with_borrow_mut(|meters| meters.push(meter));
    let _scope = Scope;
    work()
}

/// Does something of which no progress is reported.
pub(crate) fn without_progress<T>(work: impl FnOnce() -> T) -> T {
    let listener = LISTENER.take();
    let done = work();
    LISTENER.set(listener);
    done
}

/// Notes steps of the virtual machine; called from SQLite's progress handler.
pub(crate) fn ticked(steps: u64) {
    tell_of(|meter| {
        meter.steps += steps;
        meter.done()
    });
}

/// Notes how many of the units are done, where they are counted and not estimated.
pub(crate) fn reached(done: u64) {
    tell_of(|meter| done.min(meter.total));
}

/// Tells where the innermost piece of work is, unless that was reported just before.
fn tell_of(done: impl FnOnce(&mut Meter) -> u64) {
    let event = METERS.with_borrow_mut(|meters| {
        let meter = meters.last_mut()?;
        let done = done(meter);
        if meter.reported.elapsed() < PAUSE {
            return None;
        }
        meter.reported = Instant::now();
        let (stage, subject, total) = (meter.stage, meter.subject.clone(), meter.total);
        Some(Event::Progress { stage, subject, done, total })
    });
    if let Some(event) = event {
        tell(&event);
    }
}

/// Tells the listener of this thread, if there is one.
pub(crate) fn tell(event: &Event) {
    // Taken out while it is called, so that what it does may be measured, too.
    if let Some(mut listener) = LISTENER.take() {
        listener(event);
        LISTENER.with_borrow_mut(|place| {
            place.get_or_insert(listener);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn steps_become_units_and_never_reach_the_end() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        let listener = listen_to_progress(move |event| {
            if let Event::Progress { done, total, .. } = event {
                into.borrow_mut().push((*done, *total));
            }
        });
        ticked(1_000);
        track_progress((Stage::Copy, "t"), (100, 10_000), || {
            for _ in 0..3 {
                std::thread::sleep(PAUSE);
                ticked(5_000);
            }
        });
        std::thread::sleep(PAUSE);
        ticked(1_000);
        drop(listener);
        assert_eq!(*seen.borrow(), [(50, 100), (99, 100), (99, 100)]);
    }
}
