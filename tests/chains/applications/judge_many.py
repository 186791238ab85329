"""Has the judge compare many pairs of files, in one process.

    judge_many.py LIST

LIST is JSON: [{"name", "before", "after", "renames"}, ...]. Prints one line for each failed check.
Functions that the applications define are given to the judge, too: its ALTER reads every trigger.
"""

import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "judge"))

import judge  # noqa: E402

FUNCTIONS = ["title_sort", "uuid4", "sortconcat", "concat_all", "books_list_filter"]
connect = sqlite3.connect


def connect_as_application(*arguments, **options):
    db = connect(*arguments, **options)
    for name in FUNCTIONS:
        db.create_function(name, -1, lambda *values: None if not values else str(values[-1]))
    return db


def main(path):
    judge.sqlite3.connect = connect_as_application
    failed = False
    with open(path, encoding="utf-8") as file:
        pairs = json.load(file)
    for pair in pairs:
        files = (pair["before"], pair["after"])
        ignored = ["schema_version", "phase_history"]
        try:
            failures = judge.Judge(*files, pair["renames"], ignored).run()
        except sqlite3.Error as error:
            failures = ["cannot be judged: %s" % error]
        for failure in failures:
            print("%s: %s" % (pair["name"], failure))
            failed = True
    sys.exit(1 if failed else 0)


main(sys.argv[1])
