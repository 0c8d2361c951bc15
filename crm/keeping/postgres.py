"""PostgreSQL's own programs, run with our settings; the password goes by the environment, not by arguments."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.db import connection
from django.utils.translation import gettext as _


class NoProgram(RuntimeError):
    """A program of PostgreSQL's is not on this machine."""


class ProgramFailed(RuntimeError):
    """It ended with an error; the words are its last ones."""


def find(name: str) -> str:
    """Return where a program is: on the path, else the newest that Debian put aside."""
    aside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = shutil.which(name) or (str(aside[-1]) if aside else None)
    if found is None:
        raise NoProgram(
            _("PostgreSQL's program %(name)s is not on this machine, so no backup can be made of its database.")
            % {"name": name}
        )
    return found


def run(name: str, *arguments: str, database: str = "", stdin=None, capture: bool = False) -> bytes:
    """Run a program on our database, or another one of the same server."""
    done = subprocess.run(
        [find(name), *arguments], env=_environment(database), stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    if done.returncode:
        raise _failed(name, done.stderr)
    return done.stdout or b""


def rows_of(dump: Path) -> dict[str, int]:
    """Return how many rows of each table a dump holds, read to its end in bounded memory."""
    rows: dict[str, int] = {}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [find("pg_restore"), "--file=-", str(dump)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        ) as process,
    ):
        table = None
        for line in process.stdout:
            if table is None:
                if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
                    table = line.split(b" ")[1].decode().rpartition(".")[2].strip('"')
                    rows[table] = 0
            elif line == b"\\.\n":
                table = None
            else:
                rows[table] += 1  # a line break inside a value is written as \\n
        if process.wait():
            said.seek(0)
            raise _failed("pg_restore", said.read())
    return rows


def _failed(name: str, said: bytes) -> ProgramFailed:
    words = said.decode(errors="replace").strip().splitlines()[-3:]
    return ProgramFailed(f"{name}: {' '.join(words)}"[:400])


def _environment(database: str) -> dict[str, str]:
    where = connection.settings_dict
    return os.environ | {
        key: str(value)
        for key, value in {
            "PGHOST": where["HOST"], "PGPORT": where["PORT"], "PGUSER": where["USER"],
            "PGPASSWORD": where["PASSWORD"], "PGDATABASE": database or where["NAME"],
            "PGSSLMODE": where["OPTIONS"].get("sslmode", ""),
        }.items()
        if value
    }  # fmt: skip
