//! A file that is newer than the folder is downgraded from its own history. Judged by Python's sqlite3 and by the
//! `sqlite3` program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use support::{Project, engine_at, python, script};

/// Nine phases; from the sixth on they rename, compute, drop and create.
const PHASES: [(&str, &str); 9] = [
    (
        "phase1",
        "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"\"\"CREATE TABLE stars(\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL, -- as in the catalogue\n  ra REAL,\n  dec REAL,\n  mag REAL\n)\"\"\"\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE notes(id INTEGER PRIMARY KEY, star INTEGER REFERENCES stars(id) ON DELETE CASCADE, body TEXT, draft TEXT DEFAULT 'none')\"\n",
    ),
    (
        "phase2",
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX stars_by_name ON stars(name COLLATE NOCASE)\"\n\
         [[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW bright AS SELECT id, name, mag FROM stars WHERE mag < 2\"\n",
    ),
    (
        "phase3",
        "[[up]]\nop = \"add_column\"\ntable = \"notes\"\ncolumn = \"author TEXT NOT NULL DEFAULT 'anon'\"\n",
    ),
    (
        "phase4",
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE log(what TEXT)\"\n\
         [[up]]\nop = \"create_trigger\"\nsql = \"CREATE TRIGGER noted AFTER INSERT ON stars BEGIN INSERT INTO log VALUES (new.name); END\"\n",
    ),
    (
        "phase5",
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX one_name ON stars(name)\"\n",
    ),
    (
        "phase6",
        "[[up]]\nop = \"rename_table\"\nfrom = \"stars\"\nto = \"objects\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"objects\"\nfrom = \"mag\"\nto = \"magnitude\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"notes\"\nfrom = \"star\"\nto = \"object_id\"\n",
    ),
    (
        "phase7",
        "description = \"One position\"\n\
         [[up]]\nop = \"add_column\"\ntable = \"objects\"\ncolumn = \"position TEXT\"\nvalue = \"old.ra || ' ' || old.dec\"\n\
         [[up]]\nop = \"drop_column\"\ntable = \"objects\"\ncolumn = \"ra\"\n\
         [[up]]\nop = \"drop_column\"\ntable = \"objects\"\ncolumn = \"dec\"\n\
         [[down]]\nop = \"add_column\"\ntable = \"objects\"\ncolumn = \"ra REAL\"\nafter = \"name\"\nvalue = \"substr(old.position, 1, instr(old.position, ' ') - 1)\"\n\
         [[down]]\nop = \"add_column\"\ntable = \"objects\"\ncolumn = \"dec REAL\"\nafter = \"ra\"\nvalue = \"substr(old.position, instr(old.position, ' ') + 1)\"\n\
         [[down]]\nop = \"drop_column\"\ntable = \"objects\"\ncolumn = \"position\"\n",
    ),
    (
        "phase8",
        "[[up]]\nop = \"drop_column\"\ntable = \"notes\"\ncolumn = \"draft\"\n\
         [[up]]\nop = \"add_column\"\ntable = \"notes\"\ncolumn = \"length INTEGER\"\nvalue = \"length(body)\"\n",
    ),
    (
        "phase9",
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE tags(object_id INTEGER REFERENCES objects(id), tag TEXT)\"\n\
         [[up]]\nop = \"drop_index\"\nindex = \"stars_by_name\"\n\
         [[up]]\nop = \"alter_column\"\ntable = \"objects\"\ncolumn = \"magnitude\"\nnot_null = true\ndefault = \"99.0\"\n\
         [[up]]\nop = \"rename_index\"\nfrom = \"one_name\"\nto = \"one_object_name\"\n",
    ),
];

/// Rows of before the newer phases, and since.
const OLD_ROWS: &str =
    "INSERT INTO stars VALUES (1, 'Vega', 279.25, 38.75, 0.03), (2, 'Deneb', 310.5, 45.25, 1.25);
