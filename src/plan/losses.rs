//! What a plan loses: rows and values that go, and columns and tables that come back empty.
//!
//! Only what can be lost is found here; how many rows that is, the file tells.

use std::collections::BTreeMap;

use super::{
    DataStage, Direction, PhasePlan, Plan, Rebuild, RebuildReason, SchemaChange, Stage,
    VirtualChange,
};
use crate::name::{fold, literal, quote, same};
use crate::schema::{Column, ColumnStorage, Content, ObjectKind, Schema, Table};
use crate::shadow::{ColumnOrigin, Lineage, TableEffect};
use crate::sql::{TokenKind, significant_tokens, unquote};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// A table goes with its rows.
    TableDropped,
    /// A column goes with its values.
    ColumnDropped,
    /// A table comes back without its rows.
    TableEmpty,
    /// A column comes back without its values.
    ColumnEmpty,
    /// A column becomes generated: its stored values are replaced by computed ones.
    ValuesReplaced,
}

/// Something that a phase loses.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Loss {
    pub kind: LossKind,
    /// The table, by its name when the phase begins.
    pub table: String,
    pub column: Option<String>,
    /// Rows that lose something; `None` if that cannot be known.
    pub rows: Option<u64>,
    /// Which rows of the file these are, if it has them.
    #[serde(skip)]
    pub counted: Option<Counted>,
}

/// Rows of the file.
#[derive(Debug, Clone)]
pub enum Counted {
    /// Those that a condition selects.
    Where {
        /// The table, by its name in the file.
        table: String,
        /// `WHERE ...`; nothing if it is all of them.
        condition: String,
    },
    /// Those in which a column of the rebuilt table has another value than it is stored with.
    Replaced {
        /// The rebuild, of a table that is as it is in the file.
        rebuild: Box<Rebuild>,
        after: Box<Table>,
        /// The column, by its names before and after.
        column: (String, String),
    },
}

impl std::fmt::Display for Loss {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let column = self.column.as_deref().unwrap_or_default();
        let rows = match self.rows {
            Some(count) => crate::text::rows(count),
            None => "an unknown number of rows".to_owned(),
        };
        let table = &self.table;
        match self.kind {
            LossKind::TableDropped => write!(formatter, "table {table} is dropped with {rows}"),
            LossKind::ColumnDropped => {
                write!(formatter, "column {table}.{column} is dropped with its values in {rows}")
            }
            LossKind::TableEmpty => write!(formatter, "table {table} comes back without its rows"),
            LossKind::ColumnEmpty => {
                write!(formatter, "column {table}.{column} comes back empty in {rows}")
            }
            LossKind::ValuesReplaced => write!(
                formatter,
                "column {table}.{column} becomes generated, which replaces its values in {rows}"
            ),
        }
    }
}

/// Where the rows of a table stand in the file: its name there, and its columns there and now.
type Places = BTreeMap<String, (String, Vec<(String, String)>)>;

/// Finds what each phase of a plan can lose, and notes it in the phase.
pub fn find_losses(plan: &mut Plan) {
    let Some(first) = plan.phases.first() else { return };
    let mut places = identity(&first.before);
    // Whether the rows are still those of the file.
    let mut untouched = true;
    for phase in &mut plan.phases {
        let found = losses_of(phase, &mut places, &mut untouched);
        phase.losses = found;
    }
}

fn identity(schema: &Schema) -> Places {
    let columns =
        |table: &Table| table.columns.iter().map(|it| (it.name.clone(), it.name.clone())).collect();
    schema
        .tables
        .iter()
        .map(|(folded, table)| (folded.clone(), (table.name.clone(), columns(table))))
        .collect()
}

fn losses_of(phase: &PhasePlan, places: &mut Places, untouched: &mut bool) -> Vec<Loss> {
    // A downgrade that moves rows by itself takes values along, and so does a phase that did before the column goes.
    let down = phase.direction == Direction::Down;
    let mut moves_rows = down && phase.stages.iter().any(may_move_values);
    let mut losses = Vec::new();
    let mut schema: &Schema = &phase.before;
    for stage in &phase.stages {
        moves_rows |= may_move_values(stage);
        match stage {
            Stage::SchemaChange(schema_change) => {
                let search = Search { schema_change, before: schema, places, phase };
                losses.extend(search.tables());
                losses.extend(search.replaced(*untouched));
                *untouched &= schema_change.rebuilds.is_empty();
                if !moves_rows {
                    losses.extend(search.columns());
                }
                *places = followed(places, &schema_change.lineage);
                schema = &schema_change.after;
            }
            Stage::Data(data) => {
                *untouched = false;
                losses.extend(dropped_by_statements(data, schema, places));
                if !moves_rows {
                    losses.extend(columns_dropped_by_statements(data, schema, places));
                }
                *places = followed(places, &data.lineage);
                if let Some(after) = &data.after {
                    schema = after;
                }
            }
        }
    }
    losses
}

