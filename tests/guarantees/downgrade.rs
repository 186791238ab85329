//! A derived downgrade restores what the file held before the upgrade.

use phaseshift::ErrorKind;

use super::support::{Bench, down_to, explain, script};

/// The schema and the rows of every table but the version tables, as the `sqlite3` program reads them.
fn content(path: &std::path::Path) -> String {
    super::support::python(
        path,
        r#"
c = sqlite3.connect(path)
own = ('schema_version', 'phase_history')
for kind, name, sql in sorted(c.execute("select type, name, sql from sqlite_master"), key=repr):
    if name in own or name.startswith('sqlite_'): continue
    print(kind, name, sql)
    if kind == 'table': print(sorted(map(repr, c.execute('select * from "%s"' % name))))
"#,
    )
}

/// Upgrades, downgrades, and expects the very schema and rows of before.
#[track_caller]
fn there_and_back(bench: &Bench) {
    let before = content(&bench.database());
    bench.up();
    assert_ne!(content(&bench.database()), before);
    bench.down();
    assert_eq!(content(&bench.database()), before);
}

/// Upgrades, expects that a downgrade is refused for its losses, and downgrades with consent.
#[track_caller]
fn there_and_back_with_loss(bench: &Bench, names: &str) {
    bench.up();
    let refused = bench.run(&down_to("base")).expect_err("a loss");
    assert_eq!(refused.kind(), ErrorKind::Irreversible, "{}", explain(&refused));
    assert!(explain(&refused).contains(names), "{}", explain(&refused));
    bench.run(&down_to("base").accepting_loss()).map_err(|it| explain(&it)).expect("a way back");
}

/// The schema alone.
fn schema(path: &std::path::Path) -> String {
    content(path).lines().filter(|it| !it.starts_with('[')).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_table_that_no_phase_made_comes_back_when_its_name_was_taken() {
    let bench = Bench::new(
        "CREATE TABLE t(a TEXT, n INTEGER); CREATE INDEX by_a ON t(a); INSERT INTO t VALUES ('x', 1);
         CREATE TABLE log(x); CREATE TRIGGER noted AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_table\"\ntable = \"t\"\nif_exists = true\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a, b)\"\n",
    );
    let before = schema(&bench.database());
    there_and_back_with_loss(&bench, "t comes back without its rows");
    assert_eq!(schema(&bench.database()), before);
}

#[test]
fn a_view_that_no_phase_made_comes_back_with_its_trigger() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT a FROM t;
         CREATE TRIGGER w INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_view\"\nview = \"v\"\nif_exists = true\n\
         [[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT a, b FROM t\"\n",
    );
    there_and_back(&bench);
}

#[test]
fn an_index_and_a_trigger_that_were_there_come_back_in_their_own_words() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE INDEX  i  ON t(b DESC);
         CREATE TRIGGER  r AFTER DELETE ON t BEGIN SELECT 1; END",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_index\"\nindex = \"i\"\nif_exists = true\n\
         [[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX i ON t(a)\"\n\
         [[up]]\nop = \"drop_trigger\"\ntrigger = \"r\"\nif_exists = true\n\
         [[up]]\nop = \"create_trigger\"\nsql = \"CREATE TRIGGER r AFTER UPDATE ON t BEGIN SELECT 2; END\"\n",
    );
    there_and_back(&bench);
}

#[test]
fn objects_that_were_there_stay_where_a_phase_only_creates_what_is_missing() {
    let bench = Bench::new(
        "CREATE TABLE kept(a, extra); INSERT INTO kept VALUES (1, 'mine');
         CREATE VIEW seen AS SELECT extra FROM kept; CREATE INDEX by_extra ON kept(extra)",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"create table kept(a, extra)\"\nif_not_exists = true\n\
         [[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW seen AS SELECT extra FROM kept\"\nif_not_exists = true\n\
         [[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX by_extra ON kept (extra)\"\nif_not_exists = true\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE fresh(a)\"\nif_not_exists = true\n",
    );
    there_and_back(&bench);
}

#[test]
fn replaced_views_and_triggers_of_another_program_come_back() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT a -- theirs\n FROM t;
         CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 'theirs'; END",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"replace_view\"\nsql = \"CREATE VIEW v AS SELECT b FROM t\"\n\
         [[up]]\nop = \"replace_trigger\"\nsql = \"CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 'ours'; END\"\n",
    );
    there_and_back(&bench);
}

#[test]
fn several_phases_over_one_foreign_table_come_back_in_order() {
    let bench = Bench::new(
        "CREATE TABLE old(id INTEGER PRIMARY KEY, \"Name\" TEXT COLLATE NOCASE, junk);
         INSERT INTO old VALUES (1, 'a', NULL), (2, 'b', NULL); CREATE VIEW v AS SELECT \"Name\" FROM old",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_view\"\nview = \"v\"\nif_exists = true\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"old\"\nto = \"new\"\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE old(other)\"\n",
    );
    bench.phase(
        "p2",
        "[[up]]\nop = \"add_column\"\ntable = \"new\"\ncolumn = \"n INTEGER DEFAULT 7\"\n\
         [[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT n FROM new\"\n",
    );
    bench.phase(
        "p3",
        "[[up]]\nop = \"drop_view\"\nview = \"v\"\n[[up]]\nop = \"rename_column\"\ntable = \"new\"\n\
         from = \"Name\"\nto = \"title\"\n[[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT title FROM new\"\n",
    );
    there_and_back(&bench);
}

