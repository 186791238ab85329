//! The steps of a phase: what each kind is called in a phase file and what it carries.
//!
//! A new step kind begins here. The compiler then names the places that treat every kind. Search for those that treat
//! only some (docs/ARCHITECTURE.md, "Where to add something").

use std::fmt;

use crate::name::literal;
use crate::sql::ObjectKind;
use crate::sql::object_head;
use crate::text::named;

/// A value of SQLite's that a check expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// The query gives no row.
    NoRows,
    /// The query gives at least one row.
    Rows,
    /// The query gives one row whose first column is this integer.
    Integer(i64),
    /// The query gives one row whose first column is this real number.
    Real(f64),
    /// The query gives one row whose first column is this text.
    Text(String),
}

/// A check that a phase carries: `[[require]]` before the backup, `[[verify]]` inside the transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is checked, in words.
    pub name: String,
    /// One query that only reads.
    pub sql: String,
    /// What the query must give.
    pub expect: Expected,
    /// What to tell the person when it does not hold.
    pub message: Option<String>,
    /// The line of the check in the phase file, from 1.
    pub line: usize,
}

/// A value as SQLite stores it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL; in a phase file `{ null = true }`, because TOML has no word for it.
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// A blob; in a phase file `{ hex = "00ff" }`.
    Blob(Vec<u8>),
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("NULL"),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Real(number) => write!(formatter, "{number:?}"),
            Self::Text(text) => {
                let first: String = text.chars().take(80).collect();
                formatter.write_str(&literal(&first))
            }
            Self::Blob(bytes) => write!(formatter, "blob of {} bytes", bytes.len()),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRows => formatter.write_str("no rows"),
            Self::Rows => formatter.write_str("rows"),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Real(number) => write!(formatter, "{number:?}"),
            Self::Text(text) => formatter.write_str(&literal(text)),
        }
    }
}

/// What the query of a test must give.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedAnswer {
    Check(Expected),
    /// Exactly these rows, in this order.
    Rows(Vec<Vec<Cell>>),
}

/// A query of a test, and what it must give.
#[derive(Debug, Clone, PartialEq)]
pub struct TestQuery {
    /// One query that only reads.
    pub sql: String,
    /// What it must give.
    pub expect: ExpectedAnswer,
}

/// A test of a phase (`[[test]]`): rows before it, and what must be there after it. It runs in memory only.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseTest {
    /// What is tested, in words.
    pub name: String,
    /// Statements that write rows into the schema before the phase.
    pub before: Option<String>,
    /// Statements that write rows into the schema after the phase.
    pub after: Option<String>,
    /// What is asked after the phase.
    pub query: Option<TestQuery>,
    /// Whether the phase is undone at the end; the rows of before must be there again.
    pub down: bool,
    /// What is asked after the downgrade.
    pub down_query: Option<TestQuery>,
    /// The line of the test in the phase file, from 1.
    pub line: usize,
}

/// How a column changes; whatever is `None` stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnChange {
    pub type_name: Option<String>,
    /// Whether NULL is refused.
    pub not_null: Option<bool>,
    pub default: Option<DefaultChange>,
    pub collate: Option<String>,
    /// An SQL expression over the old row that gives the copied value.
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DefaultChange {
    /// The default becomes this SQL text.
    Set(String),
    /// The column has no default any more (`default = "none"`).
    Remove,
}

/// What a rebuild does about columns that its new text does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeftOut {
    /// It is refused: the column may have been forgotten.
    #[default]
    Refuse,
    /// The column is dropped, as a derived downgrade does with what the phase added.
    Drop,
}

/// Which constraint of a table is meant.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintChoice {
    Name(String),
    /// The one with this text; spacing, comments and case do not count.
    Sql(String),
}

named! {
    /// What a step creates or drops. Tables are ordinary or virtual.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StepObject: word {
        Table = "table",
        Index = "index",
        View = "view",
        Trigger = "trigger",
    }
}

impl From<StepObject> for ObjectKind {
    fn from(object: StepObject) -> Self {
        match object {
            StepObject::Table => Self::Table,
            StepObject::Index => Self::Index,
            StepObject::View => Self::View,
            StepObject::Trigger => Self::Trigger,
        }
    }
}

impl From<ObjectKind> for StepObject {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => Self::Table,
            ObjectKind::Index => Self::Index,
            ObjectKind::View => Self::View,
            ObjectKind::Trigger => Self::Trigger,
        }
    }
}

