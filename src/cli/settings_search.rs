//! Finding `phaseshift.toml` in a folder or above it, and whether it may be obeyed.
//!
//! A settings file names the phases, whose SQL is carried out. As git and ssh do, a file is obeyed only if no other user
//! could have written it.

use std::path::{Path, PathBuf};

use phaseshift::error::file_error;
use phaseshift::files::{FileKind, Files, Stat};
use phaseshift::{Error, ErrorKind, Result};

use super::settings_file::FILE_NAME;

/// Where settings come from besides the flags.
pub struct Surroundings<'a> {
    /// The folder that the program was started in.
    pub folder: &'a Path,
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub files: &'a dyn Files,
}

/// The fact of an error about settings that another user wrote or could have written.
pub const OF_OTHERS: &str = "settings of another user";

/// The fact of an error about settings that others may write.
pub const OPEN_TO_OTHERS: &str = "settings that others may write";

/// What marks the root of a repository: no settings are searched for above it.
const REPOSITORY: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// Finds the settings file in the present folder or above it, up to the root of the repository or the home folder.
///
/// # Errors
/// [`ErrorKind::Config`] if another user owns the file or can write it; [`ErrorKind::Io`] if a folder
/// cannot be looked at.
pub fn find(around: &Surroundings<'_>) -> Result<Option<PathBuf>> {
    let files = around.files;
    let home = (around.variable)("HOME").map(PathBuf::from);
    for folder in around.folder.ancestors() {
        let path = folder.join(FILE_NAME);
        if files.exists(&path)? {
            require_trust(around, folder, &path)?;
            return Ok(Some(path));
        }
        if home.as_deref() == Some(folder) {
            break;
        }
        for mark in REPOSITORY {
            if files.exists(&folder.join(mark))? {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

/// Refuses a file of another owner, one that others may write, and one that others could have put or linked there.
fn require_trust(around: &Surroundings<'_>, folder: &Path, path: &Path) -> Result<()> {
    let user = User::of(around);
    let link = around.files.stat_link(path).map_err(|error| file_error("look at", path, error))?;
    let (file, folder) = (around.files.status(path)?, around.files.status(folder)?);
    let owner = |stat: Option<Stat>| stat.and_then(|stat| user.is_foreign(&stat));
    let mode = |stat: Option<Stat>| stat.and_then(|stat| user.is_open(&stat));
    let doubt = owner(file)
        .or_else(|| owner(link))
        .map(|why| (OF_OTHERS, format!("it {why}")))
        .or_else(|| owner(folder).map(|why| (OF_OTHERS, format!("its folder {why}"))))
        .or_else(|| mode(file).map(|why| (OPEN_TO_OTHERS, format!("it {why}"))))
        .or_else(|| mode(folder).map(|why| (OF_OTHERS, format!("its folder {why}"))));
    let Some((about, why)) = doubt else { return Ok(()) };
    let what = format!("the settings file {} is not trusted: {why}", path.display());
    Err(Error::new(ErrorKind::Config, what).about(about).at(path, 1))
}

/// Who runs the program.
struct User {
    id: u32,
    group: u32,
    /// Who became root by sudo.
    before: Option<u32>,
}

impl User {
    fn of(around: &Surroundings<'_>) -> Self {
        let id = rustix::process::geteuid().as_raw();
        let before = (around.variable)("SUDO_UID").and_then(|text| text.parse().ok());
        let group = rustix::process::getegid().as_raw();
        Self { id, group, before: before.filter(|_| id == 0) }
    }

    /// Says that a file or folder belongs to a user other than this one and root.
    fn is_foreign(&self, stat: &Stat) -> Option<String> {
        let own = stat.owner == self.id || self.before == Some(stat.owner) || stat.owner == 0;
        (!own).then(|| format!("belongs to user {}", stat.owner))
    }

    /// Says that others may write a file, or replace files of a folder. In a sticky folder they may not.
    fn is_open(&self, stat: &Stat) -> Option<String> {
        const STICKY: u32 = 0o1000;
        if stat.kind == FileKind::Folder && stat.mode & STICKY != 0 {
            return None;
        }
        // With the umask 002 of many systems every user has a private group.
        let by_group = stat.mode & 0o020 != 0 && stat.group != self.group;
        let mode = stat.mode & 0o777;
        match (stat.mode & 0o002 != 0, by_group) {
            (true, _) => Some(format!("may be written by every user (mode {mode:04o})")),
            (false, true) => Some(format!("may be written by its group (mode {mode:04o})")),
            (false, false) => None,
        }
    }
}
