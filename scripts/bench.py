"""The measurements of scripts/bench: every tool does Phase 3 on a fresh copy, in turn, and the medians are printed."""

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PLACE = HOME / "target" / "bench"
PROGRAM = HOME / "target" / "release" / "phaseshift"
PHASES = HOME / "fixtures" / "fits_catalog" / "phases"

TABLES = {"sessions": "imaging_sessions", "fits_files": "fits_files"}
COLUMNS = {
    "sessions": {"session_id": "id", "session_date": "date"},
    "fits_files": {"x": "width_pixels", "y": "height_pixels", "session_id": "imaging_session_id"},
}
INDEXES = {"idx_session": "idx_fits_imaging_session"}


def renamed(text, names):
    """Renames whole words in a piece of SQL, quoted or not."""
    for old, new in names.items():
        text = re.sub(rf'(?<![\w"])"?{re.escape(old)}"?(?![\w"])', new, text)
    return text


def rebuild_sql(path):
    """The statements of a rebuild in the manner of SQLite's twelve steps."""
    source = sqlite3.connect(path)
    statements = []
    for old, new in TABLES.items():
        rows = source.execute("SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL", [old])
        objects = rows.fetchall()
        sql = next(sql for kind, name, sql in objects if kind == "table")
        body = renamed(sql[sql.index("("):], COLUMNS[old])
        statements.append(f"CREATE TABLE scratch_{new} {body}")
        names = [row[1] for row in source.execute(f"PRAGMA table_info({old})")]
        quoted = [f'"{name}"' for name in names]
        targets = [f'"{COLUMNS[old].get(name, name)}"' for name in names]
        statements.append(f"INSERT INTO scratch_{new} ({', '.join(targets)}) SELECT {', '.join(quoted)} FROM {old}")
        statements.append(f"DROP TABLE {old}")
        statements.append(f"ALTER TABLE scratch_{new} RENAME TO {new}")
        for kind, name, sql in objects:
            if kind == "index":
                head, columns = sql[: sql.index("(")], sql[sql.index("("):]
                head = renamed(head, {**INDEXES, old: new})
                statements.append(head + renamed(columns, COLUMNS[old]))
    source.close()
    return statements


GENERIC_PHASE = """
description = "a column more, a column less"
parents = ["phase2"]
[[up]]
op = "add_column"
table = "fits_files"
column = "pixels INTEGER"
after = "y"
value = "x * y"
"""


def rewritten_sql(path):
    """The twelve steps for a change that rewrites every row: a computed column in the middle."""
    with sqlite3.connect(path) as source:
        rows = source.execute("SELECT type, sql FROM sqlite_schema WHERE tbl_name = 'fits_files' AND sql IS NOT NULL").fetchall()
        names = [row[1] for row in source.execute("PRAGMA table_info(fits_files)")]
    sql = next(sql for kind, sql in rows if kind == "table")
    table = re.sub(r'(?<![\w"])("?y"?\s[^,]*,)', r"\1 pixels INTEGER,", sql[sql.index("("):], count=1)
    place = names.index("y") + 1
    targets = [*names[:place], "pixels", *names[place:]]
    values = [*names[:place], "x * y", *names[place:]]
    quote = lambda name: name if " " in name else f'"{name}"'
    return [
        f"CREATE TABLE scratch_files {table}",
        f"INSERT INTO scratch_files ({', '.join(map(quote, targets))}) SELECT {', '.join(map(quote, values))} FROM fits_files",
        "DROP TABLE fits_files",
        "ALTER TABLE scratch_files RENAME TO fits_files",
        *[sql for kind, sql in rows if kind == "index"],
    ]


def native_sql(path):
    statements = []
    for old, new in TABLES.items():
        statements += [f"ALTER TABLE {old} RENAME COLUMN {one} TO {two}" for one, two in COLUMNS[old].items()]
        if old != new:
            statements.append(f"ALTER TABLE {old} RENAME TO {new}")
    with sqlite3.connect(path) as source:
        index = source.execute("SELECT sql FROM sqlite_schema WHERE name = 'idx_session'").fetchone()[0]
    names = {**INDEXES, **COLUMNS["fits_files"]}
    return [*statements, "DROP INDEX idx_session", renamed(index, names)]


def as_script(statements):
    return ["PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE", *statements, "COMMIT"]


ALEMBIC = """
import sys, sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
engine = sa.create_engine("sqlite:///" + sys.argv[1])
with engine.connect() as connection:
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    op = Operations(MigrationContext.configure(connection))
    with op.batch_alter_table("sessions", recreate="always") as batch:
        batch.alter_column("session_id", new_column_name="id")
        batch.alter_column("session_date", new_column_name="date")
    op.rename_table("sessions", "imaging_sessions")
    with op.batch_alter_table("fits_files", recreate="always") as batch:
        batch.alter_column("x", new_column_name="width_pixels")
        batch.alter_column("y", new_column_name="height_pixels")
        batch.alter_column("session_id", new_column_name="imaging_session_id")
    connection.commit()
"""

