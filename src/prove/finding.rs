//! What a foreign command did to a database: losses, changes that look intended, and additions. Facts only; words
//! are made by the program.

use crate::schema::ObjectKind;
use crate::text::named;

named! {
    /// A part of a table's or column's definition.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Aspect: code {
        /// The declared type of a column.
        Type = "type",
        NotNull = "not-null",
        Default = "default",
        Collation = "collation",
        /// The expression of a generated column, or that it is generated at all.
        Generated = "generated",
        /// The columns of the primary key, their order, or that the key is the rowid.
        PrimaryKey = "primary-key",
        Autoincrement = "autoincrement",
        Unique = "unique",
        Check = "check",
        ForeignKey = "foreign-key",
        /// What a foreign key does on update and delete, and when it is checked.
        ForeignKeyActions = "foreign-key-actions",
        /// ON CONFLICT of a constraint.
        Conflict = "on-conflict",
        ConstraintName = "constraint-name",
        WithoutRowid = "without-rowid",
        Strict = "strict",
        ColumnOrder = "column-order",
        /// Something else in the text of the table.
        Text = "definition",
    }
}

named! {
    /// A property of the file as a whole.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Property: name {
        UserVersion = "user_version",
        ApplicationId = "application_id",
        PageSize = "page_size",
        Encoding = "encoding",
        AutoVacuum = "auto_vacuum",
        JournalMode = "journal_mode",
    }
}

/// What is wrong with the clone as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloneFault {
    /// There is no file any more.
    Missing,
    /// Its name leads elsewhere now: a symbolic link, a folder, a device.
    Replaced,
    /// SQLite does not open it as a database.
    NotADatabase(String),
    /// SQLite opens it, and finds damage.
    Damaged(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectChange {
    Dropped,
    /// It is gone, and a new one has the same definition.
    Renamed(String),
    Differs {
        /// The definition that was expected.
        was: String,
        is: String,
    },
    /// Its definition is the same, and no longer works, with SQLite's message.
    Broken(String),
}

/// One thing that a command lost or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The clone as a whole.
    Clone(CloneFault),
    Property {
        property: Property,
        /// Its value before.
        was: String,
        is: String,
    },
    Table {
        table: String,
        rows: u64,
        /// The indexes and triggers that belonged to it.
        parts: u64,
    },
    /// A table is gone, and a new one holds its values.
    RenamedTable { table: String, to: String },
    Rows {
        /// The table, by its name before.
        table: String,
        rows: u64,
        of: u64,
    },
    Values {
        /// The table, by its name before.
        table: String,
        /// The column, by its name before.
        column: String,
        rows: u64,
        /// The first of them, if rows can be told by their rowids: its key, the value before and now.
        example: Option<String>,
    },
    /// Rows have other rowids.
    Rowids {
        /// The table, by its name before.
        table: String,
        rows: u64,
    },
    Column {
        /// The table, by its name before.
        table: String,
        column: String,
        /// The rows in which it had a value.
        values: u64,
        /// The rows of the table.
        of: u64,
    },
    /// A column is gone, and a new one holds its values.
    RenamedColumn {
        /// The table, by its name before.
        table: String,
        column: String,
        to: String,
    },
    /// A part of a definition is gone or differs.
    Definition {
        /// The table, by its name before.
        table: String,
        /// The column, where it belongs to one.
        column: Option<String>,
        aspect: Aspect,
        was: String,
        /// What is defined now; nothing if it is gone.
        is: Option<String>,
    },
    /// An index, view, trigger or virtual table.
    Object {
        kind: ObjectKind,
        /// Its name before.
        name: String,
        /// The table it belongs to, by its name before.
        table: String,
        change: ObjectChange,
    },
    /// An AUTOINCREMENT counter fell back or is gone.
    Counter {
        /// The table, by its name before.
        table: String,
        /// Its value before.
        was: i64,
        is: Option<i64>,
    },
    Statistics {
        /// The table, by its name before.
        table: String,
        /// The rows of `sqlite_stat1` and `sqlite_stat4`.
        rows: u64,
    },
    /// Rows that have no parent now and had one, or a foreign key that cannot be checked any more.
    Orphans {
        table: String,
        /// The first ones, in SQLite's words.
        rows: Vec<String>,
    },
}

