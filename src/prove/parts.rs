//! The parts of a table's definition that no pragma reports, read from its stored text in a form that is the same
//! for every text of the same meaning.

use crate::name::fold;
use crate::schema::meaning_of;
use crate::sql::{
    ColumnDefinition, Constraint, ConstraintKind, CreateTable, TableOptionKind, TokenKind,
    significant_tokens, tokens, unquote,
};

/// A constraint: its meaning, its text, and its further properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The constraint without its name and its conflict clause.
    pub(super) meaning: String,
    /// As a person reads it.
    pub(super) shown: String,
    /// The name behind CONSTRAINT.
    pub(super) name: Option<String>,
    /// The word behind ON CONFLICT, unless it is the default.
    pub(super) conflict: Option<String>,
}

/// When a foreign key is checked, and its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeyText {
    /// The words behind the actions: DEFERRABLE INITIALLY DEFERRED.
    pub(super) deferral: String,
    /// The name behind CONSTRAINT.
    pub(super) name: Option<String>,
}

/// What the text says of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ColumnText {
    /// The folded name.
    pub(super) name: String,
    /// The collation, folded; `binary` by default.
    pub(super) collation: String,
    /// The expression of a generated column: its meaning and its text.
    pub(super) generated: Option<(String, String)>,
    /// The word behind NOT NULL ON CONFLICT.
    pub(super) conflict: Option<String>,
}

/// What the text of a table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TableText {
    pub(super) columns: Vec<ColumnText>,
    pub(super) checks: Vec<Rule>,
    pub(super) uniques: Vec<Rule>,
    pub(super) primary: Option<Rule>,
    pub(super) autoincrement: bool,
    pub(super) keys: Vec<KeyText>,
    pub(super) without_rowid: bool,
    pub(super) comments: usize,
}

impl TableText {
    /// Reads the text of an ordinary table; `None` if it has no column list.
    pub(super) fn read(sql: &str) -> Option<Self> {
        let table = CreateTable::read(sql).ok()?;
        let mut text = Self {
            without_rowid: table.options.iter().any(|it| it.kind == TableOptionKind::WithoutRowid),
            comments: tokens(sql).iter().filter(|it| it.kind == TokenKind::Comment).count(),
            ..Self::default()
        };
        for column in &table.columns {
            text.add_column(sql, column);
            for constraint in &column.constraints {
                text.add(sql, constraint, Some(column));
            }
        }
        for constraint in &table.constraints {
            text.add(sql, constraint, None);
        }
        Some(text)
    }

    /// Returns what the text says of a column.
    pub(super) fn column(&self, name: &str) -> Option<&ColumnText> {
        let name = fold(name);
        self.columns.iter().find(|it| it.name == name)
    }

    fn add_column(&mut self, sql: &str, column: &ColumnDefinition) {
        let of = |kind| column.constraint(kind);
        let operand = |it: &Constraint| it.operand.clone().map(|range| sql[range].to_owned());
        let collation = of(ConstraintKind::Collate).and_then(operand);
        let generated = of(ConstraintKind::Generated);
        let generated = generated.map(|it| {
            // VIRTUAL or STORED is reported by SQLite.
            let text = operand(it).unwrap_or_default();
            (meaning_of(&text), text)
        });
        let conflict = of(ConstraintKind::NotNull).and_then(|it| conflict(&sql[it.range.clone()]));
        self.columns.push(ColumnText {
            name: fold(&column.name.text),
            collation: collation.map_or_else(|| "binary".to_owned(), |it| fold(&unquote(&it))),
            generated,
            conflict,
        });
    }

    fn add(&mut self, sql: &str, constraint: &Constraint, column: Option<&ColumnDefinition>) {
        let range = &sql[constraint.range.clone()];
        let operand = constraint.operand.clone().map(|it| &sql[it]);
        let name = constraint.name.as_ref().map(|it| it.text.clone());
        let own = column.map(|it| it.name.text.clone());
        match constraint.kind {
            ConstraintKind::Check => {
                let text = operand.unwrap_or_default();
                let shown = format!("CHECK {text}");
                let meaning = meaning_of(text);
                self.checks.push(Rule { meaning, shown, name, conflict: None });
            }
            ConstraintKind::Unique => {
                self.uniques.push(of_columns("UNIQUE", range, operand, (name, own)));
            }
            ConstraintKind::PrimaryKey => {
                self.autoincrement = has_word(range, "AUTOINCREMENT");
                let mut rule = of_columns("PRIMARY KEY", range, operand, (name, own));
                if column.is_some() && has_word(range, "DESC") {
                    rule.meaning.push_str(" desc");
                }
                self.primary = Some(rule);
            }
            ConstraintKind::References | ConstraintKind::ForeignKey => {
                self.keys.push(KeyText { deferral: deferral(range), name });
            }
            ConstraintKind::Deferrable => {
                if let Some(key) = self.keys.last_mut() {
                    key.deferral = deferral(range);
                }
            }
            ConstraintKind::NotNull
            | ConstraintKind::Null
            | ConstraintKind::Default
            | ConstraintKind::Collate
            | ConstraintKind::Generated
            | ConstraintKind::NameOnly => {}
        }
    }
}