INSERT INTO notes(id, star, body, draft) VALUES (1, 1, 'bright', 'scribble');";
const NEW_ROWS: &str = "PRAGMA foreign_keys=ON;
INSERT INTO objects(id, name, magnitude, position) VALUES (7, 'Mira', 6.5, '34.75 -2.5');
UPDATE objects SET magnitude = 0.5 WHERE id = 1;
INSERT INTO notes(id, object_id, body, author, length) VALUES (2, 7, 'varies', 'me', 6);
INSERT INTO tags VALUES (7, 'red');";

/// What must be there at phase 5: every row, those written since included.
const EXPECTED: &str = "\
stars [(1, 'Vega', 279.25, 38.75, 0.5), (2, 'Deneb', 310.5, 45.25, 1.25), (7, 'Mira', 34.75, -2.5, 6.5)]
notes [(1, 1, 'bright', 'none', 'anon'), (2, 7, 'varies', 'none', 'me')]
log [('Vega',), ('Deneb',), ('Mira',)]
bright [(1, 'Vega', 0.5), (2, 'Deneb', 1.25)]
version [(5,)]
violations []";

fn rows(path: &Path) -> String {
    python(
        path,
        "c = sqlite3.connect(path)
for t in ('stars', 'notes', 'log', 'bright'):
    order = 'rowid' if t != 'bright' else 'id'
    print(t, list(c.execute('SELECT * FROM ' + t + ' ORDER BY ' + order)))
print('version', list(c.execute('SELECT max(version) FROM schema_version')))
print('violations', list(c.execute('PRAGMA foreign_key_check')))",
    )
}

