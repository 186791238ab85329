//! Makes indexes, views, triggers and virtual tables over the tables of a schema.

use super::chance::Chance;
use super::expressions::{condition, index_keys, mention, value};
use super::model::{
    Id, Index, Module, Owner, Piece, Rule, Schema, Table, Template, Trigger, View, text,
};
use super::names::{Names, Style, gap, quoted};

/// Ordinary tables, by id.
pub fn ordinary(schema: &Schema) -> Vec<Id> {
    schema.tables.iter().filter(|it| it.module.is_none()).map(|it| it.id).collect()
}

/// The columns of a table, by id.
pub fn columns(schema: &Schema, table: Id) -> Vec<Id> {
    schema.table(table).map(|it| it.columns.iter().map(|it| it.id).collect()).unwrap_or_default()
}

/// The columns of a table into which values can be written.
pub fn writable(schema: &Schema, table: Id) -> Vec<Id> {
    let Some(table) = schema.table(table) else { return Vec::new() };
    table.columns.iter().filter(|it| !it.has(Rule::Generated)).map(|it| it.id).collect()
}

/// Makes an index on some table.
pub fn index(schema: &mut Schema, chance: &mut Chance, names: &mut Names) -> Option<Index> {
    let table = chance.some(&ordinary(schema))?;
    let keys = index_keys(chance, &columns(schema, table));
    let style = Style::calm(chance);
    let unique = chance.percent(15);
    Some(Index { id: schema.id(), name: names.object(chance), style, table, unique, keys })
}

/// Makes a view on tables or on another view.
pub fn view(schema: &mut Schema, chance: &mut Chance, names: &mut Names) -> Option<View> {
    let name = names.object(chance);
    match chance.below(5) {
        0 if !schema.views.is_empty() => {
            let below = chance.pick(&schema.views).clone();
            Some(view_on_view(chance, name, &below))
        }
        1 => {
            let table = chance.some(&ordinary(schema))?;
            let mut body = text("SELECT * FROM ");
            body.push(Piece::Table(table, Style::any(chance)));
            let outputs = schema.table(table)?.columns.iter().map(|it| it.name.clone()).collect();
            Some(View { name, body, outputs, stars: vec![table], reads: vec![table], below: None })
        }
        2 => join_view(schema, chance, name),
        _ => plain_view(schema, chance, name),
    }
}

fn view_on_view(chance: &mut Chance, name: String, below: &View) -> View {
    let from = quoted(&below.name);
    let (body, outputs, stars) = if chance.percent(40) {
        (text(format!("SELECT * FROM {from}")), below.outputs.clone(), below.stars.clone())
    } else {
        let outputs = chance.few(&below.outputs, 2);
        let list: Vec<String> = outputs.iter().map(|it| quoted(it)).collect();
        (text(format!("SELECT {} FROM {from}", list.join(", "))), outputs, Vec::new())
    };
    let reads = below.reads.clone();
    View { name, body, outputs, stars, reads, below: Some(below.name.clone()) }
}

fn plain_view(schema: &Schema, chance: &mut Chance, name: String) -> Option<View> {
    let table = chance.some(&ordinary(schema))?;
    let all = columns(schema, table);
    let mut body = text(chance.word(&["SELECT ", "SELECT DISTINCT ", "select /* c */ "]));
    let mut outputs = Vec::new();
    for (place, column) in chance.few(&all, 3).into_iter().enumerate() {
        if place > 0 {
            body.extend(text(", "));
        }
        if chance.percent(15) {
            body.push(Piece::Table(table, Style::PLAIN));
            body.extend(text("."));
        }
        body.push(mention(chance, column));
        if chance.percent(30) {
            body.extend(text(format!(" AS out{place}")));
            outputs.push(format!("out{place}"));
        } else {
            outputs.push(schema.column(column)?.name.clone());
        }
    }
    if chance.percent(30) || chance.strange(30) {
        body.extend(text(", "));
        body.extend(value(chance, &all));
        body.extend(text(" AS computed"));
        outputs.push("computed".to_owned());
    }
    body.extend(text(format!("{}FROM ", gap(chance))));
    body.push(Piece::Table(table, Style::any(chance)));
    if chance.percent(40) {
        body.extend(text(" WHERE "));
        body.extend(condition(chance, &all));
    }
    Some(View { name, body, outputs, stars: Vec::new(), reads: vec![table], below: None })
}

