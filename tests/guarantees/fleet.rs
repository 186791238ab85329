//! Many files in one run: which are found, what each ends as, and that running again resumes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::{Output, Project, sqlite3};

const RENAMES: &str = "version = 1\n[[up]]\nop = 'rename_column'\ntable = 't'\nfrom = 'a'\nto = 'name'\n\
                       [[up]]\nop = 'create_index'\nsql = 'CREATE INDEX by_name ON t(name)'\n";

/// Makes a database with so many rows.
fn make(path: &Path, rows: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let sql = format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE other(x); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO t(a) SELECT 'row ' || i FROM n"
    );
    sqlite3(path, &sql);
}

/// A project with a phase and a folder of so many databases.
fn tenants(count: usize) -> Project {
    let project = Project::empty();
    project.write("phaseshift.toml", "wait = 0\n");
    project.write_phase("one.toml", RENAMES);
    for number in 0..count {
        make(&project.path(format!("tenants/{:02}/data.db", number)), number + 3);
    }
    project
}

/// The JSON lines of a run: each file's by its name, and the summary.
fn lines(output: &Output) -> (BTreeMap<String, Value>, Value) {
    let documents: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let (last, files) = documents.split_last().expect("a summary");
    let named = |it: &Value| (it["file"].as_str().unwrap().to_owned(), it.clone());
    let by_name: BTreeMap<String, Value> = files.iter().map(named).collect();
    assert_eq!(by_name.len(), files.len(), "one line for each file");
    for document in &documents {
        assert_eq!(document["format"], 1);
        assert!(document["command"].is_string() && document["ok"].is_boolean());
    }
    (by_name, last["summary"].clone())
}

fn outcomes(files: &BTreeMap<String, Value>) -> Vec<(&str, &str)> {
    files.iter().map(|(name, it)| (name.as_str(), it["outcome"].as_str().unwrap())).collect()
}

/// What the judge finds in a file: the columns of `t`, its rows, and the recorded version.
fn judged(path: &Path) -> String {
    sqlite3(
        path,
        "SELECT (SELECT group_concat(name) FROM pragma_table_info('t')), \
         (SELECT count(*) FROM t), (SELECT integrity_check FROM pragma_integrity_check), \
         (SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version')",
    )
    .trim()
    .to_owned()
}

#[test]
fn every_good_file_is_migrated_and_every_bad_one_is_listed() {
    let project = tenants(12);
    std::fs::write(project.path("tenants/03/data.db"), vec![b'x'; 9_000]).unwrap();
    std::fs::write(project.path("tenants/04/data.db"), b"").unwrap();
    sqlite3(&project.path("tenants/05/data.db"), "ALTER TABLE t RENAME COLUMN a TO b");
    let run = project.run_here(&["upgrade", "--all", "tenants", "--json", "--jobs", "3"]);
    let (files, summary) = lines(&run.expect_code(3));
    assert_eq!(summary["files"], 12);
    assert_eq!(summary["done"], 9);
    assert_eq!(summary["failed"], 3);
    let kinds: Vec<&str> = ["03", "04", "05"]
        .iter()
        .map(|it| files[&format!("{it}/data.db")]["error"]["kind"].as_str().unwrap())
        .collect();
    // A file without a byte is none.
    assert!(["database-missing", "not-a-file"].contains(&kinds[1]), "{kinds:?}");
    assert_eq!([kinds[0], kinds[2]], ["not-a-database", "step"]);
    for failure in summary["failures"].as_array().unwrap() {
        let next = failure["next"].to_string();
        assert!(!next.is_empty(), "{failure}");
    }
    for (name, line) in files.iter().filter(|(_, line)| line["outcome"] == "done") {
        let number: usize = name[..2].parse().unwrap();
        let file = project.path("tenants").join(name);
        assert_eq!(judged(&file), format!("id,name|{}|ok|1", number + 3));
        assert!(
            line["backup"].as_str().unwrap().contains(&format!("tenants/{}/backups/", &name[..2]))
        );
        assert_eq!(line["proof"]["rows"], number + 3);
    }
    // Again: nothing is written, no backup is made, and the digest is the same.
    let before = crate::support::Snapshot::of_folder(&project.path("tenants"));
    let again = project.run_here(&["upgrade", "--all", "tenants", "--json"]);
    let (files_again, summary_again) = lines(&again.expect_code(3));
    assert_eq!(summary_again["up_to_date"], 9);
    assert_eq!(summary_again["digest"], summary["digest"]);
    assert_eq!(files_again["00/data.db"]["backup"], Value::Null);
    assert_eq!(
        before.names(),
        crate::support::Snapshot::of_folder(&project.path("tenants")).names()
    );
}

