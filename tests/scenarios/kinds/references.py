"""Renames and added columns under views and triggers that name columns loosely: natural joins, USING, unqualified
columns in subqueries, names that capture. A view must hand out the same rows as before, and a trigger must do the same."""

import collections
import shutil
import sqlite3

from common import Step, connect, expect, expect_same, objects, quote, rows

COLUMNS = ["id", "name", "code", "kind", "ref", "note", "total", "owner"]
TABLES = ["item", "part", "place", "person", "log"]


class Schema:
    def __init__(self, chance):
        self.tables = {}
        for name in chance.sample(TABLES, chance.randint(2, 4)):
            columns = ["id"] if chance.random() < 0.7 else []
            columns += chance.sample([c for c in COLUMNS if c != "id"], chance.randint(2, 4))
            self.tables[name] = columns

    def shared(self):
        """Pairs of tables with a column name in common."""
        names = list(self.tables)
        return [(a, b, sorted(set(self.tables[a]) & set(self.tables[b]))) for a in names for b in names
                if a != b and set(self.tables[a]) & set(self.tables[b])]


def view(chance, schema, name):
    names = list(schema.tables)
    a = chance.choice(names)
    own = schema.tables[a]
    c, d = chance.choice(own), chance.choice(own)
    others = [n for n in names if n != a]
    b = chance.choice(others)
    theirs = schema.tables[b]
    x = chance.choice(theirs)
    only = [k for k in own if k not in theirs]
    shapes = ["SELECT %s AS c1, %s AS c2 FROM %s" % (c, d, a)]
    shapes.append("SELECT p.%s AS c1, (SELECT max(q.%s) FROM %s AS q WHERE q.%s = p.%s) AS c2 FROM %s AS p" % (c, x, b, x, c, a))
    shapes.append("SELECT %s AS c1 FROM %s WHERE %s IN (SELECT %s FROM %s)" % (c, a, d, x, b))
    if only:
        k = chance.choice(only)
        shapes.append("SELECT %s.%s AS c1 FROM %s WHERE EXISTS (SELECT 1 FROM %s WHERE %s = %s)" % (a, c, a, b, x, k))
        shapes.append("SELECT %s AS c1, (SELECT count(*) FROM %s WHERE %s > %s) AS c2 FROM %s" % (c, b, x, k, a))
        shapes.append("SELECT %s AS c1, %s.%s AS c2 FROM %s, %s" % (k, b, x, a, b))
        shapes.append("SELECT %s AS label, count(*) AS n FROM %s JOIN %s ON %s.%s = %s GROUP BY %s ORDER BY label" % (k, a, b, b, x, k, k))
    for l, r, common in schema.shared():
        if (l, r) == (a, b):
            k = chance.choice(common)
            free = [q for q in own if q not in theirs]
            pick = chance.choice(free) if free else common[0]
            shapes.append("SELECT %s AS c1, %s AS c2 FROM %s NATURAL JOIN %s" % (common[0], pick, a, b))
            shapes.append("SELECT %s AS c1, %s.%s AS c2 FROM %s JOIN %s USING (%s)" % (k, b, x, a, b, k))
            shapes.append("SELECT %s AS c1 FROM %s NATURAL LEFT JOIN %s" % (k, a, b))
            shapes.append("WITH %s AS (SELECT %s FROM %s) SELECT %s AS c1 FROM %s NATURAL JOIN %s" % ("w", k, a, k, "w", b))
    return "CREATE VIEW %s AS %s" % (name, chance.choice(shapes[1:] if chance.random() < 0.85 else shapes))


def trigger(chance, schema, name):
    t = chance.choice(list(schema.tables))
    u = chance.choice(list(schema.tables))
    own, theirs = schema.tables[t], schema.tables[u]
    c, x, y = chance.choice(own), chance.choice(theirs), chance.choice(theirs)
    event = chance.choice(["INSERT", "DELETE", "UPDATE", "UPDATE OF " + chance.choice(own)])
    row = "old" if event == "DELETE" else "new"
    others = [n for n in schema.tables if n not in (u,)]
    o = chance.choice(others)
    z = chance.choice(schema.tables[o])
    body = chance.choice([
        "INSERT INTO trail(what) VALUES (%s.%s);" % (row, c),
        "INSERT INTO trail(what) SELECT %s FROM %s WHERE %s = %s.%s;" % (x, u, y, row, c),
        "UPDATE %s SET %s = %s.%s WHERE %s = (SELECT max(%s) FROM %s);" % (u, x, row, c, y, z, o),
        "DELETE FROM %s WHERE %s = %s.%s AND %s IN (SELECT %s FROM %s);" % (u, x, row, c, y, z, o),
        "INSERT INTO trail(what) SELECT count(*) FROM %s WHERE EXISTS (SELECT 1 FROM %s WHERE %s = %s);" % (u, o, z, x),
    ])
    return "CREATE TRIGGER %s AFTER %s ON %s BEGIN %s END" % (name, event, t, body)


