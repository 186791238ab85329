//! What a tool recorded in a file: its version table is read and never written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rusqlite::Connection;

use super::{ImportedChain, Tool};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::name::{quote, same};
use crate::phase::{Applied, FolderFormat, PhaseId};
use crate::schema::{ObjectKind, Schema, Table};

#[derive(Debug, Clone)]
pub struct ToolRecord {
    /// The table that was read, or `user_version`.
    pub table: String,
    /// The phases of the chain that count as applied.
    pub applied: Applied,
}

/// Reads what the tool recorded in a file, in terms of the imported chain.
///
/// # Errors
/// [`ErrorKind::NotAdopted`] if the table is missing, if a migration failed half-way, or if a recorded one is not in
/// the folder.
pub fn recorded_by(
    tool: Tool,
    imported: &ImportedChain,
    connection: &Connection,
    schema: &Schema,
) -> Result<ToolRecord> {
    let reading = Reading { connection, imported };
    let Some((table, needed)) = table_of(tool) else {
        return reading.counted(tool);
    };
    let shape = schema.find_table(table).and_then(|it| schema.shape(&it.name));
    let Some(shape) = shape else {
        return Err(not_adopted(format!("the file has no table {table}, which {tool} keeps")));
    };
    if let Some(missing) = needed.iter().find(|it| shape.column(it).is_none()) {
        let what = format!("the table {table} has no column {missing}, as that of {tool} has");
        return Err(not_adopted(what));
    }
    let applied = match tool {
        Tool::Alembic => reading.heads(table)?,
        Tool::Django => {
            reading.django(&format!("SELECT app || '.' || name FROM {}", quote(table)))?
        }
        Tool::Folder(FolderFormat::Goose) => reading.goose(table)?,
        Tool::Folder(FolderFormat::Migrate) => reading.migrate(table)?,
        Tool::Folder(FolderFormat::Sqlx) => reading.sqlx(table)?,
        Tool::Folder(FolderFormat::Prisma) => reading.prisma(table)?,
        Tool::Folder(FolderFormat::Drizzle) => reading.drizzle(table)?,
        Tool::Folder(_) => {
            let sql = format!("SELECT CAST(version AS TEXT) FROM {}", quote(table));
            reading.of_keys(reading.texts(&sql)?)?
        }
    };
    Ok(ToolRecord { table: table.to_owned(), applied })
}

/// The version table of a tool, and the columns that are read.
fn table_of(tool: Tool) -> Option<(&'static str, &'static [&'static str])> {
    Some(match tool {
        Tool::Alembic => ("alembic_version", &["version_num"]),
        Tool::Django => ("django_migrations", &["app", "name"]),
        Tool::Folder(FolderFormat::Goose) => {
            ("goose_db_version", &["id", "version_id", "is_applied"])
        }
        Tool::Folder(FolderFormat::Migrate) => ("schema_migrations", &["version", "dirty"]),
        Tool::Folder(FolderFormat::Dbmate) => ("schema_migrations", &["version"]),
        Tool::Folder(FolderFormat::Sqlx) => ("_sqlx_migrations", &["version", "success"]),
        Tool::Folder(FolderFormat::Diesel) => ("__diesel_schema_migrations", &["version"]),
        Tool::Folder(FolderFormat::Refinery) => ("refinery_schema_history", &["version"]),
        Tool::Folder(FolderFormat::Prisma) => {
            ("_prisma_migrations", &["migration_name", "finished_at", "rolled_back_at"])
        }
        Tool::Folder(FolderFormat::Drizzle) => ("__drizzle_migrations", &["created_at"]),
        Tool::Folder(
            FolderFormat::RusqliteMigration | FolderFormat::Plain | FolderFormat::Phaseshift,
        ) => return None,
    })
}

/// Takes the tables out of a schema in which other tools record their migrations, unless another schema has them, too:
/// the tool writes them, and they are no drift.
pub fn without_records_of_tools(schema: &mut Schema, other: &Schema) {
    let tools = Tool::WORDS.iter().filter_map(|word| Tool::parse(word));
    let tables = tools.filter_map(table_of).filter(|(name, columns)| {
        let has = |table: &Table| columns.iter().all(|it| table.column(it).is_some());
        other.find_table(name).is_none() && schema.shape(name).is_some_and(has)
    });
    let tables: Vec<&str> = tables.map(|(name, _)| name).collect();
    schema.objects.retain(|it| {
        it.kind == ObjectKind::Trigger || !tables.iter().any(|name| same(name, &it.table))
    });
}

fn not_adopted(what: String) -> Error {
    Error::new(ErrorKind::NotAdopted, what)
}

struct Reading<'r> {
    connection: &'r Connection,
    imported: &'r ImportedChain,
}

