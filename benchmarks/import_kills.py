"""Kill the worker that imports, with kill -9 at random moments, and compare the books with an undisturbed import.

    python benchmarks/import_kills.py [--kills 50] [--lines 30000] [--seed 1] [--json]

A shop with a first file in its books gets a second one that changes part of it: undisturbed for the expected hash; then on
a copy of the first state, read three times, shuffled the second time, by workers of which `--kills` in all are killed
somewhere between their first and last statement; then taken back by workers a fifth as many of which are killed. Chunks
are small, so that there are many seams to die at. After every death the database is checked (PRAGMA integrity_check).
The hash (tests/imports/same_books.py) leaves out numbers of rows and times of writing. Workers are forked from
this process, which has Django loaded and no connection of its own: what is measured is dying, not starting.
"""

import argparse
import csv
import datetime as dt
import importlib.util
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
try:
    import pysqlite3 as sqlite3  # the build the shop writes with (crm/lib/sqlite.py)
except ImportError:
    import sqlite3
CHUNK = 150  # orders, and rows an undo looks at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--lines", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regulars-kills-") as folder:
        os.environ |= {
            "DATA_DIR": f"{folder}/home", "SECRET_KEY": "only-for-measuring", "ENV_FILE": "", "DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "crm.settings",
        }  # fmt: skip
        Path(folder, "home").mkdir()
        _load()
        rows = Run(Path(folder), said.kills, said.lines, random.Random(said.seed)).everything()
    if said.json:
        print(json.dumps(rows))
        return
    print(f"{'Act':<38}{'Deaths':>8}{'Rows at death, mean':>22}{'Broken databases':>18}  Hash")
    for row in rows:
        print(f"{row['act']:<38}{row['deaths']:>8}{row['mean']:>22}{row['broken']:>18}  {row['hash']} {row['verdict']}")
    sys.exit(any(row["verdict"] == "DIFFERS" for row in rows))


class Run:
    """One shop and what is done to it."""

    def __init__(self, folder: Path, kills: int, lines: int, draw: random.Random):
        self.folder, self.kills, self.draw = folder, kills, draw
        self.home, self.rows = folder / "home", []
        self.first, self.second, self.shuffled = (folder / name for name in ("first.csv", "second.csv", "shuffled.csv"))
        _write_files(self.first, self.second, self.shuffled, lines, draw)

    def everything(self) -> list[dict]:
        self._step("prepare")
        self._whole(self.first)
        before = self._say("first file, undisturbed", None)
        shutil.copytree(self.home, self.folder / "kept")
        started = time.monotonic()
        self._whole(self.second)
        self.seconds = time.monotonic() - started
        expected = self._say("second file, undisturbed", None)
        shutil.rmtree(self.home)
        shutil.copytree(self.folder / "kept", self.home)
        share = self.kills // 3
        imports = []
        for act, path, kills in (
            ("second file", self.second, self.kills - 2 * share),
            ("second file, shuffled", self.shuffled, share),
            ("second file, a third time", self.second, share),
        ):
            imports.append(int(self._step("create", path)))
            self._killed(act, "work", imports[-1], kills, expected)
        for import_id in reversed(imports):
            kills = self.kills // 5 if import_id == imports[0] else 0
            self._killed(f"import {import_id} taken back", "undo", import_id, kills, before if kills else None)
        return self.rows

    def _whole(self, path: Path) -> None:
        self._step("work", self._step("create", path))

    def _killed(self, act: str, step: str, import_id: int, kills: int, expected: str | None) -> None:
        """Do a step with workers of which so many are killed, then with one that may end."""
        reached, broken = [], 0
        longest = self.seconds if step == "work" else self.seconds / 20
        while len(reached) < kills:
            worker, said = self._start(step, import_id)
            said.readline()  # it is about to begin
            time.sleep(self.draw.uniform(0, longest))
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            said.close()
            done, state = self._progress(import_id)
            if state in ("reading", "undoing"):
                if step == "undo" and done == max(reached, default=0):
                    longest *= 1.3  # it goes on where it was, and did not get far
                reached.append(done)
            elif state == "undone":
                break  # it had ended before; nothing is left to be killed
            elif state == "done" and step == "work":
                self._again(import_id)  # it had ended before: once more
                longest *= 0.9
            broken += self._check() != "ok"
        self._step(step, import_id)
        mean = f"{sum(reached) / len(reached):,.0f}" if reached else "–"
        self._say(act, expected, deaths=len(reached), mean=mean, broken=broken)

    def _say(self, act: str, expected: str | None, *, deaths=0, mean="–", broken=0) -> str:
        found = self._step("hash")
        verdict = "" if expected is None else "same" if found == expected else "DIFFERS"
        self.rows.append(
            {"act": act, "deaths": deaths, "mean": mean, "broken": broken, "hash": found, "verdict": verdict}
        )
        return found

    def _start(self, step: str, *rest) -> tuple[int, IO[str]]:
        """Fork a worker; return its number and what it says."""
        reading_end, writing_end = os.pipe()
        worker = os.fork()
        if worker:
            os.close(writing_end)
            return worker, open(reading_end, encoding="utf-8")
        os.close(reading_end)
        os.dup2(writing_end, sys.stdout.fileno())
        status = 1
        try:
            _act(step, *map(str, rest))
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)

    def _step(self, step: str, *rest) -> str:
        worker, said = self._start(step, *rest)
        with said:
            lines = said.read().splitlines()
        if os.waitpid(worker, 0)[1]:
            raise SystemExit(f"{step} failed")
        return lines[-1] if lines else ""

    def _database(self) -> Path:
        return next(self.home.glob("*.sqlite3"))

    def _check(self) -> str:
        with sqlite3.connect(self._database()) as database:
            return database.execute("PRAGMA integrity_check").fetchone()[0]

    def _again(self, import_id: int) -> None:
        with sqlite3.connect(self._database()) as database:
            database.execute("UPDATE imports_import SET state = 'waiting' WHERE id = ?", (import_id,))

    def _progress(self, import_id: int) -> tuple[int, str]:
        with sqlite3.connect(self._database()) as database:
            columns = "rows_read, undo, state"
            query = f"SELECT {columns} FROM imports_import WHERE id = ?"
            rows_read, undo, state = database.execute(query, (import_id,)).fetchone()
        return (json.loads(undo).get("done", 0) if state == "undoing" else rows_read), state


