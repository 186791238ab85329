//! Commands that do harm: to the clone, to the file itself, to the terminal, or that do not end.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{app, bytes, dump, findings, left_over, prove, prove_sql};
use support::sqlite3;

#[test]
fn a_clone_that_is_gone_or_ruined_is_a_finding() {
    for (command, code) in [
        ("rm {}", "database-gone"),
        ("rm -r \"$(dirname {})\"", "database-gone"),
        ("rm {} && ln -s /etc/passwd {}", "database-replaced"),
        ("rm {} && ln -s \"$PWD/fits_catalog.db\" {}", "database-replaced"),
        ("ln {} {}.other", "database-replaced"),
        ("rm {} && mkdir {}", "database-replaced"),
        ("rm {} && mkfifo {}", "database-replaced"),
        ("head -c 20000 /dev/urandom > {}", "not-a-database"),
        (": > {}", "not-a-database"),
        ("truncate -s 6000 {}", "damaged"),
        ("dd if=/dev/urandom of={} bs=1 seek=4096 count=12000 conv=notrunc 2>/dev/null", "damaged"),
    ] {
        let project = app();
        let before = bytes(&project);
        let report = prove(&project, command, &["--json", "--publish"]).expect_code(3).json();
        let found = findings(&report);
        assert_eq!(found.len(), 1, "{command}: {found:?}");
        assert_eq!(found[0].0, code, "{command}");
        assert_eq!(bytes(&project), before, "{command}");
        assert!(left_over(&project).is_empty(), "{command}: {:?}", left_over(&project));
    }
}

#[test]
fn a_command_that_changes_the_file_itself_is_told_loudly() {
    // As programs do that do not ask SQLite: the lock does not stop them.
    for command in [
        "cp {} copy.db && sqlite3 copy.db 'DROP TABLE links' && cat copy.db > fits_catalog.db && rm copy.db",
        "cp {} copy.db && sqlite3 copy.db 'DROP TABLE links' && mv copy.db fits_catalog.db",
        "rm fits_catalog.db",
        "head -c 40000 /dev/urandom > fits_catalog.db",
    ] {
        let project = app();
        let before = dump(&project.database());
        let output = prove(&project, command, &["--json", "--publish"]).expect_code(1);
        let report = output.json();
        assert_eq!(report["error"]["kind"], "foreign-write", "{command}\n{report:#}");
        assert_eq!(report["error"]["database_state"], "changed-by-command");
        let next = report["error"]["next"][0].as_str().unwrap();
        assert!(next.contains("restore"), "{next}");
        if command.contains("DROP TABLE links") {
            let problems = report["error"]["problems"].to_string();
            assert!(problems.contains("table links is gone with 40 rows"), "{problems}");
        }
        // The advice is what undoes it.
        let backup = report["error"]["backup"].as_str().unwrap().to_owned();
        let mut restore = project.command();
        restore.args(["restore", &backup, "--yes", "--database", "fits_catalog.db"]);
        assert!(restore.output().unwrap().status.success(), "{command}");
        assert_eq!(dump(&project.database()), before, "{command}");
    }
}

#[test]
fn a_command_that_fails_has_no_verdict() {
    let project = app();
    let before = bytes(&project);
    let output =
        prove(&project, "sqlite3 {} 'DROP TABLE links'; echo oops >&2; exit 7", &["--json"]);
    let report = output.expect_code(1).json();
    assert_eq!(report["error"]["kind"], "command");
    assert_eq!(report["error"]["message"], "the command ended with exit status 7");
    let problems = report["error"]["problems"].to_string();
    assert!(
        problems.contains("half changed") && problems.contains("table links is gone"),
        "{problems}"
    );
    let output = prove(&project, "false", &["--publish"]).expect_code(1);
    assert!(output.stderr.contains("it left the clone as it was"), "{}", output.stderr);
    let output = prove(&project, "kill -9 $$", &[]).expect_code(1);
    assert!(output.stderr.contains("was ended by signal 9"), "{}", output.stderr);
    prove(&project, "no_such_program", &[]).expect_code(1);
    prove(&project, "  ", &[]).expect_code(2);
    let begun = Instant::now();
    let output = prove(&project, "sleep 100", &["--timeout", "1"]).expect_code(1);
    assert!(output.stderr.contains("did not end in time"), "{}", output.stderr);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(bytes(&project), before);
    assert!(left_over(&project).is_empty(), "{:?}", left_over(&project));
}

/// The program waited until nothing was written any more, deaf to Ctrl-C and `--timeout`, and kept all that it had
/// not shown yet in memory.
#[test]
fn what_keeps_writing_does_not_hold_the_program() {
    let project = app();
    let before = bytes(&project);
    for (command, code) in [
        ("(while :; do echo x; sleep 0.05; done) & exit 0", 0),
        ("yes & exit 0", 0),
        ("yes", 1),
        (
            "exec python3 -c 'import os, time; os.setpgid(0, os.getpgid(os.getppid())); time.sleep(60)'",
            1,
        ),
    ] {
        let mut bounded = Command::new("sh");
        bounded.args(["-c", "ulimit -v 600000; exec \"$@\"", "sh"]).arg(support::program());
        bounded.args(["prove", "--timeout", "1", "--database"]).arg(project.database());
        bounded.args(["--run", command]).current_dir(project.folder());
        bounded.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        assert_eq!(bounded.status().unwrap().code(), Some(code), "{command}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{command}: {:?}", begun.elapsed());
    }
    assert_eq!(bytes(&project), before);
}