/// A constraint over columns, the same whether it stands at its one column or behind all columns.
fn of_columns(
    word: &str,
    range: &str,
    operand: Option<&str>,
    (name, column): (Option<String>, Option<String>),
) -> Rule {
    let list = match (operand, &column) {
        (Some(list), _) => list.to_owned(),
        (None, Some(column)) => format!("({})", crate::name::quote(column)),
        (None, None) => String::new(),
    };
    let meaning = meaning_of(&list).replace(" n asc", "");
    let shown = format!("{word} {}", list.replace('"', ""));
    Rule { meaning, shown, name, conflict: conflict(range) }
}

/// Returns the columns of a list such as `("a", b COLLATE nocase)`, folded, without what follows each name; none if
/// it holds expressions.
pub(super) fn listed(meaning: &str) -> Vec<String> {
    let inner = meaning.strip_prefix("( ").and_then(|it| it.strip_suffix(" )")).unwrap_or("");
    inner
        .split(" , ")
        .map(|item| Some(item.strip_prefix("n ")?.split(" n ").next()?.to_owned()))
        .collect::<Option<Vec<_>>>()
        .unwrap_or_default()
}

fn words(text: &str) -> Vec<String> {
    significant_tokens(text)
        .filter(|it| it.kind == TokenKind::Word)
        .map(|it| it.text(text).to_ascii_uppercase())
        .collect()
}

fn has_word(text: &str, word: &str) -> bool {
    words(text).iter().any(|it| it == word)
}

/// The word behind ON CONFLICT; ABORT is the default (<https://sqlite.org/lang_conflict.html>).
fn conflict(text: &str) -> Option<String> {
    let words = words(text);
    let place = words.windows(2).position(|it| it[0] == "ON" && it[1] == "CONFLICT")?;
    words.get(place + 2).filter(|it| *it != "ABORT").cloned()
}

/// Whether a foreign key is deferred: only one spelling of five does that
/// (<https://sqlite.org/foreignkeys.html#fk_deferred>).
fn deferral(text: &str) -> String {
    let words = words(text);
    let place = words.iter().position(|it| it == "DEFERRABLE");
    let Some(place) = place.filter(|it| *it == 0 || words[it - 1] != "NOT") else {
        return String::new();
    };
    let deferred = words[place..].windows(2).any(|it| it[0] == "INITIALLY" && it[1] == "DEFERRED");
    if deferred { "DEFERRABLE INITIALLY DEFERRED".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_same_for_every_spelling() {
        let one = TableText::read(
            "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE ON CONFLICT REPLACE COLLATE NOCASE, \
             c CHECK (c > 0), d REFERENCES p DEFERRABLE INITIALLY DEFERRED) -- x",
        )
        .unwrap();
        let two = TableText::read(
            "create table \"t\"([a] integer primary key autoincrement, \"b\" text collate nocase, c, d,\n\
             unique (\"b\") on conflict replace, check (\"c\">0), foreign key (d) references p deferrable initially deferred)",
        )
        .unwrap();
        assert_eq!(one.uniques[0].meaning, two.uniques[0].meaning);
        assert_eq!(one.uniques[0].conflict.as_deref(), Some("REPLACE"));
        assert_eq!(one.checks[0].meaning, two.checks[0].meaning);
        assert_eq!(one.keys, two.keys);
        assert!(!one.keys[0].deferral.is_empty() && one.autoincrement && two.autoincrement);
        assert_eq!(one.column("B").unwrap().collation, "nocase");
        assert_eq!((one.comments, two.comments), (1, 0));
        assert_eq!(listed(&one.uniques[0].meaning), ["b"]);
    }

    #[test]
    fn only_one_spelling_defers() {
        assert_eq!(deferral("REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED"), "");
        assert_eq!(deferral("REFERENCES p DEFERRABLE"), "");
    }
}