/// Every stored text but those of the version tables.
fn texts(path: &Path) -> String {
    python(
        path,
        "c = sqlite3.connect(path)
for row in c.execute(\"\"\"SELECT type, name, tbl_name, sql FROM sqlite_master
    WHERE tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY type, name\"\"\"): print(row)",
    )
}

/// A file at phase 9 with rows written since, and a folder that holds only 1 to 5. What the file was at phase 5 is kept
/// beside it.
fn newer_file() -> Project {
    let project = Project::empty_in_memory();
    for (id, text) in &PHASES[..5] {
        project.write_phase(&format!("{id}.toml"), text);
    }
    project.run(&["upgrade", "--create"]).expect_code(0);
    script(&project.database(), OLD_ROWS).unwrap();
    project.copy_database("at5.db");
    for (id, text) in &PHASES[5..] {
        project.write_phase(&format!("{id}.toml"), text);
    }
    project.run(&["upgrade"]).expect_code(0);
    script(&project.database(), NEW_ROWS).unwrap();
    for (id, _) in &PHASES[5..] {
        std::fs::remove_file(project.phases().join(format!("{id}.toml"))).unwrap();
    }
    project
}

#[test]
fn an_older_folder_downgrades_a_newer_file_and_keeps_rows_written_since() {
    let project = newer_file();
    let before = project.file_bytes();
    let refused = project.run(&["downgrade", "phase5"]).expect_code(4);
    for lost in ["tags", "draft", "length"] {
        assert!(refused.stderr.contains(lost), "{lost} is not named:\n{}", refused.stderr);
    }
    assert_eq!(before, project.file_bytes());
    let output = project.run(&["downgrade", "phase5", "--accept-loss"]).expect_code(0);
    assert!(
        output
            .stdout
            .contains("The steps of phase9, phase8, phase7, phase6 come from the file's history"),
        "{}",
        output.stdout
    );
    assert_eq!(rows(&project.database()), EXPECTED);
    assert_eq!(texts(&project.database()), texts(&project.aside("at5.db")));
    let status = project.run(&["status", "--exit-code", "--json"]).expect_code(0).json();
    assert_eq!(status["ids"], serde_json::json!(["phase5"]));
    assert_eq!(status["newer"], Value::Null);
    // The newer program goes up again.
    for (id, text) in &PHASES[5..] {
        project.write_phase(&format!("{id}.toml"), text);
    }
    project.run(&["upgrade"]).expect_code(0);
}

#[test]
fn status_current_history_and_show_answer_on_a_newer_file() {
    let project = newer_file();
    let before = project.file_bytes();
    let current = project.run(&["current", "--json"]).expect_code(0).json();
    assert_eq!(current["ids"], json!(["phase9"]));
    assert_eq!(current["heads"], json!(["phase5"]));
    assert_eq!(current["version"], json!(9));
    assert_eq!(current["newer"]["ids"], json!(["phase6", "phase7", "phase8", "phase9"]));
    assert_eq!(current["newer"]["compatibility"], json!("none"));
    assert_eq!(current["newer"]["can_be_undone"], json!(true));
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "phase9 (newer)\n");
    for required in ["phase5", "head", "5", "version:5"] {
        let answer =
            project.run(&["current", "--require", required, "--json"]).expect_code(3).json();
        assert_eq!(answer["required"]["answer"], json!("newer"), "{required}");
        assert_eq!(answer["required"]["compatibility"], json!("none"), "{required}");
    }
    for required in ["phase9", "9"] {
        let answer =
            project.run(&["current", "--require", required, "--json"]).expect_code(0).json();
        assert_eq!(answer["required"]["answer"], json!("yes"), "{required}");
    }
    let status = project.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["newer"]["ids"], json!(["phase6", "phase7", "phase8", "phase9"]));
    assert_eq!((&status["pending"], &status["faults"]), (&json!([]), &json!([])));
    assert_eq!(status["drift"], json!([]));
    project.run(&["status", "--exit-code"]).expect_code(3);
    let text = project.run(&["status"]).expect_code(0).stdout;
    assert!(text.contains("Newer:     phase6, phase7, phase8, phase9 (not"), "{text}");
    let history = project.run(&["history", "--json"]).expect_code(0).json();
    let sources: Vec<&Value> =
        history["phases"].as_array().unwrap().iter().map(|it| &it["source"]).collect();
    assert_eq!(sources[4..6], [&json!("folder"), &json!("history")]);
    assert_eq!(history["phases"][8]["applied"], json!(true));
    let shown = project.run(&["show", "phase7"]).expect_code(0).stdout;
    assert!(shown.contains("One position") && shown.contains("position TEXT"), "{shown}");
    let verified = project.run(&["verify", "--json"]).expect_code(0).json();
    assert_eq!(verified["ok"], json!(true));
    let refused = project.run(&["upgrade"]).expect_code(4);
    assert!(refused.stderr.contains("downgrade phase5"), "{}", refused.stderr);
    assert_eq!(before, project.file_bytes());
}

#[test]
fn the_head_of_the_folder_is_the_goal_of_a_downgrade() {
    let project = newer_file();
    let plan = project.run(&["plan", "--down", "head", "--json"]).expect_code(0).json();
    let ids: Vec<&Value> = plan["phases"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!("phase9"), &json!("phase8"), &json!("phase7"), &json!("phase6")]);
    assert_eq!(plan["phases"][0]["source"], json!("history"));
    let done = project.run(&["downgrade", "head", "--accept-loss", "--json"]).expect_code(0).json();
    assert_eq!(done["from_history"], json!(["phase9", "phase8", "phase7", "phase6"]));
    assert_eq!(rows(&project.database()), EXPECTED);
}

