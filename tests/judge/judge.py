#!/usr/bin/env python3
"""Judges a migration of an SQLite file without trusting the program that made it.

Shares no code with phaseshift: rows are read with Python's sqlite3, and the expected schema is made by
SQLite's own ALTER TABLE in memory. Runs on Python 3.9 and later, without other packages.

    judge.py compare BEFORE AFTER [--renames FILE] [--ignore-tables a,b] [--text exact|tokens]
    judge.py digest FILE
    judge.py planted

compare prints one line for each failed check and exits with 1 if there is one, otherwise with 0; with 2
if it could not judge. planted damages copies in many ways and checks that each damage is noticed.

The renames file is JSON; every key may be left out:

    {"tables":  {"sessions": "imaging_sessions"},
     "columns": {"imaging_sessions": {"session_id": "id"}},      by the table's new name
     "indexes": {"idx_session": "idx_fits_imaging_session"},
     "alter":   ["ALTER TABLE sessions RENAME TO imaging_sessions", ...],
     "views":   {"v": {"session_id": "id"}},                     output columns that may change
     "statistics": "carry" | "analyze",
     "changed": ["process_log"],                                 tables whose rows may differ
     "text": "exact" | "tokens"}                                 the default of --text

`alter` may hold any statements that change the schema (CREATE, DROP and ADD COLUMN too): what they make
of BEFORE's schema is what AFTER must have. Indexes are renamed through "indexes", because SQLite cannot.
`--text tokens` lets the stored SQL differ in the quoting of names, and in nothing else.
"""

import argparse
import hashlib
import json
import os
import re
import sqlite3
import sys
from collections import Counter
from urllib.parse import quote as url_quote

sys.dont_write_bytecode = True  # judging leaves nothing in the source tree

HEADER_JOURNAL = slice(18, 20)
PRAGMAS = ["user_version", "application_id", "page_size", "encoding", "auto_vacuum"]
CHUNK = 500
SHOWN = 5
TOKEN = re.compile(
    r"""(?P<keep>'(?:[^']|'')*'|--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|"(?P<double>(?:[^"]|"")*)"|`(?P<tick>(?:[^`]|``)*)`|\[(?P<square>[^\]]*)\]""",
    re.S,
)


# --- reading ---------------------------------------------------------------------------------------


def open_file(path):
    """Opens a file for reading only, and leaves no -shm or -wal behind where there was none."""
    if not os.path.isfile(path):
        raise SystemExit("judge: no such file: %s" % path)
    beside = [path + "-wal", path + "-journal"]
    alone = not any(os.path.exists(name) and os.path.getsize(name) for name in beside)
    mode = "mode=ro&immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect("file:%s?%s" % (url_quote(os.path.abspath(path)), mode), uri=True)
    # TEXT arrives as bytearray and BLOB as bytes, both undecoded: repr() tells them apart.
    connection.text_factory = bytearray
    connection.execute("PRAGMA query_only = ON")
    return connection


def name_of(value):
    return None if value is None else bytes(value).decode("utf-8", "surrogateescape")


