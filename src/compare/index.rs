//! The parts of an index, by their tokens.

use crate::name::fold;
use crate::sql::{Token, TokenKind, significant_tokens, unquote};

use super::difference::{Difference, IndexAspect};

/// Names the parts in which two indexes differ; none if only their spelling does.
pub(super) fn compare_indexes(expected: &str, found: &str) -> Vec<Difference> {
    let (Some(wanted), Some(here)) = (Parts::read(expected), Parts::read(found)) else {
        return vec![Difference::Text];
    };
    let mut aspects = Vec::new();
    if wanted.table != here.table {
        aspects.push(IndexAspect::Table);
    }
    if wanted.unique != here.unique {
        aspects.push(IndexAspect::Unique);
    }
    let part = |parts: &Parts, of: fn(&IndexKey) -> String| -> Vec<String> {
        parts.keys.iter().map(of).collect()
    };
    let differs = |of: fn(&IndexKey) -> String| part(&wanted, of) != part(&here, of);
    if differs(|key| key.value.clone()) {
        aspects.push(IndexAspect::Columns);
    }
    if differs(|key| key.collation.clone()) {
        aspects.push(IndexAspect::Collation);
    }
    if differs(|key| key.direction.clone()) {
        aspects.push(IndexAspect::Direction);
    }
    if wanted.condition != here.condition {
        aspects.push(IndexAspect::Where);
    }
    aspects.into_iter().map(Difference::Index).collect()
}

/// An index taken apart.
struct Parts {
    unique: bool,
    table: String,
    keys: Vec<IndexKey>,
    condition: Vec<String>,
}

/// One column or expression of an index.
struct IndexKey {
    value: String,
    collation: String,
    direction: String,
}

impl Parts {
    /// Reads `CREATE [UNIQUE] INDEX name ON table (keys) [WHERE condition]`.
    fn read(sql: &str) -> Option<Self> {
        let tokens: Vec<Token> = significant_tokens(sql).collect();
        let on = tokens.iter().position(|token| token.is_word(sql, "ON"))?;
        let unique = tokens.get(..on)?.iter().any(|token| token.is_word(sql, "UNIQUE"));
        let table = fold(&unquote(tokens.get(on + 1)?.text(sql)));
        let open = on + 2;
        tokens.get(open).filter(|token| token.is_mark(sql, "("))?;
        let mut depth = 0_usize;
        let mut keys: Vec<Vec<Token>> = vec![Vec::new()];
        let mut close = None;
        for (place, token) in tokens.iter().enumerate().skip(open) {
            let (opens, closes) = (token.is_mark(sql, "("), token.is_mark(sql, ")"));
            if opens {
                depth += 1;
            } else if closes {
                depth -= 1;
            }
            if depth == 0 {
                close = Some(place);
                break;
            }
            if depth == 1 && token.is_mark(sql, ",") {
                keys.push(Vec::new());
            } else if place > open
                && let Some(last) = keys.last_mut()
            {
                last.push(*token);
            }
        }
        let rest = tokens.get(close? + 1..)?;
        let condition = match rest {
            [] => Vec::new(),
            [first, condition @ ..] if first.is_word(sql, "WHERE") => {
                condition.iter().map(|token| form(sql, token)).collect()
            }
            _ => return None,
        };
        let keys = keys.iter().map(|tokens| IndexKey::read(sql, tokens)).collect();
        Some(Self { unique, table, keys, condition })
    }
}

impl IndexKey {
    fn read(sql: &str, tokens: &[Token]) -> Self {
        let mut tokens = tokens;
        let mut direction = String::new();
        if let [rest @ .., last] = tokens
            && (last.is_word(sql, "ASC") || last.is_word(sql, "DESC"))
            && !rest.is_empty()
        {
            // Ascending is what is left out.
            direction = if last.is_word(sql, "DESC") { "desc".to_owned() } else { String::new() };
            tokens = rest;
        }
        let mut collation = String::new();
        if let [rest @ .., word, name] = tokens
            && word.is_word(sql, "COLLATE")
            && !rest.is_empty()
        {
            collation = fold(&unquote(name.text(sql)));
            tokens = rest;
        }
        let value: Vec<String> = tokens.iter().map(|token| form(sql, token)).collect();
        Self { value: value.join(" "), collation, direction }
    }
}

fn form(sql: &str, token: &Token) -> String {
    match token.kind {
        TokenKind::Word | TokenKind::QuotedName => format!("n {}", fold(&unquote(token.text(sql)))),
        TokenKind::Number | TokenKind::Blob => fold(token.text(sql)),
        _ => token.text(sql).to_owned(),
    }
}
