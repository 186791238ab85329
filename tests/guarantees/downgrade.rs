//! A derived downgrade restores what the file held before the upgrade.

use phaseshift::ErrorKind;

use support::{Bench, down_to, explain, script};

/// The schema and the rows of every table but the version tables, as the `sqlite3` program reads them.
fn content(path: &std::path::Path) -> String {
    support::python(
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

const LOWER: &str =
    "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\nvalue = \"upper(a)\"\n";

/// A file with one applied phase, of these steps.
fn applied(steps: &str) -> Bench {
    let bench =
        Bench::new("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'q')");
    bench.phase("p1", steps).up();
    bench
}

/// Whether the phase counts as applied and not as edited.
fn is_up_to_date(bench: &Bench) -> bool {
    bench.run(&support::up_to("head")).map_err(|it| explain(&it)).expect("no edit").is_none()
}

#[test]
fn a_way_back_written_after_the_message_asked_for_it_runs() {
    let bench = applied(LOWER);
    let refused = bench.run(&down_to("base")).expect_err("no way back");
    assert_eq!(refused.kind(), ErrorKind::Irreversible);
    bench.phase("p1", &format!("{LOWER}[[down]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\nvalue = \"lower(a)\"\n"));
    assert!(is_up_to_date(&bench));
    bench.down();
    assert_eq!(bench.ask("SELECT a FROM t"), "q");
}

#[test]
fn what_does_not_change_what_a_phase_does_is_no_edit() {
    let sql = "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET a = a || '-' -- mark\"\n";
    let check = "[[require]]\nname = \"n\"\nsql = \"SELECT 1 FROM t\"\nexpect = \"rows\"\n";
    for other in [
        format!(
            "# a comment\ndescription = \"other words\"\ntitle = \"T\"\nlabels = [\"l\"]\n{check}{sql}"
        ),
        format!("irreversible = \"gone\"\n{check}{sql}"),
        format!(
            "{check}[[up]]\n  sql = '''\n UPDATE t /* all */ SET a =a||'-';\n'''\n  op = \"sql\" # one\n"
        ),
        format!("{check}{check}{sql}").replacen("SELECT 1", "SELECT 2", 1),
        format!(
            "{check}{sql}[[verify]]\nname = \"v\"\nsql = \"SELECT a FROM t\"\nexpect = \"rows\"\n"
        ),
        format!("version = 1\n{check}{sql}"),
        format!("{}{sql}", check.replace("SELECT 1 FROM t", "SELECT  1  FROM t -- any")),
    ] {
        let bench = applied(&format!("{check}{sql}"));
        bench.phase("p1", &other);
        assert!(is_up_to_date(&bench), "{other}");
    }
    let bench = applied(&format!("{check}{sql}"));
    bench.project().write("phases/p1.sql", "UPDATE t SET a = a || '-'; -- in a file now");
    bench.phase("p1", &format!("{check}[[up]]\nop = \"sql\"\nfile = \"p1.sql\"\n"));
    assert!(is_up_to_date(&bench));
}

#[test]
fn what_changes_what_a_phase_does_is_an_edit() {
    let sql = "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET a = 'x y'\"\n";
    let check = "[[require]]\nname = \"n\"\nsql = \"SELECT 1 FROM t\"\nexpect = \"rows\"\n";
    for other in [
        format!("{check}{}", sql.replace("x y", "x  y")),
        format!("{check}{sql}{sql}"),
        sql.to_owned(),
        format!("{}{sql}", check.replace("\"rows\"", "1")),
        format!("{}{sql}", check.replace("FROM t", "FROM t WHERE id > 0")),
        format!("views = \"follow\"\n{check}{sql}"),
    ] {
        let bench = applied(&format!("{check}{sql}"));
        bench.phase("p1", &other);
        bench.refused(ErrorKind::PhaseEdited, "p1");
    }
    let adds = |column: &str| {
        format!("[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"{column}\"\n")
    };
    for (one, other) in [("b TEXT", "b BLOB"), ("b DEFAULT 'a'", "b DEFAULT 'A'")] {
        let bench = applied(&adds(one));
        bench.phase("p1", &adds(other));
        bench.refused(ErrorKind::PhaseEdited, "p1");
    }
}

#[test]
fn a_renamed_phase_file_is_recognised_and_named() {
    let steps = "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"b\"\n";
    let bench = applied(steps);
    let project = bench.project();
    std::fs::rename(project.path("phases/p1.toml"), project.path("phases/001_rename.toml"))
        .unwrap();
    let refused = project.run(&["upgrade"]).expect_code(4);
    for word in ["p1", "001_rename.toml", "id = \"p1\""] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    let status = project.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("001_rename.toml"), "{}", status.stdout);
    project.run(&["status", "--exit-code"]).expect_code(3);
    bench.phase("001_rename", &format!("# renamed\nid = \"p1\"\n{steps}"));
    assert!(is_up_to_date(&bench));
    bench.down();
    assert_eq!(bench.ask("SELECT a FROM t"), "q");
}

#[test]
fn a_missing_phase_without_a_file_of_its_steps_is_only_named() {
    let bench =
        applied("[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"b\"\n");
    let project = bench.project();
    std::fs::remove_file(project.path("phases/p1.toml")).unwrap();
    bench.phase("p7", "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"c\"\n");
    let refused = project.run(&["upgrade"]).expect_code(4);
    assert!(
        refused.stderr.contains("p1") && !refused.stderr.contains("its steps"),
        "{}",
        refused.stderr
    );
    let status = project.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["faults"][0]["kind"], "phase-missing");
    assert_eq!(status["version"], 1);
}

#[test]
fn an_edit_is_accepted_after_a_comparison_with_the_schema() {
    let adds = |column: &str| {
        format!("parents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE n({column})\"\n")
    };
    let bench = applied(&adds("a"));
    let project = bench.project();
    bench.phase("p1", &adds("a, b"));
    let refused = project.run(&["stamp", "--accept", "p1"]).expect_code(4);
    assert!(refused.stderr.contains("n.b"), "{}", refused.stderr);
    bench.phase("p1", &adds("a, CHECK (a > 0)"));
    let refused = project.run(&["upgrade"]).expect_code(4);
    assert!(refused.stderr.contains("stamp --accept p1"), "{}", refused.stderr);
    project.run(&["status"]).expect_code(0);
    project.run(&["stamp", "--accept", "p1", "--dry-run"]).expect_code(0);
    project.run(&["upgrade"]).expect_code(4);
    project.run(&["stamp", "--accept", "p1"]).expect_code(0);
    assert!(is_up_to_date(&bench));
    let events = bench.ask("SELECT group_concat(direction) FROM phase_history");
    assert_eq!(events, "up,accept");
    // The way back still comes from what was recorded when the phase was applied.
    bench.down();
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_master WHERE name = 'n'"), "0");
}

#[test]
fn a_checksum_of_an_earlier_version_is_still_compared_with_the_text() {
    let steps = "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"b\"\n";
    let bench = applied(steps);
    let text = phaseshift::phase::checksum(steps, &[]);
    script(&bench.database(), &format!("UPDATE phase_history SET checksum = '{text}'")).unwrap();
    assert!(is_up_to_date(&bench));
    bench.phase("p1", &format!("{steps}# more\n"));
    bench.refused(ErrorKind::PhaseEdited, "p1");
    bench.project().run(&["stamp", "--accept", "p1", "--force"]).expect_code(0);
    assert!(is_up_to_date(&bench));
}
