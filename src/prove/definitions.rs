//! The definition of a table, part by part: what it was, and what is left of it.
//!
//! Whether two definitions are the same is for `compare` to say; only where they differ is this module asked. It answers
//! another question, which has a direction: what of the old definition the new one no longer enforces. A constraint over a
//! dropped column, or one that a unique index replaces, is no loss, and a lost name or ON CONFLICT clause is a loss of its own.

use super::finding::{Addition, Aspect, Finding};
use super::parts::{KeyText, Rule, TableText, listed};
use crate::compare::same_default;
use crate::name::{fold, same};
use crate::schema::{
    Affinity, Column, ColumnStorage, ForeignKey, Object, ObjectKind, RowKey, Schema, Table,
    meaning_of, same_meaning,
};

/// A table before, by the names that are expected now, and the table now.
pub(super) struct TablePair<'a> {
    /// The schema before, with the names that are expected now.
    pub(super) expected: &'a Schema,
    pub(super) now: &'a Schema,
    /// The table before, with the names that are expected now.
    pub(super) old: &'a Object,
    pub(super) new: &'a Object,
    pub(super) name: &'a str,
    /// The name before of each column of `old`.
    pub(super) column_names: Vec<String>,
    /// The columns that may be gone, folded, by the names that are expected now.
    pub(super) dropped: Vec<String>,
}

/// What a comparison of definitions found.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) findings: Vec<Finding>,
    pub(super) additions: Vec<Addition>,
}

