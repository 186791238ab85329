//! Streams that do not take what is written, answers that were typed too early, threads that cannot be started.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::project;
use support::trace::{Fault, is_possible, run};
use support::{Project, sqlite3};

fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command();
    command.args(["-d", "fits_catalog.db"]).args(arguments);
    command
}

/// Runs a command whose stdout takes nothing; returns the exit code and stderr.
fn with_full_stdout(project: &Project, arguments: &[&str]) -> (i32, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(project, arguments).stdout(full).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Runs a command whose stdout was closed by the reader.
fn with_closed_stdout(project: &Project, arguments: &[&str]) -> (i32, String) {
    let mut child =
        command(project, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().unwrap(), said)
}

fn version(project: &Project) -> String {
    sqlite3(&project.database(), "SELECT max(version) FROM schema_version")
}

#[test]
fn a_full_stdout_hid_that_the_database_was_migrated() {
    for arguments in [&["upgrade", "--json"][..], &["upgrade"], &["migrate", "--yes", "--json"]] {
        let project = project();
        let (code, said) = with_full_stdout(&project, arguments);
        assert_eq!((code, version(&project).as_str()), (1, "2"), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        assert!(said.contains("state: the command was carried out"), "{said}");
        assert!(said.contains("1 to 2") && said.contains("equal to the backup"), "{said}");
        assert!(said.contains(project.backups()[0].to_str().unwrap()), "{said}");
    }
}

#[test]
fn a_restore_a_backup_and_a_stamp_say_on_stderr_what_stdout_does_not_take() {
    let project = project();
    let (code, said) = with_full_stdout(&project, &["backup", "--json"]);
    assert_eq!(code, 1);
    assert!(said.contains(project.backups()[0].to_str().unwrap()), "{said}");
    sqlite3(&project.database(), "DELETE FROM sessions");
    let (code, said) = with_full_stdout(&project, &["restore", "--latest", "--yes", "--json"]);
    assert_eq!(code, 1);
    assert!(said.contains("201 rows"), "{said}");
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM sessions"), "200");
    let (code, said) = with_full_stdout(&project, &["stamp", "p2", "--force", "--json"]);
    assert_eq!((code, version(&project).as_str()), (1, "2"), "{said}");
    assert!(said.contains("Recorded: p2"), "{said}");
}

#[test]
fn what_only_looks_says_that_nothing_was_changed() {
    let project = project();
    for arguments in [&["status", "--json"][..], &["status"], &["plan"], &["plan", "--sql"]] {
        let (code, said) = with_full_stdout(&project, arguments);
        assert_eq!(code, 1, "{arguments:?}");
        assert!(said.contains("state: nothing was changed"), "{arguments:?}: {said}");
        // A reader that has seen enough is no failure.
        assert_eq!(with_closed_stdout(&project, arguments), (0, String::new()), "{arguments:?}");
    }
    let (code, said) = with_full_stdout(&project, &["show", "nothing", "--json"]);
    assert_eq!(code, 4);
    assert!(said.contains("state: nothing was changed"), "{said}");
}

#[test]
fn a_closed_pipe_does_not_hide_what_was_done_either() {
    for arguments in [&["upgrade", "--json"][..], &["upgrade"]] {
        let project = project();
        let (_, said) = with_closed_stdout(&project, arguments);
        assert_eq!(version(&project), "2");
        assert!(said.contains("state: the command was carried out"), "{said}");
        assert!(said.contains("1 to 2") && said.contains("equal to the backup"), "{said}");
    }
}

#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    if !is_possible() {
        return;
    }
    let runs: [&[&str]; 6] = [
        &["status", "--json"],
        &["upgrade", "--json"],
        &["verify"],
        &["backup"],
        &["preflight"],
        &["optimize"],
    ];
    for arguments in runs {
        for number in 1..4 {
            let project = project();
            // Enough rows for every thread that helps.
            sqlite3(
                &project.database(),
                "INSERT INTO sessions(name) WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 9000)
                 SELECT v || zeroblob(1000) FROM n; CREATE INDEX i ON sessions(name)",
            );
            let fault =
                Fault::Fail { call: libc::SYS_clone3, number, error: libc::EAGAIN, for_ever: true };
            let mut program = command(&project, arguments);
            program.arg("--phases").arg(project.phases());
            let done = run(program, fault).unwrap();
            let said = String::from_utf8_lossy(&done.output.stderr).into_owned();
            assert_eq!(done.output.status.code(), Some(0), "{arguments:?} {number}: {said}");
            assert!(!said.contains("panicked"), "{arguments:?} {number}: {said}");
            if number == 1 {
                assert!(done.happened, "{arguments:?}");
            }
        }
    }
}

/// Runs the program in a terminal in which some keys are pressed before it asks, and others when it asks.
fn typed(project: &Project, early: &str, question: &str, late: &str) -> (u32, String) {
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut program = CommandBuilder::new(project.command().get_program());
    program.env_clear();
    program.cwd(project.folder());
    for (name, value) in [("LC_ALL", "C.UTF-8"), ("TERM", "dumb"), ("TZ", "UTC")] {
        program.env(name, value);
    }
    program.args(["-d", "fits_catalog.db", "migrate"]);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    // The line waits in the terminal before the program is there.
    keyboard.write_all(early.as_bytes()).unwrap();
    keyboard.flush().unwrap();
    let mut child = pair.slave.spawn_command(program).unwrap();
    drop(pair.slave);
    let (sender, chunks) = channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        })
        .unwrap();
    let mut seen = String::new();
    let end = Instant::now() + Duration::from_secs(60);
    while !seen.contains(question) && Instant::now() < end {
        if let Ok(chunk) = chunks.recv_timeout(Duration::from_millis(100)) {
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
    // Whoever answered too early gets no second chance from the test.
    std::thread::sleep(Duration::from_millis(400));
    let _ = keyboard.write_all(late.as_bytes()).and_then(|()| keyboard.flush());
    while let Ok(chunk) = chunks.recv_timeout(Duration::from_secs(20)) {
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    (child.wait().unwrap().exit_code(), seen)
}

const QUESTION: &str = "Type 'yes' to proceed with migration:";

#[test]
fn what_was_typed_before_the_question_answered_it() {
    for early in ["yes\n", "yes\nyes\n", "no\nyes\nye"] {
        let project = project();
        let before = std::fs::read(project.database()).unwrap();
        let (code, screen) = typed(&project, early, QUESTION, "no\n");
        assert_eq!(code, 9, "{early:?}\n{screen}");
        assert_eq!(std::fs::read(project.database()).unwrap(), before, "{early:?}");
    }
    let project = project();
    let (code, screen) = typed(&project, "no\n", QUESTION, "yes\n");
    assert_eq!((code, version(&project).as_str()), (0, "2"), "{screen}");
}
