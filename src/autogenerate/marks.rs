//! Renames that a schema file notes behind a column or a table: `-- @renamed from=old`.
//!
//! The file is read as SQLite's tokens; which statement creates what is all that is understood of it.

use crate::sql::{Token, TokenKind, tokens, unquote};

use super::answers::Rename;
use super::subject::Subject;

/// The word that marks a note.
const MARK: &str = "@renamed";

/// A note that cannot be read: its line, from 1, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongMark {
    /// The line, from 1.
    pub line: usize,
    pub what: String,
}

/// Reads the renames that a text of CREATE statements notes.
///
/// A note stands on the line of what it is about: behind a column, its comma included; behind the opening parenthesis
/// of a table; or behind the end of a statement.
///
/// # Errors
/// The first note that is about nothing or names nothing.
pub fn marked_renames(text: &str) -> Result<Vec<Rename>, WrongMark> {
    let mut walk = Walk { text, renames: Vec::new(), state: State::default() };
    let mut is_same_line = false;
    for token in tokens(text) {
        match token.kind {
            TokenKind::Space => is_same_line &= !token.text(text).contains('\n'),
            TokenKind::Comment => walk.comment(token, is_same_line)?,
            _ => {
                is_same_line = true;
                walk.token(token);
            }
        }
    }
    Ok(walk.renames)
}

/// Where in the text the walk is.
#[derive(Debug, Default)]
struct State {
    /// The words of a CREATE statement whose name is still to come.
    head: Vec<String>,
    /// The object of the last CREATE statement.
    object: Option<String>,
    has_columns: bool,
    depth: usize,
    /// What the body was at last: a column, or something else.
    item: Item,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Item {
    /// Nothing yet: the body has just begun, or it has ended.
    #[default]
    Table,
    /// A comma; the item before it, while its line goes on.
    Next(Box<Item>),
    Column(String),
    Constraint,
}

struct Walk<'t> {
    text: &'t str,
    renames: Vec<Rename>,
    state: State,
}

impl Walk<'_> {
    fn token(&mut self, token: Token) {
        let word = token.text(self.text);
        let is_name =
            matches!(token.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
        let state = &mut self.state;
        if state.depth == 0 && token.is_word(self.text, "CREATE") {
            *state = State { head: vec!["CREATE".to_owned()], ..State::default() };
        } else if !state.head.is_empty() {
            state.read_head(&token, self.text);
        } else if token.is_mark(self.text, "(") {
            state.depth += 1;
        } else if token.is_mark(self.text, ")") {
            state.depth = state.depth.saturating_sub(1);
            if state.depth == 0 {
                state.item = Item::Table;
            }
        } else if state.depth == 1 && token.is_mark(self.text, ",") {
            state.item = Item::Next(Box::new(std::mem::take(&mut state.item)));
        } else if state.depth == 1 && state.has_columns {
            let begins = matches!(state.item, Item::Table | Item::Next(_));
            let bare = token.kind == TokenKind::Word;
            let is_constraint = bare
                && ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]
                    .iter()
                    .any(|it| word.eq_ignore_ascii_case(it));
            if begins && is_constraint {
                state.item = Item::Constraint;
            } else if begins && is_name {
                state.item = Item::Column(unquote(word));
            }
        }
    }

    fn comment(&mut self, token: Token, is_same_line: bool) -> Result<(), WrongMark> {
        let comment = token.text(self.text);
        let Some(place) = comment.find(MARK) else { return Ok(()) };
        let line = self.text[..token.start].matches('\n').count() + 1;
        let wrong = |what: &str| Err(WrongMark { line, what: what.to_owned() });
        let Some(from) = old_name(&comment[place + MARK.len()..]) else {
            return wrong("a note of a rename is written -- @renamed from=old");
        };
        let Some(object) = self.state.object.clone().filter(|_| is_same_line) else {
            return wrong(
                "a note of a rename stands behind the column or the table that it is about, on the same line",
            );
        };
        let item = match &self.state.item {
            Item::Next(item) => item.as_ref(),
            item => item,
        };
        let rename = match item {
            Item::Column(column) => Rename {
                from: Subject::column(&object, &from),
                to: Subject::column(&object, column),
            },
            Item::Table | Item::Next(_) => {
                Rename { from: Subject::Object(from), to: Subject::Object(object) }
            }
            Item::Constraint => {
                return wrong("a note of a rename is about a column or a table, not a constraint");
            }
        };
        self.renames.push(rename);
        Ok(())
    }
}

