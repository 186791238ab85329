//! The changes of a phase: what each does to the model, and the steps of the phase file that say so.

use super::model::{
    Clause, Column, Id, Index, Owner, Piece, Rule, Schema, Source, Table, Template, Trigger, View,
};
use super::toml::Step;

/// What happens to a column's definition.
#[derive(Debug, Clone, Default)]
pub struct Alteration {
    pub type_name: Option<String>,
    pub not_null: Option<bool>,
    /// The new default, or none.
    pub default: Option<Option<String>>,
    pub collate: Option<String>,
    pub value: Option<Template>,
}

/// One change, by ids, so that it still means the same when changes before it are left out.
#[derive(Debug, Clone)]
pub enum Change {
    RenameTables(Vec<(Id, String)>),
    RenameColumns(Id, Vec<(Id, String)>),
    AddColumn { table: Id, column: Column, after: Option<Id>, value: Option<Template> },
    DropColumn(Id),
    AlterColumn(Id, Alteration),
    AddConstraint(Id, Clause),
    DropConstraint { clause: Id, by_name: bool },
    CreateIndex(Index),
    DropIndex(Id),
    RenameIndex(Id, String),
    CreateView(View),
    DropView(String),
    ReplaceView(View),
    CreateTrigger(Trigger),
    DropTrigger(String),
    ReplaceTrigger(Trigger),
    CreateTable(Table),
    DropTable(Id),
    Rebuild { table: Table, values: Vec<(Id, Template)> },
    Sql { table: Id, statements: Vec<Template> },
}

/// A model under change.
#[derive(Debug, Clone)]
pub struct Progress {
    pub before: Schema,
    pub now: Schema,
    pub steps: Vec<Step>,
    /// How many steps there are after each change.
    pub marks: Vec<usize>,
    /// The data steps, in the names before.
    pub data: Vec<String>,
}

impl Progress {
    /// Begins with a schema.
    pub fn new(before: Schema) -> Self {
        Self { now: before.clone(), before, steps: Vec::new(), marks: Vec::new(), data: Vec::new() }
    }

    /// Applies a change; `None` if it does not fit.
    pub fn apply(&mut self, change: &Change) -> Option<()> {
        let mut next = self.clone();
        next.make(change)?;
        next.marks.push(next.steps.len());
        *self = next;
        Some(())
    }

