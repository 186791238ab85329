//! What a reader who knows only the field stumbled over: a folder that cannot be read, a dry run on no file, a file that
//! drifted, and names that say what they stand for.

use support::{Project, sqlite3};

const TABLE: &str = "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE u(a)'\n";

/// An adopted file with one more phase applied.
fn applied() -> Project {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');
         CREATE VIEW v AS SELECT a FROM t;",
    );
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{TABLE}"));
    project.run_here(&["upgrade"]).expect_code(0);
    project
}

#[test]
fn a_half_written_phase_file_stops_no_way_back() {
    let project = applied();
    project.write_phase("half.toml", "[[up\n");
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    for wanted in ["Current:   next\n", "Pending:   unknown", "phases/half.toml:1", "✓ Schema:"] {
        assert!(status.contains(wanted), "{wanted}: {status}");
    }
    project.run_here(&["upgrade"]).expect_code(4);
    let script = project.run_here(&["extract-undo"]).expect_code(0).stdout;
    let copy = project.path("copy.db");
    std::fs::copy(project.path("app.db"), &copy).unwrap();
    project.write("undo.sql", &script);
    sqlite3(&copy, &format!(".read {}", project.path("undo.sql").display()));
    let undone = project.run_here(&["downgrade"]).expect_code(0);
    assert!(undone.stderr.contains("phases/half.toml:1"), "{}", undone.stderr);
    for file in [copy, project.path("app.db")] {
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'u'";
        assert_eq!(sqlite3(&file, tables), "0", "{}", file.display());
    }
}

#[test]
fn a_dry_run_that_would_create_the_file_says_so_and_creates_nothing() {
    let project = applied();
    let before = project.snapshot();
    project.write("want.sql", "CREATE TABLE w(id INTEGER PRIMARY KEY);\n");
    for (command, table) in [
        (&["apply", "want.sql", "--create", "--database", "new.db", "-n"][..], "table w"),
        (&["upgrade", "--create", "--database", "new.db", "-n"], "table u"),
    ] {
        let said = project.run_here(command).expect_code(0).stdout;
        for wanted in ["would be created", table, "Nothing was changed"] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert!(!project.path("new.db").exists());
    }
    std::fs::remove_file(project.path("want.sql")).unwrap();
    assert_eq!(project.snapshot(), before);
}

#[test]
fn a_run_on_a_file_that_drifted_says_so_and_where_to_look() {
    let project = applied();
    project.write_phase(
        "rest.toml",
        "parents = ['next']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n",
    );
    let note = "the schema is not what the applied phases made (1 difference): phaseshift diff";
    let quiet = project.run_here(&["plan"]).expect_code(0).stdout;
    assert!(!quiet.contains("the applied phases made"), "{quiet}");
    sqlite3(&project.path("app.db"), "DROP VIEW v");
    let planned = project.run_here(&["plan"]).expect_code(0).stdout;
    assert!(planned.contains(note), "{planned}");
    let ran = project.run_here(&["upgrade"]).expect_code(0);
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    project.run_here(&["diff"]).expect_code(3);
}

#[test]
fn what_removes_every_record_is_named_in_the_list_of_backups() {
    let project = applied();
    project.run_here(&["stamp", "base"]).expect_code(0);
    project.run_here(&["backup", "--name", "mine_2"]).expect_code(0);
    let list = project.run_here(&["backups"]).expect_code(0).stdout;
    for wanted in
        ["app_pre_stamp_base_", "before stamp base, which forgot", "made by hand, named mine_2,"]
    {
        assert!(list.contains(wanted), "{wanted}: {list}");
    }
    // A backup that records nothing cannot be followed through the phases.
    project.run_here(&["stamp", "next"]).expect_code(0);
    let against = project.run_here(&["verify", "--against", "4"]).expect_code(3).stdout;
    assert!(against.contains("✗ phases since the backup"), "{against}");
}

#[test]
fn init_in_a_project_keeps_its_settings_and_says_which_database_they_name() {
    let project = applied();
    let said = project.run_here(&["init", "--database", "other.db"]).expect_code(0).stdout;
    assert!(said.contains("names app.db") && said.contains("To use other.db"), "{said}");
    let said = project.run_here(&["init"]).expect_code(0).stdout;
    assert!(!said.contains("stays as it is") && said.contains("phaseshift status"), "{said}");
}

#[test]
fn a_phase_that_was_only_recorded_is_not_called_applied() {
    let project = applied();
    let history = project.run_here(&["history", "-i"]).expect_code(0).stdout;
    let line = |id: &str| history.lines().find(|it| it.contains(&format!("-> {id}"))).unwrap();
    assert!(line("baseline").contains(", recorded 2"), "{history}");
    assert!(line("next").contains(", applied 2"), "{history}");
    project.run_here(&["downgrade"]).expect_code(0);
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(status.contains(", recorded 2"), "{status}");
    project.run_here(&["upgrade"]).expect_code(0);
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(status.contains(", applied 2"), "{status}");
}

