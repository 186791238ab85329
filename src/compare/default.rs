//! What a default value means to its column: `0`, `'0'` and `(0)` are one number to an INTEGER column.

use crate::name::fold;
use crate::schema::Affinity;
use crate::sql::{Token, TokenKind, significant_tokens, unquote};

/// A default as its column stores it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(String),
    /// An expression, by its tokens.
    Expression(Vec<String>),
}

/// Reads the SQL text of a default. No default is NULL.
pub(super) fn meaning_of(sql: Option<&str>, affinity: Affinity) -> Meaning {
    let Some(sql) = sql else { return Meaning::Null };
    let tokens: Vec<Token> = significant_tokens(sql).collect();
    let inner = without_parentheses(sql, &tokens);
    let in_parentheses = inner.len() < tokens.len();
    match literal(sql, inner, in_parentheses) {
        Some(value) => stored(value, affinity),
        None => Meaning::Expression(inner.iter().map(|token| fold_token(sql, token)).collect()),
    }
}

/// Returns whether two defaults give a column of this affinity the same value.
pub(crate) fn same_default(one: Option<&str>, two: Option<&str>, affinity: Affinity) -> bool {
    meaning_of(one, affinity) == meaning_of(two, affinity)
}

/// Takes off the parentheses around the whole expression.
fn without_parentheses<'t>(sql: &str, tokens: &'t [Token]) -> &'t [Token] {
    let mut inner = tokens;
    while let [first, middle @ .., last] = inner {
        let closes = first.is_mark(sql, "(") && last.is_mark(sql, ")");
        if !closes || !is_balanced(sql, middle) {
            break;
        }
        inner = middle;
    }
    inner
}

fn is_balanced(sql: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_i64;
    for token in tokens {
        if token.is_mark(sql, "(") {
            depth += 1;
        } else if token.is_mark(sql, ")") {
            depth -= 1;
            if depth < 0 {
                return false;
            }
        }
    }
    depth == 0
}

fn fold_token(sql: &str, token: &Token) -> String {
    match token.kind {
        TokenKind::Word | TokenKind::QuotedName => fold(&unquote(token.text(sql))),
        TokenKind::Number | TokenKind::Blob => fold(token.text(sql)),
        _ => token.text(sql).to_owned(),
    }
}

/// Reads a literal with an optional sign. A name without parentheses is a string
/// (<https://sqlite.org/lang_createtable.html#the_default_clause>), unless it is TRUE or FALSE.
fn literal(sql: &str, tokens: &[Token], in_parentheses: bool) -> Option<Meaning> {
    match tokens {
        [one] => value(sql, one, in_parentheses),
        [sign, one] if sign.is_mark(sql, "+") => {
            value(sql, one, true).filter(|it| matches!(it, Meaning::Integer(_) | Meaning::Real(_)))
        }
        [sign, one] if sign.is_mark(sql, "-") => match value(sql, one, true)? {
            Meaning::Integer(number) => number.checked_neg().map(Meaning::Integer),
            Meaning::Real(number) => Some(Meaning::Real(-number)),
            _ => None,
        },
        _ => None,
    }
}

fn value(sql: &str, token: &Token, in_parentheses: bool) -> Option<Meaning> {
    let text = token.text(sql);
    match token.kind {
        TokenKind::Number => number(&text.replace('_', "")),
        TokenKind::Text => Some(Meaning::Text(unquote(text))),
        TokenKind::Blob => Some(Meaning::Blob(fold(text))),
        TokenKind::Word => match fold(text).as_str() {
            "null" => Some(Meaning::Null),
            "true" => Some(Meaning::Integer(1)),
            "false" => Some(Meaning::Integer(0)),
            "current_time" | "current_date" | "current_timestamp" => None,
            _ if in_parentheses => None,
            _ => Some(Meaning::Text(text.to_owned())),
        },
        TokenKind::QuotedName if !in_parentheses => Some(Meaning::Text(unquote(text))),
        _ => None,
    }
}

fn number(text: &str) -> Option<Meaning> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16)
            .ok()
            .map(|bits| Meaning::Integer(i64::from_ne_bytes(bits.to_ne_bytes())));
    }
    if let Ok(integer) = text.parse() {
        return Some(Meaning::Integer(integer));
    }
    text.parse().ok().map(Meaning::Real)
}

/// Converts a value as the column does when it stores it (<https://sqlite.org/datatype3.html#type_affinity>).
fn stored(value: Meaning, affinity: Affinity) -> Meaning {
    match (value, affinity) {
        (Meaning::Integer(integer), Affinity::Text) => Meaning::Text(integer.to_string()),
        (Meaning::Text(text), Affinity::Numeric | Affinity::Integer | Affinity::Real) => {
            match numeric(&text) {
                Some(found) => stored(found, affinity),
                None => Meaning::Text(text),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "SQLite converts as well")]
        (Meaning::Integer(integer), Affinity::Real) => Meaning::Real(integer as f64),
        (Meaning::Real(real), Affinity::Numeric | Affinity::Integer) => whole(real),
        (value, _) => value,
    }
}

/// A text that looks like a number.
fn numeric(text: &str) -> Option<Meaning> {
    let text = text.trim_matches(|it: char| it.is_ascii_whitespace());
    let plain = text.bytes().all(|it| it.is_ascii_digit() || b"+-.eE".contains(&it));
    if !plain {
        return None;
    }
    number(text.strip_prefix('+').unwrap_or(text))
}

/// A real without a fraction becomes an integer where nothing is lost.
fn whole(real: f64) -> Meaning {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if real.fract() == 0.0 && real.abs() < EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below 2 to the 53rd, without a fraction"
        )]
        return Meaning::Integer(real as i64);
    }
    Meaning::Real(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value() {
        let same = |left: &str, right: &str, declared: &str| {
            let of = |sql| meaning_of(Some(sql), Affinity::of(declared));
            of(left) == of(right)
        };
        for (left, right, declared) in [
            ("0", "'0'", "INTEGER"),
            ("0", "((0))", "INTEGER"),
            ("-1", "'-1'", "NUMERIC"),
            ("1", "1.0", "INTEGER"),
            ("1", "1.0", "REAL"),
            ("1", "'1'", "TEXT"),
            ("true", "1", "BOOLEAN"),
            ("0x10", "16", "INT"),
            ("'x'", "\"x\"", "TEXT"),
            ("CURRENT_TIMESTAMP", "current_timestamp", "TEXT"),
            ("(datetime('now'))", "( DATETIME ( 'now' ) )", "TEXT"),
            ("null", "(NULL)", "TEXT"),
        ] {
            assert!(same(left, right, declared), "{left} {right} {declared}");
        }
        for (left, right, declared) in [
            ("0", "'0'", ""),
            ("'A'", "'a'", "TEXT"),
            ("1", "2", "INT"),
            ("'1.0'", "1", "TEXT"),
            ("'true'", "true", "INT"),
            ("(1) + (2)", "1", "INT"),
            ("'CURRENT_TIMESTAMP'", "CURRENT_TIMESTAMP", "TEXT"),
        ] {
            assert!(!same(left, right, declared), "{left} {right} {declared}");
        }
        assert_eq!(meaning_of(None, Affinity::Text), meaning_of(Some("NULL"), Affinity::Text));
    }
}