    fn make(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::RenameTables(renames) => self.rename_tables(renames),
            Change::RenameColumns(table, renames) => self.rename_columns(*table, renames),
            Change::AddColumn { table, column, after, value } => {
                self.add_column(*table, column, (*after, value.as_ref()))
            }
            Change::DropColumn(column) => self.drop_column(*column),
            Change::AlterColumn(column, alteration) => self.alter_column(*column, alteration),
            Change::AddConstraint(table, clause) => self.add_constraint(*table, clause),
            Change::DropConstraint { clause, by_name } => self.drop_constraint(*clause, *by_name),
            Change::CreateIndex(_) | Change::DropIndex(_) | Change::RenameIndex(..) => {
                self.change_index(change)
            }
            Change::CreateView(_) | Change::DropView(_) | Change::ReplaceView(_) => {
                self.change_view(change)
            }
            Change::CreateTrigger(_) | Change::DropTrigger(_) | Change::ReplaceTrigger(_) => {
                self.change_trigger(change)
            }
            Change::CreateTable(table) => {
                self.now.tables.push(table.clone());
                let sql = self.now.write_table(table)?;
                self.step(Step::new("create_table").key("sql", &sql))
            }
            Change::DropTable(table) => self.drop_table(*table),
            Change::Rebuild { table, values } => self.rebuild(table, values),
            Change::Sql { table, statements } => self.data(*table, statements),
        }
    }

    /// Ends a phase, or what is rebuilt at once in one: values are stored under the types of now, and what
    /// comes later finds them as they were stored.
    pub fn store(&mut self) {
        for table in &mut self.now.tables {
            for column in &mut table.columns {
                let any = table.strict && column.type_name.eq_ignore_ascii_case("ANY");
                let type_name = if any { String::new() } else { column.type_name.clone() };
                let is_new = matches!(column.source, Source::Default | Source::Value(_));
                if is_new && column.through.last() != Some(&type_name) {
                    column.through.push(type_name);
                }
            }
        }
    }

    fn step(&mut self, step: Step) -> Option<()> {
        self.steps.push(step);
        Some(())
    }

    fn rename_tables(&mut self, renames: &[(Id, String)]) -> Option<()> {
        for (id, to) in renames {
            let from = &self.now.table(*id)?.name;
            let step = Step::new("rename_table").key("from", from).key("to", to);
            self.steps.push(step);
        }
        for (id, to) in renames {
            let table = self.now.table_mut(*id)?;
            table.name.clone_from(to);
            table.born.clear();
        }
        Some(())
    }

    fn rename_columns(&mut self, table: Id, renames: &[(Id, String)]) -> Option<()> {
        let name = self.now.table(table)?.name.clone();
        for (id, to) in renames {
            let from = &self.now.column(*id)?.name;
            let step = Step::new("rename_column").key("table", &name).key("from", from);
            self.steps.push(step.key("to", to));
        }
        for (id, to) in renames {
            let column = self.now.column_mut(*id)?;
            column.name.clone_from(to);
            column.born.clear();
        }
        Some(())
    }

    /// Where computed values come from: the row before, if it still can be read there.
    fn source(&self, value: &[Piece]) -> Source {
        let kept = value.iter().all(|piece| match piece {
            Piece::Column(id, _) => self
                .now
                .column(*id)
                .is_some_and(|it| it.source == Source::Kept && !it.has(Rule::Generated)),
            _ => true,
        });
        let sql = if kept { self.before.write(value) } else { None };
        sql.map_or(Source::Unknown, Source::Value)
    }

    fn add_column(
        &mut self,
        table: Id,
        column: &Column,
        place: (Option<Id>, Option<&Template>),
    ) -> Option<()> {
        let (after, value) = place;
        let owner = self.now.table(table)?;
        let text = self.now.write_column(column)?;
        let mut step = Step::new("add_column").key("table", &owner.name).key("column", &text);
        let mut index = owner.columns.len();
        if let Some(after) = after {
            index = owner.columns.iter().position(|it| it.id == after)? + 1;
            step = step.key("after", &self.now.column(after)?.name);
        }
        let mut column = column.clone();
        column.source = new_source(&column);
        if let Some(value) = value {
            step = step.key("value", &self.now.write(value)?);
            column.source = self.source(value);
        }
        let owner = self.now.table_mut(table)?;
        owner.columns.insert(index, column);
        owner.edited = true;
        self.step(step)
    }

    fn drop_column(&mut self, column: Id) -> Option<()> {
        let table = self.now.table_of(column)?;
        if table.columns.len() == 1 {
            return None;
        }
        let name = self.now.column(column)?.name.clone();
        let step = Step::new("drop_column").key("table", &table.name).key("column", &name);
        let id = table.id;
        self.now.bury(&Piece::Column(column, super::names::Style::PLAIN));
        let owner = self.now.table_mut(id)?;
        owner.columns.retain(|it| it.id != column);
        owner.edited = true;
        self.step(step)
    }

    fn alter_column(&mut self, column: Id, alteration: &Alteration) -> Option<()> {
        let table = self.now.table_of(column)?;
        let id = table.id;
        let step = Step::new("alter_column").key("table", &table.name);
        let mut step = step.key("column", &self.now.column(column)?.name);
        if let Some(type_name) = &alteration.type_name {
            step = step.key("type", type_name);
        }
        if let Some(not_null) = alteration.not_null {
            step = step.switch("not_null", not_null);
        }
        if let Some(default) = &alteration.default {
            step = step.key("default", default.as_deref().unwrap_or("none"));
        }
        if let Some(collate) = &alteration.collate {
            step = step.key("collate", collate);
        }
        let mut source = None;
        if let Some(value) = &alteration.value {
            step = step.key("value", &self.now.write(value)?);
            source = Some(self.source(value));
        }
        let altered = self.now.column_mut(column)?;
        alter(altered, alteration);
        if let Some(source) = source {
            altered.source = source;
            altered.through.clear();
        }
        let owner = self.now.table_mut(id)?;
        (owner.edited, owner.reordered) = (true, true);
        self.step(step)
    }

    fn add_constraint(&mut self, table: Id, clause: &Clause) -> Option<()> {
        let sql = self.now.write(&clause.template)?;
        let present = self.now.table(table)?;
        if clause.rule == Rule::References && self.has_key(present, &clause.template) {
            // Neither would this.
            return None;
        }
        if clause.rule == Rule::Unique && has_unique(present, &clause.template) {
            // It would not be added twice.
            return None;
        }
        let owner = self.now.table_mut(table)?;
        owner.constraints.push(clause.clone());
        owner.edited = true;
        let step = Step::new("add_constraint").key("table", &owner.name).key("sql", &sql);
        self.step(step)
    }

    /// Tells whether a table has a foreign key from the same columns to the same table.
    fn has_key(&self, table: &Table, template: &[Piece]) -> bool {
        let of = |own: Vec<Id>, template: &[Piece]| {
            let columns = template.iter().filter_map(|piece| match piece {
                Piece::Column(id, _) => Some(*id),
                _ => None,
            });
            let parent = template.iter().find_map(|piece| match piece {
                Piece::Table(id, _) => Some(*id),
                _ => None,
            });
            (own.into_iter().chain(columns).collect::<Vec<Id>>(), parent)
        };
        let wanted = of(Vec::new(), template);
        let inner = table.columns.iter().flat_map(|column| {
            let keys = column.clauses.iter().filter(|it| it.rule == Rule::References);
            keys.map(|it| of(vec![column.id], &it.template))
        });
        let outer = table.constraints.iter().filter(|it| it.rule == Rule::References);
        inner.chain(outer.map(|it| of(Vec::new(), &it.template))).any(|it| it == wanted)
    }

    fn drop_constraint(&mut self, clause: Id, by_name: bool) -> Option<()> {
        let owner = self
            .now
            .tables
            .iter()
            .find(|it| it.constraints.iter().any(|other| other.id == clause))?;
        let dropped = owner.constraints.iter().find(|it| it.id == clause)?;
        let step = Step::new("drop_constraint").key("table", &owner.name);
        let step = match &dropped.name {
            Some(name) if by_name => step.key("name", name),
            _ => step.key("sql", &self.now.write(&dropped.template)?),
        };
        let id = owner.id;
        let owner = self.now.table_mut(id)?;
        owner.constraints.retain(|it| it.id != clause);
        owner.edited = true;
        self.step(step)
    }

    fn change_index(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::CreateIndex(index) => {
                self.now.indexes.push(index.clone());
                let sql = self.now.write_index(index)?;
                self.step(Step::new("create_index").key("sql", &sql))
            }
            Change::DropIndex(id) => {
                let place = self.now.indexes.iter().position(|it| it.id == *id)?;
                let gone = self.now.indexes.remove(place);
                self.step(Step::new("drop_index").key("index", &gone.name))
            }
            Change::RenameIndex(id, to) => {
                let index = self.now.indexes.iter_mut().find(|it| it.id == *id)?;
                let from = std::mem::replace(&mut index.name, to.clone());
                self.step(Step::new("rename_index").key("from", &from).key("to", to))
            }
            _ => None,
        }
    }

    fn change_view(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::CreateView(view) => {
                self.now.views.push(view.clone());
                let sql = self.now.write_view(view)?;
                self.step(Step::new("create_view").key("sql", &sql))
            }
            Change::DropView(name) => {
                let place = self.now.views.iter().position(|it| it.name == *name)?;
                self.now.views.remove(place);
                self.now.triggers.retain(|it| it.owner != Owner::View(name.clone()));
                self.step(Step::new("drop_view").key("view", name))
            }
            Change::ReplaceView(view) => {
                let sql = self.now.write_view(view)?;
                let place = self.now.views.iter().position(|it| it.name == view.name)?;
                self.now.views[place] = view.clone();
                self.step(Step::new("replace_view").key("sql", &sql))
            }
            _ => None,
        }
    }

    fn change_trigger(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::CreateTrigger(trigger) => {
                let sql = self.now.write_trigger(trigger)?;
                self.now.triggers.push(trigger.clone());
                self.step(Step::new("create_trigger").key("sql", &sql))
            }
            Change::DropTrigger(name) => {
                let place = self.now.triggers.iter().position(|it| it.name == *name)?;
                self.now.triggers.remove(place);
                self.step(Step::new("drop_trigger").key("trigger", name))
            }
            Change::ReplaceTrigger(trigger) => {
                let sql = self.now.write_trigger(trigger)?;
                let place = self.now.triggers.iter().position(|it| it.name == trigger.name)?;
                self.now.triggers[place] = trigger.clone();
                self.step(Step::new("replace_trigger").key("sql", &sql))
            }
            _ => None,
        }
    }

    fn drop_table(&mut self, table: Id) -> Option<()> {
        let name = self.now.table(table)?.name.clone();
        for column in self.now.table(table)?.columns.clone() {
            self.now.bury(&Piece::Column(column.id, super::names::Style::PLAIN));
        }
        self.now.bury(&Piece::Table(table, super::names::Style::PLAIN));
        self.now.tables.retain(|it| it.id != table);
        self.now.indexes.retain(|it| it.table != table);
        self.now.triggers.retain(|it| it.owner != Owner::Table(table));
        self.step(Step::new("drop_table").key("table", &name))
    }

    fn rebuild(&mut self, table: &Table, values: &[(Id, Template)]) -> Option<()> {
        let mut written = Vec::new();
        let mut table = table.clone();
        let present = self.now.table(table.id)?;
        table.name.clone_from(&present.name);
        table.dirty = present.dirty;
        for column in &mut table.columns {
            (column.source, column.through) =
                match present.columns.iter().find(|it| it.id == column.id) {
                    Some(old) => (old.source.clone(), old.through.clone()),
                    None => (new_source(column), Vec::new()),
                };
        }
        for (id, value) in values {
            let column = table.columns.iter_mut().find(|it| it.id == *id)?;
            written.push((column.name.clone(), self.now.write(value)?));
            column.source = self.source(value);
            column.through.clear();
        }
        let place = self.now.tables.iter().position(|it| it.id == table.id)?;
        let gone: Vec<Id> = present.columns.iter().map(|it| it.id).collect();
        for id in gone.into_iter().filter(|id| !table.columns.iter().any(|it| it.id == *id)) {
            self.now.bury(&Piece::Column(id, super::names::Style::PLAIN));
        }
        self.now.tables[place] = table.clone();
        let sql = self.now.write_table(&table)?;
        let step = Step::new("rebuild").key("table", &table.name).key("sql", &sql);
        self.step(if written.is_empty() { step } else { step.table("values", &written) })
    }

    fn data(&mut self, table: Id, statements: &[Template]) -> Option<()> {
        let mut now = Vec::new();
        for statement in statements {
            self.data.push(self.before.write(statement)?);
            now.push(self.now.write(statement)?);
        }
        // What was changed before the statements is rebuilt before them.
        self.store();
        self.now.table_mut(table)?.dirty = true;
        self.step(Step::new("sql").key("sql", &now.join(";\n-- next; one\n")))
    }
}

