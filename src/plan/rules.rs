//! The rules that a table gives to its rows, and which of them a new definition leaves out or adds.

use std::collections::BTreeSet;

use super::{PhasePlan, Stage};
use crate::name::{fold, same};
use crate::schema::{Object, ObjectKind, RowKey, Schema, Table, text_form_with};
use crate::shadow::{ColumnOrigin, Lineage, TableLineage};
use crate::sql::{
    Constraint, ConstraintKind, CreateTable, is_autoincrement, significant_tokens, unquote,
};

/// One rule of a table, by the column names of the definition that has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "rule", rename_all = "kebab-case")]
pub enum Rule {
    NotNull {
        column: String,
    },
    Default {
        column: String,
        /// The default, as SQL text.
        value: String,
    },
    /// A column compares its values by a collation.
    Collate {
        column: String,
        collation: String,
    },
    PrimaryKey {
        columns: Vec<String>,
    },
    Unique {
        /// The columns, as written.
        columns: String,
    },
    /// A condition holds for each row.
    Check {
        /// The condition, as written, in parentheses.
        condition: String,
    },
    References {
        columns: Vec<String>,
        parent: String,
    },
    /// An action of a foreign key that stays: `ON DELETE CASCADE`.
    Action {
        columns: Vec<String>,
        /// The action, as SQL text.
        action: String,
    },
    /// Keys are never used again; the counter belongs to it.
    Autoincrement,
    /// The types of columns are enforced.
    Strict,
    /// The rows are stored by the primary key.
    WithoutRowid,
}

/// The rules that differ between two definitions of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// The old definition has them, the new one does not.
    pub lost: Vec<Rule>,
    /// The new definition has them, the old one does not.
    pub gained: Vec<Rule>,
}

/// A rule that a table loses in a phase.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LostRule {
    /// The table, by its name after.
    pub table: String,
    #[serde(flatten)]
    pub rule: Rule,
    /// The line of the step, for statements of a phase that recreate the table.
    #[serde(skip)]
    pub line: Option<usize>,
}

impl PhasePlan {
    /// Lists the rules that tables lose in the phase: those that a new definition leaves out, and those of
    /// tables that statements of the phase recreate under the same name.
    pub fn lost_rules(&self) -> Vec<LostRule> {
        let mut lost = Vec::new();
        let mut schema: &Schema = &self.before;
        for stage in &self.stages {
            match stage {
                Stage::SchemaChange(schema_change) => {
                    for rebuild in &schema_change.rebuilds {
                        lost.extend(rebuild.lost_rules().map(|rule| LostRule {
                            table: rebuild.to.clone(),
                            rule: rule.clone(),
                            line: None,
                        }));
                    }
                    schema = &schema_change.after;
                }
                Stage::Data(data) => {
                    let Some(after) = &data.after else { continue };
                    lost.extend(
                        made_anew(schema, after).into_iter().map(|(table, rule)| LostRule {
                            table,
                            rule,
                            line: Some(data.line),
                        }),
                    );
                    schema = after;
                }
            }
        }
        lost
    }
}

/// The rules that tables of the same name lose between two schemas.
fn made_anew(before: &Schema, after: &Schema) -> Vec<(String, Rule)> {
    let lineage = Lineage::identity(before);
    let mut lost = Vec::new();
    for object in after.of_kind(ObjectKind::Table) {
        let both = Defined::find(before, &object.name).zip(Defined::find(after, &object.name));
        let Some((old, new)) = both.filter(|(old, new)| old.object.sql != new.object.sql) else {
            continue;
        };
        let rules = rule_changes(old, new, &lineage).lost;
        lost.extend(rules.into_iter().map(|rule| (object.name.clone(), rule)));
    }
    lost
}

/// A table in one of two schemas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defined<'a> {
    pub(super) schema: &'a Schema,
    pub(super) object: &'a Object,
    pub(super) shape: &'a Table,
}

impl<'a> Defined<'a> {
    pub(super) fn find(schema: &'a Schema, table: &str) -> Option<Self> {
        let object = schema.find(ObjectKind::Table, table)?;
        Some(Self { schema, object, shape: schema.shape(table)? })
    }
}

/// Compares two definitions of a table through the renames between them. The rules of columns that go, go with
/// them and are not listed.
pub(super) fn rule_changes(old: Defined<'_>, new: Defined<'_>, lineage: &Lineage) -> RuleChanges {
    let names = Names { lineage, table: lineage.table(&new.shape.name), new: new.shape };
    let (before, after) = (Rules::of(old, Some(&names)), Rules::of(new, None));
    let only_in = |one: &Rules, other: &Rules| -> Vec<Rule> {
        let missing = one.rules.iter().filter(|(key, _)| !other.keys.contains(key));
        missing.map(|(_, rule)| rule.clone()).collect()
    };
    RuleChanges { lost: only_in(&before, &after), gained: only_in(&after, &before) }
}

