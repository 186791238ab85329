//! Backups belong to one database; retention and reuse.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use support::{Output, Project, sqlite3};

/// A phase that adds a column.
const ADDS: &str = "[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'b INTEGER DEFAULT 1'\n";

/// A phase that renames what the one before left, and fails when everything is done.
const FAILS: &str = "[[up]]\nop = 'rename_column'\ntable = 't'\nfrom = 'a'\nto = 'name'\n\
                     [[verify]]\nname = 'never'\nsql = 'SELECT 1'\nexpect = 'no rows'\n";

/// Makes a database with one row that says whose it is.
fn make(path: &Path, owner: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    sqlite3(
        path,
        &format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t(a) VALUES ('{owner}')"
        ),
    );
}

fn owner(path: &Path) -> String {
    sqlite3(path, "SELECT a FROM t WHERE id = 1").trim().to_owned()
}

/// Runs a command on a database whose backups go to a folder that others use, too.
fn on(project: &Project, database: &str, arguments: &[&str]) -> Output {
    let mut all = vec!["-d", database, "--backup-dir", "kept"];
    all.extend(arguments);
    project.run_here(&all)
}

fn listed(output: &Output) -> Vec<PathBuf> {
    let document = output.json();
    let backups = document["backups"].as_array().unwrap();
    backups.iter().map(|it| PathBuf::from(it["file"].as_str().unwrap())).collect()
}

/// The names of the backups in a folder, without manifests.
fn backups_in(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".db")).collect()
}

fn manifest_of(backup: &Path) -> PathBuf {
    PathBuf::from(format!("{}.json", backup.display()))
}

