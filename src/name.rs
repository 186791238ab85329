//! Names of tables, columns and other objects: quoting them, and comparing them as SQLite does.
//!
//! This is the only module that turns a name into SQL text. Values never pass through here: they are
//! bound as parameters.

/// Quotes a name as an SQL identifier, whatever characters it holds.
///
/// See <https://sqlite.org/lang_keywords.html>.
///
/// ```
/// use phaseshift::name::quote;
/// assert_eq!(quote("sessions"), r#""sessions""#);
/// assert_eq!(quote(r#"odd " name"#), r#""odd "" name""#);
/// ```
pub fn quote(name: &str) -> String {
    quote_with(name, '"')
}

/// Quotes text as an SQL string literal, for the few places that take no parameter (scripts, pragmas).
///
/// ```
/// use phaseshift::name::literal;
/// assert_eq!(literal("it's"), "'it''s'");
/// ```
pub fn literal(text: &str) -> String {
    quote_with(text, '\'')
}

fn quote_with(text: &str, mark: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for character in text.chars() {
        if character == mark {
            quoted.push(mark);
        }
        quoted.push(character);
    }
    quoted.push(mark);
    quoted
}

/// Names a table of `main` in SQL text.
///
/// ```
/// use phaseshift::name::in_main;
/// assert_eq!(in_main("sessions"), r#"main."sessions""#);
/// ```
pub fn in_main(table: &str) -> String {
    format!("main.{}", quote(table))
}

/// Folds a name for comparison: SQLite ignores the case of A to Z only, never of other letters.
///
/// ```
/// use phaseshift::name::fold;
/// assert_eq!(fold("Sessions"), fold("SESSIONS"));
/// assert_ne!(fold("É"), fold("é"));
/// ```
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Returns whether two names mean the same object to SQLite.
pub fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Returns whether SQLite reserves the name for its own tables and indexes (`sqlite_...`).
pub fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"))
}
