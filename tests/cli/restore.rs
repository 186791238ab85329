//! What a careful person is told before and after a restore, and about backups that are none.

use std::path::PathBuf;

use support::sample::SampleOptions;
use support::{Project, sqlite3};

/// A small catalogue with one backup made by hand.
fn backed_up() -> (Project, PathBuf) {
    let options = SampleOptions { sessions: 5, files: 20, links: 5, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    project.run(&["backup"]).expect_code(0);
    let backup = project.backups().remove(0);
    (project, backup)
}

const DRY: &[&str] = &["restore", "--latest", "--dry-run"];

fn ask(project: &Project, sql: &str) -> String {
    sqlite3(&project.database(), sql).trim().to_owned()
}

/// Rows were compared and nothing else: a view, an index, a trigger or a constraint that was added
/// since the backup went without a word.
#[test]
fn what_is_lost_of_the_schema_was_not_said() {
    let (project, _) = backed_up();
    sqlite3(
        &project.database(),
        "CREATE TABLE fresh(a INTEGER PRIMARY KEY);
         DROP INDEX idx_session_date",
    );
    project.run(&["backup", "--name", "second"]).expect_code(0);
    sqlite3(
        &project.database(),
        "CREATE VIEW late AS SELECT 1;
         CREATE INDEX idx_late ON cameras(id);
         CREATE TRIGGER watch AFTER DELETE ON cameras BEGIN SELECT 1; END;
         CREATE INDEX idx_session_date ON sessions(session_date);
         DROP TABLE fresh;
         CREATE TABLE fresh(a INTEGER PRIMARY KEY CHECK (a > 0))",
    );
    let before = project.snapshot();
    let dry = project.run(DRY).expect_code(0);
    for line in [
        "No row would change.",
        "WARNING: changes made since the backup will be lost:",
        "• view late: removed",
        "• index idx_late: removed",
        "• index idx_session_date: removed",
        "• trigger watch: removed",
        "• table fresh: restored to the definition in the backup",
    ] {
        assert!(dry.stdout.contains(line), "{line}:\n{}", dry.stdout);
    }
    let document = project.run(&[DRY, &["--json"]].concat()).expect_code(0).json();
    let objects = document["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 5, "{objects:?}");
    assert!(objects.iter().all(|it| it["loses"] == true), "{objects:?}");
    assert_eq!(project.snapshot(), before);

    // The other way round they come back, and that is no loss.
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    let kept = project.backups().into_iter().find(|it| it.to_string_lossy().contains("before"));
    let kept = kept.unwrap().display().to_string();
    let dry = project.run(&["restore", &kept, "--dry-run"]).expect_code(0);
    assert!(dry.stdout.contains("• view late: restored"), "{}", dry.stdout);
    assert!(dry.stdout.contains("• table fresh: restored to the definition"), "{}", dry.stdout);
    project.run(&["restore", &kept, "--yes"]).expect_code(0);
    let sql = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema \
               WHERE name IN ('late', 'idx_late', 'watch', 'idx_session_date') ORDER BY name)";
    assert_eq!(ask(&project, sql), "idx_late,idx_session_date,late,watch");
}

#[test]
fn a_restore_that_changes_nothing_names_no_object() {
    let (project, _) = backed_up();
    let dry = project.run(DRY).expect_code(0);
    assert!(dry.stdout.contains("No row would change.\n\n"), "{}", dry.stdout);
    assert!(!dry.stdout.contains("WARNING"), "{}", dry.stdout);
}

/// Without its manifest nothing shows that a file still is what was backed up, and yet it was
/// called verified.
#[test]
fn a_backup_without_a_manifest_was_called_verified() {
    let (project, backup) = backed_up();
    std::fs::remove_file(format!("{}.json", backup.display())).unwrap();
    let path = backup.display().to_string();
    let output = project.run(&["restore", &path, "--dry-run"]).expect_code(0);
    assert!(!output.stdout.contains("Backup verified"), "{}", output.stdout);
    assert!(output.stdout.contains("WARNING: it has no manifest"), "{}", output.stdout);
    let document = project.run(&["restore", &path, "--dry-run", "--json"]).expect_code(0).json();
    assert_eq!(document["against_manifest"], false);
    // What is named is restored all the same: it may be all that is left.
    project.run(&["restore", &path, "--yes"]).expect_code(0);
}

/// They were called damaged backups.
#[test]
fn compressed_files_and_exports_are_said_to_be_no_backups() {
    let (project, backup) = backed_up();
    let dump = sqlite3(&project.database(), ".dump");
    project.write("backups/fits.sql", &dump);
    let gzip = "import gzip, sys; open(sys.argv[2], 'wb').write(gzip.compress(open(sys.argv[1], 'rb').read()))";
    let compressed = project.path("backups/fits.db.gz");
    let made = support::python3().args(["-c", gzip]).arg(&backup).arg(&compressed).status();
    assert!(made.unwrap().success());
    let before = project.snapshot();
    for (name, what, advice) in [
        ("backups/fits.sql", "it is SQL text", "an export is no backup"),
        ("backups/fits.db.gz", "it is compressed with gzip", "unpack it"),
    ] {
        let output = project.run(&["restore", name, "--yes"]).expect_code(10);
        for words in [what, advice, "state: nothing was changed"] {
            assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
        }
        assert!(!output.stderr.contains("damaged"), "{}", output.stderr);
    }
    assert_eq!(project.snapshot(), before);
}

/// The advice was to name another database, or to restore the very backup that is damaged.
#[test]
fn advice_about_backups_is_about_backups() {
    let (project, backup) = backed_up();
    let missing = project.run(&["restore", "nothing.db", "--yes"]).expect_code(4);
    assert!(missing.stderr.contains("next:  phaseshift backups"), "{}", missing.stderr);
    assert!(!missing.stderr.contains("--database FILE"), "{}", missing.stderr);
    let folder = project.run(&["restore", "backups", "--yes"]).expect_code(4);
    assert!(!folder.stderr.contains("--database FILE"), "{}", folder.stderr);

    let mut bytes = std::fs::read(&backup).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&backup, bytes).unwrap();
    let damaged = project.run(&["restore", "--latest", "--yes"]).expect_code(10);
    assert!(!damaged.stderr.contains("restore --latest"), "{}", damaged.stderr);
    assert!(damaged.stderr.contains("choose another one"), "{}", damaged.stderr);
}

