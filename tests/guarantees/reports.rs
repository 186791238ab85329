//! What a run says of losses, differences, statistics and missing files: once, in full, and only where it is so.

use phaseshift::event::Silent;
use phaseshift::migrate::{Hooks, Migration, Preparation};
use support::{Bench, down_to, sqlite3, up_to};

const DROP: &str = "parents = []\n[[up]]\nop = \"drop_table\"\ntable = \"t\"\n";

#[test]
fn a_table_that_went_without_a_row_comes_back_without_a_word() {
    let bench =
        Bench::new("CREATE TABLE t(a); CREATE TABLE other(a); INSERT INTO other VALUES (1);");
    bench.steps(DROP).up();
    bench.run(&down_to("base")).unwrap().unwrap();
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 't'");
    bench.same_answer("SELECT count(*) FROM t");
}

#[test]
fn a_table_that_went_with_rows_needs_consent_to_come_back_without_them() {
    let bench = Bench::new("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    bench.steps(DROP).up();
    let refused = bench.run(&down_to("base")).unwrap_err();
    assert!(refused.to_string().contains("t comes back without its rows"), "{refused}");
}

#[test]
fn a_table_that_the_run_itself_filled_counts_as_one_with_rows() {
    let bench = Bench::new("CREATE TABLE t(a);");
    bench.phase(
        "a",
        "parents = []\n[[up]]\nop = \"sql\"\nsql = \"INSERT INTO t VALUES (1)\"\n[[down]]\nop = \"sql\"\nsql = \"DELETE FROM t\"\n",
    );
    bench.phase("b", &DROP.replace("parents = []\n", ""));
    bench.up();
    let refused = bench.run(&down_to("a")).unwrap_err();
    assert!(refused.to_string().contains("t comes back without its rows"), "{refused}");
}

/// Runs a phase, changes something before the proof, and returns what the proof says.
fn planted(schema: &str, sql: &str) -> Vec<String> {
    let bench = Bench::new(schema);
    bench.steps("[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE more(x)\"\n");
    let Preparation::Ready(ready) = Migration::prepare(&bench.engine(), &up_to("head")).unwrap()
    else {
        panic!()
    };
    let mut meddle = |connection: &rusqlite::Connection| connection.execute_batch(sql).unwrap();
    let mut hooks = Hooks { before_proof: Some(&mut meddle) };
    let failed = ready.secure(&mut Silent).unwrap().run(&mut Silent, &mut hooks).unwrap_err();
    failed.facts().problems.clone()
}

#[test]
fn a_difference_is_listed_once_in_every_encoding() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let schema = format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB);
             INSERT INTO t VALUES (1, 'x', x'01'), (2, 'y', NULL);"
        );
        assert_eq!(
            planted(&schema, "UPDATE t SET a = 'z', b = 5 WHERE id = 1"),
            [
                "t: id integer 1: a was text \"x\", is text \"z\"",
                "t: id integer 1: b was blob x'01' of 1 bytes, is integer 5"
            ],
            "{encoding}"
        );
    }
}

#[test]
fn a_changed_property_is_named_with_both_values() {
    let said = planted("CREATE TABLE t(a);", "PRAGMA user_version = 9");
    assert_eq!(said, ["user_version was 0, is 9"]);
}

#[test]
fn a_changed_counter_is_named_with_both_values() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (50);";
    let said = planted(schema, "UPDATE sqlite_sequence SET seq = 7").join("; ");
    assert!(said.contains("50") && said.contains('7') && !said.contains("Integer("), "{said}");
}

const MEASURED: &str = "CREATE TABLE t(a, b, c); CREATE INDEX i ON t(a); CREATE INDEX j ON t(c);
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100)
    INSERT INTO t SELECT x % 3, x, x FROM n; ANALYZE;";
const OTHER_KEYS: &str = "[[up]]\nop = \"drop_index\"\nindex = \"i\"\n
    [[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX i ON t(b, a)\"\n";
const STATISTICS: &str = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 2";

#[test]
fn statistics_of_an_index_with_other_keys_do_not_stay() {
    let rename = "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"c\"\nto = \"d\"\n";
    for steps in [OTHER_KEYS.to_owned(), format!("{OTHER_KEYS}{rename}")] {
        let bench = Bench::new(MEASURED);
        bench.steps(&steps).up();
        assert_eq!(bench.ask(STATISTICS), "t|j|100 1", "{steps}");
        bench.down();
        assert_eq!(bench.ask(STATISTICS), "t|j|100 1", "{steps}");
    }
}

#[test]
fn statistics_of_an_index_whose_columns_are_renamed_stay() {
    let bench = Bench::new(MEASURED);
    let steps = "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"first\"\n
        [[up]]\nop = \"rename_index\"\nfrom = \"i\"\nto = \"k\"\n";
    bench.steps(steps).up();
    assert_eq!(bench.ask(STATISTICS), "t|j|100 1\nt|k|100 34");
}

#[test]
fn statistics_of_an_index_with_other_keys_are_collected_where_the_phase_asks_for_it() {
    let bench = Bench::new(MEASURED);
    bench.steps(&format!("stats = \"analyze\"\n{OTHER_KEYS}")).up();
    let naive = bench.naive("DROP INDEX i; CREATE INDEX i ON t(b, a); ANALYZE t");
    assert_eq!(bench.ask(STATISTICS), naive.ask(STATISTICS));
}

#[test]
fn a_missing_or_empty_database_names_its_backups() {
    let bench = Bench::new("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    bench.steps("[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE u(a)\"\n").up();
    let project = bench.project();
    std::fs::remove_file(bench.database()).unwrap();
    for empty in [false, true] {
        if empty {
            std::fs::write(bench.database(), "").unwrap();
        }
        for command in ["status", "upgrade", "verify", "current"] {
            let said = project.run(&[command]).expect_code(4).stderr;
            let wanted = "next:  1 backup exists: phaseshift restore --latest";
            assert!(said.contains(wanted), "{command}: {said}");
        }
    }
    std::fs::remove_file(bench.database()).unwrap();
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(sqlite3(&bench.database(), "SELECT a FROM t").trim(), "1");
}

#[test]
fn a_missing_database_without_backups_names_none() {
    let bench = Bench::empty();
    let said = bench.project().run(&["status"]).expect_code(4).stderr;
    assert!(
        said.contains("does not exist")
            && !said.contains("exist:")
            && said.contains("upgrade --create"),
        "{said}"
    );
}
