//! Trying rows out: SQLite copies them into a temporary twin of the new table and leaves out what breaks
//! a rule. The database file is only read.

use rusqlite::Connection;

use crate::database::{passing_stubs, with_progress, with_strict_names};

use crate::error::words;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Stage;
use crate::name::{in_main, literal, quote};
use crate::plan::CopyQuery;
use crate::rows::{count_rows, show};
use crate::schema::{ColumnStorage, Object, RowKey, Table};
use crate::sql::edit::{self, ColumnChange, index_condition};
use crate::sql::{CreateTable, TableOptionKind, significant_tokens};
use crate::text::{agree, counted, rows};

const TWIN: &str = "phaseshift_trial";

/// How many sample keys a report shows.
const SAMPLES: usize = 5;

#[derive(Debug)]
pub(super) struct TrialCopy<'a> {
    /// The table that the rows are in.
    pub(super) from: &'a str,
    /// The text of the new table.
    pub(super) sql: &'a str,
    pub(super) copy: &'a CopyQuery,
    pub(super) old: &'a Table,
    pub(super) new: &'a Table,
    /// Unique indexes that are new.
    pub(super) indexes: Vec<&'a Object>,
}

/// Rows that do not fit the new table.
pub(super) struct Misfit {
    pub(super) what: String,
    /// The new column that must not be NULL and that nothing gives a value.
    pub(super) unfilled: Option<String>,
}

impl From<String> for Misfit {
    fn from(what: String) -> Self {
        Self { what, unfilled: None }
    }
}

/// Copies the rows into a twin and reports what is left out, one line for each rule.
pub(super) fn try_rows(connection: &Connection, trial: &TrialCopy<'_>) -> Result<Vec<Misfit>> {
    let twin = format!("DROP TABLE IF EXISTS temp.{TWIN}");
    connection.execute_batch(&twin)?;
    let found = with_strict_names(connection, || trial.run(connection));
    connection.execute_batch(&twin)?;
    found
}

/// Counts the rows in which a column that becomes generated gets another value than it is stored with: SQLite
/// computes it in a twin of the new table, beside the stored one.
pub(super) fn count_replaced(
    connection: &Connection,
    trial: &TrialCopy<'_>,
    (old, new): (&str, &str),
) -> Result<u64> {
    // `query_only` forbids temporary tables, too (https://sqlite.org/pragma.html#pragma_query_only).
    let looks_only: bool = connection.query_row("PRAGMA query_only", [], |row| row.get(0))?;
    connection.execute_batch("PRAGMA query_only=OFF")?;
    let counted = with_strict_names(connection, || count_in_twin(connection, trial, (old, new)));
    connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{TWIN}"))?;
    if looks_only {
        connection.execute_batch("PRAGMA query_only=ON")?;
    }
    counted
}

fn count_in_twin(
    connection: &Connection,
    trial: &TrialCopy<'_>,
    (old, new): (&str, &str),
) -> Result<u64> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{TWIN}"))?;
    connection.execute_batch(&trial.twin_text()?)?;
    let mut copy = trial.copy.clone();
    let stored = quote(&copy.carry(old));
    connection.execute_batch(&format!("ALTER TABLE temp.{TWIN} ADD COLUMN {stored}"))?;
    let insert = copy.insert(&format!("INSERT OR IGNORE INTO temp.{TWIN}"), &in_main(trial.from));
    let rows = count_rows(connection, trial.from)?;
    with_progress(connection, (Stage::Preflight, trial.from), (&insert, rows), || {
        connection.execute_batch(&insert)
    })?;
    let computed = quote(new);
    let sql = format!(
        "SELECT count(*) FROM temp.{TWIN} WHERE typeof({stored}) <> typeof({computed}) \
         OR {stored} COLLATE BINARY IS NOT {computed}"
    );
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A column of a unique key, and how it is compared in it.
struct KeyColumn {
    name: String,
    collation: String,
}

