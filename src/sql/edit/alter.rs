//! Changes the type, nullability, default or collation of one column in a stored CREATE TABLE text.

use std::ops::Range;

use super::column::existing;
use super::piece;
use super::splice::{Splice, with_space_before};
use crate::name::quote;
use crate::sql::create_table::{ColumnDefinition, Constraint, ConstraintKind, CreateTable};
use crate::sql::error::SqlError;
use crate::sql::reader::is_name;
use crate::sql::token::{TokenKind, significant_tokens};

/// What to change about a column; None leaves a piece as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnChange {
    /// The new declared type; an empty text takes the type away.
    pub type_name: Option<String>,
    /// Whether the column refuses NULL.
    pub not_null: Option<bool>,
    /// The new default, or its removal.
    pub default: Option<DefaultChange>,
    /// The name of the new collation.
    pub collate: Option<String>,
}

/// What happens to the default of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultChange {
    /// Sets the default to an SQL text; an expression gets the parentheses that SQLite wants.
    Set(String),
    /// Takes the default away.
    Remove,
}

/// Changes pieces of one column and nothing else.
///
/// A piece that exists is replaced where it stands. A new one is put behind the name and the type,
/// in the order NOT NULL, DEFAULT, COLLATE.
///
/// ```
/// use phaseshift::sql::edit::{ColumnChange, DefaultChange, alter_column};
/// let change = ColumnChange {
///     type_name: Some("INTEGER".into()),
///     default: Some(DefaultChange::Set("1 + 1".into())),
///     ..ColumnChange::default()
/// };
/// let sql = "CREATE TABLE t(a TEXT NOT NULL /* always */, b)";
/// assert_eq!(
///     alter_column(sql, "a", &change).as_deref(),
///     Ok("CREATE TABLE t(a INTEGER NOT NULL DEFAULT (1 + 1) /* always */, b)"),
/// );
/// ```
///
/// # Errors
/// The text is no CREATE TABLE statement, the column does not exist, or a new piece is not what it
/// is meant to be.
pub fn alter_column(sql: &str, column: &str, change: &ColumnChange) -> Result<String, SqlError> {
    let table = CreateTable::read(sql)?;
    let definition = &table.columns[existing(sql, &table, column)?];
    let mut editor = Editor { sql, column: definition, splice: Splice::default() };
    if let Some(type_name) = &change.type_name {
        editor.set_type(type_name)?;
    }
    if let Some(not_null) = change.not_null {
        editor.set_not_null(not_null);
    }
    match &change.default {
        Some(DefaultChange::Set(value)) => editor.set_default(value)?,
        Some(DefaultChange::Remove) => editor.cut_constraints(ConstraintKind::Default),
        None => {}
    }
    if let Some(collation) = &change.collate {
        editor.set_collation(collation)?;
    }
    Ok(editor.splice.apply(sql))
}

struct Editor<'a> {
    sql: &'a str,
    column: &'a ColumnDefinition,
    splice: Splice,
}

