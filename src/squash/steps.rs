//! The steps of a squash.
//!
//! A squash that begins at a base creates every object once, in dependency order, and inserts the rows that a new file
//! gets. One that stands on other phases meets files with rows: it keeps all steps of its phases, in order.

use crate::error::Result;
use crate::migrate::{FreshFile, Project};
use crate::name::same;
use crate::phase::{Downgrade, Operation, Phase, Step};
use crate::schema::{Object, ObjectKind, Schema, VirtualTable};
use crate::shadow::{creation, removal};
use crate::text::list;

use super::order::{self, FirstMade};
use super::range::SquashRange;
use super::seeds::{Seed, counters, seed};

/// The steps of a squash, and what they hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    /// The steps up to the first data step of the rows.
    pub(super) up: Vec<Step>,
    pub(super) down: Option<Downgrade>,
    /// The rows, by table.
    pub(super) seeds: Vec<Seed>,
}

fn step(operation: Operation) -> Step {
    Step { operation, line: 0 }
}

fn data(seeds: &[Seed]) -> Option<Step> {
    let sql: String = seeds.iter().map(|it| it.sql.as_str()).collect();
    (!sql.is_empty()).then(|| step(Operation::Sql { sql, file: None }))
}

fn create(object: &Object) -> Option<Step> {
    creation(object.kind, object.sql.as_deref()?).map(step)
}

/// Creates what a new file holds at the end of the range: tables by their foreign keys, rows, indexes, views in
/// layers, triggers.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for rows that cannot be written; whatever SQLite reports.
pub(super) fn from_nothing(
    project: &Project,
    range: &SquashRange,
    file: &FreshFile<'_>,
) -> Result<Steps> {
    let made = FirstMade::of(project, range)?;
    let (schema, connection) = (&file.schema, file.database.connection());
    let tables = order::tables(schema, &made);
    let views = order::views(schema, &made)?;
    let (mut seeds, mut late) = (Vec::new(), Vec::new());
    for object in &tables {
        let Some(seed) = seed(connection, schema, object)? else { continue };
        let index = object.sql.as_deref().and_then(VirtualTable::read);
        let reads_a_view = index.is_some_and(|it| order::reads_a_view(schema, &it));
        if reads_a_view { late.push(seed) } else { seeds.push(seed) }
    }
    seeds.extend(counters(connection, schema)?);
    let mut up: Vec<Step> = tables.iter().filter_map(|it| create(it)).collect();
    up.extend(data(&seeds));
    up.extend(order::indexes(schema, &made).into_iter().filter_map(create));
    up.extend(views.iter().filter_map(|it| create(it)));
    up.extend(data(&late));
    up.extend(order::triggers(schema).into_iter().filter_map(create));
    seeds.extend(late);
    // Statements have no inverse, so the downgrade is written where there are rows.
    let down = (!seeds.is_empty()).then(|| Downgrade::Steps(drops(schema, &tables, &views)));
    Ok(Steps { up, down, seeds })
}

/// Drops views and tables, the last one first; indexes and triggers go with them.
fn drops(schema: &Schema, tables: &[&Object], views: &[&Object]) -> Vec<Step> {
    let on_tables = |object: &&Object| tables.iter().any(|it| same(&it.name, &object.table));
    // The trigger of a table may write to another one.
    let triggers = schema.of_kind(ObjectKind::Trigger).filter(on_tables);
    let all = triggers.chain(views.iter().rev().copied()).chain(tables.iter().rev().copied());
    all.map(|it| step(removal(it.kind, &it.name, false))).collect()
}

/// Keeps all steps of the phases, in order.
pub(super) fn in_order(project: &Project, range: &SquashRange) -> Steps {
    let phases: Vec<&Phase> = range.phases(&project.chain).collect();
    let up = phases.iter().flat_map(|phase| phase.up.iter().cloned()).collect();
    let derived = phases.iter().all(|phase| phase.down == Downgrade::Derived);
    let written = phases.iter().all(|phase| {
        matches!(phase.down, Downgrade::Steps(_))
            || (phase.up.is_empty() && phase.down == Downgrade::Derived)
    });
    let down = if derived {
        None
    } else if written {
        let steps = phases.iter().rev().filter_map(|phase| match &phase.down {
            Downgrade::Steps(steps) => Some(steps.iter().cloned()),
            Downgrade::Derived | Downgrade::Irreversible(_) => None,
        });
        Some(Downgrade::Steps(steps.flatten().collect()))
    } else {
        let by_hand = phases.iter().filter(|phase| matches!(phase.down, Downgrade::Steps(_)));
        let why = format!(
            "the downgrade of {} was written by hand, and that of other phases was derived",
            list(by_hand.map(|phase| &phase.id))
        );
        Some(Downgrade::Irreversible(why))
    };
    Steps { up, down, seeds: Vec::new() }
}

/// The reason why a squash cannot be undone, if one of its phases cannot.
pub(super) fn irreversible(project: &Project, range: &SquashRange) -> Option<Downgrade> {
    range.phases(&project.chain).find_map(|phase| match &phase.down {
        Downgrade::Irreversible(why) => {
            Some(Downgrade::Irreversible(format!("{}: {why}", phase.id)))
        }
        Downgrade::Derived | Downgrade::Steps(_) => None,
    })
}
