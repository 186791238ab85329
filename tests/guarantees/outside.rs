//! Settings, terminals, pipes, permissions and names that come from outside.
#![cfg(feature = "cli")]

mod bounded;
mod names;
mod permissions;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod replacing;
mod settings;
mod shown;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod streams;

use support::{Project, sqlite3};

/// A database with rows and two phases, the second of which is pending.
fn project() -> Project {
    let project = Project::empty();
    project.write_phase(
        "p1.toml",
        "version = 1\nparents = []\n[[up]]\nop = \"create_table\"\n\
         sql = \"CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT NOT NULL)\"\n",
    );
    project.write_phase(
        "p2.toml",
        "version = 2\nparents = [\"p1\"]\ndescription = \"Add notes\"\n[[up]]\nop = \"add_column\"\n\
         table = \"sessions\"\ncolumn = \"note TEXT\"\n",
    );
    sqlite3(
        &project.database(),
        "CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 200)
         INSERT INTO sessions SELECT v, 'session ' || v FROM n;
         CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at, description);
         INSERT INTO schema_version VALUES (1, '2024-01-01', 'first');",
    );
    project
}

/// Returns whether the tests run as root, who may give files away.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
