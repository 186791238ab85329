//! Reading a schema from an open database. Nothing is parsed here: SQLite reports the shapes.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::model::{Column, ColumnStorage, ForeignKey, RowKey, Schema, Table};
use super::objects::Object;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, literal, same};
use crate::sql::ObjectKind;

/// Returns the TEMP triggers of a connection: name and table.
pub fn temporary_triggers(connection: &Connection) -> Result<Vec<(String, String)>> {
    let sql = "SELECT name, tbl_name FROM temp.sqlite_schema WHERE type = 'trigger'";
    let mut statement = connection.prepare(sql)?;
    let triggers = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(triggers.collect::<rusqlite::Result<_>>()?)
}

/// Reads the whole schema of `main`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] if a name or a text is not valid UTF-8 or an object has an unknown
/// type; [`ErrorKind::Damaged`] and others as SQLite reports them.
pub fn read(connection: &Connection) -> Result<Schema> {
    read_again(connection, &Schema::default())
}

/// Reads the schema of `main` where most of it may be as it was: SQLite is asked only about tables whose text differs.
/// What a text makes of an ordinary table depends on nothing else.
pub fn read_again(connection: &Connection, before: &Schema) -> Result<Schema> {
    let kinds = table_kinds(connection)?;
    let mut schema = Schema::default();
    for object in stored_objects(connection, &kinds)? {
        if object.kind.is_table() {
            let facts = kinds.get(&fold(&object.name)).copied().unwrap_or_default();
            let table = match known_shape(before, &object) {
                Some(table) => table.clone(),
                None => shape(connection, &object, facts)?,
            };
            schema.tables.insert(fold(&object.name), table);
        }
        schema.add(object);
    }
    Ok(schema)
}

/// Reads the objects of `main` without the shapes of its tables.
pub fn read_objects(connection: &Connection) -> Result<Schema> {
    let mut schema = Schema::default();
    stored_objects(connection, &table_kinds(connection)?)?
        .into_iter()
        .for_each(|it| schema.add(it));
    Ok(schema)
}

/// Reads what `main` stores, without the shapes of its tables; shadow tables count as ordinary ones.
pub fn read_entries(connection: &Connection) -> Result<Schema> {
    let mut schema = Schema::default();
    stored_objects(connection, &HashMap::new())?.into_iter().for_each(|it| schema.add(it));
    Ok(schema)
}

fn known_shape<'b>(before: &'b Schema, object: &Object) -> Option<&'b Table> {
    let known = before.find(ObjectKind::Table, &object.name)?;
    let same = known.kind == object.kind && known.name == object.name && known.sql == object.sql;
    before.shape(&object.name).filter(|_| same && object.sql.is_some())
}

/// What `pragma_table_list` tells about a table.
#[derive(Debug, Clone, Copy, Default)]
struct TableFacts {
    shadow: bool,
    without_rowid: bool,
    strict: bool,
}

/// Lets SQLite find the columns of each view. `table_list` begins at the first table again for each view whose columns
/// are not known yet.
fn know_views(connection: &Connection) -> Result<()> {
    let mut statement =
        connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'view'")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = text_of(row.get_ref(0)?, "the name of a view")?;
        // A view that does not compile is passed over by `table_list`, too.
        drop(connection.prepare(&format!("PRAGMA main.table_xinfo({})", literal(&name))));
    }
    Ok(())
}

fn table_kinds(connection: &Connection) -> Result<HashMap<String, TableFacts>> {
    know_views(connection)?;
    let mut statement = connection
        .prepare("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")?;
    let mut rows = statement.query([])?;
    let mut kinds = HashMap::new();
    while let Some(row) = rows.next()? {
        let name = text_of(row.get_ref(0)?, "the name of a table")?;
        let facts = TableFacts {
            shadow: text_of(row.get_ref(1)?, "the type of a table")? == "shadow",
            without_rowid: row.get::<_, i64>(2)? != 0,
            strict: row.get::<_, i64>(3)? != 0,
        };
        kinds.insert(fold(&name), facts);
    }
    Ok(kinds)
}

fn stored_objects(
    connection: &Connection,
    kinds: &HashMap<String, TableFacts>,
) -> Result<Vec<Object>> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    let mut objects = Vec::new();
    while let Some(row) = rows.next()? {
        let name = text_of(row.get_ref(1)?, "the name of an object")?;
        let table = text_of(row.get_ref(2)?, &name)?;
        let root = row.get::<_, Option<i64>>(3)?.unwrap_or(0);
        let sql = match row.get_ref(4)? {
            ValueRef::Null => None,
            value => Some(text_of(value, &name)?),
        };
        let shadow = kinds.get(&fold(&name)).is_some_and(|facts| facts.shadow);
        let kind = match text_of(row.get_ref(0)?, &name)?.as_str() {
            "table" if root == 0 => ObjectKind::VirtualTable,
            "table" if shadow => ObjectKind::ShadowTable,
            "table" => ObjectKind::Table,
            "index" => ObjectKind::Index,
            "view" => ObjectKind::View,
            "trigger" => ObjectKind::Trigger,
            other => {
                let what = format!("the schema holds an object of unknown type {other}");
                return Err(Error::new(ErrorKind::Unsupported, what).about(&name));
            }
        };
        objects.push(Object { kind, name, table, sql, root });
    }
    Ok(objects)
}