/// Changes the manifest of a backup.
fn restate(backup: &Path, change: impl FnOnce(&mut Value)) {
    let path = manifest_of(backup);
    let mut manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

/// A project with one database, `fits_catalog.db`.
fn project() -> Project {
    let project = Project::empty();
    make(&project.database(), "mine");
    project
}

/// The folder of the backups of [`project`].
fn folder(project: &Project) -> PathBuf {
    project.path("backups")
}

#[test]
fn two_databases_of_one_name_in_different_folders_share_a_folder_of_backups() {
    let project = Project::empty();
    project.write_phase("p1.toml", ADDS);
    for name in ["a", "b"] {
        make(&project.path(format!("{name}/app.db")), name);
        on(&project, &format!("{name}/app.db"), &["upgrade"]).expect_code(0);
    }
    // The newest backup in the folder is that of b.
    on(&project, "a/app.db", &["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.path("a/app.db")), "a");
    assert_eq!(
        sqlite3(&project.path("a/app.db"), "SELECT count(*) FROM pragma_table_info('t')").trim(),
        "2"
    );
    let of_b = listed(&on(&project, "b/app.db", &["backups", "--json"]));
    on(&project, "a/app.db", &["backups", "prune", "--keep", "0"]).expect_code(0);
    assert_eq!(listed(&on(&project, "b/app.db", &["backups", "--json"])), of_b);
    assert_eq!(of_b.len(), 1);
    on(&project, "b/app.db", &["restore", "1", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.path("b/app.db")), "b");
}

#[test]
fn two_databases_of_one_stem_and_other_endings_keep_their_backups_apart() {
    let project = Project::empty();
    for name in ["data.db", "data.sqlite", "data"] {
        make(&project.path(name), name);
        project.run_here(&["-d", name, "backup"]).expect_code(0);
        let list = project.run_here(&["-d", name, "backups", "--json"]).expect_code(0);
        assert_eq!(listed(&list).len(), 1, "{}", list.stdout);
        assert_eq!(list.json()["backups"][0]["sequence"], 1);
    }
    for name in ["data", "data.db", "data.sqlite"] {
        sqlite3(&project.path(name), "UPDATE t SET a = 'lost'");
        project.run_here(&["-d", name, "restore", "--latest", "--yes"]).expect_code(0);
        assert_eq!(owner(&project.path(name)), name);
    }
    let text = project.run_here(&["-d", "data", "backups"]).expect_code(0).stdout;
    assert!(text.contains("Not listed: 2 backups of ") && text.contains("data.sqlite"), "{text}");
}

#[test]
fn a_backup_of_another_database_needs_force_by_path_too() {
    let project = Project::empty();
    make(&project.path("a/app.db"), "a");
    make(&project.path("b/app.db"), "b");
    on(&project, "a/app.db", &["backup"]).expect_code(0);
    let of_a = listed(&on(&project, "a/app.db", &["backups", "--json"])).remove(0);
    let before = std::fs::read(project.path("b/app.db")).unwrap();
    let name = of_a.file_name().unwrap().to_str().unwrap();
    for wanted in [of_a.to_str().unwrap(), name] {
        let refused = on(&project, "b/app.db", &["restore", wanted, "--yes"]).expect_code(4);
        assert!(refused.stderr.contains("made of another database"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    }
    on(&project, "b/app.db", &["restore", "1", "--yes"]).expect_code(4);
    on(&project, "b/app.db", &["restore", "--latest", "--yes"]).expect_code(4);
    assert_eq!(std::fs::read(project.path("b/app.db")).unwrap(), before);
    on(&project, "b/app.db", &["restore", name, "--yes", "--force"]).expect_code(0);
    assert_eq!(owner(&project.path("b/app.db")), "a");
}

#[test]
fn a_database_is_the_same_by_every_way_to_its_file() {
    let project = project();
    std::os::unix::fs::symlink(project.database(), project.path("link.db")).unwrap();
    std::os::unix::fs::symlink(project.folder(), project.path("around")).unwrap();
    project.run_here(&["-d", "fits_catalog.db", "backup"]).expect_code(0);
    for way in ["link.db", "around/fits_catalog.db", "around/phases/../fits_catalog.db"] {
        let list = project.run_here(&["-d", way, "backups", "--json"]).expect_code(0);
        assert_eq!(listed(&list).len(), 1, "{way}");
        project.run_here(&["-d", way, "restore", "--latest", "--yes", "--dry-run"]).expect_code(0);
    }
    // A missing file still has its backups.
    std::fs::remove_file(project.database()).unwrap();
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "mine");
}

#[test]
fn a_backup_is_named_by_number_file_name_path_and_phase() {
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.write_phase("p2.toml", "[[up]]\nop = 'sql'\nsql = \"UPDATE t SET a = 'second'\"\n");
    project.run(&["upgrade", "p1"]).expect_code(0);
    project.run(&["upgrade", "p2"]).expect_code(0);
    let list = listed(&project.run(&["backups", "--json"]));
    assert_eq!(list.len(), 2);
    let columns = || {
        sqlite3(&project.database(), "SELECT count(*) FROM pragma_table_info('t')")
            .trim()
            .to_owned()
    };
    let restore = |wanted: &str| project.run(&["restore", wanted, "--yes"]).expect_code(0);
    restore("before:p1");
    assert_eq!((owner(&project.database()), columns()), ("mine".to_owned(), "2".to_owned()));
    restore(list[0].file_name().unwrap().to_str().unwrap());
    assert_eq!((owner(&project.database()), columns()), ("mine".to_owned(), "3".to_owned()));
    restore(list[1].to_str().unwrap());
    assert_eq!(columns(), "2");
    // The history of the file does not know p2 any more; its backup does.
    restore("before:p2");
    assert_eq!(columns(), "3");
    let count = listed(&project.run(&["backups", "--json"])).len();
    restore(&count.to_string());
    assert_eq!(columns(), "2");
    for wrong in ["0", "99", "before:p9", "nowhere.db"] {
        project.run(&["restore", wrong, "--yes"]).expect_code(4);
    }
}

#[test]
fn a_phase_that_runs_again_has_the_backup_of_its_last_run() {
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["downgrade"]).expect_code(0);
    sqlite3(&project.database(), "UPDATE t SET a = 'between'");
    project.run(&["upgrade"]).expect_code(0);
    sqlite3(&project.database(), "UPDATE t SET a = 'after'");
    project.run(&["restore", "before:p1", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "between");
    let list = project.run(&["backups"]).expect_code(0).stdout;
    assert!(list.contains("before undoing p1") && list.contains("before a restore"), "{list}");
}

#[test]
fn a_failing_program_that_starts_again_and_again_leaves_one_backup() {
    let starts = std::env::var("PHASESHIFT_STARTS").map_or(12, |text| text.parse().unwrap());
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.write_phase("p2.toml", FAILS);
    for command in ["upgrade", "migrate"].iter().cycle().take(starts) {
        let failed = project.run(&[command, "--yes", "--json"]);
        assert_eq!(failed.code, 6, "{}", failed.stdout);
        assert_eq!(backups_in(&folder(&project)).len(), 1, "after {command}");
    }
    // What is used again is what a run is proven against and what a restore brings back.
    let whole = folder(&project).join(backups_in(&folder(&project)).first().unwrap());
    assert_eq!(sqlite3(&whole, "PRAGMA integrity_check").trim(), "ok");
    project.run(&["upgrade", "p1"]).expect_code(0);
    assert_eq!(backups_in(&folder(&project)).len(), 1);
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "mine");
    assert_eq!(
        sqlite3(&project.database(), "SELECT count(*) FROM pragma_table_info('t')").trim(),
        "2"
    );
}

#[test]
fn a_backup_is_used_again_only_for_exactly_the_present_content() {
    for journal in ["DELETE", "WAL"] {
        let project = project();
        sqlite3(&project.database(), &format!("PRAGMA journal_mode={journal}"));
        project.write_phase("p2.toml", FAILS);
        let fail = || {
            project.run(&["upgrade"]).expect_code(6);
            backups_in(&folder(&project)).len()
        };
        assert_eq!((fail(), fail()), (1, 1), "{journal}");
        // As many rows, the same size, and another time than the backup's.
        sqlite3(&project.database(), "UPDATE t SET a = 'mime'");
        assert_eq!((fail(), fail()), (2, 2), "{journal}");
        sqlite3(&project.database(), "UPDATE t SET a = 'mine'");
        assert_eq!((fail(), fail()), (3, 3), "{journal}");
        let newest = listed(&project.run(&["backups", "--json"])).remove(0);
        assert_eq!(owner(&newest), "mine");
        sqlite3(&project.database(), "CREATE INDEX ia ON t(a)");
        assert_eq!(fail(), 4, "{journal}");
    }
}

#[test]
fn a_backup_that_is_not_what_was_verified_is_not_used_again() {
    type Spoil = fn(&Path, &Project);
    let spoils: [(&str, Spoil); 6] = [
        ("another byte", |backup, _| {
            let mut bytes = std::fs::read(backup).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(backup, bytes).unwrap();
        }),
        ("not verified", |backup, _| restate(backup, |it| it["verified"] = false.into())),
        ("another digest", |backup, _| {
            restate(backup, |it| it["digest"] = format!("blake3:{}", "0".repeat(64)).into());
        }),
        ("another count", |backup, _| restate(backup, |it| it["tables"][0]["rows"] = 7.into())),
        ("readable by all", |backup, project| {
            let mode = |mode| std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(project.database(), mode(0o600)).unwrap();
            std::fs::set_permissions(backup, mode(0o644)).unwrap();
        }),
        ("the database itself", |backup, project| {
            // SQLite writes the counters of the header anew: make the file what the manifest says.
            std::fs::copy(backup, project.database()).unwrap();
            std::fs::remove_file(backup).unwrap();
            std::fs::hard_link(project.database(), backup).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        let project = project();
        project.write_phase("p1.toml", ADDS);
        project.write_phase("p2.toml", FAILS);
        project.run(&["upgrade"]).expect_code(6);
        let backup = folder(&project).join(backups_in(&folder(&project)).pop_first().unwrap());
        spoil(&backup, &project);
        project.run(&["upgrade", "p1"]).expect_code(0);
        assert_eq!(backups_in(&folder(&project)).len(), 2, "{what}");
        let list = project.run(&["backups", "--json"]).json();
        let newest = list["backups"][0]["file"].as_str().unwrap();
        assert_ne!(Path::new(newest), backup, "{what}");
        assert_eq!(
            sqlite3(Path::new(newest), "SELECT count(*) FROM pragma_table_info('t')").trim(),
            "2",
            "{what}"
        );
    }
}

#[test]
fn a_backup_by_another_name_is_made_although_an_equal_one_exists() {
    let project = project();
    for (arguments, count) in [
        (vec!["backup"], 1),
        (vec!["backup"], 1),
        (vec!["backup", "--name", "eclipse"], 2),
        (vec!["backup", "--name", "eclipse"], 2),
        (vec!["backup", "--name", "eclipse2"], 3),
        (vec!["backup"], 4),
    ] {
        project.run(&arguments).expect_code(0);
        assert_eq!(backups_in(&folder(&project)).len(), count, "{arguments:?}");
    }
}

#[test]
fn the_latest_backup_undoes_the_last_of_ten_migrations_with_optimize_in_between() {
    let project = project();
    for number in 1..=10 {
        let sql = format!(
            "[[up]]\nop = 'sql'\nsql = \"UPDATE t SET a = 'after {number}'\"\n\
             [[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'c{number} TEXT'\n"
        );
        project.write_phase(&format!("p{number:02}.toml"), &sql);
    }
    for _ in 1..=10 {
        project.run(&["upgrade", "+1"]).expect_code(0);
        sqlite3(
            &project.database(),
            "CREATE TABLE g(x); INSERT INTO g VALUES (zeroblob(90000)); DROP TABLE g",
        );
        let optimized = project.run(&["optimize", "--json"]).expect_code(0).json();
        assert!(optimized["backup"].is_string(), "{optimized}");
    }
    assert_eq!(owner(&project.database()), "after 10");
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "after 9");
    let version = sqlite3(&project.database(), "SELECT max(version) FROM schema_version");
    assert_eq!(version.trim(), "9");
    // Every one of them can still be undone.
    for number in 1..10 {
        project
            .run(&["restore", &format!("before:p{number:02}"), "--yes", "--dry-run"])
            .expect_code(0);
    }
}

/// Makes every backup look as if it had been made so many days ago.
fn age(project: &Project, days: i64) {
    for name in backups_in(&folder(project)) {
        restate(&folder(project).join(name), |manifest| {
            let created = manifest["created"].as_str().unwrap();
            let created = chrono::DateTime::parse_from_rfc3339(created).unwrap();
            manifest["created"] = (created - chrono::TimeDelta::days(days)).to_rfc3339().into();
        });
    }
}

#[test]
fn a_run_removes_what_is_old_and_keeps_every_way_back() {
    let project = project();
    project.write("phaseshift.toml", "[keep]\ncount = 3\ndays = 2\n");
    project.write_phase("p1.toml", ADDS);
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["backup", "--name", "eclipse"]).expect_code(0);
    for number in 0..6 {
        sqlite3(&project.database(), &format!("UPDATE t SET b = {number}"));
        project.run(&["backup"]).expect_code(0);
    }
    assert_eq!(backups_in(&folder(&project)).len(), 8, "none of them is old enough");
    age(&project, 3);
    project.write_phase("p2.toml", "[[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'u'\n");
    let report = project.run(&["upgrade", "--json"]).expect_code(0).json();
    assert_eq!(report["removed_backups"].as_array().unwrap().len(), 3, "{report}");
    let left = backups_in(&folder(&project));
    let count = |word: &str| left.iter().filter(|name| name.contains(word)).count();
    assert_eq!((count("_pre_p1_"), count("_eclipse_"), count("_manual_")), (1, 1, 3), "{left:?}");
    // The backup for p2 is the last one by hand: it holds exactly what p2 found.
    assert_eq!(left.len(), 5, "{left:?}");
    project.run(&["restore", "before:p2", "--yes"]).expect_code(0);
    project.run(&["restore", "before:p1", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "mine");
}

#[test]
fn pruning_says_why_each_backup_stays_and_how_much_was_freed() {
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["backup", "--name", "eclipse"]).expect_code(0);
    for number in 0..3 {
        sqlite3(&project.database(), &format!("UPDATE t SET b = {number}"));
        project.run(&["backup"]).expect_code(0);
        project.run(&["restore", "before:p1", "--yes"]).expect_code(0);
        project.run(&["upgrade"]).expect_code(0);
    }
    let all = backups_in(&folder(&project));
    let would = project.run(&["backups", "prune", "--keep", "1", "--dry-run", "--json"]).json();
    assert_eq!(backups_in(&folder(&project)), all);
    let sizes: u64 = would["removed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| std::fs::metadata(it.as_str().unwrap()).unwrap().len())
        .sum();
    let done = project.run(&["backups", "prune", "--keep", "1", "--json"]).expect_code(0).json();
    assert_eq!(done["removed"], would["removed"]);
    assert_eq!(done["bytes_freed"], sizes);
    let left = backups_in(&folder(&project));
    let kept = done["kept"].as_array().unwrap();
    assert_eq!(kept.len(), left.len(), "{done}");
    let reason = |word: &str| {
        let of = kept.iter().filter(|it| it["file"].as_str().unwrap().contains(word));
        of.map(|it| it["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("; ")
    };
    assert!(reason("_pre_p1_").contains("before p1, which is applied"), "{done}");
    assert!(reason("_eclipse_").contains("it has a name"), "{done}");
    assert!(reason("_before_restore_").contains("newest of its kind"), "{done}");
    // Without the database, nothing tells which phases are applied: all of them count.
    std::fs::remove_file(project.database()).unwrap();
    project.run(&["backups", "prune", "--keep", "0", "--keep-days", "0"]).expect_code(0);
    assert!(backups_in(&folder(&project)).iter().any(|name| name.contains("_pre_p1_")));
}

#[test]
fn the_highest_sequence_number_does_not_freeze_the_order() {
    for (number, readable) in [(u64::MAX, false), (1 << 60, false), (1 << 53, true)] {
        let project = project();
        project.run(&["backup"]).expect_code(0);
        let planted = listed(&project.run(&["backups", "--json"])).remove(0);
        restate(&planted, |it| it["sequence"] = number.into());
        for text in ["one", "two", "three"] {
            sqlite3(&project.database(), &format!("UPDATE t SET a = '{text}'"));
            std::thread::sleep(std::time::Duration::from_millis(5));
            project.run(&["backup"]).expect_code(0);
            let newest = listed(&project.run(&["backups", "--json"])).remove(0);
            assert_eq!(owner(&newest), text, "{number}");
        }
        sqlite3(&project.database(), "UPDATE t SET a = 'lost'");
        project.run(&["restore", "--latest", "--yes"]).expect_code(0);
        assert_eq!(owner(&project.database()), "three", "{number}");
        let list = project.run(&["backups", "--json"]).json();
        let of_planted = |it: &&Value| Path::new(it["file"].as_str().unwrap()) == planted;
        let entry = list["backups"].as_array().unwrap().iter().find(of_planted).unwrap().clone();
        assert_eq!(entry["verified"], readable, "{entry}");
    }
}

#[test]
fn manifests_that_are_not_ours_neither_count_nor_stop_anything() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("file is a path", |it| it["file"] = "../../etc/passwd".into()),
        ("file is absolute", |it| it["file"] = "/etc/passwd".into()),
        ("source is relative", |it| it["source"] = "fits_catalog.db".into()),
        ("sequence is text", |it| it["sequence"] = "7".into()),
        ("sequence is negative", |it| it["sequence"] = (-1).into()),
        ("tables is a number", |it| it["tables"] = 5.into()),
        ("label is unknown", |it| it["label"] = "sideways".into()),
        ("bytes is too much", |it| it["bytes"] = 1e30.into()),
        ("it is a list", |it| *it = serde_json::json!([1, 2, 3])),
    ];
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.run(&["backup"]).expect_code(0);
    let backup = listed(&project.run(&["backups", "--json"])).remove(0);
    let good = std::fs::read(manifest_of(&backup)).unwrap();
    for (what, change) in changes {
        std::fs::write(manifest_of(&backup), &good).unwrap();
        restate(&backup, change);
        let list = project.run(&["backups", "--json"]).expect_code(0).json();
        assert_eq!(list["backups"][0]["verified"], false, "{what}");
        project.run(&["restore", "--latest", "--yes"]).expect_code(4);
        project.run(&["restore", "1", "--yes"]).expect_code(4);
        project.run(&["backups", "prune", "--keep", "0", "--keep-days", "0"]).expect_code(0);
        assert!(backup.exists(), "{what}");
    }
    // Nor does a folder in the place of a manifest.
    std::fs::remove_file(manifest_of(&backup)).unwrap();
    std::fs::create_dir(manifest_of(&backup)).unwrap();
    project.run(&["status"]).expect_code(0);
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(project.run(&["backups", "--json"]).json()["backups"][0]["phase"], "p1");
}

#[test]
fn backups_with_one_number_are_ordered_by_time() {
    let project = project();
    for text in ["one", "two", "three"] {
        sqlite3(&project.database(), &format!("UPDATE t SET a = '{text}'"));
        project.run(&["backup"]).expect_code(0);
    }
    for (path, hour) in listed(&project.run(&["backups", "--json"])).iter().zip([3, 9, 6]) {
        restate(path, |it| {
            it["sequence"] = 1.into();
            it["created"] = format!("2026-01-01T{hour:02}:00:00Z").into();
        });
    }
    let list = listed(&project.run(&["backups", "--json"]));
    assert_eq!(list.iter().map(|it| owner(it)).collect::<Vec<_>>(), ["two", "one", "three"]);
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(owner(&project.database()), "two");
}

#[test]
fn a_backup_that_its_manifest_calls_unverified_is_not_trusted() {
    for field in ["verified", "damaged"] {
        let project = project();
        project.run(&["backup"]).expect_code(0);
        let backup = listed(&project.run(&["backups", "--json"])).remove(0);
        restate(&backup, |it| it[field] = (field == "damaged").into());
        sqlite3(&project.database(), "UPDATE t SET a = 'now'");
        project.run(&["restore", "--latest", "--yes"]).expect_code(4);
        let refused = project.run(&["restore", "1", "--yes"]).expect_code(4);
        assert!(refused.stderr.contains("is not verified"), "{}", refused.stderr);
        assert_eq!(owner(&project.database()), "now");
        let verified = project.run(&["backups", "verify", "--json"]).expect_code(10).json();
        assert_eq!(verified["checks"][0]["ok"], false, "{verified}");
        project.run(&["restore", "1", "--yes", "--force"]).expect_code(0);
        assert_eq!(owner(&project.database()), "mine");
    }
}

#[test]
fn a_journal_in_the_place_of_a_backup_is_not_taken_for_its_own() {
    for sidecar in ["-journal", "-wal", "-shm"] {
        let project = project();
        project.write_phase("p1.toml", ADDS);
        std::fs::create_dir(folder(&project)).unwrap();
        // The name has the time in it: plant one for every second of the next minute.
        let now = chrono::Local::now();
        for second in 0..60 {
            let stamp = (now + chrono::TimeDelta::seconds(second)).format("%Y%m%d_%H%M%S");
            let name = format!("backups/fits_catalog_pre_p1_{stamp}.db{sidecar}");
            project.write(&name, "not a journal of any backup");
        }
        project.run(&["upgrade"]).expect_code(0);
        let made: Vec<String> = backups_in(&folder(&project)).into_iter().collect();
        assert!(made.len() == 1 && made[0].ends_with("_2.db"), "{made:?}");
        project.run(&["backups", "verify"]).expect_code(0);
        project.run(&["restore", "--latest", "--yes"]).expect_code(0);
        assert_eq!(owner(&project.database()), "mine");
    }
}

#[test]
fn what_killed_runs_left_goes_with_the_next_run() {
    let project = project();
    project.write_phase("p1.toml", ADDS);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    let mut living = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let busy = living.id();
    let today = chrono::Local::now().format("%Y%m%d_%H%M%S");
    let gone = [
        format!("fits_catalog_manual_20240101_000000.db.{dead}.part"),
        format!("fits_catalog_manual_20240101_000000.db.{dead}.part-journal"),
        format!("fits_catalog_pre_p1_20240101_000000.db.json.{dead}.part"),
        // Of another machine, or before the last start of this one.
        format!("fits_catalog_pre_p1_20240101_000000.db.{busy}-00c0ffee.part"),
    ];
    let stays = [
        format!("fits_catalog_manual_20240101_000000.db.{busy}.part"),
        // Another container may be writing it.
        format!("fits_catalog_manual_{today}.db.{dead}-00c0ffee.part"),
        format!("others_manual_20240101_000000.db.{dead}.part"),
    ];
    for name in gone.iter().chain(&stays) {
        project.write(&format!("backups/{name}"), "half a backup");
    }
    let status = project.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["leftovers"].as_array().unwrap().len(), 6, "{status}");
    project.run(&["upgrade"]).expect_code(0);
    living.kill().unwrap();
    living.wait().unwrap();
    for name in &gone {
        assert!(!folder(&project).join(name).exists(), "{name}");
    }
    for name in &stays {
        assert!(folder(&project).join(name).exists(), "{name}");
    }
}

#[test]
fn a_restore_to_phases_without_a_file_says_so_first() {
    let project = project();
    project.write_phase("p1.toml", ADDS);
    project.write_phase("p2.toml", "[[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'u'\n");
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["backup", "--name", "later"]).expect_code(0);
    project.run(&["downgrade"]).expect_code(0);
    // The downgrade has used the backup called "later".
    let named = |output: &Output| output.stdout.contains("without a phase file here: p2");
    assert!(!named(&project.run(&["restore", "1", "--dry-run"]).expect_code(0)));
    std::fs::remove_file(project.path("phases/p2.toml")).unwrap();
    assert!(named(&project.run(&["restore", "1", "--dry-run"]).expect_code(0)));
    let document = project.run(&["restore", "1", "--yes", "--json"]).expect_code(0).json();
    assert_eq!(document["missing_phases"], serde_json::json!(["p2"]));
    // A folder of phases that cannot be read is another command's finding.
    project.write_phase("p3.toml", "not TOML");
    project.run(&["restore", "before:p1", "--yes"]).expect_code(0);
}

/// Says of a table what a comparison with a backup found: whether it holds, and its words.
fn rows_of(project: &Project, against: &Path, table: &str, code: i32) -> (bool, String) {
    let arguments = ["verify", "--json", "--against", against.to_str().unwrap()];
    let document = project.run(&arguments).expect_code(code).json();
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["name"] == format!("rows of {table}"));
    let check = check.unwrap_or_else(|| panic!("no rows of {table} in {document}"));
    (check["ok"] == true, check["detail"].as_str().unwrap().to_owned())
}

/// A project whose phases rename a table and a column, add one, and drop a table; and the backup from before.
fn renamed() -> (Project, PathBuf) {
    let project = project();
    let sql = "CREATE TABLE gone(x); INSERT INTO gone VALUES (1); \
               CREATE TABLE pair(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID; \
               INSERT INTO pair VALUES (1, 'x'), (1, 'y'); INSERT INTO t(a) VALUES ('second')";
    sqlite3(&project.database(), sql);
    project.write_phase("p1.toml", "[[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'u'\n[[up]]\nop = 'rename_column'\ntable = 'u'\nfrom = 'a'\nto = 'name'\n");
    project.write_phase("p2.toml", "[[up]]\nop = 'add_column'\ntable = 'u'\ncolumn = 'n INTEGER DEFAULT 3'\n[[up]]\nop = 'drop_table'\ntable = 'gone'\n[[up]]\nop = 'rename_column'\ntable = 'pair'\nfrom = 'b'\nto = 'c'\n");
    let report = project.run(&["upgrade", "--json"]).expect_code(0).json();
    let backup = PathBuf::from(report["backup"].as_str().unwrap());
    (project, backup)
}

#[test]
fn a_migrated_file_is_verified_against_its_backup_through_the_renames() {
    let (project, backup) = renamed();
    assert_eq!(
        rows_of(&project, &backup, "u", 0),
        (true, "2 equal, 0 changed, 0 missing, 0 written since".to_owned())
    );
    assert_eq!(
        rows_of(&project, &backup, "pair", 0),
        (true, "2 equal, 0 changed, 0 missing, 0 written since".to_owned())
    );
    assert!(rows_of(&project, &backup, "gone", 0).1.contains("a phase dropped"));
}

#[test]
fn a_row_that_changed_after_the_migration_is_found_through_the_renames() {
    for (sql, table, words) in [
        (
            "UPDATE u SET name = 'other' WHERE id = 2",
            "u",
            "1 equal, 1 changed, 0 missing, 0 written since",
        ),
        (
            "UPDATE u SET name = CAST(name AS BLOB) WHERE id = 1",
            "u",
            "1 equal, 1 changed, 0 missing, 0 written since",
        ),
        (
            "DELETE FROM pair WHERE c = 'y'",
            "pair",
            "1 equal, 0 changed, 1 missing, 0 written since",
        ),
        (
            "INSERT INTO u(name) VALUES ('third')",
            "u",
            "2 equal, 0 changed, 0 missing, 1 written since",
        ),
    ] {
        let (project, backup) = renamed();
        sqlite3(&project.database(), sql);
        assert_eq!(rows_of(&project, &backup, table, 3), (false, words.to_owned()), "{sql}");
    }
    // What the phases added is not in the backup.
    let (project, backup) = renamed();
    sqlite3(&project.database(), "UPDATE u SET n = 4");
    assert!(rows_of(&project, &backup, "u", 0).0);
}

#[test]
fn a_file_that_went_back_down_is_verified_against_the_backup_from_up_there() {
    let project = project();
    project.write_phase("p1.toml", "[[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'u'\n");
    let first = project.run(&["upgrade", "--json"]).expect_code(0).json();
    let down = project.run(&["downgrade", "--json"]).expect_code(0).json();
    let path = |report: &Value| PathBuf::from(report["backup"].as_str().unwrap());
    assert!(rows_of(&project, &path(&first), "t", 0).0);
    assert!(rows_of(&project, &path(&down), "t", 0).0);
    sqlite3(&project.database(), "UPDATE t SET a = NULL");
    assert!(!rows_of(&project, &path(&first), "t", 3).0);
    assert!(!rows_of(&project, &path(&down), "t", 3).0);
}