/// The names of old columns and tables in the new schema.
struct Names<'a> {
    lineage: &'a Lineage,
    table: Option<&'a TableLineage>,
    new: &'a Table,
}

impl Names<'_> {
    fn column(&self, old: &str) -> Option<String> {
        let Some(table) = self.table else { return Some(fold(old)) };
        let computed = |it: &str| {
            table.column(it).is_some_and(|column| column.origin == ColumnOrigin::Computed)
        };
        let kept = table.kept_as(old).or_else(|| computed(old).then_some(old));
        kept.filter(|name| self.new.column(name).is_some()).map(fold)
    }

    fn parent(&self, old: &str) -> String {
        let tables = &self.lineage.tables;
        let found = tables.iter().find(|(_, table)| same(&table.from, old));
        found.map_or_else(|| fold(old), |(name, _)| name.clone())
    }

    fn parent_column(&self, parent: &str, old: &str) -> String {
        let found = self.lineage.table(&self.parent(parent));
        found.and_then(|table| table.kept_as(old)).map_or_else(|| fold(old), fold)
    }
}

/// The rules of one definition, each with the key by which it is compared: in the names of the new schema.
struct Rules<'a> {
    defined: Defined<'a>,
    names: Option<&'a Names<'a>>,
    rules: Vec<(String, Rule)>,
    /// The keys of the rules, and of what is as good as a rule.
    keys: BTreeSet<String>,
}

impl<'a> Rules<'a> {
    fn of(defined: Defined<'a>, names: Option<&'a Names<'a>>) -> Self {
        let mut rules = Self { defined, names, rules: Vec::new(), keys: BTreeSet::new() };
        rules.of_shape();
        rules.of_text();
        rules.of_indexes();
        let keys: Vec<String> = rules.rules.iter().map(|(key, _)| key.clone()).collect();
        rules.keys.extend(keys);
        rules
    }

    fn add(&mut self, key: String, rule: Rule) {
        self.rules.push((key, rule));
    }

    /// The name of a column in the new schema; `None` if it goes.
    fn now(&self, column: &str) -> Option<String> {
        self.names.map_or_else(|| Some(fold(column)), |names| names.column(column))
    }

    fn now_or_gone(&self, column: &str) -> String {
        self.now(column).unwrap_or_else(|| format!("{} gone", fold(column)))
    }

    fn of_shape(&mut self) {
        let table = self.defined.shape;
        let clustered = matches!(table.key, RowKey::PrimaryKey(_));
        let alias = table.rowid_alias().map(|it| it.name.clone());
        for column in &table.columns {
            let Some(name) = self.now(&column.name) else { continue };
            let of_key = alias.as_ref() == Some(&column.name) || (clustered && column.key > 0);
            if of_key {
                self.keys.insert(format!("not null {name}"));
            } else if column.not_null {
                let rule = Rule::NotNull { column: column.name.clone() };
                self.add(format!("not null {name}"), rule);
            }
            if let Some(value) = column.default.clone().filter(|it| !same(it, "NULL")) {
                let rule = Rule::Default { column: column.name.clone(), value };
                self.add(format!("default {name}"), rule);
            }
        }
        let key = table.primary_key();
        if !key.is_empty() {
            let now: Vec<String> = key.iter().map(|it| self.now_or_gone(it)).collect();
            self.keys.insert(unique_key(now.clone()));
            let columns = key.iter().map(|&it| it.to_owned()).collect();
            self.add(format!("primary key {}", now.join(",")), Rule::PrimaryKey { columns });
        }
        if table.strict {
            self.add("strict".to_owned(), Rule::Strict);
        }
        if clustered {
            self.add("without rowid".to_owned(), Rule::WithoutRowid);
        }
        self.foreign_keys();
    }

    fn foreign_keys(&mut self) {
        let table = self.defined.shape;
        for key in &table.foreign_keys {
            let parent = |name: &str| self.names.map_or_else(|| fold(name), |it| it.parent(name));
            let columns: Vec<String> = key.columns.iter().map(|it| self.now_or_gone(it)).collect();
            let named = match key.parent_columns.as_slice() {
                [] => self.defined.schema.shape(&key.parent).map(|it| {
                    it.primary_key().into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
                }),
                named => Some(named.to_vec()),
            };
            let theirs: Vec<String> = named
                .unwrap_or_default()
                .iter()
                .map(|it| {
                    self.names
                        .map_or_else(|| fold(it), |names| names.parent_column(&key.parent, it))
                })
                .collect();
            let place =
                format!("{} -> {}({})", columns.join(","), parent(&key.parent), theirs.join(","));
            let (update, delete, _) = &key.actions;
            for (event, action) in [("UPDATE", update), ("DELETE", delete)] {
                if !same(action, "NO ACTION") {
                    let action = format!("ON {event} {}", action.to_ascii_uppercase());
                    let columns = key.columns.clone();
                    self.rules
                        .push((format!("{place} {action}"), Rule::Action { columns, action }));
                }
            }
            let (columns, parent) = (key.columns.clone(), key.parent.clone());
            self.rules.push((place, Rule::References { columns, parent }));
        }
    }

