//! Free space that running files have claimed.
//!
//! Each file's run checks that there is space for it, but several that check at the same time see the same free bytes.
//! So a run claims what it needs first. What does not fit beside the others waits until they are done: what they have
//! written by then counts twice, which errs on the side of waiting.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{ErrorKind, Result};
use crate::event::Interrupt;
use crate::files::Files;
use crate::preflight::{SpaceNeed, check_space};

/// How often free space is looked at again, besides when a run ends: other programs free some, too.
const AGAIN: Duration = Duration::from_millis(200);

/// The space on each device that running files have claimed.
#[derive(Debug)]
pub struct Reservations {
    files: Arc<dyn Files>,
    taken: Mutex<BTreeMap<u64, u64>>,
    freed: Condvar,
}

/// A claim, given back when it is dropped.
#[derive(Debug)]
#[must_use = "the space is given back when it is dropped"]
pub struct Reservation<'r> {
    of: &'r Reservations,
    claims: [(u64, u64); 2],
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for (device, bytes) in self.claims {
            let place = taken.entry(device).or_default();
            *place = place.saturating_sub(bytes);
        }
        drop(taken);
        self.of.freed.notify_all();
    }
}

impl Reservations {
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self { files, taken: Mutex::default(), freed: Condvar::new() }
    }

    /// Claims the space for a run on a database, and waits for it while other claims stand in its way.
    ///
    /// # Errors
    /// [`ErrorKind::NoSpace`] if it is not there even without the other claims; [`ErrorKind::Interrupted`];
    /// [`ErrorKind::Io`].
    pub fn claim(
        &self,
        (database, backups): (&Path, &Path),
        need: SpaceNeed,
        interrupt: &Interrupt,
    ) -> Result<Reservation<'_>> {
        let files = self.files.as_ref();
        let (home, folder) = (device(files, database), device(files, backups));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            interrupt.check()?;
            let of = |device: u64| taken.get(&device).copied().unwrap_or(0);
            // On one device both needs are added up.
            let beside = if home == folder { 0 } else { of(folder) };
            let all = SpaceNeed {
                backup: need.backup.saturating_add(beside),
                database: need.database.saturating_add(of(home)),
            };
            let in_the_way = of(home) + beside > 0;
            match check_space(files, database, backups, all) {
                Ok(()) => break,
                Err(error) if error.kind() != ErrorKind::NoSpace || !in_the_way => {
                    return Err(error);
                }
                Err(_) => {}
            }
            let waited = self.freed.wait_timeout(taken, AGAIN);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let claims = [(home, need.database), (folder, need.backup)];
        for (device, bytes) in claims {
            let place = taken.entry(device).or_default();
            *place = place.saturating_add(bytes);
        }
        Ok(Reservation { of: self, claims })
    }
}

/// The device of a path, or of the nearest folder above it that exists.
fn device(files: &dyn Files, path: &Path) -> u64 {
    let stat = |it: &Path| files.stat(it).ok().flatten();
    path.ancestors().find_map(stat).map_or(0, |stat| stat.device)
}
