//! The order in which objects are made: each after what it stands on; otherwise as the chain first made them.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::inspect::view_layers;
use crate::migrate::Project;
use crate::name::{fold, same};
use crate::schema::{Content, Object, ObjectKind, Schema, VirtualTable};

use super::range::SquashRange;

/// In which order the chain first made objects of these names.
#[derive(Debug, Default)]
pub(super) struct FirstMade(HashMap<(ObjectKind, String), usize>);

impl FirstMade {
    /// Replays the phases of a range that begins at a base, and notes what each of them makes.
    pub(super) fn of(project: &Project, range: &SquashRange) -> Result<Self> {
        let replay = project.replay();
        let mut shadow = replay.empty()?;
        let mut made = Self::default();
        for phase in range.phases(&project.chain) {
            replay.apply(&mut shadow, phase)?;
            for object in &shadow.schema()?.objects {
                let next = made.0.len();
                made.0.entry(key(object)).or_insert(next);
            }
        }
        Ok(made)
    }

    fn rank(&self, object: &Object) -> usize {
        self.0.get(&key(object)).copied().unwrap_or(usize::MAX)
    }
}

fn key(object: &Object) -> (ObjectKind, String) {
    (object.kind, fold(&object.name))
}

/// Returns the tables, each after the tables that its foreign keys name; in a circle, the one that the chain made
/// first comes first. Virtual tables come last.
pub(super) fn tables<'s>(schema: &'s Schema, made: &FirstMade) -> Vec<&'s Object> {
    let mut waiting: Vec<&Object> = schema.of_kind(ObjectKind::Table).collect();
    waiting.sort_by_key(|it| made.rank(it));
    let mut ordered: Vec<&Object> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let waits = |object: &Object| {
            let keys = schema.shape(&object.name).map(|it| it.foreign_keys.as_slice());
            keys.unwrap_or_default().iter().any(|key| {
                let parent = |it: &&&Object| same(&it.name, &key.parent) && it.name != object.name;
                waiting.iter().any(|it| parent(&it))
            })
        };
        let next = waiting.iter().position(|object| !waits(object)).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    let mut modules: Vec<&Object> = schema.of_kind(ObjectKind::VirtualTable).collect();
    modules.sort_by_key(|it| made.rank(it));
    ordered.extend(modules);
    ordered
}

/// Returns the views in layers: each after the views that it reads.
pub(super) fn views<'s>(schema: &'s Schema, made: &FirstMade) -> Result<Vec<&'s Object>> {
    let layers: BTreeMap<String, usize> = view_layers(schema)?;
    let layer = |it: &Object| layers.get(&fold(&it.name)).copied().unwrap_or(usize::MAX);
    let mut views: Vec<&Object> = schema.of_kind(ObjectKind::View).collect();
    views.sort_by_key(|it| (layer(it), made.rank(it)));
    Ok(views)
}

/// Returns the indexes as the chain made them.
pub(super) fn indexes<'s>(schema: &'s Schema, made: &FirstMade) -> Vec<&'s Object> {
    let mut indexes: Vec<&Object> =
        schema.of_kind(ObjectKind::Index).filter(|it| it.sql.is_some()).collect();
    indexes.retain(|it| schema.find(ObjectKind::ShadowTable, &it.table).is_none());
    indexes.sort_by_key(|it| made.rank(it));
    indexes
}

/// Returns the triggers in the order in which the file stores them: SQLite fires them by it.
pub(super) fn triggers(schema: &Schema) -> Vec<&Object> {
    schema.of_kind(ObjectKind::Trigger).collect()
}

/// Returns whether a virtual table has its rows from a view.
pub(super) fn reads_a_view(schema: &Schema, table: &VirtualTable) -> bool {
    match &table.content {
        Content::External(name) => schema.find(ObjectKind::View, name).is_some(),
        Content::Own | Content::Contentless => false,
    }
}
