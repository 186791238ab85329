//! What the statements of a data step do to tables, followed one by one while the shadow runs them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::lineage::{ColumnOrigin, Lineage};
use crate::database::{DoneStatement, Follower, Touched, TouchedTable};
use crate::error::Result;
use crate::name::{fold, is_internal, literal, same};
use crate::schema::{RowKey, row_key};
use crate::sql::{CopyItem, TableCopy, table_copy};

/// What one statement of a data step does to a table, by the names that hold at that statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableEffect {
    /// Its rows may change.
    Rows {
        /// The table, folded.
        table: String,
        what: TouchedTable,
        /// How its rows are identified; `None` if the table is not there.
        key: Option<RowKey>,
    },
    Create(String),
    Drop(String),
    Rename {
        from: String,
        to: String,
    },
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    /// It gets a column.
    AddColumn {
        table: String,
        column: String,
    },
    /// It loses a column with its values.
    DropColumn {
        table: String,
        column: String,
    },
    /// A new table gets the rows of another one.
    Copy(RowCopy),
}

/// A new table that a statement fills with the rows of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCopy {
    pub from: String,
    pub to: String,
    /// The columns that are filled, and the column that each takes its values from; `None` for an
    /// expression.
    pub columns: Vec<(String, Option<String>)>,
    /// Whether rows may be left out.
    pub partial: bool,
}

#[derive(Debug, Clone, Default)]
pub struct DataEffects {
    pub touched: Touched,
    /// What they do to tables, in order.
    pub tables: Vec<TableEffect>,
    /// Where the tables after it come from.
    pub lineage: Lineage,
}

/// Follows the statements of a data step.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) effects: DataEffects,
    /// Tables that were created here and hold no rows yet, folded.
    empty: BTreeSet<String>,
    /// The tables before the statement at hand, by their row in the schema table.
    before: BTreeMap<i64, String>,
    /// The table that the statement at hand alters, and its columns before.
    altered: Option<(String, Vec<Listed>)>,
    keys: BTreeMap<String, Option<RowKey>>,
}

/// A column as SQLite lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    /// 0 for an ordinary column, 1 for a hidden one, 2 and 3 for generated ones.
    hidden: i64,
}

impl Following {
    pub(super) fn new(lineage: Lineage) -> Self {
        Self {
            effects: DataEffects { lineage, ..DataEffects::default() },
            empty: BTreeSet::new(),
            before: BTreeMap::new(),
            altered: None,
            keys: BTreeMap::new(),
        }
    }

    fn add(&mut self, effect: TableEffect) {
        self.effects.lineage.follow(&effect);
        self.effects.tables.push(effect);
    }

    /// Notes which tables came, went and changed their names.
    fn tables_changed(&mut self, connection: &Connection) -> Result<()> {
        let after = tables(connection)?;
        for (row, from) in std::mem::take(&mut self.before) {
            match after.get(&row) {
                None => {
                    self.empty.remove(&fold(&from));
                    self.add(TableEffect::Drop(from));
                }
                Some(to) if *to != from => {
                    if self.empty.remove(&fold(&from)) {
                        self.empty.insert(fold(to));
                    }
                    self.add(TableEffect::Rename { from, to: to.clone() });
                }
                Some(_) => {}
            }
            self.before.insert(row, String::new());
        }
        for (row, table) in after {
            if self.before.remove(&row).is_none() {
                self.empty.insert(fold(&table));
                self.add(TableEffect::Create(table));
            }
        }
        self.before.clear();
        Ok(())
    }

    /// Notes which column ALTER TABLE added, dropped or renamed.
    fn columns_changed(&mut self, connection: &Connection) -> Result<()> {
        let Some((table, before)) = self.altered.take() else { return Ok(()) };
        let after = columns(connection, &table)?;
        let lacks = |list: &[Listed], name: &str| !list.iter().any(|it| same(&it.name, name));
        let gone: Vec<&Listed> = before.iter().filter(|it| lacks(&after, &it.name)).collect();
        let come: Vec<&Listed> = after.iter().filter(|it| lacks(&before, &it.name)).collect();
        let effects: Vec<TableEffect> = if before.len() == after.len() {
            let pairs = before.iter().zip(&after).filter(|(old, new)| old.name != new.name);
            pairs
                .map(|(old, new)| TableEffect::RenameColumn {
                    table: table.clone(),
                    from: old.name.clone(),
                    to: new.name.clone(),
                })
                .collect()
        } else {
            let dropped = gone.into_iter().map(|it| TableEffect::DropColumn {
                table: table.clone(),
                column: it.name.clone(),
            });
            let added = come
                .into_iter()
                .map(|it| TableEffect::AddColumn { table: table.clone(), column: it.name.clone() });
            dropped.chain(added).collect()
        };
        // A table that is renamed has no columns under its old name.
        if !after.is_empty() {
            effects.into_iter().for_each(|effect| self.add(effect));
        }
        Ok(())
    }

