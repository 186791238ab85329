//! `sql` steps that change the schema: tables made anew by hand, ALTER TABLE, and what they take along.

use phaseshift::ErrorKind;
use phaseshift::proof::RemadeRows;
use support::{Bench, python};

/// A data step with these statements.
fn step(sql: &str) -> String {
    format!("[[up]]\nop = \"sql\"\nsql = '''{sql}'''\n")
}

/// A database and one irreversible phase of these statements.
#[track_caller]
fn bench(schema: &str, sql: &str) -> Bench {
    let bench = Bench::new(schema);
    bench.phase("p1", &format!("parents = []\nirreversible = \"by hand\"\n{}", step(sql)));
    bench
}

/// What Python's sqlite3 makes of the file from before with the same statements: every row of every table
/// and view, and every object.
#[track_caller]
fn like_python(bench: &Bench, sql: &str) {
    let naive = bench.naive_copy();
    let script = serde_json::json!(sql).to_string();
    let run =
        format!("c = sqlite3.connect(path); c.isolation_level = None\nc.executescript({script})\n");
    python(&naive.path, &run);
    assert_eq!(python(&bench.database(), LOOK), python(&naive.path, LOOK));
}

/// Prints everything but the version tables; the text of objects without spaces and quotes.
const LOOK: &str = r#"
c = sqlite3.connect(path)
c.text_factory = bytes
own = (b'schema_version', b'phase_history')
for kind, name, table, sql in sorted(c.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")):
    if table in own: continue
    print(kind, name, table, sql.translate(None, b' \n"'))
    if kind in (b'table', b'view'):
        quoted = '"' + name.decode().replace('"', '""') + '"'
        for row in sorted(map(repr, c.execute('SELECT * FROM ' + quoted))): print(row)
print(c.execute('PRAGMA foreign_key_check').fetchall(), c.execute('PRAGMA integrity_check').fetchall())
"#;

const SHOP: &str = "
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE \"order\"(id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer(id), total);
CREATE UNIQUE INDEX by_name ON customer(name);
CREATE TRIGGER upper_name AFTER INSERT ON customer BEGIN
  UPDATE customer SET name = upper(name) WHERE id = new.id; END;
CREATE VIEW spent AS SELECT name, sum(total) AS total FROM customer JOIN \"order\" ON customer = customer.id GROUP BY 1;
INSERT INTO customer VALUES (1, 'a'), (2, 'b');
INSERT INTO \"order\" VALUES (1, 1, 5), (2, 1, 2.5), (3, 2, '7');
";

#[test]
fn an_index_and_a_trigger_that_go_with_a_remade_table_are_named_everywhere() {
    let sql =
        "DROP VIEW spent; CREATE TABLE new_customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO new_customer SELECT * FROM customer; DROP TABLE customer;
        ALTER TABLE new_customer RENAME TO customer;";
    let bench = bench(SHOP, sql);
    for (command, recreated) in [
        ("plan", "recreates table customer from its rows"),
        ("lint", "recreates table customer from its rows"),
        ("upgrade", "table customer recreated"),
    ] {
        let said = bench.project().run(&[command]).stdout;
        for name in ["index by_name", "trigger upper_name", recreated] {
            assert!(said.contains(name), "{command}: {name}: {said}");
        }
    }
    like_python(&bench, sql);
}

#[test]
fn a_dropped_index_trigger_and_view_are_named_with_no_table_touched() {
    let sql = "DROP INDEX by_name; DROP TRIGGER upper_name; DROP VIEW spent; CREATE VIEW spent AS SELECT 1 AS one;
        CREATE INDEX by_total ON \"order\"(total);";
    let bench = bench(SHOP, sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    for line in [
        "A data step drops index by_name",
        "A data step drops trigger upper_name",
        "A data step changes view spent",
        "A data step creates index by_total",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let report = bench.up();
    assert_eq!(report.proof.rows, 5);
    like_python(&bench, sql);
}

#[test]
fn a_dropped_table_is_a_loss_with_its_rows() {
    let sql =
        "DROP VIEW spent; DROP TABLE \"order\"; CREATE TABLE note(a); INSERT INTO note VALUES (1);";
    let bench = bench(SHOP, sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    assert!(said.contains("table order is dropped with 3 rows"), "{said}");
    assert!(said.contains("creates table note") && !said.contains("order: rows change"), "{said}");
    bench.up();
    like_python(&bench, sql);
}

#[test]
fn a_way_back_whose_statements_drop_a_table_with_rows_is_refused_without_consent() {
    let bench = Bench::new("CREATE TABLE a(x); INSERT INTO a VALUES (1);");
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE b(y)\"\n
         [[down]]\nop = \"sql\"\nsql = \"DROP TABLE b\"\n",
    );
    bench.up();
    bench.ask("INSERT INTO b VALUES (7), (8)");
    let refused = bench.run(&support::down_to("base")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Irreversible);
    assert!(refused.to_string().contains("table b is dropped with 2 rows"), "{refused}");
    bench.run(&support::down_to("base").accepting_loss()).unwrap().unwrap();
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), "0");
}

#[test]
fn alter_table_rename_takes_foreign_keys_views_and_triggers_along() {
    let sql =
        "ALTER TABLE customer RENAME TO client; ALTER TABLE client RENAME COLUMN name TO title;
        ALTER TABLE \"order\" ADD COLUMN note TEXT DEFAULT 'x';";
    let bench = bench(SHOP, sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    assert!(said.contains("renames table customer to client"), "{said}");
    let report = bench.up();
    assert_eq!(report.proof.rows, 5, "every row is proven through the renames");
    like_python(&bench, sql);
}

#[test]
fn a_renamed_table_is_proven_and_a_later_step_may_use_it() {
    let bench = Bench::new(SHOP);
    bench.phase(
        "p1",
        &format!(
            "parents = []\nirreversible = \"x\"\n{}[[up]]\nop = \"rename_column\"\ntable = \"client\"\nfrom = \"name\"\nto = \"title\"\n",
            step("ALTER TABLE customer RENAME TO client;")
        ),
    );
    let report = bench.up();
    assert_eq!(report.proof.rows, 5);
    let sql =
        "ALTER TABLE customer RENAME TO client; ALTER TABLE client RENAME COLUMN name TO title;";
    let rows = "SELECT * FROM client; SELECT * FROM \"order\"; PRAGMA foreign_key_check";
    assert_eq!(bench.ask(rows), bench.naive(sql).ask(rows));
}

#[test]
fn a_swap_of_names_by_statements_keeps_both_tables_apart() {
    let schema =
        "CREATE TABLE a(id INTEGER PRIMARY KEY, x); CREATE TABLE b(id INTEGER PRIMARY KEY, x);
        INSERT INTO a VALUES (1, 'a'); INSERT INTO b VALUES (1, 'b'), (2, 'b');";
    let sql = "ALTER TABLE a RENAME TO t; ALTER TABLE b RENAME TO a; ALTER TABLE t RENAME TO b;";
    let bench = bench(schema, sql);
    assert_eq!(bench.up().proof.rows, 3);
    like_python(&bench, sql);
}

#[test]
fn remade_rows_that_are_the_same_count_as_proven_whatever_their_rowids() {
    let schema = "CREATE TABLE k(name TEXT PRIMARY KEY, v); CREATE TABLE h(a, b);
        INSERT INTO k VALUES ('x', 1), ('y', NULL), ('z', x'00'); DELETE FROM k WHERE name = 'x';
        INSERT INTO h VALUES (1, 1), (1, 1), (2, 'two'); DELETE FROM h WHERE rowid = 1;";
    let sql = "CREATE TABLE n(name TEXT PRIMARY KEY, v, w DEFAULT 0) WITHOUT ROWID;
        INSERT INTO n(name, v) SELECT name, v FROM k; DROP TABLE k; ALTER TABLE n RENAME TO k;
        CREATE TABLE h2 AS SELECT * FROM h; DROP TABLE h; ALTER TABLE h2 RENAME TO h;";
    let bench = bench(schema, sql);
    let report = bench.up();
    assert_eq!(report.proof.rows, 4);
    assert!(report.proof.remade.iter().all(|it| it.rows == RemadeRows::Equal));
    let h = report.proof.remade.iter().find(|it| it.table == "h").unwrap();
    assert!(h.renumbered, "{h}");
    like_python(&bench, sql);
}

#[test]
fn converted_lost_and_added_rows_of_a_remade_table_are_counted_and_shown() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, gone);
        INSERT INTO t VALUES (1, '007', 1), (2, 'x', NULL), (3, '9', 2);";
    let sql = "CREATE TABLE n(id INTEGER PRIMARY KEY, v INTEGER);
        INSERT INTO n SELECT id, v FROM t WHERE id < 3; INSERT INTO n VALUES (9, 9);
        DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let bench = bench(schema, sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    let report = bench.up();
    let [t] = report.proof.remade.as_slice() else { panic!("{:?}", report.proof.remade) };
    let RemadeRows::Compared { equal: 1, changed: 1, lost: 1, gained: 1, .. } = t.rows else {
        panic!("{t}: {said}")
    };
    assert!(t.to_string().contains("v was text \"007\", is integer 7"), "{t}");
    like_python(&bench, sql);
}

#[test]
fn a_counter_that_a_remade_table_lowers_is_named() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (1, 1), (50, 2);
        DELETE FROM t WHERE id = 50; CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO u VALUES (4);";
    let sql = "CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b);
        INSERT INTO n(id, a) SELECT id, a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let bench = bench(schema, sql);
    let said = bench.project().run(&["upgrade", "-v"]).expect_code(0).stdout;
    assert!(said.contains("AUTOINCREMENT counter lowered from 50 to 1"), "{said}");
    assert!(
        said.contains("1 AUTOINCREMENT counter is kept; changed by data steps: t 50 to 1"),
        "{said}"
    );
    like_python(&bench, sql);
    assert_eq!(bench.ask("SELECT * FROM sqlite_sequence ORDER BY 1"), "t|1\nu|4");
}

