"""Many small files, migrated one after another, against nothing but the syncs that this takes."""

import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from .measure import PHASES, PROGRAM, small_catalogue

WRITE = re.compile(r"(?:pwrite64|write)\(\d+<([^>]+)>.* = (\d+)$")
SYNC = re.compile(r"(?:fsync|fdatasync)\(\d+<([^>]+)>\) += 0")


def upgrade(database):
    return [str(PROGRAM), "upgrade", "phase3", "-d", str(database), "--phases", str(PHASES), "--json"]


def syncs_of(database, folder):
    """The syncs of one migration, in order: the kind of file, and the bytes that were written to it before."""
    trace = folder / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(trace), *upgrade(database)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    written, found = {}, []
    for line in trace.read_text().splitlines():
        if match := WRITE.search(line):
            written[match[1]] = written.get(match[1], 0) + int(match[2])
        elif match := SYNC.search(line):
            found.append((match[1], Path(match[1]).is_dir(), written.pop(match[1], 0)))
    trace.unlink()
    return found


def sync(folder, plan):
    """Does what the plan says, and nothing else."""
    for number, (path, is_folder, written) in enumerate(plan):
        name = folder / Path(path).name
        if is_folder:
            marker = folder / f"marker-{number}"
            marker.touch()
            handle = os.open(folder, os.O_RDONLY)
        else:
            handle = os.open(name, os.O_WRONLY | os.O_CREAT)
            os.write(handle, bytes(written))
        os.fsync(handle)
        os.close(handle)


def run(count, rounds):
    folder, source = small_catalogue("many")
    traced = folder / "traced" / "catalogue.db"
    traced.parent.mkdir()
    shutil.copyfile(source, traced)
    plan = syncs_of(traced, folder)
    product, bare = [], []
    for _ in range(rounds):
        places = [folder / f"{number}" for number in range(count)]
        for place in places:
            (place / "bare").mkdir(parents=True)
            shutil.copyfile(source, place / "catalogue.db")
        os.sync()
        started = time.perf_counter()
        for place in places:
            subprocess.run(upgrade(place / "catalogue.db"), check=True, stdout=subprocess.DEVNULL)
        middle = time.perf_counter()
        for place in places:
            sync(place / "bare", plan)
        product.append(middle - started)
        bare.append(time.perf_counter() - middle)
        for place in places:
            shutil.rmtree(place)
    size = source.stat().st_size
    shutil.rmtree(folder)
    files = sum(not is_folder for _, is_folder, _ in plan)
    whole, syncs = statistics.median(product), statistics.median(bare)
    return (
        f"{count} files of {size / 1e3:.0f} kB, one after another: {whole:.2f} s, {whole / count * 1e3:.1f} ms each\n"
        f"the same {files} syncs of files and {len(plan) - files} of folders alone: {syncs:.2f} s, {syncs / count * 1e3:.1f} ms each\n"
        f"ratio {whole / syncs:.2f}"
    )