fn join_view(schema: &Schema, chance: &mut Chance, name: String) -> Option<View> {
    let (one, two) = (chance.some(&ordinary(schema))?, chance.some(&ordinary(schema))?);
    let (left, right) = (chance.some(&columns(schema, one))?, chance.some(&columns(schema, two))?);
    let mut body = text("SELECT p.");
    body.push(mention(chance, left));
    body.extend(text(" AS l, q."));
    body.push(mention(chance, right));
    body.extend(text(" AS r, count(*) AS n FROM "));
    body.push(Piece::Table(one, Style::any(chance)));
    body.extend(text(" AS p LEFT JOIN "));
    body.push(Piece::Table(two, Style::any(chance)));
    body.extend(text(" q ON p."));
    body.push(mention(chance, left));
    body.extend(text(" = q."));
    body.push(mention(chance, right));
    body.extend(text(" GROUP BY 1, 2"));
    let outputs = ["l", "r", "n"].map(ToOwned::to_owned).to_vec();
    Some(View { name, body, outputs, stars: Vec::new(), reads: vec![one, two], below: None })
}

/// Makes a trigger on a table or a view.
pub fn trigger(schema: &mut Schema, chance: &mut Chance, names: &mut Names) -> Option<Trigger> {
    let name = names.object(chance);
    if chance.percent(20) && !schema.views.is_empty() {
        let view = chance.pick(&schema.views).clone();
        let event = chance.word(&["INSERT", "DELETE", "UPDATE"]);
        let side = if event == "DELETE" { "OLD" } else { "NEW" };
        let mut body = text(format!("INSTEAD OF {event} ON {} BEGIN ", quoted(&view.name)));
        let output = chance.some(&view.outputs)?;
        let value = format!("{side}.{}", quoted(&output));
        body.extend(statement(schema, chance, text(value))?);
        body.extend(text(" END"));
        return Some(Trigger { name, owner: Owner::View(view.name), body });
    }
    let table = chance.some(&ordinary(schema))?;
    let all = columns(schema, table);
    let event = chance.word(&["INSERT", "DELETE", "UPDATE", "UPDATE OF "]);
    let side = if event == "DELETE" { "OLD." } else { "NEW." };
    let moment = chance.word(&["AFTER", "BEFORE", "after", ""]);
    let mut body = text(format!("{moment}{}{event}", gap(chance)));
    if event.ends_with(' ') {
        body.push(mention_of(chance, &all));
    }
    body.extend(text(" ON "));
    body.push(Piece::Table(table, Style::any(chance)));
    if chance.percent(30) {
        body.extend(text(format!(" WHEN {side}")));
        body.push(mention_of(chance, &all));
        body.extend(text(" IS NOT NULL AND \"dqs when\" <> 'y'"));
    }
    body.extend(text(format!("{}BEGIN{}", gap(chance), gap(chance))));
    for _ in 0..chance.between(1, 2) {
        let mut value = text(side);
        value.push(mention_of(chance, &all));
        if chance.strange(25) {
            value.insert(0, Piece::Text("app_fn(".to_owned()));
            value.push(Piece::Text(")".to_owned()));
        }
        body.extend(statement(schema, chance, value)?);
        body.extend(text(gap(chance)));
    }
    body.extend(text("END"));
    Some(Trigger { name, owner: Owner::Table(table), body })
}

fn mention_of(chance: &mut Chance, columns: &[Id]) -> Piece {
    let column = *chance.pick(columns);
    mention(chance, column)
}

