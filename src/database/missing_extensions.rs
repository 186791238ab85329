//! Functions, collations, modules and tokenizers that a schema uses and this program lacks.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::error::{Error, MissingExtension, Result};
use crate::name::quote;

/// Makes a stub for a missing function or collation, so that SQLite accepts the schema that uses it.
/// The stub is never called: a shadow has no rows. Returns whether there was something to stub.
pub(crate) fn stub(connection: &Connection, part: &MissingExtension) -> Result<bool> {
    match part {
        MissingExtension::Function(name) => {
            let flags = FunctionFlags::SQLITE_UTF8
                | FunctionFlags::SQLITE_DETERMINISTIC
                | FunctionFlags::SQLITE_INNOCUOUS;
            connection
                .create_scalar_function(name.as_str(), -1, flags, |_| Ok(rusqlite::types::Null))
                .map_err(Error::from)?;
            Ok(true)
        }
        MissingExtension::Collation(name) => {
            connection
                .create_collation(name.as_str(), |left: &str, right: &str| left.cmp(right))?;
            Ok(true)
        }
        MissingExtension::Module(_) | MissingExtension::Tokenizer(_) => Ok(false),
    }
}

/// Runs a statement that only parses the schema, with stubs for what this program lacks while it runs.
///
/// RENAME reads the text of every index in the file, also of those that have nothing to do with it
/// (<https://sqlite.org/lang_altertable.html>). The stubs are gone afterwards: nothing may be stored
/// in their order or with their values.
pub fn with_passing_stubs(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    passing_stubs(connection, |it| it.execute_batch(sql))
}

/// As [`with_passing_stubs`], for a query whose answer does not depend on what is missing.
pub(crate) fn passing_stubs<T>(
    connection: &Connection,
    action: impl FnMut(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut stubbed = Vec::new();
    let done = with_stubs(connection, &mut stubbed, action);
    take_back(connection, &stubbed)?;
    done
}

/// Runs a rename that the module of a virtual table carries out by renames of its own: it hands on that they
/// failed, not what they missed, so that the stubs are there from the start. They are gone afterwards.
pub fn with_known_stubs(
    connection: &Connection,
    missing: &[MissingExtension],
    sql: &str,
) -> Result<()> {
    for part in missing {
        stub(connection, part)?;
    }
    let done = connection.execute_batch(sql);
    take_back(connection, missing)?;
    Ok(done?)
}

pub(crate) fn take_back(
    connection: &Connection,
    stubbed: &[MissingExtension],
) -> rusqlite::Result<()> {
    for part in stubbed {
        match part {
            MissingExtension::Function(name) => connection.remove_function(name.as_str(), -1)?,
            MissingExtension::Collation(name) => connection.remove_collation(name.as_str())?,
            MissingExtension::Module(_) | MissingExtension::Tokenizer(_) => {}
        }
    }
    Ok(())
}

/// Collations that are lent to a connection so that it can read a table in its stored order.
///
/// A WITHOUT ROWID table whose key has a collation that this program lacks cannot even be scanned, though
/// a scan compares nothing (<https://sqlite.org/withoutrowid.html>). While the loan lasts, nothing may be
/// sought, sorted or written by such a key; when it ends, the collations are gone again.
#[derive(Debug)]
pub struct StubCollations<'c> {
    connection: &'c Connection,
    names: Vec<String>,
}

/// Lends what a scan of the table needs; most often that is nothing.
///
/// # Errors
/// Whatever SQLite reports, except about the table itself: that comes up when it is read.
pub fn stub_collations<'c>(connection: &'c Connection, table: &str) -> Result<StubCollations<'c>> {
    let mut lent = StubCollations { connection, names: Vec::new() };
    // Other queries only say that there is no way to answer them.
    let scan = format!("SELECT count(*) FROM main.{} NOT INDEXED", quote(table));
    while let Err(error) = connection.prepare(&scan) {
        match MissingExtension::in_error(&error) {
            Some(MissingExtension::Collation(name)) if !lent.names.contains(&name) => {
                stub(connection, &MissingExtension::Collation(name.clone()))?;
                lent.names.push(name);
                forget_schema(connection)?;
            }
            Some(_) | None => break,
        }
    }
    Ok(lent)
}

/// Makes SQLite read the schema again: it never again uses an index whose collation it missed once
/// (<https://sqlite.org/pragma.html#pragma_writable_schema>). It forgets virtual tables, too: what they hold in memory
/// is written before.
pub(crate) fn forget_schema(connection: &Connection) -> rusqlite::Result<()> {
    flush_words(connection)?;
    connection.execute_batch("PRAGMA writable_schema=RESET")
}

/// Writes what is only in memory: full-text tables keep new words there until a savepoint or the commit
/// (<https://sqlite.org/vtab.html#the_xsavepoint_xrelease_and_xrollback_to_methods>). What is proven must be in the file.
pub(crate) fn flush_words(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT phaseshift_words; RELEASE phaseshift_words")
}

impl Drop for StubCollations<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            // Fails only while a statement reads on, and then the next reader needs it too.
            drop(self.connection.remove_collation(name.as_str()));
        }
        if !self.names.is_empty() {
            drop(forget_schema(self.connection));
        }
    }
}

/// Runs something that may meet missing parts, stubbing them one after the other.
pub(crate) fn with_stubs<T>(
    connection: &Connection,
    missing: &mut Vec<MissingExtension>,
    mut action: impl FnMut(&Connection) -> rusqlite::Result<T>,
) -> std::result::Result<T, rusqlite::Error> {
    loop {
        let error = match action(connection) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(part) = MissingExtension::in_error(&error) else { return Err(error) };
        if missing.contains(&part) || !stub(connection, &part).unwrap_or(false) {
            return Err(error);
        }
        missing.push(part);
    }
}
