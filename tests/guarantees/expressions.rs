//! Values are computed from the row and the tables as they are at their step.

use phaseshift::ErrorKind;

use support::Bench;

const PEOPLE: &str = "
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts(id INTEGER PRIMARY KEY, uid INT, size INT);
INSERT INTO users VALUES (1, 'ann'), (2, 'bob');
INSERT INTO posts VALUES (10, 1, 5), (11, 2, 7), (12, 1, 9);";

fn add(table: &str, column: &str, value: &str) -> String {
    format!(
        "[[up]]\nop = \"add_column\"\ntable = \"{table}\"\ncolumn = \"{column}\"\nvalue = \"{value}\"\n"
    )
}

fn rename_column(table: &str, from: &str, to: &str) -> String {
    format!(
        "[[up]]\nop = \"rename_column\"\ntable = \"{table}\"\nfrom = \"{from}\"\nto = \"{to}\"\n"
    )
}

fn rename_table(from: &str, to: &str) -> String {
    format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

/// Applies the steps and compares the rows of a table with what plain SQL makes.
#[track_caller]
fn computes(steps: &str, plain: &str, select: &str) {
    let bench = Bench::new(PEOPLE);
    bench.steps(&format!("irreversible = \"a test\"\n{steps}"));
    bench.up();
    assert_eq!(bench.ask(select), bench.naive(plain).ask(select), "{steps}");
}

#[test]
fn an_expression_calls_its_row_old_or_by_the_name_of_the_table() {
    for value in [
        "(SELECT u.name FROM users u WHERE u.id = posts.uid)",
        "(SELECT u.name FROM users AS u WHERE u.id = old.uid)",
        "(SELECT name FROM users WHERE id = old.uid AND posts.size > 0)",
    ] {
        computes(
            &add("posts", "who TEXT", value),
            "ALTER TABLE posts ADD COLUMN who TEXT;
             UPDATE posts SET who = (SELECT u.name FROM users u WHERE u.id = posts.uid)",
            "SELECT id, who FROM posts ORDER BY id",
        );
    }
}

#[test]
fn an_expression_reads_other_rows_of_its_own_table() {
    computes(
        &add("posts", "earlier INT", "(SELECT count(*) FROM posts AS p WHERE p.uid = old.uid AND p.id < old.id)"),
        "ALTER TABLE posts ADD COLUMN earlier INT;
         UPDATE posts SET earlier = (SELECT count(*) FROM posts AS p WHERE p.uid = posts.uid AND p.id < posts.id)",
        "SELECT * FROM posts ORDER BY id",
    );
}

#[test]
fn an_expression_reads_a_table_as_it_is_at_its_step() {
    let value = "(SELECT title FROM people WHERE people.id = uid)";
    let steps = rename_table("users", "people")
        + &rename_column("people", "name", "title")
        + &add("posts", "who TEXT NOT NULL DEFAULT ''", value)
        + &rename_column("people", "title", "label")
        + "[[up]]\nop = \"drop_column\"\ntable = \"people\"\ncolumn = \"label\"\n";
    computes(
        &steps,
        "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO title;
         ALTER TABLE posts ADD COLUMN who TEXT NOT NULL DEFAULT '';
         UPDATE posts SET who = (SELECT title FROM people WHERE id = uid);
         ALTER TABLE people RENAME title TO label; ALTER TABLE people DROP COLUMN label",
        "SELECT *, (SELECT count(*) FROM people) FROM posts ORDER BY 1",
    );
}

#[test]
fn an_expression_reads_what_earlier_phases_of_the_run_made() {
    let bench = Bench::new(PEOPLE);
    bench.phase(
        "p1",
        "irreversible = \"a test\"\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE nick(nid INTEGER PRIMARY KEY, v TEXT)\"\n
         [[up]]\nop = \"sql\"\nsql = \"INSERT INTO nick SELECT id, upper(name) FROM users; UPDATE users SET name = name || id\"\n",
    );
    let value = "(SELECT v || (SELECT name FROM users WHERE id = uid) FROM nick WHERE nid = uid)";
    bench.phase("p2", &add("posts", "who TEXT NOT NULL", value));
    bench.up();
    let who = "SELECT group_concat(who) FROM (SELECT who FROM posts ORDER BY id)";
    assert_eq!(bench.ask(who), "ANNann1,BOBbob2,ANNann1");
}

#[test]
fn an_added_column_has_its_default_in_the_expressions_after_it() {
    computes(
        &("[[up]]\nop = \"add_column\"\ntable = \"posts\"\ncolumn = \"stars INT DEFAULT 3\"\n"
            .to_owned()
            + &add("posts", "score INT", "stars * size")),
        "ALTER TABLE posts ADD COLUMN stars INT DEFAULT 3; ALTER TABLE posts ADD COLUMN score INT;
         UPDATE posts SET score = stars * size",
        "SELECT * FROM posts ORDER BY id",
    );
}

#[test]
fn an_expression_that_reads_the_column_it_defines_is_refused() {
    let renamed = rename_column("users", "name", "full_name");
    for (steps, names) in [
        (renamed.clone() + &add("users", "name TEXT", "upper(name)"), "old.full_name"),
        (renamed.clone() + &add("users", "name TEXT", "old.name || '!'"), "old.full_name"),
        (add("posts", "total INT", "size + total"), "reads the column that it defines"),
        (
            "[[up]]\nop = \"rebuild\"\ntable = \"posts\"\nsql = \"CREATE TABLE posts(id INTEGER PRIMARY KEY, uid INT, size INT, half REAL)\"\nvalues = { half = \"half / 2\" }\n".to_owned(),
            "reads the column that it defines",
        ),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.steps(&format!("irreversible = \"a test\"\n{steps}"));
        bench.refused(ErrorKind::Step, names);
    }
    computes(
        &(renamed + &add("users", "name TEXT", "upper(old.full_name)")),
        "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ADD COLUMN name TEXT;
         UPDATE users SET name = upper(full_name)",
        "SELECT * FROM users ORDER BY id",
    );
}

#[test]
fn a_column_of_another_table_may_have_the_name_of_the_one_that_is_defined() {
    computes(
        &add("posts", "name TEXT", "(SELECT name FROM users WHERE users.id = uid)"),
        "ALTER TABLE posts ADD COLUMN name TEXT;
         UPDATE posts SET name = (SELECT name FROM users WHERE users.id = uid)",
        "SELECT * FROM posts ORDER BY id",
    );
}

#[test]
fn a_failing_expression_names_its_row() {
    let table = |key: &str, rows: &str| {
        format!("CREATE TABLE e({key}, meta TEXT); INSERT INTO e VALUES {rows};")
    };
    let rows = "(3, '{}'), (41, '[1]'), (777, 'not json'), (900, '{}')";
    let value = add("e", "tags TEXT", "json_extract(meta, '$.tags')");
    let generated = "[[up]]\nop = \"add_column\"\ntable = \"e\"\ncolumn = \"tags TEXT GENERATED ALWAYS AS (json_extract(meta, '$.tags')) STORED\"\n";
    let changed =
        "[[up]]\nop = \"alter_column\"\ntable = \"e\"\ncolumn = \"meta\"\nvalue = \"json(meta)\"\n";
    for (key, steps) in [
        ("id INTEGER PRIMARY KEY", value.as_str()),
        ("id INTEGER PRIMARY KEY", generated),
        ("id INT PRIMARY KEY", changed),
    ] {
        let bench = Bench::new(&table(key, rows));
        bench.steps(&format!("irreversible = \"a test\"\n{steps}"));
        bench.refused(
            ErrorKind::Rows,
            if key == "id INT PRIMARY KEY" { "rowid 3" } else { "id 777" },
        );
    }
    let bench = Bench::new(
        "CREATE TABLE e(code TEXT PRIMARY KEY, meta TEXT) WITHOUT ROWID; INSERT INTO e VALUES ('a', '{}'), ('zz', '{');",
    );
    bench.steps(&format!("irreversible = \"a test\"\n{value}"));
    bench.refused(ErrorKind::Rows, "code 'zz'");
}

#[test]
fn rows_of_a_dropped_table_are_not_tried_on_the_one_that_takes_its_name() {
    for (create, fill, last) in [
        (
            "CREATE TABLE fresh(id INTEGER PRIMARY KEY, uid TEXT)",
            "INSERT INTO fresh SELECT id, id FROM posts",
            "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX one ON posts(uid)\"\n",
        ),
        (
            "CREATE TABLE fresh(id INTEGER PRIMARY KEY, uid INT NOT NULL UNIQUE)",
            "INSERT INTO fresh SELECT id, size FROM posts",
            "[[up]]\nop = \"add_column\"\ntable = \"posts\"\ncolumn = \"twice INT NOT NULL\"\nvalue = \"uid * 2\"\n",
        ),
        (
            "CREATE TABLE fresh(id INTEGER PRIMARY KEY, label TEXT)",
            "INSERT INTO fresh SELECT id, 'p' || id FROM posts",
            "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX one ON posts(label)\"\n",
        ),
    ] {
        let steps = format!(
            "[[up]]\nop = \"create_table\"\nsql = \"{create}\"\n[[up]]\nop = \"sql\"\nsql = \"{fill}\"\n
             [[up]]\nop = \"drop_table\"\ntable = \"posts\"\n{}{last}",
            rename_table("fresh", "posts")
        );
        let add = if last.contains("twice") {
            "ALTER TABLE posts ADD COLUMN twice INT; UPDATE posts SET twice = uid * 2"
        } else {
            ""
        };
        let plain =
            format!("{create}; {fill}; DROP TABLE posts; ALTER TABLE fresh RENAME TO posts; {add}");
        computes(&steps, &plain, "SELECT * FROM posts ORDER BY id");
    }
}

#[test]
fn a_value_reads_what_an_earlier_step_of_the_phase_stored_in_its_row() {
    for (first, second, sql) in [
        (
            "column = \"n REAL\"\nvalue = \"id + 1\"",
            "value = \"old.n || '-'\"",
            "((id + 1) * 1.0) || '-'",
        ),
        ("column = \"n TEXT DEFAULT 7\"", "value = \"typeof(n)\"", "'text'"),
        (
            "column = \"n INTEGER\"\nvalue = \"'0' || id\"",
            "value = \"typeof(item.n) || n\"",
            "'integer' || id",
        ),
    ] {
        let bench = Bench::new(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, a); INSERT INTO item VALUES (1, 'x'), (4, NULL);",
        );
        bench.steps(&format!(
            "parents = []\n[[up]]\nop = \"add_column\"\ntable = \"item\"\n{first}\n\
             [[up]]\nop = \"add_column\"\ntable = \"item\"\ncolumn = \"m TEXT\"\n{second}\n"
        ));
        bench.up();
        let wanted = bench.ask_before(&format!("SELECT id, {sql} FROM item ORDER BY id"));
        assert_eq!(bench.ask("SELECT id, m FROM item ORDER BY id"), wanted, "{first}");
    }
}