#[test]
fn preflight_reads_every_page_where_nothing_is_pending() {
    let project = applied();
    let sound = project.run_here(&["preflight"]).expect_code(0).stdout;
    assert!(sound.contains("Nothing to do"), "{sound}");
    let path = project.path("app.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..4096 + 64].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let found = project.run_here(&["preflight"]).expect_code(10);
    assert!(found.stderr.contains("damaged"), "{}", found.stderr);
}

#[test]
fn what_an_accepted_phase_does_not_make_is_named() {
    let project = applied();
    let column = "[[up]]\nop = 'add_column'\ntable = 'u'\ncolumn = 'b DEFAULT 0'\n";
    project.write_phase("rest.toml", &format!("parents = ['next']\n{column}"));
    project.run_here(&["upgrade"]).expect_code(0);
    project
        .write_phase("rest.toml", &format!("parents = ['next']\n{}", column.replace(" 0", " 7")));
    let said = project.run_here(&["stamp", "--accept", "rest"]).expect_code(0).stdout;
    assert!(said.contains("Note: 1 difference from what the phases make"), "{said}");
    assert!(said.contains("u.b"), "{said}");
}

#[test]
fn a_target_that_is_behind_the_file_is_not_called_up_to_date() {
    let project = applied();
    for (command, wanted) in [
        (&["migrate", "baseline"][..], "past baseline, at next (version 2).\n"),
        (&["upgrade", "version:1"], "To go back: phaseshift downgrade version:1\n"),
        (&["upgrade", "base"], "To go back: phaseshift downgrade base\n"),
        (&["preflight", "baseline"], "To go back: phaseshift downgrade baseline\n"),
        (&["plan", "baseline", "--sql"], "-- To go back: phaseshift downgrade baseline\n"),
    ] {
        let said = project.run_here(command).expect_code(0).stdout;
        assert!(said.contains(wanted) && !said.contains("up to date"), "{command:?}: {said}");
    }
    let said = project.run_here(&["migrate"]).expect_code(0).stdout;
    assert_eq!(said, "Nothing to do: the database is up to date at next (version 2).\n");
    project.run_here(&["downgrade", "baseline"]).expect_code(0);
    let said = project.run_here(&["migrate", "baseline"]).expect_code(0).stdout;
    assert_eq!(said, "Nothing to do: the database is at baseline (version 1) already.\n");
}

#[test]
fn a_page_of_nothing_is_not_written() {
    let project = applied();
    for command in [&["report"][..], &["plan", "--format", "markdown"], &["report", "-o", "p.html"]]
    {
        let done = project.run_here(command).expect_code(0);
        assert_eq!(done.stdout, "", "{command:?}");
        assert!(done.stderr.contains("Nothing to do"), "{command:?}: {}", done.stderr);
    }
    assert!(!project.path("p.html").exists());
    let document = project.run_here(&["report", "--json"]).expect_code(0).json();
    assert_eq!(document["ids"][0], "next");
}

#[test]
fn the_backups_of_a_project_that_was_copied_are_named() {
    let project = applied();
    std::fs::rename(project.path("app.db"), project.path("copy.db")).unwrap();
    project.write("phaseshift.toml", "database = 'copy.db'\n");
    let failed = project.run_here(&["restore", "before:next", "--yes"]).expect_code(4).stderr;
    for wanted in ["no backup of this database from before next", "2 backups of ", "app.db in "] {
        assert!(failed.contains(wanted), "{wanted}: {failed}");
    }
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(status.contains("Backups:   none; the folder holds 2 of "), "{status}");
}

#[test]
fn a_stamp_of_base_calls_no_table_foreign() {
    let project = applied();
    let dry = project.run_here(&["stamp", "base", "-n"]).expect_code(0).stdout;
    let said = project.run_here(&["stamp", "base"]).expect_code(0).stdout;
    assert!(!dry.contains("is made by") && !said.contains("is made by"), "{dry}{said}");
    assert!(said.contains("Its tables and rows stay"), "{said}");
}

#[test]
fn a_script_renames_old_tables_under_a_heading_of_its_own() {
    let project = applied();
    project.write_phase(
        "rest.toml",
        "parents = ['next']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n
         [[up]]\nop = 'alter_column'\ntable = 't'\ncolumn = 'a'\nnot_null = true\n",
    );
    let script = project.run_here(&["plan", "--sql"]).expect_code(0).stdout;
    let created = script.split("-- Creating w\n").nth(1).unwrap();
    assert!(created.starts_with("CREATE TABLE w"), "{created}");
    project.write("up.sql", &script);
    sqlite3(&project.path("app.db"), &format!(".read {}", project.path("up.sql").display()));
    project.run_here(&["verify", "--expect", "rest"]).expect_code(0);
}

#[test]
fn a_step_that_does_not_run_is_named_by_its_own_line() {
    let project = applied();
    project.write_phase(
        "rest.toml",
        "parents = ['next']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n
         [[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'b'\nafter = 'aa'\n",
    );
    let failed = project.run_here(&["upgrade"]).expect_code(4).stderr;
    for wanted in ["t.aa does not exist", "name one of: a", "correct the step: phases/rest.toml:6"]
    {
        assert!(failed.contains(wanted), "{wanted}: {failed}");
    }
    let checked = project.run_here(&["check"]).expect_code(3).stdout;
    assert_eq!(checked.matches("t.aa does not exist").count(), 1, "{checked}");
    let linted = project.run_here(&["lint"]);
    assert!(linted.stderr.contains("rest does not run, so that only"), "{}", linted.stderr);
}

#[test]
fn versions_without_phases_do_not_blame_the_chain() {
    let project = applied();
    std::fs::remove_file(project.path("phases/next.toml")).unwrap();
    sqlite3(&project.path("app.db"), "DROP TABLE phase_history");
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(status.contains("Schema: not compared"), "{status}");
    assert!(!status.contains("run from nothing"), "{status}");
}

#[test]
fn a_restore_across_a_rename_says_that_the_table_is_in_both_lists() {
    let project = applied();
    let hint = "A table that was renamed since the backup is in both lists.\n";
    let rename = "[[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'w'\n";
    project.write_phase("rest.toml", &format!("parents = ['next']\n{rename}"));
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["restore", "before:rest", "-n"]).expect_code(0).stdout;
    assert!(said.contains(hint), "{said}");
    let said = project.run_here(&["restore", "before:next", "-n"]).expect_code(0).stdout;
    assert!(said.contains(hint), "{said}");
    project.run_here(&["downgrade"]).expect_code(0);
    let said = project.run_here(&["restore", "before:next", "-n"]).expect_code(0).stdout;
    assert!(!said.contains(hint), "{said}");
}

#[test]
fn a_dry_run_over_many_files_calls_none_of_them_up_to_date() {
    let project = applied();
    let rest = "parents = ['next']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n";
    project.write_phase("rest.toml", rest);
    std::fs::create_dir(project.path("many")).unwrap();
    std::fs::copy(project.path("app.db"), project.path("many/one.db")).unwrap();
    let said = project.run_here(&["upgrade", "--all", "many", "-n"]).expect_code(0).stdout;
    assert!(said.contains("one.db: would go from version 2 to version 3: rest\n"), "{said}");
    assert!(said.contains("1 to migrate") && !said.contains("up to date"), "{said}");
    sqlite3(&project.path("many/one.db"), "DROP VIEW v");
    let said = project.run_here(&["status", "--all", "many"]).expect_code(0).stdout;
    assert!(said.contains("1 difference from what the phases make"), "{said}");
}

#[test]
fn a_schema_that_was_applied_has_no_phase_file_to_write_a_downgrade_into() {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), "CREATE TABLE t(a TEXT); INSERT INTO t VALUES (NULL)");
    project.write("schema.sql", "CREATE TABLE t(a TEXT NOT NULL);\n");
    let apply = ["apply", "-d", "app.db", "--value", "t.a='x'", "--yes"];
    project.run_here(&apply).expect_code(0);
    let status = project.run_here(&["status", "-d", "app.db"]).expect_code(0).stdout;
    assert!(!status.contains("newer"), "{status}");
    let failed = project.run_here(&["downgrade", "-d", "app.db"]).expect_code(4).stderr;
    assert!(!failed.contains("phase_history/") && !failed.contains("[[down]]"), "{failed}");
    assert!(failed.contains("which loses all changes since: phaseshift restore"), "{failed}");
}

