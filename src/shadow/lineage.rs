//! Where the tables and columns of a changed schema come from: the rename map, as steps make it.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{fold, quote, same};
use crate::schema::{ColumnStorage, Schema, Table, text_form};
use crate::sql::{
    ColumnDefinition, ConstraintKind, CreateTable, mentions, significant_tokens, unquote,
};

/// Where the values of one column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnOrigin {
    /// From this column of the table before, unchanged.
    Kept(String),
    /// From an expression that the phase gives.
    Computed,
    /// From nowhere: the column is new, old rows get its default.
    New,
}

/// One level of a copying query: what each name stands for in the level below.
///
/// Expressions of a phase may use the names that a column has at that step; each step with an
/// expression therefore reads from a level in which those names exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyLayer {
    /// Pairs of a name and the SQL that gives its value.
    pub columns: Vec<(String, String)>,
    /// The name by which expressions call the row of the level below: that of the table, or `old`.
    pub row: Option<String>,
    /// The table, if an expression reads other rows of it.
    pub reads: Option<String>,
}

/// One column of a table and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLineage {
    pub name: String,
    /// Which column of the table it is, whatever its name and its values.
    pub id: usize,
    /// The name in the top layer of the copying query; `None` for a new column.
    pub source: Option<String>,
    pub origin: ColumnOrigin,
}

/// One table and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLineage {
    pub from: String,
    /// The columns, in no particular order.
    pub columns: Vec<ColumnLineage>,
    /// The levels of the copying query, the lowest first; none if columns are copied as they are.
    pub layers: Vec<CopyLayer>,
    /// Whether a data step recreated the table and filled it with the rows of the table before.
    pub remade: bool,
    /// The columns of the table before that can be read by name.
    base: Vec<String>,
    /// The number of columns that it has had, those that are gone included.
    known: usize,
}

/// The origins of all tables that existed before, by folded name now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    pub tables: BTreeMap<String, TableLineage>,
    /// Indexes that got another name: before and after.
    renamed_indexes: Vec<(String, String)>,
}

impl Lineage {
    /// Makes the lineage in which everything comes from itself.
    pub fn identity(schema: &Schema) -> Self {
        let tables = schema
            .tables
            .iter()
            .map(|(folded, table)| (folded.clone(), TableLineage::identity(table)))
            .collect();
        Self { tables, renamed_indexes: Vec::new() }
    }

    /// Returns the origin of a table, or `None` for a table that is new.
    pub fn table(&self, name: &str) -> Option<&TableLineage> {
        self.tables.get(&fold(name))
    }

    /// Returns the tables that exist before and no longer, by name before.
    pub fn dropped<'s>(&self, before: &'s Schema) -> Vec<&'s Table> {
        let from: BTreeSet<String> = self.tables.values().map(|it| fold(&it.from)).collect();
        before.tables.iter().filter(|(name, _)| !from.contains(*name)).map(|(_, it)| it).collect()
    }

    /// Follows the renames of an index that existed before; it may have been dropped.
    pub fn index_after(&self, index: &str) -> String {
        let mut name = index.to_owned();
        for (from, to) in &self.renamed_indexes {
            if same(from, &name) {
                to.clone_into(&mut name);
            }
        }
        name
    }

    pub(super) fn rename_index(&mut self, from: &str, to: &str) {
        self.renamed_indexes.push((from.to_owned(), to.to_owned()));
    }

    pub(super) fn rename_table(&mut self, from: &str, to: &str) {
        if let Some(table) = self.tables.remove(&fold(from)) {
            self.tables.insert(fold(to), table);
        }
    }

    pub(super) fn forget(&mut self, table: &str) {
        self.tables.remove(&fold(table));
    }

    pub(super) fn insert(&mut self, name: &str, table: TableLineage) {
        self.tables.insert(fold(name), table);
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut TableLineage> {
        self.tables.get_mut(&fold(name))
    }
}

