//! An inventory of a file: every object, the phase that made it, and what no phase made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Connection;
use serde::Serialize;

use crate::compare::{Verdict, compare_schemas};
use crate::database::{Access, Database};
use crate::error::Result;
use crate::migrate::{FileState, Project};
use crate::name::fold;
use crate::phase::{Applied, Operation, Phase};
use crate::plan::advance;
use crate::replay::is_finding;
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::{Shadow, Uses};
use crate::sql::{Constraint, ConstraintKind, CreateTable};

use super::dependents::layers;

/// The phases that an object comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The phase that created it; `None` if no applied phase did.
    pub made_by: Option<String>,
    /// The last phase that changed its definition.
    pub changed_by: Option<String>,
}

/// A table of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditedTable {
    pub name: String,
    /// What kind of table it is.
    pub kind: ObjectKind,
    pub columns: usize,
    pub foreign_keys: usize,
    /// How many UNIQUE constraints it has.
    pub unique: usize,
    /// How many CHECK constraints it has.
    pub checks: usize,
    /// The names of its CHECK constraints that have one.
    pub named_checks: Vec<String>,
    #[serde(flatten)]
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditedIndex {
    pub name: String,
    pub table: String,
    /// Whether SQLite made it for a constraint.
    pub automatic: bool,
    /// Whether it refuses equal keys.
    pub unique: bool,
    /// Whether it holds only some of the rows.
    pub partial: bool,
    /// Whether it holds the value of an expression.
    pub expression: bool,
    /// Where it comes from; for an automatic index, where its table comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditedView {
    pub name: String,
    /// How many views stand below each other; `None` if it does not compile.
    pub layer: Option<usize>,
    #[serde(flatten)]
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditedTrigger {
    pub name: String,
    /// The table or view.
    pub table: String,
    #[serde(flatten)]
    pub origin: Origin,
}

/// An object that is not as the applied phases leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    pub kind: &'static str,
    pub name: String,
}

/// Everything in a file. The version tables are no part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many phases are recorded.
    pub phases: usize,
    /// The tables, in order of their names.
    pub tables: Vec<AuditedTable>,
    /// The indexes, in order of their tables.
    pub indexes: Vec<AuditedIndex>,
    /// The views, in layers.
    pub views: Vec<AuditedView>,
    /// The triggers, in order of their tables.
    pub triggers: Vec<AuditedTrigger>,
    /// Objects that no applied phase made.
    pub unmade: Vec<Stray>,
    /// Objects that differ from what the applied phases make.
    pub different: Vec<Stray>,
    /// Objects that the applied phases make and that are not in the file.
    pub missing: Vec<Stray>,
    /// Why the phases that made the objects are not known, if they are not.
    pub unknown: Option<String>,
}

/// Lists every object of the project's database. The file is only read.
///
/// Where the recorded phases cannot be replayed, the objects are listed without their phases.
pub fn audit(project: &Project) -> Result<Audit> {
    let database = project.open(Access::ReadOnly)?;
    let connection = database.connection();
    let mut audit = Audit::default();
    let (project, state) = match project.know_newer(&database) {
        Ok((project, state)) => (project, Some(state)),
        Err(error) => {
            audit.unknown = Some(error.to_string());
            (project.clone(), None)
        }
    };
    let schema = match &state {
        Some(state) => project.own(&state.schema),
        None => project.own(&crate::schema::read(connection)?),
    };
    let origins = match &state {
        Some(state) if !state.applied.is_empty() => {
            audit.phases = state.applied.len();
            add_phases(&mut audit, &project, (state, &schema))?
        }
        Some(_) | None => Origins::default(),
    };
    add_objects(&mut audit, (&database, &schema), &origins)?;
    Ok(audit)
}

/// Compares the file with what its phases make, and returns which phase made what.
fn add_phases(
    audit: &mut Audit,
    project: &Project,
    (state, schema): (&FileState, &Schema),
) -> Result<Origins> {
    let (origins, made) = match origins(project, &state.applied) {
        Ok(found) => found,
        Err(error) if is_finding(&error) => {
            audit.unknown = Some(error.to_string());
            return Ok(Origins::default());
        }
        Err(error) => return Err(error),
    };
    let compared = compare_schemas(&project.own(&made), schema, project.column_order());
    for object in &compared.objects {
        let list = match object.verdict {
            Verdict::Unexpected => &mut audit.unmade,
            Verdict::Missing => &mut audit.missing,
            Verdict::Differs(_) => &mut audit.different,
            Verdict::Identical | Verdict::SameMeaning => continue,
        };
        list.push(Stray { kind: object.kind.word(), name: object.name.clone() });
    }
    Ok(origins)
}

/// Which phase made and changed each object, by kind and folded name. Tables of all kinds share their names.
#[derive(Debug, Default)]
struct Origins(HashMap<(ObjectKind, String), Origin>);

fn key(kind: ObjectKind, name: &str) -> (ObjectKind, String) {
    (if kind.is_table() { ObjectKind::Table } else { kind }, fold(name))
}

impl Origins {
    fn of(&self, kind: ObjectKind, name: &str) -> Origin {
        self.0.get(&key(kind, name)).cloned().unwrap_or_default()
    }

