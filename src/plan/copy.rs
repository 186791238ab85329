//! The query that fills a rebuilt table from the old one.

use std::collections::BTreeSet;

use crate::name::{quote, same};
use crate::schema::{RowKey, Table};
use crate::shadow::{ColumnOrigin, CopyLayer, TableLineage, asks};
use crate::sql::mentions;
use crate::text::list;

/// The query that fills a rebuilt table, in parts.
#[derive(Debug, Clone)]
pub struct CopyQuery {
    /// Columns of the new table and what fills each, in the top layer's names.
    pub columns: Vec<(String, String)>,
    pub layers: Vec<CopyLayer>,
    /// Whether no rowid is out of reach.
    names_rowid: bool,
}

const ROWID_NAME: &str = "phaseshift_rowid";

impl CopyQuery {
    /// Derives the query from the lineage of a table and the two shapes.
    pub fn derive(lineage: &TableLineage, before: &Table, after: &Table) -> Self {
        let mut columns = Vec::new();
        let mut layers = lineage.layers.clone();
        if let Some((to, from)) = rowid_copy(lineage, before, after) {
            let mut source = from;
            for layer in &mut layers {
                layer.columns.push((ROWID_NAME.to_owned(), quote(&source)));
                ROWID_NAME.clone_into(&mut source);
            }
            columns.push((to, source));
        }
        for column in after.writable() {
            if let Some(source) = lineage.column(&column.name).and_then(|it| it.source.clone()) {
                columns.push((column.name.clone(), source));
            }
        }
        let hidden = [before, after].iter().any(|table| table.key == RowKey::HiddenRowid);
        Self { columns, layers, names_rowid: !hidden }
    }

    /// Returns the SQL that copies the values column by column from one table, given as SQL text, into another.
    pub fn row_sql(&self, from: &str, to: &str) -> String {
        // A table's own ON CONFLICT clauses would leave rows out, or let one replace another.
        self.insert(&format!("INSERT OR ABORT INTO main.{}", quote(to)), from)
    }

    /// Returns an INSERT with this head that takes the values from a table, given as SQL text.
    pub fn insert(&self, head: &str, from: &str) -> String {
        if self.columns.is_empty() {
            // Every column is new; each row still has to come over, with its defaults.
            return format!("{head}(rowid) SELECT NULL FROM {}", self.layered(from));
        }
        let names = list(self.columns.iter().map(|(name, _)| quote(name)));
        let values = list(self.columns.iter().map(|(_, value)| quote(value)));
        format!("{head}({names}) SELECT {values} FROM {}", self.layered(from))
    }

    /// Returns a query for the rows of a table, given as SQL text, as they will be, under the new names.
    pub fn select(&self, from: &str) -> String {
        let named =
            |(name, value): &(String, String)| format!("{} AS {}", quote(value), quote(name));
        let columns = match self.columns.as_slice() {
            [] => "1".to_owned(),
            some => list(some.iter().map(named)),
        };
        format!("SELECT {columns} FROM {}", self.layered(from))
    }

    /// Hands a column of the old table through to the top, under a name of its own, which is returned.
    pub fn carry(&mut self, column: &str) -> String {
        let name = format!("phaseshift_before_{}", self.columns.len());
        let mut source = column.to_owned();
        for layer in &mut self.layers {
            layer.columns.push((name.clone(), quote(&source)));
            source.clone_from(&name);
        }
        self.columns.push((name.clone(), source));
        name
    }

    fn layered(&self, from: &str) -> String {
        let mut source = from.to_owned();
        for layer in &self.layers {
            let columns = list(
                layer.columns.iter().map(|(name, value)| format!("{value} AS {}", quote(name))),
            );
            let row = layer.row.as_ref().map(|it| format!(" AS {}", quote(it))).unwrap_or_default();
            // Other rows of the table are read where its rows are: it has another name while it is copied.
            let table = layer
                .reads
                .as_ref()
                .map(|it| format!("WITH {} AS (SELECT * FROM {source}) ", quote(it)));
            let with = table.unwrap_or_default();
            source = format!("({with}SELECT {columns} FROM {source}{row})");
        }
        source
    }

    /// Returns how many values the widest SELECT of the copy has, column by column.
    pub fn width(&self) -> usize {
        let layers = self.layers.iter().map(|it| it.columns.len());
        layers.fold(self.columns.len(), usize::max)
    }

    /// Returns a stored column of the new table and the one it comes from.
    pub fn first_stored_column(&self) -> Option<(&str, &str)> {
        self.columns
            .iter()
            .find(|(to, _)| !["rowid", "_rowid_", "oid"].iter().any(|name| same(name, to)))
            .or(self.columns.first())
            .map(|(to, from)| (to.as_str(), from.as_str()))
    }

    /// Returns whether the copy of values, column by column, keeps the rowids: they have a name, or the
    /// table has none.
    pub fn keeps_rowids(&self) -> bool {
        self.names_rowid
    }

    /// Returns whether every value is computed from the row alone: the expressions ask no other table.
    pub fn stays_in_its_row(&self) -> bool {
        self.layers.iter().flat_map(|it| &it.columns).all(|(_, value)| !asks(value))
    }

    /// Returns whether a value may be computed from one of these tables.
    pub fn asks_any(&self, tables: &BTreeSet<String>) -> bool {
        let names: Vec<&str> = tables.iter().map(String::as_str).collect();
        let values = self.layers.iter().flat_map(|it| &it.columns);
        values.into_iter().any(|(_, value)| asks(value) && mentions(value, &names))
    }

    /// Returns whether the query computes values.
    pub fn computes(&self) -> bool {
        !self.layers.is_empty()
    }
}

/// The rowid is copied by name where no column carries it: a table without INTEGER PRIMARY KEY
/// would otherwise get new ones.
fn rowid_copy(lineage: &TableLineage, before: &Table, after: &Table) -> Option<(String, String)> {
    let (RowKey::Rowid(from), RowKey::Rowid(to)) = (&before.key, &after.key) else { return None };
    match (before.rowid_alias(), after.rowid_alias()) {
        // The alias comes over like any column, or it gets values of its own.
        (_, Some(_)) => None,
        (Some(_) | None, None) => {
            let carried = lineage.columns.iter().any(|column| {
                column.name == *to && column.origin == ColumnOrigin::Kept(from.clone())
            });
            (!carried).then(|| (to.clone(), from.clone()))
        }
    }
}
