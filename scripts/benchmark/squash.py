"""A new file made by a chain of phases, against one made by its squash, in turn."""

import shutil
import statistics
import subprocess
import time
from pathlib import Path

from .measure import PLACE, PROGRAM

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"

# The chains that a new file can be made of.
CHAINS = ["observatory", "gene_catalogue", "charts", "photo_map"]


def upgrade(phases, database):
    command = [str(PROGRAM), "upgrade", "head", "--create", "-d", str(database), "--phases", str(phases), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(phases, folder):
    """Seconds for one new file, from the start of the program to its end."""
    place = folder / "run"
    place.mkdir()
    started = time.perf_counter()
    upgrade(phases, place / "new.db")
    seconds = time.perf_counter() - started
    shutil.rmtree(place)
    return seconds


def run(rounds):
    folder = PLACE / "squash"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    places = {}
    for name in CHAINS:
        chain, squash = folder / name / "chain", folder / name / "squash"
        for place in (chain, squash):
            shutil.copytree(FIXTURES / name / "phases", place)
        command = [str(PROGRAM), "squash", "-m", "All", "--id", "all", "--yes", "--phases", str(squash)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        places[name] = (chain, squash)
    times = {name: ([], []) for name in CHAINS}
    for _ in range(rounds):
        for name, pair in places.items():
            for phases, found in zip(pair, times[name]):
                found.append(timed(phases, folder))
    lines = ["| chain | phases | chain: median (least to most) | squash: median (least to most) | ratio |", "| --- | --- | --- | --- | --- |"]
    for name, (chain, squash) in times.items():
        count = len(list((folder / name / "chain").glob("*.toml")))
        shown = [f"{statistics.median(it):.2f} s ({min(it):.2f} to {max(it):.2f})" for it in (chain, squash)]
        ratio = statistics.median(chain) / statistics.median(squash)
        lines.append(f"| {name} | {count} | {shown[0]} | {shown[1]} | {ratio:.1f} |")
    shutil.rmtree(folder)
    return "\n".join(lines)