#[test]
fn a_downgrade_at_a_fork_names_commands_that_undo_one_branch() {
    let project = applied();
    let side = "parents = ['baseline']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n";
    project.write_phase("side.toml", side);
    project.run_here(&["upgrade", "heads"]).expect_code(0);
    let failed = project.run_here(&["downgrade"]).expect_code(4).stderr;
    assert!(failed.contains("phaseshift downgrade side@-1") && !failed.contains("name one of"));
    project.run_here(&["downgrade", "side@-1"]).expect_code(0);
    assert_eq!(project.run_here(&["current"]).expect_code(0).stdout, "next (head)\n");
}

#[test]
fn the_undo_of_a_run_undoes_the_whole_run() {
    let project = applied();
    for (id, parent, table) in [("rest", "next", "w"), ("last", "rest", "x")] {
        let table = format!("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE {table}(a)'\n");
        project.write_phase(&format!("{id}.toml"), &format!("parents = ['{parent}']\n{table}"));
    }
    let run = project.run_here(&["migrate", "--yes", "--report", "run.html"]).expect_code(0);
    assert!(run.stdout.contains("\n  phaseshift downgrade -2\n"), "{}", run.stdout);
    project.run_here(&["report", "--done", "-o", "done.html"]).expect_code(0);
    for page in ["run.html", "done.html"] {
        let page = std::fs::read_to_string(project.path(page)).unwrap();
        assert!(page.contains("phaseshift downgrade -2"), "{page}");
    }
    project.run_here(&["downgrade", "-2", "--report", "back.html"]).expect_code(0);
    assert_eq!(project.run_here(&["current"]).expect_code(0).stdout, "next\n");
    // After a downgrade, another one is no way back.
    project.run_here(&["report", "--done", "-o", "done.html"]).expect_code(0);
    for page in ["back.html", "done.html"] {
        let page = std::fs::read_to_string(project.path(page)).unwrap();
        assert!(!page.contains("phaseshift downgrade"), "{page}");
    }
}

#[test]
fn an_empty_table_that_a_restore_removes_does_not_come_back() {
    let project = applied();
    let said = project.run_here(&["restore", "before:next", "-n"]).expect_code(0).stdout;
    let (lost, back) = said.split_once("Comes back").unwrap_or((&said, ""));
    assert!(lost.contains("u: removed with 0 rows") && !back.contains("u: "), "{said}");
}

#[test]
fn a_loss_without_a_backup_names_no_restore() {
    let project = applied();
    sqlite3(&project.path("app.db"), "INSERT INTO u VALUES (1)");
    let failed = project.run_here(&["downgrade"]).expect_code(4).stderr;
    assert!(failed.contains("phaseshift restore before:next"), "{failed}");
    std::fs::remove_dir_all(project.path("backups")).unwrap();
    let failed = project.run_here(&["downgrade"]).expect_code(4).stderr;
    assert!(failed.contains("--accept-loss") && !failed.contains("restore"), "{failed}");
}

