"""Schema changes written as plain SQL, as other tools write them: SQLite's own result, run by Python, must come out."""

import shutil
import sqlite3

from common import Step, Wrong, connect, expect, expect_same, objects, quote, rows, same_text


class Model:
    def __init__(self, scenario):
        self.chance, self.serial = scenario.chance, 0
        chance = self.chance
        self.columns = ["a", "b", "c"]
        self.key = chance.choice(["INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT PRIMARY KEY", "INT", "INT PRIMARY KEY"])
        tail = " WITHOUT ROWID" if self.key.startswith("TEXT") and chance.random() < 0.5 else ""
        script = [
            "CREATE TABLE item(id %s, a TEXT, b INTEGER, c %s)%s" % (self.key, chance.choice(["REAL", "TEXT DEFAULT 'x'", ""]), tail),
            "CREATE TABLE child(id INTEGER PRIMARY KEY, item %s, v)" % chance.choice(["", "REFERENCES item(id)", "REFERENCES item(id) ON DELETE CASCADE"])
            if "PRIMARY" in self.key else "CREATE TABLE child(id INTEGER PRIMARY KEY, item, v)",
            "CREATE TABLE trail(n INTEGER PRIMARY KEY, what)",
        ]
        for number in chance.sample(range(1, 30), chance.randint(1, 6)):
            id_ = "'k%d'" % number if self.key.startswith("TEXT") else str(number)
            script.append("INSERT INTO item VALUES (%s, '%d', %d, '%d.5')" % (id_, number, number * 2, number))
            if chance.random() < 0.6:
                script.append("INSERT INTO child(item, v) VALUES (%s, 'v')" % id_)
        if chance.random() < 0.3:
            script.append("DELETE FROM item WHERE b > 30")
        if chance.random() < 0.6:
            script.append("CREATE INDEX item_a ON item(a)")
        if chance.random() < 0.4:
            script.append("CREATE INDEX item_bc ON item(b, c) WHERE b > 1")
        if chance.random() < 0.4:
            script.append("CREATE TRIGGER item_ai AFTER INSERT ON item BEGIN INSERT INTO trail(what) VALUES (new.a); END")
        if chance.random() < 0.4:
            script.append("CREATE VIEW seen AS SELECT id, a FROM item WHERE b > 2")
        if chance.random() < 0.2:
            script.append("ANALYZE")
        scenario.make(";\n".join(script))
        shutil.copyfile(scenario.before, scenario.path("plain.db"))
        self.db = connect(scenario.path("plain.db"))
        self.path = scenario.path("plain.db")

    def fresh(self, stem):
        self.serial += 1
        return "%s%d" % (stem, self.serial)

    def remake(self):
        """The hand-written rebuild, in the manner of several tools."""
        chance = self.chance
        listed = ["id"] + self.columns
        kinds = {"a": "TEXT", "b": "INTEGER", "c": "REAL"}
        defined = ["id " + self.key] + [c + " " + (kinds.get(c, "TEXT") if chance.random() < 0.7 else chance.choice(["TEXT", "NUMERIC", "INTEGER"])) for c in self.columns]
        if chance.random() < 0.4:
            new = self.fresh("n")
            defined.append("%s TEXT DEFAULT 'new'" % new)
            added = [new]
        else:
            added = []
        if chance.random() < 0.3:
            defined.append("CHECK (b IS NULL OR b > -5)")
        scratch = chance.choice(["item_new", "__temp__item", "new_item", "_item_old"])
        values = list(listed)
        if chance.random() < 0.3:
            values[1] = "upper(%s)" % values[1]
        text = [
            "CREATE TABLE %s(%s)" % (quote(scratch), ", ".join(defined)),
            "INSERT INTO %s(%s) SELECT %s FROM item%s" % (quote(scratch), ", ".join(listed), ", ".join(values), chance.choice(["", " ORDER BY id", " WHERE b < 40"])),
            "DROP TABLE item",
            "ALTER TABLE %s RENAME TO item" % quote(scratch),
        ]
        self.columns = self.columns + added
        if chance.random() < 0.6:
            text.append("CREATE INDEX IF NOT EXISTS item_a ON item(a)")
        return ["DROP VIEW IF EXISTS seen"] + text if chance.random() < 0.5 else text

    def statements(self):
        chance = self.chance
        kind = chance.randint(0, 13)
        c = chance.choice(self.columns)
        if kind <= 3:
            return self.remake()
        if kind == 4:
            new = self.fresh("n")
            self.columns = self.columns + [new]
            rule = chance.choice(["TEXT", "INTEGER NOT NULL DEFAULT 4", "TEXT CHECK (%s IS NULL OR length(%s) < 50)" % (new, new), "AS (b + 1)", "INT DEFAULT 2 CHECK (%s > 0)" % new])
            if rule.startswith("AS"):
                self.columns = self.columns[:-1]
            return ["ALTER TABLE item ADD COLUMN %s %s" % (new, rule)]
        if kind == 5:
            new = self.fresh("r")
            self.columns = [new if k == c else k for k in self.columns]
            return ["ALTER TABLE item RENAME COLUMN %s TO %s" % (c, new)]
        if kind == 6:
            return ["DROP INDEX IF EXISTS item_a", "CREATE UNIQUE INDEX IF NOT EXISTS %s ON item(id, a)" % self.fresh("u")]
        if kind == 7:
            return ["DROP TRIGGER IF EXISTS item_ai"]
        if kind == 8:
            t = self.fresh("t")
            return ["CREATE TABLE %s AS SELECT * FROM item" % t, "CREATE INDEX %s ON %s(a)" % (self.fresh("i"), t)] if "a" in self.columns else ["DELETE FROM trail"]
        if kind == 9:
            h = self.fresh("h")
            return ["CREATE TEMP TABLE %s AS SELECT id FROM item WHERE b > 4" % h, "DELETE FROM child WHERE item NOT IN (SELECT id FROM %s)" % h, "DROP TABLE %s" % h]
        if kind == 10:
            h = self.fresh("h")
            return ["CREATE TABLE %s(k, v)" % h, "INSERT INTO %s SELECT id, b FROM item" % h, "UPDATE child SET v = (SELECT v FROM %s WHERE k = child.item)" % h, "DROP TABLE %s" % h]
        if kind == 11:
            return ["UPDATE item SET %s = %s" % (c, chance.choice(["NULL", "7", "'z'"])), "INSERT INTO trail(what) SELECT id FROM item"]
        if kind == 12:
            t = self.fresh("people")
            return ["ALTER TABLE child RENAME TO %s" % t, "ALTER TABLE %s RENAME TO child" % t]
        return ["INSERT INTO child(item, v) SELECT id, 'made' FROM item", "DROP TABLE IF EXISTS no_such"]


