"""Keep a few programs running under one parent that leaves nothing behind.

`manage.py up` writes a plan and then becomes this file (`python -I -S supervising.py PLAN`), so the
parent is a small process of the standard library alone, with neither Django nor Celery in it.

Three things keep orphans away. The parent stops its children before it leaves. On Linux each child
asks the kernel for a SIGTERM when the parent dies (PR_SET_PDEATHSIG). Everywhere, a guard process
holds the read end of a pipe whose write end only the parent has: when the parent is gone, even by
kill -9, the guard reads end-of-file and ends every process group it was told of. The guard also
holds the lock of the data folder until they are gone, so that the next start finds a quiet folder.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

GUARD_GRACE_SECONDS = 5.0
SETTLED_SECONDS = 60.0  # a program that ran this long is well: the next crash counts as its first
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 30.0
FAILURES_BEFORE_SCRATCH, FAILURES_BEFORE_GIVING_UP = 3, 4
TICK_SECONDS = 30.0
BIGGEST_LOG_BYTES, OLD_LOGS = 5 * 1024 * 1024, 3
PR_SET_PDEATHSIG = 1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclasses.dataclass(kw_only=True)
class Program:
    """One program to keep running."""

    name: str
    argv: list[str]
    ready_socket: str = ""  # the programs after this one wait until this Unix socket answers
    scratch: str = ""  # a folder that may be thrown away when the program will not start with it
    listens: bool = False  # it is handed the listening socket


@dataclasses.dataclass(kw_only=True)
class Plan:
    """What to run, and where."""

    programs: list[Program]
    address: tuple[str, int]
    host_header: str
    url: str
    cwd: str
    logs: str
    listen_fd: int
    lock_fd: int
    grace_seconds: float = 10.0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        values = json.loads(path.read_text())
        values["programs"] = [Program(**program) for program in values["programs"]]
        values["address"] = tuple(values["address"])
        return cls(**values)


@dataclasses.dataclass
class _Child:
    program: Program
    process: subprocess.Popen | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0


def signal_group(group: int, number: int) -> bool:
    """Signal a process group; tell whether any process of it was there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        return False
    return True


def end_groups(groups: set[int], *, grace_seconds: float) -> None:
    """Ask process groups to stop, then make them."""
    alive = {group for group in groups if signal_group(group, signal.SIGTERM)}
    give_up_at = time.monotonic() + grace_seconds
    while alive and time.monotonic() < give_up_at:
        time.sleep(0.05)
        alive = {group for group in alive if signal_group(group, 0)}
    for group in alive:
        signal_group(group, signal.SIGKILL)


