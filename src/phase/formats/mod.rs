//! Folders of migrations as other tools name and order them, read where they are.

mod detect;
mod listing;
mod read;
mod text;

use crate::text::named;
use std::fmt;

pub(super) use read::read_folder;
pub use read::{recorded_key, sql_of};

named! {
    /// How the files of a folder are named, ordered and written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum FolderFormat: word {
        /// Phase files in TOML, and files of SQL with our sections or none.
        #[default]
        Phaseshift = "phaseshift",
        /// goose: `00001_name.sql` with `-- +goose Up`.
        Goose = "goose",
        /// dbmate: `20240101120000_name.sql` with `-- migrate:up`.
        Dbmate = "dbmate",
        /// golang-migrate: `1_name.up.sql` and `1_name.down.sql`.
        Migrate = "migrate",
        /// sqlx: `1_name.sql`, or `.up.sql` and `.down.sql`.
        Sqlx = "sqlx",
        /// diesel: folders with `up.sql` and `down.sql`.
        Diesel = "diesel",
        /// refinery: `V1__name.sql`.
        Refinery = "refinery",
        /// rusqlite_migration: folders `01-name` with `up.sql` and `down.sql`.
        RusqliteMigration = "rusqlite_migration",
        /// Prisma: folders with `migration.sql`.
        Prisma = "prisma",
        /// Drizzle: `0000_name.sql` in the order of `meta/_journal.json`.
        Drizzle = "drizzle",
        /// Files of SQL without any marks.
        Plain = "plain",
    }
}

impl FolderFormat {
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
