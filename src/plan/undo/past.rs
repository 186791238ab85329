//! What is known of the schema around a phase: as the chain makes it from nothing, and as it was in this
//! very file.

use crate::error::Result;
use crate::history::{KeptObject, UndoRecord, VersionTables};
use crate::name::same;
use crate::phase::{Operation, Phase, Step};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::Shadow;

/// What is known of the schema around a phase. Either side may be missing.
#[derive(Debug, Clone, Default)]
pub struct PastSchemas {
    /// The schema before each group of steps and after the last one, as the chain makes it from
    /// nothing; empty if the chain does not run from nothing.
    pub replayed: Vec<Schema>,
    /// What the phase changed in this file.
    pub recorded: Option<UndoRecord>,
}

/// The text of one object before and after a phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextPair<'p> {
    pub(super) before: Option<&'p str>,
    pub(super) after: Option<&'p str>,
}

impl PastSchemas {
    /// Returns the schema before the phase, as the chain makes it.
    pub(super) fn before(&self) -> Option<&Schema> {
        self.replayed.first()
    }

    /// Returns the schema after the phase, as the chain makes it.
    pub(super) fn after(&self) -> Option<&Schema> {
        self.replayed.last()
    }

    /// Returns the texts of an object, by its names before and after the phase: those in this file
    /// first, then those that the chain makes.
    pub(super) fn texts(&self, kind: ObjectKind, before: &str, after: &str) -> Vec<TextPair<'_>> {
        let recorded = self.recorded.iter().map(|record| TextPair {
            before: kept(&record.before, kind, before),
            after: kept(&record.after, kind, after),
        });
        let replayed = self.before().zip(self.after()).map(|(first, last)| TextPair {
            before: text(first, kind, before),
            after: text(last, kind, after),
        });
        recorded.chain(replayed).collect()
    }
}

fn kept<'o>(objects: &'o [KeptObject], kind: ObjectKind, name: &str) -> Option<&'o str> {
    objects
        .iter()
        .find(|it| it.object_kind() == Some(kind) && same(&it.name, name))
        .map(|it| it.sql.as_str())
}

fn text<'s>(schema: &'s Schema, kind: ObjectKind, name: &str) -> Option<&'s str> {
    schema.find(kind, name).and_then(|object| object.sql.as_deref())
}

/// Rebuilds the schema that a file had before a phase: the recorded objects as they were before, and every object
/// that the phase did not change as it is now. Changes that other programs made to the recorded objects since then are
/// left out. `None` if SQLite does not accept the recorded texts.
pub fn schema_before(now: &Schema, record: &UndoRecord) -> Option<Schema> {
    let recorded = || record.before.iter().chain(&record.after);
    let is_recorded = |object: &Object| {
        recorded().any(|it| {
            it.object_kind().is_some_and(|kind| clash(kind, object.kind))
                && same(&it.name, &object.name)
        })
    };
    let others = now.objects.iter().filter(|object| !is_recorded(object));
    let others = others.filter_map(|object| Some((object.kind, object.sql.as_deref()?, false)));
    let before =
        record.before.iter().filter_map(|it| Some((it.object_kind()?, it.sql.as_str(), true)));
    let mut texts: Vec<_> =
        others.chain(before).filter(|it| it.0 != ObjectKind::ShadowTable).collect();
    texts.sort_by_key(|it| it.0);
    let mut shadow = Shadow::empty().ok()?;
    for (_, text, is_required) in texts {
        let defined = shadow.define(text);
        // An index or trigger that another program put on a table of the phase has no place before it.
        if is_required {
            defined.ok()?;
        }
    }
    shadow.schema().ok()
}

/// Returns whether objects of two kinds cannot have one name: only triggers have names of their own.
fn clash(one: ObjectKind, other: ObjectKind) -> bool {
    (one == ObjectKind::Trigger) == (other == ObjectKind::Trigger)
}

/// Rebuilds the schema of a file as its phases left it, from its schema now and the texts that they left: what they
/// never changed counts as it is. `None` if SQLite does not take these texts together.
pub fn schema_left(now: &Schema, left: &[KeptObject]) -> Option<Schema> {
    let is_left = |object: &Object| {
        left.iter().any(|it| it.object_kind() == Some(object.kind) && same(&it.name, &object.name))
    };
    let others = now.objects.iter().filter(|object| !is_left(object));
    let texts = others.filter_map(|object| Some((object.kind, object.sql.as_deref()?)));
    let left = left.iter().filter_map(|it| Some((it.object_kind()?, it.sql.as_str())));
    schema_of(texts.chain(left).collect())
}

/// Makes a schema of texts, whatever their order.
fn schema_of(mut texts: Vec<(ObjectKind, &str)>) -> Option<Schema> {
    // What a virtual table keeps for itself comes with it.
    texts.retain(|(kind, _)| *kind != ObjectKind::ShadowTable);
    texts.sort_by_key(|(kind, _)| *kind);
    let mut shadow = Shadow::empty().ok()?;
    texts.into_iter().try_for_each(|(_, text)| shadow.define(text)).ok()?;
    shadow.schema().ok()
}

/// Applies a phase to a shadow without planning anything.
///
/// # Errors
/// [`ErrorKind::Step`](crate::ErrorKind::Step) if a step does not fit.
pub fn advance(shadow: &mut Shadow, phase: &Phase, tables: &VersionTables) -> Result<()> {
    for group in groups(&phase.up) {
        apply_group(shadow, phase, group)?;
    }
    if phase.allows_broken() || !shadow.missing().is_empty() {
        shadow.set_aside_unsound()?;
    }
    for statement in tables.missing_from(&shadow.schema()?) {
        shadow.define(&statement)?;
    }
    shadow.take_notices();
    Ok(())
}

/// Applies a phase to a shadow and returns the schema before each group of its steps, and after
/// the last one.
pub fn snapshots(shadow: &mut Shadow, phase: &Phase) -> Result<Vec<Schema>> {
    let mut schemas = vec![shadow.schema()?];
    for group in groups(&phase.up) {
        apply_group(shadow, phase, group)?;
        schemas.push(shadow.schema()?);
    }
    shadow.take_notices();
    Ok(schemas)
}

fn apply_group(shadow: &mut Shadow, phase: &Phase, group: &[Step]) -> Result<()> {
    let applied = match group {
        [Step { operation: Operation::Sql { sql, .. }, .. }] => shadow.apply_data(sql).map(drop),
        steps => shadow.apply(steps, phase.views),
    };
    let first = group.first().map_or(0, |step| step.line);
    applied.map_err(|error| {
        let line = error.facts().step_line.unwrap_or(first);
        error.in_phase(phase.id.as_str()).at(&phase.file, line)
    })
}

/// Cuts steps into groups: consecutive renames belong together, and so do consecutive new objects, so that a phase that
/// creates thousands is not read as often. Every other step stands alone.
pub fn groups(steps: &[Step]) -> Vec<&[Step]> {
    let mut groups = Vec::new();
    let mut rest = steps;
    while !rest.is_empty() {
        let renames = rest.iter().take_while(|step| is_rename(step)).count();
        let creations = rest.iter().take_while(|step| is_creation(step)).count();
        let (group, later) = rest.split_at(renames.max(creations).max(1));
        groups.push(group);
        rest = later;
    }
    groups
}

/// Returns whether a step makes a new object; dropping what several of them made takes no state between them.
fn is_creation(step: &Step) -> bool {
    matches!(step.operation, Operation::Create { if_not_exists: false, .. })
}

fn is_rename(step: &Step) -> bool {
    matches!(step.operation, Operation::RenameTable { .. } | Operation::RenameColumn { .. })
}
