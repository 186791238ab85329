//! The script that makes the file: properties, schema, rows, statistics.

use super::chance::Chance;
use super::expressions::constant;
use super::model::{Module, Rule, Schema, Table};
use super::names::{literal, quoted};

/// What a file is like apart from its schema and rows, and its rows.
#[derive(Debug, Clone)]
pub struct Content {
    /// Statements before anything is created.
    pub properties: Vec<String>,
    /// Statements after the tables were created; those that fail are left out.
    pub rows: Vec<Row>,
    /// Statements at the end.
    pub epilogue: Vec<String>,
    /// Whether the file has a WAL, with something in it.
    pub wal: bool,
}

/// A statement that belongs to a table.
#[derive(Debug, Clone)]
pub struct Row {
    pub table: usize,
    pub sql: String,
}

/// Makes the content of a file.
pub fn content(schema: &Schema, chance: &mut Chance) -> Content {
    let encoding = chance.word(&["UTF-8", "UTF-8", "UTF-16le", "UTF-16be"]);
    let page = chance.word(&["512", "1024", "4096", "4096", "4096", "8192", "65536"]);
    let vacuum = chance.word(&["0", "0", "1", "2"]);
    let mut properties = vec![
        format!("PRAGMA encoding = '{encoding}'"),
        format!("PRAGMA page_size = {page}"),
        format!("PRAGMA auto_vacuum = {vacuum}"),
        format!("PRAGMA user_version = {}", chance.below(1000)),
        format!("PRAGMA application_id = {}", chance.below(100_000)),
    ];
    if chance.percent(35) {
        properties.push("PRAGMA ignore_check_constraints = ON".to_owned());
    }
    let mut rows = Vec::new();
    for table in &schema.tables {
        let count = *chance.pick(&[0, 1, 5, 12, 12, 30, 30, 120]);
        match &table.module {
            Some(module) => fill_virtual(table, module, chance, &mut rows),
            None => fill(table, chance, (count, &mut rows)),
        }
    }
    let epilogue = epilogue(schema, chance);
    Content { properties, rows, epilogue, wal: chance.percent(30) }
}

fn fill(table: &Table, chance: &mut Chance, to: (usize, &mut Vec<Row>)) {
    let (count, rows) = to;
    let columns: Vec<_> = table.columns.iter().filter(|it| !it.has(Rule::Generated)).collect();
    let shadowed = |name: &str| table.columns.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !shadowed(name));
    let has_key = table.columns.iter().any(|it| it.has(Rule::PrimaryKey));
    let odd_rowids = !table.without_rowid && !has_key && chance.percent(40);
    for _ in 0..count {
        let mut names: Vec<String> = columns.iter().map(|it| quoted(&it.name)).collect();
        let mut values: Vec<String> =
            columns.iter().map(|it| constant(chance, &it.type_name)).collect();
        if let (true, Some(rowid)) = (odd_rowids, rowid) {
            names.push(rowid.to_owned());
            values.push(odd_rowid(chance));
        }
        if chance.percent(20) && names.len() > 1 {
            let gone = chance.below(names.len());
            names.remove(gone);
            values.remove(gone);
        }
        let (name, list) = (quoted(&table.name), names.join(", "));
        let sql = format!("INSERT INTO {name}({list}) VALUES ({})", values.join(", "));
        rows.push(Row { table: table.id, sql });
    }
    let holes = count > 0 && chance.percent(15) && !table.without_rowid;
    if let (true, Some(rowid)) = (holes, rowid) {
        let sql = format!("DELETE FROM {} WHERE {rowid} % 3 = 1", quoted(&table.name));
        rows.push(Row { table: table.id, sql });
    }
}

fn odd_rowid(chance: &mut Chance) -> String {
    match chance.below(6) {
        0 => "9223372036854775807".to_owned(),
        1 => "-9223372036854775808".to_owned(),
        2 => format!("-{}", chance.below(1000)),
        _ => format!("{}", chance.below(100_000)),
    }
}

fn fill_virtual(table: &Table, module: &Module, chance: &mut Chance, rows: &mut Vec<Row>) {
    let name = quoted(&table.name);
    let mut push = |sql: String| rows.push(Row { table: table.id, sql });
    if module.content.is_some() {
        push(format!("INSERT INTO {name}({name}) VALUES ('rebuild')"));
        return;
    }
    for _ in 0..chance.below(15) {
        let row = chance.below(500);
        if module.name == "rtree" {
            let (x, y) = (chance.below(50), chance.below(50));
            push(format!("INSERT INTO {name} VALUES ({row}, {x}, {}, {y}, {})", x + 3, y + 4));
        } else {
            let title = chance.word(&["one two", "two", "dark side", "it is"]);
            let body = chance.word(&["abc abc", "dark", "one", ""]);
            push(format!(
                "INSERT INTO {name}(rowid, title, body) VALUES ({row}, '{title}', '{body}')"
            ));
        }
    }
}

fn epilogue(schema: &Schema, chance: &mut Chance) -> Vec<String> {
    let mut statements = Vec::new();
    if schema.tables.iter().any(is_counted) && chance.percent(60) {
        statements.push("UPDATE sqlite_sequence SET seq = seq + 1000".to_owned());
        for table in schema.tables.iter().filter(|it| is_counted(it)) {
            if chance.percent(30) {
                statements.push(format!("DELETE FROM {}", quoted(&table.name)));
            }
        }
    }
    if chance.percent(50) {
        statements.push("ANALYZE".to_owned());
        for table in &schema.tables {
            if chance.percent(20) {
                let name = literal(&table.name);
                statements.push(format!("INSERT INTO sqlite_stat1 VALUES ({name}, NULL, '77')"));
            }
        }
        for index in &schema.indexes {
            let owner = schema.table(index.table).map(|it| literal(&it.name));
            if let (true, Some(owner)) = (chance.percent(20), owner) {
                let name = literal(&index.name);
                statements.push(format!("DELETE FROM sqlite_stat1 WHERE idx = {name}"));
                statements.push(format!(
                    "INSERT INTO sqlite_stat1 VALUES ({owner}, {name}, '4000 20 unordered')"
                ));
            }
        }
        if chance.percent(20) {
            statements
                .push("INSERT INTO sqlite_stat1 VALUES ('nobody', 'nothing', '1')".to_owned());
        }
    }
    statements
}

fn is_counted(table: &Table) -> bool {
    let clauses = table.columns.iter().flat_map(|it| &it.clauses);
    clauses.flat_map(|it| &it.template).any(
        |piece| matches!(piece, super::model::Piece::Text(text) if text.contains("AUTOINCREMENT")),
    )
}
