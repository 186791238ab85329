//! Who holds a database file: found without opening it, because closing it again would drop our locks.
//!
//! Linux tells locks in `/proc/locks` and open files in `/proc/<pid>/fd`; the latter only for
//! processes of the same user. Elsewhere none are found. SQLite's lock bytes are documented in
//! <https://sqlite.org/fileformat2.html#the_lock_byte_page> and <https://sqlite.org/walformat.html#wal_locks>.
#![expect(
    clippy::disallowed_methods,
    reason = "/proc is no part of the disk; nothing here touches a database"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use super::permissions::beside;
use crate::files::{Files, Stat};

/// What a program does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holding {
    /// It has the file open and is idle, as far as locks tell.
    Open,
    /// It is in a read transaction.
    Reading,
    /// It is in a write transaction.
    Writing,
}

impl Holding {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reading => "reading",
            Self::Writing => "writing",
        }
    }
}

/// A program that holds a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; 0 if it runs outside of this container.
    pub pid: u32,
    /// Its name, if the system tells.
    pub program: Option<String>,
    /// What it does with the file.
    pub how: Holding,
}

impl Holder {
    /// Names the program, with its process id.
    pub fn who(&self) -> String {
        let program = self.program.as_deref().unwrap_or("a program");
        match self.pid {
            0 => format!("{program} outside this container"),
            pid => format!("{program} (pid {pid})"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", self.who(), self.how.word())
    }
}

/// Finds the other programs that hold a database, in order of their process ids.
///
/// This is information for a message or for caution, not a lock: it may be out of date when it
/// arrives, and it misses idle programs of other users. What cannot be read is left out.
pub fn holders(path: &Path, files: &dyn Files) -> Vec<Holder> {
    let stat = |path: &Path| files.stat(path).ok().flatten();
    let Some(main) = stat(path) else { return Vec::new() };
    let shared_memory = stat(&beside(path, "-shm"));
    let mut found =
        decode(&table_of_locks(), Inode::of(&main), shared_memory.as_ref().map(Inode::of));
    for pid in processes() {
        if !found.contains_key(&pid) && has_open(pid, Inode::of(&main), files) && !is_our_fork(pid)
        {
            found.insert(pid, Holding::Open);
        }
    }
    found.remove(&std::process::id());
    found.into_iter().map(|(pid, how)| Holder { pid, program: program(pid), how }).collect()
}

/// How often the table of locks is read.
const READINGS: usize = 4;

/// Reads the table of locks several times. The system gives it out piece by piece, and where a lock goes meanwhile
/// the next one may be skipped; that it happens to the same lock in all readings is unlikely, in two it was met
/// where many programs take and give up locks.
fn table_of_locks() -> String {
    let read = |_| std::fs::read_to_string("/proc/locks").unwrap_or_default();
    (0..READINGS).map(read).collect()
}

/// Returns whether a process is a child of ours that has not become another program yet: between fork
/// and exec it has our files open, and gives them up by itself.
fn is_our_fork(pid: u32) -> bool {
    let same_program = std::fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .zip(std::fs::read_link("/proc/self/exe").ok())
        .is_some_and(|(theirs, ours)| theirs == ours);
    let parent = std::fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse::<u32>().ok()
    });
    same_program && parent == Some(std::process::id())
}

/// A file as `/proc/locks` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inode {
    major: u32,
    minor: u32,
    number: u64,
}

impl Inode {
    fn of(stat: &Stat) -> Self {
        let (major, minor) = (rustix::fs::major(stat.device), rustix::fs::minor(stat.device));
        Self { major, minor, number: stat.inode }
    }

    /// Reads `fe:00:4711`: device numbers in hexadecimal, the inode in decimal.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut device = || u32::from_str_radix(parts.next()?, 16).ok();
        let (major, minor) = (device()?, device()?);
        Some(Self { major, minor, number: parts.next()?.parse().ok()? })
    }
}

#[derive(Debug)]
struct Lock {
    pid: u32,
    exclusive: bool,
    inode: Inode,
    bytes: RangeInclusive<u64>,
}

impl Lock {
    /// Reads a line such as `3: POSIX  ADVISORY  WRITE 1234 fe:00:4711 1073741825 1073741825`.
    /// Lines with an arrow are programs that wait for a lock.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX" | "OFDLCK", _, mode, pid, inode, start, end] = words.as_slice() else {
            return None;
        };
        let end = if *end == "EOF" { u64::MAX } else { end.parse().ok()? };
        Some(Self {
            // Locks of open file descriptions have no owner (-1).
            pid: pid.parse().unwrap_or(0),
            exclusive: *mode == "WRITE",
            inode: Inode::parse(inode)?,
            bytes: start.parse().ok()?..=end,
        })
    }

    fn touches(&self, bytes: RangeInclusive<u64>) -> bool {
        self.bytes.start() <= bytes.end() && bytes.start() <= self.bytes.end()
    }
}

/// What one process locks.
#[derive(Debug, Default)]
struct Held {
    shared: bool,
    wal_open: bool,
    wal_reading: bool,
    writing: bool,
}

