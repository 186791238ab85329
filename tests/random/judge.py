#!/usr/bin/env python3
"""Judges random migrations, many in one run, without trusting the program that made them.

    judge.py < EXPECTATIONS > PROBLEMS

Each line of the input is one JSON document: paths of the file before and after, and what the generator
knows must come out (tests/random/case.rs). Each line of the output is a case's number, a tab, and one
problem. Rows are read with Python's sqlite3; computed values and defaults are made by plain SQL on the
file before; the expected schema is created in memory from the generator's own text.
"""

import collections
import json
import os
import re
import shutil
import sqlite3
import struct
import sys

VERSION_TABLES = {"schema_version", "phase_history"}
WORDS = ["one", "two", "dark", "abc", "it", "x"]
TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>--[^\n]*\n?|/\*.*?(?:\*/|\Z))|(?P<blob>[xX]'[0-9a-fA-F]*')"""
    r"""|(?P<text>'(?:[^']|'')*')|"(?P<double>(?:[^"]|"")*)"|`(?P<tick>(?:[^`]|``)*)`"""
    r"""|\[(?P<square>[^\]]*)\]|(?P<number>\d[\w.]*)|(?P<word>[^\W\d][\w$]*)|(?P<sign>.)""",
    re.S,
)


def fold(name):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def lend_parts(db):
    """What the file's own program has, and the migrating one lacks."""
    db.create_function("app_fn", 1, lambda value: value, deterministic=True)
    db.create_collation("app_order", lambda left, right: (left > right) - (left < right))
    return db


def memory():
    return lend_parts(sqlite3.connect(":memory:", isolation_level=None))


def connect(path):
    db = lend_parts(sqlite3.connect(path, isolation_level=None))
    db.text_factory = bytes
    db.execute("PRAGMA foreign_keys = OFF")
    return db


