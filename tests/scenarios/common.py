"""A scenario: a database, phases, a run of the program, and what plain SQL says about the result."""

import collections
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess

VERSION_TABLES = ("schema_version", "phase_history")


class Wrong(Exception):
    """The program ended with success, or refused, and what it left is not right."""


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def toml(text):
    return json.dumps(text, ensure_ascii=False)


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA foreign_keys = OFF")
    return db


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Step:
    """One step of a phase file."""

    def __init__(self, op, **keys):
        self.op, self.keys = op, keys

    def text(self):
        lines = ["[[up]]", "op = " + toml(self.op)]
        for key, value in self.keys.items():
            key = key.rstrip("_")
            if isinstance(value, bool):
                lines.append("%s = %s" % (key, "true" if value else "false"))
            elif isinstance(value, dict):
                pairs = ", ".join("%s = %s" % (toml(k), toml(v)) for k, v in value.items())
                lines.append("%s = { %s }" % (key, pairs))
            else:
                lines.append("%s = %s" % (key, toml(value)))
        return "\n".join(lines) + "\n"


class Run:
    """How one call of the program ended."""

    def __init__(self, process):
        self.code, self.stdout, self.stderr = process.returncode, process.stdout, process.stderr
        try:
            self.json = json.loads(process.stdout)
        except ValueError:
            self.json = None

    def why(self):
        error = (self.json or {}).get("error") or {}
        return "%s: %s" % (error.get("message", self.stderr.strip()[-300:]), "; ".join(error.get("causes", [])[:3]))


class Scenario:
    """A folder of its own with a database `app.db`, a copy `before.db`, and phases."""

    def __init__(self, chance, folder, program):
        self.chance, self.folder, self.program = chance, folder, program
        self.database, self.before = self.path("app.db"), self.path("before.db")
        self.phases = 0
        self.notes = []
        os.makedirs(self.path("phases"))
        os.makedirs(self.path("home"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def note(self, text):
        """Says what the case is made of, for a person who has to understand it."""
        self.notes.append(text)

    def make(self, script):
        self.note(script)
        db = sqlite3.connect(self.database)
        db.executescript(script)
        db.commit()
        db.close()
        self.remember()

    def remember(self):
        shutil.copyfile(self.database, self.before)

    def phase(self, steps, head=""):
        self.phases += 1
        name = "p%03d" % self.phases
        text = head + "\n" + "\n".join(step.text() for step in steps)
        self.note("--- %s\n%s" % (name, text))
        with open(self.path("phases/%s.toml" % name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *arguments, database=None, json_=True):
        command = [self.program, "-d", database or self.database, "--phases", self.path("phases")]
        command += ["--no-input", "--progress", "none"] + (["--json"] if json_ else []) + list(arguments)
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.path("home"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        self.note("$ phaseshift " + " ".join(arguments))
        done = subprocess.run(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        return Run(done)

    def upgrade(self, *arguments):
        """Returns "done", "refused" or "rolled back"; anything else, or a refusal that changed a byte, is wrong."""
        held = contents(self.database)
        bytes_ = digest(self.database)
        run = self.run("upgrade", *arguments)
        self.last = run
        if run.code == 0:
            return "done"
        self.note("%d %s" % (run.code, run.why()))
        if run.code not in (4, 6):
            raise Wrong("exit %d: %s %s" % (run.code, run.stdout[-600:], run.stderr[-600:]))
        if run.code == 4 and not self.is_named(run):
            raise Wrong("refused without the name of a table, column, index, view or trigger: %s" % run.why())
        if "--per-phase" not in arguments and run.code == 4 and digest(self.database) != bytes_:
            raise Wrong("refused, but bytes of the file changed")
        if "--per-phase" not in arguments and contents(self.database) != held:
            raise Wrong("exit %d, but the content changed" % run.code)
        return "refused" if run.code == 4 else "rolled back"


    def is_named(self, run):
        """Whether a refusal names something of the file, or something that a statement of a phase makes."""
        error = (run.json or {}).get("error") or {}
        said = [error.get("message"), error.get("object"), *error.get("causes", []), *error.get("problems", [])]
        words = set(WORD.findall(" ".join(text for text in said if text).lower()))
        db = connect(self.database)
        names = {name.lower() for _, name in objects(db)}
        for name, in db.execute("SELECT c.name FROM sqlite_master m, pragma_table_info(m.name) c").fetchall():
            names.add(name.lower())
        db.close()
        for file in os.listdir(self.path("phases")):
            with open(self.path("phases/" + file), encoding="utf-8") as text:
                names.update(name.lower() for pair in MADE.findall(text.read()) for name in pair if name)
        return bool(words & names)


# A name in a message, and one that a statement or a step gives.
WORD = re.compile(r"[a-z_0-9]+")
MADE = re.compile(r'(?:TABLE|INDEX|VIEW|TRIGGER|TO|COLUMN|EXISTS) \\?"?(\w+)|^(?:to|table|column|index|view|trigger) = "(?:\w+ )?(\w+)', re.M)


def objects(db, own=VERSION_TABLES):
    """The objects of a file as (type, name) -> (table, text), without the version tables."""
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(t, n): (o, s) for t, n, o, s in rows if o not in own and n not in own}


def is_shadow(db):
    return {name for name, in db.execute("SELECT name FROM pragma_table_list WHERE type = 'shadow'")}


def rows(db, table, columns="*"):
    """The rows of a table with storage classes, as a multiset."""
    return collections.Counter(
        tuple((type(v).__name__, v) for v in row) for row in db.execute("SELECT %s FROM %s" % (columns, quote(table)))
    )


def contents(path):
    """Everything in a file: texts and rows with their rowids where they have a name."""
    db = connect(path)
    db.text_factory = bytes
    found = {}
    try:
        for key, (_, text) in objects(db, own=()).items():
            found[key] = text
            kind, name = (part.decode() if isinstance(part, bytes) else part for part in key)
            if kind == "table":
                try:
                    found[key, "rows"] = rows(db, name, "rowid, *")
                except sqlite3.Error:
                    found[key, "rows"] = rows(db, name)
        found["sequence"] = sorted(rows(db, "sqlite_sequence")) if any(b"AUTOINCREMENT" in (t or b"").upper() for t in
            (v for k, v in found.items() if len(k) == 2 and not isinstance(k[0], tuple)) if isinstance(t, bytes)) else None
    finally:
        db.close()
    return found


def same_text(sql):
    """A text without spacing and without the quotes that SQLite puts around names."""
    if sql is None:
        return None
    return "".join(sql.split()).replace('"', "").replace("`", "").replace("[", "").replace("]", "").lower()


def expect(condition, text):
    if not condition:
        raise Wrong(text)


def expect_same(wanted, found, what):
    if wanted == found:
        return
    if isinstance(wanted, collections.Counter):
        gone, come = list((wanted - found).items())[:3], list((found - wanted).items())[:3]
        raise Wrong("%s: gone %r, come %r" % (what, gone, come))
    if isinstance(wanted, dict):
        keys = [key for key in sorted(set(wanted) | set(found), key=repr) if wanted.get(key) != found.get(key)]
        detail = ["%r: wanted %r, found %r" % (key, wanted.get(key), found.get(key)) for key in keys[:3]]
        raise Wrong("%s: %s" % (what, "; ".join(detail)))
    raise Wrong("%s: wanted %r, found %r" % (what, wanted, found))


def integrity(path):
    db = connect(path)
    answer = [row[0] for row in db.execute("PRAGMA integrity_check")]
    db.close()
    expect(answer == ["ok"], "integrity_check: %s" % answer[:3])
