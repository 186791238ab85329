"""Running one tool on a fresh copy, and looking at it meanwhile."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import peers

HOME = Path(__file__).resolve().parent.parent.parent
PLACE = HOME / "target" / "bench"
PROGRAM = HOME / "target" / "release" / "phaseshift"
MAKER = HOME / "target" / "release" / "examples" / "catalogue"
# The smallest catalogue with rows in every table.
SMALL = 40
PHASES = HOME / "fixtures" / "fits_catalog" / "phases"


def small_catalogue(name):
    """An empty folder of a name, and the smallest catalogue in it."""
    folder = PLACE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / "source.db"
    subprocess.run([str(MAKER), str(source), str(SMALL)], check=True)
    return folder, source


class Watch:
    """Looks every 10 ms at how much a folder holds and how much anonymous memory a process has."""

    def __init__(self, folder, process):
        self.folder, self.status = folder, Path(f"/proc/{process}/status")
        self.disk, self.memory, self.running = 0, 0, True
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def held(self):
        total = 0
        for path in self.folder.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                pass
        return total

    def anonymous(self):
        """Memory that is not pages of files, in KiB."""
        try:
            line = next((it for it in self.status.read_text().splitlines() if it.startswith("RssAnon")), "x 0")
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(line.split()[1])

    def look(self):
        while self.running:
            self.disk = max(self.disk, self.held())
            self.memory = max(self.memory, self.anonymous())
            time.sleep(0.01)

    def stop(self):
        self.running = False
        self.thread.join()
        self.disk = max(self.disk, self.held())
        return self


class Bench:
    def __init__(self, rows):
        self.rows = rows
        self.source = PLACE / f"catalogue_{rows}.db"
        self.folder = PLACE / f"run_{rows}"
        self.copy = self.folder / "copy.db"
        if not self.source.exists():
            self.make()
        PLACE.joinpath("sql").mkdir(exist_ok=True)
        self.rebuild = self.write("rebuild", peers.as_script(peers.rebuild_sql(self.source)))
        self.native = self.write("native", peers.as_script(peers.native_sql(self.source)))
        self.rewritten = self.write("rewritten", peers.as_script(peers.rewritten_sql(self.source)))
        self.generic = PLACE / "generic_phases"
        self.generic.mkdir(exist_ok=True)
        for name in ("phase1.toml", "phase2.toml"):
            shutil.copyfile(PHASES / name, self.generic / name)
        self.generic.joinpath("phase3.toml").write_text(peers.GENERIC_PHASE)

    def make(self):
        print(f"making a catalogue of {self.rows} files", file=sys.stderr)
        part = self.source.with_suffix(".part")
        part.unlink(missing_ok=True)
        subprocess.run([str(MAKER), str(part), str(self.rows)], check=True)
        part.rename(self.source)

    def write(self, name, statements):
        script = PLACE / "sql" / f"{name}.sql"
        script.write_text(";\n".join(statements) + ";\n")
        script.with_suffix(".json").write_text(json.dumps(statements))
        return script

    def contenders(self):
        python, copy = [sys.executable, "-c"], str(self.copy)
        product = [str(PROGRAM), "upgrade", "phase3", "-d", copy, "--phases", str(PHASES), "--json"]
        generic = [str(PROGRAM), "upgrade", "phase3", "-d", copy, "--phases", str(self.generic), "--json"]
        return {
            "floor": ["bash", "-c", f"cp {copy} {copy}.1 && sync {copy}.1 && cp {copy} {copy}.2 && sync {copy}.2 && cmp {copy}.1 {copy}.2"],
            "product": product,
            "product, in place": [*product, "--in-place"],
            "product, every row rewritten": generic,
            "hand-written script": [*python, peers.HAND_WRITTEN, copy, str(self.rebuild.with_suffix(".json"))],
            "Alembic batch": [*python, peers.ALEMBIC, copy],
            "sqlite-utils transform": [*python, peers.SQLITE_UTILS, copy],
            "12 steps in sqlite3": ["sqlite3", "-bail", copy, f".read {self.rebuild}"],
            "12 steps in sqlite3, every row rewritten": ["sqlite3", "-bail", copy, f".read {self.rewritten}"],
            "native ALTER": ["sqlite3", "-bail", copy, f".read {self.native}"],
        }

    def fresh(self, cold):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copyfile(self.source, self.copy)
        os.sync()
        if cold:
            with self.copy.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def measure(self, command, cold):
        self.fresh(cold)
        output = self.folder / "output"
        with output.open("wb") as sink:
            started = time.perf_counter()
            child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, cwd=self.folder)
            watch = Watch(self.folder, child.pid)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - started
            watch.stop()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{command[:2]} failed:\n{output.read_text()[-2000:]}")
        found = {
            "seconds": seconds,
            "memory": watch.memory / 1024,
            "written": usage.ru_oublock * 512 / 1e6,
            "processor": usage.ru_utime + usage.ru_stime,
            "peak": watch.disk / 1e6,
            "final": self.copy.stat().st_size / 1e6,
        }
        if command[0] == str(PROGRAM):
            stages = json.loads(output.read_text()).get("stages") or {}
            found.update({f"stage {name}": value for name, value in stages.items()})
            # Start, look, old rows against new rules, report: what no stage counts.
            found["stage before and after"] = seconds - sum(stages.values())
        return found
