"""Holds the findings of `phaseshift prove --json` against the losses that plain SQL finds.

    python3 agree.py REPORT.json BEFORE.db AFTER.db [MAP.json]

Ends with 1 if either names something that the other does not.
"""
import json
import sys
from collections import Counter

import judge

# What plain SQL can only tell of a table, not of a column.
OF_TABLES = {"on-conflict", "unique", "check"}


def agree(findings, losses):
    """Lists what only one of the two names."""
    tables = {thing.split(".")[0] for _, thing, _ in losses}
    said = Counter()
    for finding in findings:
        thing = finding["object"]
        if finding["code"] in OF_TABLES and thing not in tables:
            thing = thing.rsplit(".", 1)[0]
        said[(finding["code"], thing)] += 1
    found = Counter((code, thing) for code, thing, _ in losses)
    lines = [f"only prove names: {code} {thing}" for code, thing in (said - found).elements()]
    lines += [f"only plain SQL names: {code} {thing}" for code, thing in (found - said).elements()]
    counts = {(f["code"], f["object"]): f["count"] for f in findings if f["count"] is not None}
    for code, thing, count in losses:
        if count != "-" and (code, thing) in counts and str(counts[(code, thing)]) != count:
            lines.append(f"{code} {thing}: prove counts {counts[(code, thing)]}, plain SQL {count}")
    return lines


if __name__ == "__main__":
    report = json.load(open(sys.argv[1]))
    names = json.load(open(sys.argv[4])) if len(sys.argv) > 4 else {}
    losses = judge.losses(sys.argv[2], sys.argv[3], names)
    lines = agree(report["findings"], losses)
    print("\n".join(lines) or f"both name the same {len(losses)} losses")
    sys.exit(bool(lines))
