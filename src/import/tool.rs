//! The tools whose migrations can be imported.

use std::fmt;

use crate::phase::FolderFormat;

/// A tool that keeps migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Alembic: a graph in Python files, and the SQL that `--sql` prints.
    Alembic,
    /// Django: what `sqlmigrate` prints, a file for each migration.
    Django,
    /// A tool whose folder can be read as it is.
    Folder(FolderFormat),
}

impl Tool {
    /// The words for the tools, as the command line has them.
    pub const WORDS: [&'static str; 12] = [
        "alembic",
        "django",
        "diesel",
        "golang-migrate",
        "goose",
        "dbmate",
        "sqlx",
        "refinery",
        "rusqlite_migration",
        "prisma",
        "drizzle",
        "plain",
    ];

    /// Reads the word for a tool.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "alembic" => Some(Self::Alembic),
            "django" => Some(Self::Django),
            "golang-migrate" | "migrate" => Some(Self::Folder(FolderFormat::Migrate)),
            "rusqlite-migration" => Some(Self::Folder(FolderFormat::RusqliteMigration)),
            other => FolderFormat::parse(other)
                .filter(|it| *it != FolderFormat::Phaseshift)
                .map(Self::Folder),
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alembic => formatter.write_str("alembic"),
            Self::Django => formatter.write_str("django"),
            Self::Folder(FolderFormat::Migrate) => formatter.write_str("golang-migrate"),
            Self::Folder(format) => format.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_tool() {
        for word in Tool::WORDS {
            assert_eq!(Tool::parse(word).map(|it| it.to_string()).as_deref(), Some(word));
        }
        assert_eq!(Tool::parse("phaseshift"), None);
    }
}
