//! What the statements of a data step do to the schema, as facts, for the plan, the screens and the report.

use crate::name::same;
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::{Lineage, TableEffect};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    Created,
    /// It is dropped, and with a table its rows.
    Dropped,
    /// An index or trigger is dropped because its table is dropped, and nothing creates it again.
    DroppedWithTable,
    Renamed,
    /// A new table takes the name and the rows of the old one.
    Remade,
    Altered,
}

impl ChangeKind {
    /// Returns the word for the change of an object.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Dropped => "dropped",
            Self::DroppedWithTable => "dropped with its table",
            Self::Renamed => "renamed",
            Self::Remade => "recreated",
            Self::Altered => "changed",
        }
    }
}

/// What a data step does to one object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DataChange {
    pub change: ChangeKind,
    pub kind: ObjectKind,
    /// Its name after the step, or the last one it had.
    pub name: String,
    /// Its name before, where it is another one.
    pub before: Option<String>,
    /// The table that it belongs to, if it is an index or trigger.
    pub table: Option<String>,
}

impl std::fmt::Display for DataChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = (self.kind.word(), &self.name);
        let before = self.before.as_deref().unwrap_or(name);
        match (self.change, &self.table) {
            (ChangeKind::Created, _) => write!(formatter, "{kind} {name} created"),
            (ChangeKind::Dropped, _) if self.kind.is_table() => {
                write!(formatter, "{kind} {name} dropped with its rows")
            }
            (ChangeKind::DroppedWithTable, Some(table)) => {
                write!(formatter, "{kind} {name} dropped with table {table}, not created again")
            }
            (ChangeKind::Dropped | ChangeKind::DroppedWithTable, _) => {
                write!(formatter, "{kind} {name} dropped")
            }
            (ChangeKind::Renamed, _) => write!(formatter, "{kind} {before} renamed to {name}"),
            (ChangeKind::Remade, _) => {
                write!(formatter, "{kind} {name} recreated from the rows of {before}")
            }
            (ChangeKind::Altered, _) => write!(formatter, "{kind} {name} changed"),
        }
    }
}

impl DataChange {
    /// Says what the data step does, as the end of a sentence about it.
    pub fn deed(&self) -> String {
        let (kind, name) = (self.kind.word(), &self.name);
        let before = self.before.as_deref().unwrap_or(name);
        match (self.change, &self.table) {
            (ChangeKind::Created, _) => format!("creates {kind} {name}"),
            (ChangeKind::Dropped, _) if self.kind.is_table() => {
                format!("drops {kind} {name} with its rows")
            }
            (ChangeKind::DroppedWithTable, Some(table)) => {
                format!("drops {kind} {name} with table {table}, and does not create it again")
            }
            (ChangeKind::Dropped | ChangeKind::DroppedWithTable, _) => {
                format!("drops {kind} {name}")
            }
            (ChangeKind::Renamed, _) => format!("renames {kind} {before} to {name}"),
            (ChangeKind::Remade, _) if same(name, before) => {
                format!("recreates {kind} {name} from its rows")
            }
            (ChangeKind::Remade, _) => {
                format!("recreates {kind} {name} from the rows of {before}")
            }
            (ChangeKind::Altered, _) => format!("changes {kind} {name}"),
        }
    }
}

/// Lists what a data step does to the schema, tables first.
pub(super) fn data_changes(
    (before, after): (&Schema, &Schema),
    effects: &[TableEffect],
    lineage: &Lineage,
) -> Vec<DataChange> {
    let mut changes = tables(before, after, lineage);
    let dropped = |table: &str| {
        effects.iter().any(|it| matches!(it, TableEffect::Drop(name) if same(name, table)))
    };
    for kind in [ObjectKind::Index, ObjectKind::View, ObjectKind::Trigger] {
        let own_table = |it: &Object| (kind != ObjectKind::View).then(|| it.table.clone());
        for object in before.of_kind(kind) {
            let change = match after.find(kind, &object.name) {
                None if kind != ObjectKind::View && dropped(&object.table) => {
                    ChangeKind::DroppedWithTable
                }
                None => ChangeKind::Dropped,
                Some(now) if now.sql == object.sql => continue,
                Some(_) => ChangeKind::Altered,
            };
            let (name, table) = (object.name.clone(), own_table(object));
            changes.push(DataChange { change, kind, name, before: None, table });
        }
        let fresh = after.of_kind(kind).filter(|it| before.find(kind, &it.name).is_none());
        changes.extend(fresh.map(|object| DataChange {
            change: ChangeKind::Created,
            kind,
            name: object.name.clone(),
            before: None,
            table: own_table(object),
        }));
    }
    changes
}

fn tables(before: &Schema, after: &Schema, lineage: &Lineage) -> Vec<DataChange> {
    let counts = |it: &&Object| matches!(it.kind, ObjectKind::Table | ObjectKind::VirtualTable);
    let table = |change, object: &Object, before: Option<&str>| DataChange {
        change,
        kind: object.kind,
        name: object.name.clone(),
        before: before.map(ToOwned::to_owned),
        table: None,
    };
    let mut changes = Vec::new();
    for object in after.objects.iter().filter(counts) {
        let old = lineage.table(&object.name).map(|it| (it.remade, it.from.as_str()));
        let change = match old {
            None => table(ChangeKind::Created, object, None),
            Some((true, from)) => table(ChangeKind::Remade, object, Some(from)),
            Some((false, from)) if from != object.name => {
                table(ChangeKind::Renamed, object, Some(from))
            }
            Some((false, from)) => {
                let same_text = before.find_table(from).is_some_and(|it| it.sql == object.sql);
                if same_text {
                    continue;
                }
                table(ChangeKind::Altered, object, None)
            }
        };
        changes.push(change);
    }
    let gone = lineage.dropped(before);
    let gone = before
        .objects
        .iter()
        .filter(counts)
        .filter(|object| gone.iter().any(|it| same(&it.name, &object.name)));
    changes.extend(gone.map(|object| table(ChangeKind::Dropped, object, None)));
    changes
}
