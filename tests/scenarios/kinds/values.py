"""Computed values that read other tables, over one or several phases. Plain SQL computes them step by step."""

import shutil

from common import Step, connect, expect, expect_same, objects, quote, rows

TYPES = ["INTEGER", "TEXT", "REAL", "NUMERIC", ""]


class Model:
    """The names and columns as they are at this step, and a copy of the file on which plain SQL does the same."""

    def __init__(self, scenario):
        self.chance, self.serial = scenario.chance, 0
        self.tables = {}
        script = []
        for name in self.chance.sample(["item", "part", "place", "rate"], self.chance.randint(2, 3)):
            columns = ["id", "a", "b"] + self.chance.sample(["c", "d", "k"], 1)
            self.tables[name] = columns
            kinds = [self.chance.choice(TYPES) for _ in columns[1:]]
            key = self.chance.choice([" INTEGER PRIMARY KEY", " INTEGER PRIMARY KEY", " INT"])
            script.append("CREATE TABLE %s(id%s, %s)" % (name, key, ", ".join("%s %s" % pair for pair in zip(columns[1:], kinds))))
            for number in range(self.chance.randint(1, 6)):
                values = [self.chance.choice(["1", "2", "3", "'x'", "2.5", "NULL", "'07'"]) for _ in columns[1:]]
                script.append("INSERT INTO %s VALUES (%d, %s)" % (name, number + 1, ", ".join(values)))
        if self.chance.random() < 0.3:
            script.append("CREATE INDEX i1 ON %s(a, b)" % self.chance.choice(list(self.tables)))
        scenario.make(";\n".join(script))
        shutil.copyfile(scenario.before, scenario.path("plain.db"))
        self.db = connect(scenario.path("plain.db"))

    def fresh(self, stem):
        self.serial += 1
        return "%s%d" % (stem, self.serial)

    def expression(self, table, own):
        """SQL as a phase has it, and with every name of the row's table written `old`."""
        chance = self.chance
        other = chance.choice(list(self.tables))
        theirs = self.tables[other]
        c, x, y = chance.choice(own), chance.choice(theirs), chance.choice(theirs)
        row = chance.choice(["old.%s", "old.%s", table + ".%s"]) % c if other != table else "old.%s" % c
        shapes = [
            "%s || '-'" % row,
            "coalesce(%s, 0) + 1" % c,
            "(SELECT max(%s) FROM %s)" % (x, other),
            "(SELECT count(*) FROM %s AS o WHERE o.%s = %s)" % (other, x, row),
            "(SELECT sum(o.%s) FROM %s o WHERE o.id >= old.id)" % (x, other),
            "coalesce((SELECT o.%s FROM %s AS o WHERE o.id = old.id), %s)" % (x, other, row),
            "(SELECT group_concat(%s, ',') FROM (SELECT %s FROM %s ORDER BY id))" % (y, y, other),
            "CASE WHEN EXISTS (SELECT 1 FROM %s AS o WHERE o.%s IS %s) THEN 'yes' ELSE %s END" % (other, x, row, c),
            "(WITH w(n) AS (SELECT %s FROM %s) SELECT count(n) FROM w)" % (x, other),
        ]
        sql = chance.choice(shapes)
        return sql, sql.replace(table + ".", "old.") if table != "old" else sql

    def compute(self, table, target, plain):
        self.db.execute("DROP TABLE IF EXISTS temp.calc")
        self.db.execute("CREATE TEMP TABLE calc AS SELECT old.rowid AS r, (%s) AS v FROM %s AS old" % (plain, quote(table)))
        self.db.execute("UPDATE %s SET %s = (SELECT v FROM temp.calc WHERE r = %s.rowid)" % (quote(table), quote(target), quote(table)))

    def step(self):
        chance = self.chance
        table = chance.choice(list(self.tables))
        own = self.tables[table]
        kind = chance.random()
        if kind < 0.4:
            new, type_ = self.fresh("n"), chance.choice(TYPES)
            sql, plain = self.expression(table, own)
            self.db.execute("ALTER TABLE %s ADD COLUMN %s %s" % (table, new, type_))
            self.compute(table, new, plain)
            self.tables[table] = own + [new]
            return Step("add_column", table=table, column="%s %s" % (new, type_), value=sql)
        if kind < 0.5:
            target = chance.choice([c for c in own if c != "id"])
            sql, plain = self.expression(table, own)
            self.compute(table, target, plain)
            return Step("alter_column", table=table, column=target, value=sql)
        if kind < 0.6:
            new = self.fresh("t")
            self.db.execute("ALTER TABLE %s RENAME TO %s" % (table, new))
            self.tables[new] = self.tables.pop(table)
            return Step("rename_table", from_=table, to=new)
        if kind < 0.7:
            old, new = chance.choice([c for c in own if c != "id"]), self.fresh("r")
            self.db.execute("ALTER TABLE %s RENAME COLUMN %s TO %s" % (table, old, new))
            self.tables[table] = [new if c == old else c for c in own]
            return Step("rename_column", table=table, from_=old, to=new)
        if kind < 0.88:
            c = chance.choice([c for c in own if c != "id"])
            sql = chance.choice([
                "UPDATE %s SET %s = %d WHERE id %% 2 = 0" % (table, c, chance.randint(5, 9)),
                "INSERT INTO %s(id, %s) SELECT max(id) + 1, 5 FROM %s" % (table, c, table),
                "DELETE FROM %s WHERE id = 1" % table,
            ])
            self.db.execute(sql)
            return Step("sql", sql=sql)
        new = self.fresh("made")
        create = "CREATE TABLE %s(id INTEGER PRIMARY KEY, z TEXT)" % new
        fill = "INSERT INTO %s(z) SELECT %s FROM %s ORDER BY id" % (new, chance.choice(own), table)
        self.db.execute(create)
        self.db.execute(fill)
        self.tables[new] = ["id", "z"]
        return [Step("create_table", sql=create), Step("sql", sql=fill)]


def case(scenario):
    model = Model(scenario)
    for _ in range(scenario.chance.randint(1, 3)):
        steps = []
        for _ in range(scenario.chance.randint(1, 4)):
            made = model.step()
            steps += made if isinstance(made, list) else [made]
        scenario.phase(steps)
    flags = scenario.chance.choice([[], [], ["--in-place"], ["--per-phase"]])
    ended = scenario.upgrade(*flags)
    if ended != "done":
        return ended
    found = connect(scenario.database)
    names = lambda db: {name for kind, name in objects(db) if kind == "table"}
    expect_same(names(model.db), names(found), "tables")
    for table, columns in model.tables.items():
        listed = ", ".join(quote(c) for c in columns)
        expect_same(rows(model.db, table, listed), rows(found, table, listed), "rows of " + table)
    return ended
