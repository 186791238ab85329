//! One file of a fleet.

use std::path::{Component, Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, ErrorKind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub path: PathBuf,
    /// The path below what was selected, with `/` between folders; it names the file in reports and shards.
    pub relative: String,
    /// Why nothing can be done with it, if that is known already.
    pub fault: Option<Fault>,
}

/// Why nothing can be done with a file, known before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: ErrorKind,
    pub what: String,
}

impl Fault {
    /// Returns the fault as the error of its file.
    pub fn to_error(&self, path: &Path) -> Error {
        Error::new(self.kind, self.what.clone()).in_database(path)
    }
}

impl Member {
    /// Makes a member. A relative path that is not UTF-8 cannot be named in JSON: the member gets a fault.
    pub(super) fn new(path: PathBuf, relative: &Path) -> Self {
        match relative.to_str().filter(|_| path.to_str().is_some()) {
            Some(relative) => Self { path, relative: relative.to_owned(), fault: None },
            None => {
                let what = "the path is not valid UTF-8; rename the file".to_owned();
                let relative = bytes_escaped(relative);
                Self { path, relative, fault: Some(Fault { kind: ErrorKind::NotAFile, what }) }
            }
        }
    }

    /// Returns the hash by which shards are assigned: XXH3 (64 bits, no seed) of the relative path.
    pub fn hash(&self) -> u64 {
        xxh3_64(self.relative.as_bytes())
    }
}

/// Writes bytes that are not ASCII text as `\xNN`, so that different paths stay different.
fn bytes_escaped(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().escape_ascii().to_string()
}

/// Returns the folder for the backups of a member below a common one: one folder for each file, so that the backups of
/// different databases do not mix.
///
/// A path that leaves the selection (`../x.db`, `/x.db`) gets a folder by its name and a hash of the path.
pub fn backup_folder(common: &Path, member: &Member) -> PathBuf {
    let relative = Path::new(&member.relative);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && member.fault.is_none() {
        return common.join(relative);
    }
    let name = member.path.file_name().unwrap_or_default().to_string_lossy();
    common.join(format!("{name}-{:016x}", member.hash()))
}
