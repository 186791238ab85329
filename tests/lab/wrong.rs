//! Jobs as they are done elsewhere, each with one well-known mistake, for the lab to notice.

use std::path::{Path, PathBuf};

use phaseshift::Result;
use phaseshift::backup::{BackupLabel, BackupRequest, create, list};
use phaseshift::database::{Access, Database, WriteTransaction};
use phaseshift::event::Silent;
use phaseshift::files::Files as _;

use support::lab::database;
use support::lab::disk::{Content, Disk, ROOT};
use support::lab::jobs::JobReport;
use support::lab::scene::{BACKUPS, DATABASE, options};

const DONE: Result<JobReport> = Ok(JobReport::Done { follow_up: None });
const COPY: &str = "/lab/fits.db.1.part";
const SIDECARS: [&str; 3] = ["/lab/fits.db-journal", "/lab/fits.db-wal", "/lab/fits.db-shm"];

/// Keeps the present state, as it must be; the mistake comes after.
fn keep(disk: &Disk, label: BackupLabel) -> Result<PathBuf> {
    // A program left a journal that must be rolled back, hence for writing.
    let source = Database::open(Path::new(DATABASE), Access::Write, &options(disk))?;
    let request = BackupRequest { folder: Path::new(BACKUPS), label, phase: None, version: None };
    let kept = create(&source, &request, &mut Silent)?.into_entry()?;
    Ok(kept.path)
}

/// The backup to restore: the oldest.
fn older(disk: &Disk) -> PathBuf {
    let entries = list(disk, Path::new(BACKUPS), Path::new(DATABASE)).unwrap();
    entries.last().expect("an older backup").path.clone()
}

fn remove_sidecars(disk: &Disk) {
    for path in SIDECARS.iter().map(Path::new) {
        if disk.stat(path).unwrap().is_some() {
            disk.remove(path).unwrap();
        }
    }
    disk.sync_folder(Path::new(ROOT)).unwrap();
}

fn copy_beside(disk: &Disk, backup: &Path) {
    disk.copy(backup, Path::new(COPY)).unwrap();
    disk.sync_file(Path::new(COPY)).unwrap();
}

fn take_the_name(disk: &Disk) {
    disk.rename_over(Path::new(COPY), Path::new(DATABASE)).unwrap();
    disk.sync_folder(Path::new(ROOT)).unwrap();
}

/// `cp backup database`.
pub fn restore_by_cp(disk: &Disk) -> Result<JobReport> {
    let backup = older(disk);
    keep(disk, BackupLabel::BeforeRestore)?;
    let bytes = disk.read(&backup).unwrap();
    let mut state = disk.state();
    let node = state.names[DATABASE];
    state.resize(node, 0);
    for (number, block) in bytes.chunks(4_096).enumerate() {
        state.write(node, number * 4_096, block).unwrap();
    }
    drop(state);
    disk.sync_file(Path::new(DATABASE)).unwrap();
    disk.promised("restore by cp");
    DONE
}

/// A rename over the database; its WAL or journal stays.
pub fn restore_beside_stale_sidecars(disk: &Disk) -> Result<JobReport> {
    let backup = older(disk);
    keep(disk, BackupLabel::BeforeRestore)?;
    copy_beside(disk, &backup);
    take_the_name(disk);
    disk.promised("restore by rename");
    DONE
}

/// A rename over the database; its sidecars are removed first.
pub fn restore_after_removing_sidecars(disk: &Disk) -> Result<JobReport> {
    let backup = older(disk);
    keep(disk, BackupLabel::BeforeRestore)?;
    copy_beside(disk, &backup);
    remove_sidecars(disk);
    take_the_name(disk);
    disk.promised("restore by rename");
    DONE
}

/// A rename over the database; its sidecars are removed afterwards.
pub fn restore_before_removing_sidecars(disk: &Disk) -> Result<JobReport> {
    let backup = older(disk);
    keep(disk, BackupLabel::BeforeRestore)?;
    copy_beside(disk, &backup);
    take_the_name(disk);
    remove_sidecars(disk);
    disk.promised("restore by rename");
    DONE
}

