//! Finds the parts of a CREATE TABLE statement: places in the text, never a tree to print from.
//!
//! The grammar is that of SQLite's parser, which is wider than its manual
//! (<https://sqlite.org/lang_createtable.html>): table constraints may stand without commas, and
//! `CONSTRAINT name` may stand alone. What SQLite refuses may still be read here; SQLite is the judge.

use std::ops::Range;

use super::error::SqlError;
use super::object::{ObjectKind, read_head};
use super::reader::{Name, Reader, is_name};
use super::token::TokenKind;
use crate::name;

/// The parts of a CREATE TABLE statement, as byte ranges of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// The name of the table, without a schema.
    pub name: Name,
    /// The body, both parentheses included.
    pub body: Range<usize>,
    /// The columns in their written order; there is at least one.
    pub columns: Vec<ColumnDefinition>,
    /// The constraints behind the columns, in their written order.
    pub constraints: Vec<Constraint>,
    /// The options behind the body.
    pub options: Vec<TableOption>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    pub name: Name,
    /// The declared type with its size, if the column has one.
    pub type_range: Option<Range<usize>>,
    /// The constraints of the column, in their written order.
    pub constraints: Vec<Constraint>,
    /// From the name to the end of the last constraint; comments around it are outside.
    pub range: Range<usize>,
}

/// One constraint of a column or of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    pub kind: ConstraintKind,
    /// The name behind `CONSTRAINT`, if one is written.
    pub name: Option<Name>,
    /// The whole constraint, `CONSTRAINT name` and conflict clause included.
    pub range: Range<usize>,
    /// The piece that matters: the value of DEFAULT, the collation, the parenthesised expression or
    /// column list, or the name of the referenced table. None where the keyword says it all.
    pub operand: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// `PRIMARY KEY`, with order, conflict clause and AUTOINCREMENT.
    PrimaryKey,
    /// `NOT NULL`, with its conflict clause.
    NotNull,
    /// A bare `NULL`, which means nothing.
    Null,
    /// `UNIQUE`, with its conflict clause.
    Unique,
    /// `CHECK (...)`.
    Check,
    Default,
    Collate,
    /// `REFERENCES` of a column, with its actions and deferral.
    References,
    /// `FOREIGN KEY (...) REFERENCES` of a table.
    ForeignKey,
    /// `GENERATED ALWAYS AS (...)`, or `AS (...)`.
    Generated,
    /// `DEFERRABLE` that does not directly follow its REFERENCES; it belongs to the last foreign key before it.
    Deferrable,
    /// `CONSTRAINT name` with nothing behind it.
    NameOnly,
}

/// One option behind the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOption {
    pub kind: TableOptionKind,
    /// Its bytes, without commas.
    pub range: Range<usize>,
}

/// The options that SQLite knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableOptionKind {
    /// `WITHOUT ROWID`: <https://sqlite.org/withoutrowid.html>.
    WithoutRowid,
    /// `STRICT`: <https://sqlite.org/stricttables.html>.
    Strict,
}

impl CreateTable {
    /// Reads a CREATE TABLE statement, as SQLite stores it or as a person writes it.
    ///
    /// ```
    /// use phaseshift::sql::CreateTable;
    /// let sql = "CREATE TABLE t(a INT NOT NULL, [b c] TEXT, CHECK (a > 0)) STRICT";
    /// let table = CreateTable::read(sql).expect("a valid statement");
    /// assert_eq!(table.columns[1].name.text, "b c");
    /// assert_eq!(&sql[table.constraints[0].range.clone()], "CHECK (a > 0)");
    /// ```
    ///
    /// # Errors
    /// The text is no CREATE TABLE statement with a column list.
    pub fn read(sql: &str) -> Result<CreateTable, SqlError> {
        let mut reader = Reader::new(sql);
        let head = read_head(&mut reader)?;
        if head.kind != ObjectKind::Table {
            return Err(SqlError::at(sql, head.name.range.start, "not a CREATE TABLE statement"));
        }
        let start = reader.next_start();
        reader.expect_mark("(")?;
        let mut columns = Vec::new();
        let mut constraints = Vec::new();
        read_body(&mut reader, &mut columns, &mut constraints)?;
        let body = start..reader.last_end();
        let options = read_options(&mut reader)?;
        reader.finish()?;
        Ok(CreateTable { name: head.name, body, columns, constraints, options })
    }

