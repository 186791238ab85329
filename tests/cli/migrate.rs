//! The program on a good catalogue: guided, scripted, asked, and from the demo.

use std::process::Command;

use support::sample::{Feature, SampleOptions, VersionRows};
use support::{Output, Project, judge, phase3_renames, sqlite3};

fn small() -> SampleOptions {
    SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() }
}

fn project() -> Project {
    Project::with_catalogue(&small())
}

/// Runs a command that was prepared by hand.
fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Asserts that the lines come in this order, each somewhere after the one before.
#[track_caller]
fn assert_in_order(text: &str, lines: &[&str]) {
    let mut rest = text;
    for line in lines {
        match rest.find(line) {
            Some(place) => rest = &rest[place + line.len()..],
            None => panic!("{line:?} is not where it should be in\n{text}"),
        }
    }
}

#[test]
fn the_guided_form_says_what_it_does_and_does_it() {
    let project = Project::with_catalogue(&small().with(Feature::Views).with(Feature::Triggers));
    let before = project.copy_database("before.db");
    let output = project.run(&["migrate", "phase3", "--yes"]).expect_code(0);
    assert_eq!(output.stderr, "");
    assert_in_order(
        &output.stdout,
        &[
            "FITS Cataloger - Phase 3 Schema Migration\n=====",
            "Database: ",
            "This will:\n",
            "• Rename table sessions to imaging_sessions\n",
            "• Rename imaging_sessions.session_id to id\n",
            "• Back up the database first and prove every row before committing\n",
            "• Set the schema version to 2\n",
            "✓ Schema version is 1 (phase2)\n",
            "✓ Tables exist: sessions, fits_files",
            "✓ 2 checks of phase3 hold\n",
            "✓ Enough space",
            "Creating backup: ",
            "/backups/fits_catalog_pre_phase3_",
            "✓ Backup created\n",
            "✓ Backup verified: 12 sessions, 60 fits_files\n",
            "WARNING: ",
            "[1/5] Rebuilding sessions as imaging_sessions...\n",
            "  ✓ Copied 12 sessions\n",
            "  ✓ Copied 60 fits_files\n",
            "[5/5] ",
            "Verifying migration...\n",
            "  ✓ rows: ",
            "  ✓ foreign keys: the same keys between the same rows as in the backup\n",
            "✓ All verification checks passed!\n",
            "MIGRATION COMPLETE!\n",
            "1 to 2",
            "phaseshift restore before:phase3",
            "phaseshift downgrade",
        ],
    );
    assert_eq!(project.backups().len(), 1);
    judge(&before, &project.database(), &phase3_renames()).unwrap();
}

#[test]
fn up_and_down_for_scripts_come_back_to_the_same_rows() {
    let project = project();
    let before = project.copy_database("before.db");
    let up = project.run(&["upgrade", "phase3", "--json"]).expect_code(0).json();
    assert_eq!((&up["from"], &up["to"], &up["changed"]), (&1.into(), &2.into(), &true.into()));
    assert_eq!(up["proof"]["tables"], 20);
    assert!(up["proof"]["rows"].as_u64().unwrap() > 92);
    assert_eq!(up["steps"].as_array().unwrap().len(), 5);
    assert!(up["backup"].as_str().unwrap().contains("_pre_phase3_"));
    assert!(up["seconds"].is_number());
    judge(&before, &project.database(), &phase3_renames()).unwrap();
    let down = project.run(&["downgrade", "-1"]).expect_code(0);
    assert!(down.stdout.starts_with("Undoing phase3: "), "{}", down.stdout);
    for table in ["sessions", "fits_files", "processing_session_files"] {
        let rows = format!("SELECT * FROM {table} ORDER BY rowid");
        assert_eq!(sqlite3(&project.database(), &rows), sqlite3(&before, &rows));
    }
    project.run(&["down", "phase2"]).expect_code(0);
    assert_eq!(project.backups().len(), 2);
}