def fold(name):
    """Folds A to Z only, as SQLite does."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def plain(row):
    """Turns text in a row of a pragma into str."""
    return tuple(name_of(v) if isinstance(v, (bytes, bytearray)) else v for v in row)


def pragma(db, name, argument=None):
    sql = "PRAGMA %s" % name if argument is None else "PRAGMA %s(%s)" % (name, quoted(argument))
    return [plain(row) for row in db.execute(sql)]


class Thing:
    """One row of sqlite_master."""

    def __init__(self, kind, name, table, sql):
        self.kind, self.name, self.table, self.sql = kind, name, table, sql


def things(db):
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid")
    return [Thing(*map(name_of, row)) for row in rows]


def internal(name):
    return fold(name).startswith("sqlite_")


def of_kind(db, kind, ignored):
    found = [t for t in things(db) if t.kind == kind and not internal(t.name)]
    return {fold(t.name): t for t in found if fold(t.table) not in ignored}


def is_virtual(thing):
    return re.match(r"\s*create\s+virtual\b", thing.sql or "", re.I) is not None


def columns(db, table):
    """Names of the columns that a SELECT may name, generated ones included."""
    return [row[1] for row in pragma(db, "table_xinfo", table) if row[6] != 1]


def without_rowid(db, table):
    if sqlite3.sqlite_version_info >= (3, 37, 0):
        for row in pragma(db, "table_list", table):
            if fold(row[0]) == "main":
                return bool(row[4])
    try:
        db.execute("SELECT rowid FROM %s LIMIT 0" % quoted(table))
        return False
    except sqlite3.Error:
        return True


def rowid_name(db, table):
    """The name by which the rowid can be read, or None: columns may hide all three."""
    if without_rowid(db, table):
        return None
    taken = {fold(name) for name in columns(db, table)}
    return next((n for n in ("rowid", "_rowid_", "oid") if n not in taken), None)


# --- renames ---------------------------------------------------------------------------------------


class Renames:
    def __init__(self, document):
        known = {"tables", "columns", "indexes", "alter", "views", "statistics", "changed", "text"}
        unknown = set(document) - known
        if unknown:
            raise SystemExit("judge: unknown key in renames: %s" % ", ".join(sorted(unknown)))
        self.tables = {fold(a): b for a, b in document.get("tables", {}).items()}
        self.behind = {}
        self.columns = self._nested(document.get("columns", {}))
        self.indexes = {fold(a): b for a, b in document.get("indexes", {}).items()}
        self.views = self._nested(document.get("views", {}))
        self.alter = list(document.get("alter", []))
        self.analyze = document.get("statistics", "carry") == "analyze"
        self.text = document.get("text", "exact")
        self.changed = {fold(name) for name in document.get("changed", [])}

    @staticmethod
    def _nested(document):
        return {fold(t): {fold(a): b for a, b in c.items()} for t, c in document.items()}

    def table(self, old):
        if fold(old) in self.tables:
            return self.tables[fold(old)]
        # The tables behind a virtual table take its name with them.
        owner = self.behind.get(fold(old))
        if owner in self.tables:
            return self.tables[owner] + old[len(owner) :]
        return old

    def column(self, new_table, old):
        return self.columns.get(fold(new_table), {}).get(fold(old), old)

    def index(self, old):
        if old is None:
            return None
        automatic = re.match(r"(?is)sqlite_autoindex_(.*)_(\d+)\Z", old)
        if automatic:
            return "sqlite_autoindex_%s_%s" % (self.table(automatic[1]), automatic[2])
        # For a table without indexes, and WITHOUT ROWID keys, sqlite_stat1 names the table instead.
        return self.indexes.get(fold(old), self.tables.get(fold(old), old))


# --- the expected schema ---------------------------------------------------------------------------


def view_columns(db, view):
    cursor = db.execute("SELECT * FROM %s LIMIT 0" % quoted(view))
    return [c[0] if isinstance(c[0], str) else name_of(c[0]) for c in cursor.description]


def stand_in(db, view):
    """A view with the same output columns that reads nothing: no ALTER can trip over it."""
    try:
        names = view_columns(db, view)
    except sqlite3.Error:
        names = ["broken"]
    nulls = ", ".join("NULL AS %s" % quoted(name) for name in names)
    return "CREATE VIEW %s AS SELECT %s" % (quoted(view), nulls)


def expected_schema(before, renames, ignored):
    """Copies BEFORE's schema into memory and lets SQLite's own ALTER TABLE change it."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.text_factory = bytearray
    db.execute("PRAGMA foreign_keys = OFF")
    order = ["table", "index", "view", "trigger"]
    everything = sorted(things(before), key=lambda t: (order.index(t.kind), not is_virtual(t)))
    for thing in everything:
        if thing.sql is None or internal(thing.name) or fold(thing.table) in ignored:
            continue
        if of_kind(db, thing.kind, set()).get(fold(thing.name)):
            continue  # a shadow table that its virtual table has made
        db.execute(stand_in(before, thing.name) if thing.kind == "view" else thing.sql)
    upserts = {fold(t.name): t.sql for t in things(db) if t.kind == "trigger" and UPSERT_ROW.search(t.sql)}
    for sql in renames.alter:
        db.execute(sql)
    mend_upserts(db, upserts)
    rename_indexes(db, renames)
    return db


UPSERT_ROW = re.compile(r"(?i)\bexcluded\.")


