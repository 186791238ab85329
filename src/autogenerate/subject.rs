//! Names of tables, columns and other objects, as a person writes them in a flag or in a schema file.

use std::fmt;

use crate::name::{quote, same};
use crate::sql::{Token, TokenKind, significant_tokens, unquote};

/// A table, view, index or trigger; or a column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Object(String),
    Column { table: String, column: String },
}

impl Subject {
    /// Reads `name` or `table.column`. Names that are no plain words are quoted as in SQL; without quotes, the whole
    /// text counts as one name. `None` if the text is empty or ends within a quote.
    ///
    /// ```
    /// use phaseshift::autogenerate::Subject;
    /// let column = Subject::Column { table: "my table".into(), column: "a".into() };
    /// assert_eq!(Subject::parse("\"my table\".a"), Some(column));
    /// assert_eq!(Subject::parse("my-table"), Some(Subject::Object("my-table".into())));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let tokens: Vec<Token> = significant_tokens(text).collect();
        let name = |token: &Token| match token.kind {
            TokenKind::Word | TokenKind::QuotedName | TokenKind::Text => {
                Some(unquote(token.text(text)))
            }
            _ => None,
        };
        match tokens.as_slice() {
            [one] if name(one).is_some() => name(one).map(Self::Object),
            [table, dot, column] if dot.is_mark(text, ".") => {
                Some(Self::Column { table: name(table)?, column: name(column)? })
            }
            _ => {
                let plain = text.trim();
                let has_quotes = plain.contains(['"', '\'', '`', '[']);
                (!plain.is_empty() && !has_quotes).then(|| Self::Object(plain.to_owned()))
            }
        }
    }

    /// Makes the subject of a column.
    pub fn column(table: &str, column: &str) -> Self {
        Self::Column { table: table.to_owned(), column: column.to_owned() }
    }

    /// Returns whether both name the same object or column to SQLite.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(one), Self::Object(two)) => same(one, two),
            (
                Self::Column { table, column },
                Self::Column { table: other_table, column: other_column },
            ) => same(table, other_table) && same(column, other_column),
            (Self::Object(_), Self::Column { .. }) | (Self::Column { .. }, Self::Object(_)) => {
                false
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(name) => write!(formatter, "{}", written(name)),
            Self::Column { table, column } => {
                write!(formatter, "{}.{}", written(table), written(column))
            }
        }
    }
}

/// Quotes a name unless it is a plain word.
fn written(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if is_plain { name.to_owned() } else { quote(name) }
}

/// Splits `left=right` at the first `=` outside quotes.
pub(super) fn split_at_equals(text: &str) -> Option<(&str, &str)> {
    let equals = significant_tokens(text).find(|token| token.is_mark(text, "="));
    let place = match equals {
        Some(token) => token.start,
        None => text.find('=')?,
    };
    Some((&text[..place], &text[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for name in ["a", "a b", "a.b", "it's", "say \"x\"", "2024", "a=b", "ä", "a]b", "from"] {
            let object = Subject::Object(name.to_owned());
            assert_eq!(Subject::parse(&object.to_string()), Some(object), "{name}");
            let column = Subject::column(name, "c d");
            assert_eq!(Subject::parse(&column.to_string()), Some(column), "{name}");
        }
        for wrong in ["", " ", "\"a", "a.b.\"c", "'x' 'y'"] {
            assert_eq!(Subject::parse(wrong), None, "{wrong}");
        }
    }
}