SQLITE_UTILS = """
import sys, sqlite_utils
db = sqlite_utils.Database(sys.argv[1])
db.execute("DROP INDEX idx_session")
db["fits_files"].transform(rename={"x": "width_pixels", "y": "height_pixels", "session_id": "imaging_session_id"})
db["fits_files"].create_index(["imaging_session_id"], "idx_fits_imaging_session")
db["sessions"].transform(rename={"session_id": "id"})
db.execute("ALTER TABLE sessions RENAME COLUMN session_date TO date")
db.execute("ALTER TABLE sessions RENAME TO imaging_sessions")
db.conn.commit()
"""

HAND_WRITTEN = """
import json, shutil, sqlite3, sys
path = sys.argv[1]
shutil.copy2(path, path + ".backup")
connection = sqlite3.connect(path, isolation_level=None)
before = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("sessions", "fits_files")]
for statement in json.load(open(sys.argv[2])):
    connection.execute(statement)
after = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("imaging_sessions", "fits_files")]
assert before == after
connection.close()
"""


class Watch:
    """Looks every 20 ms at how much a folder holds."""

    def __init__(self, folder):
        self.folder, self.peak, self.running = folder, 0, True
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def size(self):
        total = 0
        for path in self.folder.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                pass
        return total

    def look(self):
        while self.running:
            self.peak = max(self.peak, self.size())
            time.sleep(0.02)

    def stop(self):
        self.running = False
        self.thread.join()
        return max(self.peak, self.size())


class Bench:
    def __init__(self, rows):
        self.rows = rows
        self.source = PLACE / f"catalogue_{rows}.db"
        self.folder = PLACE / f"run_{rows}"
        self.copy = self.folder / "copy.db"
        if not self.source.exists():
            self.make()
        PLACE.joinpath("sql").mkdir(exist_ok=True)
        self.rebuild = self.write("rebuild", as_script(rebuild_sql(self.source)))
        self.native = self.write("native", as_script(native_sql(self.source)))
        self.rewritten = self.write("rewritten", as_script(rewritten_sql(self.source)))
        self.generic = PLACE / "generic_phases"
        self.generic.mkdir(exist_ok=True)
        for name in ("phase1.toml", "phase2.toml"):
            shutil.copyfile(PHASES / name, self.generic / name)
        self.generic.joinpath("phase3.toml").write_text(GENERIC_PHASE)

    def make(self):
        print(f"making a catalogue of {self.rows} files", file=sys.stderr)
        environment = {**os.environ, "PHASESHIFT_BENCH_FILE": str(self.source), "PHASESHIFT_BENCH_ROWS": str(self.rows)}
        test = ["cargo", "test", "--locked", "--quiet", "--test", "sample", "--", "--ignored", "a_catalogue_for_the_bench"]
        subprocess.run(test, cwd=HOME, env=environment, check=True, stdout=subprocess.DEVNULL)

    def write(self, name, statements):
        script = PLACE / "sql" / f"{name}.sql"
        script.write_text(";\n".join(statements) + ";\n")
        script.with_suffix(".json").write_text(json.dumps(statements))
        return script

    def contenders(self):
        python, copy = [sys.executable, "-c"], str(self.copy)
        product = [str(PROGRAM), "upgrade", "phase3", "-d", copy, "--phases", str(PHASES), "--json"]
        generic = [str(PROGRAM), "upgrade", "phase3", "-d", copy, "--phases", str(self.generic), "--json"]
        return {
            "floor": ["bash", "-c", f"cp {copy} {copy}.1 && sync {copy}.1 && cp {copy} {copy}.2 && sync {copy}.2 && cmp {copy}.1 {copy}.2"],
            "product": product,
            "product, in place": [*product, "--in-place"],
            "product, every row rewritten": generic,
            "hand-written script": [*python, HAND_WRITTEN, copy, str(self.rebuild.with_suffix(".json"))],
            "Alembic batch": [*python, ALEMBIC, copy],
            "sqlite-utils transform": [*python, SQLITE_UTILS, copy],
            "12 steps in sqlite3": ["sqlite3", "-bail", copy, f".read {self.rebuild}"],
            "12 steps in sqlite3, every row rewritten": ["sqlite3", "-bail", copy, f".read {self.rewritten}"],
            "native ALTER": ["sqlite3", "-bail", copy, f".read {self.native}"],
        }

    def fresh(self, cold):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copyfile(self.source, self.copy)
        os.sync()
        if cold:
            with self.copy.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def measure(self, command, cold):
        self.fresh(cold)
        output = self.folder / "output"
        with output.open("wb") as sink:
            started = time.perf_counter()
            child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, cwd=self.folder)
            watch = Watch(self.folder)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - started
            peak = watch.stop()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{command[:2]} failed:\n{output.read_text()[-2000:]}")
        found = {
            "seconds": seconds,
            "memory": usage.ru_maxrss / 1024,
            "written": usage.ru_oublock * 512 / 1e6,
            "processor": usage.ru_utime + usage.ru_stime,
            "peak": peak / 1e6,
            "final": self.copy.stat().st_size / 1e6,
        }
        if command[0] == str(PROGRAM):
            stages = json.loads(output.read_text()).get("stages") or {}
            found.update({f"stage {name}": value for name, value in stages.items()})
            # Start, look, old rows against new rules, report: what no stage counts.
            found["stage before and after"] = seconds - sum(stages.values())
        return found