def _write_files(first: Path, second: Path, shuffled: Path, lines: int, draw: random.Random) -> None:
    """Write two Shopify exports, the second with refunds, changed orders and new ones, and its orders shuffled."""
    spec = importlib.util.spec_from_file_location("import_benchmark", ROOT / "benchmarks" / "import.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    whole = first.with_name("whole.csv")
    benchmark.write_shopify(whole, lines)
    with open(whole, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    orders: dict[str, list] = {}
    for row in rows:
        orders.setdefault(row[0], []).append(row)
    column = {name: index for index, name in enumerate(header)}
    names = list(orders)  # newest first
    _write(first, header, [orders[name] for name in names[len(names) // 3 :]])
    changed = []
    for number, name in enumerate(names[: len(names) * 3 // 4]):
        copy = [list(row) for row in orders[name]]
        if number % 7 == 0:
            copy[0][column["Refunded Amount"]], copy[0][column["Financial Status"]] = "1.00", "partially_refunded"
        if number % 10 == 3:
            copy[0][column["Total"]] = f"{float(copy[0][column['Total']]) + 1:.2f}"
        changed.append(copy)
    _write(second, header, changed)
    draw.shuffle(changed)
    _write(shuffled, header, changed)


def _write(path: Path, header: list[str], orders: list[list]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for rows in orders:
            writer.writerows(rows)


def _load() -> None:
    """Load Django and all its models, without opening the database."""
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    from crm.imports import parsing, undoing

    parsing.CHUNK_ORDERS = undoing.PIECE = CHUNK


def _act(step: str, *rest: str) -> None:
    """Do one step in this process, against the shop in DATA_DIR."""
    from django.core.management import call_command

    from crm.accounts import setup
    from crm.imports import reading, undoing
    from crm.imports.models import Import
    from crm.lib import clock
    from crm.rewards.models import Rule
    from tests.imports.same_books import books_hash

    now = clock.now()
    if step == "prepare":
        call_command("migrate", verbosity=0)
        setup.ensure_shop(currency="USD", timezone="UTC")
        params = {"points": 1, "step_minor": 100, "currency": "USD"}
        Rule.objects.create(kind="per_amount", params=params, starts_on=dt.date(2023, 3, 1))
        Rule.objects.create(kind="welcome", params={"points": 50}, starts_on=dt.date(2023, 3, 1))
    elif step == "create":
        print(reading.create(Path(rest[0]), name=Path(rest[0]).name, options={}, now=now).pk)
    elif step == "hash":
        print(books_hash())
    else:
        import_id = int(rest[0])
        row = Import.objects.filter(pk=import_id)
        row.exclude(heartbeat_at=None).update(heartbeat_at=now - dt.timedelta(hours=1))  # the dead are long dead
        if step == "undo" and row.exclude(state__in=["undoing", "undone"]).exists():
            undoing.begin(import_id, now=now)
        print("ready", flush=True)
        reading.take_up(import_id, now=now)


if __name__ == "__main__":
    main()