    /// Returns the place of a column in the list, by name as SQLite compares names.
    pub fn column_index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|definition| name::same(&definition.name.text, column))
    }

    /// Returns a column by name, as SQLite compares names.
    pub fn column(&self, column: &str) -> Option<&ColumnDefinition> {
        self.column_index(column).map(|index| &self.columns[index])
    }
}

impl ColumnDefinition {
    /// Returns the constraint of a kind that counts; of several, SQLite keeps the last.
    pub fn constraint(&self, kind: ConstraintKind) -> Option<&Constraint> {
        self.constraints.iter().rev().find(|constraint| constraint.kind == kind)
    }
}

const TABLE_CONSTRAINT_WORDS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// The words that end a type. All others are words of the type, keywords or not.
const AFTER_TYPE_WORDS: [&str; 11] = [
    "CONSTRAINT",
    "DEFAULT",
    "NOT",
    "NULL",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "COLLATE",
    "AS",
    "DEFERRABLE",
];

/// Reads from behind the opening parenthesis to behind the closing one.
fn read_body(
    reader: &mut Reader<'_>,
    columns: &mut Vec<ColumnDefinition>,
    constraints: &mut Vec<Constraint>,
) -> Result<(), SqlError> {
    while columns.is_empty() || !reader.at_any_word(&TABLE_CONSTRAINT_WORDS) {
        columns.push(read_column(reader)?);
        if reader.take_mark(")") {
            return Ok(());
        }
        if !reader.take_mark(",") {
            return Err(reader.expected("a column constraint, `,` or `)`"));
        }
    }
    loop {
        let start = reader.next_start();
        let name = read_constraint_name(reader)?;
        let Some((kind, operand)) = read_table_constraint(reader, name.is_some())? else {
            return Err(reader.expected("a table constraint"));
        };
        constraints.push(Constraint { kind, name, range: start..reader.last_end(), operand });
        if reader.take_mark(")") {
            return Ok(());
        }
        // The comma between table constraints is optional in SQLite's grammar.
        reader.take_mark(",");
    }
}

fn read_column(reader: &mut Reader<'_>) -> Result<ColumnDefinition, SqlError> {
    if reader.at_any_word(&TABLE_CONSTRAINT_WORDS) {
        return Err(reader.expected("a column"));
    }
    let name = reader.name()?;
    let type_range = read_type(reader)?;
    let mut constraints = Vec::new();
    loop {
        let start = reader.next_start();
        let constraint_name = read_constraint_name(reader)?;
        let (kind, operand) = match read_column_constraint(reader)? {
            Some(found) => found,
            None if constraint_name.is_some() => (ConstraintKind::NameOnly, None),
            None => break,
        };
        let range = start..reader.last_end();
        constraints.push(Constraint { kind, name: constraint_name, range, operand });
    }
    let range = name.range.start..reader.last_end();
    Ok(ColumnDefinition { name, type_range, constraints, range })
}

/// Reads a type: any number of words, then a size in parentheses.
fn read_type(reader: &mut Reader<'_>) -> Result<Option<Range<usize>>, SqlError> {
    let start = reader.next_start();
    let mut words = 0;
    while at_type_word(reader) {
        reader.advance();
        words += 1;
    }
    if words == 0 {
        return Ok(None);
    }
    if reader.at_mark("(") {
        reader.parentheses()?;
    }
    Ok(Some(start..reader.last_end()))
}

