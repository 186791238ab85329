//! The schema that is expected: that from before, with the renames of the map applied by SQLite itself.

use super::map::ChangeMap;
use crate::error::Result;
use crate::phase::{Operation, Step, ViewPolicy};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::Shadow;

/// The schema before, by the names that are expected now.
pub(super) struct Expected {
    /// With views that hand out what they did before.
    pub(super) kept: Schema,
    /// With views that follow the renames, as SQLite's own RENAME makes them.
    pub(super) followed: Schema,
}

impl Expected {
    /// Applies the renames of a map.
    pub(super) fn of(schema: &Schema, map: &ChangeMap) -> Result<Self> {
        let steps = steps(map);
        if steps.is_empty() {
            return Ok(Self { kept: schema.clone(), followed: schema.clone() });
        }
        let renamed = |schema: &Schema, views| -> Result<Schema> {
            let mut shadow = Shadow::of(schema)?;
            shadow.apply(&steps, views)?;
            shadow.schema()
        };
        let kept = renamed(schema, ViewPolicy::Keep);
        let followed = renamed(schema, ViewPolicy::Follow);
        if let (Ok(kept), Ok(followed)) = (kept, followed) {
            return Ok(Self { kept, followed });
        }
        // A view or trigger stands in the way of the rename. What another tool made of it is for a person to say.
        let waits = |object: &Object| matches!(object.kind, ObjectKind::View | ObjectKind::Trigger);
        let (waiting, rest): (Vec<_>, Vec<_>) = schema.objects.iter().cloned().partition(waits);
        let rest = Schema { objects: rest.into(), ..schema.clone() };
        let mut kept = renamed(&rest, ViewPolicy::Keep)?;
        kept.objects.extend(waiting);
        Ok(Self { followed: kept.clone(), kept })
    }
}

/// The renames as steps; the columns come first, because the map names their tables as they were.
fn steps(map: &ChangeMap) -> Vec<Step> {
    let columns = map.columns.iter().map(|((table, from), to)| Operation::RenameColumn {
        table: table.clone(),
        from: from.clone(),
        to: to.clone(),
    });
    let tables = map
        .tables
        .iter()
        .map(|(from, to)| Operation::RenameTable { from: from.clone(), to: to.clone() });
    let indexes = map
        .indexes
        .iter()
        .map(|(from, to)| Operation::RenameIndex { from: from.clone(), to: to.clone() });
    let all = columns.chain(tables).chain(indexes);
    all.map(|operation| Step { operation, line: 0 }).collect()
}
