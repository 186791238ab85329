//! Whether records of two tables mean the same, and whether the tables make the same rules for them.

use crate::name::{fold, same};
use crate::schema::{Affinity, Column, ColumnStorage, RowKey, Table};
use crate::sql::{
    ColumnDefinition, ConstraintKind, CreateTable, Token, TokenKind, significant_tokens, unquote,
};

/// Returns whether the same record holds the same values in both tables: the n-th column of one becomes
/// the n-th of the other, is read by the same type, and stands for the same default where the record is
/// shorter. The pairs name the columns before and after. The new table may have more columns behind.
///
/// For tables without rowids the primary keys must be known to be the same, too.
pub fn same_layout(before: &Table, after: &Table, pairs: &[(String, String)]) -> bool {
    let paired = |one: &Column, two: &Column| {
        pairs.iter().any(|(from, to)| same(from, &one.name) && same(to, &two.name))
    };
    let alias = |table: &Table| {
        let alias = table.rowid_alias()?;
        table.columns.iter().position(|column| column.name == alias.name)
    };
    let widths = match (&before.key, &after.key) {
        (RowKey::PrimaryKey(_), RowKey::PrimaryKey(_)) => {
            before.columns.len() == after.columns.len()
        }
        (RowKey::Rowid(_) | RowKey::HiddenRowid, RowKey::Rowid(_) | RowKey::HiddenRowid) => {
            before.columns.len() <= after.columns.len() && alias(before) == alias(after)
        }
        _ => false,
    };
    // A column behind those of the old table is not in its records: it must not claim to be.
    let more = after.columns.get(before.columns.len()..).unwrap_or_default();
    let unclaimed = |column: &Column| !pairs.iter().any(|(_, to)| same(to, &column.name));
    widths
        && more.iter().all(unclaimed)
        && before.columns.iter().zip(&after.columns).all(|(one, two)| {
            one.storage == two.storage
                && one.default == two.default
                && Affinity::of(&one.declared) == Affinity::of(&two.declared)
                && (one.storage == ColumnStorage::Virtual || paired(one, two))
        })
}

/// Returns whether both tables make the same rules for a row: NOT NULL, CHECK, STRICT. No also means that
/// the texts do not show it.
pub fn same_rules(before: (&Table, &str), after: (&Table, &str)) -> bool {
    let ((old, old_text), (new, new_text)) = (before, after);
    let columns = || old.columns.iter().zip(&new.columns);
    let alike = old.columns.len() == new.columns.len()
        && old.strict == new.strict
        && columns().all(|(one, two)| {
            one.not_null == two.not_null
                && one.storage != ColumnStorage::Virtual
                && Affinity::of(&one.declared) == Affinity::of(&two.declared)
                && (!old.strict || same(&one.declared, &two.declared))
        });
    if !alike {
        return false;
    }
    let Some((one, two)) = Definition::read(old_text).zip(Definition::read(new_text)) else {
        return false;
    };
    if one.collations() != two.collations() {
        return false;
    }
    let renames = Renames::between(old, new);
    match (one.checks(&renames), two.checks(&Renames::default())) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

/// Returns whether the computed columns of two tables are computed alike, and all columns compared alike.
pub(super) fn same_computed(before: (&Table, &str), after: (&Table, &str)) -> bool {
    let Some((one, two)) = Definition::read(before.1).zip(Definition::read(after.1)) else {
        return false;
    };
    let renames = Renames::between(before.0, after.0);
    let old = one.operands(ConstraintKind::Generated, &renames);
    old.is_some()
        && one.collations() == two.collations()
        && old == two.operands(ConstraintKind::Generated, &Renames::default())
}

/// Returns whether two indexes of such tables are the same but for names: their expressions and conditions
/// tell the same of a row.
pub(super) fn same_index_text(before: (&Table, &str), after: (&Table, &str)) -> bool {
    let renames = Renames::between(before.0, after.0);
    let old = renames.tokens(behind_name(before.1));
    old.is_some() && old == Renames::default().tokens(behind_name(after.1))
}

/// What a table is made by.
struct Definition<'t> {
    text: &'t str,
    table: CreateTable,
}