#[test]
fn the_extracted_undo_does_the_same_in_the_sqlite3_program() {
    let project = newer_file();
    let refused = project.run(&["extract-undo", "phase5"]).expect_code(4);
    assert!(refused.stderr.contains("tags") && refused.stdout.is_empty(), "{}", refused.stderr);
    std::fs::remove_dir_all(project.phases()).unwrap();
    let sql = project.run(&["extract-undo", "phase5", "--accept-loss"]).expect_code(0).stdout;
    let copy = project.copy_database("other.db");
    // As a user pipes it: without -bail.
    piped(&copy, &sql).unwrap();
    assert_eq!(rows(&copy), EXPECTED);
    assert_eq!(texts(&copy), texts(&project.aside("at5.db")));
    // A second time, or on a file in another state, it changes nothing.
    for change in ["", "CREATE TABLE more(x)", "DELETE FROM schema_version WHERE version = 9"] {
        let copy =
            if change.is_empty() { copy.clone() } else { project.copy_database("changed.db") };
        script(&copy, change).unwrap();
        let before = (rows_of_all(&copy), texts(&copy));
        let said = piped(&copy, &sql).expect_err("another state");
        assert!(said.contains("the script is for another state of the file"), "{said}");
        assert_eq!(before, (rows_of_all(&copy), texts(&copy)), "{change}");
    }
    // Rows may have changed since.
    script(&project.database(), "DELETE FROM tags; DELETE FROM notes WHERE id = 2").unwrap();
    piped(&project.database(), &sql).unwrap();
    assert_eq!(rows(&project.database()), EXPECTED.replace(", (2, 7, 'varies', 'none', 'me')", ""));
}

