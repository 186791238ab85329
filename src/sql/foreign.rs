//! What a text of SQL that is not ours may hold, as far as its tokens tell.

use super::error::SqlError;
use super::object::ObjectKind;
use super::reader::{Reader, shortened};
use super::token::{Token, TokenKind, significant_tokens, tokens, unquote};
use crate::name::same;

/// Finds the first parameter of a text: nothing is ever bound to it, and SQLite would read NULL.
///
/// The arguments of a virtual table are the business of its module, and may look like anything.
///
/// ```
/// use phaseshift::sql::find_parameter;
/// let found = find_parameter("UPDATE t SET a = '?',\n b = :name").expect("a parameter");
/// assert_eq!((found.line, found.what.as_str()), (2, "the parameter :name has no value"));
/// assert!(find_parameter("CREATE VIRTUAL TABLE f USING m(@x)").is_none());
/// ```
pub fn find_parameter(sql: &str) -> Option<SqlError> {
    let mut statement: Vec<Token> = Vec::new();
    for token in significant_tokens(sql) {
        if token.is_mark(sql, ";") {
            statement.clear();
            continue;
        }
        let is_virtual =
            statement.iter().take(2).nth(1).is_some_and(|it| it.is_word(sql, "VIRTUAL"));
        if token.kind == TokenKind::Variable && !is_virtual {
            let what = format!("the parameter {} has no value", shortened(token.text(sql)));
            return Some(SqlError::at(sql, token.start, what));
        }
        if statement.len() < 2 {
            statement.push(token);
        }
    }
    None
}

/// Finds a comment that is never closed and holds a semicolon: SQLite reads it to the end of the text, with the
/// statements that a person wrote behind it.
///
/// ```
/// use phaseshift::sql::find_hidden_statement;
/// let found = find_hidden_statement("SELECT 1;\n/* open\nDROP TABLE t;").expect("a comment");
/// assert_eq!(found.line, 2);
/// assert!(find_hidden_statement("SELECT 1 /* closed; */").is_none());
/// ```
pub fn find_hidden_statement(sql: &str) -> Option<SqlError> {
    let last = tokens(sql).into_iter().rfind(|it| it.kind == TokenKind::Comment)?;
    let comment = last.text(sql);
    let inside = comment.strip_prefix("/*")?;
    let hides = !inside.ends_with("*/") && inside.contains(';');
    hides.then(|| {
        SqlError::at(sql, last.start, "a comment is never closed, and hides what stands behind it")
    })
}

/// Finds what stands behind the one statement that a text may hold.
///
/// The body of a trigger ends at an END behind a semicolon (<https://sqlite.org/c3ref/complete.html>).
///
/// ```
/// use phaseshift::sql::find_second_statement;
/// assert!(find_second_statement("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; -- done").is_none());
/// let found = find_second_statement("CREATE TABLE t(a);\nDROP TABLE u").expect("a second one");
/// assert_eq!(found.line, 2);
/// ```
pub fn find_second_statement(sql: &str) -> Option<SqlError> {
    let tokens: Vec<Token> = significant_tokens(sql).collect();
    let trigger = creates_trigger(sql, &tokens);
    let is_end = |index: usize| {
        let mark = tokens[index].is_mark(sql, ";");
        let body = index >= 2
            && tokens[index - 1].is_word(sql, "END")
            && tokens[index - 2].is_mark(sql, ";");
        mark && (body || !trigger)
    };
    let end = (0..tokens.len()).find(|index| is_end(*index))?;
    let next = tokens[end..].iter().find(|it| !it.is_mark(sql, ";"))?;
    let what = format!("a second statement begins with `{}`", shortened(next.text(sql)));
    Some(SqlError::at(sql, next.start, what))
}

pub(super) fn creates_trigger(sql: &str, tokens: &[Token]) -> bool {
    let mut words =
        tokens.iter().filter(|it| !["TEMP", "TEMPORARY"].iter().any(|word| it.is_word(sql, word)));
    words.next().is_some_and(|it| it.is_word(sql, "CREATE"))
        && words.next().is_some_and(|it| it.is_word(sql, "TRIGGER"))
}