impl Held {
    /// Lock bytes of the file itself: pending, reserved, shared.
    fn note_main(&mut self, lock: &Lock) {
        const PENDING: u64 = 0x4000_0000;
        if lock.exclusive && lock.touches(PENDING..=PENDING + 511) {
            self.writing = true;
        } else if lock.touches(PENDING + 2..=PENDING + 511) {
            self.shared = true;
        }
    }

    /// Lock bytes of the -shm file: write, checkpoint, recover, five readers, open.
    fn note_shared_memory(&mut self, lock: &Lock) {
        if lock.exclusive && lock.touches(120..=122) {
            self.writing = true;
        } else if lock.touches(123..=127) {
            self.wal_reading = true;
        }
        if lock.touches(128..=128) {
            self.wal_open = true;
        }
    }

    /// A program that has a WAL database open holds the shared lock all the time.
    fn how(&self) -> Holding {
        if self.writing {
            Holding::Writing
        } else if self.wal_reading || (self.shared && !self.wal_open) {
            Holding::Reading
        } else {
            Holding::Open
        }
    }
}

fn decode(locks: &str, main: Inode, shared_memory: Option<Inode>) -> BTreeMap<u32, Holding> {
    let mut held: BTreeMap<u32, Held> = BTreeMap::new();
    for lock in locks.lines().filter_map(Lock::parse) {
        if lock.inode == main {
            held.entry(lock.pid).or_default().note_main(&lock);
        } else if Some(lock.inode) == shared_memory {
            held.entry(lock.pid).or_default().note_shared_memory(&lock);
        }
    }
    held.into_iter().map(|(pid, held)| (pid, held.how())).collect()
}

fn processes() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns whether a process has a descriptor of the file. Looking at a descriptor opens nothing.
fn has_open(pid: u32, main: Inode, files: &dyn Files) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        let place = entry.path();
        // Pipes, sockets and devices are not looked at; shared memory is a disk like others.
        let is_device =
            |target: &Path| target.starts_with("/dev") && !target.starts_with("/dev/shm");
        let on_disk = std::fs::read_link(&place)
            .is_ok_and(|target| target.is_absolute() && !is_device(&target));
        let stat = if on_disk { files.stat(&place).ok().flatten() } else { None };
        stat.is_some_and(|stat| Inode::of(&stat) == main)
    })
}

fn program(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: Inode = Inode { major: 0xfe, minor: 0, number: 4_711 };
    const SHARED_MEMORY: Inode = Inode { number: 4_712, ..MAIN };

    fn one(locks: &str) -> Option<(u32, Holding)> {
        let mut found = decode(locks, MAIN, Some(SHARED_MEMORY)).into_iter();
        let first = found.next();
        assert!(found.next().is_none());
        first
    }

    #[test]
    fn lock_bytes_tell_what_a_program_does() {
        let cases = [
            ("READ 9 fe:00:4711 1073741826 1073742335", Holding::Reading),
            ("WRITE 9 fe:00:4711 1073741825 1073741825", Holding::Writing),
            ("WRITE 9 fe:00:4711 1073741824 1073742335", Holding::Writing),
            ("READ 9 fe:00:4712 128 128", Holding::Open),
            ("READ 9 fe:00:4712 124 124", Holding::Reading),
            ("WRITE 9 fe:00:4712 120 120", Holding::Writing),
        ];
        for (lock, how) in cases {
            assert_eq!(one(&format!("1: POSIX  ADVISORY  {lock}")), Some((9, how)), "{lock}");
        }
    }

    #[test]
    fn an_idle_wal_connection_is_only_open() {
        let locks = "1: POSIX  ADVISORY  READ  9 fe:00:4711 1073741826 1073742335\n\
                     2: POSIX  ADVISORY  READ  9 fe:00:4712 128 128\n";
        assert_eq!(one(locks), Some((9, Holding::Open)));
        let reader = format!("{locks}3: POSIX  ADVISORY  READ 9 fe:00:4712 124 124\n");
        assert_eq!(one(&reader), Some((9, Holding::Reading)));
    }

    #[test]
    fn other_files_and_waiting_programs_do_not_count() {
        let locks = "1: POSIX  ADVISORY  WRITE 9 fe:00:4713 120 120\n\
                     1: -> POSIX  ADVISORY  WRITE 9 fe:00:4711 1073741825 1073741825\n\
                     2: FLOCK  ADVISORY  WRITE 9 fe:00:4711 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 9 fd:00:4711 0 EOF\n\
                     nonsense\n";
        assert_eq!(one(locks), None);
    }

    #[test]
    fn a_holder_is_shown_in_words() {
        let holder = Holder { pid: 1_234, program: Some("python3".into()), how: Holding::Writing };
        assert_eq!(holder.to_string(), "python3 (pid 1234), writing");
        let hidden = Holder { pid: 0, program: None, how: Holding::Reading };
        assert_eq!(hidden.to_string(), "a program outside this container, reading");
    }
}