impl State {
    /// Reads the words between CREATE and the name: `CREATE TABLE IF NOT EXISTS main.t`.
    fn read_head(&mut self, token: &Token, text: &str) {
        let word = token.text(text);
        let is_plain = token.kind == TokenKind::Word;
        let is_kind = |word: &str| {
            ["TABLE", "INDEX", "VIEW", "TRIGGER"].iter().any(|it| word.eq_ignore_ascii_case(it))
        };
        let has_kind = self.head.iter().any(|it| is_kind(it));
        let is_clause =
            is_plain && ["IF", "NOT", "EXISTS"].iter().any(|it| word.eq_ignore_ascii_case(it));
        if is_plain && (!has_kind || (is_clause && self.object.is_none())) {
            self.head.push(word.to_owned());
        } else if token.is_mark(text, ".") {
            self.object = None;
        } else if self.object.is_none() && !word.starts_with(['(', ';']) {
            self.object = Some(unquote(word));
        } else {
            let is_virtual = self.head.iter().any(|it| it.eq_ignore_ascii_case("VIRTUAL"));
            let is_table = self.head.iter().any(|it| it.eq_ignore_ascii_case("TABLE"));
            self.has_columns = is_table && !is_virtual;
            self.head.clear();
            self.depth = usize::from(token.is_mark(text, "("));
        }
    }
}

/// Reads ` from=old`; the name may be quoted as in SQL.
fn old_name(text: &str) -> Option<String> {
    let mut rest = tokens(text).into_iter().filter(|it| it.kind != TokenKind::Space);
    let (from, equals, name) = (rest.next()?, rest.next()?, rest.next()?);
    let is_name = matches!(name.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
    let names = from.is_word(text, "from") && equals.is_mark(text, "=") && is_name;
    names.then(|| unquote(name.text(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let renames = marked_renames(text).unwrap();
        renames.iter().map(|it| format!("{}={}", it.from, it.to)).collect()
    }

    #[test]
    fn notes_behind_columns_and_tables_are_read() {
        let text = "-- the people; no note\n\
            CREATE TABLE IF NOT EXISTS main.\"my people\" ( -- @renamed from=persons\n\
              id INTEGER PRIMARY KEY,\n\
              name TEXT NOT NULL DEFAULT (lower('(,')), -- the name @renamed from=\"full name\"\n\
              [two words] NUMERIC(10, 2) /* @renamed from = price */,\n\
              last TEXT -- @renamed from=[z]\n\
              , CHECK (name <> ',')\n\
            );\n\
            CREATE TABLE u(a) WITHOUT ROWID; -- @renamed from=t\r\n\
            CREATE VIRTUAL TABLE f USING fts5(a, b); -- @renamed from=g\n\
            CREATE TRIGGER r AFTER INSERT ON u BEGIN\n  SELECT 1; SELECT 2;\nEND; -- @renamed from=q\n\
            CREATE VIEW v(x) AS SELECT '-- @renamed from=no', \"@renamed\" FROM u;";
        assert_eq!(
            read(text),
            [
                "persons=\"my people\"",
                "\"my people\".\"full name\"=\"my people\".name",
                "\"my people\".price=\"my people\".\"two words\"",
                "\"my people\".z=\"my people\".last",
                "t=u",
                "g=f",
                "q=r",
            ]
        );
    }

    #[test]
    fn notes_about_nothing_are_refused() {
        for (text, line) in [
            ("-- @renamed from=a\nCREATE TABLE t(a);", 1),
            ("CREATE TABLE t(\n a,\n -- @renamed from=b\n c);", 3),
            ("CREATE TABLE t(a, -- @renamed form=b\n c);", 1),
            ("CREATE TABLE t(a, -- @renamed\n c);", 1),
            ("CREATE TABLE t(a,\n UNIQUE (a)) -- @renamed from='x\n;", 2),
            ("CREATE TABLE t(a,\n UNIQUE (a) -- @renamed from=x\n);", 2),
        ] {
            assert_eq!(marked_renames(text).unwrap_err().line, line, "{text}");
        }
    }
}
