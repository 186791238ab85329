//! SQLite's locks, between the connections of one simulated machine.
//!
//! The rules are those of <https://sqlite.org/lockingv3.html> and
//! <https://sqlite.org/walformat.html#wal_locks>.

use std::cell::UnsafeCell;
use std::collections::{BTreeMap, BTreeSet};

/// The number of an open file.
pub type HandleId = u64;

/// The level of a lock on a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

/// Who holds which lock on one file.
#[derive(Debug, Default)]
pub struct FileLocks {
    shared: BTreeSet<HandleId>,
    reserved: Option<HandleId>,
    pending: Option<HandleId>,
    exclusive: Option<HandleId>,
}

impl FileLocks {
    /// Raises a lock as far as possible and returns the level reached.
    pub fn raise(&mut self, who: HandleId, wanted: Level) -> Level {
        let others = |holder: Option<HandleId>| holder.is_some_and(|it| it != who);
        match wanted {
            Level::None => Level::None,
            Level::Shared => {
                if others(self.exclusive) || others(self.pending) {
                    return Level::None;
                }
                self.shared.insert(who);
                Level::Shared
            }
            Level::Reserved => {
                if others(self.reserved) {
                    return Level::Shared;
                }
                self.reserved = Some(who);
                Level::Reserved
            }
            Level::Pending | Level::Exclusive => {
                if others(self.reserved) || others(self.pending) {
                    return Level::Shared;
                }
                self.pending = Some(who);
                if self.shared.iter().any(|it| *it != who) {
                    return Level::Pending;
                }
                self.exclusive = Some(who);
                Level::Exclusive
            }
        }
    }

    /// Lowers a lock to shared or to none.
    pub fn lower(&mut self, who: HandleId, level: Level) {
        for holder in [&mut self.reserved, &mut self.pending, &mut self.exclusive] {
            if *holder == Some(who) {
                *holder = None;
            }
        }
        if level == Level::None {
            self.shared.remove(&who);
        }
    }

    pub fn is_reserved(&self) -> bool {
        self.reserved.is_some()
    }
}

/// How many lock bytes a WAL index has.
const SLOTS: usize = 8;

#[derive(Debug, Default)]
struct Slot {
    shared: BTreeSet<HandleId>,
    exclusive: Option<HandleId>,
}

/// What is done to the lock bytes of a WAL index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotAction {
    Unlock,
    Shared,
    Exclusive,
}

/// The WAL index of one database: memory that all connections share, and its locks. It is lost
/// when the machine stops.
#[derive(Debug, Default)]
pub struct SharedMemory {
    regions: Vec<Box<[UnsafeCell<u64>]>>,
    slots: [Slot; SLOTS],
    users: BTreeMap<HandleId, ()>,
}

impl SharedMemory {
    /// Returns a region of so many bytes; `None` if it does not exist and must not be made.
    pub fn region(
        &mut self,
        who: HandleId,
        number: usize,
        (bytes, extend): (usize, bool),
    ) -> Option<*mut u64> {
        self.users.insert(who, ());
        while self.regions.len() <= number {
            if !extend {
                return None;
            }
            let words = bytes.div_ceil(size_of::<u64>());
            self.regions.push((0..words).map(|_| UnsafeCell::new(0)).collect());
        }
        self.regions[number].first().map(UnsafeCell::get)
    }

    /// Takes or gives back lock bytes; `false` if another connection is in the way.
    pub fn lock(&mut self, who: HandleId, range: std::ops::Range<usize>, what: SlotAction) -> bool {
        let slots = &mut self.slots[range];
        let free = |slot: &Slot| match what {
            SlotAction::Unlock => true,
            SlotAction::Shared => slot.exclusive.is_none_or(|it| it == who),
            SlotAction::Exclusive => {
                slot.exclusive.is_none_or(|it| it == who) && slot.shared.iter().all(|it| *it == who)
            }
        };
        if !slots.iter().all(free) {
            return false;
        }
        for slot in slots {
            slot.shared.remove(&who);
            if slot.exclusive == Some(who) {
                slot.exclusive = None;
            }
            match what {
                SlotAction::Unlock => {}
                SlotAction::Shared => {
                    slot.shared.insert(who);
                }
                SlotAction::Exclusive => slot.exclusive = Some(who),
            }
        }
        true
    }

    /// Ends one connection's use; `true` if it was the last.
    pub fn leave(&mut self, who: HandleId) -> bool {
        self.lock(who, 0..SLOTS, SlotAction::Unlock);
        self.users.remove(&who);
        self.users.is_empty()
    }
}
