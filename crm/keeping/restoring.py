"""A backup becomes the shop again: all or nothing, and what was there is put aside, never deleted.

The file is unpacked beside the database, proven and brought up to this version. Only then a plan of the exchange is
written down (`restore.json`), and carried out in steps that may each be repeated: who finds the plan after a kill goes
on where it stopped, as every start does. Before the plan nothing has changed; after it the restored shop comes. What
comes sends nothing until the owner confirms (accounts.instance).
"""

import datetime as dt
import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts import instance
from crm.contacts import forgetting
from crm.keeping import carrying, crossing, erasures, manifests, packing, postgres, proving, shelf, snapshots
from crm.keeping.models import Job
from crm.lib import books

PLAN, STAGED = instance.RESTORING, "restoring"
_WAYS = {("sqlite", "sqlite"), ("postgresql", "postgresql"), ("sqlite", "postgresql")}  # of what backup to what box
_NO_ROOM = gettext_lazy("The disk of the data folder is too full to unpack this backup on it. Make room, then restore.")
_IN_USE = gettext_lazy("The database is in use. Stop Regulars and every command of it, then restore.")


class Refused(RuntimeError):
    """This backup cannot be restored here; nothing was changed. The words say why, and what to do."""


class NotFinished(RuntimeError):
    """The restored shop is in its place, but the second half failed; it may be tried again."""


@dataclass(frozen=True)
class Restored:
    made_at: dt.datetime
    aside: str  # where that is which was there before; "" if nothing was
    carried: carrying.Carried
    wrong: list[str]  # with the books


def restore(path: Path, *, passphrase: str, key_is_lost: bool, now: dt.datetime) -> None:
    """Put a backup in the place of the shop, as far as `finish` takes over. The caller holds both locks."""
    _refuse_place()
    shelf.need(path.stat().st_size, words=_NO_ROOM)  # unpacked it is bigger still; now we only know this
    with shelf.scratch() as scratch, packing.opened(path, scratch=scratch, passphrase=passphrase) as archive:
        _refuse(archive, key_is_lost=key_is_lost)
        # An update of the copy rewrites the largest table, or all of them.
        shelf.need(archive.size() + archive.size(archive.database()), words=_NO_ROOM)
        plan = {
            "name": path.name,
            "folder": str(path.parent),
            "made_at": archive.manifest["made_at"],
            "aside": f"{snapshots.ASIDE}{now:%Y%m%d_%H%M%S}",
        }
        try:
            _stage(archive, settings.DATA_DIR / STAGED)
            if connection.vendor == "postgresql" and archive.manifest["database"] == "sqlite":
                _exchange_kind(archive, plan, scratch=scratch)
            elif connection.vendor == "postgresql":
                dump = archive.extract(snapshots.POSTGRES_NAME, scratch / snapshots.POSTGRES_NAME)
                proving.drill_postgres(dump, manifest=archive.manifest, scratch=scratch)
                _refuse_place()  # it took a while
                _exchange_schema(dump, plan, scratch=scratch)
            else:
                _exchange_database(archive, plan, scratch=scratch)
        finally:
            if not is_begun():
                shutil.rmtree(settings.DATA_DIR / STAGED, ignore_errors=True)


def _stage(archive: packing.Archive, staged: Path) -> None:
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700)
    archive.extract_files(staged / "files")
    if manifests.KEY_FILE in archive.names():
        archive.extract(manifests.KEY_FILE, staged / manifests.KEY_FILE)


def is_begun() -> bool:
    """Tell whether a restore was cut off after its plan was written."""
    return (settings.DATA_DIR / PLAN).exists()


def go_on() -> None:
    """Carry out what is left of a plan's exchange of files; the rest is `finish`'s, under the settings restored."""
    plan = _read_plan()
    if connection.vendor == "postgresql" and not _has_schema(plan["aside"]):
        _forget_plan()  # its transaction was never committed
    else:
        _exchange_files(plan)


def finish_apart() -> None:
    """Do `finish` in a process of its own, where the key that was restored holds; raise NotFinished."""
    connection.close()
    if is_begun():
        done = subprocess.run([sys.executable, "manage.py", "restore", "--finish"], cwd=settings.BASE_DIR, check=False)
        if done.returncode:
            raise NotFinished(_("The restored shop is in its place, but not ready. Say again: manage.py restore"))


