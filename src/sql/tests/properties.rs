//! Random tables, random edits, random bytes.

use proptest::prelude::*;

use crate::name::{quote, same};
use crate::sql::edit::{
    ColumnChange, ConstraintRef, DefaultChange, add_column, add_constraint, alter_column,
    drop_column, drop_constraint, rename_object, retarget_index, set_virtual_argument,
    view_columns_range, view_with_columns, virtual_option, virtual_table_arguments,
    without_view_columns,
};
use crate::sql::{ConstraintKind, CreateTable, mentions, object_head, unquote};

use super::judge;

/// Keeps no file of failed cases: a failure becomes a test of its own.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

/// White space and comments that may stand between any two tokens.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(" ".to_owned()),
        2 => Just("\n  ".to_owned()),
        1 => Just("\r\n\t".to_owned()),
        1 => Just(" -- it's a, comment)\n".to_owned()),
        1 => Just("/* a \" ( */".to_owned()),
        1 => Just(" /**/ -- x\n-- y\n ".to_owned()),
    ]
}

fn column_name(index: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(format!("c{index}")),
        Just(format!("\"odd \"\"name\n;{index}\"")),
        Just(format!("[brackets, ) {index}]")),
        Just(format!("`tick``s {index}`")),
        Just(format!("'text {index}'")),
        Just(format!("größe{index}")),
        Just(format!("\"check {index}\"")),
    ]
}

fn type_text() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(""),
        Just("INT"),
        Just("VARCHAR(10)"),
        Just("DECIMAL( 10 , -2 )"),
        Just("unsigned big int"),
        Just("\"quoted type\""),
        Just("[t](3)"),
    ]
}

fn constraint_text() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("NOT NULL"),
        Just("CONSTRAINT n NOT NULL ON CONFLICT IGNORE"),
        Just("NULL"),
        Just("UNIQUE"),
        Just("CONSTRAINT [u u] UNIQUE ON CONFLICT REPLACE"),
        Just("CHECK (1 <> ')' AND (2) IN (2,3))"),
        Just("DEFAULT -1"),
        Just("DEFAULT (1 + (2))"),
        Just("DEFAULT 'a'')'"),
        Just("DEFAULT \"dq\""),
        Just("DEFAULT CURRENT_TIMESTAMP"),
        Just("COLLATE nocase"),
        Just("CONSTRAINT r REFERENCES p(x) ON DELETE SET NULL NOT DEFERRABLE INITIALLY DEFERRED"),
        Just("REFERENCES [p p] MATCH full ON UPDATE CASCADE"),
        Just("CONSTRAINT lonely"),
    ]
}

fn table_constraint_text() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("CHECK (1 <> ',')"),
        Just("CONSTRAINT tc CHECK (')' <> 2) ON CONFLICT FAIL"),
        Just("CONSTRAINT alone"),
    ]
}

/// One column text: name, type and constraints with noise between them.
fn column_text(index: usize) -> impl Strategy<Value = String> {
    let constraints = prop::collection::vec((noise(), constraint_text()), 0..4);
    (column_name(index), noise(), type_text(), constraints, noise()).prop_map(
        |(name, space, type_name, constraints, end)| {
            let mut text = format!("{name}{space}{type_name}");
            for (space, constraint) in constraints {
                text.push_str(&space);
                text.push_str(constraint);
            }
            text + &end
        },
    )
}

/// A table that SQLite accepts, with 2 to 6 columns.
fn table_text() -> impl Strategy<Value = String> {
    let columns = (2..7_usize).prop_flat_map(|count| {
        (0..count).map(|index| column_text(index).boxed()).collect::<Vec<_>>()
    });
    let constraints = prop::collection::vec((noise(), table_constraint_text(), noise()), 0..3);
    (columns, constraints, noise(), any::<bool>()).prop_map(
        |(columns, constraints, space, commas)| {
            let mut body = columns.join(&format!(",{space}"));
            for (place, (before, constraint, after)) in constraints.into_iter().enumerate() {
                let comma = if place == 0 || commas { "," } else { " " };
                body = format!("{body}{comma}{before}{constraint}{after}");
            }
            format!("CREATE TABLE{space}\"my table\"{space}({space}{body}){space}")
        },
    )
}

fn change() -> impl Strategy<Value = ColumnChange> {
    let default = prop_oneof![
        Just(DefaultChange::Remove),
        Just(DefaultChange::Set("1 + 1".to_owned())),
        Just(DefaultChange::Set("'x,)'".to_owned())),
        Just(DefaultChange::Set("-5".to_owned())),
    ];
    (
        prop::option::of(type_text().prop_map(str::to_owned)),
        prop::option::of(any::<bool>()),
        prop::option::of(default),
        prop::option::of(Just("RTRIM".to_owned())),
    )
        .prop_map(|(type_name, not_null, default, collate)| ColumnChange {
            type_name,
            not_null,
            default,
            collate,
        })
}

