//! One case: a file, a phase, and what must come out.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::chance::Chance;
use super::changes::{Change, Progress};
use super::choose;
use super::model::{Id, Owner, Rule, Schema, Source, Table};
use super::names::{Names, literal};
use super::objects;
use super::rows::{Content, content};
use super::tables;
use super::toml::phase_file;

/// A case. Leaving parts of it out gives a smaller case.
#[derive(Debug, Clone)]
pub struct Case {
    pub number: u64,
    pub seed: u64,
    pub schema: Schema,
    pub content: Content,
    pub changes: Vec<Change>,
    pub policy: &'static str,
    /// What turned out to be in the file that was made.
    pub found: RefCell<BTreeSet<&'static str>>,
}

impl Case {
    /// Makes a case from its seed.
    pub fn make(seed: u64, number: u64) -> Self {
        let mut chance = Chance::of(seed, number);
        chance.strange = chance.percent(22);
        let schema = schema(&mut chance);
        let content = content(&schema, &mut chance);
        let mut progress = Progress::new(schema.clone());
        let changes = choose::changes(&mut chance, &mut progress);
        let policy = if chance.percent(12) { "follow" } else { "keep" };
        let found = RefCell::default();
        Self { number, seed, schema, content, changes, policy, found }
    }

    /// What the changes make of the schema; changes that no longer fit are left out.
    pub fn progress(&self) -> Progress {
        // Where the phases end is known when all changes are made.
        let cuts = self.cuts(&self.made(&[]).marks);
        self.made(&cuts)
    }

    fn made(&self, cuts: &[usize]) -> Progress {
        let mut progress = Progress::new(self.schema.clone());
        for change in &self.changes {
            progress.apply(change);
            if cuts.contains(&progress.steps.len()) {
                progress.store();
            }
        }
        progress
    }

