//! A disk in memory that records every change, fails on request, and forgets nothing.
//!
//! SQLite reaches it through [`crate::lab::vfs`], the engine's own file steps through [`crate::lab::files`]:
//! both see the same names and bytes. What would be left after a power cut is worked out from the
//! record by [`crate::lab::power`]. Paths outside of [`ROOT`] do not exist and are not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::lab::locks::{FileLocks, HandleId, SharedMemory};

/// The folder that the disk holds.
pub const ROOT: &str = "/lab";

/// More than the size from which on a source is checked early (`backup/create.rs`).
const LARGE: u64 = 64 * 1_024 * 1_024;

/// The number of a file or folder; names are looked up to it.
pub type NodeId = u64;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    File(Arc<Vec<u8>>),
    Folder,
}

/// Everything on a disk, by full path.
pub type Image = BTreeMap<String, Content>;

/// One recorded change, in the order in which it was asked for.
#[derive(Debug, Clone)]
pub enum Change {
    Create {
        path: String,
        node: NodeId,
        folder: bool,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Write {
        node: NodeId,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Resize {
        node: NodeId,
        size: usize,
    },
    Sync {
        node: NodeId,
    },
    SyncFolder {
        path: String,
    },
    /// Something was said to the user.
    Promise(String),
}

/// An operation that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Preparation,
    Open,
    Create,
    Read,
    Write,
    Resize,
    Sync,
    SyncFolder,
    Remove,
    Rename,
    SetAccess,
    Lock,
    Map,
}

impl Operation {
    /// Tells whether a full disk makes it fail.
    const fn needs_space(self) -> bool {
        matches!(self, Self::Create | Self::Write | Self::Map)
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Broken,
    Full,
    Taken,
    Missing,
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken => Self::from_raw_os_error(5),
            Failure::Full => Self::from(io::ErrorKind::StorageFull),
            Failure::Taken => Self::from(io::ErrorKind::AlreadyExists),
            Failure::Missing => Self::from(io::ErrorKind::NotFound),
        }
    }
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    Once,
    ForEver,
}

/// A planned failure of the n-th operation, from 1; a full disk counts only what needs space.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub at: u64,
    pub lasting: Lasting,
    pub failure: Failure,
}

/// Requests that a disk with a planted mistake does not carry out, although it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deaf {
    #[default]
    No,
    /// No sync at all, as with `synchronous=OFF`.
    Sync,
    /// The folder is not synced after SQLite removed a journal, as with `synchronous=FULL`.
    JournalRemoval,
    /// A WAL is not synced at a commit, only before a checkpoint writes pages, as with
    /// `synchronous=NORMAL`.
    WalCommit,
    /// The engine's own folder syncs.
    EngineFolders,
    /// The first of the engine's own folder syncs.
    FirstEngineFolder,
}

/// Whether files of a disk can share blocks, and what a disk with a planted mistake shares instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    #[default]
    No,
    Yes,
    /// The blocks, but for one bit of the last byte.
    Flipped,
    /// The blocks of this file.
    Other(&'static str),
}

/// What another program does to a database just before somebody begins to read it for the n-th time, from 1.
#[derive(Debug, Clone)]
pub struct Meanwhile {
    pub path: &'static str,
    pub at: u64,
    pub sql: &'static str,
    /// How often somebody began to read it so far.
    reads: u64,
    /// Whether the SQL ran, once it was its turn.
    pub done: Option<bool>,
}

impl Meanwhile {
    pub const fn before_read(at: u64, path: &'static str, sql: &'static str) -> Self {
        Self { path, at, sql, reads: 0, done: None }
    }
}

#[derive(Debug)]
pub struct Node {
    pub content: Content,
    pub mode: u32,
    pub locks: FileLocks,
    pub shared: Option<SharedMemory>,
    /// The SQLite connections that have it open as a database.
    pub databases: BTreeSet<HandleId>,
}

