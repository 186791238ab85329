//! What a phase may not leave behind: things that were fine before it and are broken after it, though
//! SQLite lets it pass. All of it is found on the shadow, before anything is written.

use std::collections::BTreeSet;

use super::{PhasePlan, Stage};
use crate::error::{Error, ErrorKind, Remedy, Result, without_object};
use crate::name::{fold, same};
use crate::phase::Phase;
use crate::schema::{Content, ForeignKey, Object, ObjectKind, Schema};
use crate::shadow::{NameAsString, Shadow, Unsound, UnsoundObject};
use crate::sql::{Feature, TokenKind, features, significant_tokens, unquote, update_of_columns};

/// Whether the texts of new objects come from a phase that was never applied, or are the old ones that a downgrade restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// New texts, which must mean what they say.
    New,
    /// Old texts, which keep their meaning.
    Old,
}

/// Refuses steps that break what was sound before them; `strings` are the names that were read as strings then. What
/// the phase allows to be broken is set aside, as what a file has broken is.
///
/// # Errors
/// [`ErrorKind::Step`] naming every view, trigger or table that would be broken.
pub(super) fn refuse_newly_broken(
    shadow: &mut Shadow,
    (before, strings, texts): (&Schema, &[NameAsString], Texts),
    (phase, stages): (&Phase, &[Stage]),
) -> Result<()> {
    let changes_rows_only = |it: &Stage| matches!(it, Stage::Data(data) if data.after.is_none());
    if stages.iter().all(changes_rows_only) {
        return Ok(());
    }
    if phase.allows_broken() {
        shadow.set_aside_unsound()?;
    } else {
        refuse_unreadable(shadow)?;
        refuse_uncompilable(shadow, before, stages)?;
        refuse_dangling_foreign_keys(shadow, before, stages)?;
    }
    if texts == Texts::New {
        refuse_forbidden_triggers(shadow, before)?;
    }
    refuse_names_as_strings(shadow, (before, strings, texts), stages)?;
    refuse_triggers_that_never_fire(shadow, before, stages)?;
    refuse_changed_references(shadow)
}

/// Refuses objects that need a newer SQLite than the phase allows, unless the file needed that release before.
///
/// # Errors
/// [`ErrorKind::NewerSqlite`] naming the objects, their features and the releases.
pub(super) fn refuse_newer_syntax(phase: &Phase, before: &Schema, after: &Schema) -> Result<()> {
    let Some(oldest) = phase.min_sqlite else { return Ok(()) };
    let texts = |schema: &Schema| -> Vec<(String, Feature)> {
        let objects = schema.objects.iter().filter_map(|it| Some((it, it.sql.as_deref()?)));
        objects
            .flat_map(|(object, sql)| {
                let called = object.to_string();
                features(sql).into_iter().map(move |feature| (called.clone(), feature))
            })
            .filter(|(_, feature)| feature.since > oldest)
            .collect()
    };
    let known: BTreeSet<Feature> = texts(before).into_iter().map(|(_, feature)| feature).collect();
    let mut fresh = texts(after);
    fresh.retain(|(_, feature)| !known.contains(feature));
    let Some((object, feature)) = fresh.first() else { return Ok(()) };
    let needs = |object: &str, feature: &Feature| {
        format!("{object} uses {}, which SQLite reads from {} on", feature.name, feature.since)
    };
    let what = format!("{}; min_sqlite is {oldest}", needs(object, feature));
    let all = fresh
        .iter()
        .map(|(object, feature)| format!("{} ({})", needs(object, feature), feature.page));
    Err(Error::new(ErrorKind::NewerSqlite, what).about(object).problems(all))
}

/// A phase may not leave a view or trigger broken that was not broken before.
fn refuse_unreadable(shadow: &mut Shadow) -> Result<()> {
    let broken = shadow.newly_unsound()?;
    let Some(first) = broken.first() else { return Ok(()) };
    let why = |it: &UnsoundObject| {
        without_object(&it.message, it.object.kind.word(), &it.object.name).to_owned()
    };
    let what = format!("{} would be broken: {}", first.object, why(first));
    let all = broken.iter().map(|it| format!("{}: {}", it.object, why(it)));
    let named = broken.iter().map(|it| it.object.to_string());
    let error = Error::new(ErrorKind::Step, what).about(&first.object.name).problems(all);
    Err(error.with_remedy(Remedy::ReplaceObject).choices(named))
}

