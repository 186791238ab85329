//! Double-quoted strings: keeping them as they are stored, and telling them from names.
//!
//! Before SQLite renames or drops a column it turns every double-quoted string of the whole file into a
//! single-quoted one (`sqlite_rename_quotefix` in `alter.c`). The stored text of other objects is data and
//! stays: the old token is put back wherever only its quotes changed.

use super::finding::NameAsString;
use super::shadow::Shadow;
use crate::compare::compare_entries;
use crate::database::with_stubs;
use crate::error::{Result, missing_column, words};
use crate::name::{quote, same};
use crate::schema::{Object, Schema, read_again};
use crate::sql::{Token, TokenKind, significant_tokens, unquote};

impl Shadow {
    /// Puts double-quoted strings back after an ALTER; `new_name` is the name that it gave a column, if any. A string that reads like the new name of a
    /// column would now be taken for it and stays single-quoted.
    pub(super) fn keep_double_quotes(
        &mut self,
        before: &Schema,
        new_name: Option<&str>,
    ) -> Result<()> {
        let after = self.current()?;
        if before.objects.len() != after.objects.len() {
            return Ok(());
        }
        let mut changed = false;
        for (old, new) in before.objects.iter().zip(&after.objects) {
            self.note_single_quotes(old, new, new_name);
            let (Some(old_text), Some(text)) = (&old.sql, &new.sql) else { continue };
            if let Some(kept) = with_old_quotes(old_text, text, new_name) {
                self.set_entry_sql(new.kind, &new.name, Some(&kept))?;
                changed = true;
            }
        }
        if changed { self.reload() } else { Ok(()) }
    }
}

impl Shadow {
    /// A string that stays in single quotes looks like any other afterwards.
    fn note_single_quotes(&mut self, old: &Object, new: &Object, new_name: Option<&str>) {
        let (Some(old_text), Some(text)) = (&old.sql, &new.sql) else { return };
        if old_text == text {
            return;
        }
        for (was, is) in significant_tokens(old_text).zip(significant_tokens(text)) {
            let string = unquote(was.text(old_text)).to_string();
            if is_requoted((&was, old_text), (&is, text)) && is_name(&string, new_name) {
                let (kind, name) = (new.kind, new.name.clone());
                self.single_quoted.push(NameAsString { kind, name, text: string });
            }
        }
    }

    /// Finds every text in double quotes that SQLite takes for a string. Only SQLite knows which they are:
    /// it rewrites them when any column is renamed, here one of a table that is there for nothing else.
    pub fn names_read_as_strings(&mut self) -> Result<Vec<NameAsString>> {
        let before = self.current()?;
        let quotes = |it: &Object| it.sql.as_ref().is_some_and(|it| it.contains('"'));
        let mut found = std::mem::take(&mut self.single_quoted);
        if !before.objects.iter().any(quotes) {
            return Ok(found);
        }
        let same_texts =
            |known: &Schema| compare_entries(&known.objects, &before.objects).is_empty();
        let strings = match &self.known_strings {
            Some((known, strings)) if same_texts(known) => strings.clone(),
            Some(_) | None => self.find_strings(&before)?,
        };
        found.extend_from_slice(&strings);
        self.known_strings = Some((before, strings));
        Ok(found)
    }

    fn find_strings(&mut self, before: &Schema) -> Result<Vec<NameAsString>> {
        let mut found = Vec::new();
        let mut aside: Vec<Object> = Vec::new();
        let after = loop {
            match self.requoted(&aside)? {
                Ok(after) => break after,
                Err(error) => {
                    let message = words(&error);
                    let name = missing_column(&message);
                    let (Some(object), Some(name)) = (self.culprit(&message)?, name) else {
                        return Err(error.into());
                    };
                    // The keys of an index are not rewritten: SQLite says so and stops.
                    let (kind, name) = (object.kind, name.to_owned());
                    found.push(NameAsString { kind, name: object.name.clone(), text: name });
                    aside.push(object);
                }
            }
        };
        found.extend(strings(before, &after));
        Ok(found)
    }

