//! The steps that change one table.

use crate::compare::compare_schemas;
use crate::error::Result;
use crate::name::same;
use crate::phase::{LeftOut, Operation, Step, ViewPolicy};
use crate::schema::{ColumnOrder, ObjectKind, Schema, same_meaning};
use crate::shadow::{Shadow, removal};
use crate::sql::{ColumnDefinition, ConstraintKind, CreateTable};

use super::builder::Builder;
use super::pairing::TablePair;
use super::subject::Subject;
use super::{DraftStep, NeedsValue};

/// A table as it is and as it is wanted.
struct Change<'a> {
    /// The table with its indexes, as the steps so far make them.
    have: Schema,
    /// The table as it is wanted.
    want: Schema,
    table: &'a str,
    old: String,
    new: &'a str,
    /// Values for columns that are new or change: the column and an SQL expression.
    values: Vec<(String, String)>,
}

impl Builder<'_> {
    /// Changes the tables that are there under their desired names with another definition.
    pub(super) fn change_tables(&mut self) -> Result<()> {
        for object in self.differing(ObjectKind::Table)? {
            let schema = self.schema()?;
            let Some(old) = schema.find(ObjectKind::Table, &object.name) else { continue };
            let (Some(new), Some(text)) = (&object.sql, &old.sql) else { continue };
            let pair = self.pairing.wanted(&object.name);
            let values = self.values_of(&object.name, pair, text, new);
            let change = Change {
                have: only_table(&schema, &object.name),
                want: only_table(self.want, &object.name),
                table: &old.name,
                old: text.clone(),
                new,
                values,
            };
            for index in change.indexes_in_the_way(&schema, self.want) {
                self.push(removal(ObjectKind::Index, &index, false), Vec::new())?;
            }
            let steps = change.steps()?;
            self.note_needed_values(&change);
            for step in steps {
                self.push_all(vec![step])?;
            }
        }
        Ok(())
    }

    /// The values that a person gave for columns which are new in a table or change in it.
    fn values_of(
        &self,
        table: &str,
        pair: Option<&TablePair>,
        old: &str,
        new: &str,
    ) -> Vec<(String, String)> {
        let names = [Some(table), pair.map(|it| it.have.as_str())];
        let (Ok(old_table), Ok(new_table)) = (CreateTable::read(old), CreateTable::read(new))
        else {
            return Vec::new();
        };
        let given = self.answers.values.iter().filter_map(|(subject, value)| match subject {
            Subject::Column { table, column }
                if names.iter().flatten().any(|it| same(it, table)) =>
            {
                Some((column, value))
            }
            _ => None,
        });
        given
            .filter_map(|(column, value)| {
                let wanted = find(&new_table, column)?;
                let before = find(&old_table, column);
                let unchanged = before.is_some_and(|it| {
                    same_meaning(&old[it.range.clone()], &new[wanted.range.clone()])
                });
                (!unchanged).then(|| (wanted.name.text.clone(), value.clone()))
            })
            .collect()
    }

    fn note_needed_values(&mut self, change: &Change<'_>) {
        let needed = change.columns_without_value();
        self.draft.needs_values.extend(
            needed.into_iter().map(|column| NeedsValue { table: change.table.to_owned(), column }),
        );
    }
}

/// A schema that holds one table and its indexes.
fn only_table(schema: &Schema, table: &str) -> Schema {
    let mut only = schema.clone();
    only.objects.retain(|it| {
        same(&it.table, table) && matches!(it.kind, ObjectKind::Table | ObjectKind::Index)
    });
    only.internal.retain(|it| same(&it.table, table));
    only.tables.retain(|_, it| same(&it.name, table));
    only
}

fn find<'t>(table: &'t CreateTable, column: &str) -> Option<&'t ColumnDefinition> {
    table.columns.iter().find(|it| same(&it.name.text, column))
}