/// Returns whether a stage may put values of a column into another one.
fn may_move_values(stage: &Stage) -> bool {
    match stage {
        Stage::Data(data) => writes_rows(data),
        Stage::SchemaChange(schema_change) => {
            schema_change.rebuilds.iter().any(|it| it.copy.computes())
        }
    }
}

/// Returns whether statements change rows in another way than by copying whole columns.
fn writes_rows(data: &DataStage) -> bool {
    data.effects.iter().any(|effect| match effect {
        TableEffect::Rows { what, .. } => what.inserts || !what.updates.is_empty(),
        TableEffect::Copy(copy) => copy.columns.iter().any(|(_, from)| from.is_none()),
        _ => false,
    })
}

/// Tables whose rows no table holds after the statements.
fn dropped_by_statements(data: &DataStage, before: &Schema, places: &Places) -> Vec<Loss> {
    let gone = data.lineage.dropped(before).into_iter().filter_map(|table| {
        let stored = before.find_table(&table.name)?.kind != ObjectKind::ShadowTable;
        let (file, _) = places.get(&fold(&table.name)).filter(|_| stored)?;
        Some(loss(LossKind::TableDropped, &table.name, None, Some(all_of(file))))
    });
    gone.collect()
}

/// Columns that are dropped, or that a recreated table does not take over.
fn columns_dropped_by_statements(data: &DataStage, before: &Schema, places: &Places) -> Vec<Loss> {
    let mut losses = Vec::new();
    for lineage in data.lineage.tables.values() {
        let Some(shape) = before.shape(&lineage.from) else { continue };
        let Some((file, columns)) = places.get(&fold(&lineage.from)) else { continue };
        let elsewhere = |column: &str| {
            let heirs = data.lineage.tables.values().filter(|it| same(&it.from, &lineage.from));
            heirs.into_iter().any(|it| it.kept_as(column).is_some())
        };
        for column in shape.writable().filter(|it| !elsewhere(&it.name)) {
            let place = columns.iter().find(|(_, now)| same(now, &column.name));
            let Some((first, _)) = place else { continue };
            losses.push(column_dropped((&lineage.from, &column.name), file, (first, column)));
        }
    }
    losses.dedup_by(|one, two| one.table == two.table && one.column == two.column);
    losses
}

/// The rows in which a column holds anything but its default.
fn column_dropped(
    (table, name): (&str, &str),
    file: &str,
    (first, column): (&str, &Column),
) -> Loss {
    let default = column.default.as_deref().map_or("NULL".to_owned(), as_expression);
    let condition = format!("WHERE {} IS NOT ({default})", quote(first));
    let counted = Counted::Where { table: file.to_owned(), condition };
    loss(LossKind::ColumnDropped, table, Some(name.to_owned()), Some(counted))
}

fn followed(places: &Places, lineage: &Lineage) -> Places {
    let mut next = Places::new();
    for (name, table) in &lineage.tables {
        let Some((file, columns)) = places.get(&fold(&table.from)) else { continue };
        let kept = table.columns.iter().filter_map(|column| match &column.origin {
            ColumnOrigin::Kept(from) => {
                let (first, _) = columns.iter().find(|(_, now)| same(now, from))?;
                Some((first.clone(), column.name.clone()))
            }
            ColumnOrigin::Computed | ColumnOrigin::New => None,
        });
        next.insert(name.clone(), (file.clone(), kept.collect()));
    }
    next
}

struct Search<'a> {
    schema_change: &'a SchemaChange,
    before: &'a Schema,
    places: &'a Places,
    phase: &'a PhasePlan,
}

