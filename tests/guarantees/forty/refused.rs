//! What cannot be carried out is refused before the backup, with the object and the reason.

use super::refused;

const CLUB: &str = "
CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE member(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id) ON DELETE CASCADE, name TEXT, born);
INSERT INTO team VALUES (1, 'a'), (2, 'b');
INSERT INTO member VALUES (1, 1, 'Ann', 1980), (2, 2, NULL, 'unknown'), (3, 2, 'Ann', 1990);
";

#[test]
fn parents_that_leave_their_children_behind() {
    // Python's sqlite3 has foreign keys off and leaves two orphans without a word.
    let said = refused(
        CLUB,
        &["DELETE FROM team WHERE id = 2;\n"],
        &["\"kind\":\"rows\"", "member", "team", "ON DELETE"],
    );
    assert_eq!(said, "");
}

#[test]
fn a_required_column_that_rows_leave_empty() {
    let said = refused(
        CLUB,
        &["
CREATE TABLE m2(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO m2 SELECT id, name FROM member;
DROP TABLE member;
ALTER TABLE m2 RENAME TO member;
"],
        &["\"kind\":\"rows\"", "m2.name", "NOT NULL"],
    );
    assert!(said.contains("NOT NULL constraint failed: m2.name"), "{said}");
}

#[test]
fn a_unique_index_over_equal_rows() {
    let said = refused(
        CLUB,
        &["UPDATE member SET born = 1; CREATE UNIQUE INDEX by_name ON member(name);\n"],
        &["\"kind\":\"rows\"", "member.name", "UNIQUE"],
    );
    assert!(said.contains("UNIQUE constraint failed"), "{said}");
}

#[test]
fn an_added_check_that_a_row_breaks() {
    let said = refused(
        CLUB,
        &["ALTER TABLE member ADD COLUMN age INT CHECK (typeof(born) = 'integer');\n"],
        &["\"kind\":\"rows\"", "CHECK", "member"],
    );
    assert!(said.contains("CHECK constraint failed"), "{said}");
}

#[test]
fn a_strict_table_that_a_value_does_not_fit() {
    let said = refused(
        CLUB,
        &[
            "CREATE TABLE person(id INTEGER PRIMARY KEY, born INTEGER) STRICT; INSERT INTO person SELECT id, born FROM member;\n",
        ],
        &["\"kind\":\"rows\"", "person.born"],
    );
    assert!(said.contains("cannot store TEXT value in INTEGER column person.born"), "{said}");
}

#[test]
fn a_plain_step_after_a_statement_that_fills_the_table_it_changes() {
    // The second phase is not SQL: what it makes of rows that the first one wrote is tried, too.
    let bench = super::bench(CLUB, &["INSERT INTO member(team, name) VALUES (1, 'Ann');\n"]);
    bench.phase(
        "p9",
        "irreversible = \"x\"\n[[up]]\nop = \"add_constraint\"\ntable = \"member\"\nsql = \"UNIQUE (team, name)\"\n",
    );
    let before = bench.project().snapshot();
    let said = super::upgrade(&bench).expect_code(4).json();
    assert_eq!(before, bench.project().snapshot());
    let error = said["error"].to_string();
    assert!(error.contains("\"rows\"") && error.contains("member"), "{error}");
}

#[test]
fn the_statements_of_a_runner_that_ends_transactions() {
    for (sql, name) in [
        ("BEGIN; DELETE FROM member; COMMIT;\n", "transaction control"),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM member WHERE id = 2; PRAGMA foreign_keys = ON;\n",
            "foreign_keys",
        ),
        ("VACUUM;\n", "VACUUM"),
        ("ATTACH 'other.db' AS other;\n", "ATTACH"),
        ("PRAGMA user_version = 7;\n", "user_version"),
    ] {
        refused(CLUB, &[sql], &[name]);
    }
}

#[test]
fn a_parent_that_goes_while_others_refer_to_it() {
    refused(CLUB, &["DROP TABLE team;\n"], &["member", "team"]);
}

#[test]
fn a_column_that_an_index_needs() {
    let said = refused(
        &format!("{CLUB} CREATE INDEX by_born ON member(born);"),
        &["ALTER TABLE member DROP COLUMN born;\n"],
        &["by_born", "born"],
    );
    assert!(said.contains("error in index by_born after drop column"), "{said}");
}

#[test]
fn a_stored_generated_column_whose_new_type_stores_other_values() {
    let schema = "CREATE TABLE p(id INTEGER PRIMARY KEY, n, double NUMERIC AS (n * 2) STORED); INSERT INTO p(n) VALUES (1), (2);";
    let bench = support::Bench::new(schema);
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"p\"\ncolumn = \"double\"\ntype = \"TEXT\"\n",
    );
    bench.refused(phaseshift::ErrorKind::Rows, "double was integer 2, is text \"2\"");
}

#[test]
fn a_foreign_key_of_a_later_phase_on_a_table_that_an_earlier_one_rebuilt() {
    let bench = super::bench(
        "CREATE TABLE t(a INTEGER, b TEXT CHECK (b <> '')); INSERT INTO t VALUES (1, 'x'), (2, 'y'); CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);",
        &[],
    );
    bench.phase(
        "p1",
        "[[up]]\nop = \"drop_constraint\"\ntable = \"t\"\nsql = \"CHECK (b <> '')\"\n",
    );
    bench.phase(
        "p2",
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"FOREIGN KEY (a) REFERENCES p(id)\"\n",
    );
    let before = bench.project().snapshot();
    let said = super::upgrade(&bench).expect_code(4).json();
    assert_eq!(before, bench.project().snapshot());
    let error = said["error"].to_string();
    assert!(error.contains("\"rows\"") && error.contains("no parent in p"), "{error}");
}
