//! How the rows of `sqlite_stat1` and `sqlite_stat4` follow renames.
//!
//! SQLite's own RENAME leaves them under the old names
//! (<https://sqlite.org/fileformat2.html#the_sqlite_stat1_table>).

use crate::name::literal;
use crate::text::list;

/// An index and the name it has afterwards; `None` if it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexMove {
    /// The table before.
    pub table: String,
    /// The index before. The primary key of a WITHOUT ROWID table goes by the table's name.
    pub from: String,
    /// The index after.
    pub to: Option<String>,
}

/// How statistics follow one change of the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatisticsMove {
    /// The statistics tables that exist.
    pub tables: Vec<String>,
    /// Tables and their names afterwards; `None` if they go.
    pub renamed: Vec<(String, Option<String>)>,
    /// Indexes and their names afterwards.
    pub indexes: Vec<IndexMove>,
    /// Tables and indexes that are dropped and made again under their names.
    pub parked: Vec<Parked>,
}

/// Something whose rows would go with it when it is dropped, though it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parked {
    /// An index that is dropped and created again.
    Index(String),
    /// A table behind a virtual table that is created again.
    Table(String),
}

const PARKED: &str = "phaseshift parked: ";

impl Parked {
    /// The column of a statistics table that names it, and its name.
    fn place(&self) -> (&'static str, &str) {
        match self {
            Self::Index(name) => ("idx", name),
            Self::Table(name) => ("tbl", name),
        }
    }
}

impl StatisticsMove {
    /// Returns the statements, one set for each statistics table. All renames happen in one
    /// UPDATE, so that names may be swapped.
    pub fn sql(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for table in &self.tables {
            statements.extend(self.deletions(table));
            statements.extend(self.index_renames(table));
            statements.extend(self.table_renames(table));
            statements.extend(self.parked.iter().map(|it| {
                let (column, name) = it.place();
                format!(
                    "UPDATE main.{table} SET {column} = {} WHERE {column} = {}",
                    literal(&format!("{PARKED}{name}")),
                    literal(name)
                )
            }));
        }
        statements
    }

    /// Returns the statements that give parked rows their names back.
    pub fn unpark_sql(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for table in &self.tables {
            for (column, name) in self.parked.iter().map(Parked::place) {
                statements.push(format!(
                    "UPDATE main.{table} SET {column} = {} WHERE {column} = {}",
                    literal(name),
                    literal(&format!("{PARKED}{name}"))
                ));
            }
        }
        statements
    }

    fn deletions(&self, statistics: &str) -> Vec<String> {
        let gone_tables = self.renamed.iter().filter(|(_, to)| to.is_none()).map(|(from, _)| {
            format!("DELETE FROM main.{statistics} WHERE tbl = {}", literal(from))
        });
        let gone_indexes = self.indexes.iter().filter(|it| it.to.is_none()).map(|it| {
            format!(
                "DELETE FROM main.{statistics} WHERE tbl = {} AND idx = {}",
                literal(&it.table),
                literal(&it.from)
            )
        });
        gone_tables.chain(gone_indexes).collect()
    }

    fn index_renames(&self, statistics: &str) -> Option<String> {
        let moves: Vec<_> = self
            .indexes
            .iter()
            .filter_map(|it| Some((it, it.to.as_deref()?)))
            .filter(|(it, to)| it.from != *to)
            .collect();
        if moves.is_empty() {
            return None;
        }
        let mut cases = String::new();
        for (it, to) in &moves {
            cases.push_str(&format!(
                " WHEN tbl = {} AND idx = {} THEN {}",
                literal(&it.table),
                literal(&it.from),
                literal(to)
            ));
        }
        let names = list(moves.iter().map(|(it, _)| literal(&it.from)));
        Some(format!(
            "UPDATE main.{statistics} SET idx = CASE{cases} ELSE idx END WHERE idx IN ({names})"
        ))
    }

    fn table_renames(&self, statistics: &str) -> Option<String> {
        let moves: Vec<_> = self
            .renamed
            .iter()
            .filter_map(|(from, to)| Some((from, to.as_ref()?)))
            .filter(|(from, to)| from != to)
            .collect();
        if moves.is_empty() {
            return None;
        }
        let mut cases = String::new();
        for (from, to) in &moves {
            cases.push_str(&format!(" WHEN {} THEN {}", literal(from), literal(to)));
        }
        let names = list(moves.iter().map(|(from, _)| literal(from)));
        Some(format!(
            "UPDATE main.{statistics} SET tbl = CASE tbl{cases} END WHERE tbl IN ({names})"
        ))
    }
}
