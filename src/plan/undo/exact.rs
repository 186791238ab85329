//! The very texts of before: whatever the downgrade made of an object, if it is known what was stored
//! before the phase, that is what is stored again.

use super::past::PastSchemas;
use crate::error::Result;
use crate::history::VersionTables;
use crate::name::{fold, same};
use crate::schema::{Object, ObjectKind, Schema, Table, same_meaning};
use crate::shadow::Shadow;
use crate::sql::{significant_tokens, tokens};

/// How far texts are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UndoTexts {
    /// Every text that is known to belong here: the downgrade is derived.
    Derived,
    /// Texts that mean what the object means anyway: the downgrade is written by hand.
    SameMeaning,
}

/// Gives the objects of a shadow the texts they had before the phase. `start` is the schema that
/// the downgrade began with.
pub(super) fn restore_texts(
    shadow: &mut Shadow,
    start: &Schema,
    past: &PastSchemas,
    tables: &VersionTables,
    which: UndoTexts,
) -> Result<()> {
    if which == UndoTexts::Derived {
        create_missing(shadow, past)?;
    }
    let schema = shadow.schema()?;
    for kind in [ObjectKind::Table, ObjectKind::Index, ObjectKind::View, ObjectKind::Trigger] {
        for object in schema.of_kind(kind) {
            if tables.contains(&object.name) || tables.contains(&object.table) {
                continue;
            }
            let text = text_before(shadow, object, start, past, which);
            if let Some(text) = text.filter(|text| object.sql.as_ref() != Some(text)) {
                shadow.restore_text(kind, &object.name, &text)?;
            }
        }
    }
    restore_virtual_texts(shadow, &schema, start, past)
}

/// A virtual table that is renamed, or recreated because the downgrade changes its arguments, gets the very text
/// that it had before the phase.
fn restore_virtual_texts(
    shadow: &mut Shadow,
    now: &Schema,
    start: &Schema,
    past: &PastSchemas,
) -> Result<()> {
    let kind = ObjectKind::VirtualTable;
    for object in now.of_kind(kind) {
        let later = name_at_start(shadow, object, start);
        let Some(was) = start.find(kind, &later) else { continue };
        if was.sql == object.sql {
            continue;
        }
        let texts = past.texts(kind, &object.name, &later);
        if let Some(before) = texts.iter().find_map(|pair| pair.before) {
            shadow.restore_text(kind, &object.name, before)?;
        }
    }
    Ok(())
}

/// Creates what the phase took away from this file although no phase had made it.
fn create_missing(shadow: &mut Shadow, past: &PastSchemas) -> Result<()> {
    let Some(record) = &past.recorded else { return Ok(()) };
    let present = shadow.schema()?;
    let went = record.before.iter().filter(|object| {
        let came_back = |it: &&crate::history::KeptObject| {
            it.kind == object.kind && same(&it.name, &object.name)
        };
        let is_there = |kind| present.find(kind, &object.name).is_some();
        !record.after.iter().any(|it| came_back(&it)) && !object.object_kind().is_none_or(is_there)
    });
    let rank = |kind: Option<ObjectKind>| match kind {
        Some(ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable) | None => 0,
        Some(ObjectKind::Index) => 1,
        Some(ObjectKind::View) => 2,
        Some(ObjectKind::Trigger) => 3,
    };
    let mut went: Vec<_> = went.collect();
    went.sort_by_key(|object| rank(object.object_kind()));
    went.iter().try_for_each(|object| shadow.define(&object.sql))
}

/// Finds the text that an object had before the phase, if that is known and fits.
fn text_before(
    shadow: &Shadow,
    object: &Object,
    start: &Schema,
    past: &PastSchemas,
    which: UndoTexts,
) -> Option<String> {
    let later = name_at_start(shadow, object, start);
    let at_start = start.find(object.kind, &later).and_then(|it| it.sql.as_deref());
    let present = object.sql.as_deref()?;
    for pair in past.texts(object.kind, &object.name, &later) {
        let Some(before) = pair.before else { continue };
        // What stands there is what the phase left, or the phase took it away altogether.
        let belongs = at_start == pair.after;
        if before == present {
            return None;
        }
        if belongs && (which == UndoTexts::Derived || same_meaning(before, present)) {
            if keeps_columns(shadow, object, before) {
                return Some(before.to_owned());
            }
        } else if at_start != Some(present) && same_meaning(before, present) {
            return Some(with_words_of(before, present));
        }
    }
    None
}

/// Writes a text with the words of another one that means the same: names get the quotes and the
/// case that they have there, spacing and comments stay.
fn with_words_of(words: &str, text: &str) -> String {
    let mut theirs = significant_tokens(words);
    let mut written = String::with_capacity(text.len());
    for token in tokens(text) {
        let other = if token.is_trivia() { None } else { theirs.next() };
        written.push_str(other.map_or(token.text(text), |other| other.text(words)));
    }
    written
}

/// The name that an object had when the downgrade began.
fn name_at_start(shadow: &Shadow, object: &Object, start: &Schema) -> String {
    match object.kind {
        ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => shadow
            .lineage()
            .table(&object.name)
            .map_or_else(|| object.name.clone(), |it| it.from.clone()),
        ObjectKind::Index => start
            .of_kind(ObjectKind::Index)
            .find(|it| same(&shadow.lineage().index_after(&it.name), &object.name))
            .map_or_else(|| object.name.clone(), |it| it.name.clone()),
        ObjectKind::View | ObjectKind::Trigger => object.name.clone(),
    }
}

/// Returns whether a text makes a table of the columns that the table has: their rows are on the way.
fn keeps_columns(shadow: &Shadow, object: &Object, text: &str) -> bool {
    if object.kind != ObjectKind::Table {
        return true;
    }
    let names = |table: &Table| {
        let mut names: Vec<String> = table.columns.iter().map(|it| fold(&it.name)).collect();
        names.sort();
        names
    };
    let made = Shadow::empty().and_then(|mut fresh| {
        fresh.define(text)?;
        fresh.schema()
    });
    let present = shadow.schema();
    match (made, present) {
        (Ok(made), Ok(present)) => {
            made.shape(&object.name).map(names) == present.shape(&object.name).map(names)
        }
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_over_and_spacing_stays() {
        let present = "CREATE TABLE \"sessions\"(id  INTEGER, -- the key\n  \"date\" text)";
        let before = "CREATE TABLE sessions (id INTEGER, date TEXT)";
        assert_eq!(
            with_words_of(before, present),
            "CREATE TABLE sessions(id  INTEGER, -- the key\n  date TEXT)"
        );
    }
}
