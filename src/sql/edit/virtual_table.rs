//! Reads and changes the arguments of a CREATE VIRTUAL TABLE text.
//!
//! To SQLite an argument is any text without a comma outside parentheses; only the module knows what
//! it means (<https://sqlite.org/lang_createvtab.html>). The one shape known here is `key = value`.

use std::ops::Range;

use super::piece;
use super::splice::replaced;
use crate::name::{literal, quote, same};
use crate::sql::error::SqlError;
use crate::sql::object::{ObjectKind, read_head};
use crate::sql::reader::{Name, Reader, is_name};
use crate::sql::token::{TokenKind, significant_tokens, unquote};

/// The parts of a CREATE VIRTUAL TABLE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualTable {
    pub name: Name,
    /// The name of the module behind USING.
    pub module: Name,
    /// The arguments that the module gets. SQLite passes no empty ones, so none is listed.
    pub arguments: Vec<VirtualArgument>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualArgument {
    /// From its first to its last token; white space and comments around it are outside.
    pub range: Range<usize>,
    /// The bytes of that range.
    pub text: String,
}

/// Reads the module and the arguments of a virtual table.
///
/// ```
/// use phaseshift::sql::edit::virtual_table_arguments;
/// let sql = "CREATE VIRTUAL TABLE s USING fts5(name, content='sessions')";
/// let table = virtual_table_arguments(sql).expect("a valid statement");
/// assert_eq!(table.module.text, "fts5");
/// assert_eq!(table.arguments[1].text, "content='sessions'");
/// ```
pub fn virtual_table_arguments(sql: &str) -> Result<VirtualTable, SqlError> {
    let mut reader = Reader::new(sql);
    let head = read_head(&mut reader)?;
    if head.kind != ObjectKind::VirtualTable {
        let what = "not a CREATE VIRTUAL TABLE statement";
        return Err(SqlError::at(sql, head.name.range.start, what));
    }
    reader.expect_word("USING")?;
    let module = reader.name()?;
    let mut arguments = Vec::new();
    if reader.take_mark("(") {
        read_arguments(sql, &mut reader, &mut arguments)?;
    }
    reader.finish()?;
    Ok(VirtualTable { name: head.name, module, arguments })
}

/// Reads to behind the closing parenthesis.
fn read_arguments(
    sql: &str,
    reader: &mut Reader<'_>,
    arguments: &mut Vec<VirtualArgument>,
) -> Result<(), SqlError> {
    loop {
        let start = reader.next_start();
        let mut end = start;
        while !reader.at_mark(",") && !reader.at_mark(")") {
            if reader.at_mark("(") {
                reader.parentheses()?;
            } else if reader.peek().is_none_or(|token| token.kind == TokenKind::Illegal) {
                return Err(reader.expected("`)`"));
            } else {
                reader.advance();
            }
            end = reader.last_end();
        }
        if start < end {
            arguments.push(VirtualArgument { range: start..end, text: sql[start..end].to_owned() });
        }
        if !reader.take_mark(",") {
            return reader.expect_mark(")");
        }
    }
}

/// Replaces one argument of a virtual table, counted from 0 as [`virtual_table_arguments`] lists them.
///
/// # Errors
/// The text is no CREATE VIRTUAL TABLE statement, there is no such argument, or the new text is not
/// exactly one argument.
pub fn set_virtual_argument(sql: &str, index: usize, new_text: &str) -> Result<String, SqlError> {
    let table = virtual_table_arguments(sql)?;
    let Some(argument) = table.arguments.get(index) else {
        let what = format!("virtual table `{}` has no argument {index}", table.name.text);
        return Err(SqlError::at(sql, table.name.range.start, what));
    };
    let new_text = piece::trimmed(new_text);
    piece::balanced(new_text)?;
    let wrapped = format!("CREATE VIRTUAL TABLE t USING m({new_text}\n)");
    let single = virtual_table_arguments(&wrapped)?;
    if !matches!(single.arguments.as_slice(), [only] if only.text == new_text) {
        return Err(SqlError::at(new_text, 0, "expected exactly one argument"));
    }
    Ok(replaced(sql, argument.range.clone(), new_text))
}

