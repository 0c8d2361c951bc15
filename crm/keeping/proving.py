"""Read a backup back into a scratch place and prove it: every byte, every row, every sum, and the books.

On SQLite a process of its own opens the copy as its database (`manage.py prove_copy`), so that the very checks that
prove the shop's books prove the copy's. On PostgreSQL the archive is read to its end and every row counted; a drill
restores it into a database of its own.
"""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from crm.keeping import packing, postgres, shelf, snapshots


class NotProven(RuntimeError):
    """The backup is not what it should be; the words say what."""


@dataclass
class Proof:
    facts: dict
    findings: list[dict] | None = None  # of the books in it; None: they were not looked at
    notes: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [found["detail"] for found in self.findings or [] if not found["ok"]]

    @property
    def problem(self) -> str:
        """Return what is wrong with the books in it, which were copied as they are; "" if nothing."""
        if not self.wrong:
            return ""
        return _("The backup is whole, but the books in it are not right: %(what)s") % {"what": self.wrong[0]}


def prove(path: Path, *, scratch: Path, passphrase: str, is_drill: bool) -> Proof:
    """Prove a backup; raise NotProven, or what opening it raises. A drill migrates an older one, as a restore would."""
    with packing.opened(path, scratch=scratch, passphrase=passphrase) as archive:
        manifest, name = archive.manifest, archive.database()
        others = [part for part in archive.names() if part != name]
        shelf.need(archive.size(name) + max((archive.size(part) for part in others), default=0))
        for part in others:
            archive.extract(part, scratch / "part").unlink()
        database = archive.extract(name, scratch / f"proven-{name}")
    try:
        if name == snapshots.SQLITE_NAME:
            return prove_copy(f"sqlite:////{database}", manifest=manifest, scratch=scratch, is_drill=is_drill)
        if not is_drill:
            return count_dump(database, manifest=manifest)
        return drill_postgres(database, manifest=manifest, scratch=scratch)
    finally:
        database.unlink()


def count_dump(dump: Path, *, manifest: dict) -> Proof:
    """Prove that a dump can be read to its end and holds every row."""
    facts = {"rows": postgres.rows_of(dump), "sums": manifest["sums"]}
    compare(facts, manifest)
    return Proof({"rows": {table: facts["rows"][table] for table in manifest["rows"]}, "sums": manifest["sums"]})


def prove_copy(url: str, *, manifest: dict, scratch: Path, is_drill: bool) -> Proof:
    """Compare a database with its manifest and run the books on it, in a process of its own."""
    asked = json.dumps({"tables": list(manifest["rows"]), "migrate": is_drill})
    done = run_manage("prove_copy", url=url, scratch=scratch, stdin=asked)
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        words = done.stderr.strip().splitlines()[-1:]
        raise NotProven(_("The copy could not be read: %(words)s") % {"words": " ".join(words)[:300]}) from None
    if told["integrity"] != "ok":
        raise NotProven(_("The database in it is damaged: %(words)s") % {"words": told["integrity"][:300]})
    compare(told["facts"], manifest)
    return Proof(told["facts"], told["findings"])


def compare(facts: dict, manifest: dict) -> None:
    """Raise NotProven where rows or sums are not those of the manifest."""
    for kind in ("rows", "sums"):
        for name, expected in manifest[kind].items():
            if facts[kind].get(name) != expected:
                raise NotProven(
                    _("It does not hold what it should: %(name)s is %(found)s, not %(expected)s.")
                    % {"name": name, "found": facts[kind].get(name), "expected": expected}
                )


def run_manage(*command: str, url: str, scratch: Path, stdin: str = "") -> subprocess.CompletedProcess:
    """Run a command of ours on another database, with a scratch data folder and our key."""
    environment = os.environ | {
        "DATABASE_URL": url, "DATA_DIR": str(scratch), "SECRET_KEY": settings.SECRET_KEY, "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR, env=environment, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip


def drill_postgres(dump: Path, *, manifest: dict, scratch: Path) -> Proof:
    """Restore into a database of its own on the same server, prove that, and drop it.

    Its name is always the same, so that one a killed process left is found: nobody else drills this database now.
    """
    ours = hashlib.sha256(connection.settings_dict["NAME"].encode()).hexdigest()[:8]
    name = f"regulars_drill_{ours}"
    quoted = connection.ops.quote_name(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            proof = count_dump(dump, manifest=manifest)
            proof.notes.append(
                _(
                    "The dump was read to its end and its rows were counted. To restore it for trial as well, the "
                    "database user needs the right to create databases: ALTER ROLE … CREATEDB."
                )
            )
            return proof
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            postgres.run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={name}", str(dump))
            return prove_copy(url_of(name), manifest=manifest, scratch=scratch, is_drill=True)
        finally:
            cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def url_of(database: str) -> str:
    """Return the address of another database of our PostgreSQL server."""
    where = connection.settings_dict
    login = ":".join(quote(part, safe="") for part in (where["USER"], where["PASSWORD"]) if part)
    host = quote(where["HOST"], safe="") + (f":{where['PORT']}" if where["PORT"] else "")
    mode = where["OPTIONS"].get("sslmode")
    return f"postgres://{login}{'@' if login else ''}{host}/{database}{f'?sslmode={mode}' if mode else ''}"
