//! Running the SQL that a phase brings along, statement by statement, under the authorizer.
//!
//! SQLite finds the end of each statement; nothing here splits text.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection, Statement};

use super::authorizer::{Authorizer, Touched};
use super::effort::effort;
use crate::error::{Error, ErrorKind, Result, words};
use crate::event::{Interrupt, Stage, track_progress};
use crate::name::quote;
use crate::sql::{Token, significant_tokens, unquote, with_identifiers_only};

/// What is done with the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// All are compiled; only those that change the schema are run.
    Check,
    /// As `Check`; a string in double quotes is refused.
    CheckNew,
    Run,
}

/// Runs or checks statements under the authorizer and returns what they touch.
///
/// # Errors
/// [`ErrorKind::Step`] with the line of the statement (from 1, in the text given) and the reason:
/// SQLite's, or that the statement is not allowed in a phase.
pub fn run_authorized(
    connection: &Connection,
    authorizer: &Authorizer,
    sql: &str,
    purpose: Purpose,
) -> Result<Touched> {
    run_followed(connection, (authorizer, purpose), sql, &mut Unfollowed)
}

/// Receives statements one by one.
pub trait Follower {
    /// A statement that changes the schema is compiled and about to run.
    fn before(&mut self, connection: &Connection, touched: &Touched) -> Result<()>;

    /// A statement is done; one that only changes rows is only compiled for [`Purpose::Check`].
    fn after(&mut self, connection: &Connection, statement: DoneStatement<'_>) -> Result<()>;
}

#[derive(Debug, Clone, Copy)]
pub struct DoneStatement<'s> {
    pub text: &'s str,
    pub touched: &'s Touched,
}

struct Unfollowed;

impl Follower for Unfollowed {
    fn before(&mut self, _: &Connection, _: &Touched) -> Result<()> {
        Ok(())
    }

    fn after(&mut self, _: &Connection, _: DoneStatement<'_>) -> Result<()> {
        Ok(())
    }
}

/// As [`run_authorized`]; the follower receives each statement.
pub fn run_followed(
    connection: &Connection,
    (authorizer, purpose): (&Authorizer, Purpose),
    sql: &str,
    follower: &mut dyn Follower,
) -> Result<Touched> {
    let others: Vec<String> = temporary(connection)?.into_iter().map(|(_, name)| name).collect();
    authorizer.raise();
    let run = run_statements(connection, (authorizer, purpose), sql, follower);
    let denied = authorizer.denied();
    let at_hand = authorizer.statement().only_table();
    let mut touched = authorizer.lower();
    if run.is_ok() {
        drop_temporary(connection, &others)?;
    }
    match (run, denied) {
        (Ok(()), None) => {
            if replaces(sql) {
                touched.assume_replacing();
            }
            Ok(touched)
        }
        (Err(Stop::Follower(error)), _) => Err(error),
        (Err(Stop::Statement(line, error)), None) => {
            let why = words(&error);
            let what = format!("statement at line {line}: {why}");
            let error = from_statement(error, what).in_statement(line, why);
            Err(match at_hand {
                Some(table) => error.about(&table),
                None => error,
            })
        }
        (Err(Stop::Statement(line, _)), Some(what)) => {
            let why = format!("{what} is not allowed in a phase");
            let what = format!("statement at line {line}: {why}");
            // What was applied long ago is no fault of a phase file.
            let kind = match purpose {
                Purpose::CheckNew => ErrorKind::PhaseFile,
                Purpose::Check | Purpose::Run => ErrorKind::Step,
            };
            Err(Error::new(kind, what).in_statement(line, why))
        }
        (Ok(()), Some(what)) => {
            Err(Error::new(ErrorKind::Step, format!("{what} is not allowed in a phase")))
        }
    }
}

/// Rows from which a statement may take long enough for a progress bar.
pub(crate) const MANY_ROWS: u64 = 5_000;

/// Runs what works on all rows of a table, telling how far a statement has come
/// ([`listen_to_progress`](crate::event::listen_to_progress)). The statement is only asked about, not run.
///
/// # Errors
/// Those of the work, and whatever ends the question about the statement: the transaction may be over then.
pub fn with_progress<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    (stage, subject): (Stage, &str),
    (statement, rows): (&str, u64),
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    if rows < MANY_ROWS {
        return work();
    }
    let expected = effort(connection, statement, &|_| rows)?;
    track_progress((stage, subject), (rows, expected), work)
}

/// A busy file, an interrupt or a damaged file is not the statement's fault.
pub(crate) fn from_statement(error: rusqlite::Error, what: String) -> Error {
    let plain = matches!(
        error.sqlite_error_code(),
        None | Some(rusqlite::ErrorCode::Unknown | rusqlite::ErrorCode::ConstraintViolation)
    );
    if plain { Error::new(ErrorKind::Step, what).caused_by(error) } else { error.into() }
}

/// Returns whether a text may replace rows by others.
fn replaces(sql: &str) -> bool {
    significant_tokens(sql).any(|token| token.is_word(sql, "REPLACE"))
}

/// What ended a run of statements.
enum Stop {
    /// SQLite refused the statement at this line.
    Statement(usize, rusqlite::Error),
    Follower(Error),
}

