//! Tokens as SQLite sees them.

use proptest::prelude::*;

use super::properties::cases;
use crate::sql::{TokenKind, significant_tokens, tokens, unquote};

fn cut(text: &str) -> Vec<(TokenKind, &str)> {
    tokens(text).iter().map(|token| (token.kind, token.text(text))).collect()
}

#[test]
fn every_kind_is_recognised() {
    use TokenKind::*;
    let cases: &[(&str, TokenKind)] = &[
        (" \t\n\u{b}\u{c}\r", Space),
        ("\u{feff}", Space),
        ("-- to the end ; ' \"", Comment),
        ("/* a ' ; */", Comment),
        ("/**/", Comment),
        ("/*/", Comment),
        ("/* never closed", Comment),
        ("größe$1_x", Word),
        ("x", Word),
        ("_a", Word),
        ("a\u{feff}", Word),
        ("\"a\"\"b\"", QuotedName),
        ("`a``b`", QuotedName),
        ("[a \"' b]", QuotedName),
        ("'it''s\n;'", Text),
        ("x'00fF'", Blob),
        ("X''", Blob),
        ("0", Number),
        ("1_000", Number),
        ("1.5e-10", Number),
        (".5", Number),
        ("1.", Number),
        ("0xFF_ff", Number),
        ("?", Variable),
        ("?12", Variable),
        (":a", Variable),
        ("@a", Variable),
        ("$a::b(c)", Variable),
        ("#1", Variable),
        ("->>", Punctuation),
        ("->", Punctuation),
        ("<>", Punctuation),
        ("||", Punctuation),
        ("==", Punctuation),
        ("!=", Punctuation),
        ("'open", Illegal),
        ("\"open\"\"", Illegal),
        ("[open", Illegal),
        ("x'0'", Illegal),
        ("x'0g'", Illegal),
        ("x'00", Illegal),
        ("12ab", Illegal),
        ("0x", Illegal),
        ("1e5x", Illegal),
        ("!", Illegal),
        ("\\", Illegal),
        ("{", Illegal),
        ("\u{b}", Illegal),
        ("$", Illegal),
        ("$a(b", Illegal),
        ("\0 all of the rest", Illegal),
    ];
    for (text, kind) in cases {
        assert_eq!(cut(text), [(*kind, *text)], "{text:?}");
    }
}

#[test]
fn tokens_end_where_those_of_sqlite_end() {
    let cases: &[(&str, &[&str])] = &[
        ("a--b\nc", &["a", "--b", "\n", "c"]),
        ("a/*b*/c", &["a", "/*b*/", "c"]),
        ("a/*", &["a", "/", "*"]),
        ("1e", &["1e"]),
        ("1e+", &["1e", "+"]),
        ("1..2", &["1.", ".2"]),
        ("a.b", &["a", ".", "b"]),
        ("t.5", &["t", ".5"]),
        ("a>=b>>c", &["a", ">=", "b", ">>", "c"]),
        ("x'ab'''", &["x'ab'", "''"]),
        ("ax'ab'", &["ax", "'ab'"]),
        ("?a", &["?", "a"]),
        (":a:b", &[":a", ":b"]),
        ("|a", &["|", "a"]),
    ];
    for (text, expected) in cases {
        let found: Vec<&str> = cut(text).into_iter().map(|(_, part)| part).collect();
        assert_eq!(&found, expected, "{text:?}");
    }
}

#[test]
fn unquoting_follows_the_quotes() {
    let cases = [
        ("plain", "plain"),
        ("\"a\"\"b\"", "a\"b"),
        ("`a``b`", "a`b"),
        ("'it''s'", "it's"),
        ("[a [b]", "a [b"),
        ("\"\"", ""),
        ("\"open", "open"),
        ("\"", ""),
        ("", ""),
        ("\"größe\n;\"", "größe\n;"),
    ];
    for (text, name) in cases {
        assert_eq!(unquote(text), name, "{text:?}");
    }
}

#[test]
fn significant_tokens_leave_out_space_and_comments() {
    let text = "a /* b */ -- c\n d";
    let found: Vec<&str> = significant_tokens(text).map(|token| token.text(text)).collect();
    assert_eq!(found, ["a", "d"]);
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn joined_tokens_are_the_text(text in any::<String>()) {
        let joined: String = tokens(&text).iter().map(|token| token.text(&text)).collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn joined_tokens_are_the_text_of_nearly_sql(
        text in "[-a-zA-Z0-9_$ \n'\"`\\[\\]().,;/*xX+?:@#=<>!|~&%é\u{feff}]{0,60}"
    ) {
        let joined: String = tokens(&text).iter().map(|token| token.text(&text)).collect();
        prop_assert_eq!(&joined, &text);
        prop_assert!(tokens(&text).iter().all(|token| token.start < token.end));
    }
}