impl TableLineage {
    fn identity(table: &Table) -> Self {
        let columns = table
            .columns
            .iter()
            .filter(|column| column.storage != ColumnStorage::Hidden)
            .enumerate()
            .map(|(id, column)| ColumnLineage {
                name: column.name.clone(),
                id,
                source: Some(column.name.clone()),
                origin: ColumnOrigin::Kept(column.name.clone()),
            })
            .collect();
        let base = table.columns.iter().map(|column| column.name.clone()).collect();
        let known = table.columns.len();
        let from = table.name.clone();
        Self { from, columns, layers: Vec::new(), remade: false, base, known }
    }

    /// Returns the lineage of a table that takes the rows of this one, with these columns.
    pub(super) fn remade(&self, columns: Vec<(String, ColumnOrigin)>) -> Self {
        let known = columns.len();
        let columns = columns.into_iter().enumerate().map(|(id, (name, origin))| {
            let source = (origin != ColumnOrigin::New).then(|| name.clone());
            ColumnLineage { name, id, source, origin }
        });
        Self { columns: columns.collect(), remade: true, known, ..self.clone() }
    }

    /// Finds a column by its name now.
    pub fn column(&self, name: &str) -> Option<&ColumnLineage> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// Finds the name now of a column that is still there, whatever its values.
    pub fn called_now(&self, original: &str) -> Option<&str> {
        if self.remade {
            return self.kept_as(original);
        }
        let id = self.base.iter().position(|name| same(name, original))?;
        self.columns.iter().find(|column| column.id == id).map(|column| column.name.as_str())
    }

    /// Finds the name now of a column that is kept from before.
    pub fn kept_as(&self, original: &str) -> Option<&str> {
        self.columns
            .iter()
            .find(
                |column| matches!(&column.origin, ColumnOrigin::Kept(name) if same(name, original)),
            )
            .map(|column| column.name.as_str())
    }

    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        for column in &mut self.columns {
            if same(&column.name, from) {
                to.clone_into(&mut column.name);
            }
        }
    }

    pub(super) fn drop_column(&mut self, name: &str) {
        self.columns.retain(|column| !same(&column.name, name));
    }

    pub(super) fn add_column(&mut self, name: &str) {
        let id = self.next_id();
        self.columns.push(ColumnLineage {
            name: name.to_owned(),
            id,
            source: None,
            origin: ColumnOrigin::New,
        });
    }

    fn next_id(&mut self) -> usize {
        self.known += 1;
        self.known - 1
    }

    /// Takes over the columns of a new definition: those of the same name stay, also where one was or becomes
    /// generated. A generated column with another expression is another column.
    pub(super) fn redefine(&mut self, texts: (&str, &str), shape: &Table) {
        let (before, after) = (generated(texts.0), generated(texts.1));
        let stays = |name: &str| match shape.column(name).map(|column| column.storage) {
            None | Some(ColumnStorage::Hidden) => false,
            Some(ColumnStorage::Stored) => true,
            Some(_) => {
                let expression = before.get(&fold(name));
                expression.is_none() || expression == after.get(&fold(name))
            }
        };
        self.columns.retain(|column| stays(&column.name));
        for column in shape.writable() {
            if self.column(&column.name).is_none() {
                self.add_column(&column.name);
            }
        }
    }

    /// The names that expressions for these columns can use: a column that is new is not among them, nor an older name
    /// that it takes over.
    pub(super) fn names_for(&self, values: &[(String, String)]) -> Vec<String> {
        let mut named = self.clone();
        named.name_everything(values);
        named.visible()
    }

    /// Lets columns of the table, as it is called now, take the values of expressions over the row as it is named now.
    pub(super) fn compute(&mut self, table: &str, values: &[(String, String)]) {
        self.name_everything(values);
        let names = self.visible();
        let mut top: Vec<(String, String)> = self
            .visible()
            .into_iter()
            .filter(|name| !values.iter().any(|(column, _)| same(column, name)))
            .map(|name| (name.clone(), quote(&name)))
            .collect();
        let row = row_name(table, values);
        for (column, expression) in values {
            top.push((column.clone(), value_of(expression, table, (&row, &names))));
            let known = self.column(column).map(|it| it.id);
            let id = known.unwrap_or_else(|| self.next_id());
            self.drop_column(column);
            self.columns.push(ColumnLineage {
                name: column.clone(),
                id,
                source: Some(column.clone()),
                origin: ColumnOrigin::Computed,
            });
        }
        let reads = values.iter().any(|(_, it)| asks(it) && mentions(it, &[table]));
        let reads = reads.then(|| table.to_owned());
        self.layers.push(CopyLayer { columns: top, row: Some(row), reads });
    }

    /// The names that the top layer gives: those of the columns, and older names that still mean
    /// something because no column has taken them over.
    fn visible(&self) -> Vec<String> {
        self.layers.last().map_or_else(
            || self.base.clone(),
            |layer| layer.columns.iter().map(|(name, _)| name.clone()).collect(),
        )
    }

    /// Adds a layer in which every column goes by its name now, unless that is so already.
    fn name_everything(&mut self, values: &[(String, String)]) {
        let is_value = |name: &str| values.iter().any(|(column, _)| same(column, name));
        let renamed =
            self.columns.iter().any(|column| column.source.as_ref() != Some(&column.name));
        if !renamed {
            return;
        }
        let below = self.visible();
        let mut columns = Vec::new();
        for column in &mut self.columns {
            if column.source.is_none() && is_value(&column.name) {
                continue;
            }
            let value = column.source.as_ref().map_or_else(|| "NULL".to_owned(), |it| quote(it));
            columns.push((column.name.clone(), value));
            if column.source.is_some() {
                column.source = Some(column.name.clone());
            }
        }
        for older in below {
            if !is_value(&older) && !columns.iter().any(|(name, _)| same(name, &older)) {
                columns.push((older.clone(), quote(&older)));
            }
        }
        self.layers.push(CopyLayer { columns, row: None, reads: None });
    }
}