impl TablePair<'_> {
    /// Compares the definitions of both tables.
    pub(super) fn compare(&self) -> Differences {
        let mut found = Differences::default();
        let shapes = self.expected.shape(&self.old.name).zip(self.now.shape(&self.new.name));
        let Some((old, new)) = shapes else { return found };
        let sql = |object: &Object| object.sql.clone().unwrap_or_default();
        let (old_sql, new_sql) = (sql(self.old), sql(self.new));
        let texts = TableText::read(&old_sql).zip(TableText::read(&new_sql));
        let Some((old_text, new_text)) = texts else {
            if !same_meaning(&old_sql, &new_sql) {
                self.lose(&mut found, None, Aspect::Text, (old_sql, Some(new_sql)));
            }
            return found;
        };
        self.note_comments(&old_text, &new_text, &mut found);
        for (column, name) in old.columns.iter().zip(&self.column_names) {
            if let Some(other) = new.column(&column.name) {
                self.column((column, other), name, &mut found);
                self.column_text((&old_text, &new_text), (column, other), name, &mut found);
            }
        }
        self.column_order((old, new), &mut found);
        self.primary_key((old, new), (&old_text, &new_text), &mut found);
        self.options((old, new), (&old_text, &new_text), &mut found);
        self.uniques(&old_text, &new_text, &mut found);
        self.checks(&old_text, &new_text, &mut found);
        self.foreign_keys((old, new), (&old_text, &new_text), &mut found);
        found
    }

    /// Compares only the comments: the definitions are the same otherwise.
    pub(super) fn comments(&self) -> Differences {
        let mut found = Differences::default();
        let text = |object: &Object| TableText::read(object.sql.as_deref().unwrap_or_default());
        if let Some((old, new)) = text(self.old).zip(text(self.new)) {
            self.note_comments(&old, &new, &mut found);
        }
        found
    }

    fn note_comments(&self, old: &TableText, new: &TableText, found: &mut Differences) {
        if old.comments > new.comments {
            found.additions.push(Addition::Comments { table: self.name.to_owned() });
        }
    }

    fn lose(
        &self,
        found: &mut Differences,
        column: Option<&str>,
        aspect: Aspect,
        (was, is): (String, Option<String>),
    ) {
        let (table, column) = (self.name.to_owned(), column.map(ToOwned::to_owned));
        found.findings.push(Finding::Definition { table, column, aspect, was, is });
    }

    fn gain(&self, found: &mut Differences, column: Option<&str>, aspect: Aspect, is: String) {
        let (table, column) = (self.new.name.clone(), column.map(ToOwned::to_owned));
        found.additions.push(Addition::Constraint { table, column, aspect, is });
    }

    /// What SQLite reports of a column.
    fn column(&self, (old, new): (&Column, &Column), name: &str, found: &mut Differences) {
        if meaning_of(&old.declared) != meaning_of(&new.declared) {
            let is = Some(new.declared.clone());
            self.lose(found, Some(name), Aspect::Type, (old.declared.clone(), is));
        }
        match (old.not_null, new.not_null) {
            (true, false) => {
                self.lose(found, Some(name), Aspect::NotNull, ("NOT NULL".to_owned(), None));
            }
            (false, true) => {
                self.gain(found, Some(&new.name), Aspect::NotNull, "NOT NULL".to_owned());
            }
            (true, true) | (false, false) => {}
        }
        let affinity = Affinity::of(&old.declared);
        match (&old.default, &new.default) {
            (Some(was), is) if same_default(Some(was), is.as_deref(), affinity) => {}
            (Some(was), is) => {
                self.lose(found, Some(name), Aspect::Default, (was.clone(), is.clone()));
            }
            (None, Some(is)) => {
                self.gain(found, Some(&new.name), Aspect::Default, is.clone());
            }
            (None, None) => {}
        }
        if old.storage != new.storage {
            let (was, is) = (storage(old.storage), storage(new.storage));
            self.lose(found, Some(name), Aspect::Generated, (was.into(), Some(is.into())));
        }
    }

    /// What only the text says of a column.
    fn column_text(
        &self,
        (old, new): (&TableText, &TableText),
        (column, other): (&Column, &Column),
        name: &str,
        found: &mut Differences,
    ) {
        let texts = old.column(&column.name).zip(new.column(&other.name));
        let Some((was, is)) = texts else { return };
        if was.collation != is.collation {
            let pair = (was.collation.clone(), Some(is.collation.clone()));
            self.lose(found, Some(name), Aspect::Collation, pair);
        }
        if let (Some((meaning, text)), Some((other, other_text))) = (&was.generated, &is.generated)
            && meaning != other
        {
            let pair = (text.clone(), Some(other_text.clone()));
            self.lose(found, Some(name), Aspect::Generated, pair);
        }
        if other.not_null && was.conflict.is_some() && was.conflict != is.conflict {
            let pair = (on_conflict(was.conflict.as_ref()), is.conflict.clone());
            self.lose(found, Some(name), Aspect::Conflict, pair);
        }
    }

    fn column_order(&self, (old, new): (&Table, &Table), found: &mut Differences) {
        let of = |one: &Table, two: &Table| -> Vec<String> {
            let columns = one.columns.iter().filter(|it| two.column(&it.name).is_some());
            columns.map(|it| fold(&it.name)).collect()
        };
        let (was, is) = (of(old, new), of(new, old));
        if was != is {
            let pair = (was.join(", "), Some(is.join(", ")));
            self.lose(found, None, Aspect::ColumnOrder, pair);
        }
    }

    fn primary_key(
        &self,
        (old, new): (&Table, &Table),
        (old_text, new_text): (&TableText, &TableText),
        found: &mut Differences,
    ) {
        let key =
            |table: &Table| -> Vec<String> { table.primary_key().into_iter().map(fold).collect() };
        let (was, is) = (key(old), key(new));
        if was.is_empty() {
            if let Some(rule) = &new_text.primary {
                self.gain(found, None, Aspect::PrimaryKey, rule.shown.clone());
            }
            return;
        }
        let touches_dropped = was.iter().any(|it| self.dropped.contains(it));
        let meaning = |text: &TableText| text.primary.as_ref().map(|it| it.meaning.clone());
        let alias = |table: &Table| matches!(&table.key, RowKey::Rowid(name) if table.column(name).is_some());
        let same_key =
            was == is && alias(old) == alias(new) && meaning(old_text) == meaning(new_text);
        if !same_key && !touches_dropped {
            let shown = |text: &TableText, rowid| {
                let rule = text.primary.as_ref()?;
                let rowid = if rowid { " (the rowid)" } else { "" };
                Some(format!("{}{rowid}", rule.shown))
            };
            let was = shown(old_text, alias(old)).unwrap_or_else(|| was.join(", "));
            self.lose(found, None, Aspect::PrimaryKey, (was, shown(new_text, alias(new))));
        }
        if old_text.autoincrement && !new_text.autoincrement {
            self.lose(found, None, Aspect::Autoincrement, ("AUTOINCREMENT".to_owned(), None));
        } else if new_text.autoincrement && !old_text.autoincrement {
            self.gain(found, None, Aspect::Autoincrement, "AUTOINCREMENT".to_owned());
        }
        if let (Some(one), Some(two)) = (&old_text.primary, &new_text.primary) {
            self.details((one, two), found);
        }
    }

    /// The conflict clause and the name of a rule that is still there.
    fn details(&self, (old, new): (&Rule, &Rule), found: &mut Differences) {
        if old.conflict.is_some() && old.conflict != new.conflict {
            let was = format!("{} {}", old.shown, on_conflict(old.conflict.as_ref()));
            let is = new.conflict.as_ref().map(|it| on_conflict(Some(it)));
            self.lose(found, None, Aspect::Conflict, (was, is));
        }
        self.rule_name((&old.name, &new.name), &old.shown, found);
    }

    fn rule_name(
        &self,
        (old, new): (&Option<String>, &Option<String>),
        shown: &str,
        found: &mut Differences,
    ) {
        if let Some(name) = old
            && !new.as_ref().is_some_and(|it| same(it, name))
        {
            let was = format!("CONSTRAINT {name} {shown}");
            self.lose(found, None, Aspect::ConstraintName, (was, new.clone()));
        }
    }

    fn options(
        &self,
        (old, new): (&Table, &Table),
        (old_text, new_text): (&TableText, &TableText),
        found: &mut Differences,
    ) {
        let pairs = [
            (Aspect::WithoutRowid, "WITHOUT ROWID", old_text.without_rowid, new_text.without_rowid),
            (Aspect::Strict, "STRICT", old.strict, new.strict),
        ];
        for (aspect, word, was, is) in pairs {
            match (was, is) {
                (true, false) => self.lose(found, None, aspect, (word.to_owned(), None)),
                // A table without rowids loses the rowids that programs may use.
                (false, true) if aspect == Aspect::WithoutRowid => {
                    self.lose(found, None, aspect, ("rowids".to_owned(), Some(word.to_owned())));
                }
                (false, true) => self.gain(found, None, aspect, word.to_owned()),
                (true, true) | (false, false) => {}
            }
        }
    }

    fn uniques(&self, old: &TableText, new: &TableText, found: &mut Differences) {
        let excused = |rule: &Rule| {
            let columns = listed(&rule.meaning);
            self.unique_indexes().any(|it| it == columns)
                || columns.iter().any(|it| self.dropped.contains(it))
        };
        self.rules(Aspect::Unique, (&old.uniques, &new.uniques), &excused, found);
    }

    /// Compares constraints of one kind; `excused` are those whose absence is no loss.
    fn rules(
        &self,
        aspect: Aspect,
        (old, new): (&[Rule], &[Rule]),
        excused: &dyn Fn(&Rule) -> bool,
        found: &mut Differences,
    ) {
        let mut rest: Vec<&Rule> = new.iter().collect();
        for rule in old {
            if let Some(place) = rest.iter().position(|it| it.meaning == rule.meaning) {
                self.details((rule, rest.remove(place)), found);
            } else if !excused(rule) {
                self.lose(found, None, aspect, (rule.shown.clone(), None));
            }
        }
        for rule in rest {
            self.gain(found, None, aspect, rule.shown.clone());
        }
    }

    /// The columns of the unique indexes over all rows of the table now: they enforce what a constraint would.
    fn unique_indexes(&self) -> impl Iterator<Item = Vec<String>> {
        let indexes = self.now.belonging(ObjectKind::Index, &self.new.name);
        indexes.filter_map(|index| {
            let meaning = meaning_of(index.sql.as_deref()?);
            let rest = meaning.strip_prefix("n create n unique n index ")?;
            let list = &rest[rest.find("( ")?..];
            list.ends_with(" )").then(|| listed(list))
        })
    }

    fn checks(&self, old: &TableText, new: &TableText, found: &mut Differences) {
        let reads_dropped = |rule: &Rule| {
            rule.meaning.split(' ').any(|word| self.dropped.iter().any(|it| it == word))
        };
        self.rules(Aspect::Check, (&old.checks, &new.checks), &reads_dropped, found);
    }

    fn foreign_keys(
        &self,
        (old, new): (&Table, &Table),
        (old_text, new_text): (&TableText, &TableText),
        found: &mut Differences,
    ) {
        let keys = |schema: &Schema, table: &Table, text: &TableText| -> Vec<ForeignKeyParts> {
            let texts = text.keys.iter().cloned().map(Some).chain(std::iter::repeat(None));
            let keys = table.foreign_keys.iter().zip(texts);
            keys.map(|(key, text)| ForeignKeyParts::of(schema, key, text.unwrap_or_default()))
                .collect()
        };
        let was = keys(self.expected, old, old_text);
        let mut rest = keys(self.now, new, new_text);
        for key in was {
            if key.columns.iter().any(|it| self.dropped.contains(it)) {
                continue;
            }
            let exact = rest.iter().position(|it| it.is_same(&key));
            let place = exact.or_else(|| rest.iter().position(|it| it.leads_like(&key)));
            let Some(place) = place else {
                self.lose(found, None, Aspect::ForeignKey, (key.shown(), None));
                continue;
            };
            let other = rest.remove(place);
            if other.actions != key.actions || other.text.deferral != key.text.deferral {
                let pair = (key.shown(), Some(other.shown()));
                self.lose(found, None, Aspect::ForeignKeyActions, pair);
            }
            self.rule_name((&key.text.name, &other.text.name), &key.shown(), found);
        }
        for key in rest {
            self.gain(found, None, Aspect::ForeignKey, key.shown());
        }
    }
}

