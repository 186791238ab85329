//! Double-quoted names that would turn into strings, and strings that would turn into names.
//!
//! Where no column has a double-quoted name, SQLite takes it for a string
//! (<https://sqlite.org/quirks.html#dblquote>). So a view that reads `"note"` still compiles when the
//! column `note` is gone, and an index on it becomes an index on a constant. SQLite's own DROP COLUMN
//! looks at the schema with that leniency off; so does this.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::shadow::Shadow;
use super::views::Outputs;
use crate::database::with_stubs;
use crate::database::words;
use crate::error::Result;
use crate::name::{fold, literal, quote};
use crate::schema::{Object, ObjectKind, Schema, firing_statements};
use crate::sql::{TokenKind, edit, significant_tokens, tokens, unquote, update_of_columns};

/// An object that SQLite would read otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misreading {
    /// The object.
    pub object: Object,
    /// What would be read otherwise, in words.
    pub message: String,
}

impl Shadow {
    /// Finds objects with a double-quoted word that was a name before the steps so far and is a string
    /// now, or the other way round. `outputs` are those of the views before.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn misreadings(&mut self, before: &Schema, outputs: &Outputs) -> Result<Vec<Misreading>> {
        let outputs_now = self.outputs()?;
        let after = self.current()?;
        let changed = changed_names(&columns(before, outputs), &columns(&after, &outputs_now));
        let mut found = lost_events(before, &after, &changed);
        let suspects: Vec<(&Object, BTreeSet<String>)> = after
            .objects
            .iter()
            .map(|object| (object, double_quoted(object, &changed)))
            .filter(|(_, words)| !words.is_empty())
            .collect();
        if suspects.is_empty() {
            return Ok(found);
        }
        let mut past = Self::of(before)?;
        for (object, words) in suspects {
            let then = match before.find(object.kind, &object.name) {
                Some(old) if past.holds(old.kind, &old.name)? => Some(past.strings_in(old)?),
                Some(_) | None => None,
            };
            let now = self.strings_in(object)?;
            if let Some(message) = difference(then.as_ref(), &now, &words) {
                found.push(Misreading { object: object.clone(), message });
            }
        }
        Ok(found)
    }

    /// Finds the double-quoted words of an object that SQLite takes for strings, folded: it compiles the
    /// object without its leniency, and each word that it misses is given to it as a string.
    fn strings_in(&mut self, object: &Object) -> Result<BTreeSet<String>> {
        let mut strings = BTreeSet::new();
        let mut text = object.sql.clone().unwrap_or_default();
        loop {
            self.connection.execute_batch("SAVEPOINT reading")?;
            set_leniency(&self.connection, false)?;
            let missed = self.missed_column(object, &text);
            set_leniency(&self.connection, true)?;
            self.connection.execute_batch("ROLLBACK TO reading; RELEASE reading")?;
            self.changed();
            let Some(word) = missed? else { return Ok(strings) };
            let Some(edited) = with_string(&text, &word) else { return Ok(strings) };
            text = edited;
            strings.insert(word);
        }
    }

    /// Compiles an object with another text, and returns the first column that is missed.
    fn missed_column(&mut self, object: &Object, text: &str) -> Result<Option<String>> {
        let statements = match object.kind {
            ObjectKind::View => {
                self.connection
                    .execute_batch(&format!("DROP VIEW main.{}", quote(&object.name)))?;
                self.connection.execute_batch(text)?;
                vec![format!("SELECT * FROM main.{}", quote(&object.name))]
            }
            ObjectKind::Trigger => {
                // Its neighbours would be compiled with it.
                let schema = self.current()?;
                for trigger in schema.belonging(ObjectKind::Trigger, &object.table) {
                    let drop = format!("DROP TRIGGER main.{}", quote(&trigger.name));
                    self.connection.execute_batch(&drop)?;
                }
                self.connection.execute_batch(text)?;
                firing_statements(&self.connection, &schema, &object.table)?
            }
            _ => {
                let free = self.free_name("phaseshift_read")?;
                let renamed = edit::rename_object(text, &free);
                renamed.map(|text| vec![format!("EXPLAIN {text}")]).unwrap_or_default()
            }
        };
        Ok(statements.iter().find_map(|sql| self.missed_by(sql)))
    }

    fn missed_by(&mut self, sql: &str) -> Option<String> {
        let prepared = with_stubs(&self.connection, &mut self.missing, |connection| {
            connection.prepare(sql).map(drop)
        });
        // Whatever else is wrong has nothing to do with quotes.
        prepared.err().and_then(|error| named(&words(&error)))
    }
}

