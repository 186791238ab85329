//! The request to stop, which another thread makes and the engine obeys.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{Error, ErrorKind, Result};

/// Called when a stop is asked for, on the thread that asks.
pub type Waker = dyn Fn() + Send + Sync;

/// A request to stop, shared between a signal handler and the engine.
///
/// Loops of the engine look at it ([`Interrupt::check`]); statements of SQLite are stopped through the wakers
/// of their connections.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    requested: AtomicBool,
    wakers: Mutex<Vec<Weak<Waker>>>,
}

thread_local! {
    static CURRENT: RefCell<Interrupt> = RefCell::default();
}

impl Interrupt {
    /// Makes this the request that stops the statements of in-memory databases on this thread. They are opened
    /// deep inside the planning, where no options are at hand.
    pub fn make_current(&self) {
        CURRENT.set(self.clone());
    }

    /// Returns the request that was last made current on this thread.
    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// Asks the engine to stop at the next safe point and roll back.
    ///
    /// Not for a signal handler proper, which must not lock: for a thread that waits for signals.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        let wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wakers.iter().filter_map(Weak::upgrade).for_each(|waker| waker());
    }

    /// Returns whether a stop was asked for.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Fails if a stop was asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.requested() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(())
    }

    /// Calls a function at the next request, for as long as the returned value is kept.
    pub fn on_request(&self, waker: &Arc<Waker>) {
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.retain(|it| it.strong_count() > 0);
        wakers.push(Arc::downgrade(waker));
    }
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Interrupt").field(&self.requested()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_waker_is_called_while_it_is_kept() {
        let (interrupt, calls) = (Interrupt::default(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&calls);
        let waker: Arc<Waker> = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        interrupt.on_request(&waker);
        interrupt.request();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(interrupt.check().is_err());
        drop(waker);
        interrupt.request();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
