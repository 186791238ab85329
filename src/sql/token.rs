//! Cuts SQL text into the tokens that SQLite's own tokenizer sees.
//!
//! The rules follow `src/tokenize.c` (<https://sqlite.org/src/file/src/tokenize.c>). This module knows
//! characters only: it has no idea of statements, and a keyword is a word like any other.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// White space, or a byte order mark.
    Space,
    /// `-- to the end of the line` (without the line end), or `/* ... */`, closed or not.
    Comment,
    /// A bare identifier or a keyword.
    Word,
    /// A quoted identifier: `"name"`, `[name]` or `` `name` ``.
    QuotedName,
    /// A string literal: `'text'`.
    Text,
    /// A blob literal: `x'00ff'`.
    Blob,
    /// An integer, a decimal or hexadecimal number, digit separators included.
    Number,
    /// A parameter: `?1`, `:a`, `@a`, `$a`, `#1`.
    Variable,
    /// An operator or a punctuation mark.
    Punctuation,
    /// Text that SQLite refuses: an unclosed quote, `12ab`, a stray character, everything from a NUL on.
    Illegal,
}

/// One token: its class and its place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Token {
    /// Returns the bytes that the token covers.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Returns the text of the token, cut from the text that it was read from.
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.range()]
    }

    /// Returns whether the token means nothing to SQLite: white space or a comment.
    pub fn is_trivia(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }

    /// Returns whether the token is the given keyword, written bare and in any case.
    pub fn is_word(&self, text: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(text).eq_ignore_ascii_case(word)
    }

    /// Returns whether the token is the given operator or punctuation mark.
    pub fn is_mark(&self, text: &str, mark: &str) -> bool {
        self.kind == TokenKind::Punctuation && self.text(text) == mark
    }
}

/// Cuts a text into tokens; joined together they give the text back byte for byte.
///
/// ```
/// use phaseshift::sql::{TokenKind, tokens};
/// let kinds: Vec<_> = tokens("a -- b").iter().map(|token| token.kind).collect();
/// assert_eq!(kinds, [TokenKind::Word, TokenKind::Space, TokenKind::Comment]);
/// ```
pub fn tokens(text: &str) -> Vec<Token> {
    // SQLite reads a text up to its first NUL: https://sqlite.org/nulinstr.html
    let end = text.find('\0').unwrap_or(text.len());
    let bytes = &text.as_bytes()[..end];
    let mut found = Vec::new();
    let mut start = 0;
    while start < end {
        let (kind, length) = scan(&bytes[start..]);
        found.push(Token { kind, start, end: start + length });
        start += length;
    }
    if end < text.len() {
        found.push(Token { kind: TokenKind::Illegal, start: end, end: text.len() });
    }
    found
}

/// Iterates over the tokens that mean something: no white space, no comments.
pub fn significant_tokens(text: &str) -> impl Iterator<Item = Token> {
    tokens(text).into_iter().filter(|token| !token.is_trivia())
}

/// Takes the quotes off a name or a string literal; text without quotes comes back unchanged.
///
/// SQLite accepts `"name"`, `[name]`, `` `name` `` and also `'name'` where a name is expected:
/// <https://sqlite.org/lang_keywords.html>.
///
/// ```
/// use phaseshift::sql::unquote;
/// assert_eq!(unquote(r#""odd "" name""#), r#"odd " name"#);
/// assert_eq!(unquote("[two words]"), "two words");
/// ```
pub fn unquote(token: &str) -> String {
    let mut characters = token.chars().peekable();
    let close = match characters.peek() {
        Some('[') => ']',
        Some(&quote @ ('"' | '\'' | '`')) => quote,
        Some(_) | None => return token.to_owned(),
    };
    characters.next();
    let mut name = String::with_capacity(token.len());
    while let Some(character) = characters.next() {
        if character == close && characters.next_if_eq(&close).is_none() {
            break;
        }
        name.push(character);
    }
    name
}

/// Returns whether a byte may continue an identifier; every byte of a non-ASCII character may.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

pub(super) fn is_space_byte(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// The byte at a place, or 0 behind the end, as in C.
fn at(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}

/// Counts the bytes from a place on for which the test holds.
fn run(bytes: &[u8], from: usize, test: impl Fn(u8) -> bool) -> usize {
    bytes.iter().skip(from).take_while(|&&byte| test(byte)).count()
}

/// Reads the first token of a text without NUL; its length is at least 1.
fn scan(bytes: &[u8]) -> (TokenKind, usize) {
    match bytes[0] {
        // A vertical tab continues white space but does not begin it: that is how SQLite has it.
        b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' => {
            (TokenKind::Space, 1 + run(bytes, 1, is_space_byte))
        }
        0xef if bytes.starts_with(&[0xef, 0xbb, 0xbf]) => (TokenKind::Space, 3),
        b'-' if at(bytes, 1) == b'-' => {
            (TokenKind::Comment, 2 + run(bytes, 2, |byte| byte != b'\n'))
        }
        b'/' if at(bytes, 1) == b'*' && bytes.len() > 2 => (TokenKind::Comment, block(bytes)),
        b'\'' | b'"' | b'`' => quoted(bytes),
        b'[' => bracketed(bytes),
        b'x' | b'X' if at(bytes, 1) == b'\'' => blob(bytes),
        b'0'..=b'9' => number(bytes),
        b'.' if at(bytes, 1).is_ascii_digit() => number(bytes),
        b'?' => (TokenKind::Variable, 1 + run(bytes, 1, |byte| byte.is_ascii_digit())),
        b'$' | b'@' | b':' | b'#' => variable(bytes),
        byte if is_name_byte(byte) => (TokenKind::Word, run(bytes, 0, is_name_byte)),
        byte => punctuation(byte, at(bytes, 1), at(bytes, 2)),
    }
}

