//! What a case has in it, so that a run can tell which things were tried and what became of them.

use std::collections::BTreeSet;

use super::case::Case;
use super::changes::Change;
use super::model::{Clause, Column, Owner, Piece, Rule, Schema, Table, Template};

/// Everything that must have been carried out at least once in a whole run.
pub const ALL: &[&str] = &[
    "name: empty",
    "name: of another alphabet",
    "name: with a quote, a bracket or a semicolon",
    "name: with a line break",
    "name: a keyword",
    "column called rowid, _rowid_ or oid",
    "2,000 columns or nearly",
    "60 columns or more",
    "INTEGER PRIMARY KEY",
    "AUTOINCREMENT",
    "rowids of no column",
    "WITHOUT ROWID",
    "STRICT",
    "STRICT WITHOUT ROWID",
    "ANY",
    "generated, virtual",
    "generated, stored",
    "CHECK",
    "COLLATE",
    "DEFAULT",
    "ON CONFLICT",
    "UNIQUE",
    "foreign key",
    "foreign key of several columns",
    "foreign key to the table itself",
    "foreign key, deferred",
    "foreign key, with an action",
    "parent in another case",
    "index, partial",
    "index, on an expression",
    "index, DESC",
    "index, COLLATE",
    "index, UNIQUE",
    "view",
    "view on a view",
    "view, SELECT *",
    "trigger BEFORE",
    "trigger AFTER",
    "trigger INSTEAD OF",
    "trigger UPDATE OF",
    "trigger WHEN",
    "fts3",
    "fts4",
    "fts5",
    "fts5 without content",
    "full text of another table",
    "rtree",
    "missing function in a table",
    "missing function in an index",
    "missing function in a view",
    "missing function in a trigger",
    "missing collation in a table",
    "missing collation in an index",
    "missing module",
    "missing tokenizer",
    "rows without a parent before",
    "NULL in spite of NOT NULL before",
    "a broken CHECK before",
    "statistics",
    "statistics of nothing",
    "samples (sqlite_stat4)",
    "counter ahead of its rows",
    "UTF-16le",
    "UTF-16be",
    "page size 512",
    "page size 65536",
    "auto_vacuum 1",
    "auto_vacuum 2",
    "WAL",
    "several phases",
    "three phases or more",
    "views = \"follow\"",
    "rename_table",
    "rename_table, names swapped or chained",
    "rename_column",
    "rename_column, names swapped or chained",
    "add_column",
    "add_column, after",
    "add_column, value",
    "drop_column",
    "alter_column",
    "alter_column, value",
    "add_constraint",
    "drop_constraint",
    "create_index",
    "drop_index",
    "rename_index",
    "create_view",
    "drop_view",
    "replace_view",
    "create_trigger",
    "drop_trigger",
    "replace_trigger",
    "create_table",
    "drop_table",
    "rebuild",
    "rebuild, values",
    "sql",
];

/// Tells what a case has in it.
pub fn features(case: &Case) -> BTreeSet<&'static str> {
    let mut found = Found(case.found.borrow().clone());
    found.names(&case.schema);
    for table in &case.schema.tables {
        match &table.module {
            Some(module) => found.module(table, &module.name.to_ascii_lowercase()),
            None => found.table(&case.schema, table),
        }
    }
    found.objects(&case.schema);
    found.file(case);
    for change in &case.changes {
        found.change(change);
    }
    found.0
}

