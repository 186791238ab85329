//! Whose settings are obeyed.

use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::Path;

use super::{is_root, project};
use support::{Output, Project, sqlite3};

/// Somebody else.
const OTHER: Option<u32> = Some(65_534);

/// A project below a folder that everybody may write, with settings in that folder that delete rows.
fn below_a_shared_folder() -> Project {
    let project = project();
    let shared = project.path("shared");
    std::fs::create_dir_all(shared.join("alice/work")).unwrap();
    set_mode(&shared, 0o1777);
    std::fs::rename(project.database(), shared.join("alice/work/fits_catalog.db")).unwrap();
    project.write("shared/phaseshift.toml", "phases = \"evil\"\nbackups = \"evil\"\n");
    project.write(
        "shared/evil/p1.toml",
        "version = 1\nparents = []\n[[up]]\nop = \"sql\"\nsql = \"SELECT 1\"\n",
    );
    project.write(
        "shared/evil/p2.toml",
        "version = 2\nparents = [\"p1\"]\nirreversible = \"x\"\n[[up]]\nop = \"sql\"\nsql = \"DELETE FROM sessions\"\n",
    );
    project
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn at_work(project: &Project, arguments: &[&str]) -> Output {
    let mut command = project.command();
    command.current_dir(project.path("shared/alice/work"));
    let output = command.args(["-d", "fits_catalog.db"]).args(arguments).output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn rows(project: &Project) -> String {
    sqlite3(&project.path("shared/alice/work/fits_catalog.db"), "SELECT count(*) FROM sessions")
}

#[track_caller]
fn is_refused(project: &Project, says: &str) {
    for command in ["upgrade", "status", "backup"] {
        let output = at_work(project, &[command]).expect_code(4);
        assert!(output.stderr.contains("is not trusted"), "{}", output.stderr);
        assert!(output.stderr.contains(says), "{}", output.stderr);
    }
    let json = at_work(project, &["upgrade", "--json"]).json();
    assert_eq!((&json["error"]["kind"], &json["error"]["line"]), (&"config".into(), &1.into()));
    assert_eq!(rows(project), "200");
    let evil = project.path("shared/evil");
    let backups = std::fs::read_dir(evil)
        .unwrap()
        .filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|end| end == "db"));
    assert_eq!(backups.count(), 0);
}

#[test]
fn settings_of_another_user_above_were_obeyed() {
    if !is_root() {
        return;
    }
    let project = below_a_shared_folder();
    let file = project.path("shared/phaseshift.toml");
    chown(&file, OTHER, OTHER).unwrap();
    is_refused(&project, "it belongs to user 65534");
    // Whoever names them means them, and whoever became root by sudo is still who they were.
    let named = ["--config", file.to_str().unwrap(), "status", "--json"];
    assert_eq!(at_work(&project, &named).expect_code(0).json()["settings"], file.to_str().unwrap());
    let mut command = project.command();
    command.current_dir(project.path("shared/alice/work")).env("SUDO_UID", "65534");
    assert!(command.args(["-d", "fits_catalog.db", "status"]).status().unwrap().success());
}

#[test]
fn settings_that_everybody_may_write_are_refused_until_they_are_closed() {
    let project = below_a_shared_folder();
    let file = project.path("shared/phaseshift.toml");
    set_mode(&file, 0o646);
    is_refused(&project, "it may be written by every user (mode 0646)");
    let next = at_work(&project, &["status"]).stderr;
    assert!(next.contains("chmod go-w "), "{next}");
    set_mode(&file, 0o644);
    at_work(&project, &["status"]).expect_code(0);
    // In a folder that is not sticky everybody may put another file there.
    set_mode(&project.path("shared"), 0o777);
    is_refused(&project, "its folder may be written by every user (mode 0777)");
}

#[test]
fn settings_that_another_user_linked_there_are_refused() {
    if !is_root() {
        return;
    }
    // The file is one's own, but relative paths are taken from the link.
    let project = below_a_shared_folder();
    let file = project.path("shared/phaseshift.toml");
    let own = project.aside("own.toml");
    std::fs::rename(&file, &own).unwrap();
    symlink(&own, &file).unwrap();
    lchown(&file, OTHER, OTHER).unwrap();
    is_refused(&project, "it belongs to user 65534");
    lchown(&file, Some(0), Some(0)).unwrap();
    at_work(&project, &["status"]).expect_code(0);
}

#[test]
fn settings_that_a_foreign_group_may_write_are_refused_and_a_group_of_ones_own_is_fine() {
    if !is_root() {
        return;
    }
    let project = below_a_shared_folder();
    let file = project.path("shared/phaseshift.toml");
    set_mode(&file, 0o664);
    at_work(&project, &["status"]).expect_code(0);
    chown(&file, None, OTHER).unwrap();
    is_refused(&project, "it may be written by its group (mode 0664)");
}

#[test]
fn the_search_stops_at_the_repository_and_at_the_home_folder() {
    for mark in [".git", ".hg", ".jj"] {
        let project = below_a_shared_folder();
        std::fs::create_dir(project.path("shared/alice").join(mark)).unwrap();
        let settings = |project: &Project| {
            let output = at_work(
                project,
                &["--phases", project.phases().to_str().unwrap(), "status", "--json"],
            );
            output.expect_code(0).json()["settings"].clone()
        };
        assert!(settings(&project).is_null(), "{mark}");
        // Settings at the root of the repository are those of the project.
        project.write("shared/alice/phaseshift.toml", "");
        let found = project.path("shared/alice/phaseshift.toml");
        assert_eq!(settings(&project), found.to_str().unwrap(), "{mark}");
    }
    let project = below_a_shared_folder();
    let mut command = project.command();
    command
        .env("HOME", project.path("shared/alice"))
        .current_dir(project.path("shared/alice/work"));
    let phases = project.phases();
    let output =
        command.args(["-d", "fits_catalog.db", "--phases"]).arg(phases).args(["status", "--json"]);
    let document: serde_json::Value =
        serde_json::from_slice(&output.output().unwrap().stdout).unwrap();
    assert!(document["settings"].is_null(), "{document}");
}

#[test]
fn status_names_the_settings_that_are_used() {
    let project = project();
    assert!(!project.run_here(&["-d", "fits_catalog.db", "status"]).stdout.contains("Settings:"));
    project.write("phaseshift.toml", "database = \"fits_catalog.db\"\n");
    let file = project.path("phaseshift.toml");
    let text = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(text.contains(&format!("Settings:  {}\n", file.display())), "{text}");
    let document = project.run_here(&["status", "--json"]).json();
    assert_eq!(document["settings"], file.to_str().unwrap());
}
