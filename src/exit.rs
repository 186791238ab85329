//! The exit codes of the program, for those that start it, and which failure ends with which.
//!
//! An unknown code that is not zero means failure: codes may be added, none changes its meaning.

use crate::error::{DatabaseState, Error, ErrorKind};

/// Done, nothing to do, or the answer is yes.
pub const DONE: u8 = 0;
/// Failed for a reason that has no code of its own.
pub const FAILED: u8 = 1;
/// The arguments are wrong; nothing was tried.
pub const ARGUMENTS: u8 = 2;
/// The answer is no (`verify`, `check`, `current --require`, `status --exit-code`).
pub const NO: u8 = 3;
/// Refused and not started; the database is unchanged.
pub const REFUSED: u8 = 4;
/// Another program holds the file; the database is unchanged.
pub const BUSY: u8 = 5;
/// The rebuild or the proof failed; rolled back, the database is as before.
pub const ROLLED_BACK: u8 = 6;
/// The backup could not be made or verified; the database is unchanged.
pub const BACKUP: u8 = 7;
/// The restore failed; the database is as before.
pub const RESTORE: u8 = 8;
/// The person said no; the database is unchanged.
pub const DECLINED: u8 = 9;
/// The file or a backup is damaged; the database is unchanged.
pub const DAMAGED: u8 = 10;
/// Interrupted by Ctrl-C or TERM; rolled back, the database is as before.
pub const INTERRUPTED: u8 = 130;

/// Returns the exit code of a failure.
///
/// ```
/// use phaseshift::{Error, ErrorKind, exit};
///
/// assert_eq!(exit::code_of(&Error::new(ErrorKind::Busy, "another program writes")), exit::BUSY);
/// ```
///
/// A refusal that comes up inside the transaction was rolled back and says so.
pub fn code_of(error: &Error) -> u8 {
    let code = of_kind(error.kind());
    let rolled_back = error.state() == DatabaseState::RolledBack;
    if code == INTERRUPTED && error.state() == DatabaseState::Done {
        // 130 promises that the file is as before.
        return FAILED;
    }
    if rolled_back && matches!(code, FAILED | REFUSED) { ROLLED_BACK } else { code }
}

fn of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Arguments => ARGUMENTS,
        ErrorKind::Config
        | ErrorKind::PhaseFile
        | ErrorKind::Chain
        | ErrorKind::UnknownTarget
        | ErrorKind::AmbiguousTarget
        | ErrorKind::PhaseEdited
        | ErrorKind::PhaseMissing
        | ErrorKind::Irreversible
        | ErrorKind::Loss
        | ErrorKind::DatabaseMissing
        | ErrorKind::NotAFile
        | ErrorKind::Unreadable
        | ErrorKind::ReadOnly
        | ErrorKind::NoSpace
        | ErrorKind::NotAdopted
        | ErrorKind::VersionTable
        | ErrorKind::VersionTrigger
        | ErrorKind::SchemaMismatch
        | ErrorKind::Requirement
        | ErrorKind::Step
        | ErrorKind::Reference
        | ErrorKind::Rows
        | ErrorKind::MissingExtension
        | ErrorKind::NewerSqlite
        | ErrorKind::Unsupported
        | ErrorKind::BackupRefused
        | ErrorKind::FileChanged
        | ErrorKind::NoAnswer => REFUSED,
        ErrorKind::Busy => BUSY,
        ErrorKind::Rebuild | ErrorKind::Proof => ROLLED_BACK,
        ErrorKind::Backup => BACKUP,
        ErrorKind::Restore => RESTORE,
        ErrorKind::Declined => DECLINED,
        ErrorKind::NotADatabase | ErrorKind::Damaged | ErrorKind::BackupDamaged => DAMAGED,
        ErrorKind::Interrupted => INTERRUPTED,
        ErrorKind::Commit
        | ErrorKind::Command
        | ErrorKind::ForeignWrite
        | ErrorKind::Io
        | ErrorKind::Sqlite => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_ends_with_a_documented_code() {
        for kind in ErrorKind::ALL {
            let code = code_of(&Error::new(kind, "x"));
            assert!(matches!(code, 1 | 2 | 4..=10 | 130), "{} ends with {code}", kind.code());
        }
    }

    #[test]
    fn a_failure_inside_the_transaction_says_that_it_was_rolled_back() {
        let inside = |kind| code_of(&Error::new(kind, "x").leaving(DatabaseState::RolledBack));
        assert_eq!(inside(ErrorKind::Io), ROLLED_BACK);
        assert_eq!(inside(ErrorKind::Requirement), ROLLED_BACK);
        assert_eq!(inside(ErrorKind::Interrupted), INTERRUPTED);
        assert_eq!(inside(ErrorKind::Restore), RESTORE);
        let late = Error::new(ErrorKind::Interrupted, "x").leaving(DatabaseState::Done);
        assert_eq!(code_of(&late), FAILED);
    }
}