fn run_statements(
    connection: &Connection,
    (authorizer, purpose): (&Authorizer, Purpose),
    sql: &str,
    follower: &mut dyn Follower,
) -> std::result::Result<(), Stop> {
    // SQLite copies the rest of a text at each statement, unless it ends in NUL (https://sqlite.org/c3ref/prepare.html).
    let sql = format!("{sql}\0");
    let sql = sql.as_str();
    let mut batch = Batch::new(connection, sql);
    let mut passed = 0;
    loop {
        let line = || line_after(sql, passed);
        // Short statements end before SQLite looks at a request to stop.
        Interrupt::current().check().map_err(Stop::Follower)?;
        authorizer.next_statement();
        let mut statement = match batch.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return Ok(()),
            Err(error) => {
                return Err(Stop::Statement(line_of(sql, &error).unwrap_or_else(line), error));
            }
        };
        let text = statement.expanded_sql().unwrap_or_default();
        if let Some(what) = refused_unasked(authorizer, &statement, &text) {
            authorizer.deny(&what);
            return Err(Stop::Statement(line(), rusqlite::Error::InvalidQuery));
        }
        let runs = purpose == Purpose::Run || authorizer.changes_schema();
        if purpose == Purpose::CheckNew
            && let Err(error) = strict_names(connection, &text)
        {
            let before = sql.get(..passed).map_or(0, |it| it.matches('\n').count());
            authorizer.deny(&string_in_double_quotes(&error));
            let line = line_of_strict(&error).map_or_else(line, |it| before + it);
            return Err(Stop::Statement(line, error));
        }
        if runs {
            let touched = authorizer.statement();
            authorizer.aside(|| follower.before(connection, &touched)).map_err(Stop::Follower)?;
            let mut rows = statement.raw_query();
            while rows.next().map_err(|error| Stop::Statement(line(), error))?.is_some() {}
        }
        drop(statement);
        let mut touched = authorizer.take_statement();
        if replaces(&text) {
            touched.assume_replacing();
        }
        let done = DoneStatement { text: &text, touched: &touched };
        authorizer.aside(|| follower.after(connection, done)).map_err(Stop::Follower)?;
        passed += text.len();
    }
}

/// The line of an error in the text that SQLite was given.
fn line_of_strict(error: &rusqlite::Error) -> Option<usize> {
    match error {
        rusqlite::Error::SqlInputError { sql, .. } => line_of(sql, error),
        _ => None,
    }
}

/// Says why a statement is refused about which SQLite does not ask the authorizer, or asks too late.
fn refused_unasked(
    authorizer: &Authorizer,
    statement: &Statement<'_>,
    text: &str,
) -> Option<String> {
    if statement.parameter_count() > 0 {
        let name = statement.parameter_name(1).unwrap_or("?");
        return Some(format!("the parameter {name}, to which no value is bound,"));
    }
    // SQLite takes empty statements before the first word for a part of the statement.
    let tokens: Vec<Token> =
        significant_tokens(text).skip_while(|token| token.is_mark(text, ";")).collect();
    let first = tokens.first()?;
    // SQLite asks about VACUUM only when it runs.
    if first.is_word(text, "VACUUM") {
        return Some("VACUUM".to_owned());
    }
    // It names only the old name of a table.
    let renamed =
        tokens.windows(3).find(|it| it[0].is_word(text, "RENAME") && it[1].is_word(text, "TO"))?;
    let name = unquote(renamed[2].text(text));
    (first.is_word(text, "ALTER") && authorizer.protects(&name))
        .then(|| format!("a table renamed to the version table {name}"))
}

/// Compiles a statement, or a query, with each word in double quotes as an identifier and nothing else.
/// Texts that it uses, such as those of views and triggers, keep their meaning.
///
/// # Errors
/// What SQLite says of a word that is no identifier.
pub fn strict_names(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    match with_identifiers_only(sql) {
        Some(strict) => connection.prepare(&strict).map(drop),
        None => Ok(()),
    }
}

/// Says what is wrong with a word in double quotes.
pub fn string_in_double_quotes(error: &rusqlite::Error) -> String {
    format!("a string in double quotes ({}; a string is written in single quotes)", words(error))
}

/// Runs the one statement of a text that is not ours.
///
/// # Errors
/// SQLite's; [`rusqlite::Error::MultipleStatement`] if there is a second one.
pub(crate) fn run_one(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// Drops the temporary objects that came since their names were listed: no step sees those of another.
fn drop_temporary(connection: &Connection, before: &[String]) -> rusqlite::Result<()> {
    for (kind, name) in temporary(connection)? {
        if before.contains(&name) || name.starts_with("sqlite_") {
            continue;
        }
        let name = quote(&name);
        connection.execute_batch(&format!("DROP {kind} IF EXISTS temp.{name}"))?;
    }
    Ok(())
}

/// Lists the temporary objects, virtual tables before the tables that they keep for themselves.
fn temporary(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT type, name FROM temp.sqlite_schema WHERE type <> 'index' ORDER BY rootpage",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The line of the first word after a byte position.
fn line_after(sql: &str, position: usize) -> usize {
    let start = sql
        .get(position..)
        .and_then(|rest| significant_tokens(rest).next())
        .map_or(position, |token| position + token.start);
    1 + sql.bytes().take(start).filter(|byte| *byte == b'\n').count()
}

fn line_of(sql: &str, error: &rusqlite::Error) -> Option<usize> {
    match error {
        rusqlite::Error::SqlInputError { sql: rest, offset, .. } => {
            let place = sql.len().checked_sub(rest.len())?;
            let place = place + usize::try_from(*offset).unwrap_or(0);
            Some(1 + sql.bytes().take(place).filter(|byte| *byte == b'\n').count())
        }
        _ => None,
    }
}