    /// What only the text tells; a text that cannot be read tells nothing.
    fn of_text(&mut self) {
        let text = self.defined.object.sql.as_deref().unwrap_or_default();
        let Ok(definition) = CreateTable::read(text) else { return };
        if is_autoincrement(text) {
            self.add("autoincrement".to_owned(), Rule::Autoincrement);
        }
        for column in &definition.columns {
            let name = self.now(&column.name.text);
            for constraint in &column.constraints {
                match (constraint.kind, &name) {
                    (ConstraintKind::Unique, Some(name)) => {
                        let columns = column.name.text.clone();
                        self.add(unique_key(vec![name.clone()]), Rule::Unique { columns });
                    }
                    (ConstraintKind::Check, Some(_)) => self.check(text, constraint),
                    _ => {}
                }
            }
            let collation = column.constraint(ConstraintKind::Collate);
            let operand = collation.and_then(|it| it.operand.clone());
            if let (Some(name), Some(operand)) = (name, operand) {
                let collation = unquote(&text[operand]);
                if !same(&collation, "BINARY") {
                    let key = format!("collate {name} {}", fold(&collation));
                    self.add(key, Rule::Collate { column: column.name.text.clone(), collation });
                }
            }
        }
        for constraint in &definition.constraints {
            match constraint.kind {
                ConstraintKind::Check => self.check(text, constraint),
                ConstraintKind::Unique => {
                    let Some(operand) = constraint.operand.clone() else { continue };
                    let columns = inner(&text[operand]).trim().to_owned();
                    let key = unique_key(self.listed(&columns));
                    self.add(key, Rule::Unique { columns });
                }
                _ => {}
            }
        }
    }

    fn check(&mut self, text: &str, constraint: &Constraint) {
        let Some(operand) = constraint.operand.clone() else { return };
        let condition = text[operand].to_owned();
        let key = format!("check {}", self.form(&condition).join(" "));
        self.add(key, Rule::Check { condition });
    }

    /// Unique indexes on whole columns are as good as a constraint.
    fn of_indexes(&mut self) {
        let defined = self.defined;
        for index in defined.schema.belonging(ObjectKind::Index, &defined.object.name) {
            let text = index.sql.as_deref().unwrap_or_default();
            let tokens: Vec<_> = significant_tokens(text).collect();
            let unique = tokens.get(1).is_some_and(|token| token.is_word(text, "UNIQUE"));
            let open = tokens.iter().find(|token| token.is_mark(text, "("));
            let close = tokens.last().filter(|token| token.is_mark(text, ")"));
            if let (true, Some(open), Some(close)) = (unique, open, close) {
                let key = unique_key(self.listed(&text[open.end..close.start]));
                self.keys.insert(key);
            }
        }
    }

    /// The entries of a list of columns, in the names of the new schema; the order of a key does not matter.
    fn listed(&self, list: &str) -> Vec<String> {
        let (mut entries, mut depth) = (vec![Vec::new()], 0_usize);
        for token in significant_tokens(list) {
            match token.text(list) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    entries.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            let order = ["ASC", "DESC"].iter().any(|word| token.is_word(list, word));
            if let (false, Some(last)) = (order, entries.last_mut()) {
                last.extend(self.form(token.text(list)));
            }
        }
        entries.into_iter().map(|entry| entry.join(" ")).collect()
    }

    /// The tokens of an expression, with the names of the new schema.
    fn form(&self, text: &str) -> Vec<String> {
        let word = |token: &str| {
            let name = unquote(token);
            match self.names {
                // A column may be called like its table.
                Some(_) if self.defined.shape.column(&name).is_some() => self.now_or_gone(&name),
                Some(names) if same(&name, &self.defined.shape.name) => fold(&names.new.name),
                Some(_) | None => fold(&name),
            }
        };
        text_form_with(text, word)
    }
}

fn unique_key(mut columns: Vec<String>) -> String {
    columns.sort();
    format!("unique {}", columns.join(","))
}

/// Text without the parentheses around it.
fn inner(text: &str) -> &str {
    text.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(text)
}