/// Tells SQLite whether double quotes may stand for strings.
fn set_leniency(connection: &Connection, lenient: bool) -> Result<()> {
    for switch in [DbConfig::SQLITE_DBCONFIG_DQS_DDL, DbConfig::SQLITE_DBCONFIG_DQS_DML] {
        connection.set_db_config(switch, lenient)?;
    }
    Ok(())
}

/// The columns of every table and view, by folded names.
fn columns(schema: &Schema, outputs: &Outputs) -> BTreeMap<String, BTreeSet<String>> {
    let tables = schema.tables.iter().map(|(name, table)| {
        (name.clone(), table.columns.iter().map(|column| fold(&column.name)).collect())
    });
    let views = outputs
        .iter()
        .map(|(name, columns)| (name.clone(), columns.iter().map(|it| fold(it)).collect()));
    tables.chain(views).collect()
}

/// The names of columns that came or went. A table under another name with the same columns was
/// renamed, and SQLite has followed that.
fn changed_names(
    before: &BTreeMap<String, BTreeSet<String>>,
    after: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for (one, other) in [(before, after), (after, before)] {
        for (name, columns) in one {
            match other.get(name) {
                Some(there) => changed.extend(columns.difference(there).cloned()),
                None if other.iter().any(|(new, it)| !one.contains_key(new) && it == columns) => {}
                None => changed.extend(columns.iter().cloned()),
            }
        }
    }
    changed
}

/// The double-quoted words of an object that may be meant: those behind or before a dot are names in
/// any case.
fn double_quoted(object: &Object, names: &BTreeSet<String>) -> BTreeSet<String> {
    let text = object.sql.as_deref().unwrap_or_default();
    let mut found = BTreeSet::new();
    if names.is_empty() || !text.contains('"') || object.kind == ObjectKind::VirtualTable {
        return found;
    }
    let tokens: Vec<_> = significant_tokens(text).collect();
    let is_dot = |place: Option<usize>| {
        place.and_then(|it| tokens.get(it)).is_some_and(|token| token.is_mark(text, "."))
    };
    for (place, token) in tokens.iter().enumerate() {
        let quoted = token.kind == TokenKind::QuotedName && token.text(text).starts_with('"');
        if quoted && !is_dot(place.checked_sub(1)) && !is_dot(Some(place + 1)) {
            let word = fold(&unquote(token.text(text)));
            if names.contains(&word) {
                found.insert(word);
            }
        }
    }
    found
}

/// Triggers on the update of a column that is gone: SQLite lets them stand, and they never fire again.
fn lost_events(before: &Schema, after: &Schema, changed: &BTreeSet<String>) -> Vec<Misreading> {
    let mut found = Vec::new();
    for trigger in after.of_kind(ObjectKind::Trigger) {
        let Some(shape) = after.shape(&trigger.table) else { continue };
        let was_there = |column: &str| {
            before.shape(&trigger.table).is_none_or(|it| it.column(column).is_some())
        };
        let lost = update_of_columns(trigger.sql.as_deref().unwrap_or_default())
            .into_iter()
            .find(|it| changed.contains(&fold(it)) && shape.column(it).is_none() && was_there(it));
        if let Some(column) = lost {
            let message = format!("it fires on updates of {column}, which is gone");
            found.push(Misreading { object: trigger.clone(), message });
        }
    }
    found
}

/// Writes a double-quoted word as a string; `None` if the text has no such word.
fn with_string(text: &str, word: &str) -> Option<String> {
    let mut written = String::with_capacity(text.len());
    for token in tokens(text) {
        let raw = token.text(text);
        let is_word = token.kind == TokenKind::QuotedName
            && raw.starts_with('"')
            && fold(&unquote(raw)) == word;
        written.push_str(&if is_word { literal(&unquote(raw)) } else { raw.to_owned() });
    }
    (written != text).then_some(written)
}

/// Compares which of the words are strings before and now; an object that is new had none before.
fn difference(
    then: Option<&BTreeSet<String>>,
    now: &BTreeSet<String>,
    words: &BTreeSet<String>,
) -> Option<String> {
    let mut turned = words.iter().filter(|&word| now.contains(word));
    if let Some(word) = turned.find(|&word| !then.is_some_and(|it| it.contains(word))) {
        return Some(format!("SQLite would take \"{word}\" for a string, there is no such column"));
    }
    let was_string = |word: &&String| then.is_some_and(|it| it.contains(*word));
    let became = words.iter().filter(was_string).find(|&word| !now.contains(word));
    became.map(|word| {
        format!(
            "SQLite would take \"{word}\" for a column; it was a string, which is written in single \
             quotes"
        )
    })
}

/// The word that SQLite found no column for, folded.
fn named(message: &str) -> Option<String> {
    let rest = &message[message.find("no such column: ")? + "no such column: ".len()..];
    let word = rest.split(" - should this be").next().unwrap_or(rest);
    Some(fold(&unquote(word.trim())))
}
