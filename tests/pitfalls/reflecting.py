"""Rebuilds a table the way a tool does that reads its shape from pragmas and writes the DDL anew.

    reflecting.py FILE TABLE

Everything that pragmas do not tell is lost. That is the point: the pitfall tests show what is lost.
"""

import re
import sqlite3
import sys


def quoted(text):
    return '"%s"' % text.replace('"', '""')


def default(text):
    """Takes whatever is no number for a string, as its author did."""
    if re.match(r"-?[0-9.]+$", text):
        return text
    return text if text.startswith("'") else "'%s'" % text.replace("'", "''")


def definition(db, table):
    columns = db.execute("PRAGMA table_info(%s)" % quoted(table)).fetchall()
    parts = []
    keys = [c[1] for c in columns if c[5]]
    for _, name, kind, not_null, value, key in columns:
        part = "%s %s" % (quoted(name), kind)
        part += " NOT NULL" if not_null else ""
        part += " DEFAULT %s" % default(value) if value is not None else ""
        part += " PRIMARY KEY" if key and len(keys) == 1 else ""
        parts.append(part)
    if len(keys) > 1:
        parts.append("PRIMARY KEY (%s)" % ", ".join(map(quoted, keys)))
    sql = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    for child, parent, column in re.findall(r"(\w+) \w+ REFERENCES (\w+)\((\w+)\)", sql):
        parts.append("FOREIGN KEY (%s) REFERENCES %s(%s)" % (child, parent, column))
    parts += uniques(db, table)
    return "CREATE TABLE scratch (%s)" % ", ".join(parts), [c[1] for c in columns]


def uniques(db, table):
    """Unique constraints, unless an index covers the same column: then it takes it for that index."""
    listed = db.execute("PRAGMA index_list(%s)" % quoted(table)).fetchall()
    plain = [covered(db, row[1]) for row in listed if row[3] == "c"]
    found = [covered(db, row[1]) for row in listed if row[3] == "u"]
    return ["UNIQUE (%s)" % ", ".join(map(quoted, it)) for it in found if it not in plain]


def covered(db, index):
    return [row[2] for row in db.execute("PRAGMA index_info(%s)" % quoted(index)) if row[2]]


def main(path, table):
    db = sqlite3.connect(path, isolation_level=None)
    sql, columns = definition(db, table)
    listed = db.execute("PRAGMA index_list(%s)" % quoted(table)).fetchall()
    indexes = [(row[1], row[2], covered(db, row[1])) for row in listed if row[3] == "c"]
    names = ", ".join(map(quoted, columns))
    db.execute(sql)
    db.execute("INSERT INTO scratch (%s) SELECT %s FROM %s" % (names, names, quoted(table)))
    db.execute("DROP TABLE %s" % quoted(table))
    db.execute("ALTER TABLE scratch RENAME TO %s" % quoted(table))
    for name, unique, over in indexes:
        if over:
            word = "UNIQUE INDEX" if unique else "INDEX"
            listed = ", ".join(map(quoted, over))
            db.execute("CREATE %s %s ON %s (%s)" % (word, quoted(name), quoted(table), listed))
    db.close()


main(sys.argv[1], sys.argv[2])
