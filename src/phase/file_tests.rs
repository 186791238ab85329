//! Phase files: what is read, and the message of every fault.

use proptest::prelude::{any, prop};
use proptest::proptest;

use super::*;
use crate::files::RealFiles;
use crate::phase::samples::{Folder, id};
use crate::phase::{
    ColumnChange, ConstraintChoice, DefaultChange, Expected, LeftOut, Operation, StepObject,
};

fn read(text: &str) -> Result<PhaseFile> {
    let folder = Folder::with(&[("x.toml", text), ("rows.sql", "DELETE FROM t;\n")]);
    PhaseFile::read(&RealFiles, &folder.path().join("x.toml"))
}

fn phase_of(text: &str) -> Phase {
    read(text).unwrap().phase
}

/// Returns the faults of a phase file, without the name of the file.
fn faults(text: &str) -> Vec<String> {
    let error = read(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::PhaseFile, "{text}");
    let (file, line) = error.facts().source.clone().unwrap();
    assert!(file.ends_with("phases/x.toml"));
    let all = &error.facts().problems;
    let all = if all.is_empty() { vec![error.to_string()] } else { all.clone() };
    assert!(all[0].starts_with(&format!("phases/x.toml:{line}: ")), "{all:?}");
    all.iter().map(|fault| fault.trim_start_matches("phases/x.toml:").to_owned()).collect()
}

/// Returns the faults of one step whose `op` is in line 2.
fn step_faults(step: &str) -> Vec<String> {
    faults(&format!("[[up]]\n{step}"))
}

const WHOLE: &str = r#"
id          = "phase3"
version     = 2
description = "Phase 3: Renamed tables and columns"
title       = "FITS Cataloger - Phase 3 Schema Migration"
parents     = ["phase2"]
depends_on  = ["other"]
labels      = ["fits"]
replaces    = ["old1", "old2"]
views       = "follow"
stats       = "analyze"
strategy    = "auto"

[[require]]
name = "no duplicate sessions"
sql = "SELECT session_id FROM sessions GROUP BY 1 HAVING count(*) > 1"
expect = "no rows"
message = "remove the duplicates first"

[[up]]
op = "rename_table"
from = "sessions"
to = "imaging_sessions"

[[verify]]
name = "all there"
sql = "SELECT count(*) FROM imaging_sessions"
expect = 245

[[down]]
op = "sql"
sql = "SELECT 1"
"#;

#[test]
fn a_whole_phase_is_read() {
    let file = read(WHOLE).unwrap();
    assert!(file.declares_parents && file.declares_version);
    assert_eq!(file.line_of("parents"), 6);
    assert_eq!(file.line_of("irreversible"), 1);
    let phase = file.phase;
    assert_eq!(phase.id, id("phase3"));
    assert_eq!(phase.version, 2);
    assert_eq!(phase.headline(), "FITS Cataloger - Phase 3 Schema Migration");
    assert_eq!(phase.description, "Phase 3: Renamed tables and columns");
    assert_eq!(phase.parents, [id("phase2")]);
    assert_eq!(phase.depends_on, [id("other")]);
    assert_eq!(phase.labels, ["fits"]);
    assert_eq!(phase.replaces, [id("old1"), id("old2")]);
    assert_eq!(phase.views, ViewPolicy::Follow);
    assert_eq!(phase.statistics, StatisticsPolicy::Analyze);
    assert_eq!(phase.strategy, Strategy::Auto);
    assert_eq!(
        phase.require,
        [Check {
            name: "no duplicate sessions".to_owned(),
            sql: "SELECT session_id FROM sessions GROUP BY 1 HAVING count(*) > 1".to_owned(),
            expect: Expected::NoRows,
            message: Some("remove the duplicates first".to_owned()),
            line: 14,
        }]
    );
    assert_eq!(phase.verify[0].expect, Expected::Integer(245));
    assert_eq!(phase.up[0].line, 20);
    assert_eq!(
        phase.up[0].operation,
        Operation::RenameTable { from: "sessions".to_owned(), to: "imaging_sessions".to_owned() }
    );
    let Downgrade::Steps(down) = phase.down else { panic!("steps") };
    assert_eq!(down[0].line, 30);
    assert!(phase.checksum.starts_with("steps:"));
    assert!(phase.text_checksum.starts_with("blake3:"));
}

