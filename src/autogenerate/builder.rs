//! Derives the steps of a draft one by one. Each is applied to a shadow at once, so that the next one is derived from
//! what SQLite has made of those before it.

use crate::compare::compare_schemas;
use crate::error::Result;
use crate::name::same;
use crate::phase::{Operation, Step, StepObject, ViewPolicy};
use crate::schema::{ColumnOrder, Object, ObjectKind, Schema};
use crate::shadow::{Shadow, creation, removal};

use super::alike::alike;
use super::answers::Answers;
use super::open_points::{goes_with_owner, new_indexes};
use super::pairing::{Pairing, TablePair};
use super::renamed_index::twin;
use super::{Draft, DraftStep};

/// Rows that wait in a table of their own while a virtual table is recreated.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) table: String,
    pub(super) scratch: String,
    /// The columns: in the old table and in the new one, as they are named in statements.
    pub(super) columns: Vec<(String, String)>,
}

/// When views, triggers and full-text tables go whose definitions change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// They stay while tables are renamed and changed, and are replaced afterwards.
    ReplaceLast,
    /// They go first and are created again last: nothing that reads a table is in the way of its change.
    DropFirst,
}

pub(super) struct Built {
    pub(super) draft: Draft,
    /// The schema that the steps make.
    pub(super) schema: Schema,
    /// Whether statements carry the rows of a table over, which have no derived downgrade.
    pub(super) moves_rows: bool,
}