#[test]
fn a_counter_may_be_set_by_a_statement() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (5);
        CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO u VALUES (6);";
    for (sql, t) in [
        ("UPDATE sqlite_sequence SET seq = 100 WHERE name = 't';", "t|100\nu|6"),
        ("UPDATE sqlite_sequence SET seq = 0 WHERE name = 't';", "t|0\nu|6"),
        ("DELETE FROM sqlite_sequence WHERE name = 'u';", "t|5"),
    ] {
        let bench = bench(schema, sql);
        let said = bench.project().run(&["upgrade", "-v"]).expect_code(0).stdout;
        assert!(said.contains("changed by data steps:"), "{said}");
        assert_eq!(bench.ask("SELECT * FROM sqlite_sequence ORDER BY 1"), t);
    }
}

#[test]
fn a_plain_phase_after_a_remade_table_holds() {
    let bench = Bench::new(SHOP);
    let sql = "DROP VIEW spent; CREATE TABLE n(id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer(id), total REAL);
        INSERT INTO n SELECT id, customer, total FROM \"order\"; DROP TABLE \"order\";
        ALTER TABLE n RENAME TO \"order\";";
    bench.phase("p1", &format!("parents = []\nirreversible = \"x\"\n{}", step(sql)));
    bench.phase(
        "p2",
        "irreversible = \"x\"\n[[up]]\nop = \"rename_column\"\ntable = \"order\"\nfrom = \"total\"\nto = \"sum\"\n
         [[up]]\nop = \"add_column\"\ntable = \"customer\"\ncolumn = \"born INT\"\n",
    );
    let report = bench.up();
    let [order] = report.proof.remade.as_slice() else { panic!("{:?}", report.proof.remade) };
    assert_eq!(order.proven(), 1, "2.5 stayed, 5 and '7' became real: {order}");
    let naive = bench.naive(&format!("{sql} ALTER TABLE \"order\" RENAME COLUMN total TO sum;"));
    let rows = "SELECT id, customer, sum, typeof(sum) FROM \"order\"";
    assert_eq!(bench.ask(rows), naive.ask(rows));
}

#[test]
fn tables_made_and_dropped_within_a_step_leave_no_trace() {
    let sql = "CREATE TABLE helper(id INTEGER PRIMARY KEY, n); INSERT INTO helper SELECT id, upper(name) FROM customer;
        UPDATE customer SET name = (SELECT n || '!' FROM helper WHERE helper.id = customer.id);
        DROP TABLE helper; DROP TABLE IF EXISTS never; DROP INDEX IF EXISTS by_name; CREATE TABLE IF NOT EXISTS customer(x);";
    let bench = bench(SHOP, sql);
    let report = bench.up();
    assert_eq!(report.proof.unproven, Vec::<String>::new());
    like_python(&bench, sql);
}

#[test]
fn writes_to_the_schema_table_are_refused_by_name() {
    for sql in [
        "UPDATE sqlite_master SET sql = 'x' WHERE name = 'customer'",
        "DELETE FROM sqlite_schema",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'x'",
    ] {
        let bench = bench(SHOP, sql);
        let (kind, names) = if sql.starts_with("PRAGMA") {
            (ErrorKind::PhaseFile, "writable_schema")
        } else {
            (ErrorKind::Step, "sqlite_master may not be modified")
        };
        bench.refused(kind, names);
    }
}