/// One change, as a phase file declares it. The fields are the keys of the step in a phase file.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are the keys that the manual documents for each op")]
pub enum Operation {
    RenameTable {
        from: String,
        to: String,
    },
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    Create {
        kind: StepObject,
        sql: String,
        if_not_exists: bool,
    },
    /// Drops an object: a table with its rows, a view with its triggers.
    Drop {
        kind: StepObject,
        name: String,
        if_exists: bool,
    },
    /// Adds a column: at the end, or after another one.
    AddColumn {
        table: String,
        column: String,
        after: Option<String>,
        value: Option<String>,
    },
    /// Drops a column with its values.
    DropColumn {
        table: String,
        column: String,
    },
    /// Changes the definition of a column.
    AlterColumn {
        table: String,
        column: String,
        change: ColumnChange,
    },
    AddConstraint {
        table: String,
        sql: String,
    },
    DropConstraint {
        table: String,
        constraint: ConstraintChoice,
    },
    RenameIndex {
        from: String,
        to: String,
    },
    /// Replaces a view by another text; its triggers stay.
    ReplaceView {
        sql: String,
    },
    /// Replaces a trigger by another text.
    ReplaceTrigger {
        sql: String,
    },
    /// Replaces the whole definition of a table; columns are matched by name.
    Rebuild {
        table: String,
        sql: String,
        values: Vec<(String, String)>,
        left_out: LeftOut,
    },
    /// Runs statements that change rows.
    Sql {
        sql: String,
        file: Option<String>,
    },
}

impl Operation {
    /// Returns the expressions that give values to columns.
    pub fn values(&self) -> Vec<&str> {
        match self {
            Self::AddColumn { value, .. } => value.iter().map(String::as_str).collect(),
            Self::AlterColumn { change, .. } => change.value.iter().map(String::as_str).collect(),
            Self::Rebuild { values, .. } => values.iter().map(|(_, it)| it.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the tables and views that the operation creates, drops, renames or changes, by all their names.
    pub fn relations(&self) -> Vec<String> {
        let created = |sql: &str| object_head(sql).map(|it| it.name.text).into_iter().collect();
        match self {
            Self::RenameTable { from, to } => vec![from.clone(), to.clone()],
            Self::Create { kind: StepObject::Table | StepObject::View, sql, .. }
            | Self::ReplaceView { sql } => created(sql),
            Self::Drop { kind: StepObject::Table | StepObject::View, name, .. } => {
                vec![name.clone()]
            }
            Self::RenameColumn { table, .. } => vec![table.clone()],
            other => other.redefined().map(ToOwned::to_owned).into_iter().collect(),
        }
    }

    /// Returns the table that the operation gives another definition, other than by a rename.
    pub fn redefined(&self) -> Option<&str> {
        match self {
            Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::AlterColumn { table, .. }
            | Self::AddConstraint { table, .. }
            | Self::DropConstraint { table, .. }
            | Self::Rebuild { table, .. } => Some(table),
            _ => None,
        }
    }

    /// Returns the name of the operation in a phase file.
    pub const fn op(&self) -> &'static str {
        match self {
            Self::RenameTable { .. } => "rename_table",
            Self::RenameColumn { .. } => "rename_column",
            Self::Create { kind, .. } => match kind {
                StepObject::Table => "create_table",
                StepObject::Index => "create_index",
                StepObject::View => "create_view",
                StepObject::Trigger => "create_trigger",
            },
            Self::Drop { kind, .. } => match kind {
                StepObject::Table => "drop_table",
                StepObject::Index => "drop_index",
                StepObject::View => "drop_view",
                StepObject::Trigger => "drop_trigger",
            },
            Self::AddColumn { .. } => "add_column",
            Self::DropColumn { .. } => "drop_column",
            Self::AlterColumn { .. } => "alter_column",
            Self::AddConstraint { .. } => "add_constraint",
            Self::DropConstraint { .. } => "drop_constraint",
            Self::RenameIndex { .. } => "rename_index",
            Self::ReplaceView { .. } => "replace_view",
            Self::ReplaceTrigger { .. } => "replace_trigger",
            Self::Rebuild { .. } => "rebuild",
            Self::Sql { .. } => "sql",
        }
    }
}

/// One step of a phase: an operation and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub operation: Operation,
    /// The line of the step in the phase file, from 1; 0 for a derived step.
    pub line: usize,
}
