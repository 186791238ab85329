"""sqlite-utils transforms every table, with a new default for nothing."""
import os

import sqlite_utils

db = sqlite_utils.Database(os.environ["PHASESHIFT_DATABASE"])
for table in ["parents", *sorted(t for t in db.table_names() if t[0] == "f")]:
    try:
        db[table].transform()
    except Exception as error:
        print(table, "left as it was:", type(error).__name__, error)
