"""Writes the phase that does what the other tools do: a new column in every table, each of which is rebuilt for it.

The trigger of f44_instead_of inserts without naming columns; phaseshift refuses to add one to that table.
"""
import json
import os
import sqlite3
import sys

tables = sqlite3.connect(sys.argv[1]).execute(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name GLOB 'f[0-9]*' OR name = 'parents') "
    "AND name <> 'f44_instead_of' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")
os.makedirs("phases", exist_ok=True)
with open("phases/note.toml", "w") as file:
    file.write("parents = []\n")
    for (table,) in tables:
        file.write(f'[[up]]\nop = "add_column"\ntable = {json.dumps(table)}\ncolumn = "note TEXT"\nvalue = "NULL"\n')