fn block(bytes: &[u8]) -> usize {
    let close = bytes[2..].windows(2).position(|pair| pair == b"*/");
    close.map_or(bytes.len(), |position| position + 4)
}

fn quoted(bytes: &[u8]) -> (TokenKind, usize) {
    let quote = bytes[0];
    let kind = if quote == b'\'' { TokenKind::Text } else { TokenKind::QuotedName };
    let mut index = 1;
    while index < bytes.len() {
        if bytes[index] != quote {
            index += 1;
        } else if at(bytes, index + 1) == quote {
            index += 2;
        } else {
            return (kind, index + 1);
        }
    }
    (TokenKind::Illegal, bytes.len())
}

fn bracketed(bytes: &[u8]) -> (TokenKind, usize) {
    match bytes.iter().position(|&byte| byte == b']') {
        Some(position) => (TokenKind::QuotedName, position + 1),
        None => (TokenKind::Illegal, bytes.len()),
    }
}

fn blob(bytes: &[u8]) -> (TokenKind, usize) {
    let digits = run(bytes, 2, |byte| byte.is_ascii_hexdigit());
    let legal = at(bytes, 2 + digits) == b'\'' && digits % 2 == 0;
    let inside = run(bytes, 2, |byte| byte != b'\'');
    let length = (2 + inside + 1).min(bytes.len());
    (if legal { TokenKind::Blob } else { TokenKind::Illegal }, length)
}

/// Reads a number; letters glued to it make it illegal.
fn number(bytes: &[u8]) -> (TokenKind, usize) {
    let digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let mut length;
    if bytes[0] == b'0' && matches!(at(bytes, 1), b'x' | b'X') && at(bytes, 2).is_ascii_hexdigit() {
        length = 3 + run(bytes, 3, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    } else {
        length = run(bytes, 0, digit);
        if at(bytes, length) == b'.' {
            length += 1 + run(bytes, length + 1, digit);
        }
        if matches!(at(bytes, length), b'e' | b'E') {
            let sign = usize::from(matches!(at(bytes, length + 1), b'+' | b'-'));
            if at(bytes, length + 1 + sign).is_ascii_digit() {
                length += 1 + sign + run(bytes, length + 1 + sign, digit);
            }
        }
    }
    let glued = run(bytes, length, is_name_byte);
    (if glued == 0 { TokenKind::Number } else { TokenKind::Illegal }, length + glued)
}

/// Reads a named parameter, with the suffixes `::name` and `(text)` that Tcl uses.
fn variable(bytes: &[u8]) -> (TokenKind, usize) {
    let mut letters = 0;
    let mut index = 1;
    while index < bytes.len() {
        match bytes[index] {
            byte if is_name_byte(byte) => {
                letters += 1;
                index += 1;
            }
            b'(' if letters > 0 => {
                index += 1 + run(bytes, index + 1, |byte| !is_space_byte(byte) && byte != b')');
                return match at(bytes, index) {
                    b')' => (TokenKind::Variable, index + 1),
                    _ => (TokenKind::Illegal, index),
                };
            }
            b':' if at(bytes, index + 1) == b':' => index += 2,
            _ => break,
        }
    }
    (if letters == 0 { TokenKind::Illegal } else { TokenKind::Variable }, index)
}

fn punctuation(first: u8, second: u8, third: u8) -> (TokenKind, usize) {
    let length = match (first, second, third) {
        (b'-', b'>', b'>') => 3,
        (b'-', b'>', _)
        | (b'=', b'=', _)
        | (b'<', b'=' | b'>' | b'<', _)
        | (b'>', b'=' | b'>', _)
        | (b'!', b'=', _)
        | (b'|', b'|', _) => 2,
        (b'(' | b')' | b';' | b'+' | b'-' | b'*' | b'/' | b'%' | b'=', _, _)
        | (b'<' | b'>' | b'|' | b',' | b'&' | b'~' | b'.', _, _) => 1,
        _ => return (TokenKind::Illegal, 1),
    };
    (TokenKind::Punctuation, length)
}
