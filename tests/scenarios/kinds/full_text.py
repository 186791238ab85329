"""Full-text and R*Tree tables, kept up to date by triggers or alone, under data steps, renames, rebuilds, VACUUM and
`optimize`. Words must be found in the same rows as after plain SQL."""

import shutil
import sqlite3

from common import Step, Wrong, connect, expect, expect_same, quote, rows

WORDS = ["dark", "flat", "bias", "light", "moon", "star"]


def phrase(chance):
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 4)))


def external(kind):
    remove = "INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);"
    add = "INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body);"
    if kind == "fts4":
        remove = "DELETE FROM search WHERE docid = old.id;"
        add = "INSERT INTO search(docid, title, body) VALUES (new.id, new.title, new.body);"
        return [
            "CREATE TRIGGER docs_bu BEFORE UPDATE ON docs BEGIN %s END" % remove,
            "CREATE TRIGGER docs_bd BEFORE DELETE ON docs BEGIN %s END" % remove,
            "CREATE TRIGGER docs_au AFTER UPDATE ON docs BEGIN %s END" % add,
            "CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN %s END" % add,
        ]
    return [
        "CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN %s END" % add,
        "CREATE TRIGGER docs_ad AFTER DELETE ON docs BEGIN %s END" % remove,
        "CREATE TRIGGER docs_au AFTER UPDATE ON docs BEGIN %s %s END" % (remove, add),
    ]


def own_content(kind):
    key = "docid" if kind == "fts4" else "rowid"
    add = "INSERT INTO search(%s, title, body) VALUES (new.id, new.title, new.body);" % key
    remove = "DELETE FROM search WHERE %s = old.id;" % key
    return [
        "CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN %s END" % add,
        "CREATE TRIGGER docs_ad AFTER DELETE ON docs BEGIN %s END" % remove,
        "CREATE TRIGGER docs_au AFTER UPDATE ON docs BEGIN %s %s END" % (remove, add),
    ]


FLAVOURS = {
    "fts5 external": ("CREATE VIRTUAL TABLE search USING fts5(title, body, content='docs', content_rowid='id')", external("fts5")),
    "fts5 external, prefix": ("CREATE VIRTUAL TABLE search USING fts5(title, body, content=docs, content_rowid=id, prefix='2 3')", external("fts5")),
    "fts5 own": ("CREATE VIRTUAL TABLE search USING fts5(title, body)", own_content("fts5")),
    "fts5 detail": ("CREATE VIRTUAL TABLE search USING fts5(title, body, detail=none, columnsize=0)", own_content("fts5")),
    "fts4 external": ('CREATE VIRTUAL TABLE search USING fts4(content="docs", title, body)', external("fts4")),
    "fts4 own": ("CREATE VIRTUAL TABLE search USING fts4(title, body, notindexed=body)", own_content("fts4")),
    "fts3": ("CREATE VIRTUAL TABLE search USING fts3(title, body)", own_content("fts4")),
    "fts5 contentless": ("CREATE VIRTUAL TABLE search USING fts5(title, body, content='')", external("fts5")),
    "rtree": ("CREATE VIRTUAL TABLE search USING rtree(id, x0, x1)", [
        "CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN INSERT INTO search VALUES (new.id, new.n, new.n + 1); END",
        "CREATE TRIGGER docs_ad AFTER DELETE ON docs BEGIN DELETE FROM search WHERE id = old.id; END",
        "CREATE TRIGGER docs_au AFTER UPDATE ON docs BEGIN DELETE FROM search WHERE id = old.id;"
        " INSERT INTO search VALUES (new.id, new.n, new.n + 1); END",
    ]),
}


def fills(flavour):
    if "external" in flavour:
        return "INSERT INTO search(search) VALUES ('rebuild')"
    if flavour == "rtree":
        return "INSERT INTO search SELECT id, n, n + 1 FROM docs"
    key = "docid" if flavour.startswith(("fts3", "fts4")) else "rowid"
    return "INSERT INTO search(%s, title, body) SELECT id, title, body FROM docs" % key


def make(scenario):
    chance = scenario.chance
    flavour = chance.choice(list(FLAVOURS))
    create, triggers = FLAVOURS[flavour]
    key = chance.choice(["id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT"])
    script = ["CREATE TABLE docs(%s, title TEXT, body TEXT, n INT, note TEXT)" % key, "CREATE TABLE other(a, b)"]
    script.append("INSERT INTO other VALUES (1, 2), (3, 4)")
    early = chance.random() < 0.5
    if early:
        script += [create] + triggers
    for number in range(chance.randint(1, 8)):
        script.append("INSERT INTO docs(title, body, n, note) VALUES ('%s', '%s', %d, 'x')" % (phrase(chance), phrase(chance), number))
    if not early:
        script += [create, fills(flavour)] + triggers
    if chance.random() < 0.3:
        script.append("VACUUM")
    scenario.make(";\n".join(script))
    return flavour