    fn follow(&mut self, phase: &Phase, before: &Schema, after: &Schema) {
        for step in &phase.up {
            match &step.operation {
                Operation::RenameTable { from, to } => self.rename(ObjectKind::Table, from, to),
                Operation::RenameIndex { from, to } => self.rename(ObjectKind::Index, from, to),
                _ => {}
            }
        }
        let there: BTreeSet<_> = after.objects.iter().map(|it| key(it.kind, &it.name)).collect();
        self.0.retain(|key, _| there.contains(key));
        let texts: HashMap<_, _> =
            before.objects.iter().map(|it| (key(it.kind, &it.name), &it.sql)).collect();
        for object in &after.objects {
            let key = key(object.kind, &object.name);
            let changed = texts.get(&key) != Some(&&object.sql);
            match self.0.get_mut(&key) {
                Some(origin) if changed => origin.changed_by = Some(phase.id.to_string()),
                Some(_) => {}
                None => {
                    let made_by = Some(phase.id.to_string());
                    self.0.insert(key, Origin { made_by, changed_by: None });
                }
            }
        }
    }

    fn rename(&mut self, kind: ObjectKind, from: &str, to: &str) {
        if let Some(origin) = self.0.remove(&key(kind, from)) {
            self.0.insert(key(kind, to), origin);
        }
    }
}

/// Replays the applied phases one by one.
fn origins(project: &Project, applied: &Applied) -> Result<(Origins, Schema)> {
    let mut shadow = Shadow::empty()?;
    shadow.keep_tables(project.versions.names());
    let (mut origins, mut before) = (Origins::default(), Schema::default());
    for phase in project.chain.phases().iter().filter(|it| applied.contains(&it.id)) {
        advance(&mut shadow, phase, &project.versions)
            .map_err(|error| error.in_phase(phase.id.as_str()))?;
        let after = shadow.schema()?;
        origins.follow(phase, &before, &after);
        before = after;
    }
    Ok((origins, before))
}

fn add_objects(
    audit: &mut Audit,
    (database, schema): (&Database, &Schema),
    origins: &Origins,
) -> Result<()> {
    let connection = database.connection();
    let origin = |object: &Object| origins.of(object.kind, &object.name);
    let mut indexes = indexes(connection, schema, origins)?;
    let mut unique: HashMap<String, usize> = HashMap::new();
    for (index, of_constraint) in &indexes {
        *unique.entry(fold(&index.table)).or_default() += usize::from(*of_constraint);
    }
    for object in schema.objects.iter().filter(|it| it.kind.is_table()) {
        let unique = unique.get(&fold(&object.name)).copied().unwrap_or(0);
        audit.tables.push(table(object, schema, unique, origin(object)));
    }
    indexes.retain(|(index, _)| schema.find_table(&index.table).is_some());
    audit.indexes = indexes.into_iter().map(|(index, _)| index).collect();
    let layers: BTreeMap<String, usize> = match schema.of_kind(ObjectKind::View).next() {
        Some(_) => layers(&Uses::in_database(database, schema)?),
        None => BTreeMap::new(),
    };
    for view in schema.of_kind(ObjectKind::View) {
        let layer = layers.get(&fold(&view.name)).copied();
        audit.views.push(AuditedView { name: view.name.clone(), layer, origin: origin(view) });
    }
    for trigger in schema.of_kind(ObjectKind::Trigger) {
        let (name, table) = (trigger.name.clone(), trigger.table.clone());
        audit.triggers.push(AuditedTrigger { name, table, origin: origin(trigger) });
    }
    audit.tables.sort_by_key(|it| fold(&it.name));
    audit.indexes.sort_by_key(|it| (fold(&it.table), fold(&it.name)));
    audit.views.sort_by_key(|it| (it.layer.unwrap_or(usize::MAX), fold(&it.name)));
    audit.triggers.sort_by_key(|it| (fold(&it.table), fold(&it.name)));
    Ok(())
}

fn table(object: &Object, schema: &Schema, unique: usize, origin: Origin) -> AuditedTable {
    let text = object.sql.as_deref().unwrap_or_default();
    let definition = CreateTable::read(text).ok();
    let checks: Vec<&Constraint> = definition
        .iter()
        .flat_map(|it| it.columns.iter().flat_map(|it| &it.constraints).chain(&it.constraints))
        .filter(|it| it.kind == ConstraintKind::Check)
        .collect();
    let shape = schema.shape(&object.name);
    AuditedTable {
        name: object.name.clone(),
        kind: object.kind,
        columns: shape.map_or(0, |it| it.columns.len()),
        foreign_keys: shape.map_or(0, |it| it.foreign_keys.len()),
        unique,
        checks: checks.len(),
        named_checks: checks.iter().filter_map(|it| Some(it.name.as_ref()?.text.clone())).collect(),
        origin,
    }
}

/// The indexes, each with whether a UNIQUE constraint made it.
fn indexes(
    connection: &Connection,
    schema: &Schema,
    origins: &Origins,
) -> Result<Vec<(AuditedIndex, bool)>> {
    const LIST: &str = "
        SELECT t.name, i.name, i.origin, i.\"unique\", i.partial,
            EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name, 'main') x WHERE x.key AND x.cid = -2)
        FROM main.sqlite_schema t, pragma_index_list(t.name, 'main') i
        WHERE t.type = 'table'";
    let mut statement = connection.prepare(LIST)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, name, made): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // The key of a WITHOUT ROWID table is the table itself.
        let is_listed = |it: &Object| it.kind == ObjectKind::Index && it.name == name;
        let automatic = made != "c";
        if automatic && !schema.internal.iter().any(is_listed) {
            continue;
        }
        let origin = match automatic {
            true => origins.of(ObjectKind::Table, &table),
            false => origins.of(ObjectKind::Index, &name),
        };
        let (unique, partial, expression) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let index = AuditedIndex { name, table, automatic, unique, partial, expression, origin };
        found.push((index, made == "u"));
    }
    Ok(found)
}
