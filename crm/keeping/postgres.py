"""PostgreSQL's own programs, run with our settings; the password goes by the environment, not by arguments."""

import os
import shutil
import subprocess
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
    where = connection.settings_dict
    environment = os.environ | {
        key: str(value)
        for key, value in {
            "PGHOST": where["HOST"], "PGPORT": where["PORT"], "PGUSER": where["USER"],
            "PGPASSWORD": where["PASSWORD"], "PGDATABASE": database or where["NAME"],
            "PGSSLMODE": where["OPTIONS"].get("sslmode", ""),
        }.items()
        if value
    }  # fmt: skip
    done = subprocess.run(
        [find(name), *arguments], env=environment, stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise ProgramFailed(f"{name}: {' '.join(words)}"[:400])
    return done.stdout or b""