#[test]
fn a_ruined_file_with_two_names_says_how_to_go_on() {
    let (project, _) = backed_up();
    std::fs::write(project.database(), "ruined".repeat(100)).unwrap();
    std::fs::hard_link(project.database(), project.path("second.db")).unwrap();
    let output = project.run(&["restore", "--latest", "--yes"]).expect_code(8);
    assert!(output.stderr.contains("2 names"), "{}", output.stderr);
    assert!(output.stderr.contains("next:  remove the other names"), "{}", output.stderr);
    std::fs::remove_file(project.path("second.db")).unwrap();
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(ask(&project, "SELECT count(*) FROM sessions"), "5");
}

/// `status` named it, the list of the backups did not; and pruning without a rule removed it while
/// it said that nothing was removed.
#[test]
fn what_a_killed_run_left_is_listed_and_its_removal_is_told() {
    let (project, _) = backed_up();
    let part = "backups/fits_catalog_pre_phase3_20241027_013000.db.999999.part";
    project.write(part, "half a backup");
    let list = project.run(&["backups"]).expect_code(0);
    let line = format!("No backup: {} was left by a run", project.path(part).display());
    assert!(list.stdout.contains(&line), "{}", list.stdout);
    let document = project.run(&["backups", "--json"]).expect_code(0).json();
    assert_eq!(document["leftovers"].as_array().unwrap().len(), 1);

    let prune = project.run(&["backups", "prune"]).expect_code(0);
    assert!(prune.stdout.starts_with("Removed "), "{}", prune.stdout);
    assert!(prune.stdout.contains("Kept fits_catalog_"), "{}", prune.stdout);
    assert!(prune.stdout.ends_with("Freed 13 bytes.\n"), "{}", prune.stdout);
    assert!(!project.path(part).exists());
    assert_eq!(project.backups().len(), 1);
}

/// That was found out when the backup was made, and called a failed backup.
#[test]
fn a_file_in_the_place_of_the_backup_folder_is_found_before_anything_is_done() {
    let (project, _) = backed_up();
    project.write("taken", "");
    let before = project.snapshot();
    let arguments = ["migrate", "phase3", "--yes", "--backup-dir", "taken"];
    let output = project.run(&arguments).expect_code(4);
    assert!(output.stderr.contains("is not a folder"), "{}", output.stderr);
    assert!(
        output.stderr.contains("next:  name another folder for the backups"),
        "{}",
        output.stderr
    );
    assert_eq!(project.snapshot(), before);
}

/// "This will go from version 1 to version 1", it said.
#[test]
fn a_version_that_stays_is_said_to_stay() {
    let (project, _) = backed_up();
    let dry = project.run(DRY).expect_code(0);
    assert!(dry.stdout.contains("\nThe schema version stays 1.\n"), "{}", dry.stdout);
    project.run(&["upgrade", "phase3"]).expect_code(0);
    let dry = project.run(&["restore", "--latest", "--dry-run"]).expect_code(0);
    let way = "\nThis will go from version 2 to version 1.\n";
    assert!(dry.stdout.contains(way), "{}", dry.stdout);
    std::fs::remove_file(project.database()).unwrap();
    let dry = project.run(DRY).expect_code(0);
    assert!(dry.stdout.contains("\nThis will go to version 1.\n"), "{}", dry.stdout);
}
