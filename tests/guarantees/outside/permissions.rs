//! Folders, owners and links.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use phaseshift::files::{Files as _, RealFiles};

use super::{is_root, project};
use support::{Output, Project, sqlite3};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program under a umask.
fn run(project: &Project, umask: &str, arguments: &[&str]) -> Output {
    let bare = project.command();
    let mut command = Command::new("bash");
    command.current_dir(project.folder()).env_clear().stdin(std::process::Stdio::null());
    command.envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(bare.get_program());
    let output = command.args(["-d", "fits_catalog.db"]).args(arguments).output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn under_a_wide_umask_everybody_could_replace_backups() {
    for (umask, file, folder) in [
        ("000", 0o600, 0o700),
        ("000", 0o644, 0o755),
        ("000", 0o666, 0o775),
        ("000", 0o640, 0o750),
        ("002", 0o664, 0o775),
        ("022", 0o644, 0o755),
        ("077", 0o644, 0o700),
    ] {
        for arguments in [&["backup"][..], &["upgrade"], &["backup", "--backup-dir", "a/b/c"]] {
            let project = project();
            set_mode(&project.database(), file);
            run(&project, umask, arguments).expect_code(0);
            let made: &[&str] =
                if arguments.len() > 1 { &["a", "a/b", "a/b/c"] } else { &["backups"] };
            for path in made {
                assert_eq!(
                    mode(&project.path(path)),
                    folder,
                    "{umask} {file:o} {arguments:?} {path}"
                );
            }
            let backup = std::fs::read_dir(project.path(made[made.len() - 1])).unwrap();
            for entry in backup {
                assert_eq!(mode(&entry.unwrap().path()) & !file, 0);
            }
        }
    }
}

#[test]
fn a_folder_that_root_makes_belongs_to_the_owner_of_the_database() {
    if !is_root() {
        return;
    }
    let project = project();
    std::os::unix::fs::chown(project.database(), Some(65_534), Some(65_534)).unwrap();
    run(&project, "022", &["backup"]).expect_code(0);
    let folder = std::fs::metadata(project.path("backups")).unwrap();
    assert_eq!((folder.uid(), folder.gid()), (65_534, 65_534));
    for backup in project.backups() {
        assert_eq!(std::fs::metadata(backup).unwrap().uid(), 65_534);
    }
}

#[test]
fn ownership_is_not_set_on_what_somebody_else_put_under_a_name() {
    let project = project();
    let like = RealFiles.stat(&project.database()).unwrap().unwrap();
    let secret = project.aside("secret");
    std::fs::write(&secret, "mine").unwrap();
    set_mode(&secret, 0o600);
    let link = project.path("part");
    symlink(&secret, &link).unwrap();
    RealFiles.set_access(&link, &like).unwrap_err();
    std::fs::remove_file(&link).unwrap();
    std::fs::hard_link(&secret, &link).unwrap();
    RealFiles.set_access(&link, &like).unwrap_err();
    assert_eq!(mode(&secret), 0o600);
    std::fs::remove_file(&secret).unwrap();
    RealFiles.set_access(&link, &like).unwrap();
    assert_eq!(mode(&link), like.mode);
}

const STEP: &str = "version = 3\nparents = [\"p2\"]\n[[up]]\nop = \"sql\"\nfile = \"p3.sql\"\n";

#[test]
fn a_link_as_the_file_of_a_step_left_the_folder_of_the_phases() {
    let project = project();
    project.write_phase("p3.toml", STEP);
    project.write("elsewhere/p3.sql", "DELETE FROM sessions;\n");
    let link = project.path("phases/p3.sql");
    let up = |project: &Project| project.run(&["upgrade"]);
    for target in [project.path("elsewhere/p3.sql"), "../elsewhere/p3.sql".into()] {
        symlink(&target, &link).unwrap();
        let output = up(&project).expect_code(4);
        assert!(output.stderr.contains("outside the folder of the phases"), "{}", output.stderr);
        assert!(output.stderr.contains("p3.toml:5"), "{}", output.stderr);
        std::fs::remove_file(&link).unwrap();
    }
    // A chain of links leaves it, too.
    symlink("elsewhere/p3.sql", project.path("hop.sql")).unwrap();
    symlink("../hop.sql", &link).unwrap();
    up(&project).expect_code(4);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM sessions"), "200");
    assert!(project.backups().is_empty());
}

#[test]
fn folders_that_are_made_of_links_work() {
    // As Kubernetes mounts files: links to a folder below, which is a link itself.
    let project = project();
    project.write_phase("..2024/p3.toml", STEP);
    project.write_phase("..2024/p3.sql", "DELETE FROM sessions WHERE id > 100;\n");
    symlink("..2024", project.path("phases/..data")).unwrap();
    for name in ["p3.toml", "p3.sql"] {
        symlink(format!("..data/{name}"), project.path("phases").join(name)).unwrap();
    }
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM sessions"), "100");
    // A farm of links to a store.
    let project = self::project();
    project.write("store/p3.toml", STEP);
    project.write("store/p3.sql", "DELETE FROM sessions WHERE id > 100;\n");
    for name in ["p3.toml", "p3.sql"] {
        symlink(project.path("store").join(name), project.path("phases").join(name)).unwrap();
    }
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM sessions"), "100");
    // The folder itself may be one.
    let project = self::project();
    project.write_phase("p3.toml", STEP);
    project.write_phase("p3.sql", "DELETE FROM sessions WHERE id > 100;\n");
    std::fs::rename(project.phases(), project.path("real")).unwrap();
    symlink("real", project.phases()).unwrap();
    project.run(&["upgrade"]).expect_code(0);
}