#[test]
fn what_is_left_out_has_its_default() {
    let file = read("").unwrap();
    assert!(!file.declares_parents && !file.declares_version);
    let phase = file.phase;
    assert_eq!(phase.id, id("x"));
    assert_eq!(phase.description, "x");
    assert_eq!(phase.down, Downgrade::Derived);
    assert_eq!(phase.views, ViewPolicy::Keep);
    assert_eq!(phase.statistics, StatisticsPolicy::Carry);
    assert_eq!(phase.strategy, Strategy::Rebuild);
    assert!(phase.up.is_empty() && phase.require.is_empty() && phase.parents.is_empty());

    assert!(read("parents = []").unwrap().declares_parents);
    assert_eq!(phase_of("title = \"Big\"").description, "Big");
    assert_eq!(
        phase_of("irreversible = \"rows are gone\"").down,
        Downgrade::Irreversible("rows are gone".to_owned())
    );
    assert_eq!(phase_of("down = []").down, Downgrade::Steps(Vec::new()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of all steps")]
fn every_op_is_read() {
    let owned = str::to_owned;
    let sql = || owned("CREATE x");
    let cases = [
        (
            "rename_column', table='t', from='a', to='b'",
            Operation::RenameColumn { table: owned("t"), from: owned("a"), to: owned("b") },
        ),
        (
            "create_table', sql='CREATE x', if_not_exists=true",
            Operation::Create { kind: StepObject::Table, sql: sql(), if_not_exists: true },
        ),
        (
            "drop_table', table='t', if_exists=true",
            Operation::Drop { kind: StepObject::Table, name: owned("t"), if_exists: true },
        ),
        (
            "drop_table', table='t'",
            Operation::Drop { kind: StepObject::Table, name: owned("t"), if_exists: false },
        ),
        (
            "add_column', table='t', column='n TEXT', after='a', value='1'",
            Operation::AddColumn {
                table: owned("t"),
                column: owned("n TEXT"),
                after: Some(owned("a")),
                value: Some(owned("1")),
            },
        ),
        (
            "drop_column', table='t', column='c'",
            Operation::DropColumn { table: owned("t"), column: owned("c") },
        ),
        (
            "alter_column', table='t', column='c', type='', not_null=true, default='none', collate='NOCASE', value='c'",
            Operation::AlterColumn {
                table: owned("t"),
                column: owned("c"),
                change: ColumnChange {
                    type_name: Some(String::new()),
                    not_null: Some(true),
                    default: Some(DefaultChange::Remove),
                    collate: Some(owned("NOCASE")),
                    value: Some(owned("c")),
                },
            },
        ),
        (
            "add_constraint', table='t', sql='UNIQUE (a)'",
            Operation::AddConstraint { table: owned("t"), sql: owned("UNIQUE (a)") },
        ),
        (
            "drop_constraint', table='t', name='u'",
            Operation::DropConstraint {
                table: owned("t"),
                constraint: ConstraintChoice::Name(owned("u")),
            },
        ),
        (
            "drop_constraint', table='t', sql='UNIQUE (a)'",
            Operation::DropConstraint {
                table: owned("t"),
                constraint: ConstraintChoice::Sql(owned("UNIQUE (a)")),
            },
        ),
        (
            "create_index', sql='CREATE x'",
            Operation::Create { kind: StepObject::Index, sql: sql(), if_not_exists: false },
        ),
        (
            "create_view', sql='CREATE x'",
            Operation::Create { kind: StepObject::View, sql: sql(), if_not_exists: false },
        ),
        (
            "create_trigger', sql='CREATE x'",
            Operation::Create { kind: StepObject::Trigger, sql: sql(), if_not_exists: false },
        ),
        (
            "drop_index', index='i'",
            Operation::Drop { kind: StepObject::Index, name: owned("i"), if_exists: false },
        ),
        (
            "drop_view', view='v'",
            Operation::Drop { kind: StepObject::View, name: owned("v"), if_exists: false },
        ),
        (
            "drop_trigger', trigger='g'",
            Operation::Drop { kind: StepObject::Trigger, name: owned("g"), if_exists: false },
        ),
        (
            "rename_index', from='a', to='b'",
            Operation::RenameIndex { from: owned("a"), to: owned("b") },
        ),
        ("replace_view', sql='CREATE x'", Operation::ReplaceView { sql: sql() }),
        ("replace_trigger', sql='CREATE x'", Operation::ReplaceTrigger { sql: sql() }),
        (
            "rebuild', table='t', sql='CREATE x', values={ z = '1', a = '2' }",
            Operation::Rebuild {
                table: owned("t"),
                sql: sql(),
                values: vec![(owned("z"), owned("1")), (owned("a"), owned("2"))],
                left_out: LeftOut::Refuse,
            },
        ),
        ("sql', sql='SELECT 1'", Operation::Sql { sql: owned("SELECT 1"), file: None }),
        (
            "sql', file='rows.sql'",
            Operation::Sql { sql: owned("DELETE FROM t;\n"), file: Some(owned("rows.sql")) },
        ),
    ];
    for (step, expected) in cases {
        let phase = phase_of(&format!("up = [ {{ op='{step} }} ]"));
        assert_eq!(phase.up, [Step { operation: expected, line: 1 }], "{step}");
    }
}

#[test]
fn every_expectation_is_read() {
    let expect = |text: &str| {
        phase_of(&format!("[[verify]]\nname='n'\nsql='s'\nexpect = {text}")).verify[0]
            .expect
            .clone()
    };
    assert_eq!(expect("'no rows'"), Expected::NoRows);
    assert_eq!(expect("'rows'"), Expected::Rows);
    assert_eq!(expect("-3"), Expected::Integer(-3));
    assert_eq!(expect("2.5"), Expected::Real(2.5));
    assert_eq!(expect("'ok'"), Expected::Text("ok".to_owned()));
    assert_eq!(expect("''"), Expected::Text(String::new()));
}

#[test]
fn faults_of_the_phase_name_line_and_key() {
    for (text, expected) in [
        ("idd = 'a'", "1: unknown key `idd` in the phase, nearest is `id`"),
        ("\n\n[[ups]]\nop = 'sql'", "3: unknown key `ups` in the phase, nearest is `up`"),
        ("id = 3", "1: `id` must be a string, not an integer"),
        ("id = ''", "1: `id` is empty"),
        ("id = 'a b'", "1: `id` must be an id of letters, digits, `_`, `.` and `-`, not `a b`"),
        ("id = 'head'", "1: `id` must not be `head`, which has a meaning as a target"),
        ("id = '-1'", "1: `id` must not be `-1`, which has a meaning as a target"),
        ("\nversion = '2'", "2: `version` must be an integer, not a string"),
        ("version = -2", "1: `version` must not be negative: -2"),
        ("version = 2.0", "1: `version` must be an integer, not a float"),
        ("description = 1", "1: `description` must be a string, not an integer"),
        ("title = ' '", "1: `title` is empty"),
        ("parents = 'a'", "1: `parents` must be an array of strings, not a string"),
        ("parents = [1]", "1: `parents` must hold strings, not an integer"),
        ("parents = ['a', 'a']", "1: `parents` names `a` twice"),
        (
            "depends_on = ['a/b']",
            "1: `depends_on` must be an id of letters, digits, `_`, `.` and `-`, not `a/b`",
        ),
        (
            "labels = ['a@b']",
            "1: `labels` must hold labels of letters, digits, `_`, `.` and `-`, not `a@b`",
        ),
        ("views = 'kept'", "1: `views` must be \"keep\" or \"follow\", not `kept`"),
        ("stats = true", "1: `stats` must be a string, not a boolean"),
        ("strategy = 'fast'", "1: `strategy` must be \"rebuild\" or \"auto\", not `fast`"),
        ("irreversible = ''", "1: `irreversible` is empty"),
        ("up = 1", "1: `up` must be tables ([[up]]), not an integer"),
        ("[up]\nop = 'sql'", "1: `up` must be tables ([[up]]), not a table"),
        ("up = [1]", "1: `up` must be tables ([[up]]), not an array"),
        (
            "irreversible = 'x'\n[[down]]\nop = 'sql'\nsql = 'x'",
            "1: the phase takes only one of `irreversible`, `down`",
        ),
    ] {
        assert_eq!(faults(text), [expected], "{text}");
    }
}

#[test]
fn faults_of_a_check_name_line_and_key() {
    let check = |rest: &str| faults(&format!("[[require]]\nname = 'n'\nsql = 's'\n{rest}"));
    for (rest, expected) in [
        ("", "1: [[require]] needs `name`, `sql`, `expect`: `expect` is missing"),
        (
            "expect = true",
            "4: `expect` must be \"no rows\", \"rows\", a string, an integer or a float, not a boolean",
        ),
        ("expect = nan", "4: `expect` must not be nan, which equals nothing"),
        ("expect = 'no_rows'", "4: `expect` must be \"no rows\", not `no_rows`"),
        ("expect = 'Rows'", "4: `expect` must be \"rows\", not `Rows`"),
        (
            "expect = 1\nmesage = 'm'",
            "5: unknown key `mesage` in [[require]], nearest is `message`",
        ),
        ("expect = 1\nop = 'sql'", "5: unknown key `op` in [[require]], nearest is `expect`"),
    ] {
        assert_eq!(check(rest), [expected], "{rest}");
    }
    assert_eq!(
        faults("[[verify]]"),
        ["1: [[verify]] needs `name`, `sql`, `expect`: `name`, `sql`, `expect` are missing"]
    );
}

#[test]
fn faults_of_a_step_name_line_op_and_keys() {
    for (step, expected) in [
        ("", "1: the step in [[up]] has no `op`"),
        ("op = 1", "2: `op` must be a string, not an integer"),
        ("op = 'rename_tabel'", "2: unknown op `rename_tabel`, nearest is `rename_table`"),
        (
            "op = 'rename_column'\nfrom = 'a'\nto = 'b'",
            "1: rename_column needs `table`, `from`, `to`: `table` is missing",
        ),
        ("op = 'drop_constraint'\ntable = 't'\nname = ''", "4: `name` is empty"),
        ("op = 'drop_table'\ntable = 1", "3: `table` must be a string, not an integer"),
        ("op = 'drop_table'\ntable = \"a\\u0000b\"", "3: `table` holds a NUL character"),
        (
            "op = 'drop_table'\ntable = 't'\nif_exists = 'yes'",
            "4: `if_exists` must be true or false, not a string",
        ),
        ("op = 'sql'", "1: sql needs one of `sql`, `file`"),
        ("op = 'sql'\nsql = 'x'\nfile = 'rows.sql'", "1: sql takes only one of `sql`, `file`"),
        (
            "op = 'drop_constraint'\ntable = 't'\nname = 'n'\nsql = 's'",
            "1: drop_constraint takes only one of `name`, `sql`",
        ),
        (
            "op = 'alter_column'\ntable = 't'\ncolumn = 'c'",
            "1: alter_column needs at least one of `type`, `not_null`, `default`, `collate`, `value`",
        ),
        (
            "op = 'rebuild'\ntable = 't'\nsql = 's'\nvalues = 'x'",
            "5: `values` must be a table of SQL expressions by column, not a string",
        ),
        (
            "op = 'rebuild'\ntable = 't'\nsql = 's'\nvalues = { a = 1 }",
            "5: `values` of `a` must be a string, not an integer",
        ),
        (
            "op = 'rebuild'\ntable = 't'\nsql = 's'\nvalues = { a = '1', A = '2' }",
            "5: `values` names the column `A` twice",
        ),
        ("op = 'sql'\nfile = 'no.sql'", "3: `file` names `no.sql`, which is not in the folder"),
    ] {
        assert_eq!(step_faults(step), [expected], "{step}");
    }
}

#[test]
fn an_sql_file_lies_beside_the_phase_file() {
    for name in ["../x.sql", "/etc/passwd", "sub/x.sql", "..", ".", "./rows.sql", "a\\\\b.sql"] {
        let faults = step_faults(&format!("op = 'sql'\nfile = \"{name}\""));
        assert!(
            faults[0].starts_with("3: `file` must name a file in the folder of the phase, not "),
            "{faults:?}"
        );
    }
    let folder = Folder::with(&[]);
    folder.write("folder.sql/x", b"");
    folder.write("empty.sql", b" \n");
    folder.write("latin.sql", b"SELECT 1;\nSELECT '\xe9'");
    folder.write("nul.sql", b"SELECT 1;\0");
    for (name, expected) in [
        ("folder.sql", "`file` names `folder.sql`, which is not a file"),
        ("empty.sql", "`file` names `empty.sql`, which is empty"),
        ("latin.sql", "`file` names `latin.sql`, which is not UTF-8 text (line 2)"),
        ("nul.sql", "`file` names `nul.sql`, which holds a NUL character"),
    ] {
        let text = format!("[[up]]\nop = 'sql'\nfile = '{name}'");
        let path = folder.write(&format!("{name}.toml"), text.as_bytes());
        let error = PhaseFile::read(&RealFiles, &path).unwrap_err();
        assert_eq!(error.to_string(), format!("phases/{name}.toml:3: {expected}"));
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = "versoin = 2\n[[up]]\nop = 'drop_table'\nif_exists = 1\n[[up]]\nop = 'nothing'";
    assert_eq!(
        faults(text),
        [
            "1: unknown key `versoin` in the phase, nearest is `version`",
            "2: drop_table needs `table`: `table` is missing",
            "4: `if_exists` must be true or false, not an integer",
            "6: unknown op `nothing`, nearest is `drop_trigger`",
        ]
    );
    let message = read(text).unwrap_err().to_string();
    assert_eq!(
        message,
        "phases/x.toml:1: unknown key `versoin` in the phase, nearest is `version` (and 3 more problems)"
    );
}

#[test]
fn what_is_not_toml_names_the_line() {
    let fault = |text: &str| faults(text).remove(0);
    assert!(fault("id = 'a'\nversion = = 2\n").starts_with("2: not TOML: "));
    assert!(fault("id = 'a'\n\nid = 'b'\n").starts_with("3: not TOML: duplicate key"));
    assert!(fault("[[up]]\r\nop = \"sql\r\n").starts_with("2: not TOML: "));

    assert!(fault(&format!("id = {}", "[".repeat(100_000))).starts_with("1: not TOML: "));

    let folder = Folder::with(&[]);
    let path = folder.write("x.toml", b"id = 'a'\ntitle = '\xff'");
    let error = PhaseFile::read(&RealFiles, &path).unwrap_err();
    assert_eq!(error.to_string(), "phases/x.toml:2: the phase file is not UTF-8 text");
}

#[test]
fn an_id_that_the_stem_cannot_be_must_be_declared() {
    let folder = Folder::with(&[("add users.toml", ""), ("fix it.toml", "id = 'fix'")]);
    let read = |name| PhaseFile::read(&RealFiles, &folder.path().join(name));
    assert_eq!(
        read("add users.toml").unwrap_err().to_string(),
        "phases/add users.toml:1: the phase has no `id`, and the stem of its file must be an id of \
         letters, digits, `_`, `.` and `-`, not `add users`"
    );
    assert_eq!(read("fix it.toml").unwrap().phase.id, id("fix"));
}

#[test]
fn line_ends_and_mark_change_neither_steps_nor_checksum() {
    let text = "[[up]]\nop = 'sql'\nsql = '''\nSELECT 1;\nSELECT 2;\n'''\n[[up]]\nop = 'sql'\nfile = 'rows.sql'\n";
    let plain = phase_of(text);
    let folder = Folder::with(&[]);
    folder.write("rows.sql", b"\xef\xbb\xbfDELETE FROM t;\r\n");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let path = folder.write("x.toml", windows.as_bytes());
    let other = PhaseFile::read(&RealFiles, &path).unwrap().phase;
    assert_eq!(other.up, plain.up);
    assert_eq!(other.checksum, plain.checksum);
    assert_eq!(other.up[1].line, 7);
}

#[test]
fn a_changed_sql_file_changes_the_checksum() {
    let text = "[[up]]\nop = 'sql'\nfile = 'rows.sql'\n";
    let folder = Folder::with(&[("rows.sql", "DELETE FROM other;\n"), ("x.toml", text)]);
    let other = PhaseFile::read(&RealFiles, &folder.path().join("x.toml")).unwrap().phase;
    assert_ne!(other.checksum, phase_of(text).checksum);
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_the_phase() {
    let folder = Folder::with(&[]);
    let error = PhaseFile::read(&RealFiles, &folder.path().join("x.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let error = PhaseFile::read(&RealFiles, &folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PhaseFile);
}

/// Reads bytes as a phase file; faults must name a line of it.
fn read_any(bytes: &[u8]) {
    let mut problems = Problems::default();
    let read = read_bytes(&RealFiles, Path::new("phases/x.toml"), bytes, &mut problems);
    let faults = problems.into_result(ErrorKind::PhaseFile);
    assert_eq!(read.is_some(), faults.is_ok());
    if let Err(error) = faults {
        let (_, line) = error.facts().source.clone().unwrap();
        let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
        assert!(!error.to_string().contains('\n'));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_any(&bytes);
    }

    #[test]
    fn no_change_of_a_phase_makes_the_reader_panic(
        cuts in prop::collection::vec((0..WHOLE.len(), 0..40usize, "[\\[\\]{}='\"a-z0-9,.\n\r\0é#-]{0,8}"), 1..5)
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for (start, length, put) in cuts {
            let start = start.min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, put.bytes());
        }
        read_any(&bytes);
    }

    #[test]
    fn no_values_of_the_keys_make_the_reader_panic(
        op in prop::sample::select(KINDS.iter().map(|kind| kind.op).collect::<Vec<_>>()),
        keys in prop::collection::vec(
            (prop::sample::select(vec!["table", "column", "from", "to", "sql", "file", "values", "name",
                "default", "not_null", "type", "if_exists", "after", "value", "x"]),
             prop::sample::select(vec!["'t'", "''", "1", "true", "[]", "{}", "{a='1'}", "nan",
                "1979-05-27", "'..'", "[[1]]"])), 0..6)
    ) {
        let mut text = format!("[[up]]\nop = '{op}'\n");
        for (key, value) in keys {
            text.push_str(&format!("{key} = {value}\n"));
        }
        read_any(text.as_bytes());
    }
}
