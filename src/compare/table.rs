//! The parts of a table: its columns, constraints and options, read from the stored text.

use crate::name::{fold, same};
use crate::schema::{Affinity, Column, ColumnOrder, Table, text_form};
use crate::sql::{
    ColumnDefinition, Constraint, ConstraintKind, CreateTable, TableOptionKind, unquote,
};
use crate::text::one_line;

use super::default::{Meaning, meaning_of};
use super::difference::{
    ColumnAspect, ColumnDifference, ConstraintDifference, Difference, Presence, TableOptionName,
};

/// Names the differences between two tables; none if only their spelling differs.
pub(super) fn compare_tables(
    (expected, found): (&str, &str),
    shapes: (Option<&Table>, Option<&Table>),
    order: ColumnOrder,
) -> Vec<Difference> {
    let (Some(wanted), Some(here)) =
        (Parts::read(expected, shapes.0), Parts::read(found, shapes.1))
    else {
        return vec![Difference::Text];
    };
    let mut found = compare_columns(&wanted, &here, order);
    found.extend(compare_constraints(&wanted, &here));
    found.extend(compare_options(&wanted, &here));
    found
}

/// A table taken apart.
struct Parts<'s> {
    columns: Vec<ColumnParts>,
    constraints: Vec<ConstraintParts>,
    options: Vec<TableOptionName>,
    shape: Option<&'s Table>,
}

/// A column without the constraints that a table could have as well.
struct ColumnParts {
    name: String,
    declared: Vec<String>,
    not_null: Option<Vec<String>>,
    default: Meaning,
    collation: String,
    generated: Option<Vec<String>>,
    /// The declaration, in short.
    words: String,
}

/// A constraint of the table, or of a column as the table would have it.
struct ConstraintParts {
    kind: &'static str,
    form: Vec<String>,
    text: String,
}

impl<'s> Parts<'s> {
    fn read(sql: &str, shape: Option<&'s Table>) -> Option<Self> {
        let table = CreateTable::read(sql).ok()?;
        let mut options: Vec<TableOptionName> = table
            .options
            .iter()
            .map(|option| match option.kind {
                TableOptionKind::WithoutRowid => TableOptionName::WithoutRowid,
                TableOptionKind::Strict => TableOptionName::Strict,
            })
            .collect();
        let strict = options.contains(&TableOptionName::Strict);
        let mut constraints: Vec<ConstraintParts> = Vec::new();
        for column in &table.columns {
            for constraint in &column.constraints {
                if constraint.kind == ConstraintKind::Deferrable {
                    let key = constraints.iter_mut().rfind(|it| it.kind == FOREIGN_KEY);
                    if let Some(key) = key {
                        key.form.extend(text_form(&sql[constraint.range.clone()]));
                    }
                    continue;
                }
                let read = ConstraintParts::of_column(sql, column, constraint);
                constraints
                    .extend(read.filter(|it| !constraints.iter().any(|one| one.form == it.form)));
            }
        }
        let own = table.constraints.iter().filter_map(|it| ConstraintParts::of_table(sql, it));
        constraints.extend(own);
        for constraint in constraints.iter_mut().filter(|it| it.kind == PRIMARY_KEY) {
            let before = constraint.form.len();
            constraint.form.retain(|token| token != "n autoincrement");
            if constraint.form.len() < before {
                options.push(TableOptionName::Autoincrement);
            }
        }
        let columns = table.columns.iter().map(|it| ColumnParts::read(sql, it, strict)).collect();
        Some(Self { columns, constraints, options, shape })
    }

    fn column(&self, name: &str) -> Option<&ColumnParts> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// The place of a column in the primary key, from 1; 0 if it is not part of it.
    fn key(&self, column: &str) -> usize {
        let found: Option<&Column> = self.shape.and_then(|table| table.column(column));
        found.map_or(0, |column| column.key)
    }
}

const PRIMARY_KEY: &str = "primary_key";
const FOREIGN_KEY: &str = "foreign_key";

