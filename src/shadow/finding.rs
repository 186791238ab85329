//! What is found out about views and triggers while steps are applied.

use std::collections::BTreeMap;

use crate::error::MissingExtension;
use crate::schema::{Object, ObjectKind};

/// Why a view or trigger does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsound {
    /// It names something that does not exist, or is otherwise wrong.
    Broken,
    /// It needs something that this program lacks; it may be fine elsewhere.
    Missing(MissingExtension),
}

/// A view or trigger that does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsoundObject {
    /// The object, with its stored text.
    pub object: Object,
    pub reason: Unsound,
    pub message: String,
}

/// A text in double quotes that SQLite takes for a string, because no column has that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAsString {
    /// The kind of the object in which it stands.
    pub kind: ObjectKind,
    pub name: String,
    /// The text, without its quotes.
    pub text: String,
}

/// A view or trigger that would read other tables or columns than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedReference {
    pub kind: ObjectKind,
    pub name: String,
    /// What changed among the names that it may use.
    pub changes: Vec<String>,
    /// The text that would read something else.
    pub(super) text: String,
}

/// The output columns of every view that compiles, by folded name.
pub type Outputs = BTreeMap<String, Vec<String>>;