#[test]
fn only_databases_are_found_and_each_once() {
    let project = tenants(2);
    make(&project.path("tenants/no_ending"), 3);
    make(&project.path("tenants/sub/deep/er.sqlite"), 3);
    make(&project.path("tenants/.hidden.db"), 3);
    make(&project.path("tenants/.git/x.db"), 3);
    make(&project.path("tenants/backups/kept.db"), 3);
    make(&project.path("tenants/half.db.4711.part"), 3);
    std::fs::write(project.path("tenants/readme.txt"), "no database").unwrap();
    std::fs::write(project.path("tenants/empty.lock"), "").unwrap();
    std::fs::write(project.path("tenants/00/data.db-journal"), "").unwrap();
    std::os::unix::fs::symlink("..", project.path("tenants/sub/up")).unwrap();
    std::os::unix::fs::symlink("00/data.db", project.path("tenants/0_link.db")).unwrap();
    std::fs::hard_link(project.path("tenants/01/data.db"), project.path("tenants/99.db")).unwrap();
    let made =
        project.run_here(&["backup", "-d", "tenants/00/data.db", "--backup-dir", "tenants/00"]);
    made.expect_code(0);
    let run = project.run_here(&["current", "--all", "tenants", "--json"]).expect_code(0);
    let (files, summary) = lines(&run);
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, ["00/data.db", "01/data.db", "no_ending", "sub/deep/er.sqlite"]);
    let skipped = summary["skipped"].to_string();
    for wanted in [
        r#""file":"0_link.db","reason":"same-file","same_as":"00/data.db""#,
        r#""file":"99.db","reason":"same-file","same_as":"01/data.db""#,
        r#""reason":"backup""#,
        r#""file":"half.db.4711.part","reason":"half-made""#,
    ] {
        assert!(skipped.contains(wanted), "{wanted} in {skipped}");
    }
}

#[test]
fn patterns_and_lists_select() {
    let project = tenants(3);
    let names = |selection: &str| {
        let run = project.run_here(&["current", "--all", selection, "--json"]).expect_code(0);
        lines(&run).0.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names("tenants/0[02]/*.db"), ["00/data.db", "02/data.db"]);
    assert_eq!(names("tenants/**/*.db"), ["00/data.db", "01/data.db", "02/data.db"]);
    assert_eq!(names("tenants/01/data.db"), ["data.db"]);
    project.write(
        "list",
        "tenants/02/data.db\r\n\n./tenants/00/data.db\ntenants/../tenants/00/data.db\n",
    );
    assert_eq!(names("@list"), ["tenants/../tenants/00/data.db", "tenants/02/data.db"]);
    make(&project.path("a\nb.db"), 1);
    project.write("zeros", "a\nb.db\0tenants/00/data.db\0");
    assert_eq!(names("@zeros"), ["a\nb.db", "tenants/00/data.db"]);
    project.write("wrong", "tenants/00/data.db\nmissing.db\n");
    let run = project.run_here(&["current", "--all", "@wrong", "--json"]).expect_code(3);
    assert_eq!(
        outcomes(&lines(&run).0),
        [("missing.db", "failed"), ("tenants/00/data.db", "done")]
    );
    for (selection, code) in [("nothing", 4), ("tenants/*.nothing", 4), ("@nothing", 4), ("", 2)] {
        let run = project.run_here(&["current", "--all", selection, "--json"]);
        assert!(
            run.code == code || (selection == "@nothing" && run.code == 1),
            "{selection}: {run:?}"
        );
        assert_eq!(run.json()["ok"], false, "one document");
    }
    project.run_here(&["current", "--all", "tenants", "-d", "x.db"]).expect_code(2);
    project.run_here(&["migrate", "--all", "tenants"]).expect_code(4);
}

#[test]
fn shards_share_the_files_out() {
    let project = tenants(20);
    let (whole, _) = lines(&project.run_here(&["current", "--all", "tenants", "--json"]));
    let mut seen = Vec::new();
    for shard in 1..=3 {
        let shard = format!("{shard}/3");
        let run = project.run_here(&["current", "--all", "tenants", "--json", "--shard", &shard]);
        let (files, summary) = lines(&run.expect_code(0));
        assert_eq!(summary["shard"], shard.as_str());
        assert_eq!(summary["fleet"]["files"], 20);
        seen.extend(files.into_keys());
    }
    seen.sort();
    assert_eq!(seen, whole.into_keys().collect::<Vec<_>>());
    project.run_here(&["current", "--all", "tenants", "--shard", "4/3"]).expect_code(2);
    project.run_here(&["current", "--all", "tenants", "--shard", "auto"]).expect_code(2);
    let mut slurm = project.command();
    slurm.args(["current", "--all", "tenants", "--json", "--shard", "auto"]);
    for (name, value) in [("ID", "1"), ("MIN", "0"), ("MAX", "2"), ("STEP", "1"), ("COUNT", "4")] {
        slurm.env(format!("SLURM_ARRAY_TASK_{name}"), value);
    }
    let wrong = slurm.current_dir(project.folder()).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("contradict"));
}

