//! What a phase changed in the schema of one file, kept beside its event, so that the downgrade restores
//! the very text that was there.

use serde::{Deserialize, Serialize};

use crate::compare::compare_entries;
use crate::name::same;
use crate::schema::{Object, ObjectKind, Schema};

use super::definition::Definition;
use super::tables::{HistoryRow, Recorded, VersionTables};

/// One stored object, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptObject {
    /// Its kind: the word for it.
    pub kind: String,
    pub name: String,
    pub sql: String,
}

/// The objects that a phase changed, as they were before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoRecord {
    /// Objects that went or changed.
    pub before: Vec<KeptObject>,
    /// Objects that came or changed.
    pub after: Vec<KeptObject>,
    /// Tables that went without a row. Earlier releases pass over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<String>,
}

#[derive(Serialize)]
struct WithDefinition<'a> {
    #[serde(flatten)]
    record: &'a UndoRecord,
    #[serde(flatten)]
    definition: Option<&'a Definition>,
}

impl KeptObject {
    fn of(object: &Object) -> Option<Self> {
        let (kind, name) = (object.kind.word().to_owned(), object.name.clone());
        Some(Self { kind, name, sql: object.sql.clone()? })
    }

    /// Returns whether both name the same object.
    pub fn names(&self, other: &Self) -> bool {
        self.kind == other.kind && same(&self.name, &other.name)
    }

    /// Returns the kind, unless the word is unknown.
    pub fn object_kind(&self) -> Option<ObjectKind> {
        [
            ObjectKind::Table,
            ObjectKind::VirtualTable,
            ObjectKind::Index,
            ObjectKind::View,
            ObjectKind::Trigger,
        ]
        .into_iter()
        .find(|kind| kind.word() == self.kind)
    }
}

impl UndoRecord {
    /// Finds out what changed between two schemas. The version tables do not count, nor what a
    /// virtual table keeps for itself.
    pub fn between(before: &Schema, after: &Schema, tables: &VersionTables) -> Self {
        let counts = |object: &&Object| {
            object.kind != ObjectKind::ShadowTable
                && !tables.contains(&object.name)
                && !tables.contains(&object.table)
        };
        let only_in = |one: &Schema, other: &Schema| {
            let (one, other) = (one.objects.iter(), other.objects.iter());
            let differences = compare_entries(one.filter(counts), other.filter(counts));
            differences.into_iter().filter_map(|it| KeptObject::of(it.expected()?)).collect()
        };
        Self { before: only_in(before, after), after: only_in(after, before), empty: Vec::new() }
    }

    /// Writes the record as JSON, together with what the history keeps of the phase. Earlier releases read the record
    /// and pass over the rest.
    pub fn to_json(&self, definition: Option<&Definition>) -> Option<String> {
        // Texts in lists always have a JSON form.
        serde_json::to_string(&WithDefinition { record: self, definition }).ok()
    }

    /// Returns whether the phase made an object that was not there before.
    pub fn made(&self, kind: ObjectKind, name: &str) -> bool {
        let holds = |objects: &[KeptObject]| {
            objects.iter().any(|it| it.object_kind() == Some(kind) && same(&it.name, name))
        };
        holds(&self.after) && !holds(&self.before)
    }

    /// Reads a record; `None` if the text is none, in which case the downgrade does without it.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Recorded {
    /// Returns what a phase changed when it was last applied to this file, if that is kept.
    pub fn undo_of(&self, id: &str) -> Option<UndoRecord> {
        let came = |row: &&HistoryRow| row.id == id && ["up", "stamp"].contains(&&*row.direction);
        let last = self.events.iter().rev().find(came)?;
        UndoRecord::from_json(last.undo.as_deref()?)
    }

    /// Returns the objects that the phases changed in this file, with the texts that the last of them left.
    ///
    /// An event of which nothing is kept may have come after any change: what was left before it does not count.
    pub fn left(&self) -> Vec<KeptObject> {
        let mut left: Vec<KeptObject> = Vec::new();
        for event in self.events.iter().filter(|it| it.direction != "accept") {
            let Some(record) = event.undo.as_deref().and_then(UndoRecord::from_json) else {
                left.clear();
                continue;
            };
            let changed = |it: &KeptObject| {
                record.before.iter().chain(&record.after).any(|other| it.names(other))
            };
            left.retain(|it| !changed(it));
            left.extend(record.after);
        }
        left
    }
}
