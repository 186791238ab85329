#!/usr/bin/env python3
"""Random scenarios: python3 tests/scenarios --program PATH [--cases N] [--first N] [--seed N] [--kind NAME] [--workers N] [--show]

Each case makes a database and phases of one kind, runs the program, and compares what it left with what plain SQL
says. The last line counts how the cases ended; the exit status is 1 if any of them is wrong."""

import argparse
import collections
import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import Scenario, Wrong  # noqa: E402

KINDS = ["references", "values", "full_text", "sql_steps", "constraints", "generated", "stems"]


def one(job):
    number, seed, kind, program, place = job
    chance = random.Random("%d/%d/%s" % (seed, number, kind))
    folder = tempfile.mkdtemp(prefix="scenario", dir=place)
    scenario = Scenario(chance, folder, program)
    try:
        ended, why = importlib.import_module("kinds." + kind).case(scenario), ""
    except Wrong as wrong:
        ended, why = "wrong", str(wrong)
    except Exception:
        ended, why = "unmade", traceback.format_exc()
    shutil.rmtree(folder)
    reason = "" if ended == "done" or not getattr(scenario, "last", None) else scenario.last.why()
    return number, kind, ended, why, reason, "\n".join(scenario.notes)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--program", required=True)
    words.add_argument("--cases", type=int, default=70)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--seed", type=int, default=20261129)
    words.add_argument("--kind", choices=KINDS)
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--show", action="store_true", help="print every case that was not carried out")
    asked = words.parse_args()
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    numbers = range(asked.first, asked.first + asked.cases)
    jobs = [(n, asked.seed, asked.kind or KINDS[n % len(KINDS)], os.path.abspath(asked.program), place) for n in numbers]
    counts = collections.Counter()
    wrong = 0
    with multiprocessing.Pool(asked.workers) as pool:
        for number, kind, ended, why, reason, notes in pool.imap_unordered(one, jobs, chunksize=4):
            counts[kind, ended] += 1
            bad = ended in ("wrong", "unmade")
            wrong += bad
            if (bad and wrong <= 10) or (asked.show and ended != "done"):
                print("case %d (%s), %s: %s%s\n%s\n" % (number, kind, ended, why, "" if bad else reason, notes if bad or asked.show else ""))
            elif bad:
                print("case %d (%s), %s: %s" % (number, kind, ended, why.strip().splitlines()[-1]))
            elif ended == "rolled back":
                print("case %d (%s), rolled back: %s" % (number, kind, reason))
    for kind in KINDS:
        told = ", ".join("%d %s" % (counts[key], key[1]) for key in sorted(counts) if key[0] == kind)
        if told:
            print("%s: %s" % (kind, told))
    total = sum(counts.values())
    done = sum(n for (_, ended), n in counts.items() if ended == "done")
    print("%d cases: %d carried out, %d wrong" % (total, done, wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
