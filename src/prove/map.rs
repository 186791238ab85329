//! The map: which renames, drops and changes of a foreign command are intended.
//!
//! ```toml
//! drops   = ["fits_files.old_note", "idx_old"]   # tables, columns, indexes, views, triggers
//! changed = ["sessions.date", "user_version"]    # tables, columns, views, triggers, indexes, properties of the file
//! [tables]
//! sessions = "imaging_sessions"
//! [columns]
//! "sessions.session_id" = "id"                   # names from before the command
//! [indexes]
//! idx_session = "idx_imaging_session"
//! ```

use std::path::{Path, PathBuf};

use toml_edit::{Item, TableLike};

use super::finding::{Finding, Property};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::name::same;
use crate::schema::{ObjectKind, Schema};
use crate::text::{line_at, toml};

const KEYS: [&str; 5] = ["tables", "columns", "indexes", "drops", "changed"];

/// What the pseudo-column of a table's row ids is called in `changed`.
const ROWID: &str = "rowid";

/// A name of the map with the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    text: String,
    line: usize,
}

/// A map as it is written; its names are looked up in a schema by [`MapFile::resolve`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapFile {
    path: PathBuf,
    tables: Vec<(Written, String)>,
    columns: Vec<(Written, String)>,
    indexes: Vec<(Written, String)>,
    drops: Vec<Written>,
    changed: Vec<Written>,
}

/// Something of the database before the command that the map names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapName {
    /// A table with everything that belongs to it.
    Table(String),
    /// A column of a table; the rowid where no column has that name.
    Column(String, String),
    /// An index, view or trigger.
    Object(ObjectKind, String),
    Property(Property),
}

/// The map with its names found in the schema before the command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeMap {
    /// Renamed tables: before, now.
    pub tables: Vec<(String, String)>,
    /// Renamed columns: table and column before, column now.
    pub columns: Vec<((String, String), String)>,
    /// Renamed indexes: before, now.
    pub indexes: Vec<(String, String)>,
    pub drops: Vec<MapName>,
    pub changed: Vec<MapName>,
}

impl MapFile {
    /// Reads a map.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with file, line and key.
    pub fn read(files: &dyn Files, path: &Path) -> Result<Self> {
        let bytes = files.read(path).map_err(|error| {
            let what = format!("the map {} cannot be read", path.display());
            Error::new(ErrorKind::Config, what).about("map").caused_by(error)
        })?;
        let text =
            String::from_utf8(bytes).map_err(|_| fault(path, 1, "the file is not UTF-8 text"))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let line_at = |offset| line_at(text, offset);
        let document = toml(text).map_err(|(line, what)| fault(path, line, &what))?;
        let reader = MapReader { path, line_at: &line_at };
        let mut map = Self { path: path.to_path_buf(), ..Self::default() };
        let root = document.as_table();
        for (key, item) in root.iter() {
            let line = reader.line(root, key);
            match key {
                "tables" => map.tables = reader.pairs(line, key, item)?,
                "columns" => map.columns = reader.pairs(line, key, item)?,
                "indexes" => map.indexes = reader.pairs(line, key, item)?,
                "drops" => map.drops = reader.names(line, key, item)?,
                "changed" => map.changed = reader.names(line, key, item)?,
                _ => {
                    let what =
                        format!("unknown key `{key}`; the known keys are {}", KEYS.join(", "));
                    return Err(fault(path, line, &what));
                }
            }
        }
        Ok(map)
    }

    /// Finds what the map names in the schema before the command.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with file and line for a name that the schema does not have.
    pub fn resolve(&self, schema: &Schema) -> Result<ChangeMap> {
        let missing = |name: &Written, what: &str| {
            let what = format!("the database has no {what} {}", name.text);
            Err(fault(&self.path, name.line, &what))
        };
        let mut map = ChangeMap::default();
        for (name, to) in &self.tables {
            match schema.find_table(&name.text) {
                Some(table) => map.tables.push((table.name.clone(), to.clone())),
                None => return missing(name, "table"),
            }
        }
        for (name, to) in &self.columns {
            match column(schema, &name.text) {
                Some(column) => map.columns.push((column, to.clone())),
                None => return missing(name, "column"),
            }
        }
        for (name, to) in &self.indexes {
            match schema.find(ObjectKind::Index, &name.text) {
                Some(index) => map.indexes.push((index.name.clone(), to.clone())),
                None => return missing(name, "index"),
            }
        }
        for (names, found) in [(&self.drops, &mut map.drops), (&self.changed, &mut map.changed)] {
            for name in names {
                match lookup(schema, &name.text) {
                    Some(it) => found.push(it),
                    None => return missing(name, "table, column, index, view or trigger"),
                }
            }
        }
        Ok(map)
    }
}

