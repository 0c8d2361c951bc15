"""What the parent does with a program, without a shop in it."""

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from crm.lib import supervising
from crm.lib.supervising import Plan, Program

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def plan(tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    lock_fd = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    (tmp_path / "logs").mkdir()

    def make(*programs: Program, **changes) -> Plan:
        values = {
            "programs": list(programs), "address": listener.getsockname(), "host_header": "127.0.0.1",
            "url": "http://box", "cwd": str(tmp_path), "logs": str(tmp_path / "logs"),
            "listen_fd": listener.fileno(), "lock_fd": lock_fd, "grace_seconds": 1.0,
        }  # fmt: skip
        return Plan(**{**values, **changes})

    yield make
    listener.close()
    os.close(lock_fd)


def _run(plan, tmp_path, *, until=None, seconds=10.0):
    """Run the parent as it runs in life; interrupt it when `until(stderr so far)`; return code and what it said."""
    path, said = tmp_path / "plan.json", tmp_path / "said"
    plan.write(path)
    with said.open("w") as stderr:
        parent = subprocess.Popen(
            [sys.executable, "-I", "-S", supervising.__file__, str(path)],
            stdout=subprocess.DEVNULL, stderr=stderr, pass_fds=[plan.listen_fd, plan.lock_fd],
        )  # fmt: skip
        give_up_at = time.monotonic() + seconds
        while parent.poll() is None and time.monotonic() < give_up_at and not (until and until(said.read_text())):
            time.sleep(0.05)
        if parent.poll() is None:
            parent.send_signal(signal.SIGINT)
        return parent.wait(timeout=10), said.read_text()


def test_a_plan_comes_back_as_it_was_written(plan, tmp_path):
    written = plan(Program(name="web", argv=["a", "b"], listens=True))
    written.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == written


def test_a_program_that_crashes_is_started_again_ever_more_slowly(plan, tmp_path):
    crashes = Program(name="crashes", argv=[sys.executable, "-c", "print('hello'); raise SystemExit(3)"])
    code, said = _run(plan(crashes), tmp_path, until=lambda text: text.count("\n") == 3)
    assert code == 0
    log = tmp_path / "logs" / "crashes.log"
    assert said.splitlines() == [
        f"The crashes program stopped with code 3; it starts again in {delay} s ({log})." for delay in ("0.5", "1", "2")
    ]
    assert log.read_text() == "hello\n" * 3


def test_a_web_server_that_never_starts_ends_the_start_and_shows_why(plan, tmp_path):
    web = Program(name="web", listens=True, argv=[sys.executable, "-c", "raise SystemExit('no such setting')"])
    code, said = _run(plan(web), tmp_path, seconds=20)
    assert code == 1
    assert said.splitlines()[-2:] == ["no such setting", "no such setting"]
    assert f"The web program does not start. The end of {tmp_path / 'logs' / 'web.log'}:" in said


def test_a_program_that_is_not_there_is_named_in_its_log(plan, tmp_path):
    absent = Program(name="absent", argv=["/no/such/program"])
    _, said = _run(plan(absent), tmp_path, until=lambda text: "\n" in text)
    assert said.startswith("The absent program could not be started; it starts again in 0.5 s")
    assert "No such file or directory" in (tmp_path / "logs" / "absent.log").read_text()


def test_a_program_deaf_to_sigterm_is_killed_after_the_grace(plan, tmp_path):
    mark = tmp_path / "pid"
    source = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    deaf = Program(name="deaf", argv=[sys.executable, "-c", source])
    code, _ = _run(plan(deaf), tmp_path, until=lambda text: mark.exists() and mark.read_text())
    assert code == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_what_a_crashed_program_left_behind_is_ended(plan, tmp_path):
    mark = tmp_path / "pid"
    source = (
        "import subprocess, sys; left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open({str(mark)!r}, 'w').write(str(left.pid)); raise SystemExit(1)"
    )
    leaves = Program(name="leaves", argv=[sys.executable, "-c", source])
    _run(plan(leaves), tmp_path, until=lambda text: "stopped with code 1" in text)
    assert not _is_alive(int(mark.read_text()))


def _is_alive(pid: int) -> bool:
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
        if not state or state.startswith("Z"):
            return False
        time.sleep(0.05)
    return True


WITHOUT_THE_KERNELS_HELP = (
    "import runpy, sys; sys.platform = 'darwin'; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.mark.parametrize("helped_by", ["guard", "kernel"])
def test_a_killed_parent_leaves_no_orphan(plan, tmp_path, helped_by):
    """Either of the two is enough: the guard where the kernel cannot help, the kernel where the guard is stuck."""
    if helped_by == "kernel" and sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent died")
    mark = tmp_path / "pid"
    source = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    made = plan(Program(name="sleeps", argv=[sys.executable, "-c", source]))
    made.write(tmp_path / "plan.json")
    how = [] if helped_by == "kernel" else ["-c", WITHOUT_THE_KERNELS_HELP]
    parent = subprocess.Popen(
        [sys.executable, "-I", "-S", *how, supervising.__file__, str(tmp_path / "plan.json")],
        pass_fds=[made.listen_fd, made.lock_fd],
    )
    for _ in range(200):
        if mark.exists() and mark.read_text():
            break
        time.sleep(0.05)
    guard = next(child for child in psutil.Process(parent.pid).children() if child.pid != int(mark.read_text()))
    if helped_by == "kernel":
        guard.suspend()
    parent.kill()
    parent.wait()
    assert not _is_alive(int(mark.read_text()))
    if helped_by == "kernel":
        guard.resume()
    guard.wait(timeout=10)


def test_a_later_program_waits_for_the_socket_of_an_earlier_one(plan, tmp_path):
    path, mark = tmp_path / "s", tmp_path / "order"
    server = (
        f"import socket, time; time.sleep(0.7); open({str(mark)!r}, 'a').write('server '); s = socket.socket(socket.AF_UNIX); "
        f"s.bind({str(path)!r}); s.listen(); time.sleep(60)"
    )
    client = f"import time; open({str(mark)!r}, 'a').write('client'); time.sleep(60)"
    _run(
        plan(
            Program(name="server", argv=[sys.executable, "-c", server], ready_socket=str(path)),
            Program(name="client", argv=[sys.executable, "-c", client]),
        ),
        tmp_path,
        until=lambda text: mark.exists() and "client" in mark.read_text(),
    )
    assert mark.read_text() == "server client"


def test_big_logs_are_put_aside_and_only_some_are_kept(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "BIGGEST_LOG_BYTES", 10)
    supervisor = supervising.Supervisor(plan(Program(name="web", argv=SLEEPS)))
    log = tmp_path / "logs" / "web.log"
    for round_ in range(5):
        log.write_text(f"round {round_} of many lines")
        supervisor.logs_checked_at = -supervising.TICK_SECONDS
        supervisor._rotate_logs()
        assert log.read_text() == ""
    kept = {path.name: path.read_text()[:7] for path in log.parent.iterdir()}
    assert kept == {"web.log": "", "web.log.1": "round 4", "web.log.2": "round 3", "web.log.3": "round 2"}


def test_small_logs_stay(plan, tmp_path):
    supervisor = supervising.Supervisor(plan(Program(name="web", argv=SLEEPS)))
    (tmp_path / "logs" / "web.log").write_text("little")
    supervisor.logs_checked_at = -supervising.TICK_SECONDS
    supervisor._rotate_logs()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["web.log"]


def test_programs_run_on_where_no_log_can_be_written(plan, tmp_path):
    mark = tmp_path / "mark"
    runs = Program(name="runs", argv=[sys.executable, "-c", f"print('hello'); open({str(mark)!r}, 'w').write('done')"])
    code, said = _run(plan(runs, logs=str(tmp_path / "none")), tmp_path, until=lambda text: "stopped with code 0" in text)
    assert code == 0
    assert mark.read_text() == "done"
    assert "Traceback" not in said
