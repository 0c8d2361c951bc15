"""Time a backup of a shop with 100,000 orders, and how long those who write wait for it, beside a plain file copy.

    python benchmarks/backup.py [--customers 5500]

Two processes write all the time. Prints for each way of copying how long it took, the longest and the median wait of a
write, and whether the copy is whole: a plain copy of a database that is being written to often is not. Then a whole
backup (packed, read back, its books proven) and an export of everything. On SQLite only.
"""

# ruff: noqa: E402 -- Django is told its settings before anything of ours is imported
import argparse
import multiprocessing
import os
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
FOLDER = Path(tempfile.mkdtemp(prefix="regulars-backup-"))
os.environ |= {"DATA_DIR": str(FOLDER), "DATABASE_URL": "", "ENV_FILE": "", "LOG_LEVEL": "ERROR"}
os.environ["DJANGO_SETTINGS_MODULE"] = "crm.settings"

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from crm.home import demo
from crm.keeping import backing_up, exporting, jobs
from crm.keeping.models import Job
from crm.lib import clock, sqlite

DATABASE = FOLDER / "regulars.sqlite3"
WRITERS = 2
_PRAGMAS = sqlite.journal_pragmas()
if "pysqlite3" in str(sys.modules["sqlite3"]):
    sqlite3 = sys.modules["sqlite3"]


def connect(path: Path):
    opened = sqlite3.connect(path, timeout=30, isolation_level=None)
    opened.executescript(_PRAGMAS)
    return opened


def write(stop, waits) -> None:
    """Write a small row every few milliseconds, until told to stop."""
    mine, count, me = [], 0, os.getpid()
    with closing(connect(DATABASE)) as opened:
        while not stop.is_set():
            begun = time.perf_counter()
            opened.execute("BEGIN IMMEDIATE")
            opened.execute(
                "INSERT INTO accounts_attempt (kind, who, since, count) VALUES ('b', ?, ?, 1)", (f"{me}-{count}", str(begun))
            )
            opened.execute("COMMIT")
            mine.append(time.perf_counter() - begun)
            count += 1
            time.sleep(0.004)
    waits.put(mine)


def beside_writers(act: Callable[[], object]) -> tuple[float, list[float]]:
    """Return how long an act took and how long each write waited meanwhile."""
    stop, waits = multiprocessing.Event(), multiprocessing.Queue()
    writers = [multiprocessing.Process(target=write, args=(stop, waits)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(0.5)
    begun = time.perf_counter()
    act()
    took = time.perf_counter() - begun
    stop.set()
    found = [wait for _ in writers for wait in waits.get()]
    for writer in writers:
        writer.join()
    return took, found


def copy_file(target: Path) -> None:
    for tail in ("", "-wal"):
        if (source := DATABASE.with_name(DATABASE.name + tail)).exists():
            shutil.copyfile(source, target.with_name(target.name + tail))


def vacuum_into(target: Path) -> None:
    with closing(connect(DATABASE)) as opened:
        opened.execute("VACUUM INTO ?", [str(target)])


def backup_at_once(target: Path) -> None:
    with closing(connect(DATABASE)) as opened, closing(sqlite3.connect(target)) as copy:
        opened.backup(copy)


def is_whole(target: Path) -> bool:
    try:
        with closing(sqlite3.connect(target)) as copy:
            return copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False


def compare(name: str, act: Callable[[Path], object], *, times: int) -> None:
    took, waits, whole, size = [], [], 0, 0
    for turn in range(times):
        target = FOLDER / f"copy-{turn}.sqlite3"
        seconds, waited = beside_writers(lambda to=target: act(to))
        took.append(seconds)
        waits += waited
        size = target.stat().st_size if target.exists() else 0
        whole += size > 0 and is_whole(target)
        for left in FOLDER.glob("copy-*"):
            left.unlink()
    print(
        f"{name:22} {statistics.median(took):6.2f} s   longest wait {max(waits) * 1000:6.1f} ms, "
        f"median {statistics.median(waits) * 1000:.1f} ms"
        + (f"   {size / 1e6:6.1f} MB   whole {whole} of {times}" if size else ""),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_500, help="of the invented shop; each orders about 18 times")
    customers = parser.parse_args().customers
    call_command("migrate", verbosity=0)
    filled = demo.fill(now=clock.now(), customers=customers, years=3)
    connection.close()
    print(f"{filled.orders:,} orders, {filled.lines:,} lines, {DATABASE.stat().st_size / 1e6:.0f} MB, {_PRAGMAS.split(';')[0]}")
    compare("nothing for a second", lambda _to: time.sleep(1), times=1)
    compare("plain copy", copy_file, times=5)
    compare("backup API, one step", backup_at_once, times=3)
    compare("VACUUM INTO", vacuum_into, times=3)

    def whole_backup() -> None:
        made = backing_up.make(now=clock.now())
        print(f"{'':22} proven: {len(made.proof.findings)} checks, problem: {made.proof.problem or 'none'}, "
              f"{made.backup.size / 1e6:.1f} MB")  # fmt: skip

    seconds, waits = beside_writers(whole_backup)
    print(f"{'a whole backup':22} {seconds:6.2f} s   longest wait {max(waits) * 1000:6.1f} ms")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    jobs.ask(Job.Kind.EXPORT, now=clock.now())
    jobs.do_waiting(now=clock.now())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'export of everything':22} {time.perf_counter() - begun:6.2f} s   {exporting.made()[1] / 1e6:.1f} MB, "
          f"peak memory {peak / 1024:.0f} MB (before it {before / 1024:.0f} MB)")  # fmt: skip
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