def play(model, statements):
    for statement in statements:
        model.db.execute(statement)


def case(scenario):
    model = Model(scenario)
    chance = scenario.chance
    failed = False
    for _ in range(chance.randint(1, 3)):
        statements = model.statements()
        if chance.random() < 0.3:
            statements = statements + model.statements()
        scenario.phase([Step("sql", sql=";\n".join(statements))])
        try:
            play(model, statements)
        except sqlite3.Error as error:
            scenario.note("plain SQL fails: %s" % error)
            failed = True
            break
        if chance.random() < 0.25:
            # A native step behind it must still hold.
            scenario.phase([Step("add_column", table="child", column="%s TEXT DEFAULT 'd'" % (new := model.fresh("x")), after="id")])
            model.native = getattr(model, "native", []) + [new]
    ended = scenario.upgrade(*chance.choice([[], [], ["--per-phase"]]))
    if failed:
        expect(ended != "done", "plain SQL fails, the program says done")
        return ended
    if ended != "done":
        return ended
    found = connect(scenario.database)
    native = getattr(model, "native", [])
    wanted = {key: same_text(text) for key, (_, text) in objects(model.db).items() if key != ("table", "child")}
    left = {key: same_text(text) for key, (_, text) in objects(found).items() if key != ("table", "child")}
    expect_same(wanted, left, "schema")
    for kind, name in wanted:
        if kind in ("table", "view"):
            expect_same(rows(model.db, name), rows(found, name), "rows of " + name)
    expect_same(rows(model.db, "child", "id, item, v"), rows(found, "child", "id, item, v"), "rows of child")
    for new in native:
        expect(("child", new) and new in [row[1] for row in found.execute("PRAGMA table_info(child)")], "no column " + new)
    counter = "SELECT name, seq FROM sqlite_sequence ORDER BY 1"
    if "AUTOINCREMENT" in model.key:
        expect_same(model.db.execute(counter).fetchall(), found.execute(counter).fetchall(), "counters")
    found.close()
    db = connect(scenario.database)
    answer = [row[0] for row in db.execute("PRAGMA integrity_check")]
    expect(answer == ["ok"], "integrity_check: %s" % answer[:3])
    return ended
