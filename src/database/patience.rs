//! Waiting for other programs' locks, for as long as was asked, and no longer than nobody interrupts.
//!
//! SQLite's own busy timeout sleeps on when a stop is asked for. A busy handler of ours cannot carry
//! values (it is a plain function), so what it needs stands beside the thread that waits: the
//! connections of a run belong to one thread and share their options.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::Result;
use crate::event::Interrupt;

/// How long to sleep before a lock is tried again.
const NAP: Duration = Duration::from_millis(20);

struct Patience {
    wait: Duration,
    interrupt: Interrupt,
    since: Instant,
}

thread_local! {
    static PATIENCE: RefCell<Option<Patience>> = const { RefCell::new(None) };
}

/// Lets a connection wait for locks up to a time, on the thread that calls.
///
/// # Errors
/// Whatever SQLite reports about the handler.
pub(super) fn install(
    connection: &mut Connection,
    wait: Duration,
    interrupt: &Interrupt,
) -> Result<()> {
    PATIENCE.with_borrow_mut(|patience| {
        let (interrupt, since) = (interrupt.clone(), Instant::now());
        *patience = Some(Patience { wait, interrupt, since });
    });
    Ok(connection.busy_handler(Some(wait_once))?)
}

/// Called for the `count`-th time in a row for one lock; tells whether to try again.
fn wait_once(count: i32) -> bool {
    PATIENCE.with_borrow_mut(|patience| {
        let Some(patience) = patience else { return false };
        if count == 0 {
            patience.since = Instant::now();
        }
        if patience.interrupt.requested() || patience.since.elapsed() >= patience.wait {
            return false;
        }
        std::thread::sleep(NAP.min(patience.wait));
        true
    })
}