/// A statement in a trigger, with a value from the row.
fn statement(schema: &Schema, chance: &mut Chance, value: Template) -> Option<Template> {
    let target = chance.some(&ordinary(schema))?;
    let column = chance.some(&writable(schema, target))?;
    let table = Piece::Table(target, Style::any(chance));
    let column = mention(chance, column);
    let mut body = Vec::new();
    match chance.below(4) {
        0 => {
            body.extend(text(chance.word(&["INSERT INTO ", "INSERT OR IGNORE INTO "])));
            body.extend([table, Piece::Text("(".to_owned()), column]);
            body.extend(text(") VALUES ("));
            body.extend(value);
            body.extend(text(");"));
        }
        1 => {
            body.extend(text("UPDATE "));
            body.extend([table, Piece::Text(" SET ".to_owned()), column.clone()]);
            body.extend(text(" = "));
            body.extend(value.clone());
            body.extend(text(" WHERE "));
            body.extend([column, Piece::Text(" = ".to_owned())]);
            body.extend(value);
            body.extend(text(";"));
        }
        2 => {
            body.extend(text("DELETE FROM "));
            body.extend([table, Piece::Text(" WHERE ".to_owned()), column]);
            body.extend(text(" = "));
            body.extend(value);
            body.extend(text(";"));
        }
        _ => {
            body.extend(text("SELECT RAISE(IGNORE) WHERE EXISTS (SELECT 1 FROM "));
            body.extend([table, Piece::Text(" AS x WHERE x.".to_owned()), column]);
            body.extend(text(" = "));
            body.extend(value);
            body.extend(text("); -- ok;\n"));
        }
    }
    Some(body)
}

/// Makes a full-text or a spatial table.
pub fn virtual_table(schema: &mut Schema, chance: &mut Chance, names: &mut Names) -> Option<Table> {
    let name = names.object(chance);
    // Modules write the names of their tables without much care; odd names are for other tables.
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let like_a_column = schema.tables.iter().flat_map(|it| &it.columns);
    if like_a_column.into_iter().any(|it| it.name.eq_ignore_ascii_case(&name)) {
        return None;
    }
    if name.len() < 3 || schema.names().iter().any(|it| it.eq_ignore_ascii_case(&name)) {
        return None;
    }
    let module = match chance.below(9) {
        _ if chance.strange(40) => match chance.below(3) {
            0 => module("app_index", text("x, y"), None),
            1 => module("fts5", text("title, body, tokenize='app_words'"), None),
            _ => module("fts4", text("title, body, tokenize=app_words"), None),
        },
        0 => module("fts5", text("title, body, prefix='2 3'"), None),
        1 => module("FTS5", text("title, body, content=''"), None),
        2 => module("fts4", text("title, body, notindexed=title, prefix=\"2\""), None),
        3 => module("fts3", text("title, body"), None),
        4 => module("rtree", text("id, x0, x1, y0, y1"), None),
        5 => module("rtree_i32", text("id, x0, x1, y0, y1, +note TEXT"), None),
        other => {
            let content = chance.some(&searchable(schema))?;
            full_text_over(schema, chance, content, if other == 6 { "fts4" } else { "fts5" })?
        }
    };
    Some(Table {
        id: schema.id(),
        born: name.clone(),
        name,
        style: Style::PLAIN,
        columns: Vec::new(),
        constraints: Vec::new(),
        module: Some(module),
        without_rowid: false,
        strict: false,
        ends: (String::new(), String::new()),
        edited: false,
        reordered: false,
        dirty: false,
    })
}

fn module(name: &str, arguments: Template, content: Option<Id>) -> Module {
    Module { name: name.to_owned(), arguments, content }
}

/// Tables whose rowid can be named.
fn searchable(schema: &Schema) -> Vec<Id> {
    let plain = |table: &&Table| {
        table.module.is_none()
            && !table.without_rowid
            && !table.columns.iter().any(|it| ["rowid", "rank"].contains(&it.name.as_str()))
    };
    schema.tables.iter().filter(plain).map(|it| it.id).collect()
}

fn full_text_over(schema: &Schema, chance: &mut Chance, content: Id, name: &str) -> Option<Module> {
    let searched = chance.few(&columns(schema, content), 2);
    // `content=''` stands for no table, also where one has no name.
    schema.table(content).filter(|it| !it.name.is_empty())?;
    let mut arguments = Vec::new();
    for column in searched {
        let name = &schema.column(column)?.name;
        // An argument of nothing is no column to the module.
        if name.is_empty() || !name.chars().all(|it| it.is_ascii_alphanumeric()) {
            return None;
        }
        arguments.push(Piece::ColumnWord(column));
        arguments.push(Piece::Text(", ".to_owned()));
    }
    arguments.push(Piece::Text("content=".to_owned()));
    arguments.push(Piece::TableWord(content));
    Some(module(name, arguments, Some(content)))
}
