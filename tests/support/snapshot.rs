//! What is in a folder, byte by byte, to show that nothing was changed.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::path::Path;

use super::project::with_ending;

/// Names of files and their bytes; folders, and files whose bytes do not matter, have none.
///
/// `assert_eq!` on two snapshots shows names, sizes and digests, never the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Snapshot {
    /// Reads all files below a folder. The bytes of `-shm` files are left out: readers change them.
    pub fn of_folder(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in walkdir::WalkDir::new(folder).min_depth(1) {
            let entry = entry.expect("an entry");
            let name = entry.path().strip_prefix(folder).expect("below the folder");
            let name = name.to_string_lossy().into_owned();
            let matters = entry.file_type().is_file() && !name.ends_with("-shm");
            let bytes = matters.then(|| std::fs::read(entry.path()).expect("a readable file"));
            files.insert(name, bytes);
        }
        Self { files }
    }

    /// Leaves files out, by their names and bytes.
    pub fn without(&self, leave_out: &dyn Fn(&str, Option<&[u8]>) -> bool) -> Self {
        let mut files = self.files.clone();
        files.retain(|name, bytes| !leave_out(name, bytes.as_deref()));
        Self { files }
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }
}

/// Reads a database with its `-wal` and `-journal`, and the names in its folder.
pub fn snapshot_database(database: &Path) -> Snapshot {
    let mut files = BTreeMap::new();
    let folder = database.parent().expect("a folder");
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let name = entry.expect("an entry").file_name();
        files.insert(name.to_string_lossy().into_owned(), None);
    }
    for end in ["", "-wal", "-journal"] {
        let path = with_ending(database, end);
        if let (Ok(bytes), Some(name)) = (std::fs::read(&path), path.file_name()) {
            files.insert(name.to_string_lossy().into_owned(), Some(bytes));
        }
    }
    Snapshot { files }
}

impl Debug for Snapshot {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.files.iter().map(|(name, bytes)| {
            let about = bytes.as_ref().map(|bytes| {
                format!("{} bytes, {}", bytes.len(), &blake3::hash(bytes).to_hex()[..12])
            });
            (name, about)
        });
        formatter.debug_map().entries(shown).finish()
    }
}
