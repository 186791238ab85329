//! Which statements of a section belong together: rebuilds by hand, and tables that exist only for a while. They
//! become one `sql` step, whose rows are followed from statement to statement.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::name::fold;
use crate::sql::{
    ObjectKind, SchemaCommand, find_passing_object, object_head, schema_command, statements,
    table_copy,
};

/// A statement of a section.
pub(super) struct SectionStatement<'t> {
    pub(super) text: &'t str,
    pub(super) range: Range<usize>,
    pub(super) command: Option<SchemaCommand>,
    /// The objects that come or go in the section, as far as it names them, folded.
    pub(super) names: BTreeSet<String>,
}

/// Finds the runs of statements that belong together, by their places, in order and apart from each other.
pub(super) fn spans(parts: &[SectionStatement<'_>]) -> Vec<Range<usize>> {
    let mut found = around_data(parts);
    found.extend(temporary(parts));
    let widened = found.into_iter().map(|span| with_dependents(parts, span));
    joined(widened.collect())
}

/// Returns whether statements leave the schema as it was: whatever they create is dropped again or temporary, and they
/// drop and alter nothing else.
pub fn keeps_schema(text: &str) -> bool {
    let mut made: BTreeMap<String, bool> = BTreeMap::new();
    for range in statements(text) {
        let statement = &text[range];
        let name = match schema_command(statement) {
            Some(SchemaCommand::Drop { name, .. }) => match made.remove(&fold(&name)) {
                Some(_) => continue,
                None => return false,
            },
            Some(SchemaCommand::Create { name, .. }) => name,
            Some(_) => return false,
            // CREATE TABLE ... AS SELECT, and temporary objects.
            None => match object_head(statement) {
                Ok(head) => head.name.text,
                Err(_) => continue,
            },
        };
        made.insert(fold(&name), find_passing_object(statement).is_some());
    }
    made.into_values().all(|is_temporary| is_temporary)
}

/// A name begins to stand for a table, or ceases to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpanChange {
    Comes,
    Goes,
}

/// Where names of tables come and go, in order.
fn changes(parts: &[SectionStatement<'_>]) -> BTreeMap<String, Vec<(usize, SpanChange)>> {
    let mut changes: BTreeMap<String, Vec<(usize, SpanChange)>> = BTreeMap::new();
    let mut add = |name: &str, place: usize, change: SpanChange| {
        changes.entry(fold(name)).or_default().push((place, change));
    };
    for (place, part) in parts.iter().enumerate() {
        match &part.command {
            Some(SchemaCommand::Create { kind: ObjectKind::Table, name, .. }) => {
                add(name, place, SpanChange::Comes);
            }
            Some(SchemaCommand::Drop { kind: ObjectKind::Table, name, .. }) => {
                add(name, place, SpanChange::Goes);
            }
            Some(SchemaCommand::RenameTable { from, to }) => {
                add(from, place, SpanChange::Goes);
                add(to, place, SpanChange::Comes);
            }
            None => {
                // CREATE TABLE ... AS SELECT
                if let Ok(head) = object_head(part.text) {
                    add(&head.name.text, place, SpanChange::Comes);
                }
            }
            Some(_) => {}
        }
    }
    changes
}

/// The spans around statements that read or write a table which the section creates and takes away again, or which
/// copy a table that goes afterwards into a new one.
fn around_data(parts: &[SectionStatement<'_>]) -> Vec<Range<usize>> {
    let changes = changes(parts);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (place, part) in parts.iter().enumerate().filter(|(_, it)| it.command.is_none()) {
        // Most data statements stand inside a span already, or name nothing that changes.
        if found.last().is_some_and(|it| it.contains(&place)) {
            continue;
        }
        let came = |name: &str| last(&changes, name, SpanChange::Comes, ..=place);
        let goes = |name: &str| first(&changes, name, SpanChange::Goes, place + 1);
        let mut span: Option<Range<usize>> = None;
        let mut widen = |start: usize, end: usize| {
            let (from, to) = span.clone().map_or((start, end), |it| (it.start, it.end - 1));
            span = Some(from.min(start)..to.max(end) + 1);
        };
        for name in part.names.iter().filter(|it| changes.contains_key(*it)) {
            if let (Some(start), Some(end)) = (came(name), goes(name)) {
                widen(start, end);
            }
        }
        if let Some(copy) = table_copy(part.text)
            && let (Some(start), Some(end)) = (came(&fold(&copy.to)), goes(&fold(&copy.from)))
        {
            widen(start, end);
        }
        found.extend(span);
    }
    found
}

fn last(
    changes: &BTreeMap<String, Vec<(usize, SpanChange)>>,
    name: &str,
    wanted: SpanChange,
    until: std::ops::RangeToInclusive<usize>,
) -> Option<usize> {
    let mut places = changes.get(name)?.iter().rev();
    places
        .find(|(place, change)| until.contains(place) && *change == wanted)
        .map(|(place, _)| *place)
}

fn first(
    changes: &BTreeMap<String, Vec<(usize, SpanChange)>>,
    name: &str,
    wanted: SpanChange,
    from: usize,
) -> Option<usize> {
    let mut places = changes.get(name)?.iter();
    places.find(|(place, change)| *place >= from && *change == wanted).map(|(place, _)| *place)
}

/// The spans of temporary objects: from their creation to their last use; a trigger is used until the end.
fn temporary(parts: &[SectionStatement<'_>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (place, part) in parts.iter().enumerate().filter(|(_, it)| it.command.is_none()) {
        let Some(head) = object_head(part.text).ok() else { continue };
        if find_passing_object(part.text).is_none() {
            continue;
        }
        let name = fold(&head.name.text);
        let end = match head.kind {
            ObjectKind::Trigger => parts.len(),
            _ => parts.iter().rposition(|it| it.names.contains(&name)).map_or(place, |it| it) + 1,
        };
        found.push(place..end.max(place + 1));
    }
    found
}

/// Adds what depends on the tables: dropped just before, created again just after.
fn with_dependents(parts: &[SectionStatement<'_>], span: Range<usize>) -> Range<usize> {
    let is_dependent = |kind: ObjectKind| {
        matches!(kind, ObjectKind::Index | ObjectKind::View | ObjectKind::Trigger)
    };
    let drops = |it: &SectionStatement<'_>| matches!(&it.command, Some(SchemaCommand::Drop { kind, .. }) if is_dependent(*kind));
    let creates = |it: &SectionStatement<'_>| matches!(&it.command, Some(SchemaCommand::Create { kind, .. }) if is_dependent(*kind));
    let before = parts[..span.start].iter().rev().take_while(|it| drops(it)).count();
    let after = parts[span.end..].iter().take_while(|it| creates(it)).count();
    span.start - before..span.end + after
}

/// Joins spans that overlap.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|it| (it.start, it.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}
