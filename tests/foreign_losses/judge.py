"""Names what a migration lost, in plain SQL: pragmas and SELECTs over two files, and nothing of the program.

    python3 judge.py BEFORE.db AFTER.db [MAP.json]

Prints one line for each loss: code, object, count (or -). MAP.json may hold {"tables": {old: new}, "columns":
{"table.column": new}}. What was added is no loss and is not printed.
"""
import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict

BOOKKEEPING = {
    "alembic_version", "django_migrations", "schema_migrations", "_prisma_migrations", "__drizzle_migrations",
    "knex_migrations", "knex_migrations_lock", "goose_db_version", "__diesel_schema_migrations",
    "refinery_schema_history", "_sqlx_migrations", "flyway_schema_history", "_sqlite_utils_migrations",
}
TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[A-Za-z_\x80-\U0010ffff][\w$]*|[0-9.]+|<>|<=|>=|\|\||.""",
    re.S,
)


def tokens(sql):
    """The tokens that mean something, names without quotes and in lower case."""
    found = []
    for token in TOKEN.findall(sql or ""):
        if token.isspace() or token.startswith(("--", "/*")):
            continue
        if token[0] in "\"`[" and len(token) > 1:
            inner = token[1:-1]
            if token[0] != "[":
                inner = inner.replace(token[0] * 2, token[0])
            found.append(inner.lower())
        elif token[0] == "'":
            found.append(token)
        else:
            found.append(token.lower())
    return found


def quote(name):
    return '"' + name.replace('"', '""') + '"'


class File:
    def __init__(self, path):
        self.path = path
        self.db = sqlite3.connect(path)
        self.db.text_factory = lambda raw: ("text", raw)
        self.names = sqlite3.connect(path)
        self.names.text_factory = lambda raw: raw.decode("utf-8", "replace")
        self.objects = {}
        for kind, name, table, sql in self.ask("SELECT type, name, tbl_name, sql FROM sqlite_schema"):
            self.objects[(kind, name.lower())] = (name, table, sql)
        self.kinds = {r[0].lower(): r for r in self.ask("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")}

    def ask(self, sql, *values):
        return self.names.execute(sql, values).fetchall()

    def tables(self):
        for (kind, folded), (name, _, _) in self.objects.items():
            if kind == "table" and not folded.startswith("sqlite_") and self.kinds[folded][1] == "table":
                yield name

    def has(self, kind, name):
        return (kind, name.lower()) in self.objects

    def sql(self, kind, name):
        return self.objects[(kind, name.lower())][2]

    def columns(self, table):
        """name -> (position, type, not null, default, place in the key, kind)"""
        rows = self.ask("SELECT name, cid, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?)", table)
        return {r[0].lower(): r for r in rows if r[6] != 1}

    def key(self, table):
        columns = sorted((c for c in self.columns(table).values() if c[5]), key=lambda c: c[5])
        return [c[0].lower() for c in columns]

    def index_columns(self, index):
        return tuple((n or "").lower() for n, key in self.ask("SELECT name, key FROM pragma_index_xinfo(?)", index) if key)

    def indexes(self, table):
        return self.ask("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?)", table)

    def key_is_rowid(self, table):
        key = self.key(table)
        without = self.kinds[table.lower()][2]
        return len(key) == 1 and not without and not any(o == "pk" for _, _, o, _ in self.indexes(table)) \
            and self.columns(table)[key[0]][2].upper() == "INTEGER"

    def key_order(self, table):
        for name, _, origin, _ in self.indexes(table):
            if origin == "pk":
                return self.ask("SELECT name, \"desc\" FROM pragma_index_xinfo(?) WHERE key", name)
        return None

    def uniques(self, table, origins):
        found = Counter()
        for name, unique, origin, partial in self.indexes(table):
            if unique and not partial and origin in origins:
                found[self.index_columns(name)] += 1
        return found

    def collations(self, table):
        """The collation of each column, as an index over it would have it."""
        scratch = sqlite3.connect(":memory:")
        try:
            scratch.execute(self.sql("table", table))
            found = {}
            for number, name in enumerate(self.columns(table)):
                scratch.execute(f"CREATE INDEX scratch{number} ON {quote(table)}({quote(name)})")
                coll = scratch.execute(f"SELECT coll FROM pragma_index_xinfo('scratch{number}')").fetchone()
                found[name] = (coll[0] or "BINARY").upper()
            return found
        except sqlite3.Error:
            return {}
        finally:
            scratch.close()

    def rowid(self, table):
        """A name under which the hidden rowid can be read."""
        if self.kinds[table.lower()][2] or self.key_is_rowid(table):
            return None
        return next((n for n in ("rowid", "_rowid_", "oid") if n not in self.columns(table)), None)

    def rows(self, table, names):
        listed = ", ".join(quote(n) if n not in ("rowid", "_rowid_", "oid") else n for n in names) or "1"
        return self.db.execute(f"SELECT {listed} FROM {quote(table)} NOT INDEXED").fetchall()

    def count(self, table):
        return self.db.execute(f"SELECT count(*) FROM {quote(table)} NOT INDEXED").fetchone()[0]

    def violations(self):
        found, broken = Counter(), {}
        for table in self.tables():
            try:
                for row in self.ask(f"PRAGMA foreign_key_check({quote(table)})"):
                    found[(table.lower(), row[1], row[2].lower())] += 1
            except sqlite3.Error as error:
                broken[table.lower()] = str(error)
        return found, broken

    def unusable(self):
        """Views that cannot be read, and owners of triggers that cannot fire."""
        found = {}
        for (kind, folded), (name, table, _) in self.objects.items():
            if kind == "view":
                try:
                    self.ask(f"SELECT * FROM {quote(name)} LIMIT 0")
                except sqlite3.Error as error:
                    found[("view", folded)] = str(error)
        for table in {t for (kind, _), (_, t, _) in self.objects.items() if kind == "trigger"}:
            columns = [c for c in self.ask("SELECT name FROM pragma_table_info(?)", table)]
            updates = ", ".join(f"{quote(c[0])} = NULL" for c in columns)
            for statement in (f"INSERT INTO {quote(table)} DEFAULT VALUES", f"UPDATE {quote(table)} SET {updates}", f"DELETE FROM {quote(table)}"):
                try:
                    self.ask("EXPLAIN " + statement)
                except sqlite3.Error as error:
                    if "cannot modify" in str(error) or "generated column" in str(error):
                        continue
                    for (kind, folded), (_, owner, _) in self.objects.items():
                        if kind == "trigger" and owner.lower() == table.lower():
                            found[("trigger", folded)] = str(error)
        return found


def typed(row):
    return tuple((type(v).__name__, v) for v in row)


def pair(before, after):
    """Pairs rows by a key: (equal, changed, lost, gained, columns). Both are lists of (key, row)."""
    there = defaultdict(list)
    for key, row in after:
        there[key].append(row)
    equal = changed = lost = 0
    differing = Counter()
    waiting = []
    for key, row in before:
        if row in there[key]:
            there[key].remove(row)
            equal += 1
        else:
            waiting.append((key, row))
    for key, row in waiting:
        if there[key]:
            other = there[key].pop(0)
            changed += 1
            for place, (a, b) in enumerate(zip(row, other)):
                differing[place] += a != b
        else:
            lost += 1
    gained = sum(len(rest) for rest in there.values())
    return equal, changed, lost, gained, differing


def words_after(sql, first, second):
    """What stands behind two words, each time."""
    found = tokens(sql)
    return Counter(found[i + 2] for i in range(len(found) - 2) if found[i] == first and found[i + 1] == second)


def bracketed(found, start):
    depth, inner = 0, []
    for token in found[start:]:
        depth += (token == "(") - (token == ")")
        inner.append(token)
        if depth == 0:
            return " ".join(inner)
    return " ".join(inner)


def checks(sql):
    found = tokens(sql)
    return Counter(bracketed(found, i + 1) for i in range(len(found) - 1) if found[i] == "check" and found[i + 1] == "(")


def constraint_names(sql):
    found = tokens(sql)
    return Counter(found[i + 1] for i in range(len(found) - 1) if found[i] == "constraint")


def generated(sql, column):
    """The expression behind AS in the definition of a column."""
    found = tokens(sql)
    for i in range(len(found) - 1):
        if found[i] == column:
            for j in range(i + 1, min(i + 12, len(found) - 1)):
                if found[j] == "as" and found[j + 1] == "(":
                    return bracketed(found, j + 1)
                if found[j] == ",":
                    break
    return ""


def default(text):
    if text is None:
        return None
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and bracketed(tokens(text), 0) == " ".join(tokens(text)):
        text = text[1:-1].strip()
    if text.startswith('"') and text.endswith('"'):
        return "'" + text[1:-1].replace("'", "''") + "'"
    return text if text.startswith("'") else " ".join(tokens(text))


def same_default(one, two):
    """Whether two defaults are written alike, or give a column the same value."""
    if default(one[1]) == default(two[1]):
        return True
    if two[1] is None:
        return False

    def given(kind, text):
        scratch = sqlite3.connect(":memory:")
        scratch.execute(f"CREATE TABLE t(c {kind} DEFAULT {text if re.match(r'[-+(0-9]', text) or len(tokens(text)) == 1 else '(' + text + ')'})")
        scratch.execute("INSERT INTO t DEFAULT VALUES")
        return scratch.execute("SELECT typeof(c), c FROM t").fetchone()
    return given(*one) == given(*two)


def deferred(sql):
    found = tokens(sql)
    return sum(found[i:i + 3] == ["deferrable", "initially", "deferred"] and found[i - 1] != "not" for i in range(1, len(found)))


class Judge:
    def __init__(self, before, after, names):
        self.old, self.new = before, after
        self.tables = {k.lower(): v for k, v in names.get("tables", {}).items()}
        self.columns = {k.lower(): v.lower() for k, v in names.get("columns", {}).items()}
        self.losses = []
        self.survivors = {}

    def lose(self, code, thing, count="-"):
        self.losses.append((code, thing, str(count)))

    def table_now(self, table):
        return self.tables.get(table.lower(), table)

    def column_now(self, table, column):
        return self.columns.get(f"{table.lower()}.{column.lower()}", column.lower())

    def run(self):
        for pragma in ("user_version", "application_id", "page_size", "encoding", "auto_vacuum", "journal_mode"):
            was, now = (f.ask(f"PRAGMA {pragma}")[0][0] for f in (self.old, self.new))
            if was != now:
                self.lose(pragma, pragma)
        for table in self.old.tables():
            now = self.table_now(table)
            if not self.new.has("table", now):
                self.lose("table", table, self.old.count(table))
                continue
            self.survivors[table.lower()] = now
            self.definition(table, now)
            self.rows(table, now)
        self.objects()
        self.counters()
        self.statistics()
        self.foreign_keys()
        self.broken()
        return self.losses

    def definition(self, table, now):
        old, new = self.old, self.new
        was, have = old.columns(table), new.columns(now)
        lost_constraint = False
        collations = old.collations(table), new.collations(now)
        for name, (shown, _, kind, not_null, value, _, hidden) in was.items():
            to = self.column_now(table, name)
            if to not in have:
                try:
                    count = self.old.db.execute(f"SELECT count({quote(name)}) FROM {quote(table)} NOT INDEXED").fetchone()[0]
                except sqlite3.Error:
                    count = "-"
                self.lose("column", f"{table}.{shown}", count)
                continue
            other = have[to]
            thing = f"{table}.{shown}"
            if tokens(kind) != tokens(other[2]):
                self.lose("type", thing)
            if not_null and not other[3]:
                self.lose("not-null", thing)
                lost_constraint = True
            if value is not None and not same_default((kind, value), (kind, other[4])):
                self.lose("default", thing)
            if hidden != other[6]:
                self.lose("generated", thing)
            elif hidden and generated(old.sql("table", table), name) != generated(new.sql("table", now), to):
                self.lose("generated", thing)
            if name in collations[0] and to in collations[1] and collations[0][name] != collations[1][to]:
                self.lose("collation", thing)
        mapped = [self.column_now(table, n) for n in was]
        if [n for n in mapped if n in have] != [n for n in have if n in mapped]:
            self.lose("column-order", table)
        key = [self.column_now(table, n) for n in old.key(table)]
        order = lambda file, name: [(self.column_now(table, n), d) for n, d in (file.key_order(name) or [])] if file is old else file.key_order(name) or []
        if key and (key != new.key(now) or old.key_is_rowid(table) != new.key_is_rowid(now)
                    or [d for _, d in order(old, table)] != [d for _, d in order(new, now)]):
            self.lose("primary-key", table)
            lost_constraint = True
        texts = old.sql("table", table), new.sql("table", now)
        if "autoincrement" in tokens(texts[0]) and "autoincrement" not in tokens(texts[1]):
            self.lose("autoincrement", table)
        for place, code in ((2, "without-rowid"), (3, "strict")):
            if old.kinds[table.lower()][place] and not new.kinds[now.lower()][place]:
                self.lose(code, table)
        kept = new.uniques(now, "ucpk")
        for columns in old.uniques(table, "u").elements():
            columns = tuple(self.column_now(table, c) for c in columns)
            if not any(set(columns) == set(k) and columns == k for k in kept):
                self.lose("unique", table)
                lost_constraint = True
        for _ in (checks(texts[0]) - checks(texts[1])).elements():
            self.lose("check", table)
            lost_constraint = True
        lost_constraint |= self.keys_of(table, now, texts)
        if not lost_constraint:
            for _ in (words_after(texts[0], "on", "conflict") - words_after(texts[1], "on", "conflict")).elements():
                self.lose("on-conflict", table)
            for _ in (constraint_names(texts[0]) - constraint_names(texts[1])).elements():
                self.lose("constraint-name", table)

    def keys(self, file, table, rename):
        grouped = defaultdict(list)
        for key in file.ask('SELECT id, seq, "table", "from", "to", on_update, on_delete, match FROM pragma_foreign_key_list(?)', table):
            grouped[key[0]].append(key)
        found = []
        for parts in grouped.values():
            parts.sort(key=lambda k: k[1])
            parent = parts[0][2]
            to = [p[4] for p in parts]
            if to[0] is None and file.has("table", parent):
                to = file.key(parent)
            child = tuple((self.column_now(table, p[3]) if rename else p[3].lower()) for p in parts)
            to = tuple(((self.column_now(parent, t) if rename else t.lower()) if t else "") for t in to)
            parent = (self.table_now(parent) if rename else parent).lower()
            found.append(((child, parent, to), parts[0][5:8]))
        return found

    def keys_of(self, table, now, texts):
        have = self.keys(self.new, now, False)
        lost = False
        changed = False
        for key, actions in self.keys(self.old, table, True):
            if (key, actions) in have:
                have.remove((key, actions))
            elif any(k == key for k, _ in have):
                have.remove(next(h for h in have if h[0] == key))
                self.lose("foreign-key-actions", table)
                changed = True
            else:
                self.lose("foreign-key", table)
                lost = True
        if deferred(texts[0]) > deferred(texts[1]) and not lost and not changed:
            self.lose("foreign-key-actions", table)
        return lost

    def rows(self, table, now):
        old, new = self.old, self.new
        if table.lower() in BOOKKEEPING:
            return
        have = new.columns(now)
        both = [(n, self.column_now(table, n)) for n, c in old.columns(table).items() if c[6] == 0 and self.column_now(table, n) in have]
        names = [n for n, _ in both], [n for _, n in both]
        before = [typed(r) for r in old.rows(table, names[0])]
        after = [typed(r) for r in new.rows(now, names[1])]
        ways = []
        rowids = old.rowid(table), new.rowid(now)
        if old.key_is_rowid(table) and new.key_is_rowid(now) and self.column_now(table, old.key(table)[0]) == new.key(now)[0]:
            rowids = old.key(table)[0], new.key(now)[0]
        keyed = None
        if all(rowids):
            ids = [typed(r) for r in old.rows(table, [rowids[0]])], [typed(r) for r in new.rows(now, [rowids[1]])]
            keyed = pair(list(zip(ids[0], before)), list(zip(ids[1], after)))
            ways.append((keyed, 0))
        key = old.key(table)
        if key and all(k in names[0] for k in key):
            places = [names[0].index(k) for k in key]
            by_key = lambda rows: [(tuple(r[p] for p in places), r) for r in rows]
            way = pair(by_key(before), by_key(after))
            ways.append((way, max(0, way[0] - keyed[0]) if keyed else 0))
        way = pair([(r, r) for r in before], [(r, r) for r in after])
        ways.append((way, max(0, way[0] - keyed[0]) if keyed else 0))
        (_, _, lost, _, differing), moved = min(ways, key=lambda w: w[0][1] + w[0][2])
        if lost:
            self.lose("rows", table, lost)
        for place, count in sorted(differing.items()):
            if count:
                self.lose("values", f"{table}.{old.columns(table)[names[0][place]][0]}", count)
        if moved:
            self.lose("rowids", table, moved)

    def objects(self):
        for kind in ("index", "view", "trigger"):
            for (other, _), (name, table, sql) in self.old.objects.items():
                if other != kind or sql is None:
                    continue
                if kind != "view" and table.lower() not in self.survivors and not self.old.has("view", table):
                    continue
                if not self.new.has(kind, name):
                    self.lose(kind, name)
                elif [t for t in tokens(sql) if t != "asc"] != [t for t in tokens(self.new.sql(kind, name)) if t != "asc"]:
                    self.lose(kind, name)

    def counters(self):
        def read(file):
            if not file.has("table", "sqlite_sequence"):
                return {}
            return {name.lower(): seq for name, seq in file.ask("SELECT name, max(seq) FROM sqlite_sequence GROUP BY 1")}
        was, now = read(self.old), read(self.new)
        for table, to in self.survivors.items():
            if table in was and now.get(to.lower(), -1) < was[table]:
                self.lose("counter", self.old.objects[("table", table)][0])

    def same_index(self, index):
        """Whether an index is there with the same definition; one that SQLite made has none."""
        if not self.new.has("index", index) or not self.old.has("index", index):
            return False
        was, now = (f.sql("index", index) for f in (self.old, self.new))
        return [t for t in tokens(was) if t != "asc"] == [t for t in tokens(now) if t != "asc"]

    def statistics(self):
        def read(file):
            found = Counter()
            for name in ("sqlite_stat1", "sqlite_stat4"):
                if file.has("table", name):
                    for table, index in file.ask(f"SELECT tbl, idx FROM {name}"):
                        found[(name, table.lower(), (index or "").lower())] += 1
            return found
        was, now = read(self.old), read(self.new)
        gone = Counter()
        for (name, table, index), count in was.items():
            if table in self.survivors and (not index or index == table or self.same_index(index)):
                to = self.survivors[table].lower()
                # Those of the table itself are not collected once it has an index.
                of_table = not index or index == table
                if not (any(n == name and t == to for n, t, _ in now) if of_table else now[(name, to, index)]):
                    gone[table] += count
        for table, count in gone.items():
            self.lose("statistics", self.old.objects[("table", table)][0], count)

    def foreign_keys(self):
        (was, broken_before), (now, broken) = self.old.violations(), self.new.violations()
        back = {to.lower(): table for table, to in self.survivors.items()}
        renamed = Counter({(back.get(t, t), r, back.get(p, p)): n for (t, r, p), n in now.items()})
        tables = {t for t, _, _ in (renamed - was)}
        tables |= {back.get(t, t) for t in broken if back.get(t, t) not in broken_before}
        for table in sorted(tables):
            self.lose("foreign-key-violation", table)

    def broken(self):
        was, told = self.old.unusable(), {thing.lower() for _, thing, _ in self.losses}
        for kind, name in self.new.unusable():
            if (kind, name) not in was and self.old.has(kind, name) and name not in told:
                self.lose("broken", self.old.objects[(kind, name)][0])


def losses(before, after, names=None):
    return sorted(Judge(File(before), File(after), names or {}).run())


if __name__ == "__main__":
    names = json.load(open(sys.argv[3])) if len(sys.argv) > 3 else {}
    for loss in losses(sys.argv[1], sys.argv[2], names):
        print("\t".join(loss))