/// Runs a script as a user pipes it into the `sqlite3` program: without `-bail`.
fn piped(path: &Path, sql: &str) -> Result<(), String> {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-init", "/dev/null"]).arg(path);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The program may stop before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(sql.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// The rows of every table.
fn rows_of_all(path: &Path) -> String {
    python(
        path,
        "c = sqlite3.connect(path)
for (t,) in c.execute(\"SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name\").fetchall():
    print(t, list(c.execute('SELECT * FROM \"' + t + '\"')))",
    )
}

/// Steps of a downgrade that no phase may hold.
const HOSTILE: [&str; 9] = [
    "op = \"sql\"\nsql = \"ATTACH 'stolen.db' AS s; CREATE TABLE s.t AS SELECT * FROM objects\"",
    "op = \"sql\"\nsql = \"DELETE FROM objects; COMMIT; DROP TABLE objects\"",
    "op = \"sql\"\nsql = \"PRAGMA writable_schema = ON\"",
    "op = \"sql\"\nsql = \"SELECT load_extension('evil')\"",
    "op = \"sql\"\nsql = \"VACUUM INTO 'stolen.db'\"",
    "op = \"sql\"\nsql = \"DELETE FROM phase_history\"",
    "op = \"sql\"\nfile = \"../secret.sql\"",
    "op = \"create_index\"\nsql = \"CREATE INDEX i ON objects(name); DROP TABLE objects\"",
    "op = \"add_column\"\ntable = \"objects\"\ncolumn = \"x TEXT); DROP TABLE objects; --\"",
];

#[test]
fn hostile_steps_in_the_history_are_refused_and_never_run() {
    let project = newer_file();
    let original = project.copy_database("original.db");
    let mut changes: Vec<String> = Vec::new();
    for hostile in HOSTILE {
        let hostile = hostile.replace('\'', "''");
        // The checksum does not cover a downgrade; it does cover the steps.
        for list in &["down", "up"][..if changes.is_empty() { 2 } else { 1 }] {
            changes.push(format!(
                "UPDATE phase_history SET undo = json_set(undo, '$.phase', (undo ->> '$.phase') || '\n[[{list}]]\n{hostile}\n') WHERE id = 'phase9'"
            ));
        }
        // A row of a newer release, whose steps are unknown: only its downgrade is read.
        changes.push(format!(
            "UPDATE phase_history SET tool_version = '99.0.0', undo = json_set(undo, '$.phase', 'unknown', '$.downgrade', '[[down]]\n{hostile}\n') WHERE id = 'phase9'"
        ));
    }
    changes.extend(
        [
            "undo = '{\"before\":'",
            "undo = json_set(undo, '$.phase', 'not toml [')",
            "undo = json_set(undo, '$.phase', json('[1, 2]'))",
            "undo = json_set(undo, '$.phase', replace(undo ->> '$.phase', 'phase9', 'phase8'))",
            "undo = json_set(undo, '$.phase', replace(undo ->> '$.phase', 'version = 9', 'version = 7'))",
            "undo = json_set(undo, '$.phase', replace(undo ->> '$.phase', 'tags', 'objects'))",
            "undo = json_object('phase', printf('%.*c', 70000000, 'x'))",
            "undo = NULL",
            "undo = x'ff00fe'",
            "parents = 'phase9'",
            "parents = 'phase8 ; DROP'",
        ]
        .map(|it| format!("UPDATE phase_history SET {it} WHERE id = 'phase9'")),
    );
    for change in changes {
        std::fs::copy(&original, project.database()).unwrap();
        script(&project.database(), &change).unwrap();
        let before = project.file_bytes();
        for command in [
            &["downgrade", "phase5", "--accept-loss"][..],
            &["extract-undo", "phase5", "--accept-loss"],
        ] {
            let output = project.run(command);
            assert_eq!(output.code, 4, "{change}\n{}\n{}", output.stdout, output.stderr);
        }
        // A report may answer or refuse; it must not fail otherwise, and runs nothing.
        for command in [&["status"][..], &["current"], &["history"]] {
            let output = project.run(command);
            assert!(
                [0, 4].contains(&output.code),
                "{change}\n{}\n{}",
                output.stdout,
                output.stderr
            );
        }
        assert_eq!(before, project.file_bytes(), "{change}");
        assert!(
            !project.path("stolen.db").exists() && !Path::new("stolen.db").exists(),
            "{change}"
        );
    }
}

#[test]
fn a_file_of_an_earlier_release_keeps_no_steps_and_says_so() {
    let project = newer_file();
    for change in [
        "UPDATE phase_history SET undo = json_remove(undo, '$.phase', '$.downgrade')",
        "UPDATE phase_history SET undo = NULL",
        "ALTER TABLE phase_history DROP COLUMN undo",
    ] {
        script(&project.database(), change).unwrap();
        let before = project.file_bytes();
        let current = project.run(&["current", "--json"]).expect_code(0).json();
        assert_eq!(current["ids"], json!(["phase9"]), "{change}");
        assert_eq!(current["newer"]["can_be_undone"], json!(false), "{change}");
        let status = project.run(&["status", "--json"]).expect_code(0).json();
        assert_eq!(
            (&status["ids"], &status["drift"]),
            (&json!(["phase9"]), &Value::Null),
            "{change}"
        );
        project.run(&["verify"]).expect_code(0);
        project.run(&["history"]).expect_code(0);
        let refused = project.run(&["downgrade", "phase5", "--accept-loss"]).expect_code(4);
        assert!(
            refused.stderr.contains("nor the history of the file holds the steps"),
            "{}",
            refused.stderr
        );
        project.run(&["extract-undo"]).expect_code(4);
        assert_eq!(before, project.file_bytes(), "{change}");
    }
    // Another program recorded a version that no phase of the folder has, and nothing else.
    script(&project.database(), "DELETE FROM phase_history WHERE version > 5; DELETE FROM schema_version WHERE version > 5; INSERT INTO schema_version(version, applied_at, description) VALUES (12, 'today', 'theirs')").unwrap();
    let answer = project.run(&["current", "--require", "head", "--json"]).expect_code(3).json();
    assert_eq!(answer["newer"]["versions"], json!([12]));
    assert_eq!(answer["required"]["answer"], json!("newer"));
    project.run(&["downgrade", "phase4"]).expect_code(4);
}

#[test]
fn an_older_release_undoes_steps_that_it_does_not_know() {
    let project = newer_file();
    script(
        &project.database(),
        "UPDATE phase_history SET tool_version = '99.0.0', undo = json_set(undo, '$.phase', replace(undo ->> '$.phase', 'rename_index', 'teleport_index')) WHERE id = 'phase9'",
    )
    .unwrap();
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "phase9 (newer)\n");
    project.run(&["downgrade", "phase5", "--accept-loss"]).expect_code(0);
    assert_eq!(rows(&project.database()), EXPECTED);
    assert_eq!(texts(&project.database()), texts(&project.aside("at5.db")));
}

#[test]
fn an_earlier_release_reads_what_this_one_records() {
    // The columns are those of before, and the record of changes is where it was.
    let project = newer_file();
    let said = python(
        &project.database(),
        "import json
c = sqlite3.connect(path)
print([r[1] for r in c.execute('PRAGMA table_info(phase_history)')])
undo = json.loads(c.execute(\"SELECT undo FROM phase_history WHERE id = 'phase6'\").fetchone()[0])
print(sorted(undo), undo['before'][0].keys() == {'kind', 'name', 'sql'})
print(undo['downgrade'])",
    );
    assert!(
        said.contains("'outcome', 'undo']\n['after', 'before', 'downgrade', 'phase'] True"),
        "{said}"
    );
    let renames =
        "[[down]]\nop = \"rename_column\"\ntable = \"notes\"\nfrom = \"object_id\"\nto = \"star\"";
    assert!(said.contains(renames), "{said}");
}

#[test]
fn a_phase_that_is_missing_in_the_middle_is_no_newer_file() {
    let project = newer_file();
    for (id, text) in &PHASES[5..] {
        project.write_phase(&format!("{id}.toml"), text);
    }
    std::fs::remove_file(project.phases().join("phase7.toml")).unwrap();
    for command in [&["current"][..], &["downgrade"], &["upgrade"]] {
        let refused = project.run(command).expect_code(4);
        assert!(
            refused.stderr.contains("phase7 is applied, but not in the folder"),
            "{}",
            refused.stderr
        );
    }
    let status = project.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["faults"][0]["kind"], "phase-missing");
}

/// A file at phase 7 whose last phase says who may open it, and a folder of phases 1 to 5.
fn compatible_file(said: &str) -> Project {
    let project = Project::empty_in_memory();
    for (id, text) in &PHASES[..7] {
        let text = if *id == "phase7" { format!("{said}{text}") } else { (*text).to_owned() };
        project.write_phase(&format!("{id}.toml"), &text);
    }
    project.run(&["upgrade", "--create"]).expect_code(0);
    for (id, _) in &PHASES[5..7] {
        std::fs::remove_file(project.phases().join(format!("{id}.toml"))).unwrap();
    }
    project
}

#[test]
fn a_newer_phase_says_which_programs_may_open_the_file() {
    for (said, required, code, compatibility) in [
        ("compatible_with = \"phase5\"\n", "phase5", 0, "full"),
        ("compatible_with = \"phase5\"\n", "head", 0, "full"),
        ("compatible_with = \"phase5\"\n", "version:5", 0, "full"),
        ("compatible_with = \"phase2\"\n", "phase3", 0, "full"),
        ("compatible_with = \"phase5\"\n", "phase4", 3, "none"),
        ("compatible_with = \"phase6\"\n", "phase5", 3, "none"),
        ("readable_with = \"phase5\"\n", "phase5", 3, "read_only"),
        ("compatible_with = \"phase6\"\nreadable_with = \"phase3\"\n", "phase5", 3, "read_only"),
        ("", "phase5", 3, "none"),
    ] {
        let project = compatible_file(said);
        let before = project.file_bytes();
        let answer =
            project.run(&["current", "--require", required, "--json"]).expect_code(code).json();
        assert_eq!(answer["required"]["answer"], json!("newer"), "{said}{required}");
        assert_eq!(answer["required"]["compatibility"], json!(compatibility), "{said}{required}");
        assert_eq!(answer["newer"]["current"][0]["id"], json!("phase7"));
        // A program that upgrades when it starts goes on, or is refused.
        let may_write = answer["newer"]["compatibility"] == json!("full");
        project.run(&["upgrade"]).expect_code(if may_write { 0 } else { 4 });
        assert_eq!(before, project.file_bytes());
    }
}

#[test]
fn the_library_says_that_a_file_is_newer_and_who_may_open_it() {
    use phaseshift::inspect::{Expectation, Met, meets};
    use phaseshift::migrate::Compatibility;
    let project = compatible_file("compatible_with = \"phase4\"\n");
    let engine = engine_at(&project.database(), &project.phases());
    let database = engine.open(phaseshift::database::Access::ReadOnly).unwrap();
    let (extended, known) = engine.know_newer(&database).unwrap();
    let (answer, _) = meets(&extended, &known, &Expectation::Head);
    assert_eq!(answer, Met::Newer(Compatibility::Full));
    assert!(answer.is_yes());
    assert_eq!(known.newer.unwrap().ids().len(), 2);
}

#[test]
fn a_phase_is_compatible_only_with_phases_before_it() {
    let project = Project::empty_in_memory();
    project.write_phase("a.toml", "compatible_with = \"b\"\n");
    project.write_phase("b.toml", "readable_with = \"b\"\n");
    let refused = project.run(&["heads"]).expect_code(4);
    let says = "a.toml:1: phase a says compatible_with b, which does not come before it";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    assert!(refused.stderr.contains("b.toml:1"), "{}", refused.stderr);
}

#[test]
fn an_empty_folder_undoes_a_whole_file_and_a_folder_of_another_chain_undoes_nothing() {
    let project = newer_file();
    std::fs::remove_dir_all(project.phases()).unwrap();
    std::fs::create_dir(project.phases()).unwrap();
    let refused = project.run(&["upgrade"]).expect_code(4);
    assert!(refused.stderr.contains("downgrade base"), "{}", refused.stderr);
    project.write_phase("other.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE o(x)'\n");
    for command in [&["downgrade", "base", "--accept-loss"][..], &["current"]] {
        let refused = project.run(command).expect_code(4);
        assert!(refused.stderr.contains("applied, but not in the folder"), "{}", refused.stderr);
    }
    std::fs::remove_file(project.phases().join("other.toml")).unwrap();
    project.run(&["downgrade", "base", "--accept-loss"]).expect_code(0);
    assert_eq!(texts(&project.database()), "");
}

#[test]
fn a_branch_that_the_folder_lacks_is_undone_and_the_branch_that_it_has_stays() {
    let project = Project::empty_in_memory();
    let table =
        |name: &str| format!("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE {name}(x)'\n");
    project.write_phase("a.toml", &format!("parents = []\n{}", table("a")));
    project.write_phase("b.toml", &format!("parents = ['a']\n{}", table("b")));
    project.write_phase("c.toml", &format!("parents = ['a']\n{}", table("c")));
    project.write_phase("d.toml", &format!("parents = ['c']\n{}", table("d")));
    project.run(&["upgrade", "heads", "--create"]).expect_code(0);
    std::fs::remove_file(project.phases().join("c.toml")).unwrap();
    std::fs::remove_file(project.phases().join("d.toml")).unwrap();
    let current = project.run(&["current", "--json"]).expect_code(0).json();
    assert_eq!(
        (&current["ids"], &current["newer"]["ids"]),
        (&json!(["b", "d"]), &json!(["c", "d"]))
    );
    project.run(&["downgrade", "c@base"]).expect_code(0);
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "b (head)\n");
    assert_eq!(texts(&project.database()).lines().count(), 2);
}

#[test]
fn a_squash_in_the_folder_stands_for_the_phases_below_the_newer_ones() {
    let project = newer_file();
    let mut steps = String::new();
    for (id, text) in &PHASES[..5] {
        steps.push_str(text.trim_start_matches("parents = []\n"));
        std::fs::remove_file(project.phases().join(format!("{id}.toml"))).unwrap();
    }
    let replaced = PHASES[..5].iter().map(|(id, _)| *id).collect::<Vec<_>>();
    project.write_phase("all.toml", &format!("parents = []\nreplaces = {replaced:?}\n{steps}"));
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "phase9 (newer)\n");
    project.run(&["downgrade", "all", "--accept-loss"]).expect_code(0);
    assert_eq!(rows(&project.database()), EXPECTED);
    assert_eq!(texts(&project.database()), texts(&project.aside("at5.db")));
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "all (head)\n");
}