/// Returns the expressions of the generated columns that a `CREATE TABLE` has, by folded name.
fn generated(text: &str) -> BTreeMap<String, Vec<String>> {
    let Ok(table) = CreateTable::read(text) else { return BTreeMap::new() };
    let expression = |column: &ColumnDefinition| {
        let range = column.constraint(ConstraintKind::Generated)?.operand.clone()?;
        Some((fold(&column.name.text), text_form(&text[range])))
    };
    table.columns.iter().filter_map(expression).collect()
}

/// Returns whether an expression reads other rows than its own.
pub fn asks(expression: &str) -> bool {
    let words = ["SELECT", "VALUES", "IN"];
    significant_tokens(expression).any(|it| words.iter().any(|word| it.is_word(expression, word)))
}

/// Returns whether a text uses a name in front of a column.
fn qualifies(text: &str, name: &str) -> bool {
    let tokens: Vec<_> = significant_tokens(text).collect();
    tokens.windows(2).any(|pair| {
        let [token, dot] = pair else { return false };
        dot.is_mark(text, ".") && same(&unquote(token.text(text)), name)
    })
}

/// The name by which expressions call their row: that of the table, unless one of them writes `old`.
pub(super) fn row_name(table: &str, values: &[(String, String)]) -> String {
    let old = values.iter().any(|(_, expression)| qualifies(expression, "old"));
    if old { "old".to_owned() } else { table.to_owned() }
}

/// The SQL of a value. An expression that calls its row by the name of the table where the row is called `old` gets the
/// row under that name, too.
pub(super) fn value_of(expression: &str, table: &str, (row, names): (&str, &[String])) -> String {
    if same(row, table) || !qualifies(expression, table) {
        return format!("({expression}\n)");
    }
    let row = quote(row);
    let columns: Vec<String> =
        names.iter().map(|name| format!("{row}.{0} AS {0}", quote(name))).collect();
    let table = quote(table);
    format!("(SELECT ({expression}\n) FROM (SELECT {}) AS {table})", columns.join(", "))
}