/// Finds out whether a CREATE statement makes something that does not stay in the database: a temporary object,
/// or one of another schema.
///
/// ```
/// use phaseshift::sql::find_passing_object;
/// assert!(find_passing_object("CREATE TEMP TABLE t(a)").is_some());
/// assert!(find_passing_object("CREATE VIEW temp.v AS SELECT 1").is_some());
/// assert!(find_passing_object("CREATE TABLE main.temp(a)").is_none());
/// ```
pub fn find_passing_object(sql: &str) -> Option<SqlError> {
    let head = super::object::object_head(sql).ok()?;
    let second = significant_tokens(sql).nth(1)?;
    let passing = |what: String, position| Some(SqlError::at(sql, position, what));
    if ["TEMP", "TEMPORARY"].iter().any(|word| second.is_word(sql, word)) {
        let what = format!("{} would be temporary and gone after the run", head.name.text);
        return passing(what, second.start);
    }
    let schema = head.schema.filter(|it| !same(&it.text, "main"))?;
    let what = format!("{}.{} would not be in the database", schema.text, head.name.text);
    passing(what, schema.range.start)
}

/// Finds out whether a text creates a table out of a query. Only its columns are known to the plan.
///
/// ```
/// use phaseshift::sql::find_table_of_query;
/// assert!(find_table_of_query("CREATE TABLE t AS SELECT 1").is_some());
/// assert!(find_table_of_query("CREATE TABLE t(a AS (1))").is_none());
/// ```
pub fn find_table_of_query(sql: &str) -> Option<SqlError> {
    let head = super::object::object_head(sql).ok()?;
    let next = significant_tokens(sql).find(|it| it.start >= head.name.range.end)?;
    if head.kind != ObjectKind::Table || !next.is_word(sql, "AS") {
        return None;
    }
    Some(SqlError::at(
        sql,
        next.start,
        "CREATE TABLE ... AS copies rows, which takes a step with op = \"sql\"",
    ))
}

/// Finds out why a text is not a piece of one statement, such as an expression or a column definition.
///
/// ```
/// use phaseshift::sql::find_end_of_piece;
/// assert!(find_end_of_piece("coalesce(a, ';') -- a").is_none());
/// assert!(find_end_of_piece("1; DROP TABLE t").is_some());
/// assert!(find_end_of_piece("a) FROM (SELECT 1").is_some());
/// ```
pub fn find_end_of_piece(sql: &str) -> Option<SqlError> {
    let mut reader = Reader::new(sql);
    while let Some(token) = reader.peek() {
        if token.is_mark(sql, "(") {
            if let Err(error) = reader.parentheses() {
                return Some(error);
            }
            continue;
        }
        let ends = token.is_mark(sql, ";") || token.is_mark(sql, ")");
        if ends || token.kind == TokenKind::Illegal {
            let what = format!("unexpected `{}`", shortened(token.text(sql)));
            return Some(SqlError::at(sql, token.start, what));
        }
        reader.advance();
    }
    None
}

/// Returns the text with every word in double quotes written as an identifier and nothing else, or `None` if there
/// is none. SQLite reads a word in double quotes as a string where no identifier has this name
/// (<https://sqlite.org/quirks.html#dblquote>); one in other quotes it never does.
///
/// ```
/// use phaseshift::sql::with_identifiers_only;
/// let strict = with_identifiers_only("SELECT \"a\", 'b' FROM [t]");
/// assert_eq!(strict.as_deref(), Some("SELECT `a`, 'b' FROM [t]"));
/// ```
pub fn with_identifiers_only(sql: &str) -> Option<String> {
    let tokens: Vec<Token> = significant_tokens(sql).collect();
    if tokens.get(1).is_some_and(|it| it.is_word(sql, "VIRTUAL")) {
        return None;
    }
    let mut strict = String::with_capacity(sql.len());
    let mut end = 0;
    for token in tokens {
        let text = token.text(sql);
        if token.kind != TokenKind::QuotedName || !text.starts_with('"') {
            continue;
        }
        strict.push_str(&sql[end..token.start]);
        strict.push_str(&format!("`{}`", unquote(text).replace('`', "``")));
        end = token.end;
    }
    strict.push_str(&sql[end..]);
    (end > 0).then_some(strict)
}