/// A view or trigger that compiles and reads other columns than before gives other answers, and nothing says so.
fn refuse_changed_references(shadow: &mut Shadow) -> Result<()> {
    let found = shadow.take_changed_references()?;
    let lines = found.iter().map(|it| {
        let changes = it.changes.join(", ");
        format!("{} {} would read other columns than before: {changes}", it.kind.word(), it.name)
    });
    let lines: Vec<String> = lines.collect();
    let (Some(first), Some(what)) = (found.first(), lines.first()) else { return Ok(()) };
    Err(Error::new(ErrorKind::Reference, what.clone()).about(&first.name).problems(lines))
}

/// What SQLite's check of a RENAME does not look at: how many values a trigger inserts, how many
/// columns a view lists. It would show at the first write after the migration.
fn refuse_uncompilable(shadow: &Shadow, before: &Schema, stages: &[Stage]) -> Result<()> {
    let broken = shadow.uncompilable()?;
    if broken.is_empty() {
        return Ok(());
    }
    let known = Shadow::of(before)?.uncompilable()?;
    let was_broken = |name: &str| {
        let origin = table_before(stages, name).unwrap_or_else(|| name.to_owned());
        known.contains_key(&fold(&origin))
    };
    let fresh: Vec<_> = broken.iter().filter(|(name, _)| !was_broken(name)).collect();
    let Some((object, message)) = fresh.first() else { return Ok(()) };
    let what = format!("{object}, or a trigger on it, would not compile any more: {message}");
    let all = fresh.iter().map(|(object, message)| format!("{object}: {message}"));
    Err(Error::new(ErrorKind::Step, what).about(object).problems(all))
}

/// A foreign key that names no key of its parent makes every write to the child fail
/// (<https://sqlite.org/foreignkeys.html#fk_indexes>).
fn refuse_dangling_foreign_keys(shadow: &Shadow, before: &Schema, stages: &[Stage]) -> Result<()> {
    let loose = shadow.loose_foreign_keys()?;
    if loose.is_empty() {
        return Ok(());
    }
    let known = Shadow::of(before)?.loose_foreign_keys()?;
    let was_loose = |table: &str| {
        let origin = table_before(stages, table);
        known.iter().any(|(name, _)| origin.as_deref().is_some_and(|it| same(it, name)))
    };
    let fresh: Vec<_> = loose.iter().filter(|(table, _)| !was_loose(table)).collect();
    let Some((table, message)) = fresh.first() else { return Ok(()) };
    let what = format!("a foreign key of {table} would name no key of its parent: {message}");
    let all = fresh.iter().map(|(table, message)| format!("{table}: {message}"));
    Err(Error::new(ErrorKind::Step, what).about(table).problems(all))
}

/// Refuses what refers to a table or column that does not exist after the run, unless the file had it before: foreign
/// keys, because every later write to the child would fail (<https://sqlite.org/foreignkeys.html#fk_schemacommands>), and
/// full-text tables, because they could not be read (<https://sqlite.org/fts5.html#external_content_tables>).
///
/// # Errors
/// [`ErrorKind::Reference`] naming every such key and full-text table.
pub fn refuse_missing_parents(before: &Schema, after: &Schema, phases: &[PhasePlan]) -> Result<()> {
    let stages: Vec<&Stage> = phases.iter().flat_map(|phase| &phase.stages).collect();
    let mut problems = Problems::default();
    for child in after.of_kind(ObjectKind::Table) {
        let Some(shape) = after.shape(&child.name) else { continue };
        let origin = origin_of(&stages, &child.name).and_then(|name| before.shape(&name));
        let known: Vec<&ForeignKey> = origin.into_iter().flat_map(|it| &it.foreign_keys).collect();
        for key in &shape.foreign_keys {
            let Some(what) = missing_parent(after, key) else { continue };
            let was_missing = |it: &&ForeignKey| {
                same(&it.parent, &key.parent) && missing_parent(before, it).is_some()
            };
            let allowed = (0..phases.len()).any(|place| allowed_before(phases, place, child, key));
            if !known.iter().any(was_missing) && !allowed {
                let columns = key.columns.join(", ");
                problems.add(
                    child,
                    format!("would have a foreign key ({columns}) to {what}, which does not exist"),
                );
            }
        }
    }
    for table in after.of_kind(ObjectKind::VirtualTable) {
        let Some(content) = missing_content(after, &table.name) else { continue };
        let origin = origin_of(&stages, &table.name);
        if origin.and_then(|it| missing_content(before, &it)).is_none() {
            problems
                .add(table, format!("would read its rows from {content}, which does not exist"));
        }
    }
    problems.refuse_as(ErrorKind::Reference)
}

