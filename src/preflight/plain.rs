//! Expressions that cannot fail, whatever the row: nothing has to be computed to know that it can be.

use crate::sql::{Token, TokenKind, significant_tokens};

/// The words before a parenthesis that do not call a function which might fail, or ask about all rows.
const HARMLESS: [&str; 15] = [
    "AND", "BETWEEN", "CASE", "CAST", "COALESCE", "ELSE", "IFNULL", "IIF", "IS", "LENGTH", "NOT",
    "NULLIF", "OR", "THEN", "WHEN",
];

/// The words that bring other tables, patterns or collations in, all of which have errors of their own.
const HARMFUL: [&str; 13] = [
    "COLLATE", "EXISTS", "FILTER", "GLOB", "IN", "LIKE", "MATCH", "OVER", "RAISE", "REGEXP",
    "SELECT", "VALUES", "WITH",
];

/// Operators that give a value for every value: division by zero gives NULL, too large integers become reals
/// (<https://sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes>). Not `||`, whose result may
/// be too long, and not `->`, which reads JSON.
const OPERATORS: [&str; 22] = [
    "(", ")", ",", ".", "+", "-", "*", "/", "%", "<", ">", "<=", ">=", "=", "==", "<>", "!=", "&",
    "|", "<<", ">>", "~",
];

/// Returns whether an expression gives a value for each row, out of that row alone. No says no more than that
/// it has to be computed to know.
pub(super) fn is_plain(expression: &str) -> bool {
    let tokens: Vec<Token> = significant_tokens(expression).collect();
    let calls = |place: usize| {
        tokens.get(place + 1).is_some_and(|next: &Token| next.is_mark(expression, "("))
    };
    tokens.iter().enumerate().all(|(place, token)| {
        let is = |words: &[&str]| words.iter().any(|word| token.is_word(expression, word));
        match token.kind {
            TokenKind::Word => !is(&HARMFUL) && (!calls(place) || is(&HARMLESS)),
            TokenKind::QuotedName => !calls(place),
            TokenKind::Text | TokenKind::Blob | TokenKind::Number => true,
            TokenKind::Punctuation => OPERATORS.contains(&token.text(expression)),
            TokenKind::Variable | TokenKind::Illegal => false,
            TokenKind::Space | TokenKind::Comment => true,
        }
    })
}

/// Returns whether a default is a value that is written there, and not NULL.
pub(super) fn is_literal(default: &str) -> bool {
    let tokens: Vec<Token> = significant_tokens(default).collect();
    let value = match tokens.as_slice() {
        [sign, value] if sign.is_mark(default, "-") || sign.is_mark(default, "+") => {
            return value.kind == TokenKind::Number;
        }
        [value] => value,
        _ => return false,
    };
    matches!(value.kind, TokenKind::Text | TokenKind::Blob | TokenKind::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_and_cases_are_plain() {
        for expression in [
            "x * y",
            "(x * y\n)",
            "\"x\" + [y] - `z` / 2.5 % 7",
            "CASE WHEN a IS NULL THEN 'none' ELSE (a) END",
            "coalesce(a, ifnull(b, -1))",
            "CAST(a AS REAL) -- as a number",
            "a BETWEEN (1) AND (b) OR NOT (c == x'00')",
            "t.a << 2 & ~b",
        ] {
            assert!(is_plain(expression), "{expression}");
        }
    }

    #[test]
    fn what_may_fail_or_look_elsewhere_is_not_plain() {
        for expression in [
            "abs(a)",
            "max(a)",
            "\"max\"(a)",
            "a || b",
            "a -> '$.b'",
            "a ->> 'b'",
            "json_extract(a, '$.b')",
            "(SELECT 1)",
            "a IN (1, 2)",
            "a IN t",
            "a LIKE 'b%'",
            "a = b COLLATE nobody_knows",
            "coalesce(a, count(*))",
            "sum(a) OVER ()",
            "?1",
            "12ab",
        ] {
            assert!(!is_plain(expression), "{expression}");
        }
    }

    #[test]
    fn a_default_is_a_value_only_if_it_is_written_there() {
        for (default, is_value) in [
            ("'e'", true),
            ("-1.5", true),
            ("x'00'", true),
            ("0", true),
            ("NULL", false),
            ("(NULL)", false),
            ("- - 1", false),
            ("-'e'", false),
            ("CURRENT_DATE", false),
            ("\"e\"", false),
            ("", false),
        ] {
            assert_eq!(is_literal(default), is_value, "{default}");
        }
    }
}
