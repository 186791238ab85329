//! Whether rows meet rules that a look at the file cannot hold against them.

use std::collections::BTreeSet;

use super::rows::is_unique;
use crate::name::{fold, same};
use crate::plan::{Plan, Rebuild, RebuildReason, SchemaChange, Stage};
use crate::schema::{ColumnStorage, ForeignKey, Object, ObjectKind, Schema, Table};
use crate::shadow::ColumnOrigin;
use crate::sql::{ConstraintKind, CreateTable, index_keys, unquote};

/// Returns whether rows decide in the run itself whether it can be carried out: statements write them, their table or
/// a parent is changed a second time, keys are compared in another way, or a new index computes its keys.
pub fn decided_by_rows(plan: &Plan) -> bool {
    let mut touched = BTreeSet::new();
    plan.phases.iter().any(|phase| {
        let mut before: &Schema = &phase.before;
        phase.stages.iter().any(|stage| match stage {
            Stage::Data(_) => true,
            Stage::SchemaChange(schema_change) => {
                let unseen = Unseen { before, schema_change, touched: &touched }.any();
                let rebuilt =
                    schema_change.rebuilds.iter().flat_map(|it| [fold(&it.from), fold(&it.to)]);
                touched
                    .extend(rebuilt.chain(schema_change.created.iter().map(|it| fold(&it.name))));
                before = &schema_change.after;
                unseen
            }
        })
    })
}

/// One change of the schema, and the tables, folded, that earlier ones touched.
struct Unseen<'a> {
    before: &'a Schema,
    schema_change: &'a SchemaChange,
    touched: &'a BTreeSet<String>,
}

impl Unseen<'_> {
    fn any(&self) -> bool {
        let rebuilds = &mut self.schema_change.rebuilds.iter();
        rebuilds.any(|it| {
            self.rows_change_again(it) || self.keys_are_new(it) || self.definition_changes_again(it)
        }) || self.schema_change.restored.iter().any(|it| self.is_held_against_new_rows(it))
            || self
                .schema_change
                .after
                .tables
                .values()
                .any(|child| child.foreign_keys.iter().any(|key| self.compares_otherwise(key)))
    }

    fn is_touched(&self, table: &str) -> bool {
        self.touched.contains(&fold(table))
    }

    /// Values of STORED generated columns must come out of the new definition as they were.
    fn rows_change_again(&self, rebuild: &Rebuild) -> bool {
        let stores_computed =
            |table: &Table| table.columns.iter().any(|it| it.storage == ColumnStorage::Generated);
        rebuild.rewrites()
            && (self.is_touched(&rebuild.from)
                || rebuild.copy.asks_any(self.touched)
                || stores_computed(&rebuild.shape))
    }

    fn is_held_against_new_rows(&self, object: &Object) -> bool {
        object.kind == ObjectKind::Index
            && (is_unique(object) && self.is_touched(&object.table)
                || self.computes_new_keys(object))
    }

    /// A function may refuse values of rows, such as a text that is no JSON.
    fn computes_new_keys(&self, index: &Object) -> bool {
        let sql = index.sql.as_deref().unwrap_or_default();
        let is_as_before = self.before.of_kind(ObjectKind::Index).any(|it| it.sql == index.sql);
        let keys = index_keys(sql, &|name| name.to_owned()).unwrap_or_default();
        let computes = |it: &String| matches!(it.as_str(), "(" | "->" | "->>");
        !is_as_before && keys.iter().skip(1).any(computes)
    }

    /// A key to a table that was touched is not held against the rows of the file.
    fn keys_are_new(&self, rebuild: &Rebuild) -> bool {
        let keys = |schema: &Schema, table: &str| {
            schema.shape(table).map_or(0, |table| table.foreign_keys.len())
        };
        let now = self.schema_change.after.shape(&rebuild.to);
        let to_touched = now
            .is_some_and(|table| table.foreign_keys.iter().any(|key| self.is_touched(&key.parent)));
        let more = keys(&self.schema_change.after, &rebuild.to) > keys(self.before, &rebuild.from);
        to_touched && more
    }

    /// Rows that an earlier change rebuilt meet another definition than the one that they were held against.
    fn definition_changes_again(&self, rebuild: &Rebuild) -> bool {
        self.is_touched(&rebuild.from) && !rebuild.reasons.iter().all(RebuildReason::is_rename)
    }

    /// Keys are compared with the collations of the parent (<https://sqlite.org/foreignkeys.html#fk_indexes>).
    fn compares_otherwise(&self, key: &ForeignKey) -> bool {
        let rebuild = self.schema_change.rebuilds.iter().find(|it| same(&it.to, &key.parent));
        let Some(rebuild) = rebuild else { return false };
        let Some(lineage) = self.schema_change.lineage.table(&rebuild.to) else { return false };
        let Some(parent) = self.schema_change.after.shape(&rebuild.to) else { return false };
        let named = key.columns_in(parent);
        let old = self.before.find_table(&rebuild.from).and_then(|it| it.sql.as_deref());
        old.is_some_and(|old| {
            named.iter().filter_map(|name| lineage.column(name)).any(|column| {
                match &column.origin {
                    ColumnOrigin::Kept(from) => {
                        collation(old, from) != collation(&rebuild.sql, &column.name)
                    }
                    ColumnOrigin::Computed | ColumnOrigin::New => false,
                }
            })
        })
    }
}

/// The collation that a table's text gives a column, folded.
fn collation(text: &str, column: &str) -> Option<String> {
    let table = CreateTable::read(text).ok()?;
    let operand = table.column(column)?.constraint(ConstraintKind::Collate)?.operand.clone()?;
    Some(fold(&unquote(text.get(operand)?)))
}
