//! The script that makes the file: properties, schema, rows, statistics.

use super::chance::Chance;
use super::expressions::constant;
use super::model::{Column, Module, Piece, Rule, Schema, Table};
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
    let page =
        chance.word(&["512", "1024", "2048", "4096", "4096", "8192", "16384", "32768", "65536"]);
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
            None => fill(schema, table, chance, (count, &mut rows)),
        }
    }
    let epilogue = epilogue(schema, chance);
    Content { properties, rows, epilogue, wal: chance.percent(30) }
}

fn fill(schema: &Schema, table: &Table, chance: &mut Chance, to: (usize, &mut Vec<Row>)) {
    let (count, rows) = to;
    let count = if table.columns.len() > 100 { count.min(5) } else { count };
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
    if count > 0 && chance.percent(30) {
        rows.extend(nulls_in_spite(schema, table, chance));
    }
    let holes = count > 0 && chance.percent(15) && !table.without_rowid;
    if let (true, Some(rowid)) = (holes, rowid) {
        let sql = format!("DELETE FROM {} WHERE {rowid} % 3 = 1", quoted(&table.name));
        rows.push(Row { table: table.id, sql });
    }
}

/// Puts NULL into a column that is NOT NULL, as a program with a writable schema can.
fn nulls_in_spite(schema: &Schema, table: &Table, chance: &mut Chance) -> Option<Row> {
    let keyed = |column: &Column| {
        let named = |piece: &Piece| matches!(piece, Piece::Column(id, _) if *id == column.id);
        column.has(Rule::PrimaryKey)
            || table.constraints.iter().any(|it| it.template.iter().any(named))
    };
    let required: Vec<Column> = table
        .columns
        .iter()
        .filter(|it| it.has(Rule::NotNull) && !it.has(Rule::Generated) && !keyed(it))
        .cloned()
        .collect();
    let column = chance.some(&required)?;
    let mut lenient = table.clone();
    let place = lenient.columns.iter().position(|it| it.id == column.id)?;
    lenient.columns[place].clauses.retain(|it| it.rule != Rule::NotNull);
    let lenient = literal(&schema.write_table(&lenient)?);
    let (name, entry) = (quoted(&table.name), literal(&table.name));
    let entry = format!("WHERE type = 'table' AND name = {entry}");
    let sql = format!(
        "CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_schema {entry};
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = {lenient} {entry};
         PRAGMA writable_schema = RESET;
         UPDATE OR IGNORE {name} SET {0} = NULL WHERE {0} IN (0, 1, 2, 'one', 'x ', 0.5, x'');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = (SELECT sql FROM temp.kept) {entry};
         PRAGMA writable_schema = RESET;
         DROP TABLE temp.kept",
        quoted(&column.name)
    );
    Some(Row { table: table.id, sql })
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
    if module.name.starts_with("app_") {
        return;
    }
    if module.content.is_some() {
        push(format!("INSERT INTO {name}({name}) VALUES ('rebuild')"));
        return;
    }
    for _ in 0..chance.below(15) {
        let row = chance.below(500);
        if module.name.starts_with("rtree") {
            let (x, y) = (chance.below(50), chance.below(50));
            let note = if module.name == "rtree" { "" } else { ", 'a note'" };
            push(format!(
                "INSERT INTO {name} VALUES ({row}, {x}, {}, {y}, {}{note})",
                x + 3,
                y + 4
            ));
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
        if chance.percent(20) {
            statements.push(samples(schema));
        }
    }
    statements
}

/// Samples as a SQLite with STAT4 leaves them (<https://sqlite.org/fileformat2.html#the_sqlite_stat4_table>).
fn samples(schema: &Schema) -> String {
    let mut sql = "PRAGMA writable_schema = ON;
        CREATE TABLE sqlite_stat4(tbl, idx, neq, nlt, ndlt, sample);
        PRAGMA writable_schema = RESET"
        .to_owned();
    for index in &schema.indexes {
        if let Some(table) = schema.table(index.table) {
            let (table, index) = (literal(&table.name), literal(&index.name));
            sql.push_str(&format!(
                "; INSERT INTO sqlite_stat4 VALUES ({table}, {index}, '1 1', '0 0', '0 0', x'030101')"
            ));
        }
    }
    sql
}

fn is_counted(table: &Table) -> bool {
    let clauses = table.columns.iter().flat_map(|it| &it.clauses);
    clauses
        .flat_map(|it| &it.template)
        .any(|piece| matches!(piece, Piece::Text(text) if text.contains("AUTOINCREMENT")))
}