def table(rows, results, size):
    floor = statistics.median(it["seconds"] for it in results.get("floor", [{"seconds": float("nan")}]))
    lines = [
        f"### {rows:,} files, {size / 1e6:.0f} MB",
        "",
        "| what is done | seconds | spread | ratio to floor | processor | peak memory, MB | written, MB | peak disk, MB | final file, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        times = [run["seconds"] for run in runs]
        lines.append(
            f"| {name} | {middle['seconds']:.2f} | {min(times):.2f} to {max(times):.2f} | {middle['seconds'] / floor:.2f} "
            f"| {middle['processor']:.2f} | {middle['memory']:.0f} | {middle['written']:.0f} | {middle['peak']:.0f} | {middle['final']:.0f} |"
        )
        for key in middle:
            if key.startswith("stage "):
                lines.append(f"| … {key[6:]} | {middle[key]:.2f} | | {middle[key] / floor:.2f} | | | | | |")
    return "\n".join(lines) + "\n"


COLOURS = ["#000000", "#c0392b", "#e67e22", "#8e44ad", "#2980b9", "#16a085", "#27ae60", "#7f8c8d", "#d4ac0d", "#5d6d7e"]


def plot(medians):
    """Draws seconds over rows, both on logarithmic scales, as SVG: {name: {rows: seconds}}."""
    from math import ceil, floor, log10

    rows = sorted({it for points in medians.values() for it in points})
    times = [it for points in medians.values() for it in points.values()]
    left, right = floor(log10(rows[0])), ceil(log10(rows[-1]))
    low, high = floor(log10(min(times))), ceil(log10(max(times)))
    across = lambda count: 60 + 500 * (log10(count) - left) / max(right - left, 1)
    up = lambda seconds: 380 - 350 * (log10(seconds) - low) / max(high - low, 1)
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 420" font-family="sans-serif" font-size="12">',
             '<rect width="860" height="420" fill="white"/>']
    for power in range(left, right + 1):
        x = across(10**power)
        lines.append(f'<path d="M{x:.0f} 30V380" stroke="#ddd"/><text x="{x:.0f}" y="398" text-anchor="middle">{10**power:,}</text>')
    for power in range(low, high + 1):
        y = up(10**power)
        lines.append(f'<path d="M60 {y:.0f}H560" stroke="#ddd"/><text x="54" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>')
    lines.append('<text x="310" y="414" text-anchor="middle">files in the catalogue</text>')
    for number, (name, points) in enumerate(medians.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(count):.1f},{up(points[count]):.1f}" for count in sorted(points))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{across(it):.1f}" cy="{up(points[it]):.1f}" r="3" fill="{colour}"/>' for it in points]
        y = 40 + 18 * number
        lines.append(f'<path d="M580 {y}h20" stroke="{colour}" stroke-width="2"/><text x="606" y="{y + 4}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rows", default="12456,250000", help="numbers of files, separated by commas")
    parser.add_argument("--runs", type=int, default=5, help="how often each tool runs")
    parser.add_argument("--only", help="names or parts of names of the tools to run")
    parser.add_argument("--out", type=Path, help="a file for the tables")
    parser.add_argument("--plot", type=Path, help="a file for the plot, SVG")
    parser.add_argument("--cold", action="store_true", help="drop the copy from the cache before each run")
    options = parser.parse_args()
    text, medians = "", {}
    for rows in (int(it) for it in options.rows.split(",")):
        bench = Bench(rows)
        wanted = options.only.split(",") if options.only else [""]
        commands = {name: it for name, it in bench.contenders().items() if any(part in name for part in wanted)}
        results = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                results[name].append(bench.measure(command, options.cold))
        shutil.rmtree(bench.folder, ignore_errors=True)
        for name, runs in results.items():
            medians.setdefault(name, {})[rows] = statistics.median(it["seconds"] for it in runs)
        part = table(rows, results, bench.source.stat().st_size)
        print(part, flush=True)
        text += part + "\n"
    if options.plot:
        options.plot.write_text(plot(medians))
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
