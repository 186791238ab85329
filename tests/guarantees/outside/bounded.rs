//! Pipes, devices and huge files where a text is expected.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::project;
use support::{Output, Project, sqlite3, with_ending};

/// What lies in the place of a text.
#[derive(Debug, Clone, Copy)]
enum Odd {
    Fifo,
    Device,
    Huge,
    Folder,
}

const ODD: [Odd; 4] = [Odd::Fifo, Odd::Device, Odd::Huge, Odd::Folder];

impl Odd {
    fn put(self, path: &Path) {
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
        match self {
            Self::Fifo => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Self::Device => symlink("/dev/zero", path).unwrap(),
            Self::Huge => std::fs::File::create(path).unwrap().set_len(3 << 30).unwrap(),
            Self::Folder => std::fs::create_dir(path).unwrap(),
        }
    }
}

/// Runs the program, which may take a while but not for ever, and not three gigabytes of memory.
#[track_caller]
fn run(project: &Project, arguments: &[&str]) -> Output {
    let bare = project.command();
    let mut command = Command::new("bash");
    command.current_dir(project.folder()).env_clear().stdin(std::process::Stdio::null());
    command.envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let limits = "ulimit -v 2000000; exec timeout -k 1 60 \"$0\" \"$@\"";
    command.args(["-c", limits]).arg(bare.get_program()).args(arguments);
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{arguments:?} hangs");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn manifest(project: &Project) -> PathBuf {
    let mut name = project.backups()[0].clone().into_os_string();
    name.push(".json");
    PathBuf::from(name)
}

#[test]
fn a_manifest_that_is_no_file_hung_every_command() {
    for odd in ODD {
        let project = project();
        project.run(&["backup"]).expect_code(0);
        odd.put(&manifest(&project));
        let database = ["-d", "fits_catalog.db"];
        for command in ["status", "backups"] {
            run(&project, &[&database[..], &[command]].concat()).expect_code(0);
        }
        let listed = run(&project, &[&database[..], &["backups", "--json"]].concat()).json();
        assert_eq!(listed["backups"][0]["verified"], false, "{odd:?}");
        let problem = listed["backups"][0]["problem"].as_str().unwrap();
        assert!(problem.starts_with("its manifest: "), "{odd:?}: {problem}");
        run(&project, &[&database[..], &["upgrade"]].concat()).expect_code(0);
        let found = sqlite3(&project.database(), "SELECT count(*), count(note) FROM sessions");
        assert_eq!(found, "200|0", "{odd:?}");
        assert_eq!(project.backups().len(), 2, "{odd:?}");
    }
}

#[test]
fn settings_that_are_no_file_hung_every_command() {
    for odd in ODD {
        let project = project();
        odd.put(&project.path("phaseshift.toml"));
        for command in ["status", "upgrade", "backups"] {
            let output = run(&project, &["-d", "fits_catalog.db", command]).expect_code(4);
            assert!(output.stderr.contains("phaseshift.toml"), "{odd:?}: {}", output.stderr);
        }
        assert!(project.backups().is_empty());
    }
}

#[test]
fn phases_and_their_sql_that_are_no_file_are_refused() {
    for odd in ODD {
        let project = project();
        odd.put(&project.path("phases/p3.toml"));
        // A folder is no phase, whatever its name.
        let code = if matches!(odd, Odd::Folder) { 0 } else { 4 };
        let output = run(&project, &["-d", "fits_catalog.db", "upgrade"]).expect_code(code);
        assert!(code == 0 || output.stderr.contains("p3.toml:1"), "{odd:?}: {}", output.stderr);
        let project = self::project();
        project.write_phase(
            "p3.toml",
            "version = 3\nparents = [\"p2\"]\n[[up]]\nop = \"sql\"\nfile = \"p3.sql\"\n",
        );
        odd.put(&project.path("phases/p3.sql"));
        let output = run(&project, &["-d", "fits_catalog.db", "upgrade"]).expect_code(4);
        assert!(output.stderr.contains("p3.toml:5"), "{odd:?}: {}", output.stderr);
        assert!(project.backups().is_empty());
    }
}