#[test]
fn a_full_text_table_and_a_table_exchange_their_names() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE words USING fts5(body, tokenize = 'porter'); CREATE TABLE plain(x UNIQUE)",
    );
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_table\"\ntable = \"words\"\nif_exists = true\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE words(body TEXT)\"\n",
    );
    bench.up();
    bench.run(&down_to("base").accepting_loss()).map_err(|it| explain(&it)).expect("a way back");
    let text = bench.ask("SELECT sql FROM sqlite_master WHERE name = 'words'");
    assert_eq!(text, bench.ask_before("SELECT sql FROM sqlite_master WHERE name = 'words'"));
    bench.ask("INSERT INTO words VALUES ('running'); SELECT 1 FROM words WHERE words MATCH 'run'");
}

#[test]
fn a_round_trip_does_not_promise_rows_of_tables_it_does_not_know() {
    let bench = Bench::new("CREATE TABLE t(a)");
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"drop_table\"\ntable = \"t\"\nif_exists = true\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a, b)\"\n",
    );
    let trips = phaseshift::migrate::roundtrip(&bench.engine()).expect("a round trip");
    assert_eq!(trips[0].verdict.code(), "lossy", "{:?}", trips[0].verdict);
    assert!(trips[0].verdict.reasons()[0].contains('t'));
}

#[test]
fn a_column_that_another_program_added_survives_the_downgrade() {
    for (steps, program) in [
        (
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"z\"\nnot_null = true\n",
            "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e'",
        ),
        (
            "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"z\"\nto = \"y\"\n",
            "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e'; CREATE INDEX theirs ON t(extra)",
        ),
        (
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CONSTRAINT c CHECK (z <> '')\"\n\
             [[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"k INTEGER\"\n",
            "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e'",
        ),
    ] {
        let bench = Bench::new(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, z TEXT); INSERT INTO t VALUES (1, 'a')",
        );
        bench.phase("p1", &format!("parents = []\n{steps}"));
        bench.up();
        script(&bench.database(), program).unwrap();
        bench.down();
        assert_eq!(bench.ask("SELECT id, z, extra FROM t"), "1|a|e", "{steps}");
        let text = bench.ask("SELECT sql FROM sqlite_master WHERE name = 't'");
        assert!(
            !text.contains("NOT NULL") && !text.contains("CHECK") && !text.contains('k'),
            "{text}"
        );
    }
}

#[test]
fn a_stored_generated_column_is_no_loss() {
    for steps in [
        "[[up]]\nop = \"add_column\"\ntable = \"e\"\ncolumn = \"u TEXT AS (upper(a)) STORED\"\n",
        "[[up]]\nop = \"rebuild\"\ntable = \"e\"\nsql = \"CREATE TABLE e(id INTEGER PRIMARY KEY, a TEXT, n AS (length(a)) STORED, m AS (id + 1))\"\n",
        "[[up]]\nop = \"add_column\"\ntable = \"e\"\ncolumn = \"u INT GENERATED ALWAYS AS (id * 2) STORED\"\nafter = \"id\"\n[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX by_u ON e(u)\"\n",
    ] {
        let bench = Bench::new(
            "CREATE TABLE e(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO e VALUES (1, 'x'), (2, NULL)",
        );
        bench.phase("p1", &format!("parents = []\n{steps}"));
        there_and_back(&bench);
    }
}

#[test]
fn an_empty_string_in_double_quotes_stays_a_default() {
    for (table, steps) in [
        (
            "CREATE TABLE r(a TEXT DEFAULT '', u TEXT DEFAULT \"\")",
            "[[up]]\nop = \"add_column\"\ntable = \"r\"\ncolumn = \"x TEXT DEFAULT ''\"\n\
             [[up]]\nop = \"drop_column\"\ntable = \"r\"\ncolumn = \"a\"\n",
        ),
        (
            "CREATE TABLE r(a TEXT, u TEXT DEFAULT \"\" NOT NULL)",
            "[[up]]\nop = \"drop_column\"\ntable = \"r\"\ncolumn = \"a\"\n",
        ),
        (
            "CREATE TABLE r(a TEXT, u TEXT DEFAULT \"\", w DEFAULT \"zero\")",
            "[[up]]\nop = \"rename_column\"\ntable = \"r\"\nfrom = \"a\"\nto = \"b\"\n\
             [[up]]\nop = \"add_column\"\ntable = \"r\"\ncolumn = \"x\"\nafter = \"b\"\n",
        ),
    ] {
        let bench = Bench::new(table);
        bench.phase("p1", &format!("parents = []\nirreversible = \"x\"\n{steps}"));
        bench.up();
        assert_eq!(
            bench.ask("INSERT INTO r DEFAULT VALUES; SELECT quote(u) FROM r"),
            "''",
            "{steps}"
        );
    }
}

#[test]
fn a_column_of_defaults_is_no_loss_however_the_default_is_written() {
    for default in ["word", "`a b`", "\"\"", "''", "TRUE", "(1 + 1)", "-1"] {
        let bench = Bench::new(&format!("CREATE TABLE r(a TEXT, u DEFAULT {default})"));
        let steps = "[[up]]\nop = \"add_column\"\ntable = \"r\"\ncolumn = \"v\"\n";
        bench.phase("p1", &format!("parents = []\n{steps}"));
        let steps = "[[up]]\nop = \"drop_column\"\ntable = \"r\"\ncolumn = \"u\"\n";
        bench.phase("p2", steps);
        script(&bench.database(), "INSERT INTO r(a) VALUES ('x'), ('y')").unwrap();
        let plan = bench.plan();
        let losses: Vec<_> = plan.plan().phases.iter().flat_map(|it| &it.losses).collect();
        assert!(losses.is_empty(), "{default}: {losses:?}");
    }
}
