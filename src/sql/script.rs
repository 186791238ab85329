//! The statements of a script, and the changes of the schema that SQLite's own statements make.

use std::ops::Range;

use super::foreign::creates_trigger;
use super::object::{ObjectKind, read_head};
use super::reader::Reader;
use super::token::{Token, TokenKind, significant_tokens};
use crate::name::same;

/// Finds the statements of a script: each from its first word to its last, without the semicolon. Statements end
/// where `sqlite3_complete` ends them (<https://sqlite.org/c3ref/complete.html>): at a semicolon, in a trigger only
/// at the one behind `END`.
///
/// ```
/// use phaseshift::sql::statements;
/// let script = "SELECT ';'; -- ;\nCREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; DROP TABLE t";
/// let found: Vec<&str> = statements(script).into_iter().map(|it| &script[it]).collect();
/// assert_eq!(found.len(), 3);
/// assert_eq!(found[2], "DROP TABLE t");
/// ```
pub fn statements(script: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Vec<Token> = Vec::new();
    let mut add = |open: &[Token]| {
        if let (Some(first), Some(last)) = (open.first(), open.last()) {
            found.push(first.start..last.end);
        }
    };
    for token in significant_tokens(script) {
        if !token.is_mark(script, ";") {
            open.push(token);
            continue;
        }
        if ends_body(script, &open) || !creates_trigger(script, &open) {
            add(&open);
            open.clear();
        } else {
            open.push(token);
        }
    }
    add(&open);
    found
}

/// Returns whether the tokens end with `; END`, as the body of a trigger does.
fn ends_body(script: &str, tokens: &[Token]) -> bool {
    matches!(tokens, [.., mark, end] if mark.is_mark(script, ";") && end.is_word(script, "END"))
}

/// A statement that changes the schema of the database and has a step of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaCommand {
    /// `CREATE`, but neither `CREATE TEMP` nor `CREATE TABLE ... AS`.
    Create {
        kind: ObjectKind,
        name: String,
        /// Whether an object of the name may exist.
        if_not_exists: bool,
    },
    Drop {
        kind: ObjectKind,
        name: String,
        /// Whether it may be missing.
        if_exists: bool,
    },
    /// `ALTER TABLE ... RENAME TO`.
    RenameTable { from: String, to: String },
    /// `ALTER TABLE ... RENAME COLUMN`.
    RenameColumn { table: String, from: String, to: String },
    /// `ALTER TABLE ... ADD COLUMN`.
    AddColumn {
        table: String,
        /// The place of the column definition in the statement.
        column: Range<usize>,
    },
    /// `ALTER TABLE ... DROP COLUMN`.
    DropColumn { table: String, column: String },
}

impl SchemaCommand {
    /// Returns whether it is a CREATE that does nothing where an object of the name exists.
    pub fn allows_present(&self) -> bool {
        matches!(self, Self::Create { if_not_exists: true, .. })
    }
}

/// Reads a statement that changes the schema of `main`; `None` for any other statement, and for a form that this
/// program does not know.
///
/// ```
/// use phaseshift::sql::{SchemaCommand, schema_command};
/// let read = schema_command("ALTER TABLE \"a b\" RENAME c TO d");
/// let (table, from, to) = ("a b".into(), "c".into(), "d".into());
/// assert_eq!(read, Some(SchemaCommand::RenameColumn { table, from, to }));
/// assert_eq!(schema_command("CREATE TEMP TABLE t(a)"), None);
/// ```
pub fn schema_command(sql: &str) -> Option<SchemaCommand> {
    let mut reader = Reader::new(sql);
    if reader.at_word("CREATE") {
        create(sql)
    } else if reader.take_word("DROP") {
        drop_object(&mut reader)
    } else if reader.take_word("ALTER") {
        alter(sql, &mut reader)
    } else {
        None
    }
}

fn create(sql: &str) -> Option<SchemaCommand> {
    let mut reader = Reader::new(sql);
    let head = read_head(&mut reader).ok()?;
    let second = significant_tokens(sql).nth(1)?;
    let is_temporary = ["TEMP", "TEMPORARY"].iter().any(|word| second.is_word(sql, word));
    let is_elsewhere = head.schema.as_ref().is_some_and(|it| !same(&it.text, "main"));
    if is_temporary || is_elsewhere || (head.kind == ObjectKind::Table && reader.at_word("AS")) {
        return None;
    }
    let before_name = significant_tokens(sql).take_while(|it| it.start < head.name.range.start);
    let words: Vec<Token> = before_name.collect();
    let if_not_exists = words.windows(3).any(|it| {
        it[0].is_word(sql, "IF") && it[1].is_word(sql, "NOT") && it[2].is_word(sql, "EXISTS")
    });
    Some(SchemaCommand::Create { kind: head.kind, name: head.name.text, if_not_exists })
}

fn drop_object(reader: &mut Reader<'_>) -> Option<SchemaCommand> {
    let kinds = [
        ("TABLE", ObjectKind::Table),
        ("INDEX", ObjectKind::Index),
        ("VIEW", ObjectKind::View),
        ("TRIGGER", ObjectKind::Trigger),
    ];
    let (_, kind) = kinds.into_iter().find(|(word, _)| reader.take_word(word))?;
    let if_exists = reader.at_word("IF") && reader.word_after(1, "EXISTS");
    if if_exists {
        reader.advance();
        reader.advance();
    }
    let name = name_in_main(reader)?;
    reader.finish().ok()?;
    Some(SchemaCommand::Drop { kind, name, if_exists })
}

