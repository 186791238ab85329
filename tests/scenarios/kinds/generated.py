"""An ordinary column becomes generated: stored values that differ from the computed ones are a loss, and counted."""

from common import Step, connect, expect, expect_same, rows


def case(scenario):
    chance = scenario.chance
    expression = chance.choice(["a + 1", "a * b", "coalesce(b, 0) || 'x'", "a || '-' || b", "upper(c)"])
    type_ = chance.choice(["TEXT", "INTEGER", "", "NUMERIC", "REAL"])
    kind = chance.choice(["VIRTUAL", "STORED", ""])
    script = ["CREATE TABLE item(id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c TEXT, made %s)" % type_]
    agree = chance.random() < 0.4
    for number in range(chance.randint(1, 6)):
        script.append("INSERT INTO item(id, a, b, c) VALUES (%d, %d, %s, 't%d')" % (
            number + 1, chance.randint(1, 9), chance.choice(["NULL", "2", "3"]), number))
    if chance.random() < 0.9:
        script.append("UPDATE item SET made = (%s)" % expression)
    if not agree:
        script.append("UPDATE item SET made = %s WHERE id %% 2 = 1" % chance.choice(["'other'", "NULL", "a - 1", "x'00'"]))
    scenario.make(";\n".join(script))
    new = "CREATE TABLE item(id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c TEXT, made %s GENERATED ALWAYS AS (%s) %s)" % (type_, expression, kind)
    scenario.phase([Step("rebuild", table="item", sql=new)])
    # What plain SQL computes for a column of this type.
    plain = connect(":memory:")
    plain.execute(new)
    held = connect(scenario.before).execute("SELECT id, a, b, c, made FROM item").fetchall()
    plain.executemany("INSERT INTO item(id, a, b, c) VALUES (?, ?, ?, ?)", [row[:4] for row in held])
    computed = dict(plain.execute("SELECT id, made FROM item"))
    same = lambda x, y: type(x) is type(y) and x == y
    differ = sum(not same(row[4], computed[row[0]]) for row in held)
    ended = scenario.upgrade()
    if differ:
        expect(ended == "refused", "%d stored values differ, and the run says: %s" % (differ, ended))
        told = scenario.last.stdout
        expect("made" in told, "the refusal does not name the column: " + told)
        expect(str(differ) in told, "the refusal does not say %d: %s" % (differ, told))
        ended = scenario.upgrade("--accept-loss")
        expect(ended == "done", "--accept-loss: " + ended)
    else:
        expect(ended == "done", "no value differs, and the run says: " + ended)
    expect_same(rows(plain, "item"), rows(connect(scenario.database), "item"), "rows of item")
    return "done"
