//! Makes ordinary tables.

use super::chance::Chance;
use super::expressions::{condition, default, mention, value};
use super::model::{Clause, Column, Id, Piece, Rule, Schema, Source, Table, Template, text};
use super::names::{Names, Style, gap};

const TYPES: [&str; 13] = [
    "INTEGER",
    "INT",
    "TEXT",
    "TEXT",
    "REAL",
    "BLOB",
    "NUMERIC",
    "",
    "VARCHAR(20)",
    "DECIMAL(10, 2)",
    "DATETIME",
    "double  precision",
    "Text",
];
const STRICT_TYPES: [&str; 6] = ["INTEGER", "INT", "TEXT", "REAL", "BLOB", "ANY"];
const CONFLICTS: [&str; 9] = [
    "",
    "",
    "",
    "",
    " ON CONFLICT ABORT",
    " ON CONFLICT IGNORE",
    " ON CONFLICT REPLACE",
    " ON CONFLICT FAIL",
    " ON CONFLICT ROLLBACK",
];

/// A type that a column of this table may have.
pub fn type_for(chance: &mut Chance, strict: bool) -> &'static str {
    if strict { chance.word(&STRICT_TYPES) } else { chance.word(&TYPES) }
}

/// Makes a clause, perhaps with a name.
pub fn clause(schema: &mut Schema, chance: &mut Chance, rule: Rule, body: Template) -> Clause {
    let id = schema.id();
    let nameable = !matches!(rule, Rule::Default | Rule::Collate | Rule::Generated);
    let name = (nameable && chance.percent(25)).then(|| format!("rule_{id}"));
    let mut template = Vec::new();
    if let Some(name) = &name {
        template = text(format!("CONSTRAINT {name}{}", gap(chance)));
    }
    template.extend(body);
    Clause { id, rule, name, template }
}

/// Makes a check over columns.
pub fn check(schema: &mut Schema, chance: &mut Chance, columns: &[Id]) -> Clause {
    let mut body = text(chance.word(&["CHECK (", "check(", "CHECK ( "]));
    body.extend(condition(chance, columns));
    body.extend(text(")"));
    clause(schema, chance, Rule::Check, body)
}

/// Makes a constraint over several columns, such as UNIQUE (a, b).
pub fn keyed(schema: &mut Schema, chance: &mut Chance, rule: Rule, columns: &[Id]) -> Clause {
    let word = if rule == Rule::PrimaryKey { "PRIMARY KEY" } else { "UNIQUE" };
    let mut body = text(format!("{word}{}(", chance.word(&["", " "])));
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            body.extend(text(", "));
        }
        body.push(mention(chance, *column));
        if chance.percent(10) {
            body.extend(text(" DESC"));
        }
    }
    body.extend(text(format!("){}", chance.word(&CONFLICTS))));
    clause(schema, chance, rule, body)
}

/// Makes an ordinary column with the clauses that any column may have.
pub fn column(schema: &mut Schema, chance: &mut Chance, names: &mut Names, strict: bool) -> Column {
    let id = schema.id();
    let name = names.column(chance);
    let type_name = type_for(chance, strict).to_owned();
    let mut clauses = Vec::new();
    if chance.percent(15) {
        let body = text(format!("NOT{}NULL{}", gap(chance), chance.word(&CONFLICTS)));
        clauses.push(clause(schema, chance, Rule::NotNull, body));
    }
    if chance.percent(35) {
        let body = text(format!("DEFAULT{}{}", gap(chance), default(chance, &type_name)));
        clauses.push(clause(schema, chance, Rule::Default, body));
    }
    if chance.percent(10) {
        let body = text(format!("UNIQUE{}", chance.word(&CONFLICTS)));
        clauses.push(clause(schema, chance, Rule::Unique, body));
    }
    if chance.percent(15) {
        let word = chance.word(&["NOCASE", "RTRIM", "binary"]);
        let word = if chance.strange(20) { "app_order" } else { word };
        let body = text(format!("COLLATE {word}"));
        clauses.push(clause(schema, chance, Rule::Collate, body));
    }
    chance.shuffle(&mut clauses);
    let lead = gap(chance).to_owned();
    let trail = if chance.percent(8) { gap(chance).to_owned() } else { String::new() };
    let style = Style::calm(chance);
    let born = name.clone();
    Column {
        id,
        name,
        born,
        style,
        type_name,
        clauses,
        lead,
        trail,
        source: Source::Kept,
        through: Vec::new(),
    }
}