def make(scenario):
    chance = scenario.chance
    schema = Schema(chance)
    script = ["CREATE TABLE trail(n INTEGER PRIMARY KEY, what)"]
    for name, columns in schema.tables.items():
        typed = [c + (" INTEGER PRIMARY KEY" if c == "id" else chance.choice([" TEXT", " INTEGER", ""])) for c in columns]
        script.append("CREATE TABLE %s(%s)" % (name, ", ".join(typed)))
        for number in range(chance.randint(2, 5)):
            values = [str(number + 1) if c == "id" else str(chance.randint(1, 4)) for c in columns]
            script.append("INSERT INTO %s VALUES (%s)" % (name, ", ".join(values)))
    for number in range(chance.randint(1, 3)):
        script.append(view(chance, schema, "v%d" % number))
    for number in range(chance.randint(0, 2)):
        script.append(trigger(chance, schema, "g%d" % number))
    scenario.make(";\n".join(script))
    return schema


def changes(scenario, schema):
    """Steps, and what they make of the names: table -> new name, (table, column) -> new name."""
    chance = scenario.chance
    tables = {t: t for t in schema.tables}
    columns = {(t, c): c for t in schema.tables for c in schema.tables[t]}
    added = {t: [] for t in schema.tables}
    steps, additions = [], False
    for _ in range(chance.randint(1, 3)):
        t = chance.choice(list(schema.tables))
        taken = {columns[t, c].lower() for c in schema.tables[t]} | {c.lower() for c in added[t]}
        pool = [c for c in COLUMNS + ["label", "extra", "c1", "trail"] if c not in taken]
        kind = chance.random()
        if kind < 0.55:
            c, new = chance.choice(schema.tables[t]), chance.choice(pool)
            steps.append(Step("rename_column", table=tables[t], from_=columns[t, c], to=new))
            columns[t, c] = new
        elif kind < 0.75:
            new = chance.choice([n for n in TABLES + ["w", "p", "q", "stock"] if n not in tables.values()])
            steps.append(Step("rename_table", from_=tables[t], to=new))
            tables[t] = new
        else:
            new = chance.choice(pool)
            extra = {"after": columns[t, schema.tables[t][0]]} if chance.random() < 0.4 else {}
            steps.append(Step("add_column", table=tables[t], column=new + " INTEGER DEFAULT 3", **extra))
            added[t].append(new)
            additions = True
    return steps, tables, columns, additions


def outcome(db, statement):
    try:
        db.execute(statement)
        return "done"
    except sqlite3.Error as error:
        return "refused" if isinstance(error, sqlite3.IntegrityError) else "broken: %s" % error


def play(path, schema, tables, columns, seed):
    """Writes to every table and tells what was left everywhere, in the names before."""
    import random
    chance = random.Random(seed)
    db = connect(path)
    told = []
    for t in schema.tables:
        own = schema.tables[t]
        names = [quote(columns[t, c]) for c in own]
        values = [str(90 + chance.randint(1, 5)) if c == "id" else str(chance.randint(1, 5)) for c in own]
        some = chance.choice([c for c in own if c != "id"])
        new = chance.randint(1, 5)
        statements = [
            "INSERT INTO %s(%s) VALUES (%s)" % (quote(tables[t]), ", ".join(names), ", ".join(values)),
            "UPDATE %s SET %s = %d WHERE %s = %d" % (quote(tables[t]), quote(columns[t, some]), new, quote(columns[t, some]), chance.randint(1, 4)),
            "DELETE FROM %s WHERE %s = %d" % (quote(tables[t]), quote(columns[t, some]), chance.randint(1, 5)),
        ]
        for number, statement in enumerate(statements):
            told.append((t, number, outcome(db, statement)))
    left = {t: rows(db, tables[t], ", ".join(quote(columns[t, c]) for c in schema.tables[t])) for t in schema.tables}
    left["trail"] = rows(db, "trail")
    db.close()
    return told, left


def views(path):
    db = connect(path)
    found = {}
    for kind, name in sorted(objects(db)):
        if kind == "view":
            try:
                cursor = db.execute("SELECT * FROM %s" % quote(name))
                heads = tuple(column[0] for column in cursor.description)
                found[name] = heads, collections.Counter(cursor.fetchall())
            except sqlite3.Error as error:
                found[name] = "broken", str(error).split(":")[0]
    db.close()
    return found


def case(scenario):
    schema = make(scenario)
    steps, tables, columns, additions = changes(scenario, schema)
    scenario.phase(steps)
    flags = ["--in-place"] if scenario.chance.random() < 0.4 else []
    ended = scenario.upgrade(*flags)
    if ended != "done":
        return ended
    expect_same(views(scenario.before), views(scenario.database), "views")
    seed = scenario.chance.randint(0, 10**9)
    played, old = scenario.path("played.db"), scenario.path("old.db")
    shutil.copyfile(scenario.database, played)
    shutil.copyfile(scenario.before, old)
    same = {t: t for t in schema.tables}
    plain = {(t, c): c for t in schema.tables for c in schema.tables[t]}
    wanted, found = play(old, schema, same, plain, seed), play(played, schema, tables, columns, seed)
    expect_same(wanted[0], found[0], "statements under triggers")
    expect_same(wanted[1], found[1], "rows under triggers")
    if additions:
        return ended
    run = scenario.run("downgrade", "base", *flags)
    expect(run.code == 0, "downgrade: exit %d: %s" % (run.code, run.why()))
    one, two = connect(scenario.before), connect(scenario.database)
    expect_same(objects(one), objects(two), "texts after the downgrade")
    for t in schema.tables:
        expect_same(rows(one, t), rows(two, t), "rows of %s after the downgrade" % t)
    return ended
