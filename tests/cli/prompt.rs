//! The guided form in a pseudo-terminal: a person answers, or interrupts.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use support::sample::{Feature, SampleOptions, VersionRows};
use support::{Project, judge, phase3_renames};

const QUESTION: &str = "Type 'yes' to proceed with migration:";
/// How long a test waits for a text or for the end.
const PATIENCE: Duration = Duration::from_secs(60);

fn small() -> SampleOptions {
    SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() }
}

/// The program in a terminal.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn std::io::Write + Send>,
    chunks: Receiver<Vec<u8>>,
    seen: String,
    settings_before: String,
}

impl Session {
    /// Starts the program on a project.
    fn start(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_phaseshift"));
        command.env_clear();
        command.cwd(project.folder());
        for (name, value) in [("LC_ALL", "C.UTF-8"), ("TERM", "xterm"), ("TZ", "UTC")] {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        command.args(["-d", "fits_catalog.db"]);
        command.args(arguments);
        let settings_before = format!("{:?}", pair.master.get_termios().unwrap());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let (master, seen) = (pair.master, String::new());
        Self { child, master, keyboard, chunks, seen, settings_before }
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.seen.push_str(&String::from_utf8_lossy(&chunk)),
                Err(_) => panic!("{text:?} does not come:\n{}", self.seen),
            }
        }
    }

    /// Types.
    fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits for the end; returns the exit code and everything that was on the screen.
    fn end(self) -> (u32, String) {
        let (code, seen, _) = self.end_with_settings();
        (code, seen)
    }

    /// The same, with the settings in which the terminal is left.
    fn end_with_settings(mut self) -> (u32, String, String) {
        while let Ok(chunk) = self.chunks.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        let code = self.child.wait().unwrap().exit_code();
        let settings = self.settings();
        drop(self.master);
        (code, self.seen, settings)
    }

    /// How the terminal is set: lines or single keys, echo, signals.
    fn settings(&self) -> String {
        format!("{:?}", self.master.get_termios().unwrap())
    }

    /// Waits until single keys are read.
    #[track_caller]
    fn wait_for_single_keys(&self) {
        let end = Instant::now() + PATIENCE;
        while self.settings() == self.settings_before {
            assert!(Instant::now() < end, "the terminal is not set to single keys");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal to the program.
    fn signal(&self, name: &str) {
        let process = self.child.process_id().unwrap().to_string();
        let mut command = std::process::Command::new("kill");
        assert!(command.args(["-s", name]).arg(process).status().unwrap().success());
    }
}

/// Asserts that whatever hid the cursor, it is shown at the end.
fn assert_cursor_shown(screen: &str) {
    assert!(screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l") || !screen.contains("\x1b[?25l"));
    assert!(screen.contains("\x1b[?25h"), "{screen:?}");
}

#[test]
fn the_word_yes_in_any_case_proceeds() {
    for answer in ["yes\r", "YES\r"] {
        let project = Project::with_catalogue(&small());
        let before = project.copy_database("before.db");
        let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
        session.wait_for(QUESTION);
        session.type_in(answer);
        let (code, screen) = session.end();
        assert_eq!(code, 0, "{screen}");
        assert!(screen.contains("MIGRATION COMPLETE!"), "{screen}");
        assert_cursor_shown(&screen);
        judge(&before, &project.database(), &phase3_renames()).unwrap();
        assert_eq!(project.backups().len(), 1);
    }
}

#[test]
fn anything_else_leaves_the_file_as_it_was() {
    for answer in ["no\r", "y\r", "\r", "yes please\r", "YES \r", "\x04"] {
        let project = Project::with_catalogue(&small());
        let before = std::fs::read(project.database()).unwrap();
        let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
        session.wait_for(QUESTION);
        session.type_in(answer);
        let (code, screen) = session.end();
        assert_eq!(code, 9, "{answer:?}\n{screen}");
        assert!(screen.contains("Cancelled:"), "{screen}");
        assert!(screen.contains("nothing was changed; the backup is /"), "{screen}");
        assert_eq!(std::fs::read(project.database()).unwrap(), before, "{answer:?}");
        assert_eq!(project.backups().len(), 1);
    }
}

#[test]
fn interrupted_at_the_question_nothing_is_changed() {
    for wal in [false, true] {
        let options = if wal { small().with(Feature::Wal) } else { small() };
        let project = Project::with_catalogue(&options);
        let before = std::fs::read(project.database()).unwrap();
        let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
        session.wait_for(QUESTION);
        session.type_in("\x03");
        let (code, screen) = session.end();
        assert_eq!(code, 130, "{screen}");
        assert!(screen.contains("Interrupted:"), "{screen}");
        assert!(screen.contains("nothing was changed; the backup is /"), "{screen}");
        assert_cursor_shown(&screen);
        assert_eq!(std::fs::read(project.database()).unwrap(), before);
        assert!(!project.path("fits_catalog.db-journal").exists());
        assert!(!project.path("fits_catalog.db-wal").exists());
    }
}

#[test]
fn a_termination_at_the_question_is_an_interrupt_too() {
    let project = Project::with_catalogue(&small());
    let before = std::fs::read(project.database()).unwrap();
    let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
    session.wait_for(QUESTION);
    session.signal("TERM");
    let (code, screen) = session.end();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(std::fs::read(project.database()).unwrap(), before);
}

#[test]
fn interrupted_during_the_copy_everything_is_rolled_back() {
    let options = SampleOptions { files: 60_000, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    let before = support::digest(&project.database());
    let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
    session.wait_for(QUESTION);
    session.type_in("yes\r");
    session.wait_for("Rebuilding fits_files");
    session.type_in("\x03");
    let (code, screen) = session.end();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("everything was rolled back, the database is as before"), "{screen}");
    assert!(!screen.contains("MIGRATION COMPLETE"), "{screen}");
    assert_cursor_shown(&screen);
    assert_eq!(support::digest(&project.database()), before);
    assert_eq!(support::sqlite3(&project.database(), "PRAGMA integrity_check"), "ok");
    assert!(!project.path("fits_catalog.db-journal").exists());
    project.run(&["migrate", "phase3", "--yes"]).expect_code(0);
}

#[test]
fn an_unrecorded_file_is_adopted_after_a_question() {
    let options = SampleOptions { version_rows: VersionRows::None, ..small() };
    let project = Project::with_catalogue(&options);
    let mut session = Session::start(&project, &["migrate", "phase3"], &[]);
    session.wait_for("Type 'yes' to record phase2 and go on:");
    session.type_in("yes\r");
    session.wait_for(QUESTION);
    session.type_in("yes\r");
    let (code, screen) = session.end();
    assert_eq!(code, 0, "{screen}");
    project.run(&["verify", "--expect", "2"]).expect_code(0);
}

/// A migrated catalogue with two backups: one before phase 3, and a later one.
fn with_two_backups() -> (Project, PathBuf) {
    let project = Project::with_catalogue(&small());
    let before = project.copy_database("before.db");
    project.run(&["migrate", "phase3", "--yes"]).expect_code(0);
    project.run(&["backup", "--name", "later"]).expect_code(0);
    (project, before)
}

const PICK: &str = "Which backup is to be restored?";
const RESTORE: &str = "Type 'yes' to restore this backup:";

#[test]
fn a_backup_to_restore_is_picked_with_keys() {
    let (project, before) = with_two_backups();
    // Down to the older one; what would be lost is said before the word is asked for.
    let mut session = Session::start(&project, &["restore"], &[]);
    session.wait_for("made by hand, named later, version 2");
    session.wait_for("before phase3, version 1");
    assert!(session.seen.contains(PICK), "{}", session.seen);
    let newest_first = session.seen.find("made by hand") < session.seen.find("before phase3");
    assert!(newest_first, "{}", session.seen);
    for fact in ["verified", "KiB", "rows in 2", "tables", "20"] {
        assert!(session.seen.contains(fact), "{fact}: {}", session.seen);
    }
    session.type_in("\x1b[B");
    session.type_in("\r");
    session.wait_for("from version 2 to version 1");
    session.wait_for(RESTORE);
    assert!(session.seen.contains("imaging_sessions: removed with 12 rows"), "{}", session.seen);
    session.type_in("yes\r");
    let (code, screen) = session.end();
    assert_eq!(code, 0, "{screen}");
    assert_cursor_shown(&screen);
    judge(&before, &project.database(), &serde_json::json!({})).unwrap();
}

#[test]
fn leaving_the_list_of_backups_changes_nothing_and_leaves_the_terminal_as_it_was() {
    let (project, _) = with_two_backups();
    let file = std::fs::read(project.database()).unwrap();
    let keys = [("\x1b", 9), ("q", 9), ("\x03", 130)];
    // Often, because a signal may come just before a key is waited for.
    let signals = ["TERM", "HUP", "INT", "TERM", "HUP", "INT"].map(|name| (name, 130));
    for (key, code) in keys.into_iter().chain(signals) {
        let mut session = Session::start(&project, &["restore"], &[]);
        session.wait_for("before phase3, version 1");
        session.wait_for_single_keys();
        if key.len() == 1 {
            session.type_in(key);
        } else {
            session.signal(key);
        }
        let before = session.settings_before.clone();
        let (found, screen, after) = session.end_with_settings();
        assert_eq!(found, code, "{key:?}\n{screen}");
        assert_cursor_shown(&screen);
        assert_eq!(after, before, "{key:?}: the terminal stays raw");
        assert_eq!(std::fs::read(project.database()).unwrap(), file, "{key:?}");
    }
    assert_eq!(project.backups().len(), 2);
}

#[test]
fn a_backup_to_restore_is_picked_by_number_where_keys_cannot_be_drawn() {
    let (project, before) = with_two_backups();
    for (number, code) in [("3\r", 9), ("\r", 9), ("2\r", 0)] {
        let mut session = Session::start(&project, &["restore"], &[("TERM", "dumb")]);
        session.wait_for("Type a number from 1 to 2:");
        session.type_in(number);
        if code == 0 {
            session.wait_for(RESTORE);
            assert!(session.seen.contains("from version 2 to version 1"), "{}", session.seen);
            session.type_in("yes\r");
        }
        let (found, screen) = session.end();
        assert_eq!(found, code, "{screen}");
        assert!(!screen.contains("\x1b["), "{screen:?}");
    }
    judge(&before, &project.database(), &serde_json::json!({})).unwrap();
}

#[test]
fn a_terminal_is_not_asked_when_nothing_may_be_asked() {
    let project = Project::with_catalogue(&small());
    for flag in ["--no-input", "--json"] {
        let session = Session::start(&project, &["migrate", "phase3", flag], &[]);
        let (code, screen) = session.end();
        assert_eq!(code, 4, "{screen}");
        assert!(!screen.contains(QUESTION), "{screen}");
    }
    assert!(project.backups().is_empty());
}

#[test]
fn colours_and_marks_follow_the_environment() {
    let screen_with = |variables: &[(&str, &str)]| {
        let project = Project::with_catalogue(&small());
        let session = Session::start(&project, &["status"], variables);
        let (code, screen) = session.end();
        assert_eq!(code, 0, "{screen}");
        screen
    };
    assert!(screen_with(&[]).contains("\x1b[32m✓\x1b[0m Schema"));
    assert!(screen_with(&[("NO_COLOR", "1")]).contains("✓ Schema"));
    assert!(!screen_with(&[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(screen_with(&[("NO_COLOR", "")]).contains("\x1b[32m"));
    assert!(!screen_with(&[("TERM", "dumb")]).contains('\x1b'));
    let ascii = screen_with(&[("LC_ALL", "C"), ("NO_COLOR", "1")]);
    assert!(ascii.is_ascii() && ascii.contains("ok Schema"), "{ascii:?}");
}

/// A project with one phase and a schema in which a column has another name.
fn with_another_column() -> Project {
    let project = Project::empty();
    let table = "version = 1\nparents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a, b TEXT)\"\n";
    project.write_phase("p1.toml", table);
    project.write("schema.sql", "CREATE TABLE t(a, c TEXT);\n");
    project
}

const RENAMED: &str = "Was column t.c renamed from t.b?";
const REVISION: [&str; 6] = ["revision", "-m", "change", "--autogenerate", "--id", "p2"];

fn drafted(project: &Project) -> String {
    let text = std::fs::read_to_string(project.phases().join("p2.toml")).unwrap_or_default();
    text.lines().filter(|it| it.starts_with("op = ")).collect()
}

#[test]
fn a_person_says_that_a_column_was_renamed() {
    let project = with_another_column();
    let mut session = Session::start(&project, &REVISION, &[]);
    session.wait_for(RENAMED);
    session.wait_for("No, t.c is new");
    session.wait_for_single_keys();
    session.type_in("\r");
    let (code, screen) = session.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(drafted(&project), "op = \"rename_column\"", "{screen}");
    assert_cursor_shown(&screen);
}

#[test]
fn a_person_says_that_a_column_was_dropped() {
    for (answer, code) in [("yes\r", 0), ("no\r", 9)] {
        let project = with_another_column();
        let mut session = Session::start(&project, &REVISION, &[]);
        session.wait_for("No, t.c is new");
        session.wait_for_single_keys();
        session.type_in("\x1b[B\r");
        session.wait_for("column t.b");
        session.wait_for("Type 'yes' to drop them:");
        session.type_in(answer);
        let (found, screen) = session.end();
        assert_eq!(found, code, "{screen}");
        let steps = if code == 0 { "op = \"drop_column\"op = \"add_column\"" } else { "" };
        assert_eq!(drafted(&project), steps, "{screen}");
    }
    // Without an answer there is no draft.
    let project = with_another_column();
    for (key, code) in [("\x1b", 9), ("\x03", 130)] {
        let mut session = Session::start(&project, &REVISION, &[]);
        session.wait_for("No, t.c is new");
        session.wait_for_single_keys();
        session.type_in(key);
        let (found, screen) = session.end();
        assert_eq!((found, drafted(&project)), (code, String::new()), "{screen}");
    }
}

#[test]
fn a_schema_is_applied_after_the_questions() {
    let project = Project::empty();
    let sql = "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO person VALUES (1, 'a');";
    rusqlite::Connection::open(project.database()).unwrap().execute_batch(sql).unwrap();
    let people = "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, n INT NOT NULL);\n";
    project.write("schema.sql", people);
    let mut session = Session::start(&project, &["apply"], &[]);
    session.wait_for("Was table people renamed from person?");
    session.wait_for("No, people is new");
    session.wait_for_single_keys();
    session.type_in("\r");
    session.wait_for("people.n is NOT NULL and has no default.");
    session.type_in("id * 10\r");
    session.wait_for(QUESTION);
    session.type_in("yes\r");
    let (code, screen) = session.end();
    assert_eq!(code, 0, "{screen}");
    let database = rusqlite::Connection::open(project.database()).unwrap();
    let n: i64 = database.query_row("SELECT n FROM people", [], |row| row.get(0)).unwrap();
    assert_eq!(n, 10);
}