impl Change<'_> {
    /// Derives the steps: single columns if that is enough, else the whole definition.
    fn steps(&self) -> Result<Vec<DraftStep>> {
        let (Ok(old), Ok(new)) = (CreateTable::read(&self.old), CreateTable::read(self.new)) else {
            return Ok(vec![self.whole(LeftOut::Refuse)]);
        };
        let (gone, come) = (missing(&old, &new), missing(&new, &old));
        let dropped: Vec<DraftStep> = gone.iter().map(|it| self.drop(it)).collect();
        let changes_values = self.values.iter().any(|(it, _)| find(&old, it).is_some());
        let added = self.added(&new, &come).filter(|_| !changes_values);
        let single: Option<Vec<DraftStep>> =
            added.map(|added| dropped.iter().cloned().chain(added).collect());
        let mut ways: Vec<Vec<DraftStep>> = single.into_iter().collect();
        ways.push(dropped.into_iter().chain([self.whole(LeftOut::Refuse)]).collect());
        // A column that a constraint or the key is about cannot go before them.
        ways.push(vec![self.whole(LeftOut::Drop)]);
        for steps in &ways {
            if self.reaches(steps)? {
                return Ok(steps.clone());
            }
        }
        Ok(ways.swap_remove(ways.len() - 1))
    }

    fn whole(&self, left_out: LeftOut) -> DraftStep {
        let (table, sql) = (self.table.to_owned(), self.new.to_owned());
        let operation = Operation::Rebuild { table, sql, values: self.values.clone(), left_out };
        let note = "before it runs, rows that break the new definition are counted; if there are any, it is refused";
        DraftStep { operation, notes: vec![note.to_owned()] }
    }

    fn drop(&self, column: &ColumnDefinition) -> DraftStep {
        let (table, column) = (self.table.to_owned(), column.name.text.clone());
        DraftStep { operation: Operation::DropColumn { table, column }, notes: Vec::new() }
    }

    fn value_of(&self, column: &str) -> Option<String> {
        let given = self.values.iter().find(|(it, _)| same(it, column));
        given.map(|(_, value)| value.clone())
    }

    /// One step for each new column; `None` if one comes before all others, where no step puts it.
    fn added(&self, new: &CreateTable, come: &[&ColumnDefinition]) -> Option<Vec<DraftStep>> {
        let is_new = |column: &ColumnDefinition| come.iter().any(|it| it.range == column.range);
        let mut steps = Vec::new();
        for (place, column) in new.columns.iter().enumerate().filter(|(_, it)| is_new(it)) {
            let before = place.checked_sub(1).map(|place| new.columns[place].name.text.clone())?;
            let last = new.columns[place..].iter().all(is_new);
            let value = self.value_of(&column.name.text);
            let note = "old rows need a value: value = \"an SQL expression over the old row\"";
            let needs_value = needs_value(column) && value.is_none();
            steps.push(DraftStep {
                notes: needs_value.then(|| note.to_owned()).into_iter().collect(),
                operation: Operation::AddColumn {
                    table: self.table.to_owned(),
                    column: self.new[column.range.clone()].to_owned(),
                    after: (!last).then_some(before),
                    value,
                },
            });
        }
        Some(steps)
    }

    /// The new columns that refuse NULL and have neither a default nor a value.
    fn columns_without_value(&self) -> Vec<String> {
        let (Ok(old), Ok(new)) = (CreateTable::read(&self.old), CreateTable::read(self.new)) else {
            return Vec::new();
        };
        let needed = missing(&new, &old)
            .into_iter()
            .filter(|it| needs_value(it) && self.value_of(&it.name.text).is_none());
        needed.map(|it| it.name.text.clone()).collect()
    }

    /// The indexes that change or go and are about columns that go.
    fn indexes_in_the_way(&self, schema: &Schema, want: &Schema) -> Vec<String> {
        let (Ok(old), Ok(new)) = (CreateTable::read(&self.old), CreateTable::read(self.new)) else {
            return Vec::new();
        };
        let gone: Vec<&str> =
            missing(&old, &new).into_iter().map(|it| it.name.text.as_str()).collect();
        let indexes = schema.belonging(ObjectKind::Index, self.table);
        indexes
            .filter(|it| {
                let text = it.sql.as_deref().unwrap_or_default();
                let wanted = want.find(ObjectKind::Index, &it.name);
                wanted.is_none_or(|wanted| !super::alike::alike(it, wanted))
                    && gone.iter().any(|column| crate::sql::mentions(text, &[*column]))
            })
            .map(|it| it.name.clone())
            .collect()
    }

    /// Returns whether the steps alone give the wanted table.
    fn reaches(&self, steps: &[DraftStep]) -> Result<bool> {
        let mut shadow = Shadow::of(&self.have)?;
        let steps: Vec<Step> =
            steps.iter().map(|it| Step { operation: it.operation.clone(), line: 0 }).collect();
        if shadow.apply(&steps, ViewPolicy::Keep).is_err() {
            return Ok(false);
        }
        let schema = shadow.schema()?;
        let compared = compare_schemas(&self.want, &schema, ColumnOrder::Same);
        Ok(!compared.differing().any(|it| it.kind == ObjectKind::Table))
    }
}

fn needs_value(column: &ColumnDefinition) -> bool {
    let refuses_null = has(column, ConstraintKind::NotNull)
        && !has(column, ConstraintKind::Default)
        && !has(column, ConstraintKind::Generated);
    refuses_null && !has(column, ConstraintKind::PrimaryKey)
}

fn has(column: &ColumnDefinition, kind: ConstraintKind) -> bool {
    column.constraints.iter().any(|it| it.kind == kind)
}

/// The columns of one table that the other has not.
fn missing<'t>(table: &'t CreateTable, other: &CreateTable) -> Vec<&'t ColumnDefinition> {
    let known = |column: &ColumnDefinition| {
        other.columns.iter().any(|it| same(&it.name.text, &column.name.text))
    };
    table.columns.iter().filter(|it| !known(it)).collect()
}