#[test]
fn a_statement_after_a_dropped_column_does_not_hide_the_loss() {
    let project = applied();
    let drop = "[[up]]\nop = 'drop_column'\ntable = 'u'\ncolumn = 'b'\n";
    let fill = "[[up]]\nop = 'sql'\nsql = 'INSERT INTO t(a) VALUES (1)'\n";
    project.write_phase(
        "more.toml",
        "parents = ['next']\n[[up]]\nop = 'add_column'\ntable = 'u'\ncolumn = 'b TEXT'\n",
    );
    project.run_here(&["upgrade"]).expect_code(0);
    sqlite3(&project.path("app.db"), "INSERT INTO u VALUES (1, 2)");
    let warning = "column u.b is dropped with its values in 1 row";
    for (steps, warns) in [(format!("{drop}{fill}"), true), (format!("{fill}{drop}"), false)] {
        project.write_phase("rest.toml", &format!("parents = ['more']\n{steps}"));
        let said = project.run_here(&["plan"]).expect_code(0).stdout;
        assert_eq!(said.contains(warning), warns, "{said}");
    }
}

/// A second head beside `next`, which is applied.
fn forked() -> Project {
    let project = applied();
    let side = "parents = ['baseline']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n";
    project.write_phase("side.toml", side);
    project
}

#[test]
fn a_parent_without_a_file_is_put_back_before_a_name_is_corrected() {
    let project = applied();
    project.write_phase("rest.toml", "parents = ['next']\n");
    std::fs::remove_file(project.path("phases/next.toml")).unwrap();
    let failed = project.run_here(&["upgrade"]).expect_code(4).stderr;
    let put = failed.find("next:  put the file of next back into the folder of the phases\n");
    let correct = failed.find("or, if its id is misspelt, correct it: phases/rest.toml:1\n");
    assert!(put.is_some() && put < correct, "{failed}");
}

/// Two databases may keep their backups in one folder: those of one do not fit the other.
#[test]
fn the_backups_of_a_neighbour_are_not_offered_for_a_restore() {
    let project = applied();
    sqlite3(&project.path("other.db"), "CREATE TABLE t(a)");
    let other = ["--database", "other.db", "restore", "--latest", "--yes"];
    let failed = project.run_here(&other).expect_code(4).stderr;
    assert!(failed.contains("app.db in ") && !failed.contains("restore app_"), "{failed}");
}

#[test]
fn a_copied_project_names_the_backup_to_restore_and_the_command_works() {
    for wanted in ["--latest", "before:next", "1"] {
        let project = applied();
        std::fs::rename(project.path("app.db"), project.path("copy.db")).unwrap();
        project.write("phaseshift.toml", "database = 'copy.db'\n");
        let failed = project.run_here(&["restore", wanted, "--yes", "--json"]).expect_code(4);
        let next = failed.json()["error"]["next"].clone();
        let line = next[0].as_str().unwrap();
        let (what, command) = line.split_once(": phaseshift ").unwrap();
        assert!(what.starts_with("to restore the newest backup of "), "{next}");
        assert!(command.starts_with("restore app_pre_next_"), "{next}");
        assert!(!next.to_string().contains("a number of the list"), "{next}");
        let words: Vec<&str> = command.split(' ').chain(["--yes"]).collect();
        project.run_here(&words).expect_code(0);
        assert_eq!(sqlite3(&project.path("copy.db"), "SELECT count(*) FROM t"), "1");
    }
}

#[test]
fn at_two_heads_the_advice_keeps_the_command() {
    let project = forked();
    for command in ["plan", "preflight", "migrate", "upgrade"] {
        let failed = project.run_here(&[command]).expect_code(4).stderr;
        let all = format!("next:  all heads: phaseshift {command} heads\n");
        let join = "or join them: phaseshift merge\n";
        assert!(failed.contains(&all) && failed.contains(join), "{failed}");
    }
    project.run_here(&["plan", "heads"]).expect_code(0);
    let failed = project.run_here(&["revision", "-m", "third"]).expect_code(4).stderr;
    assert!(failed.contains("or join them: phaseshift merge\n"), "{failed}");
}

#[test]
fn the_script_between_two_schemas_says_that_it_records_nothing() {
    let project = applied();
    let script = project.run_here(&["diff", "database", "baseline", "--sql"]).expect_code(3).stdout;
    let purpose = "-- It changes app.db to match the phases up to baseline; it records no phase.\n";
    assert!(script.contains(purpose), "{script}");
    for absent in ["It applies", "Recording version", "-- diff (up)", "diff: diff"] {
        assert!(!script.contains(absent), "{absent}: {script}");
    }
    project.write("down.sql", &script);
    sqlite3(&project.path("app.db"), &format!(".read {}", project.path("down.sql").display()));
    project.run_here(&["diff", "database", "baseline"]).expect_code(0);
}