/// An argument of the shape `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualOption {
    /// The key, without quotes.
    pub key: String,
    /// The value: without quotes if it is one quoted token, otherwise as it is written.
    pub value: String,
    /// The place of the value in the text of the argument.
    pub value_range: Range<usize>,
    argument: String,
}

impl VirtualOption {
    /// Returns the argument with another value, quoted as the old one was, or quoted again if it must be.
    ///
    /// ```
    /// use phaseshift::sql::edit::virtual_option;
    /// let option = virtual_option("content = 'sessions'").expect("an option");
    /// assert_eq!(option.with_value("imaging_sessions"), "content = 'imaging_sessions'");
    /// ```
    pub fn with_value(&self, value: &str) -> String {
        let old = &self.argument[self.value_range.clone()];
        let quoted = match old.as_bytes().first() {
            Some(b'"') => quote(value),
            Some(b'\'' | b'`' | b'[') => literal(value),
            Some(_) | None if is_bare_word(value) => value.to_owned(),
            Some(_) | None => literal(value),
        };
        replaced(&self.argument, self.value_range.clone(), &quoted)
    }
}

fn is_bare_word(value: &str) -> bool {
    let mut all = significant_tokens(value);
    let word = all
        .next()
        .is_some_and(|token| token.kind == TokenKind::Word && token.range() == (0..value.len()));
    word && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads an argument of the shape `key = value`; None if it has another shape.
pub fn virtual_option(argument: &str) -> Option<VirtualOption> {
    let all: Vec<_> = significant_tokens(argument).collect();
    let [key, equals, first, ..] = all.as_slice() else { return None };
    if !is_name(key.kind) || !equals.is_mark(argument, "=") {
        return None;
    }
    let last = all.last()?;
    let value_range = first.start..last.end;
    let text = &argument[value_range.clone()];
    let value = if all.len() == 3 { unquote(text) } else { text.to_owned() };
    let key = unquote(key.text(argument));
    Some(VirtualOption { key, value, value_range, argument: argument.to_owned() })
}

/// Returns whether all statements of a text are commands to full-text tables, such as
/// `INSERT INTO search(search) VALUES('rebuild')`: they change an index and no row
/// (<https://sqlite.org/fts5.html#special_insert_commands>).
///
/// ```
/// use phaseshift::sql::edit::is_index_command;
/// assert!(is_index_command("INSERT INTO main.s(s, rank) VALUES('pgsz', 4096); insert into \"s\"(s) values('rebuild')"));
/// assert!(!is_index_command("INSERT INTO s(a) VALUES('rebuild')"));
/// ```
pub fn is_index_command(sql: &str) -> bool {
    let all: Vec<_> = significant_tokens(sql).collect();
    let mut statements =
        all.split(|it| it.is_mark(sql, ";")).filter(|it| !it.is_empty()).peekable();
    statements.peek().is_some()
        && statements.all(|statement| {
            let text = |place: usize| statement.get(place).map(|it| it.text(sql));
            let mark = |place: usize, mark: &str| text(place) == Some(mark);
            let word = |place: usize, word: &str| {
                statement.get(place).is_some_and(|it| it.is_word(sql, word))
            };
            let name = if mark(3, ".") { 4 } else { 2 };
            let names_itself = text(name)
                .zip(text(name + 2))
                .is_some_and(|(one, two)| same(&unquote(one), &unquote(two)));
            let has_rank = mark(name + 3, ",") && word(name + 4, "rank");
            let end = if has_rank { name + 5 } else { name + 3 };
            // It would undo what no downgrade fills again.
            let empties = statement.iter().any(|it| same(&unquote(it.text(sql)), "delete-all"));
            (word(0, "INSERT") && word(1, "INTO") && names_itself && !empties)
                && (mark(name + 1, "(") && mark(end, ")") && word(end + 1, "VALUES"))
        })
}

/// Returns whether a virtual table is a full-text table that reads its rows from another table
/// (<https://sqlite.org/fts5.html#external_content_tables>).
pub fn reads_content(sql: &str) -> bool {
    virtual_table_arguments(sql).is_ok_and(|table| {
        let options = table.arguments.iter().filter_map(|it| virtual_option(&it.text));
        options.into_iter().any(|it| same(&it.key, "content") && !it.value.is_empty())
    })
}
