//! SQLite's integrity check, with damage told apart from rows that merely break a rule.
//!
//! `PRAGMA integrity_check` reports both as text (<https://sqlite.org/pragma.html#pragma_integrity_check>).
//! A file whose rows break NOT NULL, CHECK, UNIQUE or a type was like that before we came and can be
//! copied as it is; a file with damaged pages cannot be trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode};

use super::check_queue::{CheckQueue, TablePieces};
use crate::btree::DbPages;
use crate::database::{Database, Depth, IntegrityCheck, MANY_ROWS, effort};
use crate::error::{Error, MissingExtension, Result, breaks_a_rule};
use crate::event::{Interrupt, Stage, track_progress};
use crate::name::fold;
use crate::records::indexes_shown;
use crate::rows::count_rows;
use crate::schema;

/// How many findings are described.
const DESCRIBED: usize = 10;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Integrity {
    /// Damage, in SQLite's words; the first few lines.
    pub(crate) damage: Vec<String>,
    /// Rows and index entries that break a rule of the schema.
    pub(crate) violations: u64,
    /// What could not be checked, because a collation, function or module is missing.
    pub(crate) unchecked: Vec<String>,
}

impl Integrity {
    fn add(&mut self, other: Self) {
        self.damage.extend(other.damage);
        self.violations += other.violations;
    }

    fn note(&mut self, finding: &str) {
        if breaks_a_rule(finding) {
            self.violations += 1;
        } else if self.damage.len() < DESCRIBED {
            let room = DESCRIBED - self.damage.len();
            self.damage.extend(finding.lines().take(room).map(ToOwned::to_owned));
        }
    }
}

/// Checks a database, table by table where a missing part stops the check of the whole.
///
/// # Errors
/// Whatever SQLite reports, except damage and missing parts, which are findings.
pub(crate) fn integrity(database: &Database) -> Result<Integrity> {
    integrity_in(database.connection(), &database.options().interrupt, &CheckQueue::default())
}

/// As [`integrity`], with pieces that others may take.
pub(super) fn integrity_in(
    connection: &Connection,
    interrupt: &Interrupt,
    pieces: &CheckQueue,
) -> Result<Integrity> {
    if is_quickly_sound(connection)? {
        return integrity_beyond_quick(connection, interrupt, pieces);
    }
    in_full(connection)
}

/// As [`integrity`] of a database that [`is_quickly_sound`], with pieces that others may take.
pub(super) fn integrity_beyond_quick(
    connection: &Connection,
    interrupt: &Interrupt,
    pieces: &CheckQueue,
) -> Result<Integrity> {
    match in_parts(connection, interrupt, pieces)? {
        Some(found) => Ok(found),
        None => in_full(connection),
    }
}

/// Returns whether SQLite finds nothing at all in the pages and the rows
/// (<https://sqlite.org/pragma.html#pragma_quick_check>). That leaves open whether indexes fit their tables.
pub(crate) fn is_quickly_sound(connection: &Connection) -> Result<bool> {
    let quick = IntegrityCheck::of_file(Depth::Quick);
    let rows = Rows::count(connection);
    let expected = match rows.all() < MANY_ROWS {
        true => 0,
        false => effort(connection, quick.sql(), &|root| rows.of(root))?,
    };
    let about = (Stage::VerifyBackup, "pages and rows");
    let quick = track_progress(about, (rows.all(), expected), || run(connection, &quick))?;
    Ok(matches!(&quick, PieceOutcome::Checked(found) if *found == Integrity::default()))
}