def finish(*, now: dt.datetime) -> Restored:
    """Bring what was restored up to this version, hold its sending, carry over who said no since; forget the plan."""
    plan = _read_plan()
    call_command("migrate", interactive=False, verbosity=0)
    made_at = dt.datetime.fromisoformat(plan["made_at"])
    instance.hold(restored_from=made_at, now=now)
    aside = settings.DATA_DIR / plan["aside"]
    same_key = not (aside / manifests.KEY_FILE).exists()
    if connection.vendor == "postgresql":
        carried, where = carrying.carry_over(_asking_schema(plan["aside"]), same_key=same_key, now=now), plan["aside"]
    elif (aside / _database().name).exists():
        with closing(sqlite3.connect(f"file:{aside / _database().name}?mode=ro", uri=True)) as old:
            carried = carrying.carry_over(lambda sql: old.execute(sql).fetchall(), same_key=same_key, now=now)
        where = str(aside)
    else:
        carried, where = carrying.Carried(), ""
    for folder in {Path(plan.get("folder", settings.BACKUP_DIR)), settings.BACKUP_DIR}:
        erasures.take_from(folder)
    carried.erased = forgetting.again(now=now)
    Job.objects.filter(finished_at=None).delete()  # what was being done when the backup was made
    Job.objects.create(
        kind=Job.Kind.RESTORE, asked_at=now, finished_at=now, ok=True, name=plan["name"],
        report={"made_at": plan["made_at"], "aside": where, "carried": vars(carried)},
    )  # fmt: skip
    wrong = [finding.detail for finding in books.run_all() if not finding.ok]
    _forget_plan()
    return Restored(made_at, where, carried, wrong)


# ---- what is refused


def _refuse_place() -> None:
    if connection.vendor == "postgresql":
        if manifests.ask_here(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )[0][0]:
            raise Refused(_IN_USE)
    elif _database().parent.stat().st_dev != settings.DATA_DIR.stat().st_dev:
        raise Refused(_("To restore, the database must lie on the same disk as the data folder."))


def _refuse(archive: packing.Archive, *, key_is_lost: bool) -> None:
    manifest = archive.manifest
    if manifest["format"] > manifests.FORMAT or manifests.unknown(manifest["migrations"]):
        raise Refused(
            _("A newer version of Regulars made this backup. Update Regulars here first, then restore it.")
        )
    if (manifest["database"], connection.vendor) not in _WAYS:
        raise Refused(
            _("This backup is of a %(its)s database, and this box uses %(ours)s. Restore it on a box with %(its)s.")
            % {"its": manifest["database"], "ours": connection.vendor}
        )
    brings_its_own = manifests.KEY_FILE in archive.names() and manifests.own_key() is not None
    if not brings_its_own and manifest["key"] != manifests.fingerprint(settings.SECRET_KEY) and not key_is_lost:
        raise Refused(
            _(
                "The secret key here is not the one this shop had. Without that one, unsubscribe links in mails "
                "already sent, coupon codes, customers' links and cards stop working, and “never write here” forgets "
                "addresses. Set SECRET_KEY to it, or say --key-is-lost."
            )
        )


# ---- SQLite: files change places


def _database() -> Path:
    return Path(connection.settings_dict["NAME"]).resolve()


def _let_go_of_the_log(path: Path) -> None:
    """Make one file of a database and its log, so that the log of one never meets the other."""
    connection.close()
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as old:
            if old.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                raise sqlite3.OperationalError
    except sqlite3.OperationalError:
        raise Refused(_IN_USE) from None
    except sqlite3.DatabaseError:
        pass  # damaged: that may be why it is restored


def _exchange_database(archive: packing.Archive, plan: dict, *, scratch: Path) -> None:
    staged = archive.extract(snapshots.SQLITE_NAME, settings.DATA_DIR / STAGED / snapshots.SQLITE_NAME)
    proving.prove_copy(f"sqlite:////{staged}", manifest=archive.manifest, scratch=scratch, is_drill=True)
    for database in (staged, _database()):
        _let_go_of_the_log(database)
    _write_plan(plan)
    _exchange_files(plan)