def mend_upserts(db, upserts):
    """SQLite's RENAME TABLE writes the new name of the table in the place of `excluded`, which means another row."""
    for thing in things(db):
        old = upserts.get(fold(thing.name)) if thing.kind == "trigger" else None
        if old is None:
            continue
        qualifiers = re.compile(r"""("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\w+)(?=\.)""")
        before = iter([match[1] for match in qualifiers.finditer(old)])

        def kept(match):
            was = next(before, match[1])
            return was if fold(was) == "excluded" else match[1]

        text = qualifiers.sub(kept, thing.sql)
        if text != thing.sql:
            db.execute("DROP TRIGGER %s" % quoted(thing.name))
            db.execute(text)


def rename_indexes(db, renames):
    for thing in things(db):
        if thing.kind == "index" and thing.sql and fold(thing.name) in renames.indexes:
            new = renames.indexes[fold(thing.name)]
            head = re.compile(
                r"""(?is)\A(create\s+(?:unique\s+)?index\s+)("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[^\s("]+)"""
            )
            match = head.match(thing.sql)
            word = quoted(new) if match[2][0] in '"`[' else new
            db.execute("DROP INDEX %s" % quoted(thing.name))
            db.execute(match[1] + word + thing.sql[match.end() :])


def unquoted(sql):
    """Takes the quotes off names; text, comments and spaces stay as they are."""

    def bare(match):
        if match["keep"] is not None:
            return match["keep"]
        return next(match[g] for g in ("double", "tick", "square") if match[g] is not None)

    return TOKEN.sub(bare, sql)


STRING = re.compile(
    r"""--[^\n]*|/\*.*?\*/|(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")""", re.DOTALL
)


def with_stored_strings(expected, found):
    """SQLite's RENAME turns "text" into 'text' in the whole file. Who leaves it as it was stored is right,
    too: each such string of the expected text takes the double quotes that the found text has there.
    """
    wanted = [m for m in STRING.finditer(expected) if m["string"]]
    there = [m["string"] for m in STRING.finditer(found) if m["string"]]
    if len(wanted) != len(there):
        return expected
    parts, end = [], 0
    for match, string in zip(wanted, there):
        text = match["string"]
        if text[0] == "'" and string == '"%s"' % text[1:-1]:
            text = string
        parts += [expected[end : match.start()], text]
        end = match.end()
    return "".join(parts) + expected[end:]


# --- the judge -------------------------------------------------------------------------------------