fn at_type_word(reader: &Reader<'_>) -> bool {
    let Some(token) = reader.peek() else { return false };
    match token.kind {
        TokenKind::QuotedName | TokenKind::Text => true,
        TokenKind::Word => !reader.at_any_word(&AFTER_TYPE_WORDS) && !at_generated(reader),
        TokenKind::Space
        | TokenKind::Comment
        | TokenKind::Blob
        | TokenKind::Number
        | TokenKind::Variable
        | TokenKind::Punctuation
        | TokenKind::Illegal => false,
    }
}

/// GENERATED alone may be a word of a type; GENERATED ALWAYS AS never is.
fn at_generated(reader: &Reader<'_>) -> bool {
    reader.at_word("GENERATED") && reader.word_after(1, "ALWAYS") && reader.word_after(2, "AS")
}

fn read_constraint_name(reader: &mut Reader<'_>) -> Result<Option<Name>, SqlError> {
    if reader.take_word("CONSTRAINT") { reader.name().map(Some) } else { Ok(None) }
}

type Found = Option<(ConstraintKind, Option<Range<usize>>)>;

fn read_column_constraint(reader: &mut Reader<'_>) -> Result<Found, SqlError> {
    let deferral = reader.word_after(usize::from(reader.at_word("NOT")), "DEFERRABLE");
    let found = if deferral {
        read_deferral(reader)?;
        (ConstraintKind::Deferrable, None)
    } else if reader.take_word("NOT") {
        reader.expect_word("NULL")?;
        read_conflict_clause(reader)?;
        (ConstraintKind::NotNull, None)
    } else if reader.take_word("NULL") {
        read_conflict_clause(reader)?;
        (ConstraintKind::Null, None)
    } else if reader.take_word("PRIMARY") {
        reader.expect_word("KEY")?;
        reader.take_any_word(&["ASC", "DESC"]);
        read_conflict_clause(reader)?;
        reader.take_word("AUTOINCREMENT");
        (ConstraintKind::PrimaryKey, None)
    } else if reader.take_word("UNIQUE") {
        read_conflict_clause(reader)?;
        (ConstraintKind::Unique, None)
    } else if reader.take_word("CHECK") {
        (ConstraintKind::Check, Some(reader.parentheses()?))
    } else if reader.take_word("DEFAULT") {
        (ConstraintKind::Default, Some(read_default(reader)?))
    } else if reader.take_word("COLLATE") {
        (ConstraintKind::Collate, Some(reader.name()?.range))
    } else if reader.at_word("REFERENCES") {
        (ConstraintKind::References, Some(read_references(reader)?))
    } else if reader.at_word("AS") || at_generated(reader) {
        (ConstraintKind::Generated, Some(read_generated(reader)?))
    } else {
        return Ok(None);
    };
    Ok(Some(found))
}

fn read_table_constraint(reader: &mut Reader<'_>, named: bool) -> Result<Found, SqlError> {
    let found = if reader.take_word("PRIMARY") {
        reader.expect_word("KEY")?;
        let columns = reader.parentheses()?;
        read_conflict_clause(reader)?;
        (ConstraintKind::PrimaryKey, Some(columns))
    } else if reader.take_word("UNIQUE") {
        let columns = reader.parentheses()?;
        read_conflict_clause(reader)?;
        (ConstraintKind::Unique, Some(columns))
    } else if reader.take_word("CHECK") {
        let expression = reader.parentheses()?;
        read_conflict_clause(reader)?;
        (ConstraintKind::Check, Some(expression))
    } else if reader.take_word("FOREIGN") {
        reader.expect_word("KEY")?;
        reader.parentheses()?;
        (ConstraintKind::ForeignKey, Some(read_references(reader)?))
    } else if named {
        (ConstraintKind::NameOnly, None)
    } else {
        return Ok(None);
    };
    Ok(Some(found))
}

