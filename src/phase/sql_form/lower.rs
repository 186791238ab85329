//! Makes steps of statements.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::step::{Operation, Step};
use super::super::table_reader::Lines;
use super::spans::{SectionStatement, spans};
use crate::name::{fold, same};
use crate::sql::{
    SchemaCommand, Token, TokenKind, find_hidden_statement, find_parameter, object_head,
    schema_command, significant_tokens, statements, unquote,
};

/// Steps, and what was found on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lowered {
    pub(in super::super) steps: Vec<Step>,
    /// Statements that the run makes pointless: the line and the statement.
    pub(in super::super) pointless: Vec<(usize, String)>,
    /// What is wrong: the line and the words.
    pub(in super::super) faults: Vec<(usize, String)>,
}

/// Makes steps of the statements in these stretches of a text.
pub fn lower(text: &str, lines: &Lines, stretches: &[Range<usize>]) -> Lowered {
    let mut lowered = Lowered::default();
    let mut parts = Vec::new();
    let mut blanks = Vec::new();
    let mut transaction = Transaction::Unknown;
    for stretch in stretches {
        if let Some(fault) = find_hidden_statement(&text[stretch.clone()]) {
            lowered.faults.push((lines.at(stretch.start) + fault.line - 1, fault.what));
        }
        for found in statements(&text[stretch.clone()]) {
            let range = stretch.start + found.start..stretch.start + found.end;
            let line = lines.at(range.start);
            let statement = &text[range.clone()];
            match class(statement, &mut transaction) {
                Class::Step(command) => {
                    if let Some(fault) = find_parameter(statement) {
                        lowered.faults.push((line + fault.line - 1, fault.what));
                    }
                    parts.push(SectionStatement {
                        text: statement,
                        range,
                        command,
                        names: BTreeSet::new(),
                    });
                }
                Class::Pointless => {
                    let words: Vec<&str> = statement.split_whitespace().collect();
                    lowered.pointless.push((line, words.join(" ")));
                    blanks.push(range);
                }
                Class::Fault(what) => lowered.faults.push((line, what)),
                Class::Illegal(token) => {
                    let place = range.start + token.start;
                    lowered.faults.push((lines.at(place), illegal(token.text(statement))));
                }
            }
        }
    }
    note_names(&mut parts);
    lowered.steps = steps(text, lines, &parts, &blanks);
    lowered
}

fn illegal(token: &str) -> String {
    match token.chars().next() {
        Some('\'') => "a string is never closed".to_owned(),
        Some('"' | '`' | '[') => "a quoted name is never closed".to_owned(),
        Some('\0') => "a NUL character".to_owned(),
        _ => {
            let shown: String = token.chars().take(40).flat_map(char::escape_debug).collect();
            format!("unrecognized text `{shown}`")
        }
    }
}

/// Notes which of the objects that come or go in a section each statement names.
fn note_names(parts: &mut [SectionStatement<'_>]) {
    let changed: BTreeSet<String> = parts.iter().flat_map(|it| names_of_change(it)).collect();
    if changed.is_empty() {
        return;
    }
    for part in parts {
        let text = part.text;
        let words = significant_tokens(text).filter(|it| {
            matches!(it.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text)
        });
        let names = words.map(|it| fold(&unquote(it.text(text))));
        part.names = names.filter(|it| changed.contains(it)).collect();
    }
}

/// The names of objects that come or go with a statement, folded.
fn names_of_change(part: &SectionStatement<'_>) -> Vec<String> {
    match &part.command {
        Some(SchemaCommand::Create { name, .. } | SchemaCommand::Drop { name, .. }) => {
            vec![fold(name)]
        }
        Some(SchemaCommand::RenameTable { from, to }) => vec![fold(from), fold(to)],
        Some(_) => Vec::new(),
        // CREATE TABLE ... AS SELECT, and temporary objects.
        None => object_head(part.text).map(|it| fold(&it.name.text)).into_iter().collect(),
    }
}

/// What becomes of a statement.
enum Class {
    Step(Option<SchemaCommand>),
    /// The run does what it asks for anyway, or it only reads.
    Pointless,
    Fault(String),
    /// Text that SQLite does not read.
    Illegal(Token),
}

/// Whether the statements so far left a transaction open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    Unknown,
    Open,
    Closed,
}

fn class(statement: &str, transaction: &mut Transaction) -> Class {
    let tokens: Vec<Token> = significant_tokens(statement).collect();
    if let Some(token) = tokens.iter().find(|it| it.kind == TokenKind::Illegal) {
        return Class::Illegal(*token);
    }
    let Some(first) = tokens.first() else { return Class::Pointless };
    let is = |word: &str| first.is_word(statement, word);
    if is("BEGIN") {
        return next(transaction, Transaction::Open, "a BEGIN inside a transaction");
    }
    if is("COMMIT") || is("END") {
        return next(transaction, Transaction::Closed, "a COMMIT outside a transaction");
    }
    if is("PRAGMA") {
        return pragma(statement, &tokens);
    }
    if first.is_mark(statement, ".") {
        let command = tokens.get(1).map_or("", |it| it.text(statement));
        return Class::Fault(format!(".{command} is a command of the sqlite3 program, not SQL"));
    }
    for word in ["ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH", "VACUUM"] {
        if is(word) {
            return Class::Fault(format!("{word} is not allowed in a phase"));
        }
    }
    match schema_command(statement) {
        Some(SchemaCommand::Create { name, .. }) if is_made_by_sqlite(&name) => Class::Pointless,
        command => Class::Step(command),
    }
}