#[test]
fn a_fleet_report_counts_files_with_nothing_to_do_apart() {
    let project = applied();
    std::fs::create_dir(project.path("many")).unwrap();
    for name in ["many/one.db", "many/two.db"] {
        std::fs::copy(project.path("app.db"), project.path(name)).unwrap();
    }
    sqlite3(&project.path("many/two.db"), "DROP TABLE schema_version; DROP TABLE phase_history");
    project.run_here(&["stamp", "baseline", "--force", "-d", "many/two.db"]).expect_code(0);
    sqlite3(&project.path("many/two.db"), "DROP TABLE u");
    for wanted in ["✓ 2 files: 1 done, 1 up to date\n", "✓ 2 files: 0 done, 2 up to date\n"] {
        let ran = project.run_here(&["upgrade", "--all", "many", "--json"]).expect_code(0).stdout;
        project.write("run.jsonl", &ran);
        let said = project.run_here(&["fleet", "report", "run.jsonl"]).expect_code(0).stdout;
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn a_misspelt_place_of_diff_leads_to_the_word() {
    let project = applied();
    for (wrong, right) in [("databse", "database"), ("aplied", "applied"), ("shema", "schema")] {
        let failed = project.run_here(&["diff", wrong]).expect_code(4).stderr;
        assert!(failed.contains(&format!("next:  name one of: {right}\n")), "{failed}");
    }
    let failed = project.run_here(&["diff", "nxt"]).expect_code(4).stderr;
    assert!(failed.contains("name one of: next"), "{failed}");
}

#[test]
fn lint_does_not_ask_for_values_that_a_rebuild_gives() {
    let project = applied();
    let retype = "[[up]]\nop = 'alter_column'\ntable = 't'\ncolumn = 'a'\ntype = 'INTEGER'\n";
    project.write_phase("rest.toml", &format!("parents = ['next']\n{retype}"));
    let said = project.run_here(&["lint"]).expect_code(3).stdout;
    assert!(said.contains("why: a value that the new type would convert"), "{said}");
    let sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL)";
    let rebuild = format!("[[up]]\nop = 'rebuild'\ntable = 't'\nsql = '{sql}'\n");
    for (values, asks) in [("", true), ("values = { a = \"coalesce(a, '')\" }\n", false)] {
        project.write_phase("rest.toml", &format!("parents = ['next']\n{rebuild}{values}"));
        let said = project.run_here(&["lint"]).expect_code(3).stdout;
        assert_eq!(said.contains("fix: give `values`"), asks, "{said}");
        assert_eq!(said.contains("fix: try on a copy of a real file"), !asks, "{said}");
    }
}

#[test]
fn a_run_over_many_files_without_yes_names_itself_with_it() {
    let project = applied();
    std::fs::create_dir(project.path("many")).unwrap();
    std::fs::copy(project.path("app.db"), project.path("many/a b.db")).unwrap();
    let failed = project.run_here(&["migrate", "--all", "many/a b.db"]).expect_code(4).stderr;
    let wanted = "next:  phaseshift migrate --all 'many/a b.db' --yes\n";
    assert!(failed.contains(wanted), "{failed}");
}

#[test]
fn a_settings_file_that_is_not_there_is_called_that() {
    let project = applied();
    let failed = project.run_here(&["status", "-c", "nope.toml"]).stderr;
    assert!(failed.contains("nope.toml does not exist"), "{failed}");
    assert!(failed.contains("next:  check the path that is named above\n"), "{failed}");
}

#[test]
fn an_unknown_flag_is_not_to_be_passed_as_a_value() {
    let project = applied();
    let failed = project.run_here(&["plan", "--all", "many"]).expect_code(2).stderr;
    assert!(!failed.contains("as a value"), "{failed}");
    assert!(failed.contains("tip: --all is a flag of ") && failed.contains("migrate"), "{failed}");
    for (flag, tip) in [("--forse", false), ("--databse", true)] {
        let failed = project.run_here(&["migrate", flag]).expect_code(2).stderr;
        assert_eq!(failed.contains("tip: "), tip, "{failed}");
        assert!(!failed.contains("as a value"), "{failed}");
    }
}

#[test]
fn a_difference_that_verify_accepts_has_no_mark_of_success() {
    let project = applied();
    assert!(project.run_here(&["verify"]).expect_code(0).stdout.contains("✓ schema:"));
    sqlite3(&project.path("app.db"), "CREATE INDEX extra ON t(a)");
    let one = project.run_here(&["verify"]).expect_code(0).stdout;
    for wanted in ["• schema: ", "1 difference", "2 checks hold, 1 has notes."] {
        assert!(one.contains(wanted), "{wanted}: {one}");
    }
    for (command, wanted) in [("status", "1 difference"), ("verify", "2 checks hold, 1 has notes")]
    {
        let all = project.run_here(&[command, "--all", "app.db"]).expect_code(0).stdout;
        let line = all.lines().find(|it| it.contains("app.db: ")).unwrap();
        assert!(line.starts_with('•') && line.contains(wanted), "{line}");
    }
}

/// A table whose rows break a rule, for which the phase has these steps first.
fn with_rule_broken(steps: &str) -> String {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, total REAL, note TEXT);
         INSERT INTO orders VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 9, NULL);",
    );
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    let check = "[[up]]\nop = 'add_constraint'\ntable = 'orders'\nsql = 'CHECK (total > 5)'\n";
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{steps}{check}"));
    project.run_here(&["upgrade"]).expect_code(4).stderr
}

#[test]
fn a_new_check_names_the_rows_that_break_it_after_a_data_step_too() {
    for (steps, line) in [("", 2), ("[[up]]\nop = 'sql'\nsql = 'UPDATE orders SET note = 1'\n", 5)]
    {
        let refused = with_rule_broken(steps);
        for wanted in [
            "2 rows of orders break a rule of the new definition",
            "orders: rows that do not fit: id 1, id 2",
            &format!("where: phases/next.toml:{line}"),
        ] {
            assert!(refused.contains(wanted), "{wanted}: {refused}");
        }
    }
    let mended = "[[up]]\nop = 'sql'\nsql = 'UPDATE orders SET total = 6 WHERE id = 1'\n";
    let refused = with_rule_broken(mended);
    assert!(refused.contains("orders: rows that do not fit: id 2\n"), "{refused}");
}

