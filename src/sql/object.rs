//! The head of a CREATE statement: what it creates and under which name. It never looks into bodies.

use std::collections::BTreeSet;

use super::error::SqlError;
use super::reader::{Name, Reader, is_name};
use super::token::{TokenKind, significant_tokens, unquote};
use crate::name;
use crate::text::named;

named! {
    /// The kind of a stored object.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ObjectKind: word {
        Table = "table",
        VirtualTable = "virtual table",
        /// A table that a virtual table keeps its content in (<https://sqlite.org/vtab.html#xshadowname>).
        ShadowTable = "shadow table",
        Index = "index",
        View = "view",
        Trigger = "trigger",
    }
}

impl ObjectKind {
    /// Returns the type that `sqlite_schema` names.
    pub const fn entry_type(self) -> &'static str {
        match self {
            Self::Table | Self::VirtualTable | Self::ShadowTable => "table",
            Self::Index | Self::View | Self::Trigger => self.word(),
        }
    }

    /// Returns whether the object holds rows of its own or of a module.
    pub const fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::VirtualTable | Self::ShadowTable)
    }
}

/// What a CREATE statement makes, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub kind: ObjectKind,
    /// The schema before the dot, if one is written.
    pub schema: Option<Name>,
    pub name: Name,
}

/// Reads what a CREATE statement makes, and the place of its name.
///
/// ```
/// use phaseshift::sql::{ObjectKind, object_head};
/// let head = object_head("CREATE UNIQUE INDEX [my index] ON t(a)").expect("a valid statement");
/// assert_eq!((head.kind, head.name.text.as_str()), (ObjectKind::Index, "my index"));
/// ```
///
/// # Errors
/// The text does not begin like a CREATE statement of SQLite.
pub fn object_head(sql: &str) -> Result<ObjectHead, SqlError> {
    read_head(&mut Reader::new(sql))
}

/// Reads the head and leaves the reader behind the name.
pub(super) fn read_head(reader: &mut Reader<'_>) -> Result<ObjectHead, SqlError> {
    reader.expect_word("CREATE")?;
    reader.take_any_word(&["TEMP", "TEMPORARY"]);
    let kind = read_kind(reader)?;
    // IF may itself be a name; only IF NOT is the clause.
    if reader.at_word("IF") && reader.word_after(1, "NOT") {
        reader.expect_word("IF")?;
        reader.expect_word("NOT")?;
        reader.expect_word("EXISTS")?;
    }
    let first = reader.name()?;
    if !reader.take_mark(".") {
        return Ok(ObjectHead { kind, schema: None, name: first });
    }
    Ok(ObjectHead { kind, schema: Some(first), name: reader.name()? })
}

fn read_kind(reader: &mut Reader<'_>) -> Result<ObjectKind, SqlError> {
    if reader.take_word("UNIQUE") {
        reader.expect_word("INDEX")?;
        return Ok(ObjectKind::Index);
    }
    if reader.take_word("VIRTUAL") {
        reader.expect_word("TABLE")?;
        return Ok(ObjectKind::VirtualTable);
    }
    let kinds = [
        ("TABLE", ObjectKind::Table),
        ("INDEX", ObjectKind::Index),
        ("VIEW", ObjectKind::View),
        ("TRIGGER", ObjectKind::Trigger),
    ];
    for (word, kind) in kinds {
        if reader.take_word(word) {
            return Ok(kind);
        }
    }
    Err(reader.expected("TABLE, INDEX, VIEW, TRIGGER or VIRTUAL TABLE"))
}

/// Reads the columns that a trigger's `UPDATE OF` names; none if it fires on any change, or if the text
/// is not that of a trigger (<https://sqlite.org/lang_createtrigger.html>).
///
/// ```
/// use phaseshift::sql::update_of_columns;
/// let columns = update_of_columns("CREATE TRIGGER g AFTER UPDATE OF a, \"b\" ON t BEGIN SELECT 1; END");
/// assert_eq!(columns, ["a", "b"]);
/// ```
pub fn update_of_columns(sql: &str) -> Vec<String> {
    let read = || -> Result<Vec<String>, SqlError> {
        let mut reader = Reader::new(sql);
        read_head(&mut reader)?;
        if reader.take_word("INSTEAD") {
            reader.expect_word("OF")?;
        } else {
            reader.take_any_word(&["BEFORE", "AFTER"]);
        }
        reader.expect_word("UPDATE")?;
        reader.expect_word("OF")?;
        let mut columns = vec![reader.name()?.text];
        while reader.take_mark(",") {
            columns.push(reader.name()?.text);
        }
        Ok(columns)
    };
    read().unwrap_or_default()
}

/// Returns the table or view that a CREATE INDEX or CREATE TRIGGER statement names behind ON.
///
/// ```
/// use phaseshift::sql::owner;
/// assert_eq!(owner("CREATE TRIGGER g AFTER UPDATE OF \"on\" ON main.[T 1] BEGIN SELECT 1; END"), Some("T 1".into()));
/// ```
pub fn owner(sql: &str) -> Option<String> {
    let mut reader = Reader::new(sql);
    read_head(&mut reader).ok()?;
    // ON is reserved: a column of that name stands in quotes (<https://sqlite.org/lang_keywords.html>).
    while !reader.take_word("ON") {
        reader.advance()?;
    }
    let name = reader.name().ok()?;
    match reader.take_mark(".") {
        true => Some(reader.name().ok()?.text),
        false => Some(name.text),
    }
}

/// Returns whether a text uses one of the names as a word, a quoted name or a string literal.
///
/// It errs on the side of yes: a column, an alias or a text value of that name counts too.
/// Comments do not count. Case is ignored for A to Z, as in SQLite.
///
/// ```
/// use phaseshift::sql::mentions;
/// assert!(mentions("CREATE VIEW v AS SELECT 1 FROM [Sessions]", &["sessions"]));
/// assert!(!mentions("CREATE VIEW v AS SELECT 1 -- sessions", &["sessions"]));
/// ```
pub fn mentions(sql: &str, names: &[&str]) -> bool {
    significant_tokens(sql).filter(|token| is_name(token.kind)).any(|token| {
        let found = unquote(token.text(sql));
        names.iter().any(|wanted| name::same(&found, wanted))
    })
}

/// Returns what may be a name in a piece of SQL, folded.
pub fn mentioned(sql: &str) -> BTreeSet<String> {
    let names = significant_tokens(sql).filter(|token| is_name(token.kind));
    names.map(|token| name::fold(&unquote(token.text(sql)))).collect()
}

/// Returns the tokens of a piece of SQL, names as a function gives them.
pub fn named_tokens(sql: &str, name: &dyn Fn(&str) -> String) -> Vec<String> {
    significant_tokens(sql)
        .map(|token| match token.kind {
            TokenKind::Word | TokenKind::QuotedName => name(&unquote(token.text(sql))),
            _ => token.text(sql).to_owned(),
        })
        .collect()
}

/// Returns the tokens of the keys and the condition of an index; `None` if the text has no keys.
pub fn index_keys(sql: &str, name: &dyn Fn(&str) -> String) -> Option<Vec<String>> {
    let list = significant_tokens(sql).find(|token| token.is_mark(sql, "("))?;
    Some(named_tokens(sql.get(list.start..)?, name))
}
