//! Foreign keys after a run: shown to join the rows that they join in the backup, or checked by SQLite where
//! rows, keys or the way they are compared are others.

use phaseshift::ErrorKind;
use phaseshift::migrate::Report;
use support::Bench;

/// One child is an orphan.
const FAMILY: &str = "CREATE TABLE parent(code TEXT COLLATE NOCASE UNIQUE, name TEXT);
     CREATE TABLE child(id INTEGER PRIMARY KEY, code TEXT REFERENCES parent(code), note TEXT);
     INSERT INTO parent VALUES ('a', 'one'), ('b', 'two');
     INSERT INTO child VALUES (1, 'A', 'x'), (2, 'b', 'y'), (3, 'nobody', 'z');";

fn found(report: &Report) -> &str {
    let check = report.proof.checks.iter().find(|it| it.name == "foreign keys");
    &check.expect("the check").detail
}

#[test]
fn renames_leave_the_keys_as_in_the_backup() {
    let bench = Bench::new(FAMILY);
    bench.steps(
        "[[up]]\nop = \"rename_table\"\nfrom = \"parent\"\nto = \"elder\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"child\"\nfrom = \"code\"\nto = \"elder\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"elder\"\nfrom = \"code\"\nto = \"sign\"\n",
    );
    assert_eq!(found(&bench.up()), "the same keys between the same rows as in the backup");
    assert_eq!(bench.ask("PRAGMA foreign_key_check"), "child|3|elder|0");
}

#[test]
fn a_parent_that_is_compared_otherwise_leaves_new_orphans() {
    let bench = Bench::new(FAMILY);
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"parent\"\ncolumn = \"code\"\ncollate = \"BINARY\"\n");
    let naive = bench.naive(
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'BINARY');
         PRAGMA writable_schema=RESET; REINDEX",
    );
    assert_eq!(naive.ask("PRAGMA foreign_key_check"), "child|1|parent|0\nchild|3|parent|0");
    let error = bench.refused(ErrorKind::Rows, "child");
    assert!(support::explain(&error).contains("child row 1 has no parent"), "{error:?}");
}

#[test]
fn keys_are_checked_again_where_rows_changed() {
    let bench = Bench::new(FAMILY);
    bench.steps("[[up]]\nop = \"sql\"\nsql = \"UPDATE child SET code = 'b' WHERE id = 3\"\n");
    assert_eq!(found(&bench.up()), "no violations");
    let bench = Bench::new(FAMILY);
    bench.steps("[[up]]\nop = \"sql\"\nsql = \"UPDATE parent SET code = 'c' WHERE code = 'b'\"\n");
    assert_eq!(
        bench
            .naive("UPDATE parent SET code = 'c' WHERE code = 'b'")
            .ask("SELECT count(*) FROM pragma_foreign_key_check"),
        "2"
    );
    bench.refused(ErrorKind::Rows, "child");
}

#[test]
fn a_new_key_is_checked_for_all_rows() {
    let bench =
        Bench::new(&FAMILY.replace(" REFERENCES parent(code)", "").replace("'nobody'", "'a'"));
    bench.steps("[[up]]\nop = \"add_constraint\"\ntable = \"child\"\nsql = \"FOREIGN KEY (code) REFERENCES parent(code)\"\n");
    assert_eq!(found(&bench.up()), "no violations");
    assert_eq!(bench.ask("PRAGMA foreign_key_check"), "");
}