/// Makes a table with its key, its columns and their checks; foreign keys come later.
pub fn table(schema: &mut Schema, chance: &mut Chance, names: &mut Names) -> Table {
    let name = names.object(chance);
    let strict = chance.percent(12);
    let mut within = Names::default();
    let mut table = Table {
        id: schema.id(),
        born: name.clone(),
        name,
        style: Style::calm(chance),
        columns: Vec::new(),
        constraints: Vec::new(),
        module: None,
        without_rowid: false,
        strict,
        ends: (gap(chance).to_owned(), String::new()),
        edited: false,
        reordered: false,
        dirty: false,
    };
    let many = chance.percent(3);
    for _ in 0..chance.between(1, 6) {
        table.columns.push(column(schema, chance, &mut within, strict));
    }
    if many {
        widen(schema, chance, &mut table);
    }
    add_key(schema, chance, &mut table);
    add_checks(schema, chance, &mut table);
    add_generated(schema, chance, &mut table, &mut within);
    // SQLite cuts off what stands behind the last word.
    if chance.percent(20) && (table.strict || table.without_rowid) {
        table.ends.1 = " /* the end */".to_owned();
    }
    table
}

/// Adds plain columns until there are many, up to the most that SQLite allows.
fn widen(schema: &mut Schema, chance: &mut Chance, table: &mut Table) {
    let wanted = *chance.pick(&[70, 120, 300, 700, 1990, 1999, 2000]);
    while table.columns.len() < wanted {
        let name = format!("wide{}", table.columns.len());
        let type_name = type_for(chance, table.strict).to_owned();
        table.columns.push(Column {
            id: schema.id(),
            born: name.clone(),
            name,
            style: Style::PLAIN,
            type_name,
            clauses: Vec::new(),
            lead: " ".to_owned(),
            trail: String::new(),
            source: Source::Kept,
            through: Vec::new(),
        });
    }
}

fn add_key(schema: &mut Schema, chance: &mut Chance, table: &mut Table) {
    let place = chance.below(table.columns.len());
    match chance.below(10) {
        0..=2 => {
            let word = chance.word(&["PRIMARY KEY", "primary key", "PRIMARY KEY AUTOINCREMENT"]);
            set_key(schema, chance, (&mut table.columns[place], word), "INTEGER");
        }
        3 => {
            let word = chance.word(&["PRIMARY KEY", "PRIMARY KEY DESC", "PRIMARY KEY ASC"]);
            let kind =
                if table.strict { "TEXT" } else { chance.word(&["TEXT", "INT", "", "INTEGER"]) };
            set_key(schema, chance, (&mut table.columns[place], word), kind);
            table.without_rowid = chance.percent(25);
        }
        4..=5 => {
            let mut columns: Vec<Id> = table.columns.iter().map(|it| it.id).collect();
            chance.shuffle(&mut columns);
            let columns = chance.few(&columns, 3);
            let key = keyed(schema, chance, Rule::PrimaryKey, &columns);
            table.constraints.push(key);
            table.without_rowid = chance.percent(60);
        }
        _ => {}
    }
}

fn set_key(schema: &mut Schema, chance: &mut Chance, column: (&mut Column, &str), kind: &str) {
    let (column, word) = column;
    kind.clone_into(&mut column.type_name);
    column.clauses.retain(|it| it.rule == Rule::NotNull);
    let key = clause(schema, chance, Rule::PrimaryKey, text(word));
    column.clauses.insert(0, key);
}

fn add_checks(schema: &mut Schema, chance: &mut Chance, table: &mut Table) {
    let all: Vec<Id> = table.columns.iter().map(|it| it.id).collect();
    for place in 0..table.columns.len() {
        if chance.percent(8) {
            let own = table.columns[place].id;
            let check = check(schema, chance, &[own]);
            table.columns[place].clauses.push(check);
        }
    }
    if chance.percent(15) {
        table.constraints.push(check(schema, chance, &all));
    }
    if chance.percent(15) {
        let mut columns = all.clone();
        chance.shuffle(&mut columns);
        let columns = chance.few(&columns, 2);
        table.constraints.push(keyed(schema, chance, Rule::Unique, &columns));
    }
}

