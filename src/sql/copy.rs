//! Statements that copy the rows of one table into another, as hand-written rebuilds do.
//!
//! Only the form is read here; whether the rows arrived as they were is for the proof to tell.

use super::error::SqlError;
use super::reader::{Name, Reader, is_name};
use super::token::{Token, TokenKind, significant_tokens, unquote};
use crate::name::same;

/// `INSERT INTO t(...) SELECT ... FROM s` or `CREATE TABLE t AS SELECT ... FROM s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCopy {
    pub to: String,
    /// Its columns, as the statement lists them; `None` stands for all of them.
    pub columns: Option<Vec<String>>,
    /// What fills the columns, in order.
    pub items: Vec<CopyItem>,
    pub from: String,
    /// Whether rows may be left out.
    pub partial: bool,
}

/// What fills one column, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyItem {
    /// `*`: every column of the table that is read.
    All,
    /// One column, or a word that looks like one.
    Column(String),
    Expression,
}

/// Reads a statement that copies one table into another row by row; `None` for any other statement.
///
/// ```
/// use phaseshift::sql::{CopyItem, table_copy};
/// let copy = table_copy("INSERT INTO n(a, b) SELECT w.a, upper(b) FROM w").expect("a copy");
/// assert_eq!((copy.to.as_str(), copy.from.as_str()), ("n", "w"));
/// assert_eq!(copy.items, [CopyItem::Column("a".into()), CopyItem::Expression]);
/// assert_eq!(table_copy("INSERT INTO n SELECT a FROM w JOIN x USING (a)"), None);
/// ```
pub fn table_copy(sql: &str) -> Option<TableCopy> {
    read(sql).ok().flatten()
}

fn read(sql: &str) -> Result<Option<TableCopy>, SqlError> {
    let mut reader = Reader::new(sql);
    let (to, columns) = if reader.take_word("CREATE") {
        (created(&mut reader)?, None)
    } else {
        filled(&mut reader)?
    };
    reader.expect_word("SELECT")?;
    let distinct = reader.take_word("DISTINCT");
    reader.take_word("ALL");
    let start = reader.next_start();
    skip_to_from(&mut reader)?;
    let list = sql.get(start..reader.next_start()).unwrap_or_default();
    reader.expect_word("FROM")?;
    let from = qualified(&mut reader)?.text;
    let alias = alias(&mut reader);
    let Some(rest) = rest(&mut reader) else { return Ok(None) };
    let Some(items) = items(list, &[Some(from.as_str()), alias.as_deref()]) else {
        return Ok(None);
    };
    let partial = distinct || rest == Rest::Condition;
    Ok(Some(TableCopy { to, columns, items, from, partial }))
}

/// `CREATE TABLE [IF NOT EXISTS] name AS`
fn created(reader: &mut Reader<'_>) -> Result<String, SqlError> {
    reader.expect_word("TABLE")?;
    if reader.at_word("IF") && reader.word_after(1, "NOT") {
        for word in ["IF", "NOT", "EXISTS"] {
            reader.expect_word(word)?;
        }
    }
    let name = qualified(reader)?;
    reader.expect_word("AS")?;
    Ok(name.text)
}

/// `INSERT [OR word] INTO name [(columns)]`
fn filled(reader: &mut Reader<'_>) -> Result<(String, Option<Vec<String>>), SqlError> {
    if !reader.take_word("REPLACE") {
        reader.expect_word("INSERT")?;
        if reader.take_word("OR") {
            reader.advance();
        }
    }
    reader.expect_word("INTO")?;
    let name = qualified(reader)?.text;
    let mut columns = None;
    if reader.take_mark("(") {
        let mut names = vec![reader.name()?.text];
        while reader.take_mark(",") {
            names.push(reader.name()?.text);
        }
        reader.expect_mark(")")?;
        columns = Some(names);
    }
    Ok((name, columns))
}

fn qualified(reader: &mut Reader<'_>) -> Result<Name, SqlError> {
    let first = reader.name()?;
    if reader.take_mark(".") { reader.name() } else { Ok(first) }
}

fn skip_to_from(reader: &mut Reader<'_>) -> Result<(), SqlError> {
    while !reader.at_word("FROM") {
        if reader.at_mark("(") {
            reader.parentheses()?;
        } else if reader.advance().is_none() {
            return Err(reader.expected("FROM"));
        }
    }
    Ok(())
}

/// Words that can follow the table of a query, and so are no alias.
const AFTER_TABLE: [&str; 19] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "JOIN",
    "NATURAL",
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "CROSS",
    "INDEXED",
    "NOT",
    "ON",
];

fn alias(reader: &mut Reader<'_>) -> Option<String> {
    let written = reader.take_word("AS");
    let named = reader.peek().is_some_and(|it| is_name(it.kind));
    (named && (written || !reader.at_any_word(&AFTER_TABLE)))
        .then(|| reader.name().ok().map(|it| it.text))
        .flatten()
}

/// What follows the table that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Condition,
}