/// What the check of the whole finds beyond a quick one that found nothing, in a fraction of the time: our own
/// reader shows that indexes fit their tables, or SQLite checks the table. `None` if something cannot be checked
/// so: the check of the whole has the verdict.
fn in_parts(
    connection: &Connection,
    interrupt: &Interrupt,
    pieces: &CheckQueue,
) -> Result<Option<Integrity>> {
    let rows = Rows::count(connection);
    let (Ok(schema), Some(indexes)) = (schema::read(connection), indexes_shown(connection)?) else {
        return Ok(None);
    };
    let (mut shown, mut others) = (Vec::new(), Vec::new());
    for object in schema.objects.iter().chain(&schema.internal).filter(|it| it.kind.is_table()) {
        let Some(table) = schema.shape(&object.name) else { return Ok(None) };
        match indexes.claims(table, &BTreeSet::new())? {
            Some(claims) if claims.is_nothing() => {}
            Some(claims) => {
                let table = TablePieces::new(&object.name, claims, rows.of_table(&object.name));
                shown.push(Arc::new(table));
            }
            None => others.push(object.name.as_str()),
        }
    }
    pieces.hand_out(&shown);
    let Some(mut pages) = DbPages::open(connection)? else { return Ok(None) };
    pieces.do_all(&mut pages, interrupt)?;
    let not_shown = shown.iter().filter(|it| !it.is_shown()).map(|it| it.name.as_str());
    let mut all = Integrity::default();
    for name in not_shown.chain(others) {
        match run(connection, &IntegrityCheck::of_table(Depth::Full, name))? {
            PieceOutcome::Checked(found) => all.add(found),
            PieceOutcome::MissingExtension(_) => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// The rows of the tables of a file, for a progress bar: what cannot be counted has none.
struct Rows {
    /// By the root page of the table or index: the table, folded, its rows, and whether it is an index.
    roots: BTreeMap<i64, (String, u64, bool)>,
}

impl Rows {
    fn count(connection: &Connection) -> Self {
        let sql = "SELECT rootpage, tbl_name, type = 'index' FROM main.sqlite_schema WHERE rootpage > 0 \
                   ORDER BY 3";
        let list = || -> rusqlite::Result<Vec<(i64, String, bool)>> {
            let mut statement = connection.prepare(sql)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        let mut roots = BTreeMap::new();
        for (root, table, is_index) in list().unwrap_or_default() {
            let count = *rows
                .entry(fold(&table))
                .or_insert_with(|| count_rows(connection, &table).unwrap_or(0));
            roots.insert(root, (fold(&table), count, is_index));
        }
        Self { roots }
    }

    fn of(&self, root: Option<i64>) -> u64 {
        root.and_then(|it| self.roots.get(&it)).map_or(0, |(_, rows, _)| *rows)
    }

    fn all(&self) -> u64 {
        self.roots.values().filter(|(_, _, is_index)| !is_index).map(|(_, rows, _)| rows).sum()
    }

    fn of_table(&self, table: &str) -> u64 {
        let table = fold(table);
        self.roots.values().find(|(it, _, _)| *it == table).map_or(0, |(_, rows, _)| *rows)
    }
}

fn in_full(connection: &Connection) -> Result<Integrity> {
    match run(connection, &IntegrityCheck::of_file(Depth::Full))? {
        PieceOutcome::Checked(found) => Ok(found),
        PieceOutcome::MissingExtension(_) => by_table(connection),
    }
}

enum PieceOutcome {
    Checked(Integrity),
    MissingExtension(rusqlite::Error),
}

fn run(connection: &Connection, check: &IntegrityCheck) -> Result<PieceOutcome> {
    let mut found = Integrity::default();
    match check.run(connection, &mut |finding| found.note(finding)) {
        Ok(()) => Ok(PieceOutcome::Checked(found)),
        Err(error) if MissingExtension::in_error(&error).is_some() => {
            Ok(PieceOutcome::MissingExtension(error))
        }
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                found.note(&error.to_string());
                Ok(PieceOutcome::Checked(found))
            }
            // Plain SQLITE_ERROR: the check itself does not compile.
            Some(ErrorCode::Unknown) => Ok(PieceOutcome::MissingExtension(error)),
            _ => Err(Error::from(error)),
        },
    }
}

fn by_table(connection: &Connection) -> Result<Integrity> {
    let mut all = Integrity::default();
    for table in stored_tables(connection)? {
        let mut outcome = run(connection, &IntegrityCheck::of_table(Depth::Full, &table))?;
        if let PieceOutcome::MissingExtension(error) = &outcome {
            all.unchecked.push(format!("{table}: {error}"));
            outcome = run(connection, &IntegrityCheck::of_table(Depth::Quick, &table))?;
        }
        if let PieceOutcome::Checked(found) = outcome {
            all.add(found);
        }
    }
    Ok(all)
}

fn stored_tables(connection: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(connection: &Connection) -> Integrity {
        integrity_in(connection, &Interrupt::default(), &CheckQueue::default()).unwrap()
    }

    #[test]
    fn a_missing_collation_is_not_damage() {
        let connection = Connection::open_in_memory().unwrap();
        connection.create_collation("odd", |one: &str, two: &str| one.cmp(two)).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE a(x COLLATE odd); CREATE INDEX i ON a(x); INSERT INTO a VALUES('1');
                 CREATE TABLE b(x NOT NULL); INSERT INTO b VALUES(1);
                 CREATE TABLE c(x PRIMARY KEY COLLATE odd) WITHOUT ROWID; INSERT INTO c VALUES(1)",
            )
            .unwrap();
        connection.remove_collation("odd").unwrap();
        let found = judged(&connection);
        assert_eq!(found.damage, Vec::<String>::new());
        assert_eq!(found.unchecked.len(), 2, "{found:?}");
        assert!(found.unchecked[0].starts_with("a: "), "{found:?}");
        assert!(found.unchecked[1].starts_with("c: "), "{found:?}");
    }

    #[test]
    fn null_in_a_not_null_column_is_a_violation() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t(c); INSERT INTO t VALUES (NULL), (NULL);
                 PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = 'CREATE TABLE t(c NOT NULL)';
                 PRAGMA writable_schema = RESET",
            )
            .unwrap();
        let found = judged(&connection);
        assert_eq!(found, Integrity { violations: 2, ..Integrity::default() });
    }

    /// Databases, each with what is done while SQLite does not know of the index `i`.
    const CASES: [(&str, &str); 9] = [
        ("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t(b)", ""),
        ("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t(b + 1)", ""),
        ("CREATE TABLE t(a, b); CREATE INDEX i ON t(b)", "INSERT INTO t VALUES (1, 2)"),
        (
            "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t(b)",
            "DELETE FROM t",
        ),
        (
            "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t(b)",
            "UPDATE t SET b = 3",
        ),
        (
            "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t(b) WHERE a > 0",
            "UPDATE t SET b = 3",
        ),
        (
            "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (1, 2), (2, 2);
             CREATE INDEX i ON t(b)",
            "UPDATE t SET a = 5 WHERE a = 1",
        ),
        (
            "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (1, 3); CREATE INDEX i ON t(a)",
            "UPDATE kept SET sql = 'CREATE UNIQUE INDEX i ON t(a)'",
        ),
        (
            "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('one');
             DELETE FROM f_data WHERE id > 10; CREATE TABLE t(a); CREATE INDEX i ON t(a)",
            "",
        ),
    ];

    #[test]
    fn a_check_in_parts_has_the_verdict_of_the_whole() {
        let mut sound = 0;
        for (made, behind) in CASES {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(made).unwrap();
            let sql = format!(
                "CREATE TEMP TABLE kept AS SELECT * FROM main.sqlite_schema WHERE name = 'i';
                 PRAGMA writable_schema=ON; DELETE FROM main.sqlite_schema WHERE name = 'i';
                 PRAGMA writable_schema=RESET; {behind}; PRAGMA writable_schema=ON;
                 INSERT INTO main.sqlite_schema SELECT * FROM kept; PRAGMA writable_schema=RESET"
            );
            connection.execute_batch(&sql).unwrap();
            let (quick, whole) =
                (is_quickly_sound(&connection).unwrap(), in_full(&connection).unwrap());
            let parts = in_parts(&connection, &Interrupt::default(), &CheckQueue::default())
                .unwrap()
                .filter(|_| quick);
            assert!(parts.is_some() || whole != Integrity::default(), "{made}");
            assert_eq!(judged(&connection), whole, "{made}; {behind}");
            sound += usize::from(whole == Integrity::default());
        }
        assert_eq!(sound, 2);
    }
}