pub(super) struct Builder<'a> {
    pub(super) have: &'a Schema,
    pub(super) want: &'a Schema,
    pub(super) pairing: &'a Pairing,
    pub(super) answers: &'a Answers,
    pub(super) draft: Draft,
    pub(super) waiting: Vec<Waiting>,
    shadow: Shadow,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        have: &'a Schema,
        want: &'a Schema,
        pairing: &'a Pairing,
        answers: &'a Answers,
    ) -> Result<Self> {
        let (draft, waiting, shadow) = (Draft::default(), Vec::new(), Shadow::of(have)?);
        Ok(Self { have, want, pairing, answers, draft, waiting, shadow })
    }

    pub(super) fn build(mut self, order: Order) -> Result<Built> {
        self.drop_gone(order)?;
        self.rename()?;
        let changed = self.changed_virtual_tables()?;
        for (object, pair) in &changed {
            self.drop_changed(object, pair)?;
        }
        self.create_missing(ObjectKind::Table)?;
        self.change_tables()?;
        let created = self.create_missing(ObjectKind::VirtualTable)?;
        let moves_rows = !self.waiting.is_empty();
        self.bring_rows_back()?;
        self.replace_indexes()?;
        self.replace_all(ObjectKind::View)?;
        self.replace_all(ObjectKind::Trigger)?;
        self.fill_indexes(&created, self.have)?;
        let schema = self.schema()?;
        Ok(Built { draft: self.draft, schema, moves_rows })
    }

    /// Returns the schema as the steps so far make it.
    pub(super) fn schema(&self) -> Result<Schema> {
        self.shadow.schema()
    }

    pub(super) fn push(&mut self, operation: Operation, notes: Vec<String>) -> Result<()> {
        self.push_all(vec![DraftStep { operation, notes }])
    }

    /// Adds steps that are applied as one: renames whose names are taken by each other.
    pub(super) fn push_all(&mut self, steps: Vec<DraftStep>) -> Result<()> {
        let operations: Vec<Step> =
            steps.iter().map(|it| Step { operation: it.operation.clone(), line: 0 }).collect();
        match operations.as_slice() {
            [Step { operation: Operation::Sql { sql, .. }, .. }] => {
                self.shadow.apply_data(sql)?;
            }
            steps => self.shadow.apply(steps, ViewPolicy::Keep)?,
        }
        self.draft.steps.extend(steps);
        Ok(())
    }

    /// Drops what the desired schema does not have, before anything else needs the names.
    fn drop_gone(&mut self, order: Order) -> Result<()> {
        for kind in [ObjectKind::Trigger, ObjectKind::View, ObjectKind::Index] {
            for object in self.have.of_kind(kind) {
                if goes_with_owner(object, self.have, self.want, self.pairing) {
                    continue;
                }
                let goes = match self.want.find(kind, &object.name) {
                    None => !(kind == ObjectKind::Index && self.has_twin(object)),
                    Some(other) => {
                        order == Order::DropFirst
                            && kind != ObjectKind::Index
                            && (!alike(object, other) || self.reads_virtual(object))
                    }
                };
                if goes && self.schema()?.find(kind, &object.name).is_some() {
                    self.push(drop_of(object), Vec::new())?;
                }
            }
        }
        let pairing = self.pairing;
        for table in pairing.virtual_tables.gone.iter().chain(&pairing.tables.gone) {
            let table = table.clone();
            self.push(removal(ObjectKind::Table, &table, false), Vec::new())?;
        }
        if order == Order::DropFirst {
            self.drop_full_text()?;
        }
        Ok(())
    }

    fn has_twin(&self, index: &Object) -> bool {
        twin(index, new_indexes(self.have, self.want), self.pairing).is_some()
    }

    /// Returns whether a view or trigger reads or writes a virtual table that changes.
    fn reads_virtual(&self, object: &Object) -> bool {
        let text = object.sql.as_deref().unwrap_or_default();
        let tables = self.have.of_kind(ObjectKind::VirtualTable);
        let mut changed = tables.filter(|it| self.virtual_change(it).is_some());
        changed.any(|it| crate::sql::mentions(text, &[it.name.as_str()]))
    }

    /// Drops the full-text tables over other tables whose text changes: they find these tables and their columns by
    /// name, and are filled again.
    fn drop_full_text(&mut self) -> Result<()> {
        let changed: Vec<(Object, TablePair)> = self
            .have
            .of_kind(ObjectKind::VirtualTable)
            .filter_map(|it| Some((it.clone(), self.virtual_change(it)?.clone())))
            .collect();
        for (object, pair) in changed {
            let is_filled_elsewhere = object
                .sql
                .as_deref()
                .and_then(crate::schema::VirtualTable::read)
                .is_some_and(|it| it.content != crate::schema::Content::Own);
            if is_filled_elsewhere {
                self.drop_changed(&object, &pair)?;
            }
        }
        Ok(())
    }

    /// The pair of a virtual table of the present schema, if its definition changes.
    fn virtual_change(&self, object: &Object) -> Option<&TablePair> {
        let pair = self.pairing.present(&object.name)?;
        let other = self.want.find(ObjectKind::VirtualTable, &pair.want)?;
        (!alike(object, other)).then_some(pair)
    }

    fn rename(&mut self) -> Result<()> {
        let schema = self.schema()?;
        let (tables, virtual_tables) = (&self.pairing.tables, &self.pairing.virtual_tables);
        let tables: Vec<DraftStep> = tables
            .renamed
            .iter()
            .chain(&virtual_tables.renamed)
            .filter(|(from, _)| schema.find_table(from).is_some())
            .map(|(from, to)| Operation::RenameTable { from: from.clone(), to: to.clone() })
            .map(|operation| DraftStep { operation, notes: Vec::new() })
            .collect();
        let columns: Vec<DraftStep> = self
            .pairing
            .pairs
            .iter()
            .filter(|it| self.have.find(ObjectKind::Table, &it.have).is_some())
            .flat_map(|pair| {
                let table = &pair.want;
                pair.columns.renamed.iter().map(|(from, to)| Operation::RenameColumn {
                    table: table.clone(),
                    from: from.clone(),
                    to: to.clone(),
                })
            })
            .map(|operation| DraftStep { operation, notes: Vec::new() })
            .collect();
        let steps: Vec<DraftStep> = tables.into_iter().chain(columns).collect();
        if steps.is_empty() { Ok(()) } else { self.push_all(steps) }
    }

    /// The wanted objects of one kind that are missing now, or are there with another definition.
    pub(super) fn differing(&self, kind: ObjectKind) -> Result<Vec<&'a Object>> {
        let compared = compare_schemas(self.want, &self.schema()?, ColumnOrder::Same);
        let differing = compared.differing().filter(|it| it.kind == kind);
        Ok(differing.filter_map(|it| self.want.find(kind, &it.name)).collect())
    }

    /// The virtual tables that are there under their desired names, with another definition.
    fn changed_virtual_tables(&self) -> Result<Vec<(Object, TablePair)>> {
        let schema = self.schema()?;
        let differing = self.differing(ObjectKind::VirtualTable)?;
        let changed = differing.into_iter().filter_map(|wanted| {
            let object = schema.find(ObjectKind::VirtualTable, &wanted.name)?;
            let pair = self.pairing.wanted(&wanted.name)?;
            Some((object.clone(), pair.clone()))
        });
        Ok(changed.collect())
    }

    /// Creates the objects of one kind that are missing; returns their names.
    fn create_missing(&mut self, kind: ObjectKind) -> Result<Vec<String>> {
        let schema = self.schema()?;
        let mut created = Vec::new();
        for object in self.want.of_kind(kind) {
            if schema.find(kind, &object.name).is_none() {
                self.create(object)?;
                created.push(object.name.clone());
            }
        }
        Ok(created)
    }

    /// Gives indexes their new names and definitions.
    fn replace_indexes(&mut self) -> Result<()> {
        for old in self.have.of_kind(ObjectKind::Index) {
            if self.want.find(ObjectKind::Index, &old.name).is_some() {
                continue;
            }
            let new = twin(old, new_indexes(self.have, self.want), self.pairing);
            let Some(new) = new else { continue };
            if !self.shadow.has(ObjectKind::Index, &old.name)? {
                continue;
            }
            let operation = match self.shadow.has(ObjectKind::Index, &new.name)? {
                // Another index of the same definition has taken the name.
                true => drop_of(old),
                false => Operation::RenameIndex { from: old.name.clone(), to: new.name.clone() },
            };
            self.push(operation, Vec::new())?;
        }
        self.replace_all(ObjectKind::Index)
    }

    /// Creates what is missing of one kind, and replaces what differs.
    fn replace_all(&mut self, kind: ObjectKind) -> Result<()> {
        for object in self.differing(kind)? {
            match self.shadow.has(kind, &object.name)? {
                true => self.replace(object)?,
                false => self.create(object)?,
            }
        }
        Ok(())
    }

    fn create(&mut self, object: &Object) -> Result<()> {
        let operation = object.sql.as_deref().and_then(|sql| creation(object.kind, sql));
        operation.map_or(Ok(()), |operation| self.push(operation, Vec::new()))
    }

    fn replace(&mut self, object: &Object) -> Result<()> {
        let Some(sql) = object.sql.clone() else { return Ok(()) };
        match object.kind {
            ObjectKind::View => self.push(Operation::ReplaceView { sql }, Vec::new()),
            ObjectKind::Trigger => self.push(Operation::ReplaceTrigger { sql }, Vec::new()),
            ObjectKind::Index => {
                self.push(drop_of(object), Vec::new())?;
                self.create(object)
            }
            ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => Ok(()),
        }
    }

    /// Adds a remark to the step that creates a virtual table.
    pub(super) fn note_creation(&mut self, table: &str, note: String) {
        let creates = |it: &&mut DraftStep| {
            matches!(&it.operation, Operation::Create { kind: StepObject::Table, sql, .. }
                if crate::schema::VirtualTable::read(sql).is_some_and(|it| same(&it.name, table)))
        };
        if let Some(step) = self.draft.steps.iter_mut().find(creates) {
            step.notes.push(note);
        }
    }
}

fn drop_of(object: &Object) -> Operation {
    removal(object.kind, &object.name, false)
}
