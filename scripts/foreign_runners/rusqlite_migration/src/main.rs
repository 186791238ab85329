//! Runs a folder of migrations with rusqlite_migration: run_rusqlite_migration FOLDER DATABASE latest|COUNT

use include_dir::{Dir, DirEntry, File};
use rusqlite_migration::Migrations;
use std::path::Path;

/// The folder as `include_dir!` would have it, read now.
fn read(base: &Path, path: &Path) -> Dir<'static> {
    let leak = |path: &Path| -> &'static str {
        path.strip_prefix(base).unwrap().display().to_string().leak()
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        entries.push(if path.is_dir() {
            DirEntry::Dir(read(base, &path))
        } else {
            DirEntry::File(File::new(leak(&path), std::fs::read(&path).unwrap().leak()))
        });
    }
    Dir::new(leak(path), entries.leak())
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let folder = Path::new(&words[1]);
    let folder: &'static Dir<'static> = Box::leak(Box::new(read(folder, folder)));
    let migrations = Migrations::from_directory(folder).unwrap();
    let mut connection = rusqlite::Connection::open(&words[2]).unwrap();
    match words[3].as_str() {
        "latest" => migrations.to_latest(&mut connection).unwrap(),
        count => migrations.to_version(&mut connection, count.parse().unwrap()).unwrap(),
    }
}