def answers(path: str) -> bool:
    """Tell whether a server listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except OSError:
            return False
    return True


class Guard:
    """The small process that outlives a killed parent just long enough to end what it started."""

    def __init__(self, *, keep_fd: int):
        self.keep_fd = keep_fd
        self.pid = self.tell_fd = -1

    def start(self, groups: set[int]) -> None:
        if self.tell_fd >= 0:
            os.close(self.tell_fd)
        read_fd, self.tell_fd = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._watch(read_fd)
            finally:
                os._exit(0)
        os.close(read_fd)
        for group in groups:
            self.tell("+", group)

    def tell(self, sign: str, group: int) -> None:
        """Tell the guard of a group that began (+) or ended (-). Also called in a child that is not a program yet."""
        with contextlib.suppress(OSError):  # the guard was killed; the parent notices and starts another
            os.write(self.tell_fd, f"{sign}{group}\n".encode())

    def has_died(self) -> bool:
        return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid

    def dismiss(self) -> None:
        os.close(self.tell_fd)
        os.waitpid(self.pid, 0)

    def _watch(self, read_fd: int) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        for fd in range(3, 256):
            if fd not in (read_fd, self.keep_fd):
                with contextlib.suppress(OSError):
                    os.close(fd)
        groups, rest = set(), b""
        while chunk := os.read(read_fd, 4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
        end_groups(groups, grace_seconds=GUARD_GRACE_SECONDS)


class Supervisor:
    """Start the programs of a plan in order, restart what crashes, stop everything on a signal."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.children = [_Child(program) for program in plan.programs]
        self.guard = Guard(keep_fd=plan.lock_fd)
        self.stop_requests = 0
        self.is_ready = False
        self.gave_up = False
        self.logs_checked_at = 0.0

    def run(self) -> int:
        """Keep the programs running until a signal; return the exit code."""
        self._listen_to_signals()
        self.guard.start(set())
        while not self.stop_requests and not self.gave_up:
            self._notice_deaths()
            if not self.gave_up:
                self._start_due()
                self._say_when_ready()
                self._rotate_logs()
                self._rest()
        self._stop_all()
        self.guard.dismiss()
        return 1 if self.gave_up else 0

    def _listen_to_signals(self) -> None:
        self.wake_fd, wake_write_fd = os.pipe()
        os.set_blocking(self.wake_fd, False)
        os.set_blocking(wake_write_fd, False)
        signal.set_wakeup_fd(wake_write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _on_stop(self, *_) -> None:
        self.stop_requests += 1

    def _rest(self) -> None:
        """Sleep until a signal or until something is due."""
        now = time.monotonic()
        waits = [TICK_SECONDS if self.is_ready else 0.1]
        waits += [max(0.0, child.due_at - now) for child in self.children if child.process is None]
        # A program that waits for an earlier one to answer is due already: look again shortly.
        self._wait_for_signal(max(0.05, min(waits)))

    def _wait_for_signal(self, seconds: float) -> None:
        if select.select([self.wake_fd], [], [], seconds)[0]:
            while len(os.read(self.wake_fd, 512)) == 512:
                pass

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None and child.due_at <= now:
                self._start(child)
            if child.program.ready_socket and not answers(child.program.ready_socket):
                return

    def _start(self, child: _Child) -> None:
        parent = os.getpid()

        def before_exec():
            if _libc is not None:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            self.guard.tell("+", os.getpid())
            if os.getppid() != parent:
                os._exit(1)

        try:
            log = os.open(self._log_path(child), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:  # a shop without logs is better than none
            log = os.open(os.devnull, os.O_WRONLY)
        try:
            child.process = subprocess.Popen(
                child.program.argv,
                cwd=self.plan.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self.plan.listen_fd] if child.program.listens else [],
                preexec_fn=before_exec,  # this process has one thread
            )
        except OSError as error:
            os.write(log, f"{child.program.argv[0]}: {error}\n".encode())
            self._count_failure(child, "could not be started")
        else:
            child.started_at = time.monotonic()
        finally:
            os.close(log)

    def _log_path(self, child: _Child) -> str:
        return os.path.join(self.plan.logs, f"{child.program.name}.log")

    def _notice_deaths(self) -> None:
        if self.guard.has_died():
            self.guard.start({child.process.pid for child in self.children if child.process})
        for child in self.children:
            if child.process is None or child.process.poll() is None:
                continue
            signal_group(child.process.pid, signal.SIGKILL)  # what it left of its own children
            self.guard.tell("-", child.process.pid)
            code, child.process = child.process.returncode, None
            if time.monotonic() - child.started_at > SETTLED_SECONDS:
                child.failures = 0
            self._count_failure(child, f"was ended by signal {-code}" if code < 0 else f"stopped with code {code}")

    def _count_failure(self, child: _Child, what: str) -> None:
        child.failures += 1
        if child.program.listens and not self.is_ready and child.failures >= FAILURES_BEFORE_GIVING_UP:
            self.gave_up = True
            self._say(f"The {child.program.name} program does not start. The end of {self._log_path(child)}:")
            with contextlib.suppress(OSError), open(self._log_path(child), errors="replace") as log:
                self._say("".join(log.readlines()[-10:]).rstrip())
            return
        if child.program.scratch and child.failures % FAILURES_BEFORE_SCRATCH == 0:
            _remove_folder(child.program.scratch)
        delay = min(FIRST_DELAY_SECONDS * 2 ** (child.failures - 1), LONGEST_DELAY_SECONDS)
        child.due_at = time.monotonic() + delay
        self._say(f"The {child.program.name} program {what}; it starts again in {delay:g} s ({self._log_path(child)}).")

    def _say_when_ready(self) -> None:
        if not self.is_ready and self._web_answers():
            self.is_ready = True
            print(f"Regulars is ready: {self.plan.url}", flush=True)

    def _web_answers(self) -> bool:
        try:
            with socket.create_connection(self.plan.address, timeout=1) as client:
                client.sendall(f"HEAD / HTTP/1.0\r\nHost: {self.plan.host_header}\r\n\r\n".encode())
                return client.recv(5) == b"HTTP/"
        except OSError:
            return False

    def _rotate_logs(self) -> None:
        """Copy away and empty logs that have grown big; programs append, so they go on in the emptied file."""
        now = time.monotonic()
        if now - self.logs_checked_at < TICK_SECONDS:
            return
        self.logs_checked_at = now
        for child in self.children:
            path = self._log_path(child)
            if os.path.exists(path) and os.path.getsize(path) >= BIGGEST_LOG_BYTES:
                with contextlib.suppress(OSError):  # a full disk must not end the shop
                    _put_aside(path)

    def _stop_all(self) -> None:
        """Stop in the reverse order: what uses the broker first, the broker last."""
        first = [child for child in self.children if not child.program.ready_socket]
        for stage in (first, [child for child in self.children if child.program.ready_socket]):
            self._stop(stage)

    def _stop(self, children: list[_Child]) -> None:
        running = [child.process for child in children if child.process]
        for process in running:
            process.send_signal(signal.SIGTERM)  # the leader passes it on to its own workers
        give_up_at = time.monotonic() + self.plan.grace_seconds
        asked = self.stop_requests
        while any(process.poll() is None for process in running):
            impatient = self.stop_requests > asked  # a second Ctrl-C
            if impatient or time.monotonic() > give_up_at:
                break
            self._wait_for_signal(0.2)
        for process in running:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
            self.guard.tell("-", process.pid)

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def _put_aside(path: str) -> None:
    for age in range(OLD_LOGS, 1, -1):
        if os.path.exists(f"{path}.{age - 1}"):
            os.replace(f"{path}.{age - 1}", f"{path}.{age}")
    with open(path, "rb") as full, open(f"{path}.1", "wb") as old:
        while chunk := full.read(1 << 16):
            old.write(chunk)
    os.truncate(path, 0)


def _remove_folder(path: str) -> None:
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            os.rmdir(os.path.join(folder, name))


if __name__ == "__main__":
    plan = Plan.read(Path(sys.argv[1]))
    for inherited_fd in (plan.listen_fd, plan.lock_fd):
        os.set_inheritable(inherited_fd, False)
    sys.exit(Supervisor(plan).run())
