"""What the other tools run: the statements of Phase 3, and small programs that carry them out."""

import re
import sqlite3

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
        # The key follows its parent, which the rename of the new table does not do for it.
        body = re.sub(r"REFERENCES sessions ?\(\w+\)", "REFERENCES imaging_sessions (id)", body)
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