fn text_of(value: ValueRef<'_>, object: &str) -> Result<String> {
    let bytes = match value {
        ValueRef::Text(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
            let what = format!("the schema entry of {object} is not text");
            return Err(Error::new(ErrorKind::Damaged, what).about(object));
        }
    };
    String::from_utf8(bytes.to_vec()).map_err(|error| {
        let shown = String::from_utf8_lossy(bytes).chars().take(60).collect::<String>();
        let what = format!("the schema holds text that is not UTF-8: {shown}");
        Error::new(ErrorKind::Unsupported, what).about(object).caused_by(error)
    })
}

fn shape(connection: &Connection, object: &Object, facts: TableFacts) -> Result<Table> {
    let columns = columns(connection, &object.name).or_else(|error| {
        // A virtual table of an unknown module has no columns that anybody could see.
        if object.kind == ObjectKind::VirtualTable { Ok(Vec::new()) } else { Err(error) }
    })?;
    let key = if object.kind == ObjectKind::VirtualTable {
        RowKey::Module
    } else if facts.without_rowid {
        RowKey::PrimaryKey(primary_key(&columns))
    } else {
        rowid_key(connection, &object.name, &columns)?
    };
    let foreign_keys = foreign_keys(connection, object)?;
    Ok(Table { name: object.name.clone(), columns, key, strict: facts.strict, foreign_keys })
}

/// Reads the foreign keys; SQLite lists the last declared one first.
fn foreign_keys(connection: &Connection, object: &Object) -> Result<Vec<ForeignKey>> {
    let text = object.sql.as_deref().unwrap_or_default();
    // Only to save a query: a word in a comment costs nothing but that.
    if !text.to_ascii_uppercase().contains("REFERENCES") {
        return Ok(Vec::new());
    }
    let sql = format!("PRAGMA main.foreign_key_list({})", literal(&object.name));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let field = |index: usize| -> Result<Option<String>> {
            match row.get_ref(index)? {
                ValueRef::Null => Ok(None),
                value => text_of(value, &object.name).map(Some),
            }
        };
        let key = keys.entry(-row.get::<_, i64>(0)?).or_insert(ForeignKey {
            parent: field(2)?.unwrap_or_default(),
            columns: Vec::new(),
            parent_columns: Vec::new(),
            actions: (
                field(5)?.unwrap_or_default(),
                field(6)?.unwrap_or_default(),
                field(7)?.unwrap_or_default(),
            ),
        });
        key.columns.push(field(3)?.unwrap_or_default());
        key.parent_columns.extend(field(4)?);
    }
    Ok(keys.into_values().collect())
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    // A pragma, not the table-valued function: the function is slower on thousands of tables.
    let sql = format!("PRAGMA main.table_xinfo({})", literal(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let name = text_of(row.get_ref(1)?, table)?;
        let default = match row.get_ref(4)? {
            ValueRef::Null => None,
            value => Some(text_of(value, table)?),
        };
        let storage = match row.get::<_, i64>(6)? {
            0 => ColumnStorage::Stored,
            1 => ColumnStorage::Hidden,
            2 => ColumnStorage::Virtual,
            _ => ColumnStorage::Generated,
        };
        columns.push(Column {
            name,
            declared: text_of(row.get_ref(2)?, table)?,
            not_null: row.get::<_, i64>(3)? != 0,
            default,
            key: usize::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
            storage,
        });
    }
    Ok(columns)
}

/// Returns how the rows of a table are identified; `None` if there is no such table.
pub fn row_key(connection: &Connection, table: &str) -> Result<Option<RowKey>> {
    let sql = "SELECT type, wr FROM pragma_table_list(?1) WHERE schema = 'main'";
    let found = connection
        .prepare_cached(sql)?
        .query_row([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)));
    let (kind, without_rowid) = match found {
        Ok(found) => found,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if kind == "virtual" {
        return Ok(Some(RowKey::Module));
    }
    let columns = columns(connection, table)?;
    if without_rowid {
        return Ok(Some(RowKey::PrimaryKey(primary_key(&columns))));
    }
    rowid_key(connection, table, &columns).map(Some)
}

fn primary_key(columns: &[Column]) -> Vec<String> {
    let keyed: BTreeMap<usize, &str> = columns
        .iter()
        .filter(|column| column.key > 0)
        .map(|column| (column.key, column.name.as_str()))
        .collect();
    keyed.into_values().map(ToOwned::to_owned).collect()
}

/// Chooses the name under which the rowid can be read: the INTEGER PRIMARY KEY column, or the
/// first of rowid, _rowid_ and oid that is no column (<https://sqlite.org/lang_createtable.html#rowid>).
fn rowid_key(connection: &Connection, table: &str, columns: &[Column]) -> Result<RowKey> {
    let key = primary_key(columns);
    if let [only] = key.as_slice()
        && is_rowid_alias(connection, table, columns, only)?
    {
        return Ok(RowKey::Rowid(only.clone()));
    }
    let free = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| same(&column.name, name)));
    Ok(free.map_or(RowKey::HiddenRowid, |name| RowKey::Rowid(name.to_owned())))
}

/// A lone primary key column of type INTEGER is the rowid, unless it is declared DESC, in which
/// case it has an automatic index of origin `pk`.
fn is_rowid_alias(
    connection: &Connection,
    table: &str,
    columns: &[Column],
    key: &str,
) -> Result<bool> {
    let integer = columns
        .iter()
        .any(|column| same(&column.name, key) && column.declared.eq_ignore_ascii_case("INTEGER"));
    if !integer {
        return Ok(false);
    }
    let sql = format!("PRAGMA main.index_list({})", literal(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, String>(3)? == "pk" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