#[derive(Debug, Default)]
pub struct State {
    pub names: BTreeMap<String, NodeId>,
    pub nodes: BTreeMap<NodeId, Node>,
    next_node: NodeId,
    next_handle: HandleId,
    pub log: Vec<Change>,
    recording: bool,
    fault: Option<Fault>,
    pub operations: u64,
    pub fired: Option<Operation>,
    pub deaf: Deaf,
    /// The WAL whose sync a disk that is deaf to [`Deaf::WalCommit`] still owes.
    pub deferred: Option<NodeId>,
    /// Times at which a file was read by an ordinary handle while a connection had it open.
    pub lost_locks: Vec<String>,
    /// Where in the record the checks before a commit began.
    pub checks_began: Option<usize>,
    /// By so many bytes the database looks larger than it is.
    pub pretended: u64,
    pub sharing: Sharing,
    pub meanwhile: Option<Meanwhile>,
    random: u64,
}

/// A handle on the disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    pub vfs: Arc<str>,
}

impl Disk {
    /// Makes a disk with an empty [`ROOT`] and registers it as a VFS of this name.
    pub fn new(vfs: &str) -> Self {
        let disk = Self { state: Arc::default(), vfs: vfs.into() };
        crate::lab::vfs::register(&disk);
        disk.load(&Image::new());
        disk
    }

    /// The same, on which the database looks so large that the engine checks it while its pages are copied: a
    /// disk that really holds so much could not be judged thousands of times.
    pub fn of_large_files(vfs: &str) -> Self {
        let disk = Self::new(vfs);
        disk.state().pretended = LARGE;
        disk
    }

    /// The same, with files that can share blocks.
    pub fn sharing_blocks(vfs: &str, sharing: Sharing) -> Self {
        let disk = Self::new(vfs);
        disk.state().sharing = sharing;
        disk
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere is that test's failure, not this one's.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts the machine with this disk: nothing is open, locked, recorded or planned.
    pub fn load(&self, image: &Image) {
        let mut state = self.state();
        let (random, pretended, sharing) = (state.random, state.pretended, state.sharing);
        *state = State { random, pretended, sharing, ..State::default() };
        state.add(ROOT, Content::Folder);
        for (path, content) in image.iter().filter(|(path, _)| path.as_str() != ROOT) {
            state.add(path, content.clone());
        }
        state.recording = true;
    }

    /// Returns what is on the disk now.
    pub fn image(&self) -> Image {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(path, id)| (path.clone(), state.nodes[id].content.clone()))
            .collect()
    }

    /// Plans a failure and begins to count.
    pub fn fail(&self, fault: Fault) {
        let mut state = self.state();
        (state.fault, state.operations, state.fired) = (Some(fault), 0, None);
    }

    /// Ends the failing, and tells which operation failed first, if any did.
    pub fn repair(&self) -> Option<Operation> {
        let mut state = self.state();
        state.fault = None;
        state.fired
    }

    /// Makes the disk deaf to some requests.
    pub fn make_deaf(&self, deaf: Deaf) {
        self.state().deaf = deaf;
    }

    /// Returns the record since the disk was loaded.
    pub fn log(&self) -> Vec<Change> {
        self.state().log.clone()
    }

    /// Somebody begins to read a database: it may be the turn of the other program.
    pub fn read_begins(&self, path: &str) {
        let mut state = self.state();
        let Some(other) = state.meanwhile.as_mut().filter(|other| other.path == path) else {
            return;
        };
        other.reads += 1;
        if other.reads != other.at || other.done.is_some() {
            return;
        }
        other.done = Some(false);
        let sql = other.sql;
        drop(state);
        let done =
            crate::lab::database::open(self, path).and_then(|it| it.execute_batch(sql)).is_ok();
        if let Some(other) = self.state().meanwhile.as_mut() {
            other.done = Some(done);
        }
    }

    /// Notes that the checks before a commit begin.
    pub fn checks_begin(&self) {
        let mut state = self.state();
        state.checks_began = Some(state.log.len());
    }

    /// Notes that something was said to the user.
    pub fn promise(&self, what: &str) {
        self.state().record(Change::Promise(what.to_owned()));
    }
}

impl State {
    fn add(&mut self, path: &str, content: Content) -> NodeId {
        self.next_node += 1;
        let node = Node {
            content,
            mode: 0o644,
            locks: FileLocks::default(),
            shared: None,
            databases: BTreeSet::new(),
        };
        self.nodes.insert(self.next_node, node);
        self.names.insert(path.to_owned(), self.next_node);
        self.next_node
    }