    fn rows_changed(
        &mut self,
        connection: &Connection,
        statement: DoneStatement<'_>,
    ) -> Result<()> {
        if let Some(copy) = self.copied(connection, statement)? {
            self.empty.remove(&fold(&copy.to));
            self.add(TableEffect::Copy(copy));
            return Ok(());
        }
        for (table, what) in &statement.touched.tables {
            if what.inserts {
                self.empty.remove(table);
            }
            let key = match self.keys.get(table) {
                Some(key) => key.clone(),
                None => {
                    let key = row_key(connection, table)?;
                    self.keys.insert(table.clone(), key.clone());
                    key
                }
            };
            let (table, what) = (table.clone(), what.clone());
            self.add(TableEffect::Rows { table, what, key });
        }
        Ok(())
    }

    /// Returns the copy that a statement makes, if it fills an empty table of this step from one other table
    /// and touches nothing else.
    fn copied(
        &self,
        connection: &Connection,
        statement: DoneStatement<'_>,
    ) -> Result<Option<RowCopy>> {
        let touched = statement.touched;
        if touched.tables.keys().filter(|it| !is_internal(it)).count() > 1
            || !touched.triggers.is_empty()
        {
            return Ok(None);
        }
        let Some(copy) = table_copy(statement.text) else { return Ok(None) };
        if !self.empty.contains(&fold(&copy.to)) || self.effects.lineage.table(&copy.from).is_none()
        {
            return Ok(None);
        }
        // A temporary table hides one of the file.
        let hidden =
            "SELECT count(*) FROM temp.sqlite_schema WHERE name COLLATE NOCASE IN (?1, ?2)";
        let mut hidden = connection.prepare_cached(hidden)?;
        if hidden.query_row([&copy.from, &copy.to], |row| row.get(0))? {
            return Ok(None);
        }
        let (read, filled) = (columns(connection, &copy.from)?, columns(connection, &copy.to)?);
        let Some(columns) = pairs(&copy, &read, &filled) else { return Ok(None) };
        let TableCopy { from, to, partial, .. } = copy;
        let keeps = columns.iter().any(|(_, from)| from.is_some());
        Ok(keeps.then_some(RowCopy { from, to, columns, partial }))
    }
}

impl Follower for Following {
    fn before(&mut self, connection: &Connection, touched: &Touched) -> Result<()> {
        self.before = tables(connection)?;
        self.altered = match touched.altered.first() {
            Some(table) => Some((table.clone(), columns(connection, table)?)),
            None => None,
        };
        Ok(())
    }

    fn after(&mut self, connection: &Connection, statement: DoneStatement<'_>) -> Result<()> {
        if !statement.touched.schema {
            return self.rows_changed(connection, statement);
        }
        self.keys.clear();
        self.tables_changed(connection)?;
        self.columns_changed(connection)?;
        // CREATE TABLE ... AS SELECT changes both.
        if let Some(copy) = self.copied(connection, statement)? {
            self.empty.remove(&fold(&copy.to));
            self.add(TableEffect::Copy(copy));
        }
        Ok(())
    }
}