/// A unique key without expressions, and which rows a partial index covers.
struct UniqueKey {
    columns: Vec<KeyColumn>,
    condition: Option<String>,
}

impl TrialCopy<'_> {
    fn run(&self, connection: &Connection) -> Result<Vec<Misfit>> {
        let refused = |error: rusqlite::Error| {
            let what = format!("the new definition of {} cannot be tried out", self.from);
            Error::from(error).during(ErrorKind::Rows, &what).about(self.from)
        };
        connection.execute_batch(&self.twin_text()?).map_err(refused)?;
        for (number, index) in self.indexes.iter().enumerate() {
            let text = index.sql.as_deref().unwrap_or_default();
            let text = edit::retarget_index(text, &format!("{TWIN}_{number}"), TWIN)
                .map_err(|error| Error::new(ErrorKind::Unsupported, error.to_string()))?;
            connection.execute_batch(&text).map_err(refused)?;
        }
        let insert =
            self.copy.insert(&format!("INSERT OR IGNORE INTO temp.{TWIN}"), &in_main(self.from));
        let rows = count_rows(connection, self.from)?;
        let copy = || connection.execute_batch(&insert);
        if let Err(error) =
            with_progress(connection, (Stage::Preflight, self.from), (&insert, rows), copy)
        {
            let Some(row) = self.failing_row(connection, rows)? else {
                return Err(refused(error));
            };
            let reason = words(&error);
            let verb = if std::ptr::eq(self.old, self.new) { "indexed" } else { "carried over" };
            let what = format!("the row of {} with {row} cannot be {verb}: {reason}", self.from);
            return Err(Error::from(error).during(ErrorKind::Rows, &what).about(self.from));
        }
        let mut problems = self.left_out(connection)?;
        if self.new.strict {
            problems.extend(self.wrong_types(connection)?.into_iter().map(Misfit::from));
        }
        problems.extend(self.invented_keys(connection)?.map(Misfit::from));
        Ok(problems)
    }

    /// Finds the first row, in the order of its key, that cannot be copied, by halves. `None` if rows have no key of one
    /// column, or if no row fails alone.
    fn failing_row(&self, connection: &Connection, rows: u64) -> Result<Option<String>> {
        let Some(key) = key_of(self.old) else { return Ok(None) };
        let (table, key_name) = (in_main(self.from), quote(&key));
        let fails = |start: u64, count: u64| -> Result<bool> {
            let part = format!(
                "(SELECT {key_name}, * FROM {table} WHERE {key_name} IN (SELECT {key_name} FROM {table} \
                 ORDER BY {key_name} LIMIT {count} OFFSET {start}))"
            );
            connection.execute_batch(&format!("DELETE FROM temp.{TWIN}"))?;
            let insert = self.copy.insert(&format!("INSERT OR IGNORE INTO temp.{TWIN}"), &part);
            Ok(connection.execute_batch(&insert).is_err())
        };
        let (mut start, mut count) = (0, rows);
        while count > 1 {
            let half = count / 2;
            if fails(start, half)? {
                count = half;
            } else {
                (start, count) = (start + half, count - half);
            }
        }
        if count == 0 || !fails(start, 1)? {
            return Ok(None);
        }
        let query =
            format!("SELECT {key_name} FROM {table} ORDER BY {key_name} LIMIT 1 OFFSET {start}");
        Ok(Some(
            connection
                .query_row(&query, [], |row| Ok(format!("{key} {}", show(row.get_ref(0)?))))?,
        ))
    }

    /// The new table's text as a temporary table. A STRICT table would stop at the first wrong
    /// type instead of leaving rows out; the types are counted afterwards.
    fn twin_text(&self) -> Result<String> {
        let unreadable =
            |error: crate::sql::SqlError| Error::new(ErrorKind::Unsupported, error.to_string());
        let mut text = self.sql.to_owned();
        if self.new.strict {
            for column in
                self.new.columns.iter().filter(|it| it.declared.eq_ignore_ascii_case("ANY"))
            {
                let untyped =
                    ColumnChange { type_name: Some(String::new()), ..ColumnChange::default() };
                text = edit::alter_column(&text, &column.name, &untyped).map_err(unreadable)?;
            }
            text = without_strict(&text).map_err(unreadable)?;
        }
        text = edit::rename_object(&text, TWIN).map_err(unreadable)?;
        let create = significant_tokens(&text).next().map_or(0, |token| token.end);
        text.insert_str(create, " TEMP");
        Ok(text)
    }

    fn left_out(&self, connection: &Connection) -> Result<Vec<Misfit>> {
        let all = count_rows(connection, self.from)?;
        let kept: i64 =
            connection
                .query_row(&format!("SELECT count(*) FROM temp.{TWIN}"), [], |row| row.get(0))?;
        let lost = all.saturating_sub(u64::try_from(kept).unwrap_or(0));
        if lost == 0 {
            // The twin is not STRICT and takes NULL in a primary key (<https://sqlite.org/stricttables.html>).
            return if self.new.strict { self.nulls(connection) } else { Ok(Vec::new()) };
        }
        let mut problems = self.nulls(connection)?;
        problems.extend(self.duplicates(connection)?.into_iter().map(Misfit::from));
        let found = self.sample_keys(connection)?;
        if problems.is_empty() {
            let breaks = agree(lost, "breaks", "break");
            let rule = self.rule(connection).map(|it| format!(": {it}")).unwrap_or_default();
            let lost = rows(lost);
            let what =
                format!("{lost} of {} {breaks} a rule of the new definition{rule}", self.from);
            problems.push(what.into());
        }
        if let Some((samples, shown)) = found {
            let more = match lost.saturating_sub(shown) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            problems.push(format!("{}: rows that do not fit: {samples}{more}", self.from).into());
        }
        Ok(problems)
    }

    /// Names the rule that the first row breaks that was left out, in SQLite's words.
    fn rule(&self, connection: &Connection) -> Option<String> {
        let (old, new) = (quote(&key_of(self.old)?), quote(&key_of(self.new)?));
        let row = format!(
            "(SELECT {old}, * FROM {} WHERE {old} NOT IN (SELECT {new} FROM temp.{TWIN}) LIMIT 1)",
            in_main(self.from)
        );
        let insert = self.copy.insert(&format!("INSERT INTO temp.{TWIN}"), &row);
        let refused = connection.execute_batch(&insert).err();
        refused.map(|error| words(&error).replace(TWIN, &self.new.name))
    }

    /// The rows as they would be in the new table, under its column names.
    fn source(&self) -> String {
        self.copy.select(&in_main(self.from))
    }

    fn nulls(&self, connection: &Connection) -> Result<Vec<Misfit>> {
        let mut problems = Vec::new();
        for column in self.new.columns.iter().filter(|it| it.not_null && it.is_writable()) {
            let given = self.copy.columns.iter().any(|(to, _)| *to == column.name);
            let count: i64 = if given {
                self.count_nulls(connection, &column.name)?
            } else if column.default.is_none() {
                i64::try_from(count_rows(connection, self.from)?).unwrap_or(i64::MAX)
            } else {
                0
            };
            if count > 0 {
                let what = format!(
                    "{}.{} would be NULL in {}, but must not be NULL",
                    self.new.name,
                    column.name,
                    rows(count)
                );
                let unfilled = (!given).then(|| column.name.clone());
                problems.push(Misfit { what, unfilled });
            }
        }
        Ok(problems)
    }

    /// Counts the rows that would have NULL in a column of the new table. A query in brackets needs the
    /// collations of its columns even if nothing is compared, and one may be missing here. The rows were
    /// copied without it, so that no value depends on it.
    fn count_nulls(&self, connection: &Connection, column: &str) -> Result<i64> {
        let rows = self.source();
        let sql = format!("SELECT count(*) FROM ({rows}) WHERE {} IS NULL", quote(column));
        Ok(passing_stubs(connection, |it| it.query_row(&sql, [], |row| row.get(0)))?)
    }

    /// NULL in an INTEGER PRIMARY KEY is no value to SQLite but a wish for a new key
    /// (<https://sqlite.org/autoinc.html>).
    fn invented_keys(&self, connection: &Connection) -> Result<Option<String>> {
        let Some(alias) = self.new.rowid_alias() else { return Ok(None) };
        if !self.copy.columns.iter().any(|(to, _)| *to == alias.name) {
            return Ok(None);
        }
        let count = self.count_nulls(connection, &alias.name)?;
        Ok((count > 0).then(|| {
            format!(
                "{}.{} would be NULL in {} and get new keys there",
                self.new.name,
                alias.name,
                rows(count)
            )
        }))
    }

    /// Groups of rows that share the columns of a unique key without expressions, compared as the key does.
    fn duplicates(&self, connection: &Connection) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for key in self.unique_keys(connection)? {
            let given = |it: &KeyColumn| self.copy.columns.iter().any(|(to, _)| *to == it.name);
            if key.columns.is_empty() || !key.columns.iter().all(given) {
                continue;
            }
            let (groups, samples) =
                passing_stubs(connection, |it| self.groups_of_equals(it, &key))?;
            if groups > 0 {
                let names: Vec<&str> = key.columns.iter().map(|it| it.name.as_str()).collect();
                problems.push(format!(
                    "{} has duplicate keys: {} of {} {} more than once: {}",
                    self.new.name,
                    counted(groups, "value", "values"),
                    names.join(", "),
                    agree(groups, "occurs", "occur"),
                    samples.join("; ")
                ));
            }
        }
        Ok(problems)
    }

    fn groups_of_equals(
        &self,
        connection: &Connection,
        key: &UniqueKey,
    ) -> rusqlite::Result<(i64, Vec<String>)> {
        let list: Vec<String> = key.columns.iter().map(|it| quote(&it.name)).collect();
        let mut present: Vec<String> = list.iter().map(|it| format!("{it} IS NOT NULL")).collect();
        present.extend(key.condition.as_ref().map(|it| format!("({it}\n)")));
        let compared: Vec<String> = key
            .columns
            .iter()
            .map(|it| format!("{} COLLATE {}", quote(&it.name), quote(&it.collation)))
            .collect();
        // The values of several columns are written as in SQL.
        let shown = match list.as_slice() {
            [only] => only.clone(),
            several => {
                let quoted: Vec<String> = several.iter().map(|it| format!("quote({it})")).collect();
                quoted.join(" || ', ' || ")
            }
        };
        let sql = format!(
            "SELECT count(*) OVER (), count(*), {} FROM ({}) AS {} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT {SAMPLES}",
            shown,
            self.source(),
            quote(&self.new.name),
            present.join(" AND "),
            compared.join(", ")
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let (mut groups, mut samples) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            groups = row.get::<_, i64>(0)?;
            let shown = match list.len() {
                1 => show(row.get_ref(2)?),
                _ => format!("({})", row.get::<_, String>(2)?),
            };
            samples.push(format!("{shown} ({} times)", row.get::<_, i64>(1)?));
        }
        Ok((groups, samples))
    }

    fn unique_keys(&self, connection: &Connection) -> Result<Vec<UniqueKey>> {
        let mut keys = Vec::new();
        let alias = self.new.rowid_alias().map(|column| {
            let (name, collation) = (column.name.clone(), "BINARY".to_owned());
            UniqueKey { columns: vec![KeyColumn { name, collation }], condition: None }
        });
        keys.extend(alias);
        let mut statement = connection.prepare(&format!(
            "SELECT name FROM pragma_index_list({}, 'temp') WHERE \"unique\"",
            literal(TWIN)
        ))?;
        let names = statement
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        for name in names {
            let mut statement = connection.prepare(&format!(
                "SELECT name, coll FROM pragma_index_xinfo({}, 'temp') WHERE key ORDER BY seqno",
                literal(&name)
            ))?;
            let columns = statement
                .query_map([], |row| {
                    let (name, collation) = (row.get::<_, Option<String>>(0)?, row.get(1)?);
                    Ok(name.map(|name| KeyColumn { name, collation }))
                })?
                .collect::<rusqlite::Result<Option<Vec<KeyColumn>>>>()?;
            let text = self.text_of_index(&name).unwrap_or_default();
            let condition = index_condition(text).map(ToOwned::to_owned);
            keys.extend(columns.map(|columns| UniqueKey { columns, condition }));
        }
        Ok(keys)
    }

    /// The text of an index of which the twin has another one.
    fn text_of_index(&self, twin: &str) -> Option<&str> {
        let number: usize = twin.strip_prefix(TWIN)?.strip_prefix('_')?.parse().ok()?;
        self.indexes.get(number)?.sql.as_deref()
    }

    fn sample_keys(&self, connection: &Connection) -> Result<Option<(String, u64)>> {
        let (Some(old), Some(new)) = (key_of(self.old), key_of(self.new)) else { return Ok(None) };
        let sql = format!(
            "SELECT {} FROM main.{} WHERE {} NOT IN (SELECT {} FROM temp.{TWIN}) LIMIT {SAMPLES}",
            quote(&old),
            quote(self.from),
            quote(&old),
            quote(&new)
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut samples = Vec::new();
        while let Some(row) = rows.next()? {
            samples.push(format!("{old} {}", show(row.get_ref(0)?)));
        }
        let shown = u64::try_from(samples.len()).unwrap_or(u64::MAX);
        Ok((!samples.is_empty()).then(|| (samples.join(", "), shown)))
    }

    /// Counts values that a STRICT table refuses (<https://sqlite.org/stricttables.html>).
    fn wrong_types(&self, connection: &Connection) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for column in self.new.columns.iter().filter(|it| it.storage != ColumnStorage::Hidden) {
            let allowed = match column.declared.to_ascii_uppercase().as_str() {
                "INT" | "INTEGER" => "'integer'",
                "REAL" => "'real', 'integer'",
                "TEXT" => "'text'",
                "BLOB" => "'blob'",
                _ => continue,
            };
            let name = quote(&column.name);
            let sql = format!(
                "SELECT count(*), min(typeof({name})) FROM temp.{TWIN} \
                 WHERE {name} IS NOT NULL AND typeof({name}) NOT IN ({allowed})"
            );
            let (count, example): (i64, Option<String>) =
                connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if count > 0 {
                problems.push(format!(
                    "{}.{} holds {} that {} not {} ({})",
                    self.new.name,
                    column.name,
                    counted(count, "value", "values"),
                    agree(count, "is", "are"),
                    column.declared,
                    example.unwrap_or_default()
                ));
            }
        }
        Ok(problems)
    }
}

/// The single column by which a row can be found in both tables.
fn key_of(table: &Table) -> Option<String> {
    match &table.key {
        RowKey::Rowid(name) => Some(name.clone()),
        RowKey::PrimaryKey(names) => match names.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        RowKey::HiddenRowid | RowKey::Module => None,
    }
}

fn without_strict(text: &str) -> std::result::Result<String, crate::sql::SqlError> {
    let table = CreateTable::read(text)?;
    let kept: Vec<&str> = table
        .options
        .iter()
        .filter(|option| option.kind != TableOptionKind::Strict)
        .map(|option| &text[option.range.clone()])
        .collect();
    let start = table.options.iter().map(|option| option.range.start).min();
    Ok(match start {
        Some(start) => format!("{}{}", &text[..start], kept.join(", ")),
        None => text.to_owned(),
    })
}
