"""Start the whole box: web server, worker with its minute beat, and a private broker, under one parent."""

import fcntl
import hashlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError

from crm.keeping import restoring, updating
from crm.lib import broker, env, supervising

WEB_THREADS = 4
GUARD_PATIENCE_SECONDS = 10


class Command(BaseCommand):
    help = "Start Regulars here: web server, worker and broker under one parent. Ctrl-C stops them all."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default=env.text("HOST", "127.0.0.1"), help="address to listen on (HOST)")
        parser.add_argument("--port", type=int, default=env.number("PORT", 8000), help="0 chooses a free one (PORT)")

    def handle(self, *, host, port, **options):
        os.umask(0o077)
        data_dir, logs = settings.DATA_DIR, settings.DATA_DIR / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        lock_fd = _lock(data_dir / "up.lock")
        listener = _bind(host, port)
        port = listener.getsockname()[1]
        url = f"http://{_spoken(host)}:{port}"
        os.ftruncate(lock_fd, 0)
        os.pwrite(lock_fd, f"{os.getpid()} {url}".encode(), 0)

        with open(logs / "setup.log", "a") as log:
            _migrate(log)
            _collect_static(data_dir / "static.stamp", log)

        os.environ.update({"HOST": host, "PORT": str(port), "PYTHONUNBUFFERED": "1"})
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # fewer heaps for threads: less memory at rest
        os.environ.setdefault("OBJC_DISABLE_INITIALIZE_FORK_SAFETY", "YES")  # macOS: the web server forks after loading
        programs = [_web(listener.fileno()), *_broker(data_dir), _worker()]
        supervising.Plan(
            programs=programs,
            address=listener.getsockname()[:2] if host not in ("0.0.0.0", "::") else (_loopback(host), port),
            host_header=urlsplit(settings.SITE_URL).netloc if env.text("SITE_URL") else f"{_spoken(host)}:{port}",
            url=url,
            cwd=str(settings.BASE_DIR),
            logs=str(logs),
            listen_fd=listener.fileno(),
            lock_fd=lock_fd,
        ).write(data_dir / "up.json")
        for kept_fd in (lock_fd, listener.fileno()):
            os.set_inheritable(kept_fd, True)
        connection.close()
        signal.pthread_sigmask(signal.SIG_BLOCK, supervising.STOP_SIGNALS)  # until the next program listens to them
        # The parent needs neither Django nor Celery in memory: become the small program that watches the others.
        os.execv(sys.executable, [sys.executable, "-I", "-S", supervising.__file__, str(data_dir / "up.json")])


def _lock(path: Path) -> int:
    """Take the lock of the data folder; wait a little for what is left of a killed parent."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    give_up_at = time.monotonic() + GUARD_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, url = os.pread(fd, 200, 0).decode().partition(" ")
            if (pid and _is_running(int(pid))) or time.monotonic() > give_up_at:
                raise CommandError(
                    f"Regulars already runs on {path.parent} (process {pid or '?'}, {url or 'starting'})."
                ) from None
            time.sleep(0.2)
        else:
            return fd


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _bind(host: str, port: int) -> socket.socket:
    """Take the port now, so that a busy one is noticed before anything starts."""
    if not 0 <= port <= 65535:
        raise CommandError(f"There is no port {port}; the highest is 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            # Browsers open connections ahead of need; the kernel keeps those that say nothing away from our threads.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
        listener.bind(address)
    except OSError as error:
        raise CommandError(
            f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: make run PORT=8001"
        ) from None
    return listener


def _loopback(host: str) -> str:
    return "::1" if ":" in host else "127.0.0.1"


def _spoken(host: str) -> str:
    """Write a host as a browser on this machine wants it."""
    host = _loopback(host) if host in ("0.0.0.0", "::") else host
    return f"[{host}]" if ":" in host else host


def _migrate(log) -> None:
    """Bring the database up to date, after a backup; quick where it is. Finish a restore that was cut off first."""
    try:
        if restoring.is_begun():
            restoring.go_on()
            restoring.finish_apart()
        executor = MigrationExecutor(connection)
        updating.refuse_newer(executor.loader.applied_migrations)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            made = None if env.flag("UPDATE_WITHOUT_BACKUP") else updating.back_up_first()
            call_command("migrate", database=DEFAULT_DB_ALIAS, interactive=False, no_color=True, stdout=log, stderr=log)
            if made:
                updating.note(made)
    except (updating.NotUpdated, restoring.NotFinished) as error:
        raise CommandError(str(error)) from None
    except DatabaseError as error:
        raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from None


def _collect_static(stamp: Path, log) -> None:
    """Collect, compress and fingerprint the static files when one of them has changed."""
    seen = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            found = os.stat(storage.path(path))
            seen.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    if stamp.exists() and stamp.read_text() == seen.hexdigest() and Path(settings.STATIC_ROOT).exists():
        return
    call_command("collectstatic", interactive=False, clear=True, no_color=True, stdout=log, stderr=log)
    stamp.write_text(seen.hexdigest())


def _web(listen_fd: int) -> supervising.Program:
    """Serve pages: as many processes as cores; threads so that a slow visitor keeps nobody waiting."""
    beat_folder = ["--worker-tmp-dir", "/dev/shm"] if os.access("/dev/shm", os.W_OK) else []
    return supervising.Program(
        name="web",
        listens=True,
        argv=[
            sys.executable, "-m", "gunicorn", "crm.wsgi:application",
            "--bind", f"fd://{listen_fd}",
            "--workers", str(env.number("WEB_WORKERS", os.cpu_count() or 1)),
            "--worker-class", "gthread", "--threads", str(WEB_THREADS),
            "--preload", "--no-control-socket", *beat_folder,
            "--timeout", "60", "--graceful-timeout", "8", "--keep-alive", "5", "--log-level", "warning",
        ],
    )  # fmt: skip


def _worker() -> supervising.Program:
    """Do the work in the background, with the minute beat inside."""
    return supervising.Program(
        name="worker",
        argv=[
            sys.executable, "-m", "celery", "-A", "crm", "worker",
            "--pool", "threads", "--concurrency", str(env.number("WORKER_THREADS", 2)),
            "--beat-inside", "--without-gossip", "--without-mingle", "--without-heartbeat",
            "--loglevel", env.text("LOG_LEVEL", "WARNING"),
        ],
    )  # fmt: skip


def _broker(data_dir: Path) -> list[supervising.Program]:
    """Choose the broker and name it in the environment; return the server to run, if it is ours."""
    if env.text("BROKER_URL") or settings.REDIS_URL:
        return []
    server = broker.find_server()
    if server is None:
        os.environ["BROKER_URL"] = f"filesystem://{data_dir}/queue"
        return []
    try:
        command = broker.server_command(server, data_dir)
    except broker.NoPrivatePlace as error:
        raise CommandError(str(error)) from None
    os.environ["BROKER_URL"] = broker.url(data_dir)
    return [
        supervising.Program(
            name="broker",
            argv=command,
            ready_socket=str(broker.socket_path(data_dir)),
            scratch=str(broker.folder(data_dir)),
        )
    ]
