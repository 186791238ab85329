//! Renaming a column that is called `rowid`, `_rowid_` or `oid`, or is to be.
//!
//! SQLite refuses that in a table that has rowids, because the name would then mean, or meant before, the
//! rowid (`isRowidAlias` in `alter.c`). In the shadow, where there are no rows, the table is made one
//! without rowids for as long as SQLite renames the column; what reads the true rowid does not compile
//! meanwhile, so that no mention of the name is left to mean something else.

use super::shadow::Shadow;
use crate::error::Result;
use crate::name::quote;
use crate::schema::ObjectKind;
use crate::sql::{CreateTable, significant_tokens};

const KEY: &str = "\"phaseshift_key\" INT PRIMARY KEY, ";
const COUNTER: &str = "AUTOINCREMENT";
const HIDDEN_COUNTER: &str = "/*phaseshift AUTOINCREMENT*/";

/// A text with what makes the table one without rowids.
struct Substitute {
    text: String,
    end: &'static str,
}

impl Shadow {
    /// Renames a column by way of a substitute definition; `false` if the table can have none.
    pub(super) fn rename_shadowing(&mut self, table: &str, from: &str, to: &str) -> Result<bool> {
        let schema = self.current()?;
        let Some(object) = schema.find(ObjectKind::Table, table) else { return Ok(false) };
        let text = object.sql.as_deref().unwrap_or_default();
        let keyed = schema.shape(table).is_some_and(|it| !it.primary_key().is_empty());
        let Some(substitute) = substituted(text, keyed) else { return Ok(false) };
        self.recreate(&schema, object, &substitute.text)?;
        self.execute(&format!(
            "ALTER TABLE main.{} RENAME COLUMN {} TO {}",
            quote(table),
            quote(from),
            quote(to)
        ))?;
        let schema = self.current()?;
        let renamed = schema.find(ObjectKind::Table, table);
        let Some((object, text)) = renamed.and_then(|it| Some((it, it.sql.as_deref()?))) else {
            return Ok(false);
        };
        let Some(text) = text.strip_suffix(substitute.end) else { return Ok(false) };
        let text = text.replacen(KEY, "", 1).replace(HIDDEN_COUNTER, COUNTER);
        self.recreate(&schema, object, &text)?;
        Ok(true)
    }
}

fn substituted(text: &str, keyed: bool) -> Option<Substitute> {
    let table = CreateTable::read(text).ok()?;
    let end = if table.options.is_empty() { " WITHOUT ROWID" } else { ", WITHOUT ROWID" };
    if text.contains(KEY) || text.contains(HIDDEN_COUNTER) || text.ends_with(end) {
        return None;
    }
    let mut substituted = String::with_capacity(text.len() + 64);
    let mut done = 0;
    if !keyed {
        done = table.columns.first()?.name.range.start;
        substituted.push_str(&text[..done]);
        substituted.push_str(KEY);
    }
    for token in significant_tokens(text).filter(|it| it.is_word(text, COUNTER)) {
        if token.text(text) != COUNTER {
            // It has to come back as it was written.
            return None;
        }
        substituted.push_str(&text[done..token.start]);
        substituted.push_str(HIDDEN_COUNTER);
        done = token.end;
    }
    substituted.push_str(&text[done..]);
    substituted.push_str(end);
    Some(Substitute { text: substituted, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_substitute_is_taken_back() {
        let text = "CREATE TABLE t(oid TEXT, b INTEGER PRIMARY KEY AUTOINCREMENT)";
        let found = substituted(text, true).map(|it| it.text);
        let worn = "CREATE TABLE t(oid TEXT, b INTEGER PRIMARY KEY /*phaseshift AUTOINCREMENT*/) WITHOUT ROWID";
        assert_eq!(found.as_deref(), Some(worn));
        let found = substituted("CREATE TABLE t(oid ANY) STRICT", false).map(|it| it.text);
        let worn =
            "CREATE TABLE t(\"phaseshift_key\" INT PRIMARY KEY, oid ANY) STRICT, WITHOUT ROWID";
        assert_eq!(found.as_deref(), Some(worn));
    }
}