/// Adds columns that are computed from the others.
fn add_generated(schema: &mut Schema, chance: &mut Chance, table: &mut Table, names: &mut Names) {
    let plain: Vec<Id> = table.columns.iter().map(|it| it.id).collect();
    while chance.percent(15) && plain.len() < 1990 {
        let mut made = column(schema, chance, names, table.strict);
        if table.strict {
            "ANY".clone_into(&mut made.type_name);
        }
        made.clauses.retain(|it| it.rule == Rule::Collate);
        let clause = generated(schema, chance, &plain);
        made.clauses.push(clause);
        let place = chance.below(table.columns.len() + 1);
        table.columns.insert(place, made);
    }
}

/// Makes the clause of a generated column.
pub fn generated(schema: &mut Schema, chance: &mut Chance, columns: &[Id]) -> Clause {
    let mut body = text(chance.word(&["AS (", "GENERATED ALWAYS AS ("]));
    body.extend(value(chance, columns));
    body.extend(text(chance.word(&[")", ") VIRTUAL", ") STORED", ") stored"])));
    clause(schema, chance, Rule::Generated, body)
}

/// Adds a foreign key to a table, to any table or to itself.
pub fn add_foreign_key(schema: &mut Schema, chance: &mut Chance, child: Id) {
    let parents: Vec<(Id, Vec<Id>)> = schema
        .tables
        .iter()
        .filter(|it| it.module.is_none())
        .flat_map(|it| keys_of(it).into_iter().map(move |key| (it.id, key)))
        .collect();
    let Some((parent, key)) = chance.some(&parents) else { return };
    let Some(table) = schema.table(child) else { return };
    let mut own: Vec<Id> =
        table.columns.iter().filter(|it| !it.has(Rule::Generated)).map(|it| it.id).collect();
    if own.len() < key.len() {
        return;
    }
    chance.shuffle(&mut own);
    own.truncate(key.len());
    let tail = references(chance, parent, &key);
    if own.len() == 1 && chance.percent(50) {
        let made = clause(schema, chance, Rule::References, tail);
        if let Some(column) = schema.column_mut(own[0]) {
            column.clauses.push(made);
        }
        return;
    }
    let mut body = text("FOREIGN KEY (");
    for (place, column) in own.iter().enumerate() {
        if place > 0 {
            body.extend(text(", "));
        }
        body.push(mention(chance, *column));
    }
    body.extend(text(") "));
    body.extend(tail);
    let made = clause(schema, chance, Rule::References, body);
    if let Some(table) = schema.table_mut(child) {
        table.constraints.push(made);
    }
}

/// From REFERENCES on.
fn references(chance: &mut Chance, parent: Id, key: &[Id]) -> Template {
    let mut body = text("REFERENCES ");
    body.push(Piece::Table(parent, Style::any(chance)));
    body.extend(text("("));
    for (place, column) in key.iter().enumerate() {
        if place > 0 {
            body.extend(text(" , "));
        }
        body.push(mention(chance, *column));
    }
    body.extend(text(")"));
    let action = chance.word(&[
        "",
        "",
        " ON DELETE CASCADE",
        " ON UPDATE SET NULL",
        " ON DELETE SET DEFAULT ON UPDATE CASCADE",
        " ON DELETE RESTRICT",
        " MATCH FULL",
    ]);
    let moment = chance.word(&["", "", "", " DEFERRABLE INITIALLY DEFERRED", " NOT DEFERRABLE"]);
    body.extend(text(format!("{action}{moment}")));
    body
}

/// The columns by which rows of a table can be referred to.
fn keys_of(table: &Table) -> Vec<Vec<Id>> {
    let mut keys: Vec<Vec<Id>> = table
        .columns
        .iter()
        .filter(|it| it.has(Rule::PrimaryKey) || it.has(Rule::Unique))
        .map(|it| vec![it.id])
        .collect();
    for constraint in &table.constraints {
        if matches!(constraint.rule, Rule::PrimaryKey | Rule::Unique) {
            let columns = constraint.template.iter().filter_map(|piece| match piece {
                Piece::Column(id, _) => Some(*id),
                _ => None,
            });
            keys.push(columns.collect());
        }
    }
    keys
}
