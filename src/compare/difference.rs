//! Differences of two schemas, as types.

use crate::schema::ObjectKind;
use crate::text::named;

/// How an object of the expected schema compares with the object of that kind and name in the other schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The name and the stored text are the same, byte for byte.
    Identical,
    /// The definition is the same, the text differs: spacing, comments, quotes, case, the spelling of a default.
    SameMeaning,
    /// Only the expected schema has it.
    Missing,
    /// Only the other schema has it.
    Unexpected,
    /// Both have it, with these differences; there is at least one.
    Differs(Vec<Difference>),
}

impl Verdict {
    /// Returns the stable text code, for JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::SameMeaning => "same_meaning",
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
            Self::Differs(_) => "differs",
        }
    }
}

/// Whether a difference keeps a file from being adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Phases can be applied on top of it: `stamp` accepts it and names it.
    Small,
    /// Something that later phases stand on is missing: `stamp` refuses it.
    Serious,
}

/// One difference between the definitions of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A column that only one of the tables has.
    Column {
        column: String,
        /// Which side lacks it.
        presence: Presence,
    },
    /// The columns are the same, in another order.
    ColumnOrder,
    /// A column is declared otherwise.
    ColumnDefinition(ColumnDifference),
    /// A constraint that only one of the tables has.
    Constraint(ConstraintDifference),
    /// A property of the whole table that only one of the tables has.
    TableOption {
        option: TableOptionName,
        /// Which side lacks it.
        presence: Presence,
    },
    Index(IndexAspect),
    /// The text of a view, a trigger or a virtual table; or a table of which no part can be named.
    Text,
}

/// Which side has something that the other lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is expected and not there.
    Missing,
    /// It exists and is not expected.
    Unexpected,
}

/// How the declarations of a column differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDifference {
    pub column: String,
    pub aspects: Vec<ColumnAspect>,
    /// The expected declaration, in short.
    pub expected: String,
    /// The declaration that was found, in short.
    pub found: String,
}

named! {
    /// A part of a column's declaration.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ColumnAspect: code {
        Type = "type",
        /// NOT NULL, or its conflict clause.
        NotNull = "not_null",
        Default = "default",
        Collation = "collation",
        /// The expression of a generated column, or how it is stored.
        Generated = "generated",
        /// The place in the primary key.
        PrimaryKey = "primary_key",
    }
}

/// A constraint that only one of two tables has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintDifference {
    /// The stable text code of its kind: `unique`, `check`, `foreign_key`, `primary_key`.
    pub kind: &'static str,
    /// Its text, with the column before it if it belongs to one.
    pub text: String,
    /// Which side lacks it.
    pub presence: Presence,
}

named! {
    /// A property of a whole table.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum TableOptionName: code {
        WithoutRowid = "without_rowid",
        Strict = "strict",
        Autoincrement = "autoincrement",
    }
}

named! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum IndexAspect: code {
        Table = "index_table",
        Unique = "index_unique",
        /// The columns and expressions, or their order.
        Columns = "index_columns",
        Collation = "index_collation",
        Direction = "index_direction",
        /// The condition of a partial index.
        Where = "index_where",
    }
}

/// One object of either schema, and how it compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedObject {
    pub kind: ObjectKind,
    /// Its name, as expected; of an unexpected object, as it was found.
    pub name: String,
    /// The table or view it belongs to.
    pub table: String,
    pub verdict: Verdict,
}

impl ComparedObject {
    /// Returns whether the definitions differ, or only one schema has the object.
    pub const fn differs(&self) -> bool {
        match self.verdict {
            Verdict::Identical | Verdict::SameMeaning => false,
            Verdict::Missing | Verdict::Unexpected | Verdict::Differs(_) => true,
        }
    }

    /// Returns the weight of the heaviest difference; what does not differ is small.
    pub fn weight(&self) -> Weight {
        match &self.verdict {
            Verdict::Identical | Verdict::SameMeaning | Verdict::Unexpected => Weight::Small,
            Verdict::Missing if self.kind == ObjectKind::Index => Weight::Small,
            Verdict::Missing => Weight::Serious,
            Verdict::Differs(found) => {
                found.iter().map(Difference::weight).max().unwrap_or(Weight::Small)
            }
        }
    }
}

impl Difference {
    pub fn weight(&self) -> Weight {
        let is_key = |found: &ColumnDifference| found.aspects.contains(&ColumnAspect::PrimaryKey);
        match self {
            Self::Column { presence: Presence::Missing, .. } => Weight::Serious,
            Self::ColumnDefinition(found) if is_key(found) => Weight::Serious,
            Self::Column { presence: Presence::Unexpected, .. }
            | Self::ColumnOrder
            | Self::ColumnDefinition(_)
            | Self::Constraint(_)
            | Self::TableOption { .. }
            | Self::Index(_)
            | Self::Text => Weight::Small,
        }
    }
}