impl<'t> Definition<'t> {
    fn read(text: &'t str) -> Option<Self> {
        Some(Self { text, table: CreateTable::read(text).ok()? })
    }

    /// The collations of the columns, by which expressions compare them.
    fn collations(&self) -> Vec<Option<String>> {
        let of = |column: &ColumnDefinition| {
            let operand = column.constraint(ConstraintKind::Collate)?.operand.clone()?;
            Some(fold(&unquote(self.text.get(operand)?)))
        };
        self.table.columns.iter().map(of).collect()
    }

    /// The conditions, with names as they are after the renames.
    fn checks(&self, renames: &Renames) -> Option<Vec<Vec<String>>> {
        let mut found = self.operands(ConstraintKind::Check, renames)?;
        found.sort();
        Some(found)
    }

    /// What the constraints of one kind say, in their order.
    fn operands(&self, kind: ConstraintKind, renames: &Renames) -> Option<Vec<Vec<String>>> {
        let of_columns = self.table.columns.iter().flat_map(|column| &column.constraints);
        of_columns
            .chain(&self.table.constraints)
            .filter(|it| it.kind == kind)
            .map(|it| renames.tokens(self.text.get(it.operand.clone()?)?))
            .collect()
    }
}

/// What stands behind the name of an index in its text.
fn behind_name(text: &str) -> &str {
    let on = significant_tokens(text).find(|token| token.is_word(text, "ON"));
    on.and_then(|token| text.get(token.range().end..)).unwrap_or_default()
}

/// What the columns of a table, and the table itself, are called afterwards; folded.
#[derive(Debug, Default)]
struct Renames(Vec<(String, String)>);

impl Renames {
    /// The n-th column of one becomes the n-th of the other.
    fn between(before: &Table, after: &Table) -> Self {
        let columns = before.columns.iter().zip(&after.columns);
        let columns = columns.map(|(one, two)| (fold(&one.name), fold(&two.name)));
        Self(columns.chain([(fold(&before.name), fold(&after.name))]).collect())
    }

