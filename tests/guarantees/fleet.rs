//! Many files in one run: which are found, what each ends as, and that running again resumes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use support::{Output, Project, sqlite3};

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
    let before = support::Snapshot::of_folder(&project.path("tenants"));
    let again = project.run_here(&["upgrade", "--all", "tenants", "--json"]);
    let (files_again, summary_again) = lines(&again.expect_code(3));
    assert_eq!(summary_again["up_to_date"], 9);
    assert_eq!(summary_again["digest"], summary["digest"]);
    assert_eq!(files_again["00/data.db"]["backup"], Value::Null);
    assert_eq!(before.names(), support::Snapshot::of_folder(&project.path("tenants")).names());
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
    let unquoted = ["upgrade", "--all", "tenants/00/data.db", "tenants/01/data.db"];
    assert!(project.run_here(&unquoted).expect_code(2).stderr.contains("quote the pattern"));
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
    assert!(said.contains("Not done; these files are unchanged:\n  03/data.db"), "{said}");
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
    let mut other = support::Other::start(&project.path("tenants/02/data.db"));
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

/// The events of a journal, each as `event file`.
fn events(project: &Project, journal: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path(journal)).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    let parsed = lines.map(|line| serde_json::from_str::<Value>(line).expect(line));
    parsed
        .map(|it| {
            format!("{} {}", it["event"].as_str().unwrap(), it["file"].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn a_failure_takes_back_what_the_run_did() {
    let project = tenants(6);
    std::fs::write(project.path("tenants/04/data.db"), "broken").unwrap();
    let run = [
        "upgrade",
        "--all",
        "tenants",
        "--json",
        "--jobs",
        "1",
        "--undo-on-failure",
        "--journal",
        "j",
    ];
    let output = project.run_here(&run).expect_code(3);
    let documents: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = &documents.last().unwrap()["summary"];
    assert_eq!(
        (&summary["undone"], &summary["failed"], &summary["left"]),
        (&4.into(), &1.into(), &1.into())
    );
    let undone: Vec<&str> = documents
        .iter()
        .filter(|it| it["outcome"] == "undone")
        .map(|it| it["file"].as_str().unwrap())
        .collect();
    assert_eq!(undone, ["00/data.db", "01/data.db", "02/data.db", "03/data.db"]);
    for number in [0, 1, 2, 3, 5] {
        let file = project.path(format!("tenants/{number:02}/data.db"));
        assert!(
            judged(&file).starts_with(&format!("id,a|{}|ok|", number + 3)),
            "{}",
            judged(&file)
        );
        let recorded = "SELECT count(*) FROM schema_version";
        assert!(number == 5 || sqlite3(&file, recorded).trim() == "0");
    }
    let said = events(&project, "j");
    assert_eq!(said[0], "run ");
    assert_eq!(said.last().unwrap(), "end ");
    assert_eq!(said.iter().filter(|it| it.starts_with("undone ")).count(), 4);
    // The next run is a new one, and migrates them again.
    make_again(&project.path("tenants/04/data.db"));
    let (_, summary) = lines(&project.run_here(&run).expect_code(0));
    assert_eq!(summary["done"], 6);
}

fn make_again(path: &Path) {
    std::fs::remove_file(path).unwrap();
    make(path, 3);
}

#[test]
fn an_undo_that_was_killed_is_resumed_and_newer_rows_stay() {
    let project = tenants(3);
    let run = ["upgrade", "--all", "tenants", "--json", "--journal", "j", "--undo-on-failure"];
    project.run_here(&run).expect_code(0);
    // As if the run had been killed in the middle of its undo, within a line.
    let text = std::fs::read_to_string(project.path("j")).unwrap();
    let cut = text.lines().filter(|line| !line.contains("\"end\"")).collect::<Vec<_>>().join("\n");
    project.write("j", &format!("{cut}\n{{\"event\":\"undo\"}}\n{{\"event\":\"und"));
    let file = project.path("tenants/01/data.db");
    sqlite3(&file, "INSERT INTO t(name) VALUES ('written since')");
    let (_, summary) = lines(&project.run_here(&run).expect_code(3));
    assert_eq!(summary["undone"], 3);
    assert_eq!(judged(&file), "id,a|5|ok|1");
    assert_eq!(sqlite3(&file, "SELECT a FROM t ORDER BY id DESC LIMIT 1").trim(), "written since");
    let text = std::fs::read_to_string(project.path("j")).unwrap();
    assert!(
        text.contains("\"resume\"")
            && text.trim_end().ends_with("{\"event\":\"end\",\"exit_code\":3}")
    );
}

#[test]
fn a_file_that_a_killed_run_migrated_belongs_to_the_run() {
    let project = tenants(3);
    let run = ["upgrade", "--all", "tenants", "--json", "--journal", "j", "--jobs", "1"];
    project.run_here(&run).expect_code(0);
    // As if the run had been killed between the commit of 02 and the line that says so.
    let text = std::fs::read_to_string(project.path("j")).unwrap();
    let kept: Vec<&str> = text.lines().take(6).collect();
    assert!(kept[5].contains("\"start\"") && kept[5].contains("02/data.db"), "{kept:?}");
    project.write("j", &format!("{}\n", kept.join("\n")));
    make(&project.path("tenants/03/data.db"), 4);
    std::fs::write(project.path("tenants/04.db"), "broken").unwrap();
    let output = project.run_here(&[&run[..], &["--undo-on-failure"]].concat()).expect_code(3);
    let last: Value = serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["summary"]["undone"], 4, "{last}");
    assert_eq!(judged(&project.path("tenants/02/data.db")), "id,a|5|ok|1");
}

#[test]
fn a_journal_belongs_to_one_run() {
    let project = tenants(2);
    project.write("text", "no journal\nat all\n");
    let run = |journal: &str, target: &str| {
        project.run_here(&["upgrade", target, "--all", "tenants", "--json", "--journal", journal])
    };
    assert_eq!(run("text", "head").expect_code(4).json()["error"]["kind"], "config");
    run("j", "head").expect_code(0);
    let text = std::fs::read_to_string(project.path("j")).unwrap();
    project.write("j", &text.lines().take(3).map(|it| format!("{it}\n")).collect::<String>());
    let said = run("j", "one").expect_code(4);
    assert!(said.json()["error"]["message"].as_str().unwrap().contains("another run"));
    run("j", "head").expect_code(0);
}

#[test]
fn workers_share_plans_but_not_findings() {
    let project = tenants(6);
    // Same texts, but rows that break the rule of the next phase.
    project.write_phase(
        "two.toml",
        "[[require]]\nname = 'short'\nsql = \"SELECT id FROM t WHERE name = 'long'\"\nexpect = 'no rows'\n\
         [[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'b INTEGER DEFAULT 1'\n",
    );
    project.run_here(&["upgrade", "one", "--all", "tenants"]).expect_code(0);
    sqlite3(&project.path("tenants/03/data.db"), "INSERT INTO t(name) VALUES ('long')");
    // The same text with other pages.
    sqlite3(
        &project.path("tenants/04/data.db"),
        "CREATE TABLE big(x); INSERT INTO big SELECT randomblob(9000); DROP TABLE big; VACUUM",
    );
    sqlite3(&project.path("tenants/05/data.db"), "CREATE VIEW only_here AS SELECT name FROM t");
    let run = project.run_here(&["upgrade", "--all", "tenants", "--json"]).expect_code(3);
    let (files, summary) = lines(&run);
    assert_eq!((&summary["done"], &summary["failed"]), (&5.into(), &1.into()));
    assert_eq!(files["03/data.db"]["error"]["kind"], "requirement");
    for number in [0, 1, 2, 4, 5] {
        let file = project.path(format!("tenants/{number:02}/data.db"));
        assert_eq!(judged(&file), format!("id,name,b|{}|ok|1", number + 3));
        let check = project.run_here(&["verify", "-d", file.to_str().unwrap()]);
        check.expect_code(0);
    }
}

#[test]
fn databases_that_share_a_folder_of_backups_keep_and_reuse_their_own() {
    let project = Project::empty();
    project.write("phaseshift.toml", "[keep]\ncount = 1\ndays = 0\n");
    project.write_phase("one.toml", RENAMES);
    for (number, name) in ["a", "a_b", "b"].iter().enumerate() {
        make(&project.path(format!("t/{name}.db")), number + 1);
    }
    let all = ["backup", "--all", "t", "--json"];
    let backups = || {
        let (files, _) = lines(&project.run_here(&all).expect_code(0));
        let file = |it: &Value| it["backup"]["file"].as_str().unwrap().to_owned();
        files.values().map(file).collect::<Vec<_>>()
    };
    let first = backups();
    assert_eq!(backups(), first, "a backup of the same content is used again");
    for (number, name) in ["a", "a_b", "b"].iter().enumerate() {
        sqlite3(&project.path(format!("t/{name}.db")), "INSERT INTO other VALUES (1)");
        assert_eq!(
            sqlite3(Path::new(&first[number]), "SELECT count(*) FROM t").trim(),
            format!("{}", number + 1)
        );
    }
    let second = backups();
    assert!(second.iter().all(|it| !first.contains(it)), "{second:?}");
    let left: Vec<String> = std::fs::read_dir(project.path("t/backups"))
        .unwrap()
        .map(|it| it.unwrap().path().display().to_string())
        .filter(|it| it.ends_with(".db"))
        .collect();
    assert_eq!(left.len(), 3, "one of each is kept: {left:?}");
    project.run_here(&["restore", "--latest", "--yes", "-d", "t/a.db"]).expect_code(0);
}

#[test]
fn shards_are_merged_and_what_is_missing_or_doubled_is_named() {
    let project = tenants(12);
    std::fs::write(project.path("tenants/03/data.db"), "broken").unwrap();
    let copy = |name: &str| {
        let made = std::process::Command::new("cp")
            .args(["-r", "tenants", name])
            .current_dir(project.folder())
            .status();
        assert!(made.unwrap().success());
    };
    copy("again");
    let (_, whole) = lines(&project.run_here(&["upgrade", "--all", "again", "--json"]));
    for shard in 1..=3 {
        let part = format!("{shard}/3");
        let run = ["upgrade", "--all", "tenants", "--json", "--shard", &part];
        project.write(&format!("{shard}.jsonl"), &project.run_here(&run).stdout);
    }
    let report = |arguments: &[&str]| {
        let all = [&["fleet", "report", "--json"], arguments].concat();
        project.run_here(&all).expect_code(3).json()
    };
    let all = report(&["1.jsonl", "2.jsonl", "3.jsonl", "--all", "tenants"]);
    assert_eq!((&all["done"], &all["failed"]), (&11.into(), &1.into()));
    assert_eq!(all["digest"], whole["digest"]);
    assert_eq!(all["digest"], report(&["3.jsonl", "1.jsonl", "2.jsonl"])["digest"]);
    for (name, value) in [("missing_count", "0"), ("doubled", "[]"), ("contradictions", "[]")] {
        assert_eq!(all[name].to_string(), value);
    }
    let some = report(&["1.jsonl", "3.jsonl", "--all", "tenants"]);
    assert_eq!(some["missing_shards"], serde_json::json!(["2/3"]));
    assert!(!some["missing"].as_array().unwrap().is_empty());
    assert_eq!(
        some["missing"].as_array().unwrap().len() as u64,
        some["missing_count"].as_u64().unwrap()
    );
    project.run_here(&["fleet", "report", "1.jsonl", "missing.jsonl"]).expect_code(1);
    project.write("again.jsonl", &std::fs::read_to_string(project.path("2.jsonl")).unwrap());
    let twice = report(&["1.jsonl", "2.jsonl", "3.jsonl", "again.jsonl"]);
    assert!(!twice["doubled"].as_array().unwrap().is_empty());
    assert!(twice["contradictions"][0].as_str().unwrap().contains("both shard 2/3"));
    let text = std::fs::read_to_string(project.path("2.jsonl")).unwrap();
    project.write("2.jsonl", &text[..text.len() - 40]);
    let cut = report(&["1.jsonl", "2.jsonl", "3.jsonl"]);
    assert_eq!(cut["truncated"], serde_json::json!(["2.jsonl"]));
    assert_eq!(cut["missing_shards"], serde_json::json!(["2/3"]));
    project.write("no.jsonl", "nothing\n");
    assert_eq!(report(&["no.jsonl"])["unreadable"], serde_json::json!(["no.jsonl"]));
}

#[test]
fn documents_of_single_files_are_merged_too() {
    let project = tenants(3);
    let mut names = vec!["fleet", "report", "--all", "tenants", "--json"];
    for number in ["00", "01", "02"] {
        let file = format!("tenants/{number}/data.db");
        project.write(
            &format!("{number}.json"),
            &project.run_here(&["upgrade", "--json", "-d", &file]).stdout,
        );
    }
    names.extend(["00.json", "01.json", "02.json"]);
    let merged = project.run_here(&names).expect_code(0).json();
    assert_eq!(merged["done"], 3);
    let (_, fleet) = lines(&project.run_here(&["upgrade", "--all", "tenants", "--json"]));
    assert_eq!(merged["digest"], fleet["digest"]);
}

/// The blocks of the page about many files, with their language.
fn blocks() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/many-files.md"));
    let page = page.unwrap();
    let mut parts = page.split("```");
    parts.next();
    let mut blocks = Vec::new();
    while let Some(block) = parts.next() {
        let (language, text) = block.split_once('\n').unwrap();
        blocks.push((language.to_owned(), text.to_owned()));
        parts.next();
    }
    blocks
}

/// A project as the page describes it.
fn page_project() -> Project {
    let project = Project::empty();
    project.write_phase("one.toml", RENAMES);
    for number in 0..8 {
        make(&project.path(format!("tenants/{number:02}.db")), number + 3);
    }
    project
}

/// Runs a line in a shell that finds the program: how it ended, and what was said.
fn shell(project: &Project, line: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_phaseshift")).parent().unwrap();
    let mut command = std::process::Command::new("bash");
    command.args(["-e", "-o", "pipefail", "-c", line]).current_dir(project.folder());
    command.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    command.env("HOME", project.root()).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn every_command_of_the_page_runs() {
    let project = page_project();
    let mut run = 0;
    for (language, text) in blocks() {
        if language == "sh" {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let (code, said) = shell(&project, line, &[]);
                assert_eq!(code, 0, "{line}\n{said}");
                run += 1;
            }
        }
    }
    assert!(run > 12, "{run}");
    assert_eq!(judged(&project.path("tenants/07.db")), "id,name|10|ok|1");
}

#[test]
fn the_scripts_of_schedulers_run_in_their_environment() {
    let project = page_project();
    let block = |wanted: &str| {
        let found = blocks().into_iter().find(|(language, _)| language == wanted);
        found.map(|(_, text)| text).unwrap_or_else(|| panic!("no block {wanted}"))
    };
    let slurm = block("slurm");
    let manifest = block("yaml");
    let line = manifest.lines().find_map(|line| line.trim().strip_prefix("command: ")).unwrap();
    let words: Vec<String> = serde_json::from_str(line).unwrap();
    let command = words.join(" ").replace("/data/tenants", "tenants");
    for number in 1..=8 {
        let id = number.to_string();
        let array = [
            ("SLURM_ARRAY_TASK_ID", id.as_str()),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "8"),
            ("SLURM_ARRAY_TASK_STEP", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "8"),
        ];
        let (code, said) = shell(&project, &slurm, &array);
        assert_eq!(code, 0, "{said}");
        let index = (number - 1).to_string();
        let line = format!("{command} > kubernetes-{number}.jsonl");
        let (code, said) = shell(&project, &line, &[("JOB_COMPLETION_INDEX", &index)]);
        assert_eq!(code, 0, "{said}");
    }
    let digest = |pattern: &str| {
        let line = format!("phaseshift fleet report {pattern} --all tenants --json");
        let (code, said) = shell(&project, &line, &[]);
        assert_eq!(code, 0, "{said}");
        serde_json::from_str::<Value>(&said).unwrap()["digest"].clone()
    };
    assert_eq!(digest("slurm-*.jsonl"), digest("kubernetes-*.jsonl"));
    let (code, _) =
        shell(&project, &format!("{command} | sed -n '$p'"), &[("JOB_COMPLETION_INDEX", "8")]);
    assert_eq!(code, 2);
}

#[test]
fn an_interrupt_leaves_each_file_old_or_new_and_lists_the_rest() {
    use std::io::{BufRead as _, Read as _};
    let project = tenants(30);
    let mut command = project.command();
    command.args(["upgrade", "--all", "tenants", "--json", "--jobs", "2"]);
    command.current_dir(project.folder()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    let output = Output { code: 130, stdout: said, stderr: String::new() };
    let (files, summary) = lines(&output);
    assert_eq!(files.len(), 30);
    assert_eq!(summary["stopped"], "interrupted");
    let left = summary["left_files"].as_array().unwrap();
    assert!(left.len() > 5 && left.len() < 30, "{}", left.len());
    for (name, line) in &files {
        let number: usize = name[..2].parse().unwrap();
        let columns = if line["outcome"] == "done" { "id,name" } else { "id,a" };
        let file = project.path("tenants").join(name);
        assert!(judged(&file).starts_with(&format!("{columns}|{}|ok|", number + 3)), "{name}");
    }
    let run = project.run_here(&["upgrade", "--all", "tenants", "--json"]).expect_code(0);
    assert_eq!(lines(&run).1["done"], left.len());
}