    pub fn record(&mut self, change: Change) {
        if self.recording {
            self.log.push(change);
        }
    }

    /// Counts an operation and fails it if that is planned.
    pub fn attempt(&mut self, operation: Operation) -> Result<(), Failure> {
        let Some(fault) = self.fault else {
            self.operations += 1;
            return Ok(());
        };
        if fault.failure == Failure::Full && !operation.needs_space() {
            return Ok(());
        }
        self.operations += 1;
        let fails = match fault.lasting {
            Lasting::Once => self.operations == fault.at,
            Lasting::ForEver => self.operations >= fault.at,
        };
        if !fails {
            return Ok(());
        }
        self.fired.get_or_insert(operation);
        Err(fault.failure)
    }

    pub fn new_handle(&mut self) -> HandleId {
        self.next_handle += 1;
        self.next_handle
    }

    /// The next of a fixed row of numbers.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        self.random >> 33
    }

    pub fn bytes(&self, node: NodeId) -> &[u8] {
        match &self.nodes[&node].content {
            Content::File(bytes) => bytes,
            Content::Folder => &[],
        }
    }

    fn bytes_mut(&mut self, node: NodeId) -> &mut Vec<u8> {
        let Some(Node { content: Content::File(bytes), .. }) = self.nodes.get_mut(&node) else {
            panic!("a folder is written to")
        };
        Arc::make_mut(bytes)
    }

    /// Creates a file or folder; the folder it lies in must exist.
    pub fn create(&mut self, path: &str, folder: bool) -> Result<NodeId, Failure> {
        if self.names.contains_key(path) {
            return Err(Failure::Taken);
        }
        if !self.names.contains_key(parent(path)) {
            return Err(Failure::Missing);
        }
        let content = if folder { Content::Folder } else { Content::File(Arc::default()) };
        let node = self.add(path, content);
        self.record(Change::Create { path: path.to_owned(), node, folder });
        Ok(node)
    }

    /// Creates a file without a name, which no power cut brings back.
    pub fn create_unnamed(&mut self) -> NodeId {
        let node = self.add("", Content::File(Arc::default()));
        self.names.remove("");
        node
    }

    pub fn remove(&mut self, path: &str) -> Result<(), Failure> {
        self.names.remove(path).ok_or(Failure::Missing)?;
        self.record(Change::Remove { path: path.to_owned() });
        Ok(())
    }

    /// Renames, over whatever has the new name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        let node = self.names.remove(from).ok_or(Failure::Missing)?;
        self.names.insert(to.to_owned(), node);
        self.record(Change::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    /// Writes; if that fails, the first half arrives all the same.
    pub fn write(&mut self, node: NodeId, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        let allowed = self.attempt(Operation::Write);
        let bytes = if allowed.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        put(self.bytes_mut(node), offset, bytes);
        self.record(Change::Write { node, offset, bytes: bytes.into() });
        allowed
    }

    /// Changes one byte behind everybody's back.
    pub fn write_unrecorded(&mut self, path: &str, place: usize, byte: u8) {
        let node = self.names[path];
        self.bytes_mut(node)[place] = byte;
    }

    /// Writes all of it or nothing.
    pub fn share(&mut self, node: NodeId, bytes: &[u8]) -> Result<(), Failure> {
        self.attempt(Operation::Write)?;
        put(self.bytes_mut(node), 0, bytes);
        self.record(Change::Write { node, offset: 0, bytes: bytes.into() });
        Ok(())
    }

    pub fn resize(&mut self, node: NodeId, size: usize) {
        self.bytes_mut(node).resize(size, 0);
        self.record(Change::Resize { node, size });
    }

    /// Notes that an ordinary handle on a file is about to be closed: POSIX drops all locks that
    /// this process has on it (<https://sqlite.org/howtocorrupt.html>, section 2.2).
    pub fn ordinary_handle(&mut self, path: &str, node: NodeId) {
        if let Some(found) = self.nodes.get_mut(&node)
            && !found.databases.is_empty()
        {
            found.locks = FileLocks::default();
            self.lost_locks.push(path.to_owned());
        }
    }
}

/// Writes bytes into a vector, which grows as needed.
pub fn put(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target[offset..end].copy_from_slice(bytes);
}

/// Returns the folder that a path lies in.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