#[test]
fn a_restore_brings_the_old_state_back_and_keeps_the_present_one() {
    let project = project();
    let before = project.copy_database("before.db");
    project.run(&["migrate", "phase3", "--yes"]).expect_code(0);
    let dry = project.run(&["restore", "--latest", "--dry-run"]).expect_code(0);
    assert!(dry.stdout.contains("from version 2 to version 1"), "{}", dry.stdout);
    assert_eq!(sqlite3(&project.database(), "SELECT max(version) FROM schema_version"), "2");
    let output = project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_in_order(
        &output.stdout,
        &[
            "Backup verified",
            "imaging_sessions: removed with 12 rows",
            "Restored:",
            "RESTORE COMPLETE!",
        ],
    );
    judge(&before, &project.database(), &serde_json::json!({})).unwrap();
    assert_eq!(project.backups().len(), 2);
    // The newest backup is the one of the state before the restore; --latest does not mean that one.
    let again = project.run(&["restore", "--latest", "--yes", "--json"]).expect_code(0).json();
    assert!(again["restored_from"].as_str().unwrap().contains("_pre_phase3_"));
}

#[test]
fn reading_commands_change_nothing_and_create_nothing() {
    let wal = SampleOptions { uncheckpointed: 10, ..small() }.with(Feature::Wal);
    for options in [small(), wal] {
        let project = Project::with_catalogue(&options);
        let before = project.snapshot();
        for arguments in [
            &["status"][..],
            &["status", "--json"],
            &["current", "-v"],
            &["verify"],
            &["verify", "--quick", "--expect", "1"],
            &["plan", "phase3"],
            &["plan", "--sql"],
            &["preflight", "phase3"],
            &["history", "-i"],
            &["show", "phase3"],
            &["heads"],
            &["bases"],
            &["branches"],
            &["check"],
            &["backups"],
            &["backups", "verify"],
            &["migrate", "phase3", "-n"],
            &["-n", "upgrade"],
            &["stamp", "phase2", "--dry-run"],
            &["completions", "bash"],
            &["man"],
        ] {
            project.run(arguments).expect_code(0);
            assert_eq!(project.snapshot(), before, "{arguments:?}");
        }
    }
}

