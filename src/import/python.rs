//! Reads the literals that a Python file assigns to names at its top level. Nothing is run.

/// A literal: a string, `None`, or several strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    None,
    Text(String),
    List(Vec<String>),
}

/// What is assigned to a name, and in which line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) line: usize,
    /// `None` if it is no literal.
    pub(super) value: Option<Literal>,
}

/// Finds the last assignment to a name at the top level of a file: `name = ...` or `name: type = ...`.
pub(super) fn assigned(text: &str, name: &str) -> Option<Assigned> {
    let mut found = None;
    for (start, line) in top_level_lines(text) {
        let code = &text[start..];
        let Some(rest) = code.strip_prefix(name) else { continue };
        let rest = rest.trim_start_matches([' ', '\t']);
        let after_type = match rest.strip_prefix(':') {
            Some(typed) => match equals_on_line(typed) {
                Some(place) => &typed[place + 1..],
                None => continue,
            },
            None => match rest.strip_prefix('=').filter(|it| !it.starts_with('=')) {
                Some(value) => value,
                None => continue,
            },
        };
        found = Some(Assigned { line, value: PythonReader::new(after_type).literal() });
    }
    found
}

/// The text of the first string of a file, which documents it: its first line.
pub(super) fn first_doc_line(text: &str) -> Option<String> {
    let code = text.trim_start_matches('\u{feff}');
    let code =
        code.lines().find(|it| !it.trim().is_empty() && !it.trim_start().starts_with('#'))?;
    let start = text.find(code)?;
    match PythonReader::new(&text[start..]).text()? {
        doc if doc.trim().is_empty() => None,
        doc => Some(doc.trim().lines().next().unwrap_or_default().trim().to_owned()),
    }
}

/// The place of the `=` behind a type, on the same line.
fn equals_on_line(text: &str) -> Option<usize> {
    let line = text.split('\n').next().unwrap_or_default();
    line.find('=')
}

/// The starts of lines outside strings and brackets, with their numbers from 1.
fn top_level_lines(text: &str) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    let (mut line, mut depth) = (1, 0_usize);
    let mut reader = PythonReader::new(text);
    let mut at_start = true;
    while let Some(letter) = reader.peek() {
        if at_start && depth == 0 {
            lines.push((reader.place, line));
        }
        at_start = false;
        let before = reader.place;
        match letter {
            '#' => reader.skip_line(),
            '\'' | '"' => {
                if reader.text().is_none() {
                    // Never closed: what follows is no code.
                    break;
                }
            }
            '(' | '[' | '{' => {
                depth += 1;
                reader.advance();
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                reader.advance();
            }
            '\n' => {
                at_start = true;
                reader.advance();
            }
            _ => reader.advance(),
        }
        line += text[before..reader.place].matches('\n').count();
    }
    lines
}

struct PythonReader<'t> {
    text: &'t str,
    place: usize,
}