impl ColumnParts {
    fn read(sql: &str, column: &ColumnDefinition, strict: bool) -> Self {
        let operand = |kind| {
            let constraint = column.constraint(kind)?;
            constraint.operand.clone().map(|range| &sql[range])
        };
        let whole = |kind| column.constraint(kind).map(|it| unnamed(sql, it));
        let declared = column.type_range.clone().map_or("", |range| &sql[range]);
        // In a STRICT table, ANY stores every value as it is: https://sqlite.org/stricttables.html
        let affinity = if strict && same(declared, "ANY") { "" } else { declared };
        let collation = operand(ConstraintKind::Collate).map(|it| fold(&unquote(it)));
        let generated = whole(ConstraintKind::Generated).map(generated_form);
        Self {
            name: column.name.text.clone(),
            declared: text_form(declared),
            not_null: whole(ConstraintKind::NotNull),
            default: meaning_of(operand(ConstraintKind::Default), Affinity::of(affinity)),
            collation: collation.filter(|it| it != "binary").unwrap_or_default(),
            generated,
            words: words(sql, column, declared),
        }
    }

    fn apart(&self, other: &Self) -> Vec<ColumnAspect> {
        let mut aspects = Vec::new();
        if self.declared != other.declared {
            aspects.push(ColumnAspect::Type);
        }
        if self.not_null != other.not_null {
            aspects.push(ColumnAspect::NotNull);
        }
        if self.default != other.default {
            aspects.push(ColumnAspect::Default);
        }
        if self.collation != other.collation {
            aspects.push(ColumnAspect::Collation);
        }
        if self.generated != other.generated {
            aspects.push(ColumnAspect::Generated);
        }
        aspects
    }
}

/// `GENERATED ALWAYS` and `VIRTUAL` may be left out.
fn generated_form(form: Vec<String>) -> Vec<String> {
    let mut form = form;
    if form.first().is_some_and(|it| it == "n generated") {
        form.drain(..2);
    }
    if form.last().is_some_and(|it| it == "n virtual") {
        form.pop();
    }
    form
}

/// Returns the tokens of a constraint without its name.
fn unnamed(sql: &str, constraint: &Constraint) -> Vec<String> {
    let form = text_form(&sql[constraint.range.clone()]);
    form.into_iter().skip(if constraint.name.is_some() { 2 } else { 0 }).collect()
}

/// The declaration of a column as a person would say it.
fn words(sql: &str, column: &ColumnDefinition, declared: &str) -> String {
    let mut text = if declared.is_empty() {
        "untyped".to_owned()
    } else {
        one_line(declared).to_ascii_uppercase()
    };
    for kind in [
        ConstraintKind::NotNull,
        ConstraintKind::Default,
        ConstraintKind::Collate,
        ConstraintKind::Generated,
    ] {
        if let Some(constraint) = column.constraint(kind) {
            text.push(' ');
            text.push_str(&one_line(&sql[constraint.range.clone()]));
        }
    }
    text
}

impl ConstraintParts {
    /// Reads a constraint of a column as the table would have it; `None` for what belongs to the column alone.
    fn of_column(sql: &str, column: &ColumnDefinition, constraint: &Constraint) -> Option<Self> {
        let form = unnamed(sql, constraint);
        let listed = ["(".to_owned(), format!("n {}", fold(&column.name.text)), ")".to_owned()];
        let after = |words: usize| form.iter().skip(words).cloned();
        let (kind, form): (_, Vec<String>) = match constraint.kind {
            ConstraintKind::Unique => {
                ("unique", form.iter().take(1).cloned().chain(listed).chain(after(1)).collect())
            }
            // INTEGER PRIMARY KEY DESC is no alias of the rowid, other than in a table constraint:
            // https://sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key
            ConstraintKind::PrimaryKey => {
                let rest = after(2).filter(|token| token != "n asc");
                (PRIMARY_KEY, form.iter().take(2).cloned().chain(listed).chain(rest).collect())
            }
            ConstraintKind::Check => ("check", form),
            ConstraintKind::References => {
                let words = ["n foreign".to_owned(), "n key".to_owned()];
                (FOREIGN_KEY, words.into_iter().chain(listed).chain(form).collect())
            }
            ConstraintKind::NotNull
            | ConstraintKind::Null
            | ConstraintKind::Default
            | ConstraintKind::Collate
            | ConstraintKind::ForeignKey
            | ConstraintKind::Generated
            | ConstraintKind::Deferrable
            | ConstraintKind::NameOnly => return None,
        };
        let text = format!("{} {}", column.name.text, one_line(&sql[constraint.range.clone()]));
        Some(Self { kind, form: named(constraint, form), text })
    }

