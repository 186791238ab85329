//! Where jobs begin, on the simulated disk and on the real one.

/// In which state a program left the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Rollback journal mode, closed.
    Clean,
    /// WAL mode, closed.
    CleanWal,
    /// Killed with committed frames in the WAL.
    WalFrames,
    /// Killed while it wrote pages, so that a journal must be rolled back.
    HotJournal,
}

impl Start {
    pub const ALL: [Self; 4] = [Self::Clean, Self::CleanWal, Self::WalFrames, Self::HotJournal];
}
