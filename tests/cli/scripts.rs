//! The example scripts, as start scripts and timers call them.

use std::process::Command;

use support::Project;
use support::sample::SampleOptions;

fn small() -> SampleOptions {
    SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() }
}

/// Runs a script in a project's folder and returns its exit code and what it said.
fn script(project: &Project, name: &str, arguments: &[&str]) -> (i32, String) {
    let path = format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(path)
        .current_dir(project.folder())
        .env("PHASESHIFT", env!("CARGO_BIN_EXE_phaseshift"))
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_start_script_learns_whether_the_version_is_there() {
    let project = Project::with_catalogue(&small());
    let check = |arguments: &[&str]| script(&project, "check_schema_version.sh", arguments).0;
    assert_eq!(check(&["fits_catalog.db", "1"]), 0);
    assert_eq!(check(&["fits_catalog.db", "phase2"]), 0);
    assert_eq!(check(&["fits_catalog.db", "2"]), 3);
    assert_eq!(check(&["missing.db", "1"]), 4);
    assert_eq!(check(&["fits_catalog.db"]), 2);
    assert!(!project.path("missing.db").exists());
}

#[test]
fn a_timer_migrates_without_anybody() {
    let project = Project::with_catalogue(&small());
    let migrate = |arguments: &[&str]| script(&project, "migrate_phase.sh", arguments);
    let (code, said) = migrate(&["fits_catalog.db", "phase3"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(migrate(&["fits_catalog.db", "phase3", "--json"]).0, 0);
    assert_eq!(project.backups().len(), 1);
    assert_eq!(migrate(&["fits_catalog.db", "phase9"]).0, 4);
    assert_eq!(migrate(&[]).0, 2);
    assert_eq!(migrate(&["fits_catalog.db"]).0, 0);
    assert_eq!(project.backups().len(), 2);
}