/// Splits `table.column` at the dot that gives a table and a column of it.
fn column(schema: &Schema, text: &str) -> Option<(String, String)> {
    text.match_indices('.').find_map(|(dot, _)| {
        let shape = schema.shape(&text[..dot])?;
        let column = shape.column(&text[dot + 1..])?;
        Some((shape.name.clone(), column.name.clone()))
    })
}

fn lookup(schema: &Schema, text: &str) -> Option<MapName> {
    if let Some(table) = schema.find_table(text) {
        return Some(MapName::Table(table.name.clone()));
    }
    for kind in [ObjectKind::Index, ObjectKind::View, ObjectKind::Trigger] {
        if let Some(object) = schema.find(kind, text) {
            return Some(MapName::Object(kind, object.name.clone()));
        }
    }
    if let Some((table, column)) = column(schema, text) {
        return Some(MapName::Column(table, column));
    }
    if let Some((table, _)) = text.rsplit_once('.').filter(|(_, column)| same(column, ROWID)) {
        return Some(MapName::Column(schema.find_table(table)?.name.clone(), ROWID.to_owned()));
    }
    let property = Property::ALL.into_iter().find(|it| same(it.name(), text))?;
    Some(MapName::Property(property))
}

impl ChangeMap {
    /// Returns the name that the map gives a table.
    pub fn table<'n>(&'n self, table: &'n str) -> &'n str {
        let renamed = self.tables.iter().find(|(from, _)| same(from, table));
        renamed.map_or(table, |(_, to)| to)
    }

    /// Returns the name that the map gives a column; the table by its name before.
    pub fn column<'n>(&'n self, table: &str, column: &'n str) -> &'n str {
        let mut columns = self.columns.iter();
        let renamed = columns.find(|((of, from), _)| same(of, table) && same(from, column));
        renamed.map_or(column, |(_, to)| to)
    }

    /// Returns whether the map names a column among the drops, or its table.
    pub fn drops_column(&self, table: &str, column: &str) -> bool {
        self.drops.iter().any(|it| match it {
            MapName::Table(name) => same(name, table),
            MapName::Column(of, name) => same(of, table) && same(name, column),
            MapName::Object(..) | MapName::Property(_) => false,
        })
    }

    /// Returns the columns of a table that the map drops.
    pub fn dropped_columns(&self, table: &str) -> Vec<&str> {
        let dropped = self.drops.iter().filter_map(|it| match it {
            MapName::Column(of, name) if same(of, table) => Some(name.as_str()),
            MapName::Column(..)
            | MapName::Table(_)
            | MapName::Object(..)
            | MapName::Property(_) => None,
        });
        dropped.collect()
    }

    /// Returns whether the map declares what was found.
    pub fn declares(&self, finding: &Finding) -> bool {
        let (drops, changed) = (&self.drops, &self.changed);
        match finding {
            Finding::Clone(_) | Finding::RenamedTable { .. } | Finding::RenamedColumn { .. } => {
                false
            }
            Finding::Property { property, .. } => changed.contains(&MapName::Property(*property)),
            Finding::Table { table, .. } => names_table(drops, table),
            Finding::Column { table, column, .. } => self.drops_column(table, column),
            Finding::Object { kind, name, table, change } => {
                let gone = !matches!(change, super::finding::ObjectChange::Differs { .. });
                let listed = if gone { drops } else { changed };
                listed.contains(&MapName::Object(*kind, name.clone()))
                    || names_table(drops, table)
                    || (kind.is_table() && names_table(listed, name))
            }
            Finding::Values { table, column, .. }
            | Finding::Definition { table, column: Some(column), .. } => {
                names_table(changed, table) || names_column(changed, table, column)
            }
            Finding::Rowids { table, .. } => {
                names_table(changed, table) || names_column(changed, table, ROWID)
            }
            Finding::Rows { table, .. }
            | Finding::Definition { table, column: None, .. }
            | Finding::Counter { table, .. }
            | Finding::Statistics { table, .. }
            | Finding::Orphans { table, .. } => {
                names_table(changed, table) || names_table(drops, table)
            }
        }
    }
}

fn names_table(names: &[MapName], table: &str) -> bool {
    names.iter().any(|it| matches!(it, MapName::Table(name) if same(name, table)))
}