/// The tables of `main`, by their row in the schema table: ALTER TABLE keeps it.
fn tables(connection: &Connection) -> Result<BTreeMap<i64, String>> {
    let mut statement = connection.prepare_cached(
        "SELECT rowid, name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Listed>> {
    let sql = format!("PRAGMA main.table_xinfo({})", literal(table));
    let mut statement = connection.prepare(&sql)?;
    let rows =
        statement.query_map([], |row| Ok(Listed { name: row.get(1)?, hidden: row.get(6)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The columns that a copy fills, each with the one that it takes its values from; `None` if the lists do not
/// fit, or if the statement names a column that is not there.
fn pairs(
    copy: &TableCopy,
    read: &[Listed],
    filled: &[Listed],
) -> Option<Vec<(String, Option<String>)>> {
    let mut sources: Vec<Option<String>> = Vec::new();
    for item in &copy.items {
        match item {
            CopyItem::All => {
                let visible = read.iter().filter(|it| it.hidden != 1);
                sources.extend(visible.map(|it| Some(it.name.clone())));
            }
            CopyItem::Column(name) => {
                let found = read.iter().find(|it| same(&it.name, name));
                sources.push(found.map(|it| it.name.clone()));
            }
            CopyItem::Expression => sources.push(None),
        }
    }
    let targets: Vec<String> = match &copy.columns {
        Some(names) => names.clone(),
        None => filled.iter().filter(|it| it.hidden == 0).map(|it| it.name.clone()).collect(),
    };
    (targets.len() == sources.len()).then(|| targets.into_iter().zip(sources).collect())
}

impl Lineage {
    /// Follows one effect of a data step.
    pub(super) fn follow(&mut self, effect: &TableEffect) {
        match effect {
            TableEffect::Rows { .. } => {}
            TableEffect::Create(table) | TableEffect::Drop(table) => self.forget(table),
            TableEffect::Rename { from, to } => self.rename_table(from, to),
            TableEffect::RenameColumn { table, from, to } => {
                if let Some(table) = self.table_mut(table) {
                    table.rename_column(from, to);
                }
            }
            TableEffect::AddColumn { table, column } => {
                if let Some(table) = self.table_mut(table) {
                    table.add_column(column);
                }
            }
            TableEffect::DropColumn { table, column } => {
                if let Some(table) = self.table_mut(table) {
                    table.drop_column(column);
                }
            }
            TableEffect::Copy(copy) => {
                let Some(source) = self.table(&copy.from) else { return };
                let origin = |from: &Option<String>| match from {
                    None => ColumnOrigin::Computed,
                    Some(from) => source
                        .column(from)
                        .map_or(ColumnOrigin::Computed, |column| column.origin.clone()),
                };
                let columns = copy.columns.iter().map(|(to, from)| (to.clone(), origin(from)));
                let copied = source.remade(columns.collect());
                self.insert(&copy.to, copied);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shadow::Shadow;
    use super::*;
    use crate::schema::read;

    fn shadow(schema: &str) -> Shadow {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        Shadow::of(&read(&connection).unwrap()).unwrap()
    }

    #[test]
    fn a_table_made_anew_comes_from_the_one_whose_rows_it_took() {
        let mut shadow =
            shadow("CREATE TABLE w(id INTEGER PRIMARY KEY, a TEXT, b); CREATE TABLE x(y)");
        let found = shadow
            .apply_data(
                "CREATE TABLE n(id INTEGER PRIMARY KEY, c TEXT NOT NULL, d DEFAULT 1);
                 INSERT INTO n(id, c) SELECT id, upper(a) FROM w;
                 DROP TABLE w; ALTER TABLE n RENAME TO w;
                 ALTER TABLE x RENAME COLUMN y TO z; ALTER TABLE x ADD COLUMN q; ALTER TABLE x RENAME TO xx;
                 CREATE TABLE helper(a); INSERT INTO helper VALUES (1); DROP TABLE helper",
            )
            .unwrap();
        let w = found.lineage.table("w").unwrap();
        assert!(w.remade && w.from == "w");
        assert_eq!(w.kept_as("id"), Some("id"));
        assert_eq!(w.kept_as("a"), None);
        let x = found.lineage.table("xx").unwrap();
        assert_eq!((x.from.as_str(), x.kept_as("y"), x.remade), ("x", Some("z"), false));
        assert!(found.lineage.table("helper").is_none() && found.lineage.table("n").is_none());
        assert!(found.lineage.table("x").is_none());
    }

    #[test]
    fn a_table_that_is_made_from_nothing_comes_from_nowhere() {
        let mut shadow = shadow("CREATE TABLE w(id INTEGER PRIMARY KEY, a)");
        let found = shadow
            .apply_data(
                "DROP TABLE w; CREATE TABLE w(id INTEGER PRIMARY KEY, a); INSERT INTO w VALUES (1, 2)",
            )
            .unwrap();
        assert!(found.lineage.table("w").is_none());
        assert_eq!(found.tables.len(), 3, "{:?}", found.tables);
    }
}