impl Finding {
    /// Returns the stable text code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Clone(CloneFault::Missing) => "database-gone",
            Self::Clone(CloneFault::Replaced) => "database-replaced",
            Self::Clone(CloneFault::NotADatabase(_)) => "not-a-database",
            Self::Clone(CloneFault::Damaged(_)) => "damaged",
            Self::Property { property, .. } => property.name(),
            Self::Table { .. } => "table",
            Self::RenamedTable { .. } => "table-renamed?",
            Self::Rows { .. } => "rows",
            Self::Values { .. } => "values",
            Self::Rowids { .. } => "rowids",
            Self::Column { .. } => "column",
            Self::RenamedColumn { .. } => "column-renamed?",
            Self::Definition { aspect, .. } => aspect.code(),
            Self::Object { change: ObjectChange::Renamed(_), .. } => "index-renamed?",
            Self::Object { change: ObjectChange::Broken(_), .. } => "broken",
            Self::Object { kind, .. } => kind.entry_type(),
            Self::Counter { .. } => "counter",
            Self::Statistics { .. } => "statistics",
            Self::Orphans { .. } => "foreign-key-violation",
        }
    }

    /// Returns its place in a list: what cannot be brought back from the file itself comes first.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Clone(_) => 0,
            Self::Table { .. } | Self::RenamedTable { .. } => 1,
            Self::Rows { .. } => 2,
            Self::Column { .. } | Self::RenamedColumn { .. } => 3,
            Self::Values { .. } => 4,
            Self::Orphans { .. } => 5,
            Self::Definition { aspect, .. } => match aspect {
                Aspect::PrimaryKey | Aspect::ForeignKey | Aspect::ForeignKeyActions => 6,
                Aspect::Type | Aspect::ColumnOrder | Aspect::ConstraintName => 9,
                _ => 7,
            },
            Self::Object { .. } => 8,
            Self::Counter { .. } => 10,
            Self::Statistics { .. } | Self::Rowids { .. } => 11,
            Self::Property { .. } => 12,
        }
    }

    /// Returns what it is about, by the names before: `table`, `table.column`, or the name of an object.
    pub fn object(&self) -> String {
        match self {
            Self::Clone(_) => "database".to_owned(),
            Self::Property { property, .. } => property.name().to_owned(),
            Self::Table { table, .. }
            | Self::RenamedTable { table, .. }
            | Self::Rows { table, .. }
            | Self::Rowids { table, .. }
            | Self::Counter { table, .. }
            | Self::Statistics { table, .. }
            | Self::Orphans { table, .. }
            | Self::Definition { table, column: None, .. } => table.clone(),
            Self::Values { table, column, .. }
            | Self::Column { table, column, .. }
            | Self::RenamedColumn { table, column, .. }
            | Self::Definition { table, column: Some(column), .. } => format!("{table}.{column}"),
            Self::Object { name, .. } => name.clone(),
        }
    }

    /// Returns how many rows, values or objects it counts, if it counts any.
    pub const fn count(&self) -> Option<u64> {
        match self {
            Self::Table { rows, .. }
            | Self::Rows { rows, .. }
            | Self::Values { rows, .. }
            | Self::Rowids { rows, .. }
            | Self::Statistics { rows, .. } => Some(*rows),
            Self::Column { values, .. } => Some(*values),
            Self::Clone(_)
            | Self::Property { .. }
            | Self::RenamedTable { .. }
            | Self::RenamedColumn { .. }
            | Self::Definition { .. }
            | Self::Object { .. }
            | Self::Counter { .. }
            | Self::Orphans { .. } => None,
        }
    }
}

/// Something that was not there before, or that a change brings along without a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    Table {
        table: String,
        rows: u64,
    },
    Column {
        /// The table, by its name now.
        table: String,
        column: String,
    },
    /// A new index, view, trigger or virtual table.
    Object {
        kind: ObjectKind,
        name: String,
    },
    /// New rows in a table that was there.
    Rows {
        /// The table, by its name now.
        table: String,
        rows: u64,
    },
    /// A new constraint or default.
    Constraint {
        /// The table, by its name now.
        table: String,
        /// The column, where it belongs to one.
        column: Option<String>,
        /// Which part of the definition.
        aspect: Aspect,
        /// What is defined now.
        is: String,
    },
    /// The table in which a migration tool records its runs; its rows changed.
    Bookkeeping {
        table: String,
        /// Its rows before and now.
        rows: (u64, u64),
    },
    /// The comments in the text of a table are gone.
    Comments {
        /// The table, by its name before.
        table: String,
    },
    /// A table, column or index has the name that the map gives it.
    Renamed {
        /// What it is: a table, `table.column`, or an index, by the name before.
        object: String,
        to: String,
    },
    /// Statistics were collected again.
    Statistics {
        /// The table, by its name before.
        table: String,
    },
}

impl Addition {
    /// Returns the stable text code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Table { .. } => "table",
            Self::Column { .. } => "column",
            Self::Object { kind, .. } => kind.entry_type(),
            Self::Rows { .. } => "rows",
            Self::Constraint { aspect, .. } => aspect.code(),
            Self::Bookkeeping { .. } => "bookkeeping",
            Self::Comments { .. } => "comments",
            Self::Renamed { .. } => "renamed",
            Self::Statistics { .. } => "statistics",
        }
    }

    /// Returns what it is about.
    pub fn object(&self) -> String {
        match self {
            Self::Table { table, .. }
            | Self::Rows { table, .. }
            | Self::Constraint { table, column: None, .. }
            | Self::Bookkeeping { table, .. }
            | Self::Comments { table }
            | Self::Statistics { table } => table.clone(),
            Self::Column { table, column }
            | Self::Constraint { table, column: Some(column), .. } => format!("{table}.{column}"),
            Self::Object { name, .. } => name.clone(),
            Self::Renamed { object, .. } => object.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVerdict {
    /// Its name before.
    pub table: String,
    pub now: String,
    pub equal: u64,
    /// Rows with other values.
    pub changed: u64,
    pub lost: u64,
    pub gained: u64,
}

/// What was found out about the clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was lost or changed, and is not declared in the map.
    pub findings: Vec<Finding>,
    /// What was lost or changed as the map declares.
    pub declared: Vec<Finding>,
    pub additions: Vec<Addition>,
    /// The tables, in the order of the schema before.
    pub tables: Vec<TableVerdict>,
    /// Whether the clone holds the very bytes of the backup.
    pub same_bytes: bool,
}

impl Verdict {
    /// Returns whether nothing was lost that is not declared.
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns whether nothing was found that the command changed. Its bytes may differ even so: it may have
    /// changed something and taken it back, or vacuumed.
    pub const fn is_as_before(&self) -> bool {
        self.findings.is_empty() && self.declared.is_empty() && self.additions.is_empty()
    }
}