#[test]
fn limits_leave_the_rest_as_it_was() {
    let project = tenants(8);
    std::fs::write(project.path("tenants/02/data.db"), "broken").unwrap();
    let run = ["upgrade", "--all", "tenants", "--json", "--jobs", "1", "--canary", "3"];
    let (files, summary) = lines(&project.run_here(&run).expect_code(3));
    assert_eq!(summary["stopped"], "canary");
    assert_eq!(summary["left"], 5);
    assert_eq!(files["07/data.db"]["outcome"], "left");
    assert_eq!(judged(&project.path("tenants/07/data.db")), "id,a|10|ok|0");
    let run = ["upgrade", "--all", "tenants", "--json", "--jobs", "1", "--fail-fast"];
    let (_, summary) = lines(&project.run_here(&run).expect_code(3));
    assert_eq!((&summary["left"], &summary["stopped"]), (&5.into(), &"failures".into()));
    let text = project.run_here(&["upgrade", "--all", "tenants", "--fail-fast", "--jobs", "1"]);
    let said = text.expect_code(3).stdout;
    assert!(said.contains("02/data.db") && said.contains("next:"), "{said}");
    assert!(said.contains("Not done, and as before:\n  03/data.db"), "{said}");
    let (_, summary) = lines(
        &project
            .run_here(&["upgrade", "--all", "tenants", "--json", "--max-failures", "1"])
            .expect_code(3),
    );
    assert_eq!((&summary["left"], &summary["stopped"]), (&0.into(), &Value::Null));
}

#[test]
fn backups_in_a_common_folder_do_not_mix() {
    let project = tenants(3);
    let run = ["upgrade", "--all", "tenants", "--json", "--backup-dir", "kept"];
    let (files, _) = lines(&project.run_here(&run).expect_code(0));
    for (name, line) in &files {
        let backup = line["backup"].as_str().unwrap();
        assert!(backup.contains(&format!("kept/{name}/data_pre_one_")), "{backup}");
    }
    assert!(!project.path("tenants/00/backups").exists());
    let flags = ["restore", "--latest", "--yes", "-d", "tenants/00/data.db"];
    let run = [&flags[..], &["--backup-dir", "kept/00/data.db"]].concat();
    project.run_here(&run).expect_code(0);
    assert_eq!(judged(&project.path("tenants/00/data.db")), "id,a|3|ok|0");
}

#[test]
fn a_busy_file_is_a_listed_failure() {
    let project = tenants(4);
    let mut other = crate::support::Other::start(&project.path("tenants/02/data.db"));
    other.say("BEGIN IMMEDIATE");
    let run = project.run_here(&["upgrade", "--all", "tenants", "--json", "--jobs", "4"]);
    let (files, _) = lines(&run.expect_code(3));
    assert_eq!(files["02/data.db"]["error"]["kind"], "busy");
    assert_eq!(files["02/data.db"]["exit_code"], 5);
    other.say("ROLLBACK");
    let run = project.run_here(&["upgrade", "--all", "tenants", "--json"]).expect_code(0);
    assert_eq!(lines(&run).1["up_to_date"], 3);
}

#[test]
fn reading_commands_answer_for_each_file() {
    let project = tenants(3);
    project.run_here(&["upgrade", "-d", "tenants/01/data.db"]).expect_code(0);
    let run = ["current", "--all", "tenants", "--require", "head", "--json"];
    let (files, summary) = lines(&project.run_here(&run).expect_code(3));
    let wanted = [("00/data.db", "no"), ("01/data.db", "done"), ("02/data.db", "no")];
    assert_eq!(outcomes(&files), wanted);
    assert_eq!(summary["no"], 2);
    project.run_here(&["status", "--all", "tenants"]).expect_code(0);
    project.run_here(&["status", "--all", "tenants", "--exit-code"]).expect_code(3);
    let run = project.run_here(&["verify", "--all", "tenants", "--json", "--quick"]).expect_code(0);
    assert!(lines(&run).0["00/data.db"]["checks"].as_array().unwrap().len() > 2);
    let run =
        project.run_here(&["backup", "--all", "tenants", "--name", "x", "--json"]).expect_code(0);
    let (files, _) = lines(&run);
    let backup = files["02/data.db"]["backup"]["file"].as_str().unwrap();
    assert_eq!(sqlite3(Path::new(backup), "SELECT count(*) FROM t").trim(), "5");
}