/// A foreign key with its parent's columns found, everything folded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ForeignKeyParts {
    columns: Vec<String>,
    parent: String,
    parent_columns: Vec<String>,
    actions: (String, String, String),
    text: KeyText,
}

impl ForeignKeyParts {
    fn of(schema: &Schema, key: &ForeignKey, text: KeyText) -> Self {
        let folded = |names: &[String]| names.iter().map(|it| fold(it)).collect::<Vec<_>>();
        let mut parent_columns = folded(&key.parent_columns);
        if parent_columns.is_empty() {
            let parent = schema.shape(&key.parent).map(Table::primary_key).unwrap_or_default();
            parent_columns = parent.into_iter().map(fold).collect();
        }
        Self {
            columns: folded(&key.columns),
            parent: fold(&key.parent),
            parent_columns,
            actions: key.actions.clone(),
            text,
        }
    }

    fn leads_like(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.parent == other.parent
            && self.parent_columns == other.parent_columns
    }

    fn is_same(&self, other: &Self) -> bool {
        self.leads_like(other)
            && self.actions == other.actions
            && self.text.deferral == other.text.deferral
    }

    fn shown(&self) -> String {
        let mut text = format!(
            "FOREIGN KEY ({}) REFERENCES {}({})",
            self.columns.join(", "),
            self.parent,
            self.parent_columns.join(", ")
        );
        for (event, action) in [("DELETE", &self.actions.1), ("UPDATE", &self.actions.0)] {
            if action != "NO ACTION" && !action.is_empty() {
                text.push_str(&format!(" ON {event} {action}"));
            }
        }
        if !self.text.deferral.is_empty() {
            text.push(' ');
            text.push_str(&self.text.deferral);
        }
        text
    }
}

fn on_conflict(word: Option<&String>) -> String {
    word.map_or_else(String::new, |word| format!("ON CONFLICT {word}"))
}

fn storage(storage: ColumnStorage) -> &'static str {
    match storage {
        ColumnStorage::Stored => "an ordinary column",
        ColumnStorage::Hidden => "a hidden column",
        ColumnStorage::Virtual => "a generated column, virtual",
        ColumnStorage::Generated => "a generated column, stored",
    }
}
