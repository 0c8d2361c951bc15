"""Many processes that begin on one signal, on a database of their own.

A worker module names its acts and ends with `if __name__ == "__main__": crowd.work(ACTS)`; Django is loaded once and forked
before anybody has a connection. A test runs it with `Crowd(url, data_dir, worker=module).prepare().run([act, ...])`.
"""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping


class Crowd:
    def __init__(self, url, data_dir, *, worker: str):
        self.worker = worker
        self.environment = os.environ | {
            "DATABASE_URL": url, "DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "tests.settings",
        }  # fmt: skip

    def prepare(self) -> "Crowd":
        self.manage("migrate", "--verbosity=0")
        self.run(["prepare"])
        return self

    def manage(self, *arguments, may_fail=False) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert may_fail or done.returncode == 0, done.stderr
        return done.stdout

    def run(self, acts: list[str]) -> list[dict]:
        """Do the acts, one process each, all at once; return what each told."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.concurrency.{self.worker}", *acts],
            env=self.environment, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ask(self, sql) -> list[tuple]:
        script = (
            "import json; from django.db import connection; cursor = connection.cursor(); "
            f"cursor.execute({sql!r}); print(json.dumps(cursor.fetchall(), default=int))"
        )
        return [tuple(row) for row in json.loads(self.manage("shell", "--no-imports", "-c", script))]

    def wrong_books(self) -> list[str]:
        said = json.loads(self.manage("check_books", "--json", may_fail=True))
        return [check["name"] for check in said["checks"] if not check["ok"]]


def work(acts: Mapping[str, Callable[[], dict]]) -> None:
    """Do the acts named on the command line, a process each, and print what they told as one JSON list."""
    fork = multiprocessing.get_context("fork")
    barrier, told = fork.Barrier(len(sys.argv) - 1), fork.Queue()
    crowd = [fork.Process(target=_one_of_many, args=(acts[name], barrier, told)) for name in sys.argv[1:]]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    if any(process.exitcode for process in crowd):
        sys.exit("a process failed")
    print(json.dumps([told.get() for _ in crowd]))


def _one_of_many(act, barrier, told) -> None:
    from django.db import connection

    connection.ensure_connection()
    barrier.wait()
    told.put(act())
    connection.close()
