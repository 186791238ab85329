"""Wide schemas: each command at a size and at twice the size. What is linear takes twice as long."""

import os
import shutil
import sqlite3
import statistics
import subprocess

from .measure import PLACE, PROGRAM

SHAPES = {
    "2,500 tables": {"tables": 2500},
    "5,000 tables": {"tables": 5000},
    "10,000 tables": {"tables": 10000},
    "2,000 tables, 10,000 objects": {"tables": 2000, "indexes": 2, "views": 2000, "triggers": 2000},
    "4,000 tables, 20,000 objects": {"tables": 4000, "indexes": 2, "views": 4000, "triggers": 4000},
    "20,000 tables, 100,000 objects": {"tables": 20000, "indexes": 2, "views": 20000, "triggers": 20000},
    "50 layers of views": {"tables": 20, "layers": 50},
    "100 layers of views": {"tables": 20, "layers": 100},
    "171 tables, ten phases": {"tables": 171, "indexes": 3, "views": 20, "phases": 10},
    "342 tables, ten phases": {"tables": 342, "indexes": 3, "views": 40, "phases": 10},
    "a table of 1,000 columns": {"tables": 1, "columns": 1000},
    "a table of 1,990 columns": {"tables": 1, "columns": 1990},
}

# Ten tables are renamed, ten columns are renamed, and one table gets a column. Of several phases, each renames a column
# of a table and gives it another.
STEPS = 10


def statements(tables=1, indexes=0, views=0, triggers=0, layers=0, columns=5, phases=1):
    names = ", ".join(f"c{number} TEXT" for number in range(columns))
    for table in range(tables):
        yield f"CREATE TABLE t{table}(id INTEGER PRIMARY KEY, {names})"
        for index in range(indexes):
            yield f"CREATE INDEX i{table}_{index} ON t{table}(c{index})"
    for view in range(views):
        yield f"CREATE VIEW v{view} AS SELECT id, c0 FROM t{view % tables}"
    for layer in range(layers):
        below = f"layer{layer - 1}" if layer else "t0"
        yield f"CREATE VIEW layer{layer} AS SELECT id, c0, c1 FROM {below}"
    for trigger in range(triggers):
        table = trigger % tables
        yield f"CREATE TRIGGER g{trigger} AFTER INSERT ON t{table} BEGIN UPDATE t{table} SET c1 = 'x' WHERE id = new.id; END"


def step(op, **keys):
    pairs = "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    return f'[[up]]\nop = "{op}"\n{pairs}\n'


def make(folder, shape):
    """A file that no phase made, and a phase that changes a few of its tables."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "phases").mkdir(parents=True)
    texts = list(statements(**shape))
    tables, columns = shape.get("tables", 1), shape.get("columns", 5)
    write(folder / "file.db", texts)
    if shape.get("phases", 1) > 1:
        for number in range(shape["phases"]):
            parents = f'"phase{number}"' if number else ""
            moves = step("rename_column", table=f"t{number}", **{"from": "c4", "to": "d4"})
            moves += step("add_column", table=f"t{number}", column="note TEXT")
            (folder / "phases" / f"phase{number + 1}.toml").write_text(f"parents = [{parents}]\n{moves}")
        return
    moves = [step("rename_table", **{"from": f"t{it}", "to": f"renamed{it}"}) for it in range(min(STEPS, tables - 1))]
    last = f"t{tables - 1}"
    moves += [step("rename_column", table=last, **{"from": f"c{it}", "to": f"d{it}"}) for it in range(2, min(2 + STEPS, columns))]
    moves.append(step("add_column", table=last, column="note TEXT"))
    (folder / "phases" / "phase1.toml").write_text("parents = []\n" + "\n".join(moves))


def write(path, texts):
    """Writes a file with these objects.

    SQLite looks through all entries for each object that it creates. Here the entries of some are set aside, with
    their root pages, and all of them are put back at the end.
    """
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "page_size=1024", "writable_schema=ON"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("BEGIN")
    kept = []
    entries = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"
    stored = [it for it in texts if not it.startswith("CREATE TRIGGER")]
    for start in range(0, len(stored), 300):
        for text in stored[start:start + 300]:
            if text.startswith("CREATE INDEX"):
                name, table = text.split()[2], text.split()[4].split("(")[0]
                database.execute(f"CREATE TABLE {name}(a PRIMARY KEY) WITHOUT ROWID")
                root, = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
                database.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
                kept.append(("index", name, table, root, text))
            else:
                database.execute(text)
                name = text.split()[2].split("(")[0]
                kept += database.execute(entries + " WHERE name = ?", (name,)).fetchall()
        database.execute("DELETE FROM sqlite_schema")
        database.execute("PRAGMA writable_schema=RESET")
        database.execute("PRAGMA writable_schema=ON")
    for text in texts:
        if text.startswith("CREATE TRIGGER"):
            words = text.split()
            kept.append(("trigger", words[2], words[6], 0, text))
    database.executemany("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", kept)
    database.execute("COMMIT")
    database.close()
    with sqlite3.connect(path) as database:
        for number in range(3):
            database.execute("INSERT INTO t0(c0) VALUES (?)", (number,))
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


# In turn; each run changes the file, which is put back before the next, and check replays what the last one recorded.
COMMANDS = {
    "status": ["status"],
    "deps": ["deps"],
    "audit --schema": ["audit", "--schema"],
    "plan": ["plan"],
    "run": ["upgrade", "--quiet"],
    "run --per-phase": ["upgrade", "--per-phase", "--quiet"],
    "check": ["check"],
}


def processor(folder, arguments):
    """Seconds of processor time, the system's included: what other programs do counts less than in the time taken."""
    before = os.times()
    done = subprocess.run([str(PROGRAM), *arguments, "-d", "file.db"], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{arguments}: {done.stderr[-2000:]}")
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def run(runs, wanted=""):
    folder = PLACE / "wide"
    rows = []
    for name, shape in SHAPES.items():
        if wanted and not any(part in name for part in wanted.split(",")):
            continue
        make(folder, shape)
        taken = {command: [] for command in COMMANDS}
        for _ in range(runs):
            shutil.rmtree(folder / "backups", ignore_errors=True)
            shutil.copyfile(folder / "file.db", folder / "kept.db")
            for command, arguments in COMMANDS.items():
                if "upgrade" in arguments:
                    shutil.copyfile(folder / "kept.db", folder / "file.db")
                taken[command].append(processor(folder, arguments))
            shutil.copyfile(folder / "kept.db", folder / "file.db")
        cells = [f"{statistics.median(it):.2f}" for it in taken.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    head = f"| schema | {' | '.join(COMMANDS)} |"
    return "\n".join([head, "| --- |" + " --- |" * len(COMMANDS), *rows])