/// Returns whether the phase at a place allows that a table has this foreign key, whose parent does not exist then either.
fn allowed_before(phases: &[PhasePlan], place: usize, child: &Object, key: &ForeignKey) -> bool {
    let (phase, later) = (&phases[place], &phases[place + 1..]);
    let later: Vec<&Stage> = later.iter().flat_map(|it| &it.stages).collect();
    let Some(name) = origin_of(&later, &child.name).filter(|_| phase.allows_broken) else {
        return false;
    };
    let keys = phase.after.shape(&name).map_or(&[][..], |it| &it.foreign_keys);
    let is_it = |it: &&ForeignKey| same(&it.parent, &key.parent);
    keys.iter().find(is_it).is_some_and(|it| missing_parent(&phase.after, it).is_some())
}

/// Names what cannot be used in a schema, with the reason: views and triggers that do not compile, and foreign keys that
/// name no key of a parent.
pub fn broken_objects(schema: &Schema) -> Result<Vec<String>> {
    let shadow = Shadow::of(schema)?;
    let unsound = shadow.unsound().iter().filter(|it| it.reason == Unsound::Broken);
    let mut broken: Vec<String> = unsound
        .map(|it| {
            let (word, name) = (it.object.kind.word(), &it.object.name);
            format!("{word} {name}: {}", without_object(&it.message, word, name))
        })
        .collect();
    broken.extend(shadow.uncompilable()?.iter().map(|(name, why)| format!("{name}: {why}")));
    broken
        .extend(shadow.loose_foreign_keys()?.iter().map(|(table, why)| format!("{table}: {why}")));
    for child in schema.of_kind(ObjectKind::Table) {
        let keys = schema.shape(&child.name).map_or(&[][..], |it| &it.foreign_keys);
        let missing = keys.iter().filter_map(|key| missing_parent(schema, key));
        broken
            .extend(missing.map(|it| format!("table {}: no {it} for its foreign key", child.name)));
    }
    Ok(broken)
}

/// Names the table or view that a full-text table reads its rows from, if it does not exist.
fn missing_content(schema: &Schema, table: &str) -> Option<String> {
    let Content::External(content) = schema.virtual_table(table)?.content else { return None };
    let holds_rows = |it: &Object| !matches!(it.kind, ObjectKind::Index | ObjectKind::Trigger);
    let found = schema.objects.iter().any(|it| holds_rows(it) && same(&it.name, &content));
    (!found).then_some(content)
}

/// Names what a foreign key refers to, if it does not exist.
fn missing_parent(schema: &Schema, key: &ForeignKey) -> Option<String> {
    let found = schema.find(ObjectKind::Table, &key.parent);
    let Some(shape) = found.and_then(|it| schema.shape(&it.name)) else {
        return Some(format!("the table {}", key.parent));
    };
    let column = key.parent_columns.iter().find(|it| shape.column(it).is_none())?;
    Some(format!("the column {}.{column}", key.parent))
}

/// A name in double quotes that is no column any more is a string to SQLite, and a string that has become
/// the name of a column is that column, without a warning (<https://sqlite.org/quirks.html#dblquote>).
fn refuse_names_as_strings(
    shadow: &mut Shadow,
    (before, known, texts): (&Schema, &[NameAsString], Texts),
    stages: &[Stage],
) -> Result<()> {
    let now = shadow.names_read_as_strings()?;
    let given = shadow.take_given();
    let quotes = |it: &Object| it.sql.as_ref().is_some_and(|text| text.contains('"'));
    if now.is_empty() && !before.objects.iter().any(quotes) {
        return Ok(());
    }
    let after = shadow.schema()?;
    let mut problems = Problems::default();
    for object in &after.objects {
        let (kind, name) = (object.kind, object.name.as_str());
        let is_given = given.iter().any(|it| it.0 == kind && same(&it.1, name));
        let is = words_of(&now, kind, name);
        let origin = object_before(before, stages, kind, name);
        if texts == Texts::New && (is_given || origin.is_none()) {
            for word in &is {
                let what =
                    format!("has \"{word}\", which is no column; write a string in single quotes");
                problems.add(object, what);
                problems.of_new_text = true;
            }
            continue;
        }
        let Some(origin) = origin else { continue };
        let text = |schema: &Schema, name: &str| {
            schema.find(kind, name).and_then(|it| it.sql.clone()).unwrap_or_default()
        };
        let was = words_of(known, kind, &origin);
        let old = text(before, &origin);
        // A text that a downgrade restores may have strings that no text before had.
        let lost = |word: &&&str| !was.contains(**word) && (!is_given || names(&old, word));
        for word in is.iter().filter(lost) {
            problems.of_new_text |= texts == Texts::New && !names(&old, word);
            problems.add(
                object,
                format!("would read \"{word}\" as a string, because no column has this name"),
            );
        }
        let new = object.sql.as_deref().unwrap_or_default();
        let became = |word: &&&str| !is_given && !is.contains(**word) && names(new, word);
        for word in was.iter().filter(became) {
            problems.add(
                object,
                format!(
                    "would read the string \"{word}\" as a column of that name; write it in single \
                     quotes before"
                ),
            );
        }
    }
    problems.refuse()
}

