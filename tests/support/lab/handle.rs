//! A file that SQLite has open on the simulated disk: what each call does, in safe code.

use std::ops::Range;

use crate::lab::disk::{Change, Content, Deaf, Disk, Failure, NodeId, Operation, parent};
use crate::lab::locks::{FileLocks, HandleId, Level, SharedMemory, SlotAction};

/// What SQLite opens a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Database,
    /// A rollback journal or WAL; the folder is synced with its first sync, as the unix VFS does.
    Journal {
        new: bool,
    },
    /// Anything temporary: it fails like other files, but no power cut brings it back.
    Temporary,
}

/// An open file.
#[derive(Debug)]
pub struct Handle {
    pub disk: Disk,
    node: NodeId,
    id: HandleId,
    path: String,
    role: Role,
    level: Level,
}

/// How a file is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    pub role: Role,
    pub create: bool,
    pub exclusive: bool,
}

impl Handle {
    pub fn open(disk: &Disk, path: Option<&str>, how: Opening) -> Result<Self, Failure> {
        let mut state = disk.state();
        state.attempt(Operation::Open)?;
        let (node, path) = match path.filter(|_| how.role != Role::Temporary) {
            None => (state.create_unnamed(), String::new()),
            Some(path) => {
                let node = match state.names.get(path).copied() {
                    Some(_) if how.create && how.exclusive => return Err(Failure::Taken),
                    Some(node) => node,
                    None if how.create => state.create(path, false)?,
                    None => return Err(Failure::Missing),
                };
                (node, path.to_owned())
            }
        };
        let id = state.new_handle();
        if how.role == Role::Database
            && let Some(found) = state.nodes.get_mut(&node)
        {
            found.databases.insert(id);
        }
        drop(state);
        Ok(Self { disk: disk.clone(), node, id, path, role: how.role, level: Level::None })
    }

    pub fn close(&mut self) {
        self.unlock(Level::None);
        let mut state = self.disk.state();
        if let Some(node) = state.nodes.get_mut(&self.node) {
            node.databases.remove(&self.id);
        }
    }