impl Editor<'_> {
    fn set_type(&mut self, type_name: &str) -> Result<(), SqlError> {
        let type_name = piece::trimmed(type_name);
        if type_name.is_empty() {
            if let Some(range) = &self.column.type_range {
                self.splice.cut(with_space_before(self.sql, range));
            }
            return Ok(());
        }
        piece::column_type(type_name)?;
        match &self.column.type_range {
            Some(range) => self.splice.replace(range.clone(), type_name),
            None => self.splice.insert(self.column.name.range.end, format!(" {type_name}")),
        }
        Ok(())
    }

    fn set_not_null(&mut self, not_null: bool) {
        if !not_null {
            self.cut_constraints(ConstraintKind::NotNull);
        } else if self.column.constraint(ConstraintKind::NotNull).is_some() {
            // It is there already.
        } else if let Some(null) = self.column.constraint(ConstraintKind::Null) {
            // `NULL` says nothing to SQLite; `NOT NULL NULL` would confuse readers.
            self.splice.insert(body_start(self.sql, null), "NOT ");
        } else {
            self.splice.insert(self.type_end(), " NOT NULL");
        }
    }

    fn set_default(&mut self, value: &str) -> Result<(), SqlError> {
        let value = default_text(value)?;
        match self.operand(ConstraintKind::Default) {
            Some(range) => self.splice.replace(range, value),
            None => self.splice.insert(self.nullability_end(), format!(" DEFAULT {value}")),
        }
        Ok(())
    }

    fn set_collation(&mut self, collation: &str) -> Result<(), SqlError> {
        let collation = collation_text(collation)?;
        match self.operand(ConstraintKind::Collate) {
            Some(range) => self.splice.replace(range, collation),
            None => self.splice.insert(self.nullability_end(), format!(" COLLATE {collation}")),
        }
        Ok(())
    }

    /// Cuts all constraints of a kind: a repeated one would otherwise come to life.
    fn cut_constraints(&mut self, kind: ConstraintKind) {
        for constraint in self.column.constraints.iter().filter(|found| found.kind == kind) {
            self.splice.cut(with_space_before(self.sql, &constraint.range));
        }
    }

    fn operand(&self, kind: ConstraintKind) -> Option<Range<usize>> {
        self.column.constraint(kind).and_then(|constraint| constraint.operand.clone())
    }

    fn type_end(&self) -> usize {
        self.column.type_range.as_ref().unwrap_or(&self.column.name.range).end
    }

    /// Behind the type, and behind NOT NULL or NULL if that comes first.
    fn nullability_end(&self) -> usize {
        match self.column.constraints.first() {
            Some(Constraint {
                kind: ConstraintKind::NotNull | ConstraintKind::Null,
                range,
                ..
            }) => range.end,
            Some(_) | None => self.type_end(),
        }
    }
}

/// Where a constraint begins behind its `CONSTRAINT name`.
fn body_start(sql: &str, constraint: &Constraint) -> usize {
    let Some(name) = &constraint.name else { return constraint.range.start };
    let offset = name.range.end;
    let next = significant_tokens(&sql[offset..constraint.range.end]).next();
    next.map_or(offset, |token| offset + token.start)
}

/// Puts parentheses around a default that needs them: <https://sqlite.org/lang_createtable.html#dfltval>.
fn default_text(value: &str) -> Result<String, SqlError> {
    let value = piece::trimmed(value);
    piece::balanced(value)?;
    let kinds: Vec<TokenKind> = significant_tokens(value).map(|token| token.kind).collect();
    let literal =
        |kind: &TokenKind| is_name(*kind) || matches!(kind, TokenKind::Number | TokenKind::Blob);
    let signed = value.starts_with(['-', '+']);
    let bare = match kinds.as_slice() {
        [] => return Err(SqlError::at(value, 0, "expected a default value")),
        [single] => literal(single),
        [_, TokenKind::Number] => signed,
        _ => is_parenthesised(value),
    };
    Ok(if bare { value.to_owned() } else { format!("({value})") })
}

/// Returns whether the first parenthesis of a balanced text closes at its end; comments may follow.
fn is_parenthesised(value: &str) -> bool {
    let mut depth = 0_usize;
    let mut tokens = significant_tokens(value);
    for token in tokens.by_ref() {
        depth += usize::from(token.is_mark(value, "("));
        depth = depth.saturating_sub(usize::from(token.is_mark(value, ")")));
        if depth == 0 {
            break;
        }
    }
    depth == 0 && tokens.next().is_none()
}

/// A collation is a bare word as it is written, anything else is quoted.
fn collation_text(collation: &str) -> Result<String, SqlError> {
    let collation = piece::trimmed(collation);
    let kinds: Vec<TokenKind> = significant_tokens(collation).map(|token| token.kind).collect();
    match kinds.as_slice() {
        [] => Err(SqlError::at(collation, 0, "expected the name of a collation")),
        [TokenKind::Word | TokenKind::QuotedName | TokenKind::Text] => Ok(collation.to_owned()),
        _ if collation.contains('\0') => Err(SqlError::at(collation, 0, "unrecognized text")),
        _ => Ok(quote(collation)),
    }
}