/// A new trigger may not do later what its phase may not do now.
fn refuse_forbidden_triggers(shadow: &Shadow, before: &Schema) -> Result<()> {
    let after = shadow.schema()?;
    let text = |it: &Object| before.find(ObjectKind::Trigger, &it.name).map(|it| it.sql.clone());
    let fresh = |it: &&Object| text(it).as_ref() != Some(&it.sql);
    let fresh: Vec<&Object> = after.of_kind(ObjectKind::Trigger).filter(fresh).collect();
    shadow.refuse_forbidden_triggers(&fresh)
}

fn words_of<'f>(found: &'f [NameAsString], kind: ObjectKind, name: &str) -> BTreeSet<&'f str> {
    let of_object = |it: &&NameAsString| it.kind == kind && it.name == name;
    found.iter().filter(of_object).map(|it| it.text.as_str()).collect()
}

/// A trigger on the update of a column that is gone stands on and never fires again
/// (<https://sqlite.org/lang_createtrigger.html>).
fn refuse_triggers_that_never_fire(
    shadow: &Shadow,
    before: &Schema,
    stages: &[Stage],
) -> Result<()> {
    let after = shadow.schema()?;
    let mut problems = Problems::default();
    for trigger in after.of_kind(ObjectKind::Trigger) {
        let Some(shape) = after.shape(&trigger.table) else { continue };
        let shape_before =
            table_before(stages, &trigger.table).and_then(|origin| before.shape(&origin));
        let was_there = |column: &str| shape_before.is_some_and(|it| it.column(column).is_some());
        for column in update_of_columns(trigger.sql.as_deref().unwrap_or_default()) {
            if shape.column(&column).is_none() && was_there(&column) {
                problems.add(trigger, format!("fires on updates of {column}, which would be gone"));
            }
        }
    }
    problems.refuse()
}

/// What is wrong with which object.
#[derive(Default)]
struct Problems {
    first: Option<String>,
    /// Whether the phase file has to be corrected, whatever the file holds.
    of_new_text: bool,
    lines: Vec<String>,
}

impl Problems {
    fn add(&mut self, object: &Object, what: String) {
        self.first.get_or_insert_with(|| object.name.clone());
        self.lines.push(format!("{object} {what}"));
    }

    fn refuse(self) -> Result<()> {
        let kind = if self.of_new_text { ErrorKind::PhaseFile } else { ErrorKind::Step };
        self.refuse_as(kind)
    }

    fn refuse_as(self, kind: ErrorKind) -> Result<()> {
        match (self.first, self.lines.first()) {
            (Some(object), Some(what)) => {
                let error = Error::new(kind, what.clone()).about(&object);
                Err(error.problems(self.lines))
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether a text has this name in double quotes.
fn names(text: &str, name: &str) -> bool {
    significant_tokens(text).any(|token| {
        let token_text = token.text(text);
        token.kind == TokenKind::QuotedName
            && token_text.starts_with('"')
            && same(&unquote(token_text), name)
    })
}

/// The name that a table had before the stages; `None` if it is new.
fn table_before(stages: &[Stage], table: &str) -> Option<String> {
    origin_of(&stages.iter().collect::<Vec<_>>(), table)
}

/// Returns the name that a table had before some stages; `None` if it is new.
pub fn origin_of(stages: &[&Stage], table: &str) -> Option<String> {
    let mut name = table.to_owned();
    for stage in stages.iter().rev() {
        let lineage = match stage {
            Stage::SchemaChange(schema_change) => &schema_change.lineage,
            Stage::Data(data) => &data.lineage,
        };
        name = lineage.table(&name)?.from.clone();
    }
    Some(name)
}

/// The name that an object had before the stages. Views and triggers keep theirs.
fn object_before(
    before: &Schema,
    stages: &[Stage],
    kind: ObjectKind,
    name: &str,
) -> Option<String> {
    match kind {
        ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => {
            table_before(stages, name)
        }
        ObjectKind::Index => before
            .of_kind(ObjectKind::Index)
            .find(|index| same(&index_after(stages, &index.name), name))
            .map(|index| index.name.clone()),
        ObjectKind::View | ObjectKind::Trigger => {
            before.find(kind, name).map(|object| object.name.clone())
        }
    }
}

fn index_after(stages: &[Stage], index: &str) -> String {
    stages.iter().fold(index.to_owned(), |name, stage| match stage {
        Stage::SchemaChange(schema_change) => schema_change.lineage.index_after(&name),
        Stage::Data(_) => name,
    })
}