#[test]
fn answers_for_scripts_are_yes_or_no() {
    let project = project();
    for (arguments, code) in [
        (&["current", "--require", "1"][..], 0),
        (&["current", "--require", "phase2"], 0),
        (&["current", "--require", "2"], 3),
        (&["current", "--require", "head"], 3),
        (&["verify", "--expect", "version:1"], 0),
        (&["verify", "--expect", "phase3"], 3),
        (&["status", "--exit-code"], 3),
        (&["status"], 0),
        (&["current", "--require", "nothing"], 4),
    ] {
        project.run(arguments).expect_code(code);
    }
    let current = project.run(&["current", "--json"]).expect_code(0).json();
    assert_eq!(current["version"], 1);
    assert_eq!(current["ids"], serde_json::json!(["phase2"]));
    assert_eq!(current["heads"], serde_json::json!(["phase4"]));
    let verify = project.run(&["verify", "--json"]).expect_code(0).json();
    assert!(verify["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
    let status = project.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["pending"], serde_json::json!(["phase3", "phase4"]));
    assert_eq!(status["drift"], serde_json::json!([]));
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["current", "--require", "head"]).expect_code(0);
    project.run(&["status", "--exit-code"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "phase4 (head)\n");
}

#[test]
fn the_chain_is_told_in_the_words_of_alembic() {
    let project = project();
    assert_eq!(
        project.run(&["history"]).expect_code(0).stdout,
        "phase3 -> phase4 (head), Phase 4: Old names no longer used by the program\n\
         phase2 -> phase3, Phase 3: Renamed tables and columns\n\
         phase1 -> phase2, Phase 2: Consolidated models\n\
         <base> -> phase1, Phase 1: Baseline\n"
    );
    let range = project.run(&["history", "-i", "-r", "current:phase3"]).expect_code(0);
    assert_eq!(
        range.stdout,
        "phase2 -> phase3, Phase 3: Renamed tables and columns\n\
         phase1 -> phase2 (current), Phase 2: Consolidated models, applied 2025-10-04 19:12:31 +00:00\n"
    );
    assert_eq!(project.run(&["heads"]).stdout, "phase4 (head)\n");
    assert_eq!(project.run(&["bases"]).stdout, "phase1\n");
    let history = project.run(&["history", "--json"]).expect_code(0).json();
    let applied: Vec<_> = history["phases"].as_array().unwrap().iter().collect();
    assert_eq!((&applied[1]["id"], &applied[1]["applied"]), (&"phase2".into(), &true.into()));
    assert_eq!((&applied[2]["id"], &applied[2]["applied"]), (&"phase3".into(), &false.into()));
    let show = project.run(&["show", "phase3"]).expect_code(0).stdout;
    assert!(show.contains("rename column fits_files.session_id to imaging_session_id"), "{show}");
}

#[test]
fn forks_are_joined_by_a_merge() {
    let project = project();
    project.run(&["new", "-m", "One", "--head", "phase4", "--id", "phase5"]).expect_code(0);
    let two = ["new", "-m", "Two", "--head", "phase4", "--label", "side", "--id", "phase6"];
    let refused = project.run(&two).expect_code(2);
    assert!(refused.stderr.contains("add --splice to fork the chain"), "{}", refused.stderr);
    project.run(&[&two[..], &["--splice"]].concat()).expect_code(0);
    assert_eq!(project.run(&["heads"]).stdout, "phase5 (head)\nphase6 (side) (head)\n");
    assert_eq!(
        project.run(&["branches"]).stdout,
        "phase4 (branchpoint)\n       -> phase5 (head)\n       -> phase6 (side) (head)\n\n"
    );
    let several = project.run(&["migrate", "--yes"]).expect_code(4);
    assert!(several.stderr.contains("name one of: phase5, phase6"), "{}", several.stderr);
    project.run(&["new", "-m", "Three"]).expect_code(4);
    project.run(&["merge", "--id", "phase7"]).expect_code(0);
    assert_eq!(project.run(&["heads"]).stdout, "phase7 (head) (mergepoint)\n");
    project.run(&["check"]).expect_code(0);
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "phase7 (head) (mergepoint)\n");
}

#[test]
fn a_file_without_records_is_adopted_by_a_stamp() {
    let project =
        Project::with_catalogue(&SampleOptions { version_rows: VersionRows::None, ..small() });
    let refused = project.run(&["migrate", "phase3", "--yes"]).expect_code(4);
    assert!(
        refused.stderr.contains("next:  the file fits phase2: phaseshift stamp phase2"),
        "{}",
        refused.stderr
    );
    let stamp = project.run(&["stamp", "phase2"]).expect_code(0);
    assert!(stamp.stdout.contains("✓ Current: phase2"), "{}", stamp.stdout);
    assert_eq!(
        project.run(&["stamp", "phase2"]).stdout,
        "Nothing to do: phase2 is recorded already.\n"
    );
    project.run(&["migrate", "phase3", "--yes"]).expect_code(0);
}

#[test]
fn the_script_of_a_plan_does_what_the_program_does() {
    let project = project();
    let before = project.copy_database("before.db");
    let sql = project.run(&["plan", "phase3", "--sql"]).expect_code(0).stdout;
    // The first line is a comment, which would be taken for a flag.
    sqlite3(&project.database(), &format!("\n{sql}"));
    judge(&before, &project.database(), &phase3_renames()).unwrap();
    project.run(&["verify", "--expect", "2"]).expect_code(0);
}