#[test]
fn what_the_proof_left_out_names_dropped_columns_too() {
    let drop = "[[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'b'\n";
    let sql = "[[up]]\nop = 'sql'\nsql = 'ALTER TABLE t DROP COLUMN b'\n";
    let change = "[[up]]\nop = 'sql'\nsql = \"UPDATE t SET a = 'z'\"\n";
    for (steps, wanted) in [
        (format!("{change}{drop}"), "apart from changed values (t.a) and dropped columns (t.b)"),
        (drop.to_owned(), "apart from dropped columns (t.b)"),
        (sql.to_owned(), "apart from dropped columns (t.b)"),
        (change.to_owned(), "backup, apart from changed values (t.a)\n"),
    ] {
        let project = Project::empty();
        sqlite3(
            &project.path("app.db"),
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'x', 'y');",
        );
        project.run_here(&["init", "--from", "app.db"]).expect_code(0);
        project.write_phase("next.toml", &format!("parents = ['baseline']\n{steps}"));
        let said = project.run_here(&["upgrade"]).expect_code(0).stdout;
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn the_end_of_a_run_names_dropped_tables_but_none_that_is_only_renamed_or_filled_again() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x');
        CREATE TABLE d(a); INSERT INTO d VALUES (1), (2);
        CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one');
        CREATE VIRTUAL TABLE found USING fts5(b, content='t', content_rowid='id');
        INSERT INTO found(found) VALUES ('rebuild');";
    let drop = |table: &str| format!("[[up]]\nop = 'drop_table'\ntable = '{table}'\n");
    let by_sql = "[[up]]\nop = 'sql'\nsql = 'DROP TABLE d'\n";
    let rename =
        |from: &str| format!("[[up]]\nop = 'rename_table'\nfrom = '{from}'\nto = 'other_{from}'\n");
    let column = "[[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'b'\n";
    for (steps, wanted) in [
        (drop("d"), Some("apart from dropped tables (d)\n")),
        (by_sql.to_owned(), Some("apart from dropped tables (d)\n")),
        (drop("words"), Some("apart from dropped tables (words)\n")),
        (
            format!("{}{}{column}", drop("found"), drop("d")),
            Some("apart from dropped tables (d, found) and dropped columns (t.b)\n"),
        ),
        (format!("{}{}{}", rename("t"), rename("d"), rename("words")), None),
    ] {
        let project = pending(schema, &steps);
        let said = project.run_here(&["upgrade"]).expect_code(0).stdout;
        match wanted {
            Some(wanted) => assert!(said.contains(wanted), "{wanted}: {said}"),
            None => assert!(!said.contains("apart from"), "{steps}: {said}"),
        }
    }
}