class Judge:
    def __init__(self, before, after, renames, ignored=(), text=None):
        self.paths = (before, after)
        self.renames = Renames(renames)
        self.ignored = {fold(name) for name in ignored}
        self.text = text or self.renames.text
        self.failures = []
        self.before = open_file(before)
        self.after = open_file(after)
        if sqlite3.sqlite_version_info >= (3, 37, 0):
            listed = self.before.execute("SELECT name FROM pragma_table_list WHERE type = 'shadow'")
            virtual = [
                name for name, thing in of_kind(self.before, "table", ()).items() if is_virtual(thing)
            ]
            for row in listed:
                name = fold(name_of(row[0]))
                owners = [it for it in virtual if name.startswith(it + "_")]
                self.renames.behind[name] = max(owners, key=len, default=None)
        self.expected = expected_schema(self.before, self.renames, self.ignored)

    def fail(self, check, detail):
        self.failures.append("%s: %s" % (check, detail))

    def equal(self, check, expected, found):
        if expected != found:
            self.fail(check, "expected %s, found %s" % (short(expected), short(found)))
            return False
        return True

    def run(self):
        checks = [self.check_objects, self.check_shapes, self.check_rows, self.check_views]
        checks += [self.check_sequences, self.check_statistics, self.check_health, self.check_file]
        for check in checks:
            try:
                check()
            except sqlite3.Error as error:
                self.fail("AFTER cannot be read", error)
                break
        for db in (self.before, self.after, self.expected):
            db.close()
        return self.failures

    # (b) schema

    def check_objects(self):
        for kind in ("table", "index", "view", "trigger"):
            want = of_kind(self.expected, kind, self.ignored)
            have = of_kind(self.after, kind, self.ignored)
            for name in sorted(set(want) - set(have)):
                self.fail("schema", "%s %s is missing" % (kind, want[name].name))
            for name in sorted(set(have) - set(want)):
                self.fail("schema", "%s %s is new" % (kind, have[name].name))
            for name in sorted(set(want) & set(have)):
                self.check_object(want[name], have[name])

    def check_object(self, want, have):
        label = "schema of %s %s" % (want.kind, want.name)
        self.equal(label, want.name, have.name)
        self.equal(label, fold(want.table), fold(have.table))
        if want.kind == "view":
            return
        wanted, found = want.sql, have.sql
        if wanted and found:
            wanted = with_stored_strings(wanted, found)
        if self.text == "tokens" and wanted and found:
            wanted, found = unquoted(wanted), unquoted(found)
        if wanted != found:
            self.fail(label, "the stored SQL differs: %s" % first_difference(wanted, found))

    def check_shapes(self):
        have = of_kind(self.after, "table", self.ignored)
        for name, thing in of_kind(self.expected, "table", self.ignored).items():
            if name not in have:
                continue
            for what in ("table_xinfo", "foreign_key_list", "index_list"):
                self.equal(
                    "%s of %s" % (what, thing.name),
                    self.shape(self.expected, what, thing.name),
                    self.shape(self.after, what, thing.name),
                )
            self.equal(
                "WITHOUT ROWID and STRICT of %s" % thing.name,
                table_kind(self.expected, thing.name),
                table_kind(self.after, thing.name),
            )

    @staticmethod
    def shape(db, what, table):
        rows = pragma(db, what, table)
        if what != "index_list":
            return rows
        # The order of indexes follows their creation and means nothing; automatic ones are numbered.
        shapes = [(fold(r[1]), r[2], r[3], r[4], pragma(db, "index_xinfo", r[1])) for r in rows]
        return sorted(shapes, key=repr)

    # (a) rows

    def check_rows(self):
        have = of_kind(self.after, "table", self.ignored)
        wanted = of_kind(self.expected, "table", self.ignored)
        for thing in of_kind(self.before, "table", self.ignored).values():
            new = self.renames.table(thing.name)
            if fold(new) not in wanted or fold(new) in self.renames.changed:
                continue
            if fold(new) not in have:
                continue  # reported as missing
            try:
                self.check_table(thing.name, new)
            except sqlite3.Error as error:
                if is_virtual(thing):
                    continue  # its shadow tables are compared as tables
                self.fail("rows of %s" % new, "cannot be compared: %s" % error)

    def check_table(self, old, new):
        kept = {fold(name) for name in columns(self.expected, new)}
        present = {fold(name) for name in columns(self.after, new)}
        pairs = [(name, self.renames.column(new, name)) for name in columns(self.before, old)]
        pairs = [(a, b) for a, b in pairs if fold(b) in kept]
        lost = [b for _, b in pairs if fold(b) not in present]
        if lost:
            self.fail("rows of %s" % new, "%d columns are gone: %s" % (len(lost), ", ".join(lost)))
            pairs = [(a, b) for a, b in pairs if fold(b) in present]
        left = self.select(self.before, old, [a for a, _ in pairs])
        right = self.select(self.after, new, [b for _, b in pairs])
        names = ["rowid"] * left[1] + [b for _, b in pairs]
        if left[1] != right[1]:
            self.fail("rows of %s" % new, "one side has rowids, the other has not")
            return
        self.compare_rows("rows of %s" % new, names, left[0], right[0])

    @staticmethod
    def select(db, table, names):
        """Reads all rows in the order of their key; says whether the first value is the rowid."""
        rowid = rowid_name(db, table)
        listed = [quoted(n) for n in names]
        if rowid:
            listed.insert(0, rowid)
        # NOT INDEXED without ORDER BY walks the table itself; WITHOUT ROWID is then in key order.
        tail = " ORDER BY %s" % rowid if rowid else ""
        sql = "SELECT %s FROM %s NOT INDEXED%s" % (", ".join(listed) or "1", quoted(table), tail)
        return db.execute(sql), rowid is not None

    def compare_rows(self, check, names, left, right):
        number = 0
        while True:
            a, b = left.fetchmany(CHUNK), right.fetchmany(CHUNK)
            # repr() keeps apart 1 and 1.0, 0.0 and -0.0, text and blob, and shows every bit of a float.
            if repr(a) != repr(b):
                self.show_difference(check, names, number, a, b)
                return
            if not a:
                return
            number += len(a)

    def show_difference(self, check, names, number, a, b):
        for index, (x, y) in enumerate(zip(a, b)):
            for name, p, q in zip(names, x, y):
                if repr(p) != repr(q):
                    row = "row %d (%s)" % (number + index + 1, short(x[0]))
                    detail = "%s: expected %s, found %s" % (name, short(p), short(q))
                    self.fail(check, "%s, %s" % (row, detail))
                    return
        self.fail(check, "%d rows here against %d at row %d" % (len(b), len(a), number + 1))

    # views

    def check_views(self):
        have = of_kind(self.after, "view", self.ignored)
        wanted = of_kind(self.expected, "view", self.ignored)
        for name, thing in of_kind(self.before, "view", self.ignored).items():
            if name not in have or name not in wanted:
                continue
            label = "view %s" % thing.name
            try:
                names = view_columns(self.before, thing.name)
            except sqlite3.Error:
                continue  # it was broken, or Python lacks a function: nothing to compare with
            try:
                found = view_columns(self.after, thing.name)
                map_ = self.renames.views.get(name, {})
                self.equal(label + " columns", [map_.get(fold(n), n) for n in names], found)
                if self.renames.changed:
                    continue
                self.check_view_rows(label, thing.name)
            except sqlite3.Error as error:
                self.fail(label, "cannot be read any more: %s" % error)

    def check_view_rows(self, label, view):
        sql = "SELECT * FROM %s" % quoted(view)
        try:
            left = Counter(map(repr, self.before.execute(sql)))
        except sqlite3.Error:
            return
        right = Counter(map(repr, self.after.execute(sql)))
        if left != right:
            lost, new = left - right, right - left
            examples = [next(iter(side), "-")[:160] for side in (lost, new)]
            counts = (sum(lost.values()), sum(new.values()))
            self.fail(label, "%d rows lost, %d new; %s / %s" % (*counts, *examples))

    # (c) sequences and statistics

    def check_sequences(self):
        left = internal_rows(self.before, "sqlite_sequence", self.ignored)
        right = internal_rows(self.after, "sqlite_sequence", self.ignored)
        wanted = set(of_kind(self.expected, "table", self.ignored))
        mapped = [(self.renames.table(row[0]), *row[1:]) for row in left]
        mapped = [row for row in mapped if fold(row[0]) in wanted]
        self.equal_rows("sqlite_sequence", mapped, right)

    def check_statistics(self):
        for table in ("sqlite_stat1", "sqlite_stat4"):
            left = internal_rows(self.before, table, self.ignored)
            right = internal_rows(self.after, table, self.ignored)
            mapped = [
                (self.renames.table(row[0]), self.renames.index(row[1]), *row[2:]) for row in left
            ]
            if self.renames.analyze:
                mapped = sorted({(row[0],) for row in mapped})
                right = sorted({(row[0],) for row in right})
            self.equal_rows(table, mapped, right)

    def equal_rows(self, check, wanted, found):
        left, right = Counter(map(repr, wanted)), Counter(map(repr, found))
        for what, rows in (("lost", left - right), ("new", right - left)):
            for row in list(rows)[:SHOWN]:
                self.fail(check, "row %s: %s" % (what, row[:200]))
            if len(rows) > SHOWN:
                self.fail(check, "%d more rows %s" % (len(rows) - SHOWN, what))

    # (d) health

    def check_health(self):
        found = integrity(self.after)
        if found != ["ok"] and found != integrity(self.before):
            self.fail("integrity_check", "; ".join(found[:5]))
        left, right = violations(self.before, self.ignored), violations(self.after, self.ignored)
        if left is None:
            return  # BEFORE has a mismatched foreign key, so SQLite cannot check it
        if right is None:
            self.fail("foreign_key_check", "cannot be run any more: foreign key mismatch")
            return
        mapped = Counter()
        for (table, rowid, parent, names), count in left.items():
            new = self.renames.table(table)
            mapped_names = tuple(self.renames.column(new, n) for n in names)
            mapped[(new, rowid, self.renames.table(parent), mapped_names)] += count
        if mapped != right:
            lost, new = sum((mapped - right).values()), sum((right - mapped).values())
            self.fail("foreign_key_check", "%d violations new, %d gone" % (new, lost))

    # (e) the file

    def check_file(self):
        for name in PRAGMAS:
            self.equal(name, pragma(self.before, name), pragma(self.after, name))
        headers = []
        for path in self.paths:
            with open(path, "rb") as file:
                headers.append(file.read(100)[HEADER_JOURNAL])
        self.equal("journal_mode (header bytes 18 and 19)", headers[0], headers[1])