fn names_column(names: &[MapName], table: &str, column: &str) -> bool {
    names
        .iter()
        .any(|it| matches!(it, MapName::Column(of, name) if same(of, table) && same(name, column)))
}

struct MapReader<'a> {
    path: &'a Path,
    line_at: &'a dyn Fn(usize) -> usize,
}

impl MapReader<'_> {
    fn line(&self, table: &dyn TableLike, key: &str) -> usize {
        let span = table.key(key).and_then(toml_edit::Key::span);
        span.map_or(1, |span| (self.line_at)(span.start))
    }

    fn pairs(&self, line: usize, key: &str, item: &Item) -> Result<Vec<(Written, String)>> {
        let what = format!("`{key}` is a table of names: old = \"new\"");
        let table = item.as_table_like().ok_or_else(|| fault(self.path, line, &what))?;
        let mut pairs = Vec::new();
        for (name, to) in table.iter() {
            let line = self.line(table, name);
            let to = to.as_str().filter(|it| !it.is_empty());
            let to = to.ok_or_else(|| fault(self.path, line, &what))?;
            pairs.push((Written { text: name.to_owned(), line }, to.to_owned()));
        }
        Ok(pairs)
    }

    fn names(&self, line: usize, key: &str, item: &Item) -> Result<Vec<Written>> {
        let what = format!("`{key}` is a list of names");
        let fail = |line| fault(self.path, line, &what);
        let array = item.as_array().ok_or_else(|| fail(line))?;
        let mut names = Vec::new();
        for value in array {
            let line = value.span().map_or(line, |span| (self.line_at)(span.start));
            let text = value.as_str().ok_or_else(|| fail(line))?.to_owned();
            names.push(Written { text, line });
        }
        Ok(names)
    }
}

fn fault(path: &Path, line: usize, what: &str) -> Error {
    let what = format!("{}:{line}: {what}", path.display());
    Error::new(ErrorKind::Config, what).at(path, line).about("map")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let sql = "CREATE TABLE sessions(session_id TEXT, date TEXT);
                   CREATE TABLE \"a.b\"(\"c.d\"); CREATE INDEX i ON sessions(date);
                   CREATE VIEW v AS SELECT 1";
        connection.execute_batch(sql).unwrap();
        crate::schema::read(&connection).unwrap()
    }

    fn resolve(text: &str) -> std::result::Result<ChangeMap, String> {
        let file = MapFile::parse(Path::new("m.toml"), text);
        file.and_then(|it| it.resolve(&schema())).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_found_in_the_schema_before() {
        let map = resolve(
            "drops = ['v', 'sessions.date', 'I']\nchanged = ['a.b.c.d', 'user_version', 'sessions.rowid']\n\
             [tables]\nSessions = 'imaging_sessions'\n[columns]\n'sessions.session_id' = 'id'\n",
        )
        .unwrap();
        assert_eq!(map.tables, [("sessions".to_owned(), "imaging_sessions".to_owned())]);
        assert_eq!(map.column("SESSIONS", "session_id"), "id");
        assert!(map.drops_column("sessions", "date"));
        assert_eq!(map.drops[2], MapName::Object(ObjectKind::Index, "i".to_owned()));
        let names = |one: &str, two: &str| MapName::Column(one.to_owned(), two.to_owned());
        assert_eq!(map.changed[0], names("a.b", "c.d"));
        assert_eq!(map.changed[1], MapName::Property(Property::UserVersion));
        assert_eq!(map.changed[2], names("sessions", "rowid"));
    }

    #[test]
    fn faults_name_file_and_line() {
        for (text, wanted) in [
            (
                "\ndrop = ['v']",
                "m.toml:2: unknown key `drop`; the known keys are tables, columns, indexes, drops, changed",
            ),
            (
                "drops = ['v',\n 'nothing']",
                "m.toml:2: the database has no table, column, index, view or trigger nothing",
            ),
            ("[tables]\nx = 'y'", "m.toml:2: the database has no table x"),
            ("[columns]\n'sessions.x' = 'y'", "m.toml:2: the database has no column sessions.x"),
            (
                "[columns]\n'sessions.date' = 1",
                "m.toml:2: `columns` is a table of names: old = \"new\"",
            ),
            ("drops = 'v'", "m.toml:1: `drops` is a list of names"),
        ] {
            assert_eq!(resolve(text).unwrap_err(), wanted);
        }
        assert!(resolve("a = [").unwrap_err().starts_with("m.toml:1: not TOML"));
    }
}