def _exchange_files(plan: dict) -> None:
    """Put the restored files in their places; each step may be repeated."""
    staged, aside = settings.DATA_DIR / STAGED, settings.DATA_DIR / plan["aside"]
    connection.close()
    if (new := staged / snapshots.SQLITE_NAME).exists():
        path = _database()
        for old in (path, *(path.with_name(path.name + tail) for tail in ("-wal", "-shm", "-journal"))):
            if old.exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                os.replace(old, _free(aside / old.name))
        os.replace(new, path)
    for new in sorted(path for path in (staged / "files").rglob("*") if path.is_file()):
        place = settings.MEDIA_ROOT / new.relative_to(staged / "files")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            _move(new, place)
    if (new := staged / manifests.KEY_FILE).exists() and (place := manifests.own_key()):
        if place.exists() and place.read_bytes() != new.read_bytes():
            aside.mkdir(mode=0o700, exist_ok=True)
            os.link(place, _free(aside / place.name))
        os.replace(new, place)


def _move(path: Path, place: Path) -> None:
    """Give a file its place, also where uploads lie on another disk; there it is whole or not at all, too."""
    try:
        os.replace(path, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        half = place.with_name(f"{place.name}.part")
        shutil.copyfile(path, half)
        os.replace(half, place)


def _free(path: Path) -> Path:
    count = 1
    while path.exists():
        path, count = path.with_name(f"{path.name}.{count}"), count + 1
    return path


# ---- PostgreSQL: schemas change names, in one transaction


_HOLD = (  # the place stays the same here, so the restored shop would not notice by itself
    "DO $$ BEGIN IF to_regclass('public.accounts_instance') IS NOT NULL"
    " THEN UPDATE public.accounts_instance SET place = ''; END IF; END $$"
)


def _exchange_schema(dump: Path, plan: dict, *, scratch: Path) -> None:
    script = scratch / "restore.sql"
    postgres.run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(dump))
    connection.close()
    _write_plan(plan)
    try:
        postgres.run(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
            f"--command=ALTER SCHEMA public RENAME TO {plan['aside']}", "--command=CREATE SCHEMA public",
            f"--file={script}", f"--command={_HOLD}",
        )  # fmt: skip
    except (postgres.NoProgram, postgres.ProgramFailed):
        if not _has_schema(plan["aside"]):  # the line may have been cut after all was done: then the plan holds
            _forget_plan()
        raise
    _exchange_files(plan)


def _exchange_kind(archive: packing.Archive, plan: dict, *, scratch: Path) -> None:
    """Let a backup of SQLite's be the shop on PostgreSQL."""
    copy = archive.extract(snapshots.SQLITE_NAME, scratch / snapshots.SQLITE_NAME)
    proving.prove_copy(f"sqlite:////{copy}", manifest=archive.manifest, scratch=scratch, is_drill=True)
    _write_plan(plan)
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(f"ALTER SCHEMA public RENAME TO {plan['aside']}")
            cursor.execute("CREATE SCHEMA public")
            crossing.bring_over(copy)
            cursor.execute(_HOLD)
    except BaseException:
        connection.close()
        if not _has_schema(plan["aside"]):  # likewise
            _forget_plan()
        raise
    _exchange_files(plan)


def _has_schema(name: str) -> bool:
    return name in [row[0] for row in manifests.ask_here("SELECT nspname FROM pg_namespace")]


def _asking_schema(name: str):
    def ask(sql: str) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {name}")
            try:
                cursor.execute(sql)
                return cursor.fetchall()
            finally:
                cursor.execute("SET search_path TO DEFAULT")

    return ask


# ---- the plan


def _write_plan(plan: dict) -> None:
    half = settings.DATA_DIR / f"{PLAN}.part"
    with open(half, "w") as file:
        json.dump(plan, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(half, settings.DATA_DIR / PLAN)


def _read_plan() -> dict:
    return json.loads((settings.DATA_DIR / PLAN).read_text())


def _forget_plan() -> None:
    shutil.rmtree(settings.DATA_DIR / STAGED, ignore_errors=True)
    (settings.DATA_DIR / PLAN).unlink()