def short(value):
    shown = repr(value)
    return shown if len(shown) <= 240 else "%s... (%d characters)" % (shown[:240], len(shown))


def first_difference(wanted, found):
    wanted, found = wanted or "", found or ""
    at = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), min(len(wanted), len(found)))
    begin = max(0, at - 20)
    return "expected ...%r, found ...%r" % (wanted[begin : at + 60], found[begin : at + 60])


def table_kind(db, table):
    if sqlite3.sqlite_version_info < (3, 37, 0):
        return without_rowid(db, table)
    return [row[2:6] for row in pragma(db, "table_list", table) if fold(row[0]) == "main"]


def internal_rows(db, table, ignored):
    try:
        rows = db.execute("SELECT * FROM %s" % table).fetchall()
    except sqlite3.Error:
        return []
    named = [tuple(name_of(v) if isinstance(v, bytearray) else v for v in row) for row in rows]
    # sqlite_stat1 has rows about the schema tables themselves in some versions: nobody promised them.
    return [r for r in named if r[0] is None or not (internal(r[0]) or fold(r[0]) in ignored)]


def integrity(db):
    try:
        return [name_of(row[0]) for row in db.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        return ["cannot be run: %s" % error]


def violations(db, ignored):
    """Counts violations as (table, rowid, parent, columns); None if SQLite cannot check."""
    found = Counter()
    keys = {}
    try:
        for table, rowid, parent, key in pragma(db, "foreign_key_check"):
            if fold(table) in ignored:
                continue
            if table not in keys:
                keys[table] = {}
                for row in pragma(db, "foreign_key_list", table):
                    keys[table].setdefault(row[0], []).append(row[3])
            found[(table, rowid, parent, tuple(keys[table].get(key, ())))] += 1
    except sqlite3.Error:
        return None
    return found


# --- digest ----------------------------------------------------------------------------------------


def digest(path):
    """A digest of the schema and of all rows, the same for files with the same content."""
    db = open_file(path)
    total = hashlib.sha256()
    listed = sorted((t.kind, t.name, t.table, t.sql or "") for t in things(db))
    total.update(repr(listed).encode())
    for name in PRAGMAS:
        total.update(repr((name, pragma(db, name))).encode())
    for kind, name, _, sql in listed:
        if kind != "table" or is_virtual(Thing(kind, name, name, sql)):
            continue
        total.update(repr(name).encode())
        for row in Judge.select(db, name, columns(db, name))[0]:
            total.update(repr(row).encode())
            total.update(b"\n")
    db.close()
    return total.hexdigest()


# --- the command line ------------------------------------------------------------------------------


def compare(before, after, renames=None, ignored=(), text=None):
    """Returns the failed checks, one line each; empty means that AFTER is right."""
    return Judge(before, after, renames or {}, ignored, text).run()


def planted():
    import unittest

    folder = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(folder, pattern="test_judge.py")
    return 0 if unittest.TextTestRunner(verbosity=1).run(suite).wasSuccessful() else 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("before")
    comparing.add_argument("after")
    comparing.add_argument("--renames", metavar="FILE")
    comparing.add_argument("--ignore-tables", default="", metavar="A,B")
    comparing.add_argument("--text", choices=["exact", "tokens"])
    commands.add_parser("digest").add_argument("file")
    commands.add_parser("planted")
    return parser.parse_args()


def main():
    chosen = arguments()
    if chosen.command == "planted":
        return planted()
    try:
        if chosen.command == "digest":
            print(digest(chosen.file))
            return 0
        renames = {}
        if chosen.renames:
            with open(chosen.renames, encoding="utf-8") as file:
                renames = json.load(file)
        ignored = [name for name in chosen.ignore_tables.split(",") if name]
        failures = compare(chosen.before, chosen.after, renames, ignored, chosen.text)
    except (sqlite3.Error, OSError, ValueError) as error:
        print("judge: cannot judge: %s" % error, file=sys.stderr)
        return 2
    for line in failures:
        print(line.encode("utf-8", "backslashreplace").decode())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