/// The columns as SQLite sees them, without one.
fn others(sql: &str, column: &str) -> Vec<judge::Column> {
    judge::columns(sql).into_iter().filter(|other| !same(&other.name, column)).collect()
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn reading_agrees_with_sqlite(sql in table_text()) {
        let table = CreateTable::read(&sql).unwrap();
        prop_assert_eq!(table.name.text, "my table");
        let judged = judge::columns(&sql);
        prop_assert_eq!(table.columns.len(), judged.len());
        for (column, judged) in table.columns.iter().zip(judged) {
            prop_assert_eq!(&column.name.text, &judged.name);
            let type_text = column.type_range.clone().map_or("", |range| &sql[range]);
            // SQLite takes the outer marks off a quoted type, whatever stands between them: `t](3`.
            let quirk = type_text == "[t](3)" && judged.type_name == "t](3";
            prop_assert!(quirk || same(&unquote(type_text), &judged.type_name), "{type_text}");
            prop_assert_eq!(column.constraint(ConstraintKind::NotNull).is_some(), judged.not_null);
            let default = column.constraint(ConstraintKind::Default).map(|constraint| {
                let text = &sql[constraint.operand.clone().unwrap()];
                text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).to_owned()
            });
            prop_assert_eq!(default, judged.default);
        }
    }

    #[test]
    fn altering_a_column_leaves_the_others_alone(
        sql in table_text(), change in change(), pick in any::<prop::sample::Index>(),
    ) {
        let before = judge::columns(&sql);
        let place = pick.index(before.len());
        let name = before[place].name.clone();
        let edited = alter_column(&sql, &name, &change).unwrap();
        prop_assert_eq!(others(&edited, &name), others(&sql, &name));
        let after = judge::columns(&edited);
        prop_assert_eq!(after.len(), before.len());
        let (old, new) = (&before[place], &after[place]);
        prop_assert_eq!(&new.name, &old.name);
        prop_assert_eq!(new.not_null, change.not_null.unwrap_or(old.not_null));
        match &change.default {
            None => prop_assert_eq!(&new.default, &old.default),
            Some(DefaultChange::Remove) => prop_assert_eq!(&new.default, &None),
            Some(DefaultChange::Set(value)) => {
                prop_assert_eq!(new.default.as_deref(), Some(value.as_str()));
            }
        }
        if let Some(type_name) = &change.type_name {
            prop_assert_eq!(new.type_name.is_empty(), type_name.is_empty());
        } else {
            prop_assert_eq!(&new.type_name, &old.type_name);
        }
    }

    #[test]
    fn dropping_a_column_leaves_the_others_alone(
        sql in table_text(), pick in any::<prop::sample::Index>(),
    ) {
        let names = judge::column_names(&sql);
        let name = &names[pick.index(names.len())];
        let edited = drop_column(&sql, name).unwrap();
        prop_assert_eq!(judge::columns(&edited), others(&sql, name));
    }

    #[test]
    fn adding_a_column_leaves_the_others_alone(
        sql in table_text(), definition in column_text(99), pick in any::<prop::sample::Index>(),
    ) {
        let before = judge::columns(&sql);
        let place = pick.index(before.len());
        let edited = add_column(&sql, &definition, Some(&before[place].name)).unwrap();
        let mut after = judge::columns(&edited);
        after.remove(place + 1);
        prop_assert_eq!(after, before);
    }

    #[test]
    fn an_appended_column_is_stored_as_sqlite_stores_it(sql in table_text(), type_name in type_text()) {
        let connection = judge::accepted(&sql);
        let stored = judge::stored(&connection);
        let definition = format!("n {type_name}");
        connection.execute_batch(&format!("ALTER TABLE \"my table\" ADD COLUMN {definition}")).unwrap();
        prop_assert_eq!(add_column(&stored, &definition, None).unwrap(), judge::stored(&connection));
    }

    #[test]
    fn dropping_an_added_constraint_gives_the_bytes_back(sql in table_text()) {
        let added = add_constraint(&sql, "CONSTRAINT fresh CHECK (7 > 6)").unwrap();
        judge::accepted(&added);
        let dropped = drop_constraint(&added, &ConstraintRef::Name("FRESH")).unwrap();
        prop_assert_eq!(&dropped, &sql);
        let dropped = drop_constraint(&added, &ConstraintRef::Sql("check(7>6)")).unwrap();
        prop_assert_eq!(&dropped, &sql);
    }

    #[test]
    fn dropping_any_constraint_leaves_a_table_that_sqlite_accepts(
        sql in table_text(), pick in any::<prop::sample::Index>(),
    ) {
        let table = CreateTable::read(&sql).unwrap();
        let columns = table.columns.iter().flat_map(|column| &column.constraints);
        let all: Vec<_> = columns.chain(&table.constraints).collect();
        prop_assume!(!all.is_empty());
        let wanted = &sql[all[pick.index(all.len())].range.clone()];
        if let Ok(edited) = drop_constraint(&sql, &ConstraintRef::Sql(wanted)) {
            prop_assert_eq!(judge::column_names(&edited), judge::column_names(&sql));
            let left = CreateTable::read(&edited).unwrap();
            let count = left.constraints.len()
                + left.columns.iter().map(|column| column.constraints.len()).sum::<usize>();
            // A name that stood alone before the dropped constraint passes to the one behind it.
            let lonely = all.iter().any(|constraint| constraint.kind == ConstraintKind::NameOnly);
            prop_assert!(count + 1 == all.len() || (lonely && count + 2 == all.len()));
        }
    }

    #[test]
    fn renaming_changes_the_name_only(sql in table_text(), name in "\\PC{0,12}") {
        let renamed = rename_object(&sql, &name).unwrap();
        prop_assert_eq!(renamed, sql.replacen("\"my table\"", &quote(&name), 1));
    }
}

