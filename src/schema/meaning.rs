//! Whether two texts mean the same, whatever spacing, comments, quotes and case they have.

use crate::name::fold;
use crate::sql::{TokenKind, significant_tokens, unquote};

/// Whether the columns of a table must stand in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnOrder {
    Same,
    /// They need not: branches of a chain may have been applied in any order.
    Any,
}

/// Returns whether two texts have the same tokens; names and keywords may differ in case and quotes.
pub fn same_meaning(left: &str, right: &str) -> bool {
    text_form(left) == text_form(right)
}

/// As [`same_meaning`], for the text of a virtual table: its arguments go to the module, which takes the
/// quotes off values, too (<https://sqlite.org/fts5.html#fts5_table_creation_and_initialization>).
pub fn same_virtual_meaning(left: &str, right: &str) -> bool {
    let form = |text: &str| -> Vec<String> {
        significant_tokens(text).map(|token| fold(&unquote(token.text(text)))).collect()
    };
    form(left) == form(right)
}

/// Returns the tokens of a text in a form that is the same for all texts of this meaning.
pub fn meaning_of(text: &str) -> String {
    text_form(text).join(" ")
}

/// Returns the tokens of a text in a form in which case and quotes of names do not count.
pub fn text_form(text: &str) -> Vec<String> {
    // The mark keeps a name apart from a literal or an operator of the same letters.
    text_form_with(text, |name| format!("n {}", fold(&unquote(name))))
}

/// Returns the tokens of a text, with its words and names as a function says them.
pub fn text_form_with(text: &str, name: impl Fn(&str) -> String) -> Vec<String> {
    significant_tokens(text)
        .map(|token| match token.kind {
            TokenKind::Word | TokenKind::QuotedName => name(token.text(text)),
            TokenKind::Number | TokenKind::Blob => fold(token.text(text)),
            TokenKind::Text
            | TokenKind::Variable
            | TokenKind::Punctuation
            | TokenKind::Space
            | TokenKind::Comment
            | TokenKind::Illegal => token.text(text).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_case_and_comments_do_not_count() {
        let text = "CREATE TABLE \"imaging\" (\n  a INTEGER, -- one\n  [b] text)";
        assert!(same_meaning(text, "create table imaging(A integer, b TEXT)"));
        assert!(!same_meaning(text, "CREATE TABLE imaging(a INTEGER, b TEXT DEFAULT 'b')"));
        assert!(!same_meaning("CHECK (a = 'x')", "CHECK (a = 'X')"));
        assert!(!same_meaning("SELECT 'a'", "SELECT a"));
    }
}
