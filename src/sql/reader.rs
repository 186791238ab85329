//! Walks over the significant tokens of one text. It knows how to expect things, not what is expected.

use std::ops::Range;

use super::error::SqlError;
use super::token::{Token, TokenKind, significant_tokens, unquote};

/// A name as it stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name itself, without quotes.
    pub text: String,
    /// The bytes of its token, quotes included.
    pub range: Range<usize>,
}

/// The place of a reader in a text. Reading past the end yields nothing and never panics.
pub(super) struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, tokens: significant_tokens(text).collect(), next: 0 }
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.peek_after(0)
    }

    pub(super) fn peek_after(&self, skipped: usize) -> Option<Token> {
        self.tokens.get(self.next + skipped).copied()
    }

    pub(super) fn advance(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    /// The end of the token read last.
    pub(super) fn last_end(&self) -> usize {
        let last = self.next.checked_sub(1).and_then(|index| self.tokens.get(index));
        last.map_or(0, |token| token.end)
    }

    /// The start of the next token, or the end of the text.
    pub(super) fn next_start(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.start)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.word_after(0, word)
    }

    pub(super) fn word_after(&self, skipped: usize, word: &str) -> bool {
        self.peek_after(skipped).is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn at_any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.at_word(word))
    }

    pub(super) fn at_mark(&self, mark: &str) -> bool {
        self.peek().is_some_and(|token| token.is_mark(self.text, mark))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.next += usize::from(found);
        found
    }

    pub(super) fn take_any_word(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take_word(word))
    }

    pub(super) fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.at_mark(mark);
        self.next += usize::from(found);
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    pub(super) fn expect_mark(&mut self, mark: &str) -> Result<(), SqlError> {
        if self.take_mark(mark) { Ok(()) } else { Err(self.expected(mark)) }
    }

    /// Reads a name: a bare word, a quoted name, or a string in the place of a name.
    pub(super) fn name(&mut self) -> Result<Name, SqlError> {
        let token = self.peek().filter(|token| is_name(token.kind));
        let Some(token) = token else { return Err(self.expected("a name")) };
        self.next += 1;
        Ok(Name { text: unquote(token.text(self.text)), range: token.range() })
    }

    /// Reads from an opening parenthesis to the one that closes it.
    pub(super) fn parentheses(&mut self) -> Result<Range<usize>, SqlError> {
        let start = self.next_start();
        self.expect_mark("(")?;
        let mut depth = 1_usize;
        while depth > 0 {
            let Some(token) = self.advance() else {
                return Err(SqlError::at(self.text, start, "parenthesis is never closed"));
            };
            if token.kind == TokenKind::Illegal {
                return Err(self.illegal(token));
            }
            depth += usize::from(token.is_mark(self.text, "("));
            depth -= usize::from(token.is_mark(self.text, ")"));
        }
        Ok(start..self.last_end())
    }

    /// Accepts one final semicolon and then the end of the text.
    pub(super) fn finish(&mut self) -> Result<(), SqlError> {
        self.take_mark(";");
        if self.peek().is_some() { Err(self.expected("the end")) } else { Ok(()) }
    }

    pub(super) fn expected(&self, what: &str) -> SqlError {
        let found = match self.peek() {
            Some(token) if token.kind == TokenKind::Illegal => return self.illegal(token),
            Some(token) => format!("`{}`", shortened(token.text(self.text))),
            None => "the end".to_owned(),
        };
        SqlError::at(self.text, self.next_start(), format!("expected {what}, found {found}"))
    }

    fn illegal(&self, token: Token) -> SqlError {
        let found = shortened(token.text(self.text));
        SqlError::at(self.text, token.start, format!("unrecognized text `{found}`"))
    }
}

/// Returns whether SQLite takes a token of this kind for a name: <https://sqlite.org/lang_keywords.html>.
pub(super) fn is_name(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text)
}

/// Cuts a text to a length that fits into a message, with its line ends made into spaces.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 3).collect();
    short.push_str("...");
    short
}