def dml(chance, names):
    table = names["docs"]
    title, body, n = (quote(names[c]) for c in ("title", "body", "n"))
    return chance.choice([
        "UPDATE %s SET %s = '%s' WHERE id %% 2 = %d" % (table, title, phrase(chance), chance.randint(0, 1)),
        "UPDATE %s SET %s = %s || ' %s'" % (table, body, body, phrase(chance)),
        "DELETE FROM %s WHERE id = %d" % (table, chance.randint(1, 4)),
        "INSERT INTO %s(%s, %s, %s, note) VALUES ('%s', '%s', 40, 'new')" % (table, title, body, n, phrase(chance), phrase(chance)),
        "INSERT INTO %s(%s, %s, %s, note) SELECT %s, '%s', 7, 'new' FROM %s WHERE id < 3" % (table, title, body, n, title, phrase(chance), table),
        "UPDATE %s SET note = 'seen'" % table,
        "UPDATE other SET b = b + 1",
    ])


def one_step(scenario, names, plain):
    """Returns a step; does to the plain copy what changes rows."""
    chance = scenario.chance
    kind = chance.random()
    if kind < 0.5:
        before = {key: key for key in names}
        state = chance.getstate()
        plain.execute(dml(chance, before))
        chance.setstate(state)
        return Step("sql", sql=dml(chance, names))
    if kind < 0.62 and names["docs"] == "docs":
        names["docs"] = "papers"
        return Step("rename_table", from_="docs", to="papers")
    if kind < 0.76:
        column = chance.choice(["title", "n", "body"])
        if names[column] != column:
            return None
        names[column] = column + "_text"
        return Step("rename_column", table=names["docs"], from_=column, to=names[column])
    if kind < 0.9:
        return Step("alter_column", table=names["docs"], column="note", default="'%d'" % chance.randint(1, 9))
    new = "extra%d" % chance.randint(1, 999)
    return Step("add_column", table=names["docs"], column=new + " TEXT DEFAULT 'e'", after=names["title"])


def answers(db, flavour, names, columns, note=", note"):
    """What the words find, and the rows of the tables."""
    found = {}
    if flavour == "rtree":
        found["rows"] = rows(db, "search")
    else:
        for word in WORDS:
            found[word] = sorted(row[0] for row in db.execute("SELECT rowid FROM search WHERE search MATCH '%s'" % word))
        if flavour != "fts5 contentless":
            listed = db.execute("SELECT rowid, * FROM search").fetchall()
            found["rows"] = sorted(map(repr, listed))
    found["docs"] = rows(db, names["docs"], "id, %s%s" % (", ".join(quote(names[c]) for c in columns), note))
    found["other"] = rows(db, "other")
    return found


def check_index(path, flavour):
    db = connect(path)
    try:
        if flavour.startswith("fts5") and flavour != "fts5 contentless":
            db.execute("INSERT INTO search(search, rank) VALUES ('integrity-check', 1)")
        elif flavour.startswith("fts5"):
            db.execute("INSERT INTO search(search) VALUES ('integrity-check')")
        elif flavour != "rtree":
            db.execute("INSERT INTO search(search) VALUES ('integrity-check')")
        else:
            answer, = db.execute("SELECT rtreecheck('main', 'search')").fetchone()
            expect(answer == "ok", "rtreecheck: " + answer)
    except sqlite3.DatabaseError as error:
        raise Wrong("the index does not hold: %s" % error)
    finally:
        db.close()


def case(scenario):
    chance = scenario.chance
    flavour = make(scenario)
    scenario.note(flavour)
    names = {name: name for name in ("docs", "title", "body", "n")}
    shutil.copyfile(scenario.before, scenario.path("plain.db"))
    plain = connect(scenario.path("plain.db"))
    between = chance.random()
    ended = None
    for number in range(chance.randint(1, 3)):
        steps = [step for step in (one_step(scenario, names, plain) for _ in range(chance.randint(1, 3))) if step]
        if not steps:
            steps = [Step("sql", sql="UPDATE other SET a = a")]
        scenario.phase(steps)
        if between < 0.4:
            # One call for each phase, with the file vacuumed in between.
            ended = scenario.upgrade()
            if ended != "done":
                return ended
            if between < 0.2:
                db = connect(scenario.database)
                db.execute("VACUUM")
                db.close()
            else:
                run = scenario.run("optimize")
                expect(run.code in (0, 4), "optimize: exit %d: %s" % (run.code, run.why()))
    if ended is None:
        ended = scenario.upgrade(*chance.choice([[], ["--in-place"], ["--per-phase"]]))
    if ended != "done":
        return ended
    found = connect(scenario.database)
    columns = ("title", "body", "n")
    same = {name: name for name in names}
    expect_same(answers(plain, flavour, same, columns), answers(found, flavour, names, columns), flavour)
    found.close()
    check_index(scenario.database, flavour)
    # The triggers still do their work.
    for db, words in ((plain, same), (connect(scenario.database), names)):
        db.execute("INSERT INTO %s(%s, %s, %s) VALUES ('moon star', 'dark', 3)" % tuple(
            [words["docs"]] + [quote(words[c]) for c in columns]))
        db.execute("UPDATE %s SET %s = 'flat' WHERE id = 2" % (words["docs"], quote(words["title"])))
    found = connect(scenario.database)
    # New rows take the new default of the column `note`.
    wanted, left = answers(plain, flavour, same, columns, ""), answers(found, flavour, names, columns, "")
    expect_same(wanted, left, flavour + ", written afterwards")
    return ended