fn read_conflict_clause(reader: &mut Reader<'_>) -> Result<(), SqlError> {
    if reader.at_word("ON") && reader.word_after(1, "CONFLICT") {
        reader.expect_word("ON")?;
        reader.expect_word("CONFLICT")?;
        reader.name()?;
    }
    Ok(())
}

/// Reads the value of DEFAULT: an expression in parentheses, or one token with an optional sign.
fn read_default(reader: &mut Reader<'_>) -> Result<Range<usize>, SqlError> {
    if reader.at_mark("(") {
        return reader.parentheses();
    }
    let start = reader.next_start();
    let signed = reader.take_mark("+") || reader.take_mark("-");
    let value = reader.peek().map(|token| token.kind);
    match value {
        Some(TokenKind::Number | TokenKind::Blob) => {}
        Some(kind) if is_name(kind) => {}
        Some(_) | None if signed => return Err(reader.expected("a number")),
        Some(_) | None => return Err(reader.expected("a default value")),
    }
    reader.advance();
    Ok(start..reader.last_end())
}

/// Reads `REFERENCES table (columns) actions deferral` and returns the place of the table's name.
fn read_references(reader: &mut Reader<'_>) -> Result<Range<usize>, SqlError> {
    reader.expect_word("REFERENCES")?;
    let table = reader.name()?.range;
    if reader.at_mark("(") {
        reader.parentheses()?;
    }
    loop {
        if reader.take_word("MATCH") {
            reader.name()?;
        } else if reader.take_word("ON") {
            read_action(reader)?;
        } else {
            break;
        }
    }
    read_deferral(reader)?;
    Ok(table)
}

fn read_action(reader: &mut Reader<'_>) -> Result<(), SqlError> {
    if !reader.take_any_word(&["DELETE", "UPDATE", "INSERT"]) {
        return Err(reader.expected("DELETE or UPDATE"));
    }
    let complete = if reader.take_word("SET") {
        reader.take_any_word(&["NULL", "DEFAULT"])
    } else if reader.take_word("NO") {
        reader.take_word("ACTION")
    } else {
        reader.take_any_word(&["CASCADE", "RESTRICT"])
    };
    if complete { Ok(()) } else { Err(reader.expected("a foreign key action")) }
}

fn read_deferral(reader: &mut Reader<'_>) -> Result<(), SqlError> {
    if reader.at_word("NOT") && reader.word_after(1, "DEFERRABLE") {
        reader.expect_word("NOT")?;
    }
    if !reader.take_word("DEFERRABLE") {
        return Ok(());
    }
    if reader.take_word("INITIALLY") && !reader.take_any_word(&["DEFERRED", "IMMEDIATE"]) {
        return Err(reader.expected("DEFERRED or IMMEDIATE"));
    }
    Ok(())
}

fn read_generated(reader: &mut Reader<'_>) -> Result<Range<usize>, SqlError> {
    reader.take_word("GENERATED");
    reader.take_word("ALWAYS");
    reader.expect_word("AS")?;
    let expression = reader.parentheses()?;
    reader.take_any_word(&["STORED", "VIRTUAL"]);
    Ok(expression)
}

fn read_options(reader: &mut Reader<'_>) -> Result<Vec<TableOption>, SqlError> {
    let mut options = Vec::new();
    if reader.peek().is_none() || reader.at_mark(";") {
        return Ok(options);
    }
    loop {
        let start = reader.next_start();
        let kind = if reader.take_word("WITHOUT") {
            reader.expect_word("ROWID")?;
            TableOptionKind::WithoutRowid
        } else if reader.take_word("STRICT") {
            TableOptionKind::Strict
        } else {
            return Err(reader.expected("WITHOUT ROWID or STRICT"));
        };
        options.push(TableOption { kind, range: start..reader.last_end() });
        if !reader.take_mark(",") {
            return Ok(options);
        }
    }
}