#[test]
fn an_interrupt_ends_the_command_and_leaves_the_file() {
    let project = app();
    let before = bytes(&project);
    let mut command = project.command();
    command.args(["prove", "--database", "fits_catalog.db", "--run"]);
    command.arg("sqlite3 {} 'DROP TABLE links'; echo begun; sleep 100; echo never");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 512]);
    while !seen.contains("| begun") {
        let count = stderr.read(&mut buffer).unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    let begun = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    stderr.read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{seen}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(seen.contains("the command was interrupted") && !seen.contains("| never"), "{seen}");
    assert_eq!(bytes(&project), before);
    assert!(left_over(&project).is_empty(), "{:?}", left_over(&project));
}

#[test]
fn what_a_command_prints_is_shown_and_not_obeyed() {
    let project = app();
    let output =
        prove(&project, "printf '\\033[2J\\033]0;owned\\007 red\\n'; printf 'no line end'", &[]);
    let output = output.expect_code(0);
    let said = output.stdout + &output.stderr;
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
    assert!(
        said.contains("| \\u{1b}[2J\\u{1b}]0;owned\\u{7} red\n")
            && said.contains("| no line end\n"),
        "{said}"
    );
    let report =
        prove(&project, "printf '\\033[2Jx\\n'; echo warn >&2", &["--json"]).expect_code(0).json();
    assert_eq!(report["run"]["stdout"]["text"], "\u{1b}[2Jx\n");
    assert_eq!(report["run"]["stderr"]["text"], "warn\n");
}

#[test]
fn frames_in_a_wal_and_programs_that_stay_are_read_through_sqlite() {
    let project = app();
    // Killed without a checkpoint: all of the change is in the WAL.
    let program = "import os, sqlite3\nc = sqlite3.connect(os.environ['PHASESHIFT_DATABASE'], isolation_level=None)\n\
                   c.execute('PRAGMA journal_mode=WAL')\nc.execute('DELETE FROM links')\nos.kill(os.getpid(), 9)\n";
    project.write("killed.py", program);
    let report = prove(&project, "python3 killed.py || true", &["--json"]).expect_code(3).json();
    let found = findings(&report);
    assert!(found.contains(&("rows".to_owned(), "links".to_owned(), Some(40))), "{found:?}");
    // Half of a transaction is rolled back: nothing of it is left.
    let program = "import os, sqlite3\nc = sqlite3.connect(os.environ['PHASESHIFT_DATABASE'], isolation_level=None)\n\
                   c.execute('PRAGMA cache_size=2')\nc.execute('BEGIN')\nc.execute('DELETE FROM links')\n\
                   c.execute('UPDATE files SET raw = zeroblob(5000)')\nos.kill(os.getpid(), 9)\n";
    project.write("killed.py", program);
    let report = prove(&project, "python3 killed.py || true", &["--json"]).expect_code(0).json();
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    // A program that stays, idle, is no obstacle, and is gone afterwards.
    let program = "import os, sqlite3, time\nc = sqlite3.connect(os.environ['PHASESHIFT_DATABASE'])\n\
                   c.execute('CREATE TABLE tags(name)')\nc.commit()\nopen('ready', 'w').close()\ntime.sleep(100)\n";
    project.write("stays.py", program);
    let command = "python3 stays.py & while [ ! -e ready ]; do sleep 0.05; done; echo $! > pid";
    let output = prove(&project, command, &["--publish"]).expect_code(0);
    assert!(output.stdout.contains("it left processes running"), "{}", output.stdout);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM tags"), "0");
    let pid = std::fs::read_to_string(project.path("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    // One that holds the clone locked makes the answer impossible.
    let program =
        program.replace("c.commit()\n", "").replace("CREATE TABLE tags(name)", "BEGIN EXCLUSIVE");
    project.write("stays.py", &program);
    std::fs::remove_file(project.path("ready")).unwrap();
    let output = prove(&project, command, &["--wait", "1"]).expect_code(5);
    assert!(output.stderr.contains("another program holds the database"), "{}", output.stderr);
}

#[test]
fn vacuum_and_another_page_size_are_told_as_what_they_are() {
    let project = app();
    let report = prove_sql(&project, "VACUUM", &["--json"]).expect_code(3).json();
    assert_eq!(findings(&report), [("rowids".to_owned(), "settings".to_owned(), Some(2))]);
    project.write("map.toml", "changed = ['settings.rowid', 'page_size']");
    let change = "PRAGMA page_size = 1024; VACUUM; CREATE TABLE tags(name)";
    prove_sql(&project, change, &["--map", "map.toml", "--publish"]).expect_code(0);
    assert_eq!(
        sqlite3(&project.database(), "PRAGMA page_size; PRAGMA integrity_check"),
        "1024\nok"
    );
}