fn alter(sql: &str, reader: &mut Reader<'_>) -> Option<SchemaCommand> {
    reader.expect_word("TABLE").ok()?;
    let table = name_in_main(reader)?;
    if reader.take_word("RENAME") {
        if reader.at_word("TO") && !reader.word_after(1, "TO") {
            reader.advance();
            let to = reader.name().ok()?.text;
            reader.finish().ok()?;
            return Some(SchemaCommand::RenameTable { from: table, to });
        }
        let from = column_name(reader, "TO")?;
        reader.expect_word("TO").ok()?;
        let to = reader.name().ok()?.text;
        reader.finish().ok()?;
        return Some(SchemaCommand::RenameColumn { table, from, to });
    }
    if reader.take_word("DROP") {
        let column = column_name(reader, ";")?;
        reader.finish().ok()?;
        return Some(SchemaCommand::DropColumn { table, column });
    }
    if !reader.take_word("ADD") || reader.at_any_word(&["CONSTRAINT", "CHECK"]) {
        return None;
    }
    // COLUMN may itself be the name of the column.
    if reader.at_word("COLUMN") && reader.peek_after(1).is_some() {
        reader.advance();
    }
    let start = reader.next_start();
    reader.name().ok()?;
    let end = significant_tokens(sql).filter(|it| it.kind != TokenKind::Illegal).last()?.end;
    Some(SchemaCommand::AddColumn { table, column: start..end })
}

/// Reads a column name behind an optional COLUMN, which is itself the name if the end follows it.
fn column_name(reader: &mut Reader<'_>, end: &str) -> Option<String> {
    let is_name = match reader.peek_after(1) {
        None => true,
        Some(_) => reader.word_after(1, end) && !reader.word_after(2, end),
    };
    if reader.at_word("COLUMN") && !is_name {
        reader.advance();
    }
    Some(reader.name().ok()?.text)
}

/// Reads the name of an object in `main`.
fn name_in_main(reader: &mut Reader<'_>) -> Option<String> {
    let first = reader.name().ok()?;
    if !reader.take_mark(".") {
        return Some(first.text);
    }
    let name = reader.name().ok()?.text;
    same(&first.text, "main").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(script: &str) -> Vec<&str> {
        statements(script).into_iter().map(|it| &script[it]).collect()
    }

    #[test]
    fn statements_end_where_sqlite_ends_them() {
        let script = "\u{feff}-- first; \n;; INSERT INTO t VALUES ('a;b', \"c;d\", [e;f], `g;h`) /* ; */ ;\n\
            create temp trigger g after insert on t when new.a = 'END;' begin\n\
            update t set a = case when 1 then 2 end; delete from t; end ;\n\
            CREATE TRIGGER h AFTER INSERT ON t BEGIN SELECT 1; END\n";
        let found = cut(script);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("INSERT") && found[0].ends_with(')'));
        assert!(found[1].starts_with("create temp") && found[1].ends_with("; end"));
        assert!(found[2].ends_with("END"));
        assert!(cut("-- only a comment\n ; ").is_empty());
        assert_eq!(cut("SELECT 'never closed; SELECT 1"), ["SELECT 'never closed; SELECT 1"]);
    }

    #[test]
    fn commands_are_read_in_every_spelling() {
        let rename = |table: &str, from: &str, to: &str| SchemaCommand::RenameColumn {
            table: table.into(),
            from: from.into(),
            to: to.into(),
        };
        assert_eq!(
            schema_command("alter table main.t rename column a to b"),
            Some(rename("t", "a", "b"))
        );
        assert_eq!(
            schema_command("ALTER TABLE t RENAME column TO b"),
            Some(rename("t", "column", "b"))
        );
        let to = SchemaCommand::RenameTable { from: "t".into(), to: "to u".into() };
        assert_eq!(schema_command("ALTER TABLE t RENAME TO [to u];"), Some(to));
        let text = "ALTER TABLE t ADD COLUMN c TEXT DEFAULT ';' -- why";
        let Some(SchemaCommand::AddColumn { column, .. }) = schema_command(text) else { panic!() };
        assert_eq!(&text[column], "c TEXT DEFAULT ';'");
        let gone = SchemaCommand::DropColumn { table: "t".into(), column: "c".into() };
        assert_eq!(schema_command("ALTER TABLE t DROP c"), Some(gone.clone()));
        assert_eq!(schema_command("ALTER TABLE t DROP COLUMN c"), Some(gone));
        let view =
            SchemaCommand::Drop { kind: ObjectKind::View, name: "v".into(), if_exists: true };
        assert_eq!(schema_command("DROP VIEW IF EXISTS main.v"), Some(view));
        let table = |name: &str| SchemaCommand::Create {
            kind: ObjectKind::Table,
            name: name.into(),
            if_not_exists: true,
        };
        assert_eq!(schema_command("CREATE TABLE IF NOT EXISTS \"t\"(a)"), Some(table("t")));
    }

    #[test]
    fn what_has_no_step_of_its_own_is_no_command() {
        for sql in [
            "CREATE TABLE t AS SELECT 1",
            "CREATE TEMP VIEW v AS SELECT 1",
            "CREATE TABLE temp.t(a)",
            "DROP TABLE temp.t",
            "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a)",
            "INSERT INTO t VALUES (1)",
            "SELECT 1",
            "DROP TABLE t CASCADE",
            "",
        ] {
            assert_eq!(schema_command(sql), None, "{sql}");
        }
    }
}