/// Reads to the end; `None` if rows of other tables come in, or several rows become one.
fn rest(reader: &mut Reader<'_>) -> Option<Rest> {
    let mut found = Rest::Nothing;
    if reader.take_word("WHERE") {
        found = Rest::Condition;
    } else if !reader.at_any_word(&["ORDER", "LIMIT"]) {
        return reader.finish().is_ok().then_some(found);
    }
    while reader.peek().is_some() && !reader.at_mark(";") {
        if reader.at_any_word(&["GROUP", "HAVING", "WINDOW", "UNION", "INTERSECT", "EXCEPT", "ON"])
        {
            return None;
        }
        if reader.at_word("LIMIT") {
            found = Rest::Condition;
        }
        if reader.at_mark("(") {
            reader.parentheses().ok()?;
        } else {
            reader.advance();
        }
    }
    reader.finish().is_ok().then_some(found)
}

/// Reads the list between SELECT and FROM; `None` if one of its functions makes one row of many.
fn items(list: &str, tables: &[Option<&str>]) -> Option<Vec<CopyItem>> {
    let tokens: Vec<Token> = significant_tokens(list).collect();
    let sums = |pair: &[Token]| {
        pair.last().is_some_and(|it| it.is_mark(list, "("))
            && AGGREGATES.iter().any(|name| same(&unquote(pair[0].text(list)), name))
    };
    if tokens.windows(2).any(sums) {
        return None;
    }
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (place, token) in tokens.iter().enumerate() {
        if token.is_mark(list, "(") {
            depth += 1;
        } else if token.is_mark(list, ")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_mark(list, ",") {
            items.push(item(list, &tokens[start..place], tables));
            start = place + 1;
        }
    }
    items.push(item(list, tokens.get(start..).unwrap_or_default(), tables));
    Some(items)
}

const AGGREGATES: [&str; 10] = [
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "max",
    "min",
    "string_agg",
    "sum",
    "total",
];

fn item(list: &str, tokens: &[Token], tables: &[Option<&str>]) -> CopyItem {
    let is_named = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
    let name = |token: &Token| unquote(token.text(list));
    let ours = |token: &Token| tables.iter().flatten().any(|table| same(table, &name(token)));
    let tokens = match tokens {
        [rest @ .., word, last] if word.is_word(list, "AS") && is_name(last.kind) => rest,
        // A column and its alias, without AS.
        [first, last] if is_named(first) && is_named(last) => &tokens[..1],
        _ => tokens,
    };
    match tokens {
        [star] if star.is_mark(list, "*") => CopyItem::All,
        [table, dot, star] if dot.is_mark(list, ".") && star.is_mark(list, "*") && ours(table) => {
            CopyItem::All
        }
        [column] if is_named(column) => CopyItem::Column(name(column)),
        [table, dot, column] if dot.is_mark(list, ".") && is_named(column) && ours(table) => {
            CopyItem::Column(name(column))
        }
        _ => CopyItem::Expression,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> CopyItem {
        CopyItem::Column(name.to_owned())
    }

    #[test]
    fn copies_are_read_in_every_spelling() {
        for (sql, columns, items, partial) in [
            ("INSERT INTO n SELECT * FROM w;", None, vec![CopyItem::All], false),
            (
                "insert or ignore into main.\"n\"(a,[b]) select a, w.b as b from \"w\" order by a",
                Some(vec!["a".to_owned(), "b".to_owned()]),
                vec![column("a"), column("b")],
                false,
            ),
            (
                "CREATE TABLE n AS SELECT o.a, coalesce(b, 'x, y') c, NULL FROM main.w AS o WHERE a > 1",
                None,
                vec![column("a"), CopyItem::Expression, column("NULL")],
                true,
            ),
            (
                "REPLACE INTO n SELECT DISTINCT (a), 'b' -- FROM x\n FROM w LIMIT 1",
                None,
                vec![CopyItem::Expression, CopyItem::Expression],
                true,
            ),
        ] {
            let copy = table_copy(sql);
            let copy = copy.unwrap_or_else(|| panic!("not read: {sql}"));
            assert_eq!((copy.to.as_str(), copy.from.as_str()), ("n", "w"), "{sql}");
            assert_eq!(
                (copy.columns, copy.items, copy.partial),
                (columns, items, partial),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_mixes_rows_is_no_copy() {
        for sql in [
            "INSERT INTO n SELECT a FROM w, x",
            "INSERT INTO n SELECT a FROM w JOIN x",
            "INSERT INTO n SELECT a FROM w LEFT JOIN x USING (a)",
            "INSERT INTO n SELECT a FROM (SELECT * FROM w)",
            "INSERT INTO n SELECT count(*) FROM w",
            "INSERT INTO n SELECT a FROM w GROUP BY a",
            "INSERT INTO n SELECT a FROM w WHERE a UNION SELECT a FROM x",
            "INSERT INTO n SELECT a FROM w WHERE 1 ON CONFLICT DO NOTHING",
            "INSERT INTO n VALUES (1)",
            "WITH q AS (SELECT 1) INSERT INTO n SELECT a FROM w",
            "UPDATE n SET a = 1",
            "CREATE TABLE n(a)",
            "",
        ] {
            assert_eq!(table_copy(sql), None, "{sql}");
        }
    }
}