#[test]
fn a_script_between_two_places_needs_no_database() {
    let project = project();
    let before = project.copy_database("before.db");
    let plan = |range: &str| project.run(&["plan", "--sql", range]).expect_code(0).stdout;
    let new = project.path("new.db");
    sqlite3(&new, &format!("\n{}", plan("base:phase3")));
    let here = |arguments: &[&str]| {
        output(project.command().args(["-d", "new.db"]).args(arguments)).expect_code(0)
    };
    assert_eq!(here(&["current"]).stdout, "phase3\n");
    here(&["verify", "--expect", "2"]);
    sqlite3(&project.database(), &format!("\n{}", plan("phase2:phase3")));
    judge(&before, &project.database(), &phase3_renames()).unwrap();
    sqlite3(&project.database(), &format!("\n{}", plan("phase3:phase2")));
    project.run(&["verify", "--expect", "1"]).expect_code(0);
    project.run(&["plan", "phase2:phase3"]).expect_code(2);
    let up = project.run(&["upgrade", "phase2:phase3", "--sql"]).expect_code(0).stdout;
    assert_eq!(up, plan("phase2:phase3"));
    let down = project.run(&["downgrade", "phase3:phase2", "--sql"]).expect_code(0).stdout;
    assert_eq!(down, plan("phase3:phase2"));
}

#[test]
fn a_missing_database_is_created_only_when_asked() {
    let project = project();
    let new = |arguments: &[&str]| output(project.command().args(["-d", "new.db"]).args(arguments));
    new(&["upgrade"]).expect_code(4);
    assert!(!project.path("new.db").exists());
    new(&["upgrade", "nonsense", "--create"]).expect_code(4);
    assert!(!project.path("new.db").exists());
    new(&["upgrade", "phase3", "--create"]).expect_code(0);
    assert_eq!(new(&["current"]).stdout, "phase3\n");
    new(&["verify", "--expect", "2"]).expect_code(0);
    // An existing file is migrated as always.
    project.run(&["upgrade", "phase3", "--create"]).expect_code(0);
}