    /// Reads into a buffer and returns how many bytes there were; the rest is zero.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<usize, Failure> {
        let mut state = self.disk.state();
        state.attempt(Operation::Read)?;
        let bytes = state.bytes(self.node);
        let have = bytes.len().saturating_sub(offset).min(buffer.len());
        buffer[..have].copy_from_slice(&bytes[offset.min(bytes.len())..][..have]);
        buffer[have..].fill(0);
        Ok(have)
    }

    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        let mut state = self.disk.state();
        if self.role == Role::Database
            && let Some(node) = state.deferred.take()
        {
            state.record(Change::Sync { node });
        }
        let place = state.log.len();
        let written = state.write(self.node, offset, bytes);
        if self.role == Role::Temporary {
            // No power cut brings it back.
            state.log.truncate(place);
        }
        written
    }

    pub fn resize(&self, size: usize) -> Result<(), Failure> {
        let mut state = self.disk.state();
        state.attempt(Operation::Resize)?;
        state.resize(self.node, size);
        Ok(())
    }

    pub fn sync(&mut self) -> Result<(), SyncFailure> {
        if self.role == Role::Temporary {
            return Ok(());
        }
        let mut state = self.disk.state();
        state.attempt(Operation::Sync).map_err(|_| SyncFailure::File)?;
        let deaf = match state.deaf {
            Deaf::Sync => true,
            Deaf::WalCommit if self.path.ends_with("-wal") => {
                state.deferred = Some(self.node);
                true
            }
            Deaf::WalCommit => false,
            Deaf::No | Deaf::JournalRemoval | Deaf::EngineFolders | Deaf::FirstEngineFolder => {
                false
            }
        };
        if deaf {
            return Ok(());
        }
        state.record(Change::Sync { node: self.node });
        if self.role == (Role::Journal { new: true }) {
            self.role = Role::Journal { new: false };
            state.attempt(Operation::SyncFolder).map_err(|_| SyncFailure::Folder)?;
            state.record(Change::SyncFolder { path: parent(&self.path).to_owned() });
        }
        Ok(())
    }

    pub fn size(&self) -> Result<usize, Failure> {
        let mut state = self.disk.state();
        state.attempt(Operation::Preparation)?;
        Ok(state.bytes(self.node).len())
    }

    /// Raises the lock; `false` if another connection is in the way.
    pub fn lock(&mut self, wanted: Level) -> Result<bool, Failure> {
        if self.level >= wanted {
            return Ok(true);
        }
        if wanted == Level::Shared {
            self.disk.read_begins(&self.path);
        }
        let mut state = self.disk.state();
        state.attempt(Operation::Lock)?;
        let locks = locks(&mut state, self.node);
        self.level = self.level.max(locks.raise(self.id, wanted));
        Ok(self.level >= wanted)
    }

    pub fn unlock(&mut self, level: Level) {
        let mut state = self.disk.state();
        locks(&mut state, self.node).lower(self.id, level);
        self.level = self.level.min(level);
    }

    pub fn is_reserved(&self) -> Result<bool, Failure> {
        let mut state = self.disk.state();
        state.attempt(Operation::Lock)?;
        Ok(locks(&mut state, self.node).is_reserved())
    }

    /// Tells whether the name no longer leads to this file.
    pub fn has_moved(&self) -> bool {
        self.disk.state().names.get(&self.path) != Some(&self.node)
    }

    /// Returns a region of the WAL index. Its file has a name, for programs that look at the
    /// folder, but no content: nobody may use it after the machine stopped.
    pub fn map(&self, number: usize, size: (usize, bool)) -> Result<Option<*mut u64>, Failure> {
        let mut state = self.disk.state();
        state.attempt(Operation::Map)?;
        let name = format!("{}-shm", self.path);
        if !state.names.contains_key(&name) {
            state.create(&name, false)?;
        }
        let node = state.nodes.get_mut(&self.node).expect("an open file");
        let memory = node.shared.get_or_insert_with(SharedMemory::default);
        Ok(memory.region(self.id, number, size))
    }

    pub fn lock_shared(&self, range: Range<usize>, what: SlotAction) -> Result<bool, Failure> {
        if what == SlotAction::Shared {
            self.disk.read_begins(&self.path);
        }
        let mut state = self.disk.state();
        if what != SlotAction::Unlock {
            state.attempt(Operation::Lock)?;
        }
        let node = state.nodes.get_mut(&self.node).expect("an open file");
        let memory = node.shared.get_or_insert_with(SharedMemory::default);
        Ok(memory.lock(self.id, range, what))
    }

    pub fn unmap(&self, delete: bool) {
        let mut state = self.disk.state();
        let node = state.nodes.get_mut(&self.node).expect("an open file");
        if node.shared.as_mut().is_some_and(|memory| memory.leave(self.id)) {
            node.shared = None;
            if delete {
                // As in the unix VFS, nobody hears of a failure.
                let name = format!("{}-shm", self.path);
                let _ = state.remove(&name);
            }
        }
    }
}

/// Which sync failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncFailure {
    File,
    Folder,
}

fn locks(state: &mut crate::lab::disk::State, node: NodeId) -> &mut FileLocks {
    &mut state.nodes.get_mut(&node).expect("an open file").locks
}

/// Removes a file for SQLite, and syncs its folder if that is asked for.
pub fn delete(disk: &Disk, path: &str, sync_folder: bool) -> Result<(), SyncOrRemove> {
    let mut state = disk.state();
    state.attempt(Operation::Remove).map_err(|_| SyncOrRemove::Remove)?;
    state.remove(path).map_err(|_| SyncOrRemove::Missing)?;
    if sync_folder {
        state.attempt(Operation::SyncFolder).map_err(|_| SyncOrRemove::Sync)?;
        if !matches!(state.deaf, Deaf::JournalRemoval | Deaf::Sync) {
            state.record(Change::SyncFolder { path: parent(path).to_owned() });
        }
    }
    Ok(())
}

/// Which part of a removal failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncOrRemove {
    Remove,
    Missing,
    Sync,
}

/// Looks for a file as SQLite does: an empty one does not count when only its existence matters.
pub fn is_there(disk: &Disk, path: &str, existence: bool) -> Result<bool, Failure> {
    let mut state = disk.state();
    state.attempt(Operation::Preparation)?;
    let found = state.names.get(path).and_then(|node| state.nodes.get(node));
    Ok(match found.map(|node| &node.content) {
        Some(Content::File(bytes)) => !existence || !bytes.is_empty(),
        Some(Content::Folder) => true,
        None => false,
    })
}
