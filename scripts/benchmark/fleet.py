"""Phase 3 on many small files: this program, and what a person would write instead, in turn."""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

from . import peers
from .measure import PHASES, PROGRAM, small_catalogue

RECORD = "INSERT INTO schema_version(version, applied_at, description) VALUES (2, CURRENT_TIMESTAMP, 'Phase 3')"

SCRIPT = """
import json, shutil, sqlite3, sys
statements = json.load(open(sys.argv[1]))
for path in sys.argv[2:]:
    connection = sqlite3.connect(path, isolation_level=None)
    copy = sqlite3.connect(path + ".backup")
    connection.backup(copy)
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    copy.close()
    counts = lambda *tables: [connection.execute(f"SELECT count(*) FROM {it}").fetchone() for it in tables]
    before = counts("sessions", "fits_files")
    for statement in statements:
        connection.execute(statement)
    assert counts("imaging_sessions", "fits_files") == before
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("COMMIT")
    connection.close()
"""


def ways(folder, source):
    """The commands by name, run in a folder with `t/`; each makes a backup, checks it, and checks the result."""
    rebuild = peers.rebuild_sql(source)
    steps = ["PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE", *rebuild, RECORD]
    (folder / "steps.json").write_text(json.dumps(steps))
    checks = ["PRAGMA foreign_key_check", "PRAGMA integrity_check", "COMMIT"]
    (folder / "steps.sql").write_text(";\n".join([*steps, *checks]) + ";\n")
    (folder / "script.py").write_text(SCRIPT)
    upgrade = [str(PROGRAM), "upgrade", "phase3", "--quiet", "--phases", str(PHASES)]
    loop = lambda command: ["sh", "-c", f"for file in t/*/*.db; do {command} || exit 1; done"]
    by_hand = (
        'sqlite3 -bail "$file" ".backup \'$file.backup\'" && '
        'test "$(sqlite3 "$file.backup" "PRAGMA integrity_check")" = ok && '
        'test "$(sqlite3 -bail "$file" ".read steps.sql")" = ok'
    )
    script = [sys.executable, "script.py", "steps.json"]
    return {
        "`upgrade --all`": [*upgrade, "--all", "t"],
        "`upgrade --all --jobs 1`": [*upgrade, "--all", "t", "--jobs", "1"],
        "a shell loop over the tool": loop(" ".join(upgrade) + ' -d "$file"'),
        "a shell loop over `sqlite3`, twelve steps": loop(by_hand),
        "a Python script, twelve steps": ["sh", "-c", " ".join(script) + " t/*/*.db"],
    }


def judged(path):
    """Whether a file is at Phase 3 with all of its rows."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    version = database.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    rows = database.execute("SELECT count(*) FROM fits_files WHERE imaging_session_id IS NOT NULL").fetchone()[0]
    database.close()
    return version == 2 and rows > 0


def run(count, rounds):
    folder, source = small_catalogue("fleet")
    taken = {}
    for number in range(rounds):
        for name, command in ways(folder, source).items():
            shutil.rmtree(folder / "t", ignore_errors=True)
            for file in range(count):
                place = folder / "t" / f"{file:05}"
                place.mkdir(parents=True)
                shutil.copyfile(source, place / "data.db")
            os.sync()
            before, started = os.times(), time.perf_counter()
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            seconds, after = time.perf_counter() - started, os.times()
            if done.returncode != 0 or not all(map(judged, (folder / "t").glob("*/data.db"))):
                raise SystemExit(f"{name} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
            work = after.children_user - before.children_user + after.children_system - before.children_system
            taken.setdefault(name, []).append((seconds, work))
            print(f"round {number + 1}: {name}: {seconds:.1f} s, {work:.1f} s of processor", file=sys.stderr, flush=True)
    size = source.stat().st_size
    shutil.rmtree(folder)
    medians = {name: [statistics.median(it[part] for it in runs) for part in (0, 1)] for name, runs in taken.items()}
    first = next(iter(medians.values()))[1]
    lines = [
        f"{count} files of {size / 1e3:.0f} kB, {os.cpu_count()} cores, medians of {rounds} rounds in turn\n",
        "| way | files per second | processor per file | files per second and core | processor, as a multiple of the first |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (seconds, work) in medians.items():
        lines.append(
            f"| {name} | {count / seconds:.1f} | {work / count * 1e3:.1f} ms | {count / work:.0f} | {work / first:.2f} |"
        )
    return "\n".join(lines)