    /// After how many steps a phase ends and another begins. One case in three has two phases, cut between
    /// two changes; one in six has as many as there are changes.
    fn cuts(&self, marks: &[usize]) -> Vec<usize> {
        match marks {
            [first, .., _] if self.number % 3 == 1 => vec![*first],
            [all @ .., _] if self.number % 6 == 2 => all.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The texts of the phase files.
    pub fn phases(&self) -> Vec<String> {
        let mut chance = Chance::of(self.seed, self.number ^ 0xFACE);
        let progress = self.progress();
        let cuts = self.cuts(&progress.marks);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([progress.steps.len()]);
        let parts = starts.zip(ends).map(|(start, end)| &progress.steps[start..end]);
        parts
            .filter(|steps| !steps.is_empty())
            .map(|steps| phase_file(steps, self.policy, &mut chance))
            .collect()
    }

    /// Whether the downgrade must lead to just what was before: nothing is dropped or computed.
    pub fn comes_back(&self) -> bool {
        self.changes.iter().all(|change| {
            matches!(
                change,
                Change::RenameTables(_)
                    | Change::RenameColumns(..)
                    | Change::RenameIndex(..)
                    | Change::CreateIndex(_)
                    | Change::CreateView(_)
                    | Change::DropView(_)
                    | Change::ReplaceView(_)
                    | Change::CreateTrigger(_)
                    | Change::DropTrigger(_)
                    | Change::ReplaceTrigger(_)
                    | Change::AddConstraint(..)
            )
        })
    }

    /// The statements that create the schema, without triggers.
    pub fn creations(&self) -> Vec<String> {
        let schema = &self.schema;
        let made = schema.tables.iter().filter(|it| !it.is_foreign());
        let tables = made.filter_map(|it| Some((it, schema.write_table(it)?)));
        let tables = tables.map(|(table, sql)| match table.has_foreign_words() {
            true => sql.replacen("app_words", "unicode61", 1),
            false => sql,
        });
        let indexes = schema.indexes.iter().filter_map(|it| schema.write_index(it));
        let views = schema.views.iter().filter_map(|it| schema.write_view(it));
        tables.chain(indexes).chain(views).collect()
    }

    /// The statements that enter what this SQLite cannot create, because only the file's program can.
    pub fn foreign(&self) -> Vec<String> {
        let strange = |it: &&Table| it.is_foreign() || it.has_foreign_words();
        let entries = self.schema.tables.iter().filter(strange);
        let insert = |table: &Table| {
            let (name, sql) = (literal(&table.name), self.schema.write_table(table)?);
            let enter = match table.is_foreign() {
                true => format!(
                    "INSERT INTO sqlite_schema VALUES ('table', {name}, {name}, 0, {})",
                    literal(&sql)
                ),
                false => {
                    format!("UPDATE sqlite_schema SET sql = {} WHERE name = {name}", literal(&sql))
                }
            };
            Some(format!("PRAGMA writable_schema = ON; {enter}; PRAGMA writable_schema = RESET"))
        };
        entries.filter_map(insert).collect()
    }

    /// All that is needed to see the case again.
    pub fn script(&self) -> String {
        let content = &self.content;
        let mut lines = content.properties.clone();
        if content.wal {
            lines.push("PRAGMA journal_mode = WAL".to_owned());
        }
        lines.extend(self.creations());
        lines.extend(self.foreign());
        lines.extend(content.rows.iter().take(60).map(|it| it.sql.clone()));
        lines.extend(self.triggers());
        lines.extend(content.epilogue.clone());
        format!(
            "{};
--- phase file\n{}",
            lines.join(";\n"),
            self.phases().join("\n--- phase file\n")
        )
    }

    /// The statements that create the triggers.
    pub fn triggers(&self) -> Vec<String> {
        self.schema.triggers.iter().filter_map(|it| self.schema.write_trigger(it)).collect()
    }
}

fn schema(chance: &mut Chance) -> Schema {
    let mut schema = Schema::default();
    let mut names = Names::default();
    for _ in 0..chance.between(1, 5) {
        let table = tables::table(&mut schema, chance, &mut names);
        schema.tables.push(table);
    }
    for child in objects::ordinary(&schema) {
        while chance.percent(25) {
            tables::add_foreign_key(&mut schema, chance, child);
        }
    }
    for _ in 0..chance.below(5) {
        if let Some(index) = objects::index(&mut schema, chance, &mut names) {
            schema.indexes.push(index);
        }
    }
    for _ in 0..chance.below(4) {
        if let Some(view) = objects::view(&mut schema, chance, &mut names) {
            schema.views.push(view);
        }
    }
    for _ in 0..chance.below(4) {
        if let Some(trigger) = objects::trigger(&mut schema, chance, &mut names) {
            schema.triggers.push(trigger);
        }
    }
    while chance.percent(25) || chance.strange(25) {
        if let Some(table) = objects::virtual_table(&mut schema, chance, &mut names) {
            schema.tables.push(table);
        }
    }
    schema
}

/// What the judge needs to know about a case.
pub fn expectation(progress: &Progress, policy: &str) -> Option<serde_json::Value> {
    let (before, now) = (&progress.before, &progress.now);
    let mut tables = Vec::new();
    for table in &now.tables {
        tables.push(expected_table(before, now, table)?);
    }
    let mut indexes = Vec::new();
    for index in &now.indexes {
        let old = before.indexes.iter().find(|it| it.id == index.id);
        indexes.push(serde_json::json!({
            "before": old.map(|it| &it.name),
            "name": index.name,
            "table": now.table(index.table)?.name,
            "sql": now.write_index(index)?,
        }));
    }
    let mut views = Vec::new();
    for view in &now.views {
        let same = before
            .views
            .iter()
            .any(|it| it.name == view.name && is_undisturbed(progress, &it.reads))
            && is_undisturbed(progress, &view.reads)
            && before
                .views
                .iter()
                .find(|it| it.name == view.name)
                .is_some_and(|it| it.born_alike(view))
            && lies_still(progress, &view.name);
        views.push(serde_json::json!({
            "name": view.name,
            "sql": now.write_view(view)?,
            "same": same,
        }));
    }
    let mut triggers = Vec::new();
    for trigger in &now.triggers {
        let owner = match &trigger.owner {
            Owner::Table(id) => now.table(*id)?.name.clone(),
            Owner::View(name) => name.clone(),
        };
        let sql = now.write_trigger(trigger)?;
        triggers.push(serde_json::json!({ "name": trigger.name, "table": owner, "sql": sql }));
    }
    Some(serde_json::json!({
        "policy": policy,
        "data": progress.data,
        "tables": tables,
        "indexes": indexes,
        "views": views,
        "triggers": triggers,
    }))
}

/// Whether the tables with these ids changed in nothing but names.
fn is_undisturbed(progress: &Progress, tables: &[Id]) -> bool {
    tables.iter().all(|id| {
        let (old, new) = (progress.before.table(*id), progress.now.table(*id));
        old.zip(new).is_some_and(|(old, new)| is_only_renamed(old, new))
    })
}

/// Whether a view and those below it are the same as before.
fn lies_still(progress: &Progress, name: &str) -> bool {
    let of = |schema: &Schema| schema.views.iter().find(|it| it.name == name).cloned();
    match of(&progress.before).zip(of(&progress.now)) {
        Some((old, new)) => {
            old.born_alike(&new) && new.below.is_none_or(|below| lies_still(progress, &below))
        }
        None => false,
    }
}

fn is_only_renamed(old: &Table, new: &Table) -> bool {
    let ids = |table: &Table| table.columns.iter().map(|it| it.id).collect::<Vec<_>>();
    let clauses = |table: &Table| {
        table
            .columns
            .iter()
            .map(|it| (it.type_name.clone(), it.clauses.clone()))
            .collect::<Vec<_>>()
    };
    !new.dirty
        && !new.edited
        && ids(old) == ids(new)
        && clauses(old) == clauses(new)
        && old.constraints == new.constraints
        && (old.without_rowid, old.strict) == (new.without_rowid, new.strict)
        && new.columns.iter().all(|it| it.source == Source::Kept)
}

fn expected_table(before: &Schema, now: &Schema, table: &Table) -> Option<serde_json::Value> {
    let old = before.table(table.id);
    let quiet = old.is_some_and(|old| is_only_renamed(old, table));
    let mut columns = Vec::new();
    for column in &table.columns {
        let from = before.column(column.id).map(|it| it.name.clone());
        let source = match (&column.source, from) {
            (Source::Kept, Some(_)) if column.has(Rule::Generated) && !quiet => {
                serde_json::json!({ "source": "unknown" })
            }
            (Source::Kept, Some(from)) => serde_json::json!({ "source": "kept", "from": from }),
            (Source::Default, _) => {
                let default = column.clauses.iter().find(|it| it.rule == Rule::Default);
                let sql = default.and_then(|it| now.write(&it.template));
                serde_json::json!({ "source": "default", "sql": sql })
            }
            (Source::Value(sql), _) => serde_json::json!({ "source": "value", "sql": sql }),
            (Source::Unknown, _) | (Source::Kept, None) => {
                serde_json::json!({ "source": "unknown" })
            }
        };
        columns.push(serde_json::json!({
            "name": column.name, "type": column.type_name, "from": source, "through": column.through,
        }));
    }
    Some(serde_json::json!({
        "before": old.map(|it| &it.name),
        "after": table.name,
        "sql": now.write_table(table)?,
        "module": table.module.as_ref().map(|it| it.name.to_ascii_lowercase()),
        "foreign": table.is_foreign() || table.has_foreign_words(),
        "content": table.module.as_ref().and_then(|it| it.content).map(|content| {
            is_undisturbed(&Progress { before: before.clone(), now: now.clone(), steps: Vec::new(), marks: Vec::new(), data: Vec::new() }, &[content])
        }),
        "contentless": table.module.as_ref().is_some_and(|it| {
            now.write(&it.arguments).is_some_and(|it| it.contains("content=''"))
        }),
        "quiet": quiet,
        "comments": !table.edited,
        "ordered": !table.reordered,
        "dirty": table.dirty,
        "columns": columns,
    }))
}
