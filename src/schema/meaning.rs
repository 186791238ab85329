//! Whether two schemas mean the same, whatever spacing, comments, quotes and case their texts have.

use super::model::{Column, Object, ObjectKind, Schema, Table};
use crate::name::{fold, same};
use crate::sql::{CreateTable, TokenKind, significant_tokens, unquote};

/// Whether the columns of a table must stand in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnOrder {
    /// They must.
    Same,
    /// They need not: branches of a chain may have been applied in any order.
    Any,
}

/// Tells whether two texts have the same tokens; names and keywords may differ in case and quotes.
pub fn same_meaning(left: &str, right: &str) -> bool {
    form(left) == form(right)
}

/// As [`same_meaning`], for the text of a virtual table: its arguments go to the module, which takes the
/// quotes off values, too (<https://sqlite.org/fts5.html#fts5_table_creation_and_initialization>).
pub fn same_virtual_meaning(left: &str, right: &str) -> bool {
    let form = |text: &str| -> Vec<String> {
        significant_tokens(text).map(|token| fold(&unquote(token.text(text)))).collect()
    };
    form(left) == form(right)
}

/// Returns the tokens of a text in a form that is the same for all texts of this meaning.
pub fn meaning_of(text: &str) -> String {
    form(text).join(" ")
}

fn form(text: &str) -> Vec<String> {
    significant_tokens(text)
        .map(|token| match token.kind {
            // The mark keeps a name apart from a literal or an operator of the same letters.
            TokenKind::Word | TokenKind::QuotedName => {
                format!("n {}", fold(&unquote(token.text(text))))
            }
            TokenKind::Number | TokenKind::Blob => fold(token.text(text)),
            TokenKind::Text
            | TokenKind::Variable
            | TokenKind::Punctuation
            | TokenKind::Space
            | TokenKind::Comment
            | TokenKind::Illegal => token.text(text).to_owned(),
        })
        .collect()
}

/// Lists how a schema differs in meaning from the one that is expected, one line each.
///
/// What a virtual table keeps for itself does not count.
pub fn differences(expected: &Schema, found: &Schema, order: ColumnOrder) -> Vec<String> {
    let mut lines = Vec::new();
    for object in counted(expected) {
        match found.find(object.kind, &object.name) {
            None => lines.push(format!("{} is missing", described(object))),
            Some(other) => compare(expected, found, (object, other), order, &mut lines),
        }
    }
    for object in counted(found) {
        if expected.find(object.kind, &object.name).is_none() {
            lines.push(format!("{} is there and should not be", described(object)));
        }
    }
    lines
}

fn counted(schema: &Schema) -> impl Iterator<Item = &Object> {
    schema.objects.iter().filter(|object| object.kind != ObjectKind::ShadowTable)
}

fn described(object: &Object) -> String {
    format!("{} {}", object.kind.word(), object.name)
}

fn compare(
    expected: &Schema,
    found: &Schema,
    (object, other): (&Object, &Object),
    order: ColumnOrder,
    lines: &mut Vec<String>,
) {
    let text = |object: &Object| object.sql.clone().unwrap_or_default();
    let (wanted, here) = (text(object), text(other));
    let alike = same_meaning(&wanted, &here)
        || (object.kind == ObjectKind::VirtualTable && same_virtual_meaning(&wanted, &here))
        || (order == ColumnOrder::Any
            && object.kind == ObjectKind::Table
            && pieces(&wanted) == pieces(&here));
    if alike {
        return;
    }
    let before = lines.len();
    if let (Some(wanted), Some(here)) = (expected.shape(&object.name), found.shape(&other.name)) {
        compare_shapes(wanted, here, order, lines);
    }
    if lines.len() == before {
        lines.push(format!("{} is defined otherwise", described(object)));
    }
}

/// The columns and constraints of a table, each for itself, in no order.
fn pieces(sql: &str) -> Option<Vec<Vec<String>>> {
    let table = CreateTable::read(sql).ok()?;
    let ranges = table
        .columns
        .iter()
        .map(|column| column.range.clone())
        .chain(table.constraints.iter().map(|it| it.range.clone()))
        .chain(table.options.iter().map(|it| it.range.clone()));
    let mut pieces: Vec<Vec<String>> = ranges.map(|range| form(&sql[range])).collect();
    pieces.sort();
    Some(pieces)
}

fn compare_shapes(wanted: &Table, here: &Table, order: ColumnOrder, lines: &mut Vec<String>) {
    let table = &wanted.name;
    let before = lines.len();
    for column in &wanted.columns {
        match here.column(&column.name) {
            None => lines.push(format!("column {table}.{} is missing", column.name)),
            Some(other) if declaration(other) != declaration(column) => lines.push(format!(
                "column {table}.{} is {} instead of {}",
                column.name,
                declaration(other),
                declaration(column)
            )),
            Some(_) => {}
        }
    }
    for column in here.columns.iter().filter(|it| wanted.column(&it.name).is_none()) {
        lines.push(format!("column {table}.{} is there and should not be", column.name));
    }
    let in_order = wanted.columns.iter().zip(&here.columns).all(|(a, b)| same(&a.name, &b.name));
    if lines.len() == before && order == ColumnOrder::Same && !in_order {
        lines.push(format!("the columns of {table} stand in another order"));
    }
    if wanted.foreign_keys != here.foreign_keys {
        lines.push(format!("the foreign keys of {table} differ"));
    }
}

fn declaration(column: &Column) -> String {
    let mut text = if column.declared.is_empty() {
        "untyped".to_owned()
    } else {
        column.declared.to_ascii_uppercase()
    };
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        text.push_str(&format!(" DEFAULT {default}"));
    }
    if column.key > 0 {
        text.push_str(&format!(" as part {} of the key", column.key));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_case_and_comments_do_not_count() {
        let text = "CREATE TABLE \"imaging\" (\n  a INTEGER, -- one\n  [b] text)";
        assert!(same_meaning(text, "create table imaging(A integer, b TEXT)"));
        assert!(!same_meaning(text, "CREATE TABLE imaging(a INTEGER, b TEXT DEFAULT 'b')"));
        assert!(!same_meaning("CHECK (a = 'x')", "CHECK (a = 'X')"));
        assert!(!same_meaning("SELECT 'a'", "SELECT a"));
    }

    #[test]
    fn differences_name_columns() {
        let schema = |sql: &str| {
            let connection = rusqlite::Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            crate::schema::read(&connection).unwrap()
        };
        let one = schema("CREATE TABLE t(a INTEGER, b TEXT, c REAL); CREATE INDEX i ON t(a)");
        let two = schema("CREATE TABLE t(b TEXT NOT NULL, a INTEGER, d); CREATE TABLE u(x)");
        assert_eq!(
            differences(&one, &two, ColumnOrder::Same),
            [
                "column t.b is TEXT NOT NULL instead of TEXT",
                "column t.c is missing",
                "column t.d is there and should not be",
                "index i is missing",
                "table u is there and should not be",
            ]
        );
        let other_order =
            schema("CREATE TABLE t(b TEXT, a INTEGER, c REAL); CREATE INDEX i ON t(a)");
        assert_eq!(
            differences(&one, &other_order, ColumnOrder::Same),
            ["the columns of t stand in another order"]
        );
        assert!(differences(&one, &other_order, ColumnOrder::Any).is_empty());
    }
}
