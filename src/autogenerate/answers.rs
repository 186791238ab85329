//! The answers to what the difference of two schemas leaves open: renames, drops, and values for existing rows.

use crate::error::{Error, ErrorKind, Result};
use crate::name::same;

use super::subject::{Subject, split_at_equals};

/// A rename that a person declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name that exists.
    pub from: Subject,
    /// The name in the desired schema. A column may be named with either name of its table.
    pub to: Subject,
}

impl Rename {
    /// Reads `old=new`, `table.old=table.new` or `table.old=new`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let read = || {
            let (from, to) = split_at_equals(text)?;
            let (from, to) = (Subject::parse(from)?, Subject::parse(to)?);
            match (&from, to) {
                (Subject::Column { table, .. }, Subject::Object(column)) => {
                    let table = table.clone();
                    Some(Self { from: from.clone(), to: Subject::Column { table, column } })
                }
                (Subject::Object(_), Subject::Column { .. }) => None,
                (_, to) => Some(Self { from, to }),
            }
        };
        read().ok_or_else(|| {
            let what = format!("{text} is not a rename: write old=new, or table.old=table.new");
            Error::new(ErrorKind::Arguments, what)
        })
    }
}

/// Whether objects and columns may be dropped that the desired schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropPolicy {
    /// Only those that are named.
    #[default]
    Named,
    /// All of them, unless they may have been renamed.
    Allow,
}

/// The answers of a person to the questions of a draft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Renames, as flags or answers give them. One that names nothing is an error, unless it was carried out before.
    pub renames: Vec<Rename>,
    /// Renames that the schema file notes (`-- @renamed from=old`); they stay there and count until they are done.
    pub marked: Vec<Rename>,
    /// What may be dropped, and so was not renamed.
    pub drops: Vec<Subject>,
    /// What is known to be new, and so was not renamed from anything.
    pub fresh: Vec<Subject>,
    /// Whether everything else may be dropped.
    pub policy: DropPolicy,
    /// Values of columns for the rows that exist: SQL expressions over the old row.
    pub values: Vec<(Subject, String)>,
}

impl Rename {
    /// Returns whether only the case of a name changes, which two equal schemas may differ in.
    fn is_change_of_case(&self) -> bool {
        match (&self.from, &self.to) {
            (Subject::Object(from), Subject::Object(to))
            | (Subject::Column { column: from, .. }, Subject::Column { column: to, .. }) => {
                same(from, to)
            }
            _ => false,
        }
    }
}

impl Answers {
    /// Returns the answers that count where two schemas are equal: all others were carried out before.
    pub(super) fn changes_of_case(&self) -> Self {
        let case = |renames: &[Rename]| -> Vec<Rename> {
            renames.iter().filter(|it| it.is_change_of_case()).cloned().collect()
        };
        Self { renames: case(&self.renames), marked: case(&self.marked), ..Self::default() }
    }

    /// Reads `table.column=expression`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is none.
    pub fn parse_value(text: &str) -> Result<(Subject, String)> {
        let read = || {
            let (column, value) = split_at_equals(text)?;
            match Subject::parse(column)? {
                Subject::Object(_) => None,
                column => Some((column, value.trim().to_owned())).filter(|it| !it.1.is_empty()),
            }
        };
        read().ok_or_else(|| {
            let what = format!("{text} is not a value: write table.column=expression");
            Error::new(ErrorKind::Arguments, what)
        })
    }

    /// Reads a name, or `table.column`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is none.
    pub fn parse_drop(text: &str) -> Result<Subject> {
        Subject::parse(text).ok_or_else(|| {
            let what = format!("{text} does not name an object or a column");
            Error::new(ErrorKind::Arguments, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_and_values_are_read() {
        let column = Rename { from: Subject::column("t", "a"), to: Subject::column("t", "b") };
        for text in ["t.a=t.b", "t.a = b", "\"t\".[a]=`t`.b"] {
            assert_eq!(Rename::parse(text).unwrap(), column, "{text}");
        }
        let odd = Rename::parse("\"a=b\"=c").unwrap();
        assert_eq!(odd.from, Subject::Object("a=b".into()));
        for wrong in ["", "a", "a=", "=b", "a=t.b"] {
            assert_eq!(Rename::parse(wrong).unwrap_err().kind(), ErrorKind::Arguments, "{wrong}");
        }
        let value = Answers::parse_value("t.a=CASE WHEN x='=' THEN 1 END").unwrap();
        assert_eq!(value, (Subject::column("t", "a"), "CASE WHEN x='=' THEN 1 END".into()));
        assert!(Answers::parse_value("a=1").is_err() && Answers::parse_value("t.a=").is_err());
    }
}
