//! Every restore that a person may meet: what the live file is, what lies beside it or who has it
//! open, and what the backup is. Judged from outside by the `sqlite3` program.

mod place;
mod verdict;

use place::{BackgroundCheck, Backup, Case, Live, Mode};

/// What a case must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Restored,
    Refused(phaseshift::ErrorKind),
}

/// The rules, from the words of the specification: the first that fits counts.
fn outcome(case: &Case) -> Outcome {
    use Outcome::{Refused, Restored};
    use phaseshift::ErrorKind;
    // Whoever only has the file open holds no lock. In WAL mode it still keeps the page size.
    let locks = matches!(case.beside, BackgroundCheck::Reader | BackgroundCheck::Writer);
    match (case.live, case.backup) {
        (Live::Folder, _) => Refused(ErrorKind::NotAFile),
        (_, Backup::Flipped) => Refused(ErrorKind::BackupDamaged),
        // Nobody can be harmed: the name is free.
        (Live::Missing, _) => Restored,
        _ if !case.beside.is_open() => Restored,
        // Whoever has the broken file open would go on with it for ever.
        (Live::RuinedHeader | Live::NotADatabase | Live::Truncated, _) => Refused(ErrorKind::Busy),
        (Live::Empty, _) if locks => Refused(ErrorKind::Busy),
        (Live::Empty, _) => Restored,
        (Live::OtherPageSize, _) if case.mode == Mode::Wal => Refused(ErrorKind::Busy),
        (
            Live::Plain | Live::Symlink | Live::HardLink | Live::OtherPageSize | Live::DamagedPage,
            _,
        ) => {
            // In WAL mode a reader keeps its snapshot.
            let waits =
                locks && (case.mode == Mode::Delete || case.beside == BackgroundCheck::Writer);
            if waits { Refused(ErrorKind::Busy) } else { Restored }
        }
    }
}

fn matrix(mode: Mode) {
    let mut count = 0;
    for beside in BackgroundCheck::ALL {
        for live in Live::ALL {
            // A folder cannot be open as a database.
            if live == Live::Folder && beside.is_open() {
                continue;
            }
            for backup in Backup::ALL {
                let case = Case { mode, beside, live, backup };
                verdict::judge(&case, outcome(&case));
                count += 1;
            }
        }
    }
    assert_eq!(count, 11 * 6 * 4 - 3 * 4);
}

#[test]
fn every_restore_of_a_file_in_rollback_mode_is_whole_or_refused() {
    matrix(Mode::Delete);
}

#[test]
fn every_restore_of_a_file_in_wal_mode_is_whole_or_refused() {
    matrix(Mode::Wal);
}

/// Where the file lay in `/dev/shm`, which begins like the names of devices.
#[test]
fn a_broken_file_that_an_idle_program_had_open_was_moved_away_from_it() {
    let (beside, live, backup) = (BackgroundCheck::Idle, Live::RuinedHeader, Backup::Good);
    let case = Case { mode: Mode::Delete, beside, live, backup };
    verdict::judge(&case, Outcome::Refused(phaseshift::ErrorKind::Busy));
}
