//! The steps that change one table.

use crate::error::Result;
use crate::name::same;
use crate::phase::{LeftOut, Operation, Step, ViewPolicy};
use crate::schema::{Schema, same_meaning};
use crate::shadow::Shadow;
use crate::sql::{ColumnDefinition, ConstraintKind, CreateTable};

use super::DraftStep;

/// A table as it is and as it is wanted.
pub(super) struct Change<'a> {
    pub(super) have: &'a Schema,
    pub(super) table: &'a str,
    pub(super) old: &'a str,
    pub(super) new: &'a str,
}

/// The steps of a change, and the columns that go.
pub(super) struct Changed {
    pub(super) steps: Vec<DraftStep>,
    pub(super) drops: Vec<String>,
}

impl Change<'_> {
    /// Derives the steps: single columns if that is enough, else the whole definition.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(super) fn steps(&self) -> Result<Changed> {
        let (Ok(old), Ok(new)) = (CreateTable::read(self.old), CreateTable::read(self.new)) else {
            return Ok(Changed { steps: vec![self.whole()], drops: Vec::new() });
        };
        let (gone, come) = (missing(&old, &new), missing(&new, &old));
        let drops = gone.iter().map(|it| self.gone(it, &come)).collect();
        let dropped: Vec<DraftStep> = gone.iter().map(|it| self.drop(it, &come)).collect();
        let added = self.added(&new, &come);
        let single: Option<Vec<DraftStep>> =
            added.map(|added| dropped.iter().cloned().chain(added).collect());
        if let Some(steps) = single
            && self.reaches(&steps)?
        {
            return Ok(Changed { steps, drops });
        }
        let mut steps = dropped;
        steps.push(self.whole());
        Ok(Changed { steps, drops })
    }

    fn whole(&self) -> DraftStep {
        let operation = Operation::Rebuild {
            table: self.table.to_owned(),
            sql: self.new.to_owned(),
            values: Vec::new(),
            left_out: LeftOut::Refuse,
        };
        let note = "old rows that the new definition does not allow are counted before it runs";
        DraftStep { operation, notes: vec![note.to_owned()] }
    }

    fn drop(&self, column: &ColumnDefinition, come: &[&ColumnDefinition]) -> DraftStep {
        let (table, name) = (self.table.to_owned(), column.name.text.clone());
        let notes = self.heir(column, come).map(|heir| {
            format!(
                "was it renamed? Then write instead, and leave out the new column: \
                 op = \"rename_column\", table = {table:?}, from = {name:?}, to = {heir:?}"
            )
        });
        DraftStep {
            notes: notes.into_iter().collect(),
            operation: Operation::DropColumn { table, column: name },
        }
    }

    fn gone(&self, column: &ColumnDefinition, come: &[&ColumnDefinition]) -> String {
        let what = format!("column {}.{}", self.table, column.name.text);
        match self.heir(column, come) {
            Some(heir) => format!("{what} (renamed to {heir}?)"),
            None => what,
        }
    }

    /// The new column that is declared as this one was, if there is only one.
    fn heir(&self, column: &ColumnDefinition, come: &[&ColumnDefinition]) -> Option<String> {
        let rest =
            |text: &str, it: &ColumnDefinition| text[it.name.range.end..it.range.end].to_owned();
        let alike =
            come.iter().filter(|it| same_meaning(&rest(self.old, column), &rest(self.new, it)));
        match alike.collect::<Vec<_>>().as_slice() {
            [only] => Some(only.name.text.clone()),
            _ => None,
        }
    }

    /// One step for each new column; `None` if one comes before all others, where no step puts it.
    fn added(&self, new: &CreateTable, come: &[&ColumnDefinition]) -> Option<Vec<DraftStep>> {
        let is_new = |column: &ColumnDefinition| come.iter().any(|it| it.range == column.range);
        let mut steps = Vec::new();
        for (place, column) in new.columns.iter().enumerate().filter(|(_, it)| is_new(it)) {
            let before = place.checked_sub(1).map(|place| new.columns[place].name.text.clone())?;
            let last = new.columns[place..].iter().all(is_new);
            let needs_value =
                has(column, ConstraintKind::NotNull) && !has(column, ConstraintKind::Default);
            let note = "old rows need a value: value = \"an SQL expression over the old row\"";
            steps.push(DraftStep {
                notes: needs_value.then(|| note.to_owned()).into_iter().collect(),
                operation: Operation::AddColumn {
                    table: self.table.to_owned(),
                    column: self.new[column.range.clone()].to_owned(),
                    after: (!last).then_some(before),
                    value: None,
                },
            });
        }
        Some(steps)
    }

    /// Tells whether the steps alone give the wanted table.
    fn reaches(&self, steps: &[DraftStep]) -> Result<bool> {
        let mut shadow = Shadow::of(self.have)?;
        let steps: Vec<Step> =
            steps.iter().map(|it| Step { operation: it.operation.clone(), line: 0 }).collect();
        if shadow.apply(&steps, ViewPolicy::Keep).is_err() {
            return Ok(false);
        }
        let schema = shadow.schema()?;
        let text = schema.find_table(self.table).and_then(|object| object.sql.as_deref());
        Ok(text.is_some_and(|text| same_meaning(text, self.new)))
    }
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