def decode(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def rows_of(db, sql, arguments=()):
    """Rows with text decoded: for names and pragmas, never for users' values."""
    return [tuple(decode(v) for v in row) for row in db.execute(sql, arguments)]


def tokens(sql, comments):
    """Tokens without the ways in which names are quoted."""
    found = []
    for match in TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        if kind == "space" or (kind == "comment" and not comments):
            continue
        if kind == "comment":
            found.append(("comment", text.strip()))
        elif kind == "double":
            found.append(("name", match.group("double").replace('""', '"')))
        elif kind == "tick":
            found.append(("name", match.group("tick").replace("``", "`")))
        elif kind == "square":
            found.append(("name", match.group("square")))
        elif kind == "word":
            found.append(("name", text))
        elif kind == "text" and text.startswith("'dqs "):
            # SQLite writes strings in double quotes anew when it renames columns.
            found.append(("name", text[1:-1]))
        else:
            found.append((kind, text))
    return found


def as_stored(sql):
    """The text that SQLite stores: without options, a comment behind the last bracket is not part of it."""
    fresh = memory()
    try:
        fresh.execute(sql)
        return fresh.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchone()[0]
    except sqlite3.Error:
        return sql
    finally:
        fresh.close()


def with_single_quotes(value):
    """A string in double quotes of the generator's texts as a phase has to write it: as a default, it means the same."""
    if isinstance(value, (list, tuple)):
        return type(value)(with_single_quotes(one) for one in value)
    if isinstance(value, str) and value.startswith('"dqs '):
        return "'%s'" % value[1:-1]
    return value


class Case:
    def __init__(self, spec):
        self.spec = spec
        self.problems = []
        copy = spec["before"] + "-data"
        for end in ("", "-wal"):
            if os.path.exists(spec["before"] + end):
                shutil.copyfile(spec["before"] + end, copy + end)
        self.untouched = connect(spec["before"])
        self.before = connect(copy)
        self.after = connect(spec["after"])

    def problem(self, text):
        self.problems.append(text)

    def judge(self):
        self.before.execute("PRAGMA ignore_check_constraints = ON")
        for trigger, in rows_of(self.before, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self.before.execute("DROP TRIGGER " + quoted(trigger))
        for statement in self.spec["data"]:
            self.before.execute(statement)
        self.properties()
        self.schema()
        self.shapes()
        for table in self.spec["tables"]:
            if table["module"]:
                self.virtual(table)
            elif table["before"] is not None:
                self.rows(table)
        self.views()
        self.statistics()
        self.sequences()
        self.foreign_keys()
        self.integrity()
        for db in (self.untouched, self.before, self.after):
            db.close()
        return self.problems

    # --- properties ---------------------------------------------------------------------------

    def properties(self):
        names = ["user_version", "application_id", "page_size", "encoding", "auto_vacuum", "journal_mode"]
        for name in names:
            one, two = (rows_of(db, "PRAGMA " + name) for db in (self.untouched, self.after))
            if one != two:
                self.problem("%s was %s, is %s" % (name, one, two))

    # --- texts --------------------------------------------------------------------------------

    def schema(self):
        shadow = {
            fold(row[0])
            for row in rows_of(self.after, "SELECT name FROM pragma_table_list WHERE type = 'shadow'")
        }
        found = {}
        for kind, name, table, sql in rows_of(self.after, "SELECT type, name, tbl_name, sql FROM sqlite_master"):
            if fold(name) in shadow or fold(name).startswith("sqlite_") or fold(name) in VERSION_TABLES:
                continue
            found[kind, name] = (table, sql)
        wanted = {}
        for table in self.spec["tables"]:
            wanted["table", table["after"]] = (table["after"], table)
        for kind in ("index", "view", "trigger"):
            for thing in self.spec[{"index": "indexes"}.get(kind, kind + "s")]:
                wanted[kind, thing["name"]] = (thing.get("table", thing["name"]), thing)
        for key in sorted(set(found) - set(wanted)):
            self.problem("unexpected %s %s" % key)
        for key in sorted(set(wanted) - set(found)):
            self.problem("missing %s %s" % key)
        for key in sorted(set(wanted) & set(found)):
            self.text(key, wanted[key], found[key])

    def text(self, key, wanted, found):
        (table, thing), (real_table, sql) = wanted, found
        if fold(table) != fold(real_table):
            self.problem("%s %s hangs on %s, not on %s" % (key + (real_table, table)))
        comments = thing.get("comments", True)
        expected = as_stored(thing["sql"]) if key[0] == "table" else thing["sql"]
        one, two = tokens(expected, comments), tokens(sql, comments)
        if self.spec.get("back"):
            # A name in a text may come back with the letters that the thing itself has.
            one, two = ([(k, fold(t)) for k, t in side] for side in (one, two))
        if key[0] == "view":
            two = without_list(one, two)
        if key[0] == "view" and self.spec["policy"] == "follow":
            return
        if not thing.get("ordered", True):
            one, two = sorted(one), sorted(two)
        if one != two:
            self.problem("text of %s %s: wanted %r, found %r" % (key + (expected, sql)))

    def shapes(self):
        """The generator's text, created in memory, must look like the file's to every pragma."""
        model = memory()
        model.text_factory = bytes
        for thing in self.spec["tables"] + self.spec["indexes"]:
            if thing.get("foreign"):
                continue
            try:
                model.execute(thing["sql"])
            except sqlite3.Error as error:
                self.problem("cannot judge: %s: %s" % (error, thing["sql"]))
                return
        for table in self.spec["tables"]:
            if table["module"]:
                continue
            name = table["after"]
            for pragma, argument in [
                ("table_xinfo", name),
                ("foreign_key_list", name),
                ("index_list", name),
                ("table_list", name),
            ]:
                one, two = (with_single_quotes(shape(db, pragma, argument)) for db in (model, self.after))
                if one != two:
                    self.problem("%s of %s: wanted %s, found %s" % (pragma, name, one, two))

    # --- rows ---------------------------------------------------------------------------------

    def rows(self, table):
        old, new = table["before"], table["after"]
        sources, targets = [], []
        if self.keeps_rowids(table):
            names = rowid_name(self.before, old), rowid_name(self.after, new)
            if all(names):
                sources.append(names[0])
                targets.append(names[1])
        for column in table["columns"]:
            source = self.source(column, self.stored_type(table, column))
            if source is not None and not self.beyond_python(old, source):
                sources.append(source)
                targets.append(quoted(column["name"]))
        if not targets:
            sources, targets = ["1"], ["1"]
        if len(targets) > 1500:
            # SQLite reads no more than 2,000 columns at once.
            for start in range(0, len(targets), 1000):
                self.compare(old, new, sources[start : start + 1000], targets[start : start + 1000])
        else:
            self.compare(old, new, sources, targets)

    def beyond_python(self, old, source):
        """Whether a collation or function in Python would have to read text that is not UTF-8: in a generated column."""
        try:
            self.before.execute(computed("SELECT %s FROM %s" % (source, quoted(old)))[0]).fetchall()
        except UnicodeError:
            return True
        except sqlite3.Error:
            pass
        return False

    def compare(self, old, new, sources, targets):
        computed_ones = {at for at, source in enumerate(sources) if source.startswith("affinity(")}
        one = self.counted(self.before, "SELECT %s FROM %s" % (", ".join(sources), quoted(old)), computed_ones)
        two = self.counted(self.after, "SELECT %s FROM %s" % (", ".join(targets), quoted(new)), computed_ones)
        if one is None or two is None:
            return
        if one != two:
            gone, come = list((one - two).items())[:2], list((two - one).items())[:2]
            self.problem("rows of %s: %s %s: gone %s, come %s" % (new, sources, targets, gone, come))

    def keeps_rowids(self, table):
        key = ipk(self.before, table["before"]), ipk(self.after, table["after"])
        if without_rowid(self.before, table["before"]) or without_rowid(self.after, table["after"]):
            return False
        if key == (None, None):
            return True
        kept = {
            c["name"]: c["from"]["from"] for c in table["columns"] if c["from"]["source"] == "kept"
        }
        return key[1] is not None and kept.get(key[1]) == key[0]

    def stored_type(self, table, column):
        """The type as other tables know it: ANY converts nothing in a STRICT table, and is numeric elsewhere."""
        if fold(column["type"]) != "any":
            return column["type"]
        listed = rows_of(self.after, "PRAGMA main.table_list(%s)" % quoted(table["after"]))
        return "" if any(row[5] for row in listed) else column["type"]

    def source(self, column, type_name):
        """The SQL that gives the expected value from the row before."""
        how = column["from"]
        if how["source"] == "kept":
            return quoted(how["from"])
        if how["source"] == "unknown":
            return None
        # The value as a column of this type stores it, after those that it had in the phases before.
        types = column.get("through", []) + [type_name]
        stored = memory()
        stored.execute("PRAGMA encoding = '%s'" % rows_of(self.before, "PRAGMA encoding")[0])
        if how["source"] == "default":
            stored.execute("CREATE TABLE d(k, c %s %s)" % (types[0], how["sql"] or ""))
            stored.execute("INSERT INTO d(k) VALUES (1)")
            for later in types[1:]:
                stored.execute("CREATE TABLE later(k, c %s)" % later)
                stored.execute("INSERT INTO later SELECT * FROM d")
                stored.execute("DROP TABLE d")
                stored.execute("ALTER TABLE later RENAME TO d")
            kind, = stored.execute("SELECT typeof(c) FROM d").fetchone()
            if kind == "text":
                bytes_, = stored.execute("SELECT hex(CAST(c AS BLOB)) FROM d").fetchone()
                return "CAST(x'%s' AS TEXT)" % bytes_
            value, = stored.execute("SELECT quote(c) FROM d").fetchone()
            value = {"Inf": "9e999", "-Inf": "-9e999"}.get(value, value)
            return value if kind != "real" else "(0.0 + %s)" % value
        value = how["sql"]
        for stored_as_type in types:
            value = "affinity('%s', (%s))" % (stored_as_type, value)
        return value

    def counted(self, db, sql, written):
        sql, types = computed(sql)
        try:
            rows = db.execute(sql).fetchall()
        except sqlite3.Error as error:
            self.problem("cannot read: %s: %s" % (error, sql))
            return None
        if types:
            rows = stored_as(rows, types)
        return collections.Counter(
            tuple(exact(as_written(v) if at in written else v) for at, v in enumerate(row)) for row in rows
        )

    def virtual(self, table):
        if table["before"] is None:
            return
        old, new, module = table["before"], table["after"], table["module"]
        if table.get("foreign"):
            return self.behind(old, new)
        if table["content"] is not None and not self.fits_content(old, module):
            return  # what is rebuilt from its content finds other rows than before
        queries = []
        if module.startswith("rtree"):
            queries.append("SELECT * FROM %s ORDER BY 1")
        elif table["content"] is not False:
            for word in WORDS:
                queries.append("SELECT rowid FROM %%s WHERE %%s MATCH '%s' ORDER BY 1" % word)
            if not table["contentless"]:
                queries.append("SELECT rowid, * FROM %s ORDER BY 1")
        for query in queries:
            one = attempt(self.before, query.replace("%s", quoted(old)))
            two = attempt(self.after, query.replace("%s", quoted(new)))
            if one != two:
                self.problem("%s: %s: was %s, is %s" % (new, query, one, two))

    def behind(self, old, new):
        """Where nobody can ask a module, the tables behind it must hold the same."""
        for end in ("_data", "_idx", "_content", "_docsize", "_config", "_segments", "_segdir", "_stat"):
            one, two = (attempt(db, "SELECT * FROM " + quoted(name + end)) for db, name in ((self.before, old), (self.after, new)))
            if one != two:
                self.problem("behind %s: %s was %s, is %s" % (new, end, one, two))

    def fits_content(self, table, module):
        try:
            name = quoted(table)
            rank, check = (", rank", ", 1") if module == "fts5" else ("", "")
            self.before.execute("INSERT INTO %s(%s%s) VALUES ('integrity-check'%s)" % (name, name, rank, check))
            return True
        except sqlite3.Error:
            return False

    def views(self):
        # NULL where there is NOT NULL: SQLite takes IS NOT NULL for true or asks a partial index, as the plan has it.
        sound = not any(line.startswith("NULL value in") for line in self.spec["integrity"][0])
        for view in self.spec["views"]:
            if not view["same"]:
                continue
            name = quoted(view["name"])
            if self.spec["policy"] == "keep":
                heads = []
                for db in (self.untouched, self.after):
                    try:
                        cursor = db.execute("SELECT * FROM %s LIMIT 0" % name)
                        heads.append([decode(c[0]) for c in cursor.description])
                    except sqlite3.Error as error:
                        heads.append("error")
                if heads[0] != heads[1]:
                    self.problem("view %s handed out %s, hands out %s" % (view["name"], heads[0], heads[1]))
            one, two = (attempt(db, "SELECT * FROM " + name) for db in (self.untouched, self.after))
            if not sound:
                continue
            if one is not None and collections.Counter(one) != collections.Counter(two or []):
                self.problem("rows of view %s: was %s, is %s" % (view["name"], one, two))

    # --- statistics and counters --------------------------------------------------------------

    def statistics(self):
        for table in ("sqlite_stat1", "sqlite_stat4"):
            self.statistics_in(table)

    def statistics_in(self, where):
        one, two = (internal(db, where) for db in (self.untouched, self.after))
        if one is None:
            if two is not None:
                self.problem("%s came from nowhere" % where)
            return
        hidden = {
            row[0]
            for db in (self.untouched, self.after)
            for row in rows_of(db, "SELECT name FROM pragma_table_list WHERE type = 'shadow'")
        }
        tables = {fold(t["before"]): t for t in self.spec["tables"] if t["before"] is not None}
        real = {fold(row[0]) for row in rows_of(self.untouched, "SELECT name FROM sqlite_master WHERE type = 'table'")}
        indexes = {i["before"]: i["name"] for i in self.spec["indexes"] if i["before"] is not None}
        loose = {t["after"] for t in self.spec["tables"] if not t["quiet"]}
        wanted = collections.Counter()
        for name, index, *stat in one:
            stat = tuple(stat)
            table = tables.get(fold(name))
            if table is None and fold(name) in real or name in hidden:
                continue
            if table is None:
                wanted[name, index, stat] += 1
            elif index is None:
                wanted[table["after"], None, stat] += 1
            elif index in indexes:
                wanted[table["after"], indexes[index], stat] += 1
            elif index.startswith("sqlite_autoindex_"):
                if table["quiet"]:
                    number = index[len("sqlite_autoindex_" + name) :]
                    wanted[table["after"], "sqlite_autoindex_" + table["after"] + number, stat] += 1
            elif fold(index) == fold(name) and table["quiet"]:
                wanted[table["after"], table["after"], stat] += 1
        found = collections.Counter()
        for name, index, *stat in two or []:
            stat = tuple(stat)
            automatic = index is not None and (index.startswith("sqlite_autoindex_") or index == name)
            if not (automatic and name in loose) and name not in hidden:
                found[name, index, stat] += 1
        if wanted != found:
            self.problem(where + ": gone %s, come %s" % (dict(wanted - found), dict(found - wanted)))

    def sequences(self):
        one, two = (internal(db, "sqlite_sequence") for db in (self.untouched, self.after))
        now = dict(two or [])
        for name, seq in one or []:
            for table in self.spec["tables"]:
                if table["before"] is None or fold(table["before"]) != fold(name) or table["dirty"]:
                    continue
                counts = "AUTOINCREMENT" in (table["sql"] or "")
                if counts and now.get(table["after"]) != seq:
                    self.problem("counter of %s was %s, is %s" % (table["after"], seq, now.get(table["after"])))
        names = {t["after"] for t in self.spec["tables"]} | VERSION_TABLES
        for name in set(now) - names:
            self.problem("counter of %s, which is no table" % name)

    # --- health -------------------------------------------------------------------------------

    def foreign_keys(self):
        names = {fold(t["before"]): t["after"] for t in self.spec["tables"] if t["before"] is not None}
        quiet = all(t["quiet"] for t in self.spec["tables"] if not t["module"])
        quiet = quiet and len(names) == len([t for t in self.spec["tables"]])
        one = violations(self.untouched, lambda name: names.get(fold(name), name))
        two = violations(self.after, lambda name: name)
        for version_table in VERSION_TABLES:
            two.pop(version_table, None)
        dropped = set(one) - set(t["after"] for t in self.spec["tables"])
        come = {}
        for table, found in two.items():
            known = one.get(table, collections.Counter())
            if any(row is None for row, _ in known) != any(row is None for row, _ in found):
                # WITHOUT ROWID on one side: SQLite tells no row there, so that only their number can be compared.
                known, found = (collections.Counter(parent for _, parent in it.elements()) for it in (known, found))
            extra = found - known
            if extra:
                come[table] = extra
        if come:
            self.problem("foreign keys: come %s" % come)
        if quiet and not dropped and not self.lost_tables() and one != two:
            self.problem("foreign keys: was %s, is %s" % (one, two))

    def lost_tables(self):
        """The ordinary tables of the file before that no table comes from."""
        stored = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
        hidden = "SELECT name FROM pragma_table_list WHERE type <> 'table'"
        kept = {(t["before"],) for t in self.spec["tables"]}
        lost = set(rows_of(self.untouched, stored)) - set(rows_of(self.untouched, hidden)) - kept
        return {name for name, in lost if not name.startswith("sqlite_")}

    def integrity(self):
        one, two = self.spec["integrity"]
        for side, lines in (("before", one), ("after", two)):
            if any(line.startswith("cannot be checked") for line in lines):
                self.problem("the file %s %s" % (side, lines[0]))
        unfilled = self.unfilled()
        two = [line for line in two if line not in unfilled] or ["ok"]
        quiet = not self.lost_tables() and all(t["quiet"] for t in self.spec["tables"] if not t["module"])
        if (quiet and len(one) != len(two)) or (one == ["ok"] and two != ["ok"]):
            self.problem("integrity was %s, is %s" % (one[:3], two[:3]))

    def unfilled(self):
        """What SQLite says about new full-text tables over rows of another: CREATE indexes none of these."""
        said = set()
        for table in self.spec["tables"]:
            new, module = table["after"], table["module"]
            if module == "fts4" and table["before"] is None and table["content"] is not None:
                words = attempt(self.after, "SELECT 1 FROM " + quoted(new + "_segdir"))
                rows = attempt(self.after, "SELECT 1 FROM %s LIMIT 1" % quoted(new))
                if words == [] and rows:
                    said.add("malformed inverted index for FTS4 table main." + new)
        return said


def without_list(wanted, found):
    """Takes the list of columns off a view's head if the wanted text has none."""
    head = next((i for i, t in enumerate(wanted) if t == ("name", "AS")), 0)
    if found[head : head + 1] == [("sign", "(")] and wanted[:head] == found[:head]:
        end = next((i for i, t in enumerate(found) if t == ("sign", ")")), head)
        return found[:head] + found[end + 1 :]
    return found


def shape(db, pragma, name):
    rows = rows_of(db, "PRAGMA main.%s(%s)" % (pragma, quoted(name)))
    if pragma == "table_list":
        return sorted(row[2:] for row in rows)
    if pragma == "index_list":
        return sorted(
            (row[1:], tuple(rows_of(db, "PRAGMA main.index_xinfo(%s)" % quoted(row[1])))) for row in rows
        )
    if pragma == "foreign_key_list":
        keys = collections.defaultdict(list)
        for row in rows:
            parent = fold(row[2])
            keys[row[0]].append((row[1], parent, fold(row[3]), fold(row[4] or "")) + row[5:])
        return sorted(keys.values())
    return rows


def internal(db, table):
    if not rows_of(db, "SELECT 1 FROM sqlite_master WHERE name = ?", (table,)):
        return None
    return rows_of(db, "SELECT * FROM " + table)


def without_rowid(db, table):
    return any(row[4] for row in rows_of(db, "PRAGMA main.table_list(%s)" % quoted(table)))


def ipk(db, table):
    columns = rows_of(db, "PRAGMA main.table_xinfo(%s)" % quoted(table))
    keys = [row for row in columns if row[5]]
    if len(keys) != 1 or fold(keys[0][2]) != "integer":
        return None
    automatic = rows_of(db, "PRAGMA main.index_list(%s)" % quoted(table))
    return None if any(row[3] == "pk" for row in automatic) else keys[0][1]


def rowid_name(db, table):
    taken = {fold(row[1]) for row in rows_of(db, "PRAGMA main.table_xinfo(%s)" % quoted(table))}
    return next((n for n in ("rowid", "_rowid_", "oid") if n not in taken), None)


def exact(value):
    """A value with its storage class, bit by bit. Text comes as str made of bytes."""
    if isinstance(value, float):
        return "real", struct.pack("<d", value)
    return type(value).__name__, value


REAL = re.compile(rb"-?\d+\.\d+(e[+-]\d+)?")


def as_written(value):
    """A computed text that is a number with many digits: versions of SQLite write the last ones otherwise."""
    if isinstance(value, Text) and len(value) > 14 and REAL.fullmatch(value):
        return Text(b"%.13e" % float(value))
    return value


def attempt(db, sql):
    try:
        return [tuple(exact(v) for v in row) for row in db.execute(sql)]
    except (sqlite3.Error, UnicodeError):  # a collation in Python reads no text that is not UTF-8
        return None


def violations(db, name):
    found = {}
    for table, in rows_of(db, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        if "REFERENCES" not in (rows_of(db, "SELECT sql FROM sqlite_master WHERE name = ?", (table,))[0][0] or ""):
            continue
        try:
            rows = rows_of(db, "PRAGMA foreign_key_check(%s)" % quoted(table))
            found[name(table)] = collections.Counter((row[1], fold(name(row[2]))) for row in rows)
        except (sqlite3.Error, UnicodeError):  # a collation in Python reads no text that is not UTF-8
            found[name(table)] = collections.Counter([(None, "cannot be checked")])
    return found


AFFINITY = re.compile(r"affinity\('([^']*)', ")


def computed(sql):
    """Replaces affinity('TYPE', (...)) by the value alone, and tells the types by column."""
    types = {}
    if "affinity('" not in sql:
        return sql, types
    start = len("SELECT ")
    parts, depth, begin, place, quote = [], 0, start, start, None
    for place in range(start, len(sql)):
        letter = sql[place]
        if quote:
            quote = None if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif letter == "[":
            quote = "]"
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif depth == 0 and (letter == "," or sql.startswith(" FROM ", place)):
            parts.append(sql[begin:place].strip())
            begin = place + 1
            if letter != ",":
                break
    for number, part in enumerate(parts):
        # The last type is outside, the first one inside.
        chain, match = [], AFFINITY.match(part)
        while match:
            chain.insert(0, match.group(1))
            part = part[match.end() : -1]
            match = AFFINITY.match(part[1:])
            part = part[1:-1] if match else part
            match = AFFINITY.match(part)
        if chain:
            types[number] = chain
            parts[number] = part
    return "SELECT %s%s" % (", ".join(parts), sql[place:]), types


def stored_as(rows, types):
    """Stores values in columns of these types and reads them again."""
    db = memory()
    db.text_factory = bytes
    changed = []
    tables = {}
    for number, chain in types.items():
        for place, type_name in enumerate(chain):
            tables[number, place] = "t%d_%d" % (number, place)
            db.execute("CREATE TABLE %s(c %s)" % (tables[number, place], type_name))
    for row in rows:
        row = list(row)
        for (number, _), table in tables.items():
            # Text was read as bytes with a mark, so that it goes back as text.
            value = row[number]
            text = isinstance(value, Text)
            sql = "INSERT INTO %s VALUES (CAST(? AS TEXT))" if text else "INSERT INTO %s VALUES (?)"
            db.execute(sql % table, (bytes(value) if text else value,))
            kind, stored = db.execute("SELECT typeof(c), c FROM %s" % table).fetchone()
            row[number] = Text(stored) if kind == b"text" else stored
            db.execute("DELETE FROM %s" % table)
        changed.append(tuple(row))
    return changed


class Text(bytes):
    """The bytes of a TEXT value, told apart from those of a BLOB."""


def main():
    for line in sys.stdin:
        spec = json.loads(line)
        try:
            case = Case(spec)
            case.before.text_factory = case.after.text_factory = case.untouched.text_factory = Text
            problems = case.judge()
        except Exception as error:  # a judge that fails is no acquittal
            import traceback

            problems = ["the judge failed: %r %s" % (error, traceback.format_exc().replace("\n", " | "))]
        for problem in problems:
            print("%d\t%s" % (spec["case"], problem.replace("\n", "\\n").replace("\t", " ")))
        print("%d\tjudged" % spec["case"])


if __name__ == "__main__":
    main()