    /// Returns the schema as it reads after any rename of a column, without some objects; the inner
    /// error says which object is in the way. The shadow stays as it is.
    fn requoted(&mut self, aside: &[Object]) -> Result<rusqlite::Result<Schema>> {
        let before = self.current()?;
        let probe = quote(&self.free_name("phaseshift_probe")?);
        let rename = format!(
            "CREATE TABLE main.{probe}(c); ALTER TABLE main.{probe} RENAME COLUMN c TO d;
             DROP TABLE main.{probe}"
        );
        let undo = "ROLLBACK TO strings; RELEASE strings";
        self.connection.execute_batch("SAVEPOINT strings")?;
        if !aside.is_empty() {
            self.delete_entries(aside)?;
        }
        let renamed = with_stubs(&self.connection, &mut self.missing, |connection| {
            connection.execute_batch("SAVEPOINT probe")?;
            let tried = connection.execute_batch(&rename);
            if tried.is_err() {
                // The first error counts.
                drop(connection.execute_batch("ROLLBACK TO probe"));
            }
            connection.execute_batch("RELEASE probe")?;
            tried
        });
        let after = read_again(&self.connection, &before);
        self.connection.execute_batch(undo)?;
        self.reload()?;
        match renamed {
            Ok(()) => Ok(Ok(after?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

fn strings(before: &Schema, after: &Schema) -> Vec<NameAsString> {
    let mut found = Vec::new();
    for old in &before.objects {
        let new = after.find(old.kind, &old.name).and_then(|it| it.sql.as_deref());
        let (Some(text), Some(new)) = (old.sql.as_deref(), new) else { continue };
        if text == new {
            continue;
        }
        let mut is_default = false;
        for (was, is) in significant_tokens(text).zip(significant_tokens(new)) {
            // Behind DEFAULT, SQLite reads no column, whatever the quotes.
            if !is_default && is_requoted((&was, text), (&is, new)) {
                let text = unquote(was.text(text)).to_string();
                found.push(NameAsString { kind: old.kind, name: old.name.clone(), text });
            }
            is_default = was.is_word(text, "DEFAULT");
        }
    }
    found
}

/// Returns whether a name in double quotes became a string of the same text.
fn is_requoted((was, old): (&Token, &str), (is, new): (&Token, &str)) -> bool {
    let (was_text, is_text) = (was.text(old), is.text(new));
    was.kind == TokenKind::QuotedName
        && was_text.starts_with('"')
        && is.kind == TokenKind::Text
        && unquote(was_text) == unquote(is_text)
}

/// Returns whether a string reads like the new name of a column, if there is one.
fn is_name(string: &str, new_name: Option<&str>) -> bool {
    new_name.is_some_and(|name| same(string, name))
}

/// Returns the new text with the old quotes, if some were changed.
fn with_old_quotes(old: &str, new: &str, new_name: Option<&str>) -> Option<String> {
    if old == new || !old.contains('"') {
        return None;
    }
    let (before, after): (Vec<_>, Vec<_>) =
        (significant_tokens(old).collect(), significant_tokens(new).collect());
    if before.len() != after.len() {
        return None;
    }
    let mut kept = String::with_capacity(new.len());
    let mut end = 0;
    for (was, is) in before.iter().zip(&after) {
        let was_text = was.text(old);
        let only_quotes =
            is_requoted((was, old), (is, new)) && !is_name(&unquote(was_text), new_name);
        if only_quotes {
            kept.push_str(&new[end..is.start]);
            kept.push_str(was_text);
            end = is.end;
        }
    }
    kept.push_str(&new[end..]);
    (kept != new).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_get_their_old_quotes_back() {
        let old = "CREATE TABLE t(a TEXT DEFAULT \"none\", b CHECK (b <> \"x\" AND a <> 'y'))";
        let new = "CREATE TABLE t(\"c\" TEXT DEFAULT 'none', b CHECK (b <> 'x' AND \"c\" <> 'y'))";
        let kept =
            "CREATE TABLE t(\"c\" TEXT DEFAULT \"none\", b CHECK (b <> \"x\" AND \"c\" <> 'y'))";
        assert_eq!(with_old_quotes(old, new, Some("c")).as_deref(), Some(kept));
        let taken = with_old_quotes(old, new, Some("X"));
        assert!(taken.is_some_and(|text| text.contains("<> 'x'") && text.contains("\"none\"")));
    }
}