#[test]
fn a_desired_schema_that_is_no_file_is_refused() {
    for odd in [Odd::Fifo, Odd::Device, Odd::Huge] {
        let project = project();
        odd.put(&project.path("schema.sql"));
        let arguments = ["-d", "fits_catalog.db", "diff", "--from", "database", "--to", "schema"];
        let output = run(&project, &arguments).expect_code(4);
        assert!(output.stderr.contains("schema.sql"), "{odd:?}: {}", output.stderr);
    }
}

#[test]
fn a_journal_or_a_wal_that_is_a_pipe_is_refused() {
    for end in ["-journal", "-wal"] {
        let project = project();
        Odd::Fifo.put(&project.path(format!("fits_catalog.db{end}")));
        for command in ["status", "upgrade"] {
            let output = run(&project, &["-d", "fits_catalog.db", command]).expect_code(4);
            assert!(output.stderr.contains("is not a file"), "{}", output.stderr);
        }
    }
}

/// The time to wait was added to the time of day, and the program panicked at its commit.
#[test]
fn a_wait_without_end_ended_in_a_panic() {
    for wait in ["18446744073709551615", "9223372036854775807"] {
        let project = project();
        let run = |arguments: &[&str]| project.run(&[arguments, &["--wait", wait]].concat());
        run(&["upgrade"]).expect_code(0);
        run(&["backup"]).expect_code(0);
        run(&["downgrade"]).expect_code(0);
        run(&["restore", "--latest", "--yes"]).expect_code(0);
    }
}

/// One link among the backups that leads in a circle stopped every command, `status` and the next backup included; a folder
/// called like a half-made backup stopped `backups prune`.
#[test]
fn what_is_no_file_among_the_backups_stopped_every_command() {
    let project = project();
    project.run(&["upgrade"]).expect_code(0);
    let backup = project.backups().remove(0);
    let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
    let old = name.replace("_pre_p2_20", "_pre_p2_19");
    for made in [old.clone(), old.clone() + ".999999.part", format!("{name}.999999.part")] {
        let path = project.path("backups").join(made);
        symlink(&path, &path).unwrap();
    }
    std::fs::create_dir(project.path("backups").join(old + ".999998.part")).unwrap();
    for arguments in [
        &["status"][..],
        &["backups"],
        &["backup"],
        &["backups", "verify"],
        &["downgrade"],
        &["upgrade"],
        &["restore", "--latest", "--yes"],
        &["backups", "prune", "--keep", "0", "--yes"],
    ] {
        project.run(arguments).expect_code(0);
    }
    let mut left = project.backups().into_iter();
    let backup = left.find(|it| with_ending(it, ".json").exists()).unwrap();
    let name = backup.file_name().unwrap().to_str().unwrap();
    let manifest = with_ending(&backup, ".json");
    std::fs::remove_file(&manifest).unwrap();
    symlink(&manifest, &manifest).unwrap();
    let listed = project.run(&["backups"]).expect_code(0).stdout;
    assert!(listed.contains(name) && listed.contains("not verified: its manifest"), "{listed}");
}

/// All of it was kept in memory.
#[test]
fn a_list_without_end_on_stdin_is_refused() {
    let project = project();
    let mut command = project.command();
    command.args(["status", "--all", "@-"]).stdin(std::fs::File::open("/dev/zero").unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("larger than 64 MiB"), "{said}");
}

/// It was an error of SQLite, which did not say of which file.
#[test]
fn a_journal_that_cannot_be_created_is_named_before_the_backup() {
    let project = project();
    symlink("/nowhere/journal", with_ending(&project.database(), "-journal")).unwrap();
    let output = project.run(&["upgrade"]).expect_code(4);
    assert!(output.stderr.contains("the journal of "), "{}", output.stderr);
    assert!(
        output.stderr.contains("write access to the file and to its folder"),
        "{}",
        output.stderr
    );
    assert!(project.backups().is_empty());
}