/// Returns whether a table is one that SQLite makes itself and that dumps print: no statement may create it.
fn is_made_by_sqlite(table: &str) -> bool {
    ["sqlite_sequence", "sqlite_stat1", "sqlite_stat4"].iter().any(|it| same(it, table))
}

fn next(transaction: &mut Transaction, to: Transaction, fault: &str) -> Class {
    let is_twice = std::mem::replace(transaction, to) == to;
    if is_twice {
        Class::Fault(format!("{fault} is not allowed in a phase"))
    } else {
        Class::Pointless
    }
}

/// Pragmas that the run itself takes care of: foreign keys are off while it works, and checked in the end.
const COVERED_PRAGMAS: [&str; 5] =
    ["foreign_keys", "defer_foreign_keys", "foreign_key_check", "integrity_check", "quick_check"];

/// Pragmas that only read, whatever their argument.
const READING_PRAGMAS: [&str; 10] = [
    "collation_list",
    "database_list",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

fn pragma(statement: &str, tokens: &[Token]) -> Class {
    let word = |place: usize| tokens.get(place).map(|it| unquote(it.text(statement)));
    let dotted = tokens.get(2).is_some_and(|it| it.is_mark(statement, "."));
    let name = word(if dotted { 3 } else { 1 }).unwrap_or_default();
    let is_bare = tokens.len() == if dotted { 4 } else { 2 };
    let is_in = |list: &[&str]| list.iter().any(|it| same(it, &name));
    // Without a value, a pragma asks; what it does not ask for has side effects.
    let asks =
        is_bare && !is_in(&["optimize", "incremental_vacuum", "shrink_memory", "wal_checkpoint"]);
    if is_in(&COVERED_PRAGMAS) || is_in(&READING_PRAGMAS) || asks {
        return Class::Pointless;
    }
    Class::Fault(format!("PRAGMA {} is not allowed in a phase", name.escape_debug()))
}

/// Makes steps: statements that belong together become one `sql` step, as do those without a step of their own.
fn steps(
    text: &str,
    lines: &Lines,
    parts: &[SectionStatement<'_>],
    blanks: &[Range<usize>],
) -> Vec<Step> {
    let mut is_data: Vec<bool> = parts.iter().map(|it| it.command.is_none()).collect();
    for span in spans(parts) {
        is_data[span].fill(true);
    }
    let mut steps = Vec::new();
    let mut rest = parts;
    while let Some(part) = rest.first() {
        let line = lines.at(part.range.start);
        let place = parts.len() - rest.len();
        let run = is_data[place..].iter().take_while(|it| **it).count();
        let operation = match part.command.as_ref().filter(|_| run == 0) {
            Some(command) => operation(command, part.text),
            None => Operation::Sql { sql: joined(text, &rest[..run.max(1)], blanks), file: None },
        };
        steps.push(Step { operation, line });
        rest = &rest[run.max(1)..];
    }
    steps
}

/// Returns the text of consecutive statements, with spaces in the place of what does not run, so that every statement
/// keeps its line.
fn joined(text: &str, parts: &[SectionStatement<'_>], blanks: &[Range<usize>]) -> String {
    let mut sql = String::new();
    let mut end = parts.first().map_or(0, |it| it.range.start);
    for part in parts {
        let gap = without(text, end..part.range.start, blanks);
        // Where a tool's own marks end a statement, the semicolon may be missing.
        if !sql.is_empty() && !significant_tokens(&gap).any(|it| it.is_mark(&gap, ";")) {
            sql.push(';');
        }
        sql.push_str(&gap);
        sql.push_str(part.text);
        end = part.range.end;
    }
    sql
}

/// Returns a stretch of the text with spaces in the place of some of it; the lines stay.
fn without(text: &str, stretch: Range<usize>, blanks: &[Range<usize>]) -> String {
    let mut sql = String::with_capacity(stretch.len());
    let mut start = stretch.start;
    let first = blanks.partition_point(|it| it.start < stretch.start);
    for blank in blanks[first..].iter().take_while(|it| it.end <= stretch.end) {
        sql.push_str(&text[start..blank.start]);
        sql.extend(text[blank.clone()].chars().map(|it| if it == '\n' { '\n' } else { ' ' }));
        start = blank.end;
    }
    sql.push_str(&text[start..stretch.end]);
    sql
}

fn operation(command: &SchemaCommand, statement: &str) -> Operation {
    let sql = statement.to_owned();
    match command.clone() {
        SchemaCommand::Create { kind, if_not_exists, .. } => {
            Operation::Create { kind: kind.into(), sql, if_not_exists }
        }
        SchemaCommand::Drop { kind, name, if_exists } => {
            Operation::Drop { kind: kind.into(), name, if_exists }
        }
        SchemaCommand::RenameTable { from, to } => Operation::RenameTable { from, to },
        SchemaCommand::RenameColumn { table, from, to } => {
            Operation::RenameColumn { table, from, to }
        }
        SchemaCommand::AddColumn { table, column } => {
            let column = statement[column].to_owned();
            Operation::AddColumn { table, column, after: None, value: None }
        }
        SchemaCommand::DropColumn { table, column } => Operation::DropColumn { table, column },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(text: &str) -> Lowered {
        lower(text, &Lines::of(text), std::slice::from_ref(&(0..text.len())))
    }

    fn ops(text: &str) -> Vec<String> {
        let lowered = lowered(text);
        assert!(lowered.faults.is_empty(), "{:?}", lowered.faults);
        lowered.steps.iter().map(|it| format!("{}:{}", it.line, it.operation.op())).collect()
    }

    #[test]
    fn statements_become_the_steps_that_say_the_same() {
        let text = "CREATE TABLE t(a);\nINSERT INTO t VALUES (1);\nUPDATE t SET a = 2;\n\
            ALTER TABLE t ADD COLUMN b;\nDROP INDEX IF EXISTS i;\nANALYZE;";
        assert_eq!(ops(text), ["1:create_table", "2:sql", "4:add_column", "5:drop_index", "6:sql"]);
    }

    #[test]
    fn a_rebuild_by_hand_is_one_step_with_its_indexes() {
        let text = "CREATE TABLE u(a);\nPRAGMA foreign_keys=OFF;\nDROP VIEW v;\nCREATE TABLE new_t(a);\n\
            INSERT INTO new_t SELECT a FROM t;\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;\n\
            PRAGMA foreign_keys=ON;\nCREATE INDEX i ON t(a);\nCREATE VIEW v AS SELECT a FROM t;\nCREATE TABLE w(a);";
        assert_eq!(ops(text), ["1:create_table", "3:sql", "11:create_table"]);
        let Operation::Sql { sql, .. } = &lowered(text).steps[1].operation else { panic!() };
        assert!(
            sql.starts_with("DROP VIEW v") && sql.ends_with("FROM t") && !sql.contains("PRAGMA")
        );
        assert_eq!(sql.lines().count(), 8);
        let other = "ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t(a);\nINSERT INTO t SELECT a FROM old_t;\nDROP TABLE old_t;";
        assert_eq!(ops(other), ["1:sql"]);
    }

    #[test]
    fn tables_that_help_for_a_while_stay_inside_one_step() {
        let text = "CREATE TEMP TABLE x AS SELECT 1;\nCREATE TABLE t(a);\nINSERT INTO t SELECT * FROM x;\n\
            DROP TABLE x;\nCREATE TABLE u(a);";
        assert_eq!(ops(text), ["1:sql", "5:create_table"]);
        let text = "CREATE TABLE h(a);\nINSERT INTO h SELECT a FROM t;\nUPDATE t SET a = (SELECT max(a) FROM h);\n\
            DROP TABLE h;\nCREATE TABLE u(a);";
        assert_eq!(ops(text), ["1:sql", "5:create_table"]);
    }

    #[test]
    fn what_the_run_does_anyway_is_pointless_and_the_rest_is_refused_with_its_line() {
        let text = "COMMIT;\nPRAGMA foreign_keys = off;\nBEGIN IMMEDIATE;\nCREATE TABLE t(a);\n\
            PRAGMA foreign_key_check;\nCOMMIT;\nPRAGMA foreign_keys = on;\nBEGIN;";
        let found = lowered(text);
        assert_eq!((found.steps.len(), found.pointless.len()), (1, 7));
        assert_eq!(found.pointless[2], (3, "BEGIN IMMEDIATE".to_owned()));
        for (text, wanted) in [
            ("\nVACUUM", (2, "VACUUM is not allowed in a phase")),
            ("ATTACH 'x' AS y", (1, "ATTACH is not allowed in a phase")),
            ("PRAGMA journal_mode = WAL", (1, "PRAGMA journal_mode is not allowed in a phase")),
            ("PRAGMA main.user_version(3)", (1, "PRAGMA user_version is not allowed in a phase")),
            ("BEGIN;\nBEGIN", (2, "a BEGIN inside a transaction is not allowed in a phase")),
            ("ROLLBACK", (1, "ROLLBACK is not allowed in a phase")),
            (
                "\n.bail on\nCREATE TABLE t(a)",
                (2, ".bail is a command of the sqlite3 program, not SQL"),
            ),
            ("SELECT 1;\nUPDATE t\nSET a = ?1", (3, "the parameter ?1 has no value")),
            ("SELECT 1;\nSELECT 'open", (2, "a string is never closed")),
        ] {
            let faults = lowered(text).faults;
            assert_eq!(faults, [(wanted.0, wanted.1.to_owned())], "{text}");
        }
    }
}
