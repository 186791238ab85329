//! Keeping double-quoted strings as they are stored.
//!
//! Before SQLite renames or drops a column it turns every double-quoted string of the whole file into a
//! single-quoted one (`sqlite_rename_quotefix` in `alter.c`). The stored text of other objects is data and
//! stays: the old token is put back wherever only its quotes changed.

use super::shadow::Shadow;
use crate::error::Result;
use crate::name::same;
use crate::schema::Schema;
use crate::sql::{TokenKind, significant_tokens, unquote};

impl Shadow {
    /// Puts double-quoted strings back after an ALTER. A string that reads like the new name of a
    /// column would now be taken for it and stays single-quoted.
    pub(super) fn keep_double_quotes(&mut self, before: &Schema, new_name: &str) -> Result<()> {
        let after = self.current()?;
        if before.objects.len() != after.objects.len() {
            return Ok(());
        }
        let mut changed = false;
        for (old, new) in before.objects.iter().zip(&after.objects) {
            let (Some(old_text), Some(text)) = (&old.sql, &new.sql) else { continue };
            if let Some(kept) = with_old_quotes(old_text, text, new_name) {
                self.set_entry_sql(new.kind, &new.name, Some(&kept))?;
                changed = true;
            }
        }
        if changed { self.reload() } else { Ok(()) }
    }
}

/// Returns the new text with the old quotes, if some were changed.
fn with_old_quotes(old: &str, new: &str, new_name: &str) -> Option<String> {
    if old == new || !old.contains('"') {
        return None;
    }
    let (before, after): (Vec<_>, Vec<_>) =
        (significant_tokens(old).collect(), significant_tokens(new).collect());
    if before.len() != after.len() {
        return None;
    }
    let mut kept = String::with_capacity(new.len());
    let mut end = 0;
    for (was, is) in before.iter().zip(&after) {
        let (was_text, is_text) = (was.text(old), is.text(new));
        let only_quotes = was.kind == TokenKind::QuotedName
            && was_text.starts_with('"')
            && is.kind == TokenKind::Text
            && unquote(was_text) == unquote(is_text)
            && !same(&unquote(was_text), new_name);
        if only_quotes {
            kept.push_str(&new[end..is.start]);
            kept.push_str(was_text);
            end = is.end;
        }
    }
    kept.push_str(&new[end..]);
    (kept != new).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_get_their_old_quotes_back() {
        let old = "CREATE TABLE t(a TEXT DEFAULT \"none\", b CHECK (b <> \"x\" AND a <> 'y'))";
        let new = "CREATE TABLE t(\"c\" TEXT DEFAULT 'none', b CHECK (b <> 'x' AND \"c\" <> 'y'))";
        let kept =
            "CREATE TABLE t(\"c\" TEXT DEFAULT \"none\", b CHECK (b <> \"x\" AND \"c\" <> 'y'))";
        assert_eq!(with_old_quotes(old, new, "c").as_deref(), Some(kept));
        let taken = with_old_quotes(old, new, "X");
        assert!(taken.is_some_and(|text| text.contains("<> 'x'") && text.contains("\"none\"")));
    }
}
