//! Whether records of two tables mean the same, and whether the tables make the same rules for them.

use crate::name::{fold, same};
use crate::schema::{Column, ColumnStorage, RowKey, Table};
use crate::sql::{ConstraintKind, CreateTable, TokenKind, significant_tokens, unquote};

/// How a column's declared type is read (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
fn affinity(declared: &str) -> &'static str {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        "INTEGER"
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        "TEXT"
    } else if declared.is_empty() || has(&["BLOB"]) {
        "BLOB"
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "REAL"
    } else {
        "NUMERIC"
    }
}

/// Tells whether the same record holds the same values in both tables: the n-th column of one becomes
/// the n-th of the other, is read by the same type, and stands for the same default where the record is
/// shorter. The pairs name the columns before and after. The new table may have more columns behind.
///
/// For tables without rowids the primary keys must be known to be the same, too.
pub fn same_layout(before: &Table, after: &Table, pairs: &[(String, String)]) -> bool {
    let paired = |one: &Column, two: &Column| {
        pairs.iter().any(|(from, to)| same(from, &one.name) && same(to, &two.name))
    };
    let alias = |table: &Table| {
        let alias = table.rowid_alias()?;
        table.columns.iter().position(|column| column.name == alias.name)
    };
    let widths = match (&before.key, &after.key) {
        (RowKey::PrimaryKey(_), RowKey::PrimaryKey(_)) => {
            before.columns.len() == after.columns.len()
        }
        (RowKey::Rowid(_) | RowKey::HiddenRowid, RowKey::Rowid(_) | RowKey::HiddenRowid) => {
            before.columns.len() <= after.columns.len() && alias(before) == alias(after)
        }
        _ => false,
    };
    // A column behind those of the old table is not in its records: it must not claim to be.
    let more = after.columns.get(before.columns.len()..).unwrap_or_default();
    let unclaimed = |column: &Column| !pairs.iter().any(|(_, to)| same(to, &column.name));
    widths
        && more.iter().all(unclaimed)
        && before.columns.iter().zip(&after.columns).all(|(one, two)| {
            one.storage == two.storage
                && one.default == two.default
                && affinity(&one.declared) == affinity(&two.declared)
                && (one.storage == ColumnStorage::Virtual || paired(one, two))
        })
}

/// Tells whether both tables make the same rules for a row: NOT NULL, CHECK, STRICT. No also means that
/// it cannot be told from the texts.
pub fn same_rules(before: (&Table, &str), after: (&Table, &str)) -> bool {
    let ((old, old_text), (new, new_text)) = (before, after);
    let columns = || old.columns.iter().zip(&new.columns);
    let alike = old.columns.len() == new.columns.len()
        && old.strict == new.strict
        && columns().all(|(one, two)| {
            one.not_null == two.not_null
                && one.storage != ColumnStorage::Virtual
                && affinity(&one.declared) == affinity(&two.declared)
                && (!old.strict || same(&one.declared, &two.declared))
        });
    if !alike {
        return false;
    }
    let renames: Vec<(String, String)> = columns()
        .map(|(one, two)| (fold(&one.name), fold(&two.name)))
        .chain([(fold(&old.name), fold(&new.name))])
        .collect();
    match (checks(old_text, &renames), checks(new_text, &[])) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

/// The conditions of a table, with names as they are after the renames.
fn checks(text: &str, renames: &[(String, String)]) -> Option<Vec<Vec<String>>> {
    let table = CreateTable::read(text).ok()?;
    let all = table.columns.iter().flat_map(|column| &column.constraints).chain(&table.constraints);
    let mut found: Vec<Vec<String>> = Vec::new();
    for check in all.filter(|it| it.kind == ConstraintKind::Check) {
        found.push(through(text.get(check.operand.clone()?)?, renames));
    }
    found.sort();
    Some(found)
}

fn through(text: &str, renames: &[(String, String)]) -> Vec<String> {
    significant_tokens(text)
        .map(|token| match token.kind {
            TokenKind::Word | TokenKind::QuotedName => {
                let name = fold(&unquote(token.text(text)));
                let renamed = renames.iter().find(|(from, _)| *from == name);
                // The mark keeps a name apart from a literal or an operator of the same letters.
                format!("n {}", renamed.map_or(name.as_str(), |(_, to)| to))
            }
            TokenKind::Number
            | TokenKind::Blob
            | TokenKind::Text
            | TokenKind::Variable
            | TokenKind::Punctuation
            | TokenKind::Space
            | TokenKind::Comment
            | TokenKind::Illegal => token.text(text).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Schema, read};

    fn schema(sql: &str) -> Schema {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        read(&connection).unwrap()
    }

    fn rules(old: &str, new: &str) -> bool {
        let (one, two) = (schema(old), schema(new));
        same_rules((&one.tables["t"], old), (&two.tables["u"], new))
    }

    #[test]
    fn rules_follow_renames() {
        let old = "CREATE TABLE t(a INT NOT NULL CHECK (a > 0), b TEXT, CHECK (b <> 'a'))";
        assert!(rules(
            old,
            "CREATE TABLE u(x INT NOT NULL, b TEXT, CHECK(b <> 'a'), CHECK(\"x\">0))"
        ));
        assert!(!rules(old, "CREATE TABLE u(x INT CHECK (x > 0), b TEXT, CHECK (b <> 'a'))"));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 1), b TEXT, CHECK (b <> 'a'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 0), b TEXT, CHECK (b <> 'x'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(b INT NOT NULL CHECK (b > 0), x TEXT, CHECK (b <> 'a'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 0), b INT, CHECK (b <> 'a'))"
        ));
        let strict = |kind: &str, name: &str| format!("CREATE TABLE {name}(a {kind}) STRICT");
        assert!(rules(&strict("ANY", "t"), &strict("any", "u")));
        assert!(!rules(&strict("ANY", "t"), &strict("BLOB", "u")));
    }

    #[test]
    fn a_record_means_something_else_with_another_type_default_or_order() {
        let layout = |old: &str, new: &str, pairs: &[(&str, &str)]| {
            let (one, two) = (schema(old), schema(new));
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
            same_layout(&one.tables["t"], &two.tables["t"], &pairs)
        };
        let old = "CREATE TABLE t(a REAL, b DEFAULT 1)";
        let pairs = [("a", "x"), ("b", "b")];
        assert!(layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1)", &pairs));
        assert!(layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1, c)", &pairs));
        let twice = [("a", "x"), ("b", "b"), ("a", "c")];
        assert!(!layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1, c)", &twice));
        assert!(!layout(old, "CREATE TABLE t(x INT, b DEFAULT 1)", &pairs));
        assert!(!layout(old, "CREATE TABLE t(x REAL, b DEFAULT 2)", &pairs));
        assert!(!layout(old, "CREATE TABLE t(b DEFAULT 1, x REAL)", &pairs));
        assert!(!layout(
            old,
            "CREATE TABLE t(x REAL, b DEFAULT 1, PRIMARY KEY(x, b)) WITHOUT ROWID",
            &pairs
        ));
        assert!(!layout(old, "CREATE TABLE t(x REAL, b DEFAULT 1)", &[("b", "x"), ("a", "b")]));
        assert!(!layout(
            "CREATE TABLE t(a INTEGER)",
            "CREATE TABLE t(a INTEGER PRIMARY KEY)",
            &[("a", "a")]
        ));
    }
}