fn new_source(column: &Column) -> Source {
    let default = column.clauses.iter().find(|it| it.rule == Rule::Default);
    let fickle = default.is_some_and(|it| {
        it.template
            .iter()
            .any(|piece| matches!(piece, Piece::Text(text) if super::expressions::is_fickle(text)))
    });
    if fickle || column.has(Rule::Generated) { Source::Unknown } else { Source::Default }
}

/// Tells whether a table has a key of the same columns.
fn has_unique(table: &Table, template: &[Piece]) -> bool {
    let columns = |template: &[Piece]| -> Vec<Id> {
        let ids = template.iter().filter_map(|piece| match piece {
            Piece::Column(id, _) => Some(*id),
            _ => None,
        });
        ids.collect()
    };
    let wanted = columns(template);
    let alone = |column: &Column| wanted == [column.id] && column.has(Rule::Unique);
    table.columns.iter().any(alone)
        || table
            .constraints
            .iter()
            .any(|it| it.rule == Rule::Unique && columns(&it.template) == wanted)
}

/// The value in a DEFAULT clause, which names no column.
fn default_of(clause: &Clause) -> String {
    let written: String = clause
        .template
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    written.trim_start_matches("DEFAULT").to_owned() + "\n"
}

fn alter(column: &mut Column, alteration: &Alteration) {
    let made = |rule: Rule, text: String| Clause {
        id: 0,
        rule,
        name: None,
        template: super::model::text(text),
    };
    if let Some(type_name) = &alteration.type_name {
        column.type_name.clone_from(type_name);
    }
    match alteration.not_null {
        Some(true) if !column.has(Rule::NotNull) => {
            column.clauses.push(made(Rule::NotNull, "NOT NULL".to_owned()));
        }
        Some(false) => column.clauses.retain(|it| it.rule != Rule::NotNull),
        Some(true) | None => {}
    }
    if let Some(default) = &alteration.default {
        if column.source == Source::Default {
            // Old rows got the default of the step that added the column; later ones are for new rows.
            let first = column.clauses.iter().find(|it| it.rule == Rule::Default);
            column.source = Source::Value(first.map_or_else(|| "NULL".to_owned(), default_of));
        }
        column.clauses.retain(|it| it.rule != Rule::Default);
        if let Some(default) = default {
            column.clauses.push(made(Rule::Default, format!("DEFAULT {default}")));
        }
    }
    if let Some(collate) = &alteration.collate {
        column.clauses.retain(|it| it.rule != Rule::Collate);
        column.clauses.push(made(Rule::Collate, format!("COLLATE {collate}")));
    }
}