#[test]
fn a_way_down_that_loses_data_is_refused_until_it_is_accepted() {
    let project = project();
    let step = "op = 'create_table'\nsql = 'CREATE TABLE notes(id INTEGER PRIMARY KEY, text)'";
    project.write_phase("phase5.toml", &format!("[[up]]\n{step}\n"));
    project.run(&["upgrade"]).expect_code(0);
    sqlite3(&project.database(), "INSERT INTO notes(text) VALUES ('one'), ('two')");
    let before = project.snapshot();
    let refused = project.run(&["downgrade"]).expect_code(4);
    assert!(refused.stderr.contains("table notes is dropped with 2 rows"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--accept-loss"), "{}", refused.stderr);
    let plan = project.run(&["plan", "-1"]).expect_code(0);
    assert!(plan.stdout.contains("WARNING: this loses data:"), "{}", plan.stdout);
    assert_eq!(project.snapshot(), before);
    project.run(&["downgrade", "--accept-loss"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "phase4\n");
}

#[test]
fn a_failure_in_a_later_phase_keeps_the_earlier_ones_only_when_asked() {
    let project = project();
    let check = "name = 'never'\nsql = 'SELECT 1'\nexpect = 2";
    project.write_phase("phase5.toml", &format!("[[verify]]\n{check}\n"));
    let whole = project.run(&["upgrade"]).expect_code(6);
    assert!(whole.stderr.contains("everything was rolled back"), "{}", whole.stderr);
    assert_eq!(project.run(&["current"]).stdout, "phase2\n");
    let each = project.run(&["upgrade", "--per-phase"]).expect_code(6);
    let said = "state: phase3, phase4 done and committed; what came after was rolled back";
    assert!(each.stderr.contains(said), "{}", each.stderr);
    assert_eq!(project.run(&["current"]).stdout, "phase4\n");
}

#[test]
fn check_takes_phases_there_and_back_and_finds_branches_that_clash() {
    let project = project();
    let check = project.run(&["check", "--roundtrip"]).expect_code(0);
    assert!(check.stdout.contains("✓ phase3: reversible\n"), "{}", check.stdout);
    let column = "op = 'add_column'\ntable = 'cameras'\ncolumn = 'note TEXT'";
    for name in ["left", "right"] {
        project.write_phase(
            &format!("{name}.toml"),
            &format!("parents = ['phase4']\n[[up]]\n{column}\n"),
        );
    }
    let clash = project.run(&["check", "--json"]).expect_code(3).json();
    let message = clash["problems"].as_array().unwrap().iter().map(|it| it["message"].to_string());
    assert!(message.into_iter().any(|it| it.contains("cameras.note")), "{clash:#}");
    let merge = project.run(&["merge"]).expect_code(4);
    assert!(merge.stderr.contains("cameras.note"), "{}", merge.stderr);
}

#[test]
fn the_demo_runs_by_itself_and_again_and_spares_what_is_not_its_own() {
    let project = Project::empty();
    for _ in 0..2 {
        let output = project.run_here(&["demo"]).expect_code(0);
        assert_in_order(
            &output.stdout,
            &[
                "✓ Backup verified: 245 sessions, 12456 fits_files\n",
                "✓ Copied 245 sessions\n",
                "✓ Copied 12456 fits_files\n",
                "MIGRATION COMPLETE!",
                "phaseshift downgrade --config demo/phaseshift.toml",
            ],
        );
    }
    project.run_here(&["downgrade", "--config", "demo/phaseshift.toml"]).expect_code(0);
    let other = project.path("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("fits_catalog.db"), "precious").unwrap();
    let before = project.snapshot();
    let refused = project.run_here(&["demo", "other"]).expect_code(4);
    assert!(refused.stderr.contains("was not made by a demo"), "{}", refused.stderr);
    assert_eq!(project.snapshot(), before);
}

#[test]
fn settings_are_found_upwards_and_addresses_are_understood() {
    let project = project();
    project.write("phaseshift.toml", "database = 'fits_catalog.db'\nbackups = 'kept'\n");
    project.write("deep/below/x", "");
    let below = |arguments: &[&str]| {
        output(project.command().current_dir(project.path("deep/below")).args(arguments))
    };
    assert_eq!(below(&["current"]).expect_code(0).stdout, "phase2\n");
    below(&["current", "-d", "sqlite:///../../fits_catalog.db"]).expect_code(0);
    below(&["current", "-d", &format!("sqlite:///{}", project.database().display())])
        .expect_code(0);
    below(&["current", "-d", "fits_catalog.db"]).expect_code(4);
    below(&["upgrade", "phase3"]).expect_code(0);
    assert!(project.path("kept").is_dir());
    let mut command = project.command();
    command.env("PHASESHIFT_DATABASE", "none.db").arg("current");
    assert!(output(&mut command).expect_code(4).stderr.contains("none.db does not exist"));
    let nothing = Project::empty();
    let output = nothing.run_here(&["current"]).expect_code(2);
    assert!(output.stderr.contains("no database is named"), "{}", output.stderr);
}

#[test]
fn a_new_project_begins_without_a_database() {
    let project = Project::empty();
    project.run_here(&["init", "work", "--database", "work/app.db"]).expect_code(0);
    assert!(!project.path("work/app.db").exists());
    let text = std::fs::read_to_string(project.path("work/phaseshift.toml")).unwrap();
    assert!(text.contains("database = \"app.db\""), "{text}");
    let here = |arguments: &[&str]| {
        output(project.command().current_dir(project.path("work")).args(arguments))
    };
    here(&["revision", "-m", "The first"]).expect_code(0);
    let mut files = std::fs::read_dir(project.path("work/phases")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
    // The clock of the tests stands still; two people who work at different moments get different names.
    let (moment, slug) = stem.split_at(16);
    assert!(moment.bytes().filter(u8::is_ascii_digit).count() == 14, "{stem}");
    assert_eq!(slug, "the_first");
    let phase = std::fs::read_to_string(&file).unwrap();
    assert!(phase.starts_with(&format!("id = \"{stem}\"\nversion = 1\n")), "{phase}");
    assert_eq!(here(&["heads"]).expect_code(0).stdout, format!("{stem} (head)\n"));
    // The settings may name them otherwise.
    let settings = text.replace(
        "# name_template = \"{date}_{time}_{slug}\"",
        "name_template = \"{version}_{slug}\"",
    );
    assert_ne!(settings, text);
    std::fs::write(project.path("work/phaseshift.toml"), settings).unwrap();
    here(&["revision", "-m", "The second"]).expect_code(0);
    assert_eq!(here(&["heads"]).expect_code(0).stdout, "2_the_second (head)\n");
    here(&["check"]).expect_code(0);
    assert!(here(&["init"]).expect_code(0).stdout.contains("Kept phaseshift.toml"));
}

#[test]
fn backups_are_made_listed_verified_and_removed() {
    let project = project();
    for name in ["one", "two", "three"] {
        project.run(&["backup", "--name", name]).expect_code(0);
    }
    let list = project.run(&["backups", "--json"]).expect_code(0).json();
    let backups = list["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 3);
    assert!(backups[0]["file"].as_str().unwrap().contains("_three_"));
    assert_eq!((&backups[0]["verified"], &backups[0]["version"]), (&true.into(), &1.into()));
    project.run(&["backups", "verify"]).expect_code(0);
    project.run(&["backups", "prune", "--keep", "1", "--dry-run"]).expect_code(0);
    assert_eq!(project.backups().len(), 3);
    // They have names: only a person removes them.
    project.run(&["backups", "prune", "--keep", "0"]).expect_code(0);
    assert_eq!(project.backups().len(), 3);
    let damaged = &project.backups()[0];
    let mut bytes = std::fs::read(damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(damaged, bytes).unwrap();
    project.run(&["backups", "verify"]).expect_code(10);
    let path = damaged.to_str().unwrap();
    project.run(&["backups", "verify", path]).expect_code(10);
    project.run(&["restore", path, "--yes"]).expect_code(10);
}

#[test]
fn text_is_plain_where_the_terminal_is_not_able() {
    let project = project();
    let output = output(project.command().env("LC_ALL", "C").args([
        "migrate",
        "phase3",
        "--yes",
        "-d",
        "fits_catalog.db",
    ]))
    .expect_code(0);
    assert!(output.stdout.is_ascii(), "{}", output.stdout);
    assert!(output.stdout.contains("  ok Copied 12 sessions\n"), "{}", output.stdout);
    assert!(!output.stdout.contains('\x1b') && !output.stderr.contains('\x1b'));
    let colour = project.run(&["status", "--color", "always"]).expect_code(0);
    assert!(colour.stdout.contains("\x1b[32m✓\x1b[0m"), "{:?}", colour.stdout);
}

#[test]
fn quiet_says_nothing_and_json_progress_goes_to_stderr() {
    let quiet = project();
    let output = quiet.run(&["migrate", "phase3", "--yes", "--quiet"]).expect_code(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    let project = project();
    let output = project.run(&["upgrade", "phase3", "--json", "--progress", "json"]).expect_code(0);
    assert_eq!(output.json()["to"], 2);
    let events: Vec<serde_json::Value> =
        output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    for wanted in ["backup-started", "backup-verified", "step-started", "check-passed", "committed"]
    {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
}

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let project = project();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_phaseshift");
    let script = format!("'{program}' migrate phase3 --yes -d fits_catalog.db | head -1");
    command.current_dir(project.folder()).args(["-c", &script]);
    output(&mut command).expect_code(0);
    project.run(&["verify", "--expect", "2"]).expect_code(0);
}

#[test]
fn every_command_has_examples() {
    let project = Project::empty();
    let help = project.run_here(&["--help"]).expect_code(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Guided:");
    let commands = commands.take_while(|line| !line.contains("shows the options"));
    let mut count = 0;
    for command in commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = command.split_whitespace().next().unwrap();
        if name != "help" {
            let text = project.run_here(&[name, "--help"]).expect_code(0).stdout;
            assert!(text.contains("Examples:\n  phaseshift "), "{name}");
            count += 1;
        }
    }
    assert!(count >= 28, "{count}");
}
