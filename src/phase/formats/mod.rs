//! Folders of migrations as other tools name and order them, read where they are.

mod detect;
mod listing;
mod read;
mod text;

use std::fmt;

pub(super) use read::read_folder;
pub use read::{recorded_key, sql_of};

/// How the files of a folder are named, ordered and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FolderFormat {
    /// Phase files in TOML, and files of SQL with our sections or none.
    #[default]
    Phaseshift,
    /// goose: `00001_name.sql` with `-- +goose Up`.
    Goose,
    /// dbmate: `20240101120000_name.sql` with `-- migrate:up`.
    Dbmate,
    /// golang-migrate: `1_name.up.sql` and `1_name.down.sql`.
    Migrate,
    /// sqlx: `1_name.sql`, or `.up.sql` and `.down.sql`.
    Sqlx,
    /// diesel: folders with `up.sql` and `down.sql`.
    Diesel,
    /// refinery: `V1__name.sql`.
    Refinery,
    /// rusqlite_migration: folders `01-name` with `up.sql` and `down.sql`.
    RusqliteMigration,
    /// Prisma: folders with `migration.sql`.
    Prisma,
    /// Drizzle: `0000_name.sql` in the order of `meta/_journal.json`.
    Drizzle,
    /// Files of SQL without any marks.
    Plain,
}

impl FolderFormat {
    pub const ALL: [Self; 11] = [
        Self::Phaseshift,
        Self::Goose,
        Self::Dbmate,
        Self::Migrate,
        Self::Sqlx,
        Self::Diesel,
        Self::Refinery,
        Self::RusqliteMigration,
        Self::Prisma,
        Self::Drizzle,
        Self::Plain,
    ];

    /// Returns the word for it, as the settings and the command line have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Phaseshift => "phaseshift",
            Self::Goose => "goose",
            Self::Dbmate => "dbmate",
            Self::Migrate => "migrate",
            Self::Sqlx => "sqlx",
            Self::Diesel => "diesel",
            Self::Refinery => "refinery",
            Self::RusqliteMigration => "rusqlite_migration",
            Self::Prisma => "prisma",
            Self::Drizzle => "drizzle",
            Self::Plain => "plain",
        }
    }

    /// Reads the word for a format.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

impl fmt::Display for FolderFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}
