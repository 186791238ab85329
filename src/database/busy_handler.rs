//! Waiting for other programs' locks, for as long as was asked, or until an interrupt.
//!
//! SQLite's own busy timeout sleeps on when a stop is asked for. A busy handler of ours cannot carry
//! values (it is a plain function), so what it needs stands beside the thread that waits: the
//! connections of a run belong to one thread and share their options.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::Result;
use crate::event::Interrupt;

/// How long to sleep before a lock is tried again. A program that writes without a pause leaves the lock free for
/// less than a millisecond at a time, which rare tries keep missing.
const NAP: Duration = Duration::from_micros(500);

struct Wait {
    wait: Duration,
    interrupt: Interrupt,
    since: Instant,
    reported: bool,
}

/// How long a wait lasts before anybody hears of it.
const QUIET: Duration = Duration::from_millis(250);

type Listener = Box<dyn FnMut()>;

thread_local! {
    static WAIT: RefCell<Option<Wait>> = const { RefCell::new(None) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Keeps a listener for waits of this thread, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct WaitListener(());

impl Drop for WaitListener {
    fn drop(&mut self) {
        LISTENER.take();
    }
}

/// Calls a listener whenever the engine, on this thread, has waited a quarter of a second for
/// another program to release a file; once for each wait.
///
/// A wait can begin inside any statement, where no observer is at hand; operations that wait in a
/// loop of their own tell their observer ([`Event::Waiting`](crate::event::Event::Waiting)).
pub fn listen_to_waits(listener: impl FnMut() + 'static) -> WaitListener {
    LISTENER.set(Some(Box::new(listener)));
    WaitListener(())
}

fn tell() {
    // Taken out while it is called: what it does may wait, too.
    if let Some(mut listener) = LISTENER.take() {
        listener();
        LISTENER.set(Some(listener));
    }
}

/// Lets a connection wait for locks up to a time, on the thread that calls.
pub(super) fn install(
    connection: &mut Connection,
    wait: Duration,
    interrupt: &Interrupt,
) -> Result<()> {
    WAIT.with_borrow_mut(|current| {
        let (interrupt, since) = (interrupt.clone(), Instant::now());
        *current = Some(Wait { wait, interrupt, since, reported: false });
    });
    Ok(connection.busy_handler(Some(wait_once))?)
}

/// Called for the `count`-th time in a row for one lock; tells whether to try again.
fn wait_once(count: i32) -> bool {
    let nap = WAIT.with_borrow_mut(|current| {
        let current = current.as_mut()?;
        if count == 0 {
            (current.since, current.reported) = (Instant::now(), false);
        }
        let waited = current.since.elapsed();
        if current.interrupt.requested() || waited >= current.wait {
            return None;
        }
        let tells = waited >= QUIET && !current.reported;
        current.reported |= tells;
        Some((NAP.min(current.wait), tells))
    });
    let Some((nap, tells)) = nap else { return false };
    if tells {
        tell();
    }
    std::thread::sleep(nap);
    true
}
