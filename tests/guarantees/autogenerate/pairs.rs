//! Pairs of schemas with rows, one for each kind of change and for what people combine.

/// Two schemas, rows of the first, and what plain SQL finds in both.
pub struct Pair {
    pub name: &'static str,
    pub have: &'static str,
    pub rows: &'static str,
    pub want: &'static str,
    /// The answers that a script gives.
    pub flags: &'static [&'static str],
    /// Queries of the old schema and of the new one that must give the same rows.
    pub kept: &'static [(&'static str, &'static str)],
}

pub const PAIRS: &[Pair] = &[
    Pair {
        name: "create table",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);",
        rows: "INSERT INTO t VALUES (1, 'x'), (7, NULL);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
            CREATE TABLE tags(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, t INT REFERENCES t(a));
            CREATE INDEX tags_t ON tags(t);",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "drop table",
        have: "CREATE TABLE t(a, b); CREATE TABLE old(x); CREATE INDEX old_x ON old(x);
            CREATE TRIGGER old_t AFTER INSERT ON old BEGIN DELETE FROM t; END;",
        rows: "INSERT INTO t VALUES (1, 2);",
        want: "CREATE TABLE t(a, b);",
        flags: &["--drop", "old"],
        kept: &[("SELECT rowid, * FROM t", "SELECT rowid, * FROM t")],
    },
    Pair {
        name: "rename table",
        have: "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE phone(id INTEGER PRIMARY KEY, owner INT REFERENCES person(id) ON DELETE CASCADE, no TEXT);
            CREATE INDEX person_name ON person(name);
            CREATE VIEW names AS SELECT name FROM person;
            CREATE TRIGGER person_gone AFTER DELETE ON person BEGIN DELETE FROM phone WHERE owner = old.id; END;",
        rows: "INSERT INTO person VALUES (1, 'a'), (3, 'b'); INSERT INTO phone VALUES (1, 3, '12'), (2, 1, '13');",
        want: "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE phone(id INTEGER PRIMARY KEY, owner INT REFERENCES people(id) ON DELETE CASCADE, no TEXT);
            CREATE INDEX person_name ON people(name);
            CREATE VIEW names AS SELECT name FROM people;
            CREATE TRIGGER person_gone AFTER DELETE ON people BEGIN DELETE FROM phone WHERE owner = old.id; END;",
        flags: &["--rename", "person=people"],
        kept: &[
            ("SELECT * FROM person", "SELECT * FROM people"),
            ("SELECT * FROM phone", "SELECT * FROM phone"),
            ("SELECT * FROM names", "SELECT * FROM names"),
        ],
    },
    Pair {
        name: "add column",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);",
        rows: "INSERT INTO t VALUES (1, 'x'), (2, 'y');",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL, d TEXT NOT NULL DEFAULT 'none');",
        flags: &[],
        kept: &[("SELECT a, b, NULL, 'none' FROM t", "SELECT a, b, c, d FROM t")],
    },
    Pair {
        name: "add column in the middle and in front",
        have: "CREATE TABLE t(a, b TEXT, z BLOB);",
        rows: "INSERT INTO t VALUES (1, 'x', x'00ff'), (2.5, 'y', NULL);",
        want: "CREATE TABLE t(first DEFAULT 1, a, m INT DEFAULT 7, b TEXT, z BLOB);",
        flags: &[],
        kept: &[("SELECT rowid, 1, a, 7, b, z FROM t", "SELECT rowid, first, a, m, b, z FROM t")],
    },
    Pair {
        name: "drop column",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT, d); CREATE INDEX t_b ON t(b); CREATE INDEX t_d ON t(d);",
        rows: "INSERT INTO t VALUES (1, 'x', 2, 3), (2, 'y', 4, 5);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, c INT, d); CREATE INDEX t_d ON t(d);",
        flags: &["--drop", "t.b"],
        kept: &[("SELECT a, c, d FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "drop a column of a constraint",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT, UNIQUE (b, c), CHECK (b <> ''));",
        rows: "INSERT INTO t VALUES (1, 'x', 2), (2, 'y', 2);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, c INT);",
        flags: &["--allow-drop"],
        kept: &[("SELECT a, c FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "rename column",
        have: "CREATE TABLE t(id INTEGER PRIMARY KEY, nm TEXT NOT NULL); CREATE INDEX t_nm ON t(nm) WHERE nm > 'a';
            CREATE TABLE c(n TEXT REFERENCES t(nm)); CREATE UNIQUE INDEX t_u ON t(nm);
            CREATE VIEW v AS SELECT id, nm FROM t;
            CREATE TRIGGER g AFTER UPDATE OF nm ON t BEGIN INSERT INTO c VALUES (new.nm); END;",
        rows: "INSERT INTO t VALUES (1, 'x'), (2, 'y'); INSERT INTO c VALUES ('y');",
        want: "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE INDEX t_nm ON t(name) WHERE name > 'a';
            CREATE TABLE c(n TEXT REFERENCES t(name)); CREATE UNIQUE INDEX t_u ON t(name);
            CREATE VIEW v AS SELECT id, name FROM t;
            CREATE TRIGGER g AFTER UPDATE OF name ON t BEGIN INSERT INTO c VALUES (new.name); END;",
        flags: &["--rename", "t.nm=t.name"],
        kept: &[
            ("SELECT * FROM t", "SELECT * FROM t"),
            ("SELECT * FROM v", "SELECT * FROM v"),
            ("SELECT * FROM c", "SELECT * FROM c"),
        ],
    },
    Pair {
        name: "other type",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR(10), c INT);",
        rows: "INSERT INTO t VALUES (1, 'x', 4), (2, NULL, NULL);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR(40), c BIGINT);",
        flags: &[],
        kept: &[("SELECT *, typeof(b), typeof(c) FROM t", "SELECT *, typeof(b), typeof(c) FROM t")],
    },
    Pair {
        name: "other type with new values",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, n TEXT);",
        rows: "INSERT INTO t VALUES (1, '12'), (2, '7');",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, n INTEGER);",
        flags: &["--value", "t.n=CAST(old.n AS INTEGER)"],
        kept: &[("SELECT a, CAST(n AS INTEGER), 'integer' FROM t", "SELECT a, n, typeof(n) FROM t")],
    },
    Pair {
        name: "not null",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);",
        rows: "INSERT INTO t VALUES (1, 'x'), (2, NULL);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL);",
        flags: &["--value", "t.b=coalesce(old.b, 'none')"],
        kept: &[("SELECT a, coalesce(b, 'none') FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "new column that refuses null",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);",
        rows: "INSERT INTO t VALUES (1, 'x'), (2, 'yy');",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, len INT NOT NULL);",
        flags: &["--value", "t.len=length(b)"],
        kept: &[("SELECT a, b, length(b) FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "default only",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c TEXT DEFAULT CURRENT_TIMESTAMP);",
        rows: "INSERT INTO t(a, c) VALUES (1, 'now');",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT DEFAULT 'y', c TEXT);",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "check only",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b INT CHECK (b > 0), c);",
        rows: "INSERT INTO t VALUES (1, 3, 'x');",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b INT CHECK (b > 1), c, CONSTRAINT both CHECK (c <> b));",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "unique added, and another dropped",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INT, d INT);",
        rows: "INSERT INTO t VALUES (1, 'x', 1, 1), (2, 'y', 1, 2);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT, d INT, UNIQUE (c, d) ON CONFLICT IGNORE);",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "foreign keys",
        have: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE q(id INTEGER PRIMARY KEY);
            CREATE TABLE c(x INT REFERENCES p(id), y INT);",
        rows: "INSERT INTO p VALUES (1); INSERT INTO q VALUES (2); INSERT INTO c VALUES (1, 2), (NULL, 2);",
        want: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE q(id INTEGER PRIMARY KEY);
            CREATE TABLE c(x INT, y INT REFERENCES q(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);",
        flags: &[],
        kept: &[("SELECT rowid, * FROM c", "SELECT rowid, * FROM c"), ("SELECT * FROM p", "SELECT * FROM p")],
    },
    Pair {
        name: "collation",
        have: "CREATE TABLE t(a TEXT, b TEXT COLLATE NOCASE); CREATE INDEX i ON t(a);",
        rows: "INSERT INTO t VALUES ('a', 'B'), ('A', 'b');",
        want: "CREATE TABLE t(a TEXT COLLATE NOCASE, b TEXT); CREATE INDEX i ON t(a COLLATE RTRIM);",
        flags: &[],
        kept: &[("SELECT rowid, * FROM t", "SELECT rowid, * FROM t")],
    },
    Pair {
        name: "generated columns",
        have: "CREATE TABLE t(a INT, b INT, s INT AS (a + b) VIRTUAL);",
        rows: "INSERT INTO t(a, b) VALUES (1, 2), (3, 4);",
        want: "CREATE TABLE t(a INT, b INT, s INT AS (a * b) VIRTUAL, p TEXT AS ('n' || a) STORED);",
        flags: &[],
        kept: &[("SELECT rowid, a, b, a * b, 'n' || a FROM t", "SELECT rowid, a, b, s, p FROM t")],
    },
    Pair {
        name: "generated column over a renamed one",
        have: "CREATE TABLE t(a INT, b INT AS (a * 2) STORED, CHECK (a > 0)); CREATE INDEX t_b ON t(b, a);",
        rows: "INSERT INTO t(a) VALUES (1), (5);",
        want: "CREATE TABLE t(amount INT, b INT AS (amount * 2) STORED, CHECK (amount > 0)); CREATE INDEX t_b ON t(b, amount);",
        flags: &["--rename", "t.a=amount"],
        kept: &[("SELECT a, b FROM t", "SELECT amount, b FROM t")],
    },
    Pair {
        name: "partial and expression indexes",
        have: "CREATE TABLE t(a, b, c); CREATE INDEX i ON t(a); CREATE INDEX e ON t(lower(b));",
        rows: "INSERT INTO t VALUES (1, 'B', 2), (2, 'C', 3);",
        want: "CREATE TABLE t(a, b, c); CREATE INDEX i ON t(a) WHERE c > 2; CREATE INDEX e ON t(upper(b) DESC);
            CREATE UNIQUE INDEX j ON t(json_extract('{\"x\":1}', '$.x'), a);",
        flags: &[],
        kept: &[("SELECT rowid, * FROM t", "SELECT rowid, * FROM t")],
    },
    Pair {
        name: "index in another order, index renamed",
        have: "CREATE TABLE t(a, b); CREATE INDEX i ON t(a, b); CREATE INDEX old_name ON t(b) WHERE a = 'X';",
        rows: "INSERT INTO t VALUES (1, 2);",
        want: "CREATE TABLE t(a, b); CREATE INDEX i ON t(b, a); CREATE INDEX new_name ON t(b) WHERE a = 'X';",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "views in layers, with a trigger",
        have: "CREATE TABLE t(a, b); CREATE VIEW v1 AS SELECT a FROM t; CREATE VIEW v2 AS SELECT a FROM v1;
            CREATE VIEW gone AS SELECT * FROM v2;
            CREATE TRIGGER g INSTEAD OF INSERT ON v1 BEGIN INSERT INTO t(a) VALUES (new.a); END;",
        rows: "INSERT INTO t VALUES (1, 2);",
        want: "CREATE TABLE t(a, b); CREATE VIEW v1 AS SELECT a, b FROM t; CREATE VIEW v2 AS SELECT a, b AS x FROM v1;
            CREATE VIEW v3(y) AS SELECT x FROM v2;
            CREATE TRIGGER g INSTEAD OF INSERT ON v1 BEGIN INSERT INTO t(a) VALUES (new.a); END;",
        flags: &["--drop", "gone"],
        kept: &[("SELECT b FROM t", "SELECT y FROM v3"), ("SELECT a FROM v1", "SELECT a FROM v1")],
    },
    Pair {
        name: "triggers",
        have: "CREATE TABLE t(a); CREATE TABLE log(x);
            CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END;
            CREATE TRIGGER d AFTER DELETE ON t BEGIN SELECT 1; END;",
        rows: "INSERT INTO t VALUES (1), (2);",
        want: "CREATE TABLE t(a); CREATE TABLE log(x);
            CREATE TRIGGER i BEFORE INSERT ON t WHEN new.a > 1 BEGIN INSERT INTO log VALUES (';' || new.a); END;
            CREATE TRIGGER u AFTER UPDATE ON t BEGIN SELECT 2; END;",
        flags: &["--drop", "d"],
        kept: &[("SELECT * FROM log", "SELECT * FROM log"), ("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "full text over a table: new, and other options",
        have: "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT);
            CREATE VIRTUAL TABLE find USING fts5(body, content='note', content_rowid='id');",
        rows: "INSERT INTO note VALUES (3, 'moonlight'), (9, 'the sun'); INSERT INTO find(find) VALUES ('rebuild');",
        want: "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT);
            CREATE VIRTUAL TABLE find USING fts5(body, content='note', content_rowid='id', tokenize='trigram');
            CREATE VIRTUAL TABLE words USING fts4(content=\"note\", body);",
        flags: &[],
        kept: &[
            ("SELECT * FROM note", "SELECT * FROM note"),
            ("SELECT 3", "SELECT rowid FROM find('oonl')"),
            ("SELECT 9", "SELECT docid FROM words WHERE words MATCH 'sun'"),
        ],
    },
    Pair {
        name: "full text with rows of its own: other options and another column",
        have: "CREATE VIRTUAL TABLE mail USING fts5(title, body);
            CREATE TABLE inbox(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
            CREATE TRIGGER inbox_new AFTER INSERT ON inbox BEGIN
              INSERT INTO mail(rowid, title, body) VALUES (new.id, new.title, new.body); END;",
        rows: "INSERT INTO inbox VALUES (5, 'hello', 'the moon'), (8, 'bye', 'the sun');",
        want: "CREATE VIRTUAL TABLE mail USING fts5(title, body, sender, prefix='2 3');
            CREATE TABLE inbox(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
            CREATE TRIGGER inbox_new AFTER INSERT ON inbox BEGIN
              INSERT INTO mail(rowid, title, body) VALUES (new.id, new.title, new.body); END;",
        flags: &[],
        kept: &[
            ("SELECT rowid, title, body, NULL FROM mail", "SELECT rowid, title, body, sender FROM mail"),
            ("SELECT rowid FROM mail('moon')", "SELECT rowid FROM mail('moo*')"),
        ],
    },
    Pair {
        name: "the content table of a full text is renamed with its column",
        have: "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT);
            CREATE VIRTUAL TABLE find USING fts5(body, content='note', content_rowid='id');
            CREATE TRIGGER note_i AFTER INSERT ON note BEGIN INSERT INTO find(rowid, body) VALUES (new.id, new.body); END;
            CREATE TRIGGER note_d AFTER DELETE ON note BEGIN
              INSERT INTO find(find, rowid, body) VALUES ('delete', old.id, old.body); END;",
        rows: "INSERT INTO note VALUES (3, 'moonlight'), (9, 'the sun');",
        want: "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT);
            CREATE VIRTUAL TABLE find USING fts5(text, content='notes', content_rowid='id');
            CREATE TRIGGER note_i AFTER INSERT ON notes BEGIN INSERT INTO find(rowid, text) VALUES (new.id, new.text); END;
            CREATE TRIGGER note_d AFTER DELETE ON notes BEGIN
              INSERT INTO find(find, rowid, text) VALUES ('delete', old.id, old.text); END;",
        flags: &["--rename", "note=notes", "--rename", "notes.body=text"],
        kept: &[
            ("SELECT * FROM note", "SELECT * FROM notes"),
            ("SELECT rowid FROM find('sun')", "SELECT rowid FROM find('sun')"),
        ],
    },
    Pair {
        name: "strict",
        have: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT);",
        rows: "INSERT INTO t VALUES (1, 'x', 2), (2, NULL, NULL);",
        want: "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT) STRICT;",
        flags: &[],
        kept: &[("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "without rowid, and with one again",
        have: "CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID; CREATE TABLE u(k TEXT PRIMARY KEY NOT NULL, v);",
        rows: "INSERT INTO t VALUES ('b', 1), ('a', 2); INSERT INTO u VALUES ('b', 1), ('a', 2);",
        want: "CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v); CREATE TABLE u(k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID;",
        flags: &[],
        kept: &[
            ("SELECT * FROM t ORDER BY 1", "SELECT * FROM t ORDER BY 1"),
            ("SELECT * FROM u ORDER BY 1", "SELECT * FROM u ORDER BY 1"),
        ],
    },
    Pair {
        name: "a table renamed with columns, views and triggers",
        have: "CREATE TABLE sessions(session_id TEXT PRIMARY KEY, nm TEXT, started INT, junk);
            CREATE TABLE files(id INTEGER PRIMARY KEY, session_id TEXT REFERENCES sessions(session_id), size INT);
            CREATE INDEX ix_sessions_nm ON sessions(nm COLLATE NOCASE DESC);
            CREATE VIEW totals AS SELECT s.nm, sum(f.size) AS size FROM sessions s JOIN files f USING (session_id) GROUP BY 1;
            CREATE VIEW big AS SELECT * FROM totals WHERE size > 5;
            CREATE TRIGGER touch AFTER UPDATE OF nm ON sessions WHEN old.nm <> new.nm BEGIN
              UPDATE sessions SET started = 0 WHERE session_id = new.session_id; END;",
        rows: "INSERT INTO sessions VALUES ('s1', 'one', 5, NULL), ('s2', 'two', 6, 'j');
            INSERT INTO files VALUES (1, 's1', 3), (2, 's1', 4), (4, 's2', 5);",
        want: "CREATE TABLE imaging_sessions(id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', started INT, place TEXT);
            CREATE TABLE files(id INTEGER PRIMARY KEY, session_id TEXT REFERENCES imaging_sessions(id), size INT);
            CREATE INDEX ix_imaging_sessions_name ON imaging_sessions(name COLLATE NOCASE DESC);
            CREATE VIEW totals AS SELECT s.name, sum(f.size) AS size FROM imaging_sessions s JOIN files f ON s.id = f.session_id GROUP BY 1;
            CREATE VIEW big AS SELECT * FROM totals WHERE size > 6;
            CREATE TRIGGER touch AFTER UPDATE OF name ON imaging_sessions WHEN old.name <> new.name BEGIN
              UPDATE imaging_sessions SET started = 0 WHERE id = new.id; END;",
        flags: &[
            "--rename",
            "sessions=imaging_sessions",
            "--rename",
            "sessions.session_id=imaging_sessions.id",
            "--rename",
            "imaging_sessions.nm=imaging_sessions.name",
            "--drop",
            "sessions.junk",
        ],
        kept: &[
            ("SELECT session_id, nm, started, NULL FROM sessions", "SELECT * FROM imaging_sessions"),
            ("SELECT * FROM totals", "SELECT * FROM totals"),
            ("SELECT * FROM files", "SELECT * FROM files"),
        ],
    },
    Pair {
        name: "swap of two columns",
        have: "CREATE TABLE t(a TEXT, b INT, CHECK (b > 0)); CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT a FROM t;",
        rows: "INSERT INTO t VALUES ('x', 1), ('y', 2);",
        want: "CREATE TABLE t(b TEXT, a INT, CHECK (a > 0)); CREATE INDEX i ON t(b); CREATE VIEW v AS SELECT a FROM t;",
        flags: &["--rename", "t.a=t.b", "--rename", "t.b=t.a"],
        kept: &[("SELECT a AS p, b AS q FROM t", "SELECT b, a FROM t")],
    },
    Pair {
        name: "swap of two tables",
        have: "CREATE TABLE one(x TEXT, n INT); CREATE TABLE two(x TEXT, m REAL); CREATE INDEX one_x ON one(x);",
        rows: "INSERT INTO one VALUES ('a', 1); INSERT INTO two VALUES ('b', 2.5), ('c', 3.5);",
        want: "CREATE TABLE two(x TEXT, n INT); CREATE TABLE one(x TEXT, m REAL); CREATE INDEX one_x ON two(x);",
        flags: &["--rename", "one=two", "--rename", "two=one"],
        kept: &[("SELECT * FROM one", "SELECT * FROM two"), ("SELECT * FROM two", "SELECT * FROM one")],
    },
    Pair {
        name: "a table that refers to itself",
        have: "CREATE TABLE node(id INTEGER PRIMARY KEY AUTOINCREMENT, parent INT REFERENCES node(id) ON DELETE CASCADE, label TEXT);",
        rows: "INSERT INTO node VALUES (1, NULL, 'root'), (2, 1, 'leaf'), (90, 1, 'gone'); DELETE FROM node WHERE id = 90;",
        want: "CREATE TABLE tree(id INTEGER PRIMARY KEY AUTOINCREMENT, up INT REFERENCES tree(id) ON DELETE CASCADE, label TEXT NOT NULL);",
        flags: &["--rename", "node=tree", "--rename", "tree.parent=tree.up"],
        kept: &[
            ("SELECT * FROM node", "SELECT * FROM tree"),
            ("SELECT seq FROM sqlite_sequence WHERE name = 'node'", "SELECT seq FROM sqlite_sequence WHERE name = 'tree'"),
        ],
    },
    Pair {
        name: "odd names",
        have: "CREATE TABLE \"my \"\"table\"\"\"(\"first name\" TEXT, [a.b] INT, `select` REAL, \"it's\" BLOB);
            CREATE INDEX \"odd; index\" ON \"my \"\"table\"\"\"(\"first name\");",
        rows: "INSERT INTO \"my \"\"table\"\"\" VALUES ('x', 1, 1.5, x'01');",
        want: "CREATE TABLE \"größe = \"\"1\"\"\"(\"last name\" TEXT, [a.b] INT, `select` REAL, \"it's\" BLOB, \"ä\" TEXT);
            CREATE INDEX \"odd; index\" ON \"größe = \"\"1\"\"\"(\"last name\");",
        flags: &[
            "--rename",
            "\"my \"\"table\"\"\"=\"größe = \"\"1\"\"\"",
            "--rename",
            "\"my \"\"table\"\"\".\"first name\"=\"last name\"",
        ],
        kept: &[("SELECT *, NULL FROM \"my \"\"table\"\"\"", "SELECT * FROM \"größe = \"\"1\"\"\"")],
    },
    Pair {
        name: "another case only",
        have: "CREATE TABLE Users(ID INTEGER PRIMARY KEY, Name TEXT); CREATE VIEW v AS SELECT Name FROM Users;",
        rows: "INSERT INTO Users VALUES (1, 'a');",
        want: "CREATE TABLE users(ID INTEGER PRIMARY KEY, name TEXT); CREATE VIEW v AS SELECT Name FROM Users;",
        flags: &["--rename", "Users=users", "--rename", "users.Name=users.name"],
        kept: &[
            ("SELECT * FROM users", "SELECT * FROM users"),
            ("SELECT 'users'", "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'users'"),
            ("SELECT 'name'", "SELECT name FROM pragma_table_info('users') WHERE cid = 1"),
        ],
    },
    Pair {
        name: "renames that the schema file notes",
        have: "CREATE TABLE person(id INTEGER PRIMARY KEY, nm TEXT, age INT);
            CREATE VIEW adults AS SELECT nm FROM person WHERE age > 17;",
        rows: "INSERT INTO person VALUES (1, 'a', 20), (2, 'b', 3);",
        want: "CREATE TABLE people ( -- @renamed from=person
              id INTEGER PRIMARY KEY,
              name TEXT, -- @renamed from=nm
              age INT
            );
            CREATE VIEW adults AS SELECT name AS nm FROM people WHERE age > 17;",
        flags: &[],
        kept: &[("SELECT * FROM person", "SELECT * FROM people"), ("SELECT * FROM adults", "SELECT * FROM adults")],
    },
    Pair {
        name: "columns in another order",
        have: "CREATE TABLE t(a INT, b TEXT, c REAL); CREATE VIEW v AS SELECT a, c FROM t;",
        rows: "INSERT INTO t VALUES (1, 'x', 1.5), (2, 'y', 2.5);",
        want: "CREATE TABLE t(c REAL, b TEXT, a INT); CREATE VIEW v AS SELECT a, c FROM t;",
        flags: &[],
        kept: &[("SELECT rowid, c, b, a FROM t", "SELECT rowid, * FROM t"), ("SELECT * FROM v", "SELECT * FROM v")],
    },
    Pair {
        name: "a table gives way to a view of its name",
        have: "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE t(x INT REFERENCES person(id));",
        rows: "INSERT INTO person VALUES (1, 'a'); INSERT INTO t VALUES (1);",
        want: "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, since INT); CREATE TABLE t(x INT REFERENCES people(id));
            CREATE VIEW person AS SELECT id, name FROM people;
            CREATE TRIGGER person_new INSTEAD OF INSERT ON person BEGIN
              INSERT INTO people(id, name) VALUES (new.id, new.name); END;",
        flags: &["--rename", "person=people"],
        kept: &[("SELECT * FROM person", "SELECT * FROM person"), ("SELECT * FROM t", "SELECT * FROM t")],
    },
    Pair {
        name: "an r-tree gets another column",
        have: "CREATE TABLE t(a); CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, +label TEXT);",
        rows: "INSERT INTO t VALUES (1); INSERT INTO box VALUES (7, 1, 2, 'a'), (9, 3, 4, 'b');",
        want: "CREATE TABLE t(a); CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, +label TEXT, +note TEXT);",
        flags: &[],
        kept: &[("SELECT id, x0, x1, label, NULL FROM box", "SELECT id, x0, x1, label, note FROM box")],
    },
    Pair {
        name: "much at once",
        have: "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT, y INT); CREATE TABLE b(id INTEGER PRIMARY KEY, a INT REFERENCES a(id));
            CREATE TABLE gone(z); CREATE INDEX a_x ON a(x); CREATE VIEW v AS SELECT a.x, b.id FROM a JOIN b ON b.a = a.id;
            CREATE TRIGGER t AFTER INSERT ON b BEGIN UPDATE a SET y = y + 1 WHERE id = new.a; END;",
        rows: "INSERT INTO a VALUES (1, 'p', 0), (2, 'q', 5); INSERT INTO b VALUES (10, 1), (11, 2);",
        want: "CREATE TABLE base(id INTEGER PRIMARY KEY, x TEXT COLLATE NOCASE, count INT NOT NULL DEFAULT 0, CHECK (count >= 0));
            CREATE TABLE b(id INTEGER PRIMARY KEY, base INT NOT NULL REFERENCES base(id) ON DELETE CASCADE, note TEXT) STRICT;
            CREATE TABLE fresh(k TEXT PRIMARY KEY) WITHOUT ROWID; CREATE UNIQUE INDEX a_x ON base(x, id);
            CREATE VIEW v AS SELECT base.x, b.id, b.note FROM base JOIN b ON b.base = base.id;
            CREATE TRIGGER t AFTER INSERT ON b BEGIN UPDATE base SET count = count + 1 WHERE id = new.base; END;",
        flags: &[
            "--rename", "a=base", "--rename", "a.y=base.count", "--rename", "b.a=b.base", "--drop", "gone",
        ],
        kept: &[
            ("SELECT * FROM a", "SELECT * FROM base"),
            ("SELECT id, a, NULL FROM b", "SELECT * FROM b"),
            ("SELECT x, id FROM v", "SELECT x, id FROM v"),
        ],
    },
];
