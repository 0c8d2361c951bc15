"""A real box: `manage.py up` in its own data folder on a free port."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_OURS = "DATABASE_URL REDIS_URL BROKER_URL EMAIL_URL SITE_URL ALLOWED_HOSTS HOST DEBUG SECRET_KEY".split()
PARTS = {"web": "gunicorn", "worker": "celery", "broker": "-server"}


def wait_for(what, *, seconds=20.0):
    """Return the first true answer of `what()`; fail when none comes in time."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if answer := what():
            return answer
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:g} s for nothing")


def environment(data_dir: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "DATA_DIR": str(data_dir),
        "ENV_FILE": "",
        "PORT": "0",
        "LOG_LEVEL": "INFO",
        "WEB_WORKERS": "1",
        **changes,
    }


def manage(*words: str, data_dir: Path, **changes: str) -> subprocess.CompletedProcess:
    """Run one management command of the box to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=environment(data_dir, **changes), capture_output=True, text=True, timeout=60,
    )  # fmt: skip


class Box:
    """One running `manage.py up`."""

    def __init__(self, data_dir: Path, **changes: str):
        self.data_dir = data_dir
        self.changes = changes
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT, env=environment(data_dir, **changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.first_line = self.process.stdout.readline()
        found = re.fullmatch(r"Regulars is ready: (http://127\.0\.0\.1:\d+)\n", self.first_line)
        if not found:
            self.end()
            pytest.fail(f"not ready: {self.first_line!r} {self.process.stderr.read()}")
        self.url = found[1]
        self.has_own_broker = "broker.sock" in (data_dir / "up.json").read_text()

    def everybody(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def part(self, name: str) -> psutil.Process | None:
        """Return the leader of one part, where it runs."""
        for process in self.everybody():
            try:
                if process.ppid() == self.process.pid and PARTS[name] in " ".join(process.cmdline()):
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def status(self) -> int:
        """Ask for the first page; return the status, without following a redirect."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def log(self, part: str) -> str:
        path = self.data_dir / "logs" / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def swept(self) -> int:
        """Return how many sweeps the worker has finished."""
        return len(re.findall(r"Task crm\.home\.tasks\.sweep\[\S+\] succeeded", self.log("worker")))

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def end(self) -> None:
        left = self.everybody()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        _, stubborn = psutil.wait_procs(left, timeout=10)
        for process in stubborn:
            process.kill()


@pytest.fixture(scope="session")
def seed(tmp_path_factory):
    """A data folder after its first start: migrated, static files collected."""
    data_dir = tmp_path_factory.mktemp("seed") / "data"
    box = Box(data_dir)
    box.end()
    return data_dir


@pytest.fixture(scope="module")
def box(seed, tmp_path_factory):
    """One box for the tests of a module; each leaves it running."""
    data_dir = tmp_path_factory.mktemp("box") / "data"
    shutil.copytree(seed, data_dir, ignore=shutil.ignore_patterns("*.sock"))
    running = Box(data_dir)
    yield running
    running.end()


@pytest.fixture
def start(seed, tmp_path):
    """Start further boxes, each on its own copy of the first folder or on the folder named."""
    started = []

    def start_one(*, data_dir: Path | None = None, **changes) -> Box:
        if data_dir is None:
            data_dir = tmp_path / f"data{len(started)}"
            shutil.copytree(seed, data_dir, ignore=shutil.ignore_patterns("*.sock"))
        started.append(Box(data_dir, **changes))
        return started[-1]

    yield start_one
    for running in started:
        running.end()