struct Found(BTreeSet<&'static str>);

impl Found {
    fn put(&mut self, feature: &'static str, there: bool) {
        if there {
            self.0.insert(feature);
        }
    }

    fn names(&mut self, schema: &Schema) {
        let columns = schema.tables.iter().flat_map(|it| &it.columns);
        let columns = columns.map(|it| it.name.clone());
        for name in schema.names().into_iter().chain(columns) {
            self.put("name: empty", name.is_empty());
            self.put("name: of another alphabet", !name.is_ascii());
            let odd = |it: char| ['"', ']', ';', '\''].contains(&it);
            self.put("name: with a quote, a bracket or a semicolon", name.contains(odd));
            self.put("name: with a line break", name.contains('\n'));
            let keyword = ["order", "select", "group", "table", "index", "values"];
            self.put("name: a keyword", keyword.contains(&name.as_str()));
        }
    }

    fn table(&mut self, schema: &Schema, table: &Table) {
        let columns = &table.columns;
        let rowid = ["rowid", "_rowid_", "oid"];
        let called = columns.iter().any(|it| rowid.contains(&it.name.as_str()));
        self.put("column called rowid, _rowid_ or oid", called);
        self.put("2,000 columns or nearly", columns.len() >= 1990);
        self.put("60 columns or more", columns.len() >= 60);
        self.put("WITHOUT ROWID", table.without_rowid);
        self.put("STRICT", table.strict);
        self.put("STRICT WITHOUT ROWID", table.strict && table.without_rowid);
        self.put("ANY", columns.iter().any(|it| it.type_name == "ANY"));
        let key = |it: &Column| it.type_name == "INTEGER" && it.has(Rule::PrimaryKey);
        self.put("INTEGER PRIMARY KEY", columns.iter().any(key));
        self.put("rowids of no column", !table.without_rowid && !columns.iter().any(key));
        for column in columns {
            for clause in &column.clauses {
                self.clause(schema, table, (clause, 1));
            }
        }
        for constraint in &table.constraints {
            let columns = constraint.template.iter();
            let count = columns.filter(|it| matches!(it, Piece::Column(..))).count();
            self.clause(schema, table, (constraint, count));
        }
    }

    fn clause(&mut self, schema: &Schema, table: &Table, of: (&Clause, usize)) {
        let (clause, columns) = of;
        let text = text_of(&clause.template);
        self.put("AUTOINCREMENT", text.contains("AUTOINCREMENT"));
        self.put("ON CONFLICT", text.contains("ON CONFLICT"));
        self.put("missing function in a table", text.contains("app_fn"));
        self.put("missing collation in a table", text.contains("app_order"));
        match clause.rule {
            Rule::Check => self.put("CHECK", true),
            Rule::Collate => self.put("COLLATE", true),
            Rule::Default => self.put("DEFAULT", true),
            Rule::Unique => self.put("UNIQUE", true),
            Rule::Generated => {
                let stored = text.to_ascii_uppercase().ends_with("STORED");
                self.put("generated, virtual", !stored);
                self.put("generated, stored", stored);
            }
            Rule::References => {
                self.put("foreign key", true);
                self.put("foreign key of several columns", columns > 2);
                self.put("foreign key, deferred", text.contains("DEFERRED"));
                self.put("foreign key, with an action", text.contains(" ON "));
                let parent = clause.template.iter().find_map(|it| match it {
                    Piece::Table(id, style) => Some((*id, style.shout)),
                    _ => None,
                });
                let (id, shouted) = parent.unwrap_or_default();
                self.put("foreign key to the table itself", id == table.id);
                let name = schema.table(id).map(|it| it.name.clone()).unwrap_or_default();
                let other = name.to_ascii_uppercase() != name;
                self.put("parent in another case", shouted && other);
            }
            Rule::PrimaryKey | Rule::NotNull => {}
        }
    }

    fn module(&mut self, table: &Table, module: &str) {
        let over = table.module.as_ref().is_some_and(|it| it.content.is_some());
        self.put("full text of another table", over);
        self.put("missing module", table.is_foreign());
        self.put("missing tokenizer", table.has_foreign_words());
        let arguments = table.module.as_ref().map(|it| text_of(&it.arguments)).unwrap_or_default();
        self.put("fts5 without content", arguments.contains("content=''"));
        for (name, feature) in [("fts3", "fts3"), ("fts4", "fts4"), ("fts5", "fts5")] {
            self.put(feature, name == module);
        }
        self.put("rtree", module.starts_with("rtree"));
    }

    fn objects(&mut self, schema: &Schema) {
        for index in &schema.indexes {
            let text = text_of(&index.keys);
            self.put("index, partial", text.contains("WHERE"));
            self.put("index, DESC", text.contains(" DESC"));
            self.put("index, COLLATE", text.contains("COLLATE"));
            self.put("index, UNIQUE", index.unique);
            let calls = ["typeof(", "coalesce(", "CASE", "nullif("];
            self.put("index, on an expression", calls.iter().any(|it| text.contains(it)));
            self.put("missing function in an index", text.contains("app_fn"));
            self.put("missing collation in an index", text.contains("app_order"));
        }
        for view in &schema.views {
            let text = text_of(&view.body);
            self.put("view", true);
            self.put("view on a view", view.below.is_some());
            self.put("view, SELECT *", text.contains("SELECT *"));
            self.put("missing function in a view", text.contains("app_fn"));
        }
        for trigger in &schema.triggers {
            let text = text_of(&trigger.body);
            let moment = text.to_ascii_uppercase();
            self.put("trigger INSTEAD OF", matches!(trigger.owner, Owner::View(_)));
            self.put("trigger BEFORE", moment.starts_with("BEFORE"));
            self.put("trigger AFTER", moment.starts_with("AFTER"));
            self.put("trigger UPDATE OF", text.contains("UPDATE OF"));
            self.put("trigger WHEN", text.contains(" WHEN "));
            self.put("missing function in a trigger", text.contains("app_fn"));
        }
    }

    fn file(&mut self, case: &Case) {
        let properties = case.content.properties.join("\n");
        for (mark, feature) in [
            ("UTF-16le", "UTF-16le"),
            ("UTF-16be", "UTF-16be"),
            ("page_size = 512", "page size 512"),
            ("page_size = 65536", "page size 65536"),
            ("auto_vacuum = 1", "auto_vacuum 1"),
            ("auto_vacuum = 2", "auto_vacuum 2"),
        ] {
            self.put(feature, properties.contains(mark));
        }
        let epilogue = case.content.epilogue.join("\n");
        self.put("statistics", epilogue.contains("ANALYZE"));
        self.put("statistics of nothing", epilogue.contains("'nobody'"));
        self.put("samples (sqlite_stat4)", epilogue.contains("sqlite_stat4"));
        self.put("counter ahead of its rows", epilogue.contains("seq + 1000"));
        self.put("WAL", case.content.wal);
        self.put("views = \"follow\"", case.policy == "follow");
        let phases = case.phases().len();
        self.put("several phases", phases > 1);
        self.put("three phases or more", phases > 2);
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::RenameTables(names) => {
                self.put("rename_table", true);
                self.put("rename_table, names swapped or chained", names.len() > 1);
            }
            Change::RenameColumns(_, names) => {
                self.put("rename_column", true);
                self.put("rename_column, names swapped or chained", names.len() > 1);
            }
            Change::AddColumn { after, value, .. } => {
                self.put("add_column", true);
                self.put("add_column, after", after.is_some());
                self.put("add_column, value", value.is_some());
            }
            Change::AlterColumn(_, alteration) => {
                self.put("alter_column", true);
                self.put("alter_column, value", alteration.value.is_some());
            }
            Change::Rebuild { values, .. } => {
                self.put("rebuild", true);
                self.put("rebuild, values", !values.is_empty());
            }
            Change::DropColumn(_) => self.put("drop_column", true),
            Change::AddConstraint(..) => self.put("add_constraint", true),
            Change::DropConstraint { .. } => self.put("drop_constraint", true),
            Change::CreateIndex(_) => self.put("create_index", true),
            Change::DropIndex(_) => self.put("drop_index", true),
            Change::RenameIndex(..) => self.put("rename_index", true),
            Change::CreateView(_) => self.put("create_view", true),
            Change::DropView(_) => self.put("drop_view", true),
            Change::ReplaceView(_) => self.put("replace_view", true),
            Change::CreateTrigger(_) => self.put("create_trigger", true),
            Change::DropTrigger(_) => self.put("drop_trigger", true),
            Change::ReplaceTrigger(_) => self.put("replace_trigger", true),
            Change::CreateTable(_) => self.put("create_table", true),
            Change::DropTable(_) => self.put("drop_table", true),
            Change::Sql { .. } => self.put("sql", true),
        }
    }
}

/// What a template says apart from names.
fn text_of(template: &Template) -> String {
    let texts = template.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