/// Runs every function on the text; only a panic is a failure.
fn run_everything(text: &str, piece: &str) {
    let change = ColumnChange {
        type_name: Some(piece.to_owned()),
        not_null: Some(piece.len().is_multiple_of(2)),
        default: Some(DefaultChange::Set(piece.to_owned())),
        collate: Some(piece.to_owned()),
    };
    let names = [piece.to_owned()];
    drop(CreateTable::read(text));
    drop(object_head(text));
    drop(rename_object(text, piece));
    drop(retarget_index(text, piece, piece));
    for column in [piece, "a", "b"] {
        drop(add_column(text, piece, Some(column)));
        drop(drop_column(text, column));
        drop(alter_column(text, column, &change));
    }
    drop(add_column(text, piece, None));
    drop(add_constraint(text, piece));
    drop(drop_constraint(text, &ConstraintRef::Name(piece)));
    drop(drop_constraint(text, &ConstraintRef::Sql(piece)));
    drop(view_columns_range(text));
    drop(view_with_columns(text, &names));
    drop(without_view_columns(text));
    drop(virtual_table_arguments(text));
    drop(set_virtual_argument(text, 0, piece));
    drop(virtual_option(text).map(|option| option.with_value(piece)));
    mentions(text, &[piece]);
}

/// Texts that look like DDL for a while.
fn nearly_sql() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "CREATE",
        "TABLE",
        "VIEW",
        "INDEX",
        "VIRTUAL",
        "USING",
        "m",
        "ON",
        "AS",
        "IF",
        "NOT",
        "EXISTS",
        "t",
        "a",
        "b",
        "INT",
        "NULL",
        "DEFAULT",
        "CHECK",
        "PRIMARY",
        "KEY",
        "UNIQUE",
        "CONSTRAINT",
        "REFERENCES",
        "FOREIGN",
        "GENERATED",
        "ALWAYS",
        "COLLATE",
        "DEFERRABLE",
        "(",
        ")",
        ",",
        ".",
        ";",
        "=",
        "-",
        "+",
        "1",
        "'x'",
        "\"y\"",
        "[z",
        "-- c\n",
        "/* d */",
        "/*",
        "\n",
        " ",
        "\0",
        "é",
        "x'00'",
        "'",
        "AUTOINCREMENT",
        "CONFLICT",
        "WITHOUT",
        "ROWID",
    ]);
    let heads = prop::sample::select(vec![
        "",
        "CREATE TABLE t(a ",
        "CREATE TABLE t(a,b ",
        "CREATE VIEW v ",
        "CREATE VIRTUAL TABLE t USING m(",
        "CREATE INDEX i ON t",
        "CREATE TABLE t(a INT, CHECK (a) ",
    ]);
    let tails = prop::sample::select(vec!["", ")", "\n)", " AS SELECT 1"]);
    (heads, prop::collection::vec((words, any::<bool>()), 0..14), tails).prop_map(
        |(head, words, tail)| {
            let mut text = head.to_owned();
            for (word, spaced) in words {
                text.push_str(word);
                text.push_str(if spaced { " " } else { "" });
            }
            text + tail
        },
    )
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn no_text_makes_anything_panic(text in any::<String>(), piece in any::<String>()) {
        run_everything(&text, &piece);
    }

    #[test]
    fn no_nearly_valid_text_makes_anything_panic(text in nearly_sql(), piece in nearly_sql()) {
        run_everything(&text, &piece);
    }

    #[test]
    fn no_piece_breaks_a_valid_table(piece in nearly_sql()) {
        let sql = "CREATE TABLE t(a INT DEFAULT 1 COLLATE nocase -- x\n, b, CHECK (a))";
        run_everything(sql, &piece);
        for edited in [
            add_column(sql, &piece, None),
            add_column(sql, &piece, Some("a")),
        ].into_iter().flatten() {
            prop_assert_eq!(CreateTable::read(&edited).unwrap().columns.len(), 3);
        }
        if let Ok(edited) = add_constraint(sql, &piece) {
            let table = CreateTable::read(&edited).unwrap();
            prop_assert_eq!((table.columns.len(), table.constraints.len()), (2, 2));
        }
    }
}
