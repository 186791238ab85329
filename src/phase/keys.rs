//! The keys of a phase file: which there are, what each holds, and how a step is made of them.
//!
//! A new step kind is one entry of [`KINDS`] with its constructor. Nothing here knows TOML.

use std::collections::HashMap;

use super::phase::PhaseId;
use super::step::{
    ColumnChange, ConstraintChoice, DefaultChange, Expected, ExpectedAnswer, LeftOut, Operation,
    StepObject,
};

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string that names something, and so is not empty.
    Name,
    /// A string of SQL statements, and so not empty.
    Sql,
    Query,
    /// A string with one CREATE statement.
    Create,
    /// A string with a piece of a statement: an expression, a column definition, a constraint.
    Piece,
    /// The declared type of a column; it may be empty.
    TypeName,
    Text,
    Switch,
    Version,
    /// A release of SQLite, such as `3.35`.
    SqliteVersion,
    /// The name of an object or a column; SQLite allows it to be empty.
    Identifier,
    /// One of these words.
    Word(&'static [&'static str]),
    Id,
    /// An array of phase ids.
    Ids,
    /// An array of branch labels.
    Labels,
    /// An array of version numbers.
    Versions,
    /// A table of arrays of phase ids by phase id.
    Squashes,
    /// An array of `code: reason`.
    Reasons,
    /// What the query of a check must give.
    Expected,
    /// What the query of a test must give.
    Answer,
    /// A table of SQL expressions by column name.
    Expressions,
    /// The name of an SQL file beside the phase file.
    SqlFile,
    /// Tables in double brackets, which are read one by one.
    Tables,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
    /// Exactly one of the keys so marked must be there.
    OneOf,
    /// At least one of the keys so marked must be there.
    SomeOf,
}

/// One key of a table in a phase file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) need: Need,
}

/// One kind of step: its `op`, its keys, and the constructor that takes the values of the keys.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) op: &'static str,
    pub(super) keys: &'static [Key],
    pub(super) make: fn(&mut Values) -> Option<Operation>,
}

/// The value of a key, checked against its form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Of a name, SQL, text or word.
    Text(String),
    Switch(bool),
    Integer(i64),
    Id(PhaseId),
    Ids(Vec<PhaseId>),
    Labels(Vec<String>),
    Versions(Vec<i64>),
    /// Of squashes: each with the ids that it replaced.
    Squashes(Vec<(PhaseId, Vec<PhaseId>)>),
    Expected(Expected),
    /// Of what a test expects.
    Answer(ExpectedAnswer),
    /// Of expressions, in their order.
    Expressions(Vec<(String, String)>),
    /// Of an SQL file: its name and its text.
    SqlFile(String, String),
}

/// Declares the functions that take the value of a key, one for each kind of value.
macro_rules! takes {
    ($($name:ident: $kind:ident($held:ty);)+) => {$(
        pub(super) fn $name(&mut self, key: &str) -> Option<$held> {
            let Value::$kind(value) = self.0.remove(key)? else { return None };
            Some(value)
        }
    )+};
}