/// A rebuild as many tools do it, with foreign keys off, as it must be.
pub fn rebuild_by_hand(disk: &Disk) -> Result<JobReport> {
    rebuild(disk, "OFF")
}

/// The same with foreign keys on, as they are by default here.
pub fn rebuild_with_foreign_keys_on(disk: &Disk) -> Result<JobReport> {
    rebuild(disk, "ON")
}

fn rebuild(disk: &Disk, foreign_keys: &str) -> Result<JobReport> {
    keep(disk, BackupLabel::Named("manual".into()))?;
    let connection = database::open(disk, DATABASE)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous=EXTRA; PRAGMA foreign_keys={foreign_keys};
         BEGIN IMMEDIATE;
         DROP VIEW file_counts;
         CREATE TABLE new_sessions(id INTEGER PRIMARY KEY AUTOINCREMENT, session_date TEXT,
             scope TEXT, note TEXT, score REAL);
         INSERT INTO new_sessions SELECT * FROM sessions;
         DROP TABLE sessions;
         ALTER TABLE new_sessions RENAME TO sessions;
         COMMIT"
    ))?;
    DONE
}

/// A backup that is right, until one of its bytes flips, in a column without an index.
pub fn back_up_with_a_flipped_byte(disk: &Disk) -> Result<JobReport> {
    let path = keep(disk, BackupLabel::Named("manual".into()))?;
    let bytes = disk.read(&path).unwrap();
    let text = b"scope 1";
    let place = bytes.windows(text.len()).rposition(|found| found == text).expect("the row");
    let mut state = disk.state();
    let node = state.names[path.to_str().unwrap()];
    assert!(matches!(state.nodes[&node].content, Content::File(_)));
    state.write(node, place, &[bytes[place] ^ 0x20]).unwrap();
    DONE
}

/// A backup under the lock whose maker looks into the database with a handle of its own.
pub fn read_the_live_file(disk: &Disk) -> Result<JobReport> {
    let database = Database::open(Path::new(DATABASE), Access::Write, &options(disk))?;
    let transaction = WriteTransaction::begin(database)?;
    disk.read(Path::new(DATABASE)).unwrap();
    transaction.rollback()?.close()?;
    keep(disk, BackupLabel::Named("manual".into()))?;
    DONE
}

/// A backup first, and the lock later: `meanwhile` is what another program does in between. The
/// history names the backup, as it must.
pub fn migrate_after_a_backup_without_lock(disk: &Disk, meanwhile: &mut dyn FnMut()) -> Result<()> {
    let backup = keep(disk, BackupLabel::Before("phase2".into()))?;
    meanwhile();
    let connection = database::open(disk, DATABASE)?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE phase_history(event INTEGER PRIMARY KEY, id, parents, version, direction,
             checksum, started_at, finished_at, backup, tool_version, rows_proven, outcome);
         INSERT INTO phase_history(id, backup) VALUES ('phase2', '{}');
         INSERT INTO audit VALUES ('phase two');
         COMMIT",
        backup.display()
    ))?;
    Ok(())
}

/// A backup that shares the blocks of the file, whatever waits in the WAL; its header leaves WAL mode, as it must.
pub fn back_up_without_the_wal(disk: &Disk) -> Result<JobReport> {
    let path = Path::new(BACKUPS).join("fits_manual_20241027_023000.db");
    disk.create_folder(Path::new(BACKUPS)).unwrap();
    disk.create(&path, b"", 0o600).unwrap();
    disk.share_blocks(Path::new(DATABASE), &path).unwrap();
    let node = disk.state().names[path.to_str().unwrap()];
    disk.state().write(node, 18, &[1, 1]).unwrap();
    disk.sync_file(&path).unwrap();
    disk.sync_folder(Path::new(BACKUPS)).unwrap();
    DONE
}
