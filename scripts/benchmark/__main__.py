"""The measurements of scripts/bench: every tool does Phase 3 on a fresh copy, in turn, and the medians are printed."""

import argparse
import shutil
import statistics
from pathlib import Path

from . import fleet, many, report, squash, wide
from .measure import Bench

def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rows", default="12456,250000", help="numbers of files, separated by commas")
    parser.add_argument("--runs", type=int, default=5, help="how often each tool runs")
    parser.add_argument("--only", help="names or parts of names of the tools to run")
    parser.add_argument("--out", type=Path, help="a file for the tables")
    parser.add_argument("--plot", type=Path, help="a file for the plot, SVG")
    parser.add_argument("--cold", action="store_true", help="drop the copy from the cache before each run")
    parser.add_argument("--many", type=int, metavar="COUNT", help="migrate so many small files instead, and compare with their syncs")
    parser.add_argument("--fleet", type=int, metavar="COUNT", help="migrate so many small files by --all, by loops and by scripts instead")
    parser.add_argument("--squash", action="store_true", help="make new files by chains and by their squashes instead")
    parser.add_argument("--wide", nargs="?", const="", metavar="NAMES", help="measure wide schemas instead, or those with these parts of names")
    options = parser.parse_args()
    if options.squash:
        print(squash.run(options.runs))
        return
    if options.wide is not None:
        print(wide.run(options.runs, options.wide))
        return
    if options.fleet:
        print(fleet.run(options.fleet, options.runs))
        return
    if options.many:
        print(many.run(options.many, options.runs))
        return
    text, medians = "", {}
    for rows in (int(it) for it in options.rows.split(",")):
        bench = Bench(rows)
        wanted = options.only.split(",") if options.only else [""]
        commands = {name: it for name, it in bench.contenders().items() if any(part in name for part in wanted)}
        results = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                results[name].append(bench.measure(command, options.cold))
        shutil.rmtree(bench.folder, ignore_errors=True)
        for name, runs in results.items():
            medians.setdefault(name, {})[rows] = statistics.median(it["seconds"] for it in runs)
        part = report.table(rows, results, bench.source.stat().st_size)
        print(part, flush=True)
        text += part + "\n"
    if options.plot:
        options.plot.write_text(report.plot(medians))
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