impl Search<'_> {
    fn tables(&self) -> Vec<Loss> {
        let dropped = self.schema_change.dropped.iter().map(|it| it.table.as_str());
        let virtuals = self.schema_change.virtuals.iter().filter_map(|change| match change {
            VirtualChange::Drop { table } => Some(table.as_str()),
            VirtualChange::Create { .. }
            | VirtualChange::Fill { .. }
            | VirtualChange::Rename { .. }
            | VirtualChange::Recreate { .. } => None,
        });
        // An index over another table's rows has none of its own.
        let has_rows = |table: &&str| {
            let declared = self.before.virtual_table(table);
            !declared.is_some_and(|it| matches!(it.content, Content::External(_)))
        };
        let gone = dropped.chain(virtuals.filter(has_rows)).filter_map(|table| {
            let (file, _) = self.places.get(&fold(table))?;
            Some(loss(LossKind::TableDropped, table, None, Some(all_of(file))))
        });
        let mut losses: Vec<Loss> = gone.collect();
        if self.phase.direction == Direction::Down {
            let had_rows = |table: &str| !self.phase.empty.iter().any(|it| same(it, table));
            let created = self.schema_change.created.iter().filter(|it| had_rows(&it.name));
            losses.extend(created.map(|it| loss(LossKind::TableEmpty, &it.name, None, None)));
        }
        losses
    }

    /// Columns that become generated. The rows can be counted as long as they are those of the file.
    fn replaced(&self, untouched: bool) -> Vec<Loss> {
        let mut losses = Vec::new();
        for rebuild in &self.schema_change.rebuilds {
            let Some(lineage) = self.schema_change.lineage.table(&rebuild.to) else { continue };
            let Some(after) = self.schema_change.after.shape(&rebuild.to) else { continue };
            for reason in &rebuild.reasons {
                let RebuildReason::BecomesGenerated { column } = reason else { continue };
                let origin = lineage.column(column).map(|it| &it.origin);
                let Some(ColumnOrigin::Kept(from)) = origin else { continue };
                let counted = untouched.then(|| Counted::Replaced {
                    rebuild: Box::new(rebuild.clone()),
                    after: Box::new(after.clone()),
                    column: (from.clone(), column.clone()),
                });
                let name = Some(from.clone());
                losses.push(loss(LossKind::ValuesReplaced, &rebuild.from, name, counted));
            }
        }
        losses
    }

    fn columns(&self) -> Vec<Loss> {
        let mut losses = Vec::new();
        for rebuild in &self.schema_change.rebuilds {
            let Some(lineage) = self.schema_change.lineage.table(&rebuild.to) else { continue };
            let Some(shape) = self.before.shape(&rebuild.from) else { continue };
            let Some((file, columns)) = self.places.get(&fold(&rebuild.from)) else { continue };
            for column in &shape.columns {
                // A generated column holds nothing that its expression does not give again.
                if column.storage != ColumnStorage::Stored
                    || lineage.kept_as(&column.name).is_some()
                {
                    continue;
                }
                let place = columns.iter().find(|(_, now)| same(now, &column.name));
                let Some((first, _)) = place else { continue };
                let names = (rebuild.from.as_str(), column.name.as_str());
                losses.push(column_dropped(names, file, (first, column)));
            }
            let comes_back = |origin: &ColumnOrigin| {
                *origin == ColumnOrigin::New && self.phase.direction == Direction::Down
            };
            let shape = self.schema_change.after.shape(&rebuild.to);
            for column in lineage.columns.iter().filter(|it| comes_back(&it.origin)) {
                let writable =
                    shape.and_then(|it| it.column(&column.name)).is_some_and(|it| it.is_writable());
                if writable {
                    let name = Some(column.name.clone());
                    let counted = Some(all_of(file));
                    losses.push(loss(LossKind::ColumnEmpty, &rebuild.to, name, counted));
                }
            }
        }
        losses
    }
}

/// Writes a default as an expression. A name alone is a string there and nowhere else, whatever its quotes
/// (`id` in the grammar of <https://sqlite.org/syntax/column-constraint.html>).
fn as_expression(default: &str) -> String {
    const CONSTANTS: [&str; 6] =
        ["null", "true", "false", "current_time", "current_date", "current_timestamp"];
    let mut tokens = significant_tokens(default);
    match (tokens.next(), tokens.next()) {
        (Some(only), None) if matches!(only.kind, TokenKind::Word | TokenKind::QuotedName) => {
            let text = only.text(default);
            if CONSTANTS.iter().any(|it| same(it, text)) {
                text.to_owned()
            } else {
                literal(&unquote(text))
            }
        }
        _ => default.to_owned(),
    }
}

fn all_of(file: &str) -> Counted {
    Counted::Where { table: file.to_owned(), condition: String::new() }
}

fn loss(kind: LossKind, table: &str, column: Option<String>, counted: Option<Counted>) -> Loss {
    Loss { kind, table: table.to_owned(), column, rows: None, counted }
}