impl Reading<'_> {
    fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
        let rows = rows.collect::<rusqlite::Result<Vec<Option<String>>>>()?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The phases with these keys; a key that no phase has is refused.
    fn of_keys(&self, keys: Vec<String>) -> Result<Applied> {
        let known: HashMap<&str, &PhaseId> =
            self.imported.phases.iter().map(|it| (it.key.as_str(), &it.id)).collect();
        let unknown: Vec<&str> =
            keys.iter().map(String::as_str).filter(|it| !known.contains_key(it)).collect();
        if let Some(first) = unknown.first() {
            let first = first.escape_debug();
            let what =
                format!("the file records the migration {first}, which is not in the folder");
            return Err(not_adopted(what).problems(unknown));
        }
        Ok(keys.iter().filter_map(|it| known.get(it.as_str()).map(|id| (*id).clone())).collect())
    }

    /// The apps that Django brings along are not part of the project.
    fn django(&self, sql: &str) -> Result<Applied> {
        let known: HashSet<&str> = self.imported.phases.iter().map(|it| app_of(&it.key)).collect();
        let keys = self.texts(sql)?.into_iter().filter(|it| known.contains(app_of(it)));
        self.of_keys(keys.collect())
    }

    /// The recorded revisions and all before them.
    fn heads(&self, table: &str) -> Result<Applied> {
        let heads = self.texts(&format!("SELECT version_num FROM {}", quote(table)))?;
        let heads = self.of_keys(heads)?;
        let mut applied = heads.clone();
        for head in heads.ids() {
            self.imported.chain.ancestors(head).into_iter().for_each(|id| applied.add(id));
        }
        Ok(applied)
    }

    /// The last row of each version says whether it is applied; version 0 stands for the table itself.
    fn goose(&self, table: &str) -> Result<Applied> {
        let sql = format!(
            "SELECT CAST(version_id AS TEXT), is_applied FROM {} ORDER BY id",
            quote(table)
        );
        let mut last: BTreeMap<String, bool> = BTreeMap::new();
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            last.insert(row.get(0)?, row.get(1)?);
        }
        let keys = last.into_iter().filter(|(key, applied)| *applied && key != "0");
        self.of_keys(keys.map(|(key, _)| key).collect())
    }

    /// One row: everything up to this version is applied, unless the last migration failed.
    fn migrate(&self, table: &str) -> Result<Applied> {
        let sql = format!("SELECT CAST(version AS TEXT), dirty FROM {}", quote(table));
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok(Applied::nothing()) };
        let (version, dirty): (String, bool) = (row.get(0)?, row.get(1)?);
        if dirty {
            let what = format!("the migration {version} failed half-way: {table} calls it dirty");
            return Err(not_adopted(what).problems([version]));
        }
        self.of_keys(vec![version.clone()])?;
        let place = self.imported.phases.iter().position(|it| it.key == version);
        let phases = self.imported.phases.iter().take(place.map_or(0, |it| it + 1));
        Ok(phases.map(|it| it.id.clone()).collect())
    }

    fn sqlx(&self, table: &str) -> Result<Applied> {
        let table = quote(table);
        let failed = self.texts(&format!(
            "SELECT CAST(version AS TEXT) FROM {table} WHERE success IS NOT 1 ORDER BY version"
        ))?;
        refuse_failed(&failed)?;
        self.of_keys(self.texts(&format!("SELECT CAST(version AS TEXT) FROM {table}"))?)
    }

    fn prisma(&self, table: &str) -> Result<Applied> {
        let table = quote(table);
        let failed = self.texts(&format!(
            "SELECT migration_name FROM {table} WHERE finished_at IS NULL AND rolled_back_at IS NULL"
        ))?;
        refuse_failed(&failed)?;
        self.of_keys(self.texts(&format!(
            "SELECT migration_name FROM {table} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
        ))?)
    }

    /// Drizzle looks at the newest row alone, and takes everything older for applied.
    fn drizzle(&self, table: &str) -> Result<Applied> {
        let sql = format!("SELECT max(CAST(created_at AS INTEGER)) FROM {}", quote(table));
        let last: Option<i64> = self.connection.query_row(&sql, [], |row| row.get(0))?;
        let Some(last) = last else { return Ok(Applied::nothing()) };
        let stamp = |key: &str| key.parse::<i64>().ok();
        let phases = self.imported.phases.iter();
        Ok(phases
            .filter(|it| stamp(&it.key).is_some_and(|it| it <= last))
            .map(|it| it.id.clone())
            .collect())
    }

    /// `user_version` counts what is applied.
    fn counted(&self, tool: Tool) -> Result<ToolRecord> {
        if tool != Tool::Folder(FolderFormat::RusqliteMigration) {
            let what = format!("{tool} records nothing in a file: stamp says what is applied");
            return Err(not_adopted(what));
        }
        let sql = "SELECT user_version FROM pragma_user_version";
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        let phases = &self.imported.phases;
        let count =
            usize::try_from(count).ok().filter(|it| *it <= phases.len()).ok_or_else(|| {
                let what = format!(
                    "the file records {count} migrations in user_version, the folder has {}",
                    phases.len()
                );
                not_adopted(what)
            })?;
        let applied = phases.iter().take(count).map(|it| it.id.clone()).collect();
        Ok(ToolRecord { table: "user_version".to_owned(), applied })
    }
}

fn app_of(key: &str) -> &str {
    key.split_once('.').map_or(key, |(app, _)| app)
}

fn refuse_failed(failed: &[String]) -> Result<()> {
    match failed.first() {
        None => Ok(()),
        Some(first) => {
            let what = format!("the migration {} failed half-way", first.escape_debug());
            Err(not_adopted(what).problems(failed.iter().map(String::as_str)))
        }
    }
}

/// When each entry of drizzle's journal was made, by its name: drizzle records this.
pub(super) fn journal_stamps(files: &dyn Files, folder: &Path) -> Result<HashMap<String, String>> {
    let path = folder.join("meta").join("_journal.json");
    let Some(bytes) = files.content_if_there(&path)? else { return Ok(HashMap::new()) };
    let journal: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let entries = journal.get("entries").and_then(serde_json::Value::as_array);
    let stamp = |entry: &serde_json::Value| {
        let tag = entry.get("tag")?.as_str()?.to_owned();
        Some((tag, entry.get("when")?.as_i64()?.to_string()))
    };
    Ok(entries.into_iter().flatten().filter_map(stamp).collect())
}