/// The values of the keys of one table.
#[derive(Debug, Default)]
pub(super) struct Values(HashMap<&'static str, Value>);

impl Values {
    /// Keeps the value of a key.
    pub(super) fn put(&mut self, key: &'static str, value: Value) {
        self.0.insert(key, value);
    }

    /// Takes the values of another table, and returns a key that both have.
    pub(super) fn merge(&mut self, other: Self) -> Option<&'static str> {
        let twice = other.0.keys().copied().find(|key| self.0.contains_key(key));
        self.0.extend(other.0);
        twice
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    takes! {
        text: Text(String);
        switch: Switch(bool);
        integer: Integer(i64);
        id: Id(PhaseId);
        ids: Ids(Vec<PhaseId>);
        squashes: Squashes(Vec<(PhaseId, Vec<PhaseId>)>);
        versions: Versions(Vec<i64>);
        labels: Labels(Vec<String>);
        expected: Expected(Expected);
        answer: Answer(ExpectedAnswer);
        expressions: Expressions(Vec<(String, String)>);
    }

    /// Takes the name and the text of an SQL file.
    pub(super) fn sql_file(&mut self, key: &str) -> Option<(String, String)> {
        let Value::SqlFile(name, text) = self.0.remove(key)? else {
            return None;
        };
        Some((name, text))
    }
}

const fn required(name: &'static str, form: Form) -> Key {
    Key { name, form, need: Need::Required }
}

const fn optional(name: &'static str, form: Form) -> Key {
    Key { name, form, need: Need::Optional }
}

const fn one_of(name: &'static str, form: Form) -> Key {
    Key { name, form, need: Need::OneOf }
}

const fn some_of(name: &'static str, form: Form) -> Key {
    Key { name, form, need: Need::SomeOf }
}

/// The keys of the phase itself.
pub(super) const PHASE_KEYS: &[Key] = &[
    optional("id", Form::Id),
    optional("version", Form::Version),
    optional("description", Form::Text),
    optional("title", Form::Name),
    optional("parents", Form::Ids),
    optional("depends_on", Form::Ids),
    optional("labels", Form::Labels),
    optional("replaces", Form::Ids),
    optional("replaced_versions", Form::Versions),
    optional("replaced_squashes", Form::Squashes),
    optional("archive", Form::Name),
    optional("views", Form::Word(&["keep", "follow"])),
    optional("stats", Form::Word(&["carry", "analyze"])),
    optional("min_sqlite", Form::SqliteVersion),
    optional("strategy", Form::Word(&["rebuild", "auto"])),
    optional("compatible_with", Form::Id),
    optional("readable_with", Form::Id),
    optional("allow", Form::Reasons),
    optional("irreversible", Form::Name),
    optional("require", Form::Tables),
    optional("up", Form::Tables),
    optional("verify", Form::Tables),
    optional("down", Form::Tables),
    optional("test", Form::Tables),
];

pub(super) const CHECK_KEYS: &[Key] = &[
    required("name", Form::Name),
    required("sql", Form::Query),
    required("expect", Form::Expected),
    optional("message", Form::Name),
];

pub(super) const TEST_KEYS: &[Key] = &[
    required("name", Form::Name),
    optional("before", Form::Sql),
    optional("after", Form::Sql),
    optional("query", Form::Query),
    optional("expect", Form::Answer),
    optional("down", Form::Switch),
    optional("down_query", Form::Query),
    optional("down_expect", Form::Answer),
];

const TABLE: Key = required("table", Form::Identifier);
const COLUMN: Key = required("column", Form::Identifier);
const FROM: Key = required("from", Form::Identifier);
const TO: Key = required("to", Form::Identifier);
const CREATE: Key = required("sql", Form::Create);
const VALUE: Key = optional("value", Form::Piece);
const IF_EXISTS: Key = optional("if_exists", Form::Switch);
const IF_NOT_EXISTS: Key = optional("if_not_exists", Form::Switch);

const fn kind(
    op: &'static str,
    keys: &'static [Key],
    make: fn(&mut Values) -> Option<Operation>,
) -> Kind {
    Kind { op, keys, make }
}

/// The kinds of steps: per `op` the keys with what they hold, and the constructor.
pub(super) const KINDS: &[Kind] = &[
    kind("rename_table", &[FROM, TO], |it| {
        Some(Operation::RenameTable { from: it.text("from")?, to: it.text("to")? })
    }),
    kind("rename_column", &[TABLE, FROM, TO], |it| {
        let (from, to) = (it.text("from")?, it.text("to")?);
        Some(Operation::RenameColumn { table: it.text("table")?, from, to })
    }),
    kind("create_table", &[CREATE, IF_NOT_EXISTS], |it| create(it, StepObject::Table)),
    kind("drop_table", &[TABLE, IF_EXISTS], |it| drop(it, StepObject::Table)),
    kind(
        "add_column",
        &[TABLE, required("column", Form::Piece), optional("after", Form::Identifier), VALUE],
        |it| {
            let (table, column) = (it.text("table")?, it.text("column")?);
            let (after, value) = (it.text("after"), it.text("value"));
            Some(Operation::AddColumn { table, column, after, value })
        },
    ),
    kind("drop_column", &[TABLE, COLUMN], |it| {
        Some(Operation::DropColumn { table: it.text("table")?, column: it.text("column")? })
    }),
    kind(
        "alter_column",
        &[
            TABLE,
            COLUMN,
            some_of("type", Form::TypeName),
            some_of("not_null", Form::Switch),
            some_of("default", Form::Piece),
            some_of("collate", Form::Name),
            some_of("value", Form::Piece),
        ],
        alter_column,
    ),
    kind("add_constraint", &[TABLE, required("sql", Form::Piece)], |it| {
        Some(Operation::AddConstraint { table: it.text("table")?, sql: it.text("sql")? })
    }),
    kind(
        "drop_constraint",
        &[TABLE, one_of("name", Form::Name), one_of("sql", Form::Piece)],
        |it| {
            let constraint = match it.text("name") {
                Some(name) => ConstraintChoice::Name(name),
                None => ConstraintChoice::Sql(it.text("sql")?),
            };
            Some(Operation::DropConstraint { table: it.text("table")?, constraint })
        },
    ),
    kind("create_index", &[CREATE, IF_NOT_EXISTS], |it| create(it, StepObject::Index)),
    kind("create_view", &[CREATE, IF_NOT_EXISTS], |it| create(it, StepObject::View)),
    kind("create_trigger", &[CREATE, IF_NOT_EXISTS], |it| create(it, StepObject::Trigger)),
    kind("drop_index", &[required("index", Form::Identifier), IF_EXISTS], |it| {
        drop(it, StepObject::Index)
    }),
    kind("drop_view", &[required("view", Form::Identifier), IF_EXISTS], |it| {
        drop(it, StepObject::View)
    }),
    kind("drop_trigger", &[required("trigger", Form::Identifier), IF_EXISTS], |it| {
        drop(it, StepObject::Trigger)
    }),
    kind("rename_index", &[FROM, TO], |it| {
        Some(Operation::RenameIndex { from: it.text("from")?, to: it.text("to")? })
    }),
    kind("replace_view", &[CREATE], |it| Some(Operation::ReplaceView { sql: it.text("sql")? })),
    kind("replace_trigger", &[CREATE], |it| {
        Some(Operation::ReplaceTrigger { sql: it.text("sql")? })
    }),
    kind(
        "rebuild",
        &[
            TABLE,
            CREATE,
            optional("values", Form::Expressions),
            optional("left_out", Form::Word(&["refuse", "drop"])),
        ],
        |it| {
            let values = it.expressions("values").unwrap_or_default();
            let left_out = match it.text("left_out").as_deref() {
                Some("drop") => LeftOut::Drop,
                _ => LeftOut::Refuse,
            };
            let (table, sql) = (it.text("table")?, it.text("sql")?);
            Some(Operation::Rebuild { table, sql, values, left_out })
        },
    ),
    kind("sql", &[one_of("sql", Form::Sql), one_of("file", Form::SqlFile)], |it| {
        if let Some((name, sql)) = it.sql_file("file") {
            return Some(Operation::Sql { sql, file: Some(name) });
        }
        Some(Operation::Sql { sql: it.text("sql")?, file: None })
    }),
];

fn alter_column(values: &mut Values) -> Option<Operation> {
    let default = values.text("default").map(|text| {
        if text.trim().eq_ignore_ascii_case("none") {
            DefaultChange::Remove
        } else {
            DefaultChange::Set(text)
        }
    });
    Some(Operation::AlterColumn {
        table: values.text("table")?,
        column: values.text("column")?,
        change: ColumnChange {
            type_name: values.text("type"),
            not_null: values.switch("not_null"),
            default,
            collate: values.text("collate"),
            value: values.text("value"),
        },
    })
}

fn create(values: &mut Values, kind: StepObject) -> Option<Operation> {
    let if_not_exists = values.switch("if_not_exists").unwrap_or_default();
    Some(Operation::Create { kind, sql: values.text("sql")?, if_not_exists })
}

fn drop(values: &mut Values, kind: StepObject) -> Option<Operation> {
    let if_exists = values.switch("if_exists").unwrap_or_default();
    Some(Operation::Drop { kind, name: values.text(kind.word())?, if_exists })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(form: Form) -> Value {
        match form {
            Form::Name
            | Form::Identifier
            | Form::Sql
            | Form::Create
            | Form::Piece
            | Form::TypeName
            | Form::Text
            | Form::Word(_) => Value::Text("t".to_owned()),
            Form::Switch => Value::Switch(true),
            Form::Reasons => Value::Labels(vec!["a: b".to_owned()]),
            Form::Answer => Value::Answer(ExpectedAnswer::Rows(Vec::new())),
            Form::Expressions => Value::Expressions(Vec::new()),
            Form::SqlFile => Value::SqlFile("x.sql".to_owned(), "SELECT 1".to_owned()),
            Form::Version
            | Form::SqliteVersion
            | Form::Id
            | Form::Ids
            | Form::Labels
            | Form::Versions
            | Form::Squashes
            | Form::Expected
            | Form::Query
            | Form::Tables => {
                panic!("no step has such a key")
            }
        }
    }

    #[test]
    fn every_kind_makes_its_operation_of_the_keys_it_needs() {
        for kind in KINDS {
            let mut group_done = false;
            let mut values = Values::default();
            for key in kind.keys {
                let wanted = match key.need {
                    Need::Required => true,
                    Need::Optional => false,
                    Need::OneOf | Need::SomeOf => !std::mem::replace(&mut group_done, true),
                };
                if wanted {
                    values.put(key.name, value(key.form));
                }
            }
            let operation = (kind.make)(&mut values).expect("the needed keys are enough");
            assert_eq!(operation.op(), kind.op);
            assert!(values.0.is_empty(), "{} leaves {values:?}", kind.op);
        }
    }

    #[test]
    fn every_kind_takes_every_key_it_knows() {
        for kind in KINDS {
            let mut values = Values::default();
            for key in kind.keys.iter().filter(|key| key.need != Need::OneOf) {
                values.put(key.name, value(key.form));
            }
            let group = kind.keys.iter().rev().find(|key| key.need == Need::OneOf);
            if let Some(key) = group {
                values.put(key.name, value(key.form));
            }
            assert!((kind.make)(&mut values).is_some(), "{}", kind.op);
            assert!(values.0.is_empty(), "{} leaves {values:?}", kind.op);
        }
    }

    #[test]
    fn the_default_none_removes_the_default() {
        for (text, expected) in [
            ("none", DefaultChange::Remove),
            ("NONE", DefaultChange::Remove),
            ("'none'", DefaultChange::Set("'none'".to_owned())),
        ] {
            let mut values = Values::default();
            values.put("table", Value::Text("t".to_owned()));
            values.put("column", Value::Text("c".to_owned()));
            values.put("default", Value::Text(text.to_owned()));
            let Some(Operation::AlterColumn { change, .. }) = alter_column(&mut values) else {
                panic!("an alter_column");
            };
            assert_eq!(change.default, Some(expected));
        }
    }
}
