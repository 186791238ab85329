//! The keys of a step with what they hold, in the order in which they are written and count for the checksum.

use super::step::{ColumnChange, ConstraintChoice, DefaultChange, LeftOut, Operation};

/// What a key holds.
pub(super) enum Field<'o> {
    Text(&'o str),
    /// SQL, which counts by its tokens.
    Sql(&'o str),
    Switch(bool),
    /// The name of what is dropped.
    Dropped(&'o str),
    /// Expressions by column.
    Values(&'o [(String, String)]),
    /// That columns without a place in the new definition are dropped.
    LeftOut,
}

type Fields<'o> = Vec<(&'static str, Field<'o>)>;

/// Lists the keys of a step besides `op`; what a step leaves out is left out.
pub(super) fn fields(operation: &Operation) -> Fields<'_> {
    use Field::{Sql, Text};
    match operation {
        Operation::RenameTable { from, to } | Operation::RenameIndex { from, to } => {
            vec![("from", Text(from)), ("to", Text(to))]
        }
        Operation::RenameColumn { table, from, to } => {
            vec![("table", Text(table)), ("from", Text(from)), ("to", Text(to))]
        }
        Operation::Create { sql, if_not_exists, .. } => {
            with_switch(vec![("sql", Sql(sql))], "if_not_exists", *if_not_exists)
        }
        Operation::Drop { kind, name, if_exists } => {
            with_switch(vec![(kind.word(), Field::Dropped(name))], "if_exists", *if_exists)
        }
        Operation::AddColumn { table, column, after, value } => {
            let mut fields = vec![("table", Text(table)), ("column", Sql(column))];
            fields.extend(optional("after", after));
            fields.extend(optional("value", value));
            fields
        }
        Operation::DropColumn { table, column } => {
            vec![("table", Text(table)), ("column", Text(column))]
        }
        Operation::AlterColumn { table, column, change } => {
            let ColumnChange { type_name, not_null, default, collate, value } = change;
            let mut fields = vec![("table", Text(table)), ("column", Text(column))];
            fields.extend(optional("type", type_name));
            fields.extend(not_null.map(|it| ("not_null", Field::Switch(it))));
            fields.extend(default.as_ref().map(|it| match it {
                DefaultChange::Set(sql) => ("default", Sql(sql)),
                DefaultChange::Remove => ("default", Text("none")),
            }));
            fields.extend(optional("collate", collate));
            fields.extend(optional("value", value));
            fields
        }
        Operation::AddConstraint { table, sql } => vec![("table", Text(table)), ("sql", Sql(sql))],
        Operation::DropConstraint { table, constraint } => {
            let constraint = match constraint {
                ConstraintChoice::Name(name) => ("name", Text(name)),
                ConstraintChoice::Sql(sql) => ("sql", Sql(sql)),
            };
            vec![("table", Text(table)), constraint]
        }
        Operation::Rebuild { table, sql, values, left_out } => {
            let mut fields = vec![("table", Text(table)), ("sql", Sql(sql))];
            if !values.is_empty() {
                fields.push(("values", Field::Values(values)));
            }
            if *left_out == LeftOut::Drop {
                fields.push(("left_out", Field::LeftOut));
            }
            fields
        }
        Operation::ReplaceView { sql }
        | Operation::ReplaceTrigger { sql }
        // Where the statements stand, in the phase file or beside it, changes nothing.
        | Operation::Sql { sql, file: _ } => vec![("sql", Sql(sql))],
    }
}

fn optional<'o>(key: &'static str, sql: &'o Option<String>) -> Option<(&'static str, Field<'o>)> {
    sql.as_deref().map(|sql| (key, Field::Sql(sql)))
}

fn with_switch<'o>(mut fields: Fields<'o>, key: &'static str, is_set: bool) -> Fields<'o> {
    if is_set {
        fields.push((key, Field::Switch(true)));
    }
    fields
}
