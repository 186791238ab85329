//! What a virtual table is, read from its text, and the tables in which its module keeps its content.

use super::model::Schema;
use super::objects::Object;
use crate::name::{fold, same};
use crate::sql::ObjectKind;
use crate::sql::edit::{VirtualOption, virtual_option, virtual_table_arguments};

/// The modules whose content can be read and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// Full text, versions 3 and 4 (<https://sqlite.org/fts3.html>).
    Fts34,
    /// Full text, version 5 (<https://sqlite.org/fts5.html>).
    Fts5,
    /// R*Tree (<https://sqlite.org/rtree.html>).
    RTree,
    Other,
}

/// Where a virtual table has its rows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The module keeps the rows in tables of its own.
    Own,
    /// The rows are those of another table or view; the module keeps the index
    /// (<https://sqlite.org/fts5.html#external_content_tables>).
    External(String),
    /// Only the index is kept (<https://sqlite.org/fts5.html#contentless_tables>).
    Contentless,
}

/// A virtual table as its text declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualTable {
    pub name: String,
    pub module: Module,
    pub content: Content,
}

impl VirtualTable {
    /// Reads the text of a virtual table; `None` if it is not one.
    pub fn read(sql: &str) -> Option<Self> {
        let table = virtual_table_arguments(sql).ok()?;
        let word = fold(&table.module.text);
        let module = match word.as_str() {
            "fts3" | "fts4" => Module::Fts34,
            "fts5" => Module::Fts5,
            "rtree" | "rtree_i32" => Module::RTree,
            _ => Module::Other,
        };
        let mut options = table.arguments.iter().filter_map(|it| virtual_option(&it.text));
        let content = options.rfind(|it: &VirtualOption| same(&it.key, "content"));
        let content = match content.filter(|_| matches!(word.as_str(), "fts4" | "fts5")) {
            None => Content::Own,
            Some(option) if option.value.is_empty() => Content::Contentless,
            Some(option) => Content::External(option.value),
        };
        Some(Self { name: table.name.text, module, content })
    }

    /// Returns whether the table is a full-text index.
    pub const fn is_full_text(&self) -> bool {
        matches!(self.module, Module::Fts34 | Module::Fts5)
    }
}

impl Schema {
    /// Returns the virtual tables, in order.
    pub fn virtual_tables(&self) -> impl Iterator<Item = VirtualTable> {
        self.of_kind(ObjectKind::VirtualTable)
            .filter_map(|it| VirtualTable::read(it.sql.as_deref()?))
    }

    pub fn virtual_table(&self, name: &str) -> Option<VirtualTable> {
        VirtualTable::read(self.find(ObjectKind::VirtualTable, name)?.sql.as_deref()?)
    }

    /// Finds the virtual table that a shadow table belongs to: the name before the last underscore
    /// (<https://sqlite.org/vtab.html#the_xshadowname_method>).
    pub fn owner_of_shadow(&self, shadow: &str) -> Option<&Object> {
        self.find(ObjectKind::ShadowTable, shadow)?;
        let (owner, _) = shadow.rsplit_once('_')?;
        self.find(ObjectKind::VirtualTable, owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_from_the_options() {
        let content = |sql: &str| VirtualTable::read(sql).unwrap().content;
        let external = |name: &str| Content::External(name.to_owned());
        assert_eq!(content("CREATE VIRTUAL TABLE f USING fts5(a, content='n')"), external("n"));
        assert_eq!(content("CREATE VIRTUAL TABLE f USING FTS4(content=\"n\", a)"), external("n"));
        assert_eq!(
            content("CREATE VIRTUAL TABLE f USING fts5(a, content='')"),
            Content::Contentless
        );
        assert_eq!(content("CREATE VIRTUAL TABLE f USING fts5(a)"), Content::Own);
        assert_eq!(content("CREATE VIRTUAL TABLE f USING fts3(content=n)"), Content::Own);
    }

    #[test]
    fn a_shadow_table_belongs_to_the_longest_name() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let sql = "CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIRTUAL TABLE f_x USING fts5(a)";
        connection.execute_batch(sql).unwrap();
        let schema = crate::schema::read(&connection).unwrap();
        assert_eq!(schema.owner_of_shadow("F_X_data").unwrap().name, "f_x");
        assert_eq!(schema.owner_of_shadow("f_data").unwrap().name, "f");
        assert_eq!(schema.owner_of_shadow("f"), None);
    }
}
