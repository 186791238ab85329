//! Applies replacements to a text, and finds what may be cut without harming the rest.
//! It knows tokens and comments, and nothing about statements.

use std::collections::HashSet;
use std::ops::Range;

use crate::sql::token::{Token, TokenKind, is_name_byte, tokens};

/// Replacements to be applied to one text together.
#[derive(Default)]
pub(super) struct Splice {
    pieces: Vec<(Range<usize>, String)>,
}

impl Splice {
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.pieces.push((range, text.into()));
    }

    pub(super) fn insert(&mut self, position: usize, text: impl Into<String>) {
        self.replace(position..position, text);
    }

    pub(super) fn cut(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// Returns the edited text. A space is put in only where two tokens would otherwise grow together,
    /// a line end only where a comment would otherwise swallow what follows.
    pub(super) fn apply(mut self, sql: &str) -> String {
        // Insertions come before a replacement that begins at the same place; otherwise the order stays.
        self.pieces.sort_by_key(|(range, _)| (range.start, range.end));
        let line_comments = line_comment_ends(sql);
        let mut joined = Joined { text: String::with_capacity(sql.len() + 64), in_comment: false };
        let mut position = 0;
        for (range, text) in &self.pieces {
            debug_assert!(range.start >= position, "replacements overlap");
            let kept = position..range.start.max(position);
            joined.append(&sql[kept.clone()], line_comments.contains(&kept.end));
            joined.append(text, false);
            position = range.end.max(position);
        }
        joined.append(&sql[position..], false);
        joined.text
    }
}

/// A text put together from fragments.
struct Joined {
    text: String,
    /// Whether the text ends inside a comment that lasts to the end of the line.
    in_comment: bool,
}

impl Joined {
    fn append(&mut self, fragment: &str, ends_in_comment: bool) {
        let Some(&first) = fragment.as_bytes().first() else { return };
        let last = self.text.as_bytes().last().copied();
        if self.in_comment {
            if !begins_with_line_end(fragment) {
                self.text.push('\n');
            }
        } else if last.is_some_and(|last| grow_together(last, first)) {
            self.text.push(' ');
        }
        self.text.push_str(fragment);
        self.in_comment = ends_in_comment;
    }
}

fn line_comment_ends(sql: &str) -> HashSet<usize> {
    let all = tokens(sql);
    all.iter().filter(|token| is_line_comment(sql, token)).map(|token| token.end).collect()
}

fn begins_with_line_end(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
}

/// Replaces one piece of a text.
pub(super) fn replaced(sql: &str, range: Range<usize>, text: &str) -> String {
    let mut splice = Splice::default();
    splice.replace(range, text);
    splice.apply(sql)
}

/// Returns whether two tokens that meet with these bytes could become one.
fn grow_together(last: u8, first: u8) -> bool {
    let quote = matches!(last, b'\'' | b'"' | b'`') && last == first;
    let word = is_name_byte(last) && (is_name_byte(first) || matches!(first, b'.' | b'\''));
    let number = last == b'.' && first.is_ascii_digit();
    let comment = matches!((last, first), (b'-', b'-') | (b'/', b'*'));
    quote || word || number || comment
}

/// Widens a range that will be cut by the white space before it, unless that would let a `--` comment
/// swallow what follows.
pub(super) fn with_space_before(sql: &str, range: &Range<usize>) -> Range<usize> {
    let all = tokens(sql);
    let index = all.partition_point(|token| token.end <= range.start);
    let before = |distance: usize| index.checked_sub(distance).and_then(|place| all.get(place));
    let Some(space) = before(1).filter(|token| token.kind == TokenKind::Space) else {
        return range.clone();
    };
    let after_line_comment = before(2).is_some_and(|token| is_line_comment(sql, token));
    if after_line_comment && !begins_with_line_end(&sql[range.end..]) {
        return range.clone();
    }
    space.start..range.end
}

/// Returns whether a token is a comment that lasts to the end of its line.
pub(super) fn is_line_comment(sql: &str, token: &Token) -> bool {
    token.kind == TokenKind::Comment && token.text(sql).starts_with("--")
}

/// White space and comments between two significant tokens of a text.
pub(super) struct Gap<'a> {
    sql: &'a str,
    range: Range<usize>,
    tokens: Vec<Token>,
}

impl<'a> Gap<'a> {
    /// Looks at a range that begins and ends at the borders of tokens.
    pub(super) fn new(sql: &'a str, range: Range<usize>) -> Gap<'a> {
        let mut found = tokens(&sql[range.clone()]);
        for token in &mut found {
            token.start += range.start;
            token.end += range.start;
        }
        Gap { sql, range, tokens: found }
    }

    pub(super) fn has_comment(&self) -> bool {
        self.tokens.iter().any(|token| token.kind == TokenKind::Comment)
    }

    /// The place of the first comma in the gap.
    pub(super) fn comma(&self) -> Option<usize> {
        self.tokens.iter().find(|token| token.is_mark(self.sql, ",")).map(|token| token.start)
    }

    /// The place of the first line end outside comments, carriage return included.
    pub(super) fn line_end(&self) -> Option<usize> {
        let spaces = self.tokens.iter().filter(|token| token.kind == TokenKind::Space);
        let newline = spaces
            .filter_map(|token| token.text(self.sql).find('\n').map(|place| token.start + place))
            .next()?;
        let carriage = newline > self.range.start && self.sql.as_bytes()[newline - 1] == b'\r';
        Some(newline - usize::from(carriage))
    }

    /// The first comment that stands behind the first line end: it belongs to what follows.
    pub(super) fn comment_of_next(&self) -> Option<usize> {
        let line_end = self.line_end()?;
        let comment = |token: &&Token| token.kind == TokenKind::Comment && token.start > line_end;
        self.tokens.iter().find(comment).map(|token| token.start)
    }

    /// The line end and white space directly before the end of the gap, with which the next line begins.
    pub(super) fn indentation(&self) -> Option<&'a str> {
        let last = self.tokens.last().filter(|token| token.kind == TokenKind::Space)?;
        let text = last.text(self.sql);
        let newline = text.rfind('\n')?;
        let carriage = newline > 0 && text.as_bytes()[newline - 1] == b'\r';
        Some(&text[newline - usize::from(carriage)..])
    }
}
