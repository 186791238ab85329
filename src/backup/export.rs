//! Files that people keep as backups and that are none: compressed copies, and SQL text.

use std::io::Read as _;
use std::path::Path;

use crate::files::Files;

/// How compressed files begin.
const COMPRESSED: [(&[u8], &str); 7] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x04\x22\x4d\x18", "lz4"),
];

/// How SQL text begins, as `sqlite3` and others write it.
const SQL: [&str; 6] = ["PRAGMA ", "BEGIN", "CREATE ", "INSERT ", "--", "/*"];

/// Says what a file is that is no database, and what to do with it; `None` if it is not known.
pub(super) fn recognise(files: &dyn Files, path: &Path) -> Option<(String, &'static str)> {
    let mut start = Vec::new();
    files.reader(path).ok()?.take(64).read_to_end(&mut start).ok()?;
    if let Some((_, by)) = COMPRESSED.iter().find(|(mark, _)| start.starts_with(mark)) {
        let advice = "a compressed file is no backup: unpack it, and restore what comes out";
        return Some((format!("it is compressed with {by}"), advice));
    }
    let text = String::from_utf8_lossy(&start).trim_start().to_ascii_uppercase();
    SQL.iter().any(|word| text.starts_with(word)).then(|| {
        let advice = "an export is no backup: read it into a new file with the sqlite3 program, \
                      and restore that";
        ("it is SQL text".to_owned(), advice)
    })
}
