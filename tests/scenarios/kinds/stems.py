"""Two databases with one stem that share a folder of backups: what belongs to one never reaches the other."""

import os
import shutil

from common import Step, contents, expect, expect_same


def case(scenario):
    chance = scenario.chance
    names = chance.choice([("one/data.db", "two/data.db"), ("data.db", "data.sqlite"), ("one/app.db", "two/app.sqlite3")])
    shared = scenario.path("kept")
    databases = {}
    for number, name in enumerate(names):
        path = scenario.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        scenario.make("CREATE TABLE item(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO item(a) VALUES ('%d'), ('x%d')" % (number, chance.randint(1, 99)))
        os.replace(scenario.database, path)
        databases[path] = [contents(path)]
    scenario.phase([Step("add_column", table="item", column="b INTEGER DEFAULT 1")])
    scenario.phase([Step("rename_column", table="item", from_="a", to="name")])
    paths = list(databases)

    def call(path, *arguments, codes=(0,)):
        run = scenario.run("--backup-dir", shared, *arguments, database=path)
        scenario.note("%s: %d %s" % (os.path.relpath(path, scenario.folder), run.code, run.why() if run.code else ""))
        expect(run.code in codes, "exit %d of %s: %s" % (run.code, " ".join(arguments), run.why()))
        return run

    migrated, by_hand = set(), {path: [] for path in paths}
    for _ in range(chance.randint(4, 9)):
        path = chance.choice(paths)
        other = paths[1 - paths.index(path)]
        beside = contents(other)
        kind = chance.randint(0, 5)
        if kind <= 1:
            held = contents(path)
            run = call(path, "upgrade", "+1", codes=(0, 4))
            if run.code == 0 and contents(path) != held:
                databases[path].append(held)
                migrated.add(path)
        elif kind == 2 and path in migrated:
            call(path, "restore", "--latest", "--yes")
            left = contents(path)
            expect(left == databases[path][-1] or left in by_hand[path], "restore --latest brought something else")
            migrated.discard(path)
        elif kind == 2:
            held = contents(path)
            run = call(path, "restore", "--latest", "--yes", codes=(0, 4))
            if run.code == 0:
                expect(contents(path) in databases[path] + by_hand[path] + [held], "restore --latest brought something else")
        elif kind == 3:
            listed = call(other, "backups").json["backups"]
            call(path, "backups", "prune", "--keep", "1", "--yes", codes=(0, 4, 2))
            expect_same(listed, call(other, "backups").json["backups"], "the other's backups after prune")
        elif kind == 4:
            foreign = call(other, "backups").json["backups"]
            mine = {b["file"] for b in call(path, "backups").json["backups"]}
            expect(not mine & {b["file"] for b in foreign}, "a backup is listed for both")
            if foreign:
                held = contents(path)
                file = os.path.join(shared, os.path.basename(chance.choice(foreign)["file"]))
                run = call(path, "restore", file, "--yes", codes=(4,))
                expect_same(held, contents(path), "content after a refused restore")
        else:
            call(path, "backup", codes=(0,))
            by_hand[path].append(contents(path))
        expect_same(beside, contents(other), "the other database")
    return "done"