    /// The tokens of a text with names as they are afterwards. `None` if a name that was none of a column
    /// would become one: a function, or a text in the quotes of a name.
    fn tokens(&self, text: &str) -> Option<Vec<String>> {
        let token = |token: Token| match token.kind {
            TokenKind::Word | TokenKind::QuotedName => {
                let name = fold(&unquote(token.text(text)));
                // The mark keeps a name apart from a literal or an operator of the same letters.
                match self.0.iter().find(|(from, _)| *from == name) {
                    Some((_, to)) => Some(format!("n {to}")),
                    None if self.0.iter().any(|(_, to)| *to == name) => None,
                    None => Some(format!("n {name}")),
                }
            }
            TokenKind::Number
            | TokenKind::Blob
            | TokenKind::Text
            | TokenKind::Variable
            | TokenKind::Punctuation
            | TokenKind::Space
            | TokenKind::Comment
            | TokenKind::Illegal => Some(token.text(text).to_owned()),
        };
        significant_tokens(text).map(token).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::from_sql as schema;

    fn rules(old: &str, new: &str) -> bool {
        let (one, two) = (schema(old), schema(new));
        same_rules((&one.tables["t"], old), (&two.tables["u"], new))
    }

    #[test]
    fn rules_follow_renames() {
        let old = "CREATE TABLE t(a INT NOT NULL CHECK (a > 0), b TEXT, CHECK (b <> 'a'))";
        assert!(rules(
            old,
            "CREATE TABLE u(x INT NOT NULL, b TEXT, CHECK(b <> 'a'), CHECK(\"x\">0))"
        ));
        assert!(!rules(old, "CREATE TABLE u(x INT CHECK (x > 0), b TEXT, CHECK (b <> 'a'))"));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 1), b TEXT, CHECK (b <> 'a'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 0), b TEXT, CHECK (b <> 'x'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(b INT NOT NULL CHECK (b > 0), x TEXT, CHECK (b <> 'a'))"
        ));
        assert!(!rules(
            old,
            "CREATE TABLE u(x INT NOT NULL CHECK (x > 0), b INT, CHECK (b <> 'a'))"
        ));
        let nocase = "CREATE TABLE t(a CHECK (a <> 'x'))";
        assert!(rules(nocase, "CREATE TABLE u(a CHECK (a <> 'x'))"));
        assert!(!rules(nocase, "CREATE TABLE u(a COLLATE NOCASE CHECK (a <> 'x'))"));
        // A text in the quotes of a name becomes the column that gets this name.
        let quoted = "CREATE TABLE t(a CHECK (a <> \"x\"), b)";
        assert!(rules(quoted, "CREATE TABLE u(a CHECK (a <> \"x\"), c)"));
        assert!(!rules(quoted, "CREATE TABLE u(a CHECK (a <> \"x\"), x)"));
        let strict = |kind: &str, name: &str| format!("CREATE TABLE {name}(a {kind}) STRICT");
        assert!(rules(&strict("ANY", "t"), &strict("any", "u")));
        assert!(!rules(&strict("ANY", "t"), &strict("BLOB", "u")));
    }

    #[test]
    fn expressions_of_indexes_and_columns_follow_renames() {
        let (one, two) = (schema("CREATE TABLE t(a, b)"), schema("CREATE TABLE u(x, b)"));
        let index = |old: &str, new: &str| {
            same_index_text((&one.tables["t"], old), (&two.tables["u"], new))
        };
        let old = "CREATE INDEX i ON t(a + 1) WHERE b = 'a'";
        assert!(index(old, "CREATE INDEX [on] ON u(x+1) where b = 'a'"));
        assert!(!index(old, "CREATE INDEX i ON u(x + 2) WHERE b = 'a'"));
        assert!(!index(old, "CREATE INDEX i ON u(b + 1) WHERE b = 'a'"));
        assert!(!index(old, "CREATE INDEX i ON u(x + 1)"));
        assert!(!index("CREATE INDEX i ON t(x + 1)", "CREATE INDEX i ON u(x + 1)"));
        let computed = |old: &str, new: &str| {
            let (one, two) = (schema(old), schema(new));
            same_computed((&one.tables["t"], old), (&two.tables["u"], new))
        };
        let old = "CREATE TABLE t(a, b AS (a + 1))";
        assert!(computed(old, "CREATE TABLE u(x, b AS (x + 1))"));
        assert!(!computed(old, "CREATE TABLE u(x, b AS (x + 2))"));
        assert!(!computed(old, "CREATE TABLE u(x, b)"));
    }

    #[test]
    fn a_record_means_something_else_with_another_type_default_or_order() {
        let layout = |old: &str, new: &str, pairs: &[(&str, &str)]| {
            let (one, two) = (schema(old), schema(new));
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
            same_layout(&one.tables["t"], &two.tables["t"], &pairs)
        };
        let old = "CREATE TABLE t(a REAL, b DEFAULT 1)";
        let pairs = [("a", "x"), ("b", "b")];
        assert!(layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1)", &pairs));
        assert!(layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1, c)", &pairs));
        let twice = [("a", "x"), ("b", "b"), ("a", "c")];
        assert!(!layout(old, "CREATE TABLE t(x DOUBLE, b DEFAULT 1, c)", &twice));
        assert!(!layout(old, "CREATE TABLE t(x INT, b DEFAULT 1)", &pairs));
        assert!(!layout(old, "CREATE TABLE t(x REAL, b DEFAULT 2)", &pairs));
        assert!(!layout(old, "CREATE TABLE t(b DEFAULT 1, x REAL)", &pairs));
        assert!(!layout(
            old,
            "CREATE TABLE t(x REAL, b DEFAULT 1, PRIMARY KEY(x, b)) WITHOUT ROWID",
            &pairs
        ));
        assert!(!layout(old, "CREATE TABLE t(x REAL, b DEFAULT 1)", &[("b", "x"), ("a", "b")]));
        assert!(!layout(
            "CREATE TABLE t(a INTEGER)",
            "CREATE TABLE t(a INTEGER PRIMARY KEY)",
            &[("a", "a")]
        ));
    }
}