impl<'t> PythonReader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, place: 0 }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.place..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) {
        self.place += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_line(&mut self) {
        self.place += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Skips spaces; inside brackets, line ends and comments, too.
    fn skip(&mut self, inside: Inside) {
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' | '\r' => self.advance(),
                '\\' if self.rest().starts_with("\\\n") => self.place += 2,
                '\n' if inside == Inside::Brackets => self.advance(),
                '#' if inside == Inside::Brackets => self.skip_line(),
                _ => return,
            }
        }
    }

    /// Reads a literal and nothing behind it on its line.
    fn literal(&mut self) -> Option<Literal> {
        self.skip(Inside::Line);
        let value = match self.peek()? {
            '(' | '[' => self.list()?,
            _ if self.rest().starts_with("None") => {
                self.place += 4;
                Literal::None
            }
            _ => Literal::Text(self.joined_text(Inside::Line)?),
        };
        self.skip(Inside::Line);
        matches!(self.peek(), None | Some('\n' | '#' | ';')).then_some(value)
    }

    fn list(&mut self) -> Option<Literal> {
        let opening = self.peek()?;
        let closing = if opening == '(' { ')' } else { ']' };
        self.advance();
        let mut found = Vec::new();
        let mut commas = 0;
        loop {
            self.skip(Inside::Brackets);
            if self.peek()? == closing {
                self.advance();
                break;
            }
            if self.rest().starts_with("None") && found.is_empty() && opening == '(' {
                self.place += 4;
                self.skip(Inside::Brackets);
                let closes = self.peek()? == closing;
                self.advance();
                return closes.then_some(Literal::None);
            }
            found.push(self.joined_text(Inside::Brackets)?);
            self.skip(Inside::Brackets);
            if self.peek()? == ',' {
                commas += 1;
                self.advance();
            } else if self.peek()? != closing {
                return None;
            }
        }
        // ("a") is a string, ("a",) a tuple.
        match (&found[..], opening, commas) {
            ([only], '(', 0) => Some(Literal::Text(only.clone())),
            _ => Some(Literal::List(found)),
        }
    }

    /// Reads one string, or several side by side, which Python joins.
    fn joined_text(&mut self, inside: Inside) -> Option<String> {
        let mut text = self.text()?;
        loop {
            self.skip(inside);
            if !matches!(self.peek(), Some('\'' | '"')) {
                return Some(text);
            }
            text.push_str(&self.text()?);
        }
    }

    fn text(&mut self) -> Option<String> {
        let prefix = self.rest().find(['\'', '"'])?;
        let letters = &self.rest()[..prefix];
        let is_raw = letters.eq_ignore_ascii_case("r");
        if !letters.is_empty() && !is_raw && !letters.eq_ignore_ascii_case("u") {
            return None;
        }
        self.place += prefix;
        let quote = self.peek()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let closing = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.place += closing.len();
        let mut text = String::new();
        while !self.rest().starts_with(&closing) {
            let letter = self.peek()?;
            self.advance();
            match letter {
                '\n' if closing.len() == 1 => return None,
                '\\' => {
                    let escaped = self.peek()?;
                    self.advance();
                    match escaped {
                        _ if is_raw => text.extend(['\\', escaped]),
                        '\n' => {}
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        other => text.push(other),
                    }
                }
                other => text.push(other),
            }
        }
        self.place += closing.len();
        Some(text)
    }
}

/// Whether line ends are spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Line,
    Brackets,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# -*- coding: utf-8 -*-
"""Add users

Revision ID: a1
revision = 'not this'
"""
from alembic import op

revision: str = 'a1'
down_revision: Union[str, Sequence[str], None] = ("b2",
    'c' '3',  # a comment
)
branch_labels = None
depends_on = ["d4"]
computed = make()

def upgrade():
    revision = "local"
    op.execute("revision = 'x'")
"#;

    #[test]
    fn literals_at_the_top_level_are_read() {
        let read = |name: &str| assigned(FILE, name);
        let text = |line: usize, text: &str| {
            Some(Assigned { line, value: Some(Literal::Text(text.to_owned())) })
        };
        assert_eq!(read("revision"), text(9, "a1"));
        let parents = Literal::List(vec!["b2".to_owned(), "c3".to_owned()]);
        assert_eq!(read("down_revision").unwrap().value, Some(parents));
        assert_eq!(read("branch_labels").unwrap().value, Some(Literal::None));
        assert_eq!(read("computed"), Some(Assigned { line: 15, value: None }));
        assert_eq!(read("missing"), None);
        assert_eq!(first_doc_line(FILE).as_deref(), Some("Add users"));
    }

    #[test]
    fn strings_in_every_spelling_are_read() {
        for (value, wanted) in [
            ("'a'", Some(Literal::Text("a".into()))),
            ("r\"a\\b\" # why", Some(Literal::Text("a\\b".into()))),
            ("('a')", Some(Literal::Text("a".into()))),
            ("('a',)", Some(Literal::List(vec!["a".into()]))),
            ("()", Some(Literal::List(Vec::new()))),
            ("None", Some(Literal::None)),
            ("f'a{b}'", None),
            ("'a' + b", None),
            ("'a", None),
            ("x", None),
        ] {
            let read = assigned(&format!("r = {value}\n"), "r").unwrap().value;
            assert_eq!(read, wanted, "{value}");
        }
    }
}