#[test]
fn a_comparison_with_a_backup_explains_missing_rows_and_values_that_it_left_out() {
    let steps = "[[up]]\nop = 'sql'\nsql = 'UPDATE t SET a = a + 1'\n\
                 [[up]]\nop = 'sql'\nsql = 'DELETE FROM d WHERE a = 1'\n\
                 [[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'b'\n\
                 [[down]]\nop = 'add_column'\ntable = 't'\ncolumn = 'b TEXT'\n";
    let schema =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT); INSERT INTO t VALUES (1, 2, 'x');
        CREATE TABLE d(id INTEGER PRIMARY KEY, a); INSERT INTO d(a) VALUES (1), (2);";
    let project = pending(schema, steps);
    let run = |arguments: &[&str]| {
        let report = project.run_here(arguments).expect_code(0).json();
        report["backup"].as_str().unwrap().to_owned()
    };
    let verified = |backup: &str| project.run_here(&["verify", "--against", backup]).stdout;
    let said = verified(&run(&["upgrade", "--json"]));
    for wanted in [
        "✓ rows of t: 1 equal, 0 changed, 0 missing, 0 written since; not compared: \
         a (changed by a phase since), b (dropped by a phase since)\n",
        "✓ rows of d: 1 equal, 0 changed, 1 missing, as a phase since may remove rows, 0 written",
        "✓ rows of schema_version: 1 equal, 0 changed, 0 missing, 1 written since\n",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let said = verified(&run(&["downgrade", "--accept-loss", "--json"]));
    let wanted = "✓ rows of schema_version: 1 equal, 0 changed, \
                  1 removed with phases no longer applied, 0 written since\n";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn what_only_one_of_two_schemas_has_is_said_with_its_side() {
    let project = applied();
    project.write("schema.sql", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b UNIQUE);");
    let between = ["diff", "--from", "head", "--to", "schema"];
    let said = project.run_here(&between).expect_code(3).stdout;
    for wanted in [
        "the phases up to head compared with schema.sql: ",
        "✗ column t.b is only in schema.sql\n",
        "✗ table u is only in the phases up to head\n",
        "✗ view v is only in the phases up to head\n",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    sqlite3(&project.path("app.db"), "CREATE TABLE stray(a); DROP VIEW v");
    let said = project.run_here(&["diff"]).expect_code(3).stdout;
    for wanted in [
        "✗ table stray is only in app.db (does not stop a stamp)\n",
        "✗ view v is only in the applied phases\n",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_relative_phase_at_the_wrong_side_of_a_range_is_refused_by_side() {
    let project = applied();
    for (range, wanted) in [
        (":-3", "-3 cannot be the end of a range\n"),
        ("+1:", "+1 cannot be the beginning of a range\n"),
    ] {
        let refused = project.run_here(&["history", "-r", range]).expect_code(2).stderr;
        assert!(refused.contains(wanted), "{refused}");
    }
    project.run_here(&["history", "-r", "-1:"]).expect_code(0);
    let refused = project.run_here(&["show", "next@-1"]).expect_code(2).stderr;
    let wanted = "next@-1 is a relative target; a phase, head or base is needed here\n";
    assert!(refused.contains(wanted), "{refused}");
}

#[test]
fn what_a_data_step_does_to_the_schema_is_a_sentence_about_the_step() {
    for (sql, deed, instead) in [
        ("CREATE TABLE n(a)", "creates table n", "a create_table step can"),
        ("CREATE INDEX i ON t(a)", "creates index i", "a create_index step can"),
        ("DROP TABLE d", "drops table d with its rows", "a drop_table step can"),
        ("DROP VIEW w", "drops view w", "a drop_view step can"),
        (
            "DROP VIEW w; CREATE VIEW w AS SELECT 2 AS x",
            "changes view w",
            "a replace_view step can",
        ),
        ("ALTER TABLE t ADD COLUMN z", "changes table t", "drop_column steps can"),
    ] {
        let schema = "CREATE TABLE t(a); CREATE TABLE d(a); CREATE VIEW w AS SELECT 1 AS x";
        let project = pending(schema, &format!("[[up]]\nop = 'sql'\nsql = '{sql}'\n"));
        let plan = project.run_here(&["plan"]).expect_code(0).stdout;
        assert!(plan.contains(&format!("A data step {deed}\n")), "{deed}: {plan}");
        let lint = project.run_here(&["lint"]).expect_code(3).stdout;
        let wanted = format!("a data step {deed}; ");
        let undone = format!("{instead} be undone without a hand-written downgrade");
        assert!(lint.contains(&wanted) && lint.contains(&undone), "{wanted}{undone}: {lint}");
    }
}

#[test]
fn a_refused_data_step_is_placed_by_the_line_of_its_sql_and_of_the_step() {
    let schema = "CREATE TABLE t(a CHECK (a > 0)); INSERT INTO t VALUES (3)";
    let steps = "[[up]]\nop = 'sql'\nsql = \"\"\"\nSELECT 1;\nUPDATE t SET a = a - 4\"\"\"\n";
    let refused = pending(schema, steps).run_here(&["preflight"]).expect_code(4).stderr;
    let wanted = "next cannot start: sql step in line 2, statement at line 2: CHECK constraint failed: a > 0 (t)\n";
    assert!(refused.contains(wanted), "{refused}");
    let unknown = "[[up]]\nop = 'sql'\nsql = 'UPDATE absent SET a = 4'\n";
    let refused = pending(schema, unknown).run_here(&["plan"]).expect_code(4).stderr;
    let wanted = "sql step in line 2, statement at line 1: no such table: absent\n";
    assert!(refused.contains(wanted) && refused.matches("statement at").count() == 1, "{refused}");
}

#[test]
fn a_rule_that_is_added_stands_behind_the_table_that_gets_it() {
    let schema = "CREATE TABLE books(id INTEGER PRIMARY KEY); CREATE TABLE notes(book_id INTEGER)";
    let steps = "[[up]]\nop = 'add_constraint'\ntable = 'notes'\n\
                 sql = 'FOREIGN KEY (book_id) REFERENCES books(id)'\n";
    let plan = pending(schema, steps).run_here(&["plan"]).expect_code(0).stdout;
    assert!(plan.contains("Add to notes: FOREIGN KEY (book_id) REFERENCES books\n"), "{plan}");
}

#[test]
fn a_restore_says_of_rows_whether_they_go_come_back_or_are_reverted() {
    let project = applied();
    sqlite3(&project.path("app.db"), "INSERT INTO t VALUES (2, 'y'), (3, 'z')");
    project.run_here(&["backup", "--name", "here"]).expect_code(0);
    sqlite3(
        &project.path("app.db"),
        "DELETE FROM t WHERE id < 3; UPDATE t SET a = 'other'; INSERT INTO t VALUES (9, 'new')",
    );
    let dry = ["restore", "--latest", "-n"];
    let said = project.run_here(&dry).expect_code(0).stdout;
    let wanted = "t: 1 row added since is removed, 2 rows removed since come back, \
                  1 row changed since is reverted\n";
    assert!(said.contains(wanted), "{said}");
    project.write("app.db", "this is no database");
    let said = project.run_here(&dry).expect_code(0).stdout;
    let wanted =
        "\nWhich changes since the backup would be lost is unknown: the file cannot be read.\n";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn a_squash_names_what_it_leaves_out_and_where_it_compared() {
    let update = "[[up]]\nop = 'sql'\nsql = 'UPDATE t SET a = 1'\n[[down]]\nop = 'sql'\nsql = 'UPDATE t SET a = 2'\n";
    let project = pending("CREATE TABLE t(a)", update);
    let said = project.run_here(&["squash", "-m", "All", "-n"]).expect_code(0).stdout;
    for wanted in [
        "✓ Same rows on a new file: none\n",
        "Left out:\n  next: what data steps do to existing rows; a new file has none\n",
        "  next: downgrades written by hand; undoing the new phase drops the tables that it creates\n",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_child_whose_parent_is_renamed_is_said_to_follow_it() {
    let schema = "CREATE TABLE parent(id INTEGER PRIMARY KEY);
        CREATE TABLE child(id INTEGER PRIMARY KEY, parent REFERENCES parent(id));";
    let table = "[[up]]\nop = 'rename_table'\nfrom = 'parent'\nto = 'elder'\n";
    let column = "[[up]]\nop = 'rename_column'\ntable = 'parent'\nfrom = 'id'\nto = 'number'\n";
    for (steps, parent) in [(table, "elder"), (column, "parent")] {
        let project = pending(schema, steps);
        let plan = project.run_here(&["plan", "-v"]).expect_code(0).stdout;
        for wanted in [
            format!("Update the foreign key of table child, which refers to {parent}\n"),
            format!("its foreign key follows the rename: REFERENCES {parent}"),
        ] {
            assert!(plan.contains(&wanted), "{wanted}: {plan}");
        }
    }
}

#[test]
fn a_column_that_exists_is_named_with_its_table_and_no_place_in_the_stored_text() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY,\n  notes TEXT);";
    let steps = "[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'notes TEXT'\n";
    let refused = pending(schema, steps).run_here(&["plan"]).expect_code(4).stderr;
    let wanted = "line 2: add_column: table t already has a column `notes`\n";
    assert!(refused.contains(wanted), "{refused}");
}

/// A file at its first phase, with a second one.
fn pending(schema: &str, steps: &str) -> Project {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), schema);
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{steps}"));
    project
}

/// Carries out the advice that contains this text.
fn advised(project: &Project, said: &str, text: &str) -> String {
    let line = said.lines().find(|it| it.contains("next:") && it.contains(text)).expect(said);
    let command = line.split_once("phaseshift ").unwrap().1;
    let words: Vec<&str> = command.split(' ').collect();
    project.run_here(&words).stdout
}

#[test]
fn a_refused_stamp_leads_to_the_differences_that_it_found() {
    let column = "[[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'b'\n";
    let project = pending("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT)", column);
    project.run_here(&["upgrade"]).expect_code(0);
    for arguments in [&["stamp", "baseline"][..], &["stamp", "baseline", "-n"]] {
        let refused = project.run_here(arguments).expect_code(4).stderr;
        let found = advised(&project, &refused, "see every difference from baseline");
        assert!(
            found.contains("column t.b is only in the phases up to baseline"),
            "{refused}{found}"
        );
    }
}

#[test]
fn an_edited_phase_is_accepted_by_the_rule_that_its_advice_names() {
    let table = |text: &str| format!("[[up]]\nop = 'create_table'\nsql = '{text}'\n");
    let project = pending("CREATE TABLE t(a)", &table("CREATE TABLE u(a TEXT, b TEXT)"));
    project.run_here(&["upgrade"]).expect_code(0);
    let edit = |text: &str| {
        project.write_phase("next.toml", &format!("parents = ['baseline']\n{}", table(text)));
        let refused = project.run_here(&["upgrade"]).expect_code(4).stderr;
        assert!(refused.contains("views, triggers, columns and primary keys"), "{refused}");
        project.run_here(&["stamp", "--accept", "next"])
    };
    for missing in
        ["CREATE TABLE u(a TEXT, b TEXT, c)", "CREATE TABLE u(a TEXT PRIMARY KEY, b TEXT)"]
    {
        let refused = edit(missing).expect_code(4).stderr;
        let found = advised(&project, &refused, "see every difference from next");
        assert!(found.contains("compared with the phases up to next"), "{refused}{found}");
    }
    edit("CREATE TABLE u(a INTEGER, b TEXT NOT NULL)").expect_code(0);
}

#[test]
fn the_preflight_does_not_advise_itself() {
    let check = "[[up]]\nop = 'add_constraint'\ntable = 't'\nsql = 'CHECK (a > 5)'\n";
    let project =
        pending("CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1)", check);
    let itself = "next:  phaseshift preflight";
    assert!(project.run_here(&["upgrade"]).expect_code(4).stderr.contains(itself));
    let refused = project.run_here(&["preflight"]).expect_code(4).stderr;
    assert!(!refused.contains(itself) && refused.contains("next:  correct the rows"), "{refused}");
}

#[test]
fn an_alternative_follows_a_first_choice() {
    let project = pending("CREATE TABLE t(a)", "[[up]]\nop = 'sql'\nsql = 'UPDATE t SET a = 1'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    for command in ["downgrade", "extract-undo"] {
        let refused = project.run_here(&[command]).expect_code(4).stderr;
        let first = refused.lines().find(|it| it.contains("next:")).unwrap();
        assert!(!first.contains("next:  or "), "{refused}");
        assert!(refused.contains("go back to the backup, which loses"), "{refused}");
    }
}

#[test]
fn show_and_plan_agree_on_whether_a_downgrade_can_be_derived() {
    let rebuild = |values: &str, column: &str| {
        format!(
            "[[up]]\nop = 'rebuild'\ntable = 't'\nvalues = {{ {values} }}\n\
             sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, {column})'\n"
        )
    };
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT)";
    let replaced = pending(schema, &rebuild("b = \"coalesce(b, '')\"", "b TEXT NOT NULL"));
    let shown = replaced.run_here(&["show", "head"]).expect_code(0).stdout;
    assert!(shown.contains("none: next cannot be undone: no downgrade can be derived"), "{shown}");
    replaced.run_here(&["upgrade"]).expect_code(0);
    replaced.run_here(&["downgrade"]).expect_code(4);
    let added = pending(schema, &rebuild("c = \"'x'\"", "b TEXT, c TEXT"));
    let shown = added.run_here(&["show", "head"]).expect_code(0).stdout;
    assert!(shown.contains("Downgrade:\n  derived from the steps\n"), "{shown}");
    added.run_here(&["upgrade"]).expect_code(0);
    added.run_here(&["downgrade", "--accept-loss"]).expect_code(0);
}

#[test]
fn a_run_into_a_new_file_says_that_it_was_new() {
    let project = applied();
    let create = ["upgrade", "--create", "--database", "new.db"];
    let said = project.run_here(&create).expect_code(0).stdout;
    assert!(said.contains("the file was new, there were no rows to compare"), "{said}");
    let later = pending("CREATE TABLE t(a)", TABLE);
    let said = later.run_here(&["upgrade"]).expect_code(0).stdout;
    assert!(said.contains("equal to the backup") && !said.contains("was new"), "{said}");
}
