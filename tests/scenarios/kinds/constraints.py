"""`rebuild` with a definition that leaves rules out: the plan names each of them, and the rows stay as they are."""

from common import Step, connect, expect, expect_same, objects, rows, same_text

# A rule as it stands in the column's definition, and the words that the plan must use for it.
RULES = [
    ("NOT NULL", "NOT NULL"),
    ("COLLATE NOCASE", "COLLATE"),
    ("UNIQUE", "UNIQUE"),
    ("CHECK ({c} IS NULL OR length({c}) < 90)", "CHECK"),
    ("DEFAULT 'd'", "DEFAULT"),
    ("REFERENCES parent(id)", "REFERENCES"),
]


def define(table, columns, key, tail):
    parts = [key] if key else []
    parts += ["%s %s" % (name, " ".join([type_] + [rule.format(c=name) for rule, _ in rules])) for name, type_, rules in columns]
    return "CREATE TABLE %s(%s)%s" % (table, ", ".join(parts), tail)


def case(scenario):
    chance = scenario.chance
    strict = chance.random() < 0.3
    auto = chance.random() < 0.4
    without = not auto and chance.random() < 0.3
    key = "id INTEGER PRIMARY KEY" + (" AUTOINCREMENT" if auto else "")
    options = [o for o, on in (("STRICT", strict), ("WITHOUT ROWID", without)) if on]
    columns = []
    for number in range(chance.randint(1, 4)):
        rules = chance.sample(RULES, chance.randint(0, 3))
        columns.append(("col%d" % number, "TEXT", rules))
    tail = " " + ", ".join(options) if options else ""
    script = ["CREATE TABLE parent(id TEXT PRIMARY KEY)", "INSERT INTO parent VALUES ('v1'), ('v2'), ('v3')", define("item", columns, key, tail)]
    for number in range(chance.randint(1, 3)):
        script.append("INSERT INTO item VALUES (%s)" % ", ".join([str(number + 1)] + ["'v%d'" % (number + 1)] * len(columns)))
    scenario.make(";\n".join(script))

    lost = []
    after = []
    for name, type_, rules in columns:
        kept = [rule for rule in rules if chance.random() < 0.6]
        lost += [(name, word) for rule, word in rules if (rule, word) not in kept]
        after.append((name, type_, kept))
    new_key = key
    if auto and chance.random() < 0.5:
        new_key = "id INTEGER PRIMARY KEY"
        lost.append(("item", "AUTOINCREMENT"))
    left = [o for o in options if chance.random() < 0.5]
    lost += [("item", o) for o in options if o not in left]
    text = define("item", after, new_key, " " + ", ".join(left) if left else "")
    scenario.phase([Step("rebuild", table="item", sql=text)])

    plan = scenario.run("plan", json_=False)
    lint = scenario.run("lint", json_=False)
    if plan.code == 0:
        for told, where in ((plan.stdout + plan.stderr, "plan"), (lint.stdout + lint.stderr, "lint")):
            for name, word in lost:
                lines = [line for line in told.splitlines() if word in line and name in line]
                expect(lines, "%s does not name %s of %s:\n%s" % (where, word, name, told))
            if not lost:
                words = [w for _, w in RULES] + ["AUTOINCREMENT", "STRICT", "WITHOUT ROWID"]
                expect(not any(w + " " in line and "no longer" in line for w in words for line in told.splitlines()),
                       "%s names a loss where there is none: %s" % (where, told))
    ended = scenario.upgrade()
    if ended != "done":
        return ended
    one, two = connect(scenario.before), connect(scenario.database)
    listed = ", ".join(["id"] + [name for name, _, _ in columns])
    expect_same(rows(one, "item", listed), rows(two, "item", listed), "rows of item")
    expect_same(same_text(text), same_text(objects(two)["table", "item"][1]), "text of item")
    return ended
