//! A program that carries its phases and brings its database up to date when it starts.

use phaseshift::{Outcome, Project};

const PHASES: &[(&str, &str)] = &[
    ("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"),
    ("phase2.sql", "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;"),
];

fn main() -> phaseshift::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "notes.db".to_owned());
    match Project::embedded(PHASES)?.database(path).create_if_missing()?.migrate()? {
        Outcome::Migrated(report) => println!("applied {}", report.phases.join(", ")),
        Outcome::AlreadyCurrent => println!("up to date"),
    }
    Ok(())
}
