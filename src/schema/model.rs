//! What a schema is to this program: SQLite's own stored text, and the shape that SQLite reports.

use std::collections::BTreeMap;

use super::objects::{Object, Objects};
use crate::name::{fold, is_internal, same};
use crate::sql::ObjectKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnStorage {
    Stored,
    /// A hidden column of a virtual table.
    Hidden,
    /// A generated column that is computed when read.
    Virtual,
    /// A generated column that is computed when written.
    Generated,
}

/// One column, as `pragma_table_xinfo` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its declared type, possibly empty.
    pub declared: String,
    pub not_null: bool,
    /// Its default, as SQL text.
    pub default: Option<String>,
    /// Its place in the primary key, from 1; 0 if it is not part of it.
    pub key: usize,
    pub storage: ColumnStorage,
}

impl Column {
    /// Returns whether a value can be given for the column.
    pub fn is_writable(&self) -> bool {
        self.storage == ColumnStorage::Stored
    }
}

/// How rows of a table are identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    /// By the rowid, under a name that no column shadows.
    Rowid(String),
    /// By the rowid, which columns named `rowid`, `_rowid_` and `oid` make unreachable.
    HiddenRowid,
    /// By the primary key of a WITHOUT ROWID table: column names in key order.
    PrimaryKey(Vec<String>),
    /// By a module; the content is in shadow tables.
    Module,
}

/// One foreign key of a table, as `pragma_foreign_key_list` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The parent table, as the child names it.
    pub parent: String,
    /// The columns of the child.
    pub columns: Vec<String>,
    /// The columns of the parent; empty if the key names none and so means the primary key.
    pub parent_columns: Vec<String>,
    /// What happens on update, on delete, and how NULLs match.
    pub actions: (String, String, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// Its columns, in order, hidden and generated ones included.
    pub columns: Vec<Column>,
    pub key: RowKey,
    pub strict: bool,
    /// Its foreign keys, in the order of their declaration.
    pub foreign_keys: Vec<ForeignKey>,
}

impl Table {
    /// Finds a column by name, without regard to the case of A to Z.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// Returns the columns that can be written, in order.
    pub fn writable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_writable())
    }

    /// Returns the columns of the primary key, in key order.
    pub fn primary_key(&self) -> Vec<&str> {
        let mut keyed: Vec<&Column> = self.columns.iter().filter(|it| it.key > 0).collect();
        keyed.sort_by_key(|column| column.key);
        keyed.into_iter().map(|column| column.name.as_str()).collect()
    }

    /// Returns the column that is an alias of the rowid, if the key is one.
    pub fn rowid_alias(&self) -> Option<&Column> {
        match &self.key {
            RowKey::Rowid(name) => self.column(name),
            RowKey::HiddenRowid | RowKey::PrimaryKey(_) | RowKey::Module => None,
        }
    }
}

/// A whole schema: SQLite's stored objects in their order, and the shapes of the tables.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The objects, without SQLite's own `sqlite_...` tables and automatic indexes.
    pub objects: Objects,
    /// The automatic indexes and SQLite's own tables.
    pub internal: Objects,
    /// The shapes, by folded table name; SQLite's own tables included.
    pub tables: BTreeMap<String, Table>,
}

impl Schema {
    /// Adds an object to those of its kind: SQLite's own, or the others.
    pub(super) fn add(&mut self, object: Object) {
        match is_internal(&object.name) {
            true => self.internal.push(object),
            false => self.objects.push(object),
        }
    }

    /// Finds an object of any kind by name. Tables, indexes and views share their names; triggers
    /// have their own.
    pub fn find(&self, kind: ObjectKind, name: &str) -> Option<&Object> {
        self.objects.named(name).find(|object| object.kind == kind)
    }

    pub fn find_table(&self, name: &str) -> Option<&Object> {
        self.objects.named(name).find(|object| object.kind.is_table())
    }

    pub fn shape(&self, name: &str) -> Option<&Table> {
        self.tables.get(&fold(name))
    }

    /// Returns the objects of one kind, in order.
    pub fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// Returns the objects of one kind that belong to a table or view.
    pub fn belonging(&self, kind: ObjectKind, table: &str) -> impl Iterator<Item = &Object> {
        self.objects.belonging(kind, table)
    }

    /// Returns whether a file with this schema holds nothing of anybody's.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns whether any table, index or view has this name.
    pub fn is_taken(&self, name: &str) -> bool {
        let mut named = self.objects.named(name).chain(self.internal.named(name));
        named.any(|object| object.kind != ObjectKind::Trigger)
    }

    /// Returns every entry of the schema, those of SQLite's own tables and automatic indexes last.
    pub fn entries(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().chain(&self.internal)
    }

    /// Returns the tables whose rows are stored in b-trees of their own, in order: ordinary and
    /// shadow tables, and SQLite's own tables.
    pub fn stored_tables(&self) -> impl Iterator<Item = &Object> {
        self.entries().filter(|object| {
            matches!(object.kind, ObjectKind::Table | ObjectKind::ShadowTable)
                && (object.root != 0 || !is_internal(&object.name))
        })
    }
}