    fn of_table(sql: &str, constraint: &Constraint) -> Option<Self> {
        let kind = match constraint.kind {
            ConstraintKind::Unique => "unique",
            ConstraintKind::PrimaryKey => PRIMARY_KEY,
            ConstraintKind::Check => "check",
            ConstraintKind::ForeignKey => FOREIGN_KEY,
            ConstraintKind::NotNull
            | ConstraintKind::Null
            | ConstraintKind::Default
            | ConstraintKind::Collate
            | ConstraintKind::References
            | ConstraintKind::Generated
            | ConstraintKind::Deferrable
            | ConstraintKind::NameOnly => return None,
        };
        let text = one_line(&sql[constraint.range.clone()]);
        Some(Self { kind, form: named(constraint, unnamed(sql, constraint)), text })
    }
}

/// Puts the name of a constraint, if it has one, before its tokens.
fn named(constraint: &Constraint, form: Vec<String>) -> Vec<String> {
    let name = constraint.name.as_ref().map(|name| format!("named {}", fold(&name.text)));
    name.into_iter().chain(form).collect()
}

fn compare_columns(wanted: &Parts<'_>, here: &Parts<'_>, order: ColumnOrder) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut is_same_set = true;
    for column in &wanted.columns {
        let Some(other) = here.column(&column.name) else {
            is_same_set = false;
            let presence = Presence::Missing;
            found.push(Difference::Column { column: column.name.clone(), presence });
            continue;
        };
        let mut aspects = column.apart(other);
        let keys = (wanted.key(&column.name), here.key(&other.name));
        if keys.0 != keys.1 {
            aspects.push(ColumnAspect::PrimaryKey);
        }
        if !aspects.is_empty() {
            let in_key = |words: &str, key: usize| match key {
                0 => words.to_owned(),
                key => format!("{words} as part {key} of the key"),
            };
            let (mut expected, mut is) = (column.words.clone(), other.words.clone());
            if keys.0 != keys.1 {
                (expected, is) = (in_key(&expected, keys.0), in_key(&is, keys.1));
            }
            let column = column.name.clone();
            let difference = ColumnDifference { column, aspects, expected, found: is };
            found.push(Difference::ColumnDefinition(difference));
        }
    }
    for column in here.columns.iter().filter(|it| wanted.column(&it.name).is_none()) {
        is_same_set = false;
        let presence = Presence::Unexpected;
        found.push(Difference::Column { column: column.name.clone(), presence });
    }
    let mut pairs = wanted.columns.iter().zip(&here.columns);
    if is_same_set && order == ColumnOrder::Same && !pairs.all(|(a, b)| same(&a.name, &b.name)) {
        found.push(Difference::ColumnOrder);
    }
    found
}

fn compare_constraints(wanted: &Parts<'_>, here: &Parts<'_>) -> Vec<Difference> {
    let only_in = |one: &Parts<'_>, other: &Parts<'_>, presence: Presence| -> Vec<Difference> {
        let mut left: Vec<&[String]> =
            other.constraints.iter().map(|it| it.form.as_slice()).collect();
        let mut found = Vec::new();
        for constraint in &one.constraints {
            match left.iter().position(|form| *form == constraint.form) {
                Some(place) => {
                    left.remove(place);
                }
                None => found.push(Difference::Constraint(ConstraintDifference {
                    kind: constraint.kind,
                    text: constraint.text.clone(),
                    presence,
                })),
            }
        }
        found
    };
    // A key that another column has is a difference of the columns.
    let moved = |found: &Difference| {
        let keys_differ = wanted.columns.iter().any(|column| {
            here.column(&column.name).is_some()
                && wanted.key(&column.name) != here.key(&column.name)
        });
        matches!(found, Difference::Constraint(it) if it.kind == PRIMARY_KEY) && keys_differ
    };
    let mut found = only_in(wanted, here, Presence::Missing);
    found.extend(only_in(here, wanted, Presence::Unexpected));
    found.retain(|it| !moved(it));
    found
}

fn compare_options(wanted: &Parts<'_>, here: &Parts<'_>) -> Vec<Difference> {
    let only_in = |one: &Parts<'_>, other: &Parts<'_>, presence: Presence| -> Vec<Difference> {
        let absent = one.options.iter().filter(|option| !other.options.contains(option));
        absent.map(|option| Difference::TableOption { option: *option, presence }).collect()
    };
    let mut found = only_in(wanted, here, Presence::Missing);
    found.extend(only_in(here, wanted, Presence::Unexpected));
    found
}
