"""A backup becomes the shop again: whole or not at all, with what was there put aside, and silent until confirmed."""

import fcntl
import hashlib
import io
import json
import random
import shutil
import signal
import sqlite3
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from crm.keeping import manifests, packing, restoring, shelf
from crm.lib import env
from tests.keeping.conftest import Box

MAKE = """
from crm.accounts.models import Shop
from crm.lib import clock
from django.core.management import call_command
call_command("migrate", verbosity=0)
Shop.objects.create(name="Linden", currency="EUR", timezone="Europe/Berlin", sender_email="hello@linden.example")
from tests.keeping.conftest import fill
fill(clock.now())
"""
LATER = """
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order
from crm.contacts import consent
Order.objects.create(source="late", number="1", placed_at=clock.now(), currency="EUR", total_minor=5)
first, second = Contact.objects.order_by("pk")[:2]
consent.withdraw(first.pk, source="link", detail="", at=clock.now())
from crm.contacts import forgetting
forgetting.ask(second.pk, asked="owner", now=clock.now(), at_once=True)
forgetting.sweep(now=clock.now())
assert Contact.objects.get(pk=second.pk).erased_at
"""


KILLS = 40 if env.flag("PROVE") else 6  # as in `make prove`; each step is cut off by a test of its own
OWN = ("accounts_instance", "keeping_job", "sqlite_sequence")


def content(database: Path) -> list[str]:
    """Return every row of a database and its making, but for what a restore notes about itself."""
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        made = opened.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for name, sql in made if sql and sql.startswith("CREATE TABLE") and name not in OWN]
        rows = [f"{name} {row}" for name in tables for row in sorted(map(repr, opened.execute(f'SELECT * FROM "{name}"')))]
        return [f"{name} {sql}" for name, sql in made] + rows


def another(box: Box, folder: Path, **more: str) -> Box:
    """Return a box that holds a shop of its own."""
    other = Box(folder, **more)
    for name in ("regulars.sqlite3", "secret_key"):
        (other.folder / name).write_bytes((box.folder / name).read_bytes())
    with closing(sqlite3.connect(other.database)) as opened, opened:
        opened.execute("UPDATE accounts_shop SET name = 'Before', created_at = '2020-01-01 00:00:00'")
    return other


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A shop with one backup."""
    box = Box(tmp_path_factory.mktemp("made") / "box", SITE_URL="https://crm.linden.example")
    box.do(MAKE)
    uploads = box.folder / "files" / "imports"
    uploads.mkdir(parents=True)
    (uploads / "one.csv").write_text("kept")
    code, said = box.manage("backup")
    assert code == 0, said
    return box, box.backups()[0], content(box.database)


def test_on_a_new_machine_the_shop_is_as_it_was_and_silent(made, tmp_path):
    old, backup, state = made
    box = Box(tmp_path / "new")
    code, said = box.manage("restore", str(backup))
    assert code == 0, said
    assert content(box.database) == state
    assert (box.folder / "secret_key").read_bytes() == (old.folder / "secret_key").read_bytes()
    assert (box.folder / "files/imports/one.csv").read_text() == "kept"
    assert box.database.stat().st_mode & 0o777 == 0o600
    assert not list(box.folder.glob("before_restore_*/regulars.sqlite3"))
    assert box.do("from crm.accounts import instance; print(instance.is_held())") == "True"


@pytest.mark.slow
def test_what_was_there_is_kept_and_who_said_no_since_is_not_written_to(made, tmp_path):
    _old, backup, _state = made
    box = Box(tmp_path / "again")
    assert box.manage("restore", str(backup))[0] == 0
    box.do(LATER)
    before = content(box.database)
    code, said = box.manage("restore", str(backup))
    assert code == 0, said
    assert "1 customers who said no since" in said
    assert content(max(box.folder.glob("before_restore_*")) / "regulars.sqlite3") == before
    assert "1 customers had been erased since" in said
    assert box.do(
        "from crm.contacts import forgetting; from crm.lib import clock; forgetting.sweep(now=clock.now());"
        "from crm.contacts.models import Contact; print(Contact.objects.exclude(erased_at=None).count())"
    ) == "1"
    assert box.do(
        "from crm.contacts.models import *; from crm.orders.models import Order; "
        "first = Contact.objects.order_by('pk').first();"
        "print(Order.objects.filter(source='late').count(), first.consent,"
        " Suppression.objects.filter(address_hash=first.address_hash).count())"
    ) == "0 no 1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "A newer version of Regulars made this backup"),
        ({"migrations": ["contacts.9999_from_the_future"]}, "A newer version of Regulars made this backup"),
        ({"database": "oracle"}, "This backup is of a oracle database"),
        ({"key": "of another shop"}, "The secret key here is not the one this shop had"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(places, settings, now, changes, words):
    path = places / "some.zip"
    manifest = manifests.describe({"rows": {}, "sums": {}}, applied=[("contacts", "0001_initial")], now=now) | changes
    with open(path, "wb") as file:
        packing.write(file, manifest=manifest, parts=[])
    with pytest.raises(restoring.Refused, match=words):
        restoring.restore(path, passphrase="", key_is_lost=False, now=now)
    assert not restoring.is_begun() and not (settings.DATA_DIR / "restoring").exists()


def hostile(path: Path, *, changes: dict | None = None, parts: dict[str, bytes] | None = None, now, text: bytes = b"") -> Path:
    """Write a file that is a whole backup by its digest, with a manifest and parts of somebody else's choice."""
    said = manifests.describe({"rows": {}, "sums": {}}, applied=[("contacts", "0001_initial")], now=now)
    parts = parts or {}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"0" * 64
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", text or json.dumps(said | {"sha256": sums} | (changes or {})))
    whole = buffer.getvalue()[:-64]
    path.write_bytes(whole + hashlib.sha256(whole).hexdigest().encode())
    return path


@pytest.mark.django_db(transaction=True)
def test_a_hostile_archive_is_refused_in_words_and_writes_nothing(places, settings, now):
    ours = "database.pgdump" if connection.vendor == "postgresql" else "database.sqlite3"
    cases = {
        "not JSON": {"text": b"{"}, "a list": {"text": b"[]"}, "nothing": {"text": b"{}"},
        "a format of words": {"changes": {"format": "one"}}, "no moment": {"changes": {"made_at": "yesterday"}},
        "no rows": {"changes": {"rows": None}},
        "a part that is not there": {"changes": {"sha256": {ours: "0" * 64}}},
        "two databases": {"parts": {"database.sqlite3": b"x", "database.pgdump": b"x"}},
        "no database": {"parts": {"files/a": b"x"}},
        "up and out": {"parts": {ours: b"x", "files/../../out": b"x"}},
        "from the root": {"parts": {ours: b"x", "files//etc/out": b"x"}},
        "another content": {"parts": {ours: b"x", "files/a": b"x"}, "changes": {"sha256": {ours: "0" * 64, "files/a": "0" * 64}}},
    }  # fmt: skip
    for name, case in cases.items():
        path = hostile(places / "hostile.zip", now=now, **case)
        before = sorted(places.rglob("*"))
        with pytest.raises(packing.NotABackup):
            restoring.restore(path, passphrase="", key_is_lost=False, now=now)
        assert sorted(places.rglob("*")) == before, name
    assert not restoring.is_begun()


@pytest.mark.django_db(transaction=True)
def test_a_bomb_is_refused_before_it_is_unpacked(places, settings, now, monkeypatch):
    bomb = hostile(places / "bomb.zip", now=now, parts={"database.sqlite3": b"x", "files/zeros": bytes(50_000_000)})
    assert bomb.stat().st_size < 100_000
    monkeypatch.setattr(shelf.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 90_000_000}))
    with pytest.raises(shelf.NoRoom, match="too full to unpack"):
        restoring.restore(bomb, passphrase="", key_is_lost=False, now=now)
    assert not (settings.DATA_DIR / "restoring").exists()


@pytest.mark.slow
def test_who_was_erased_after_the_backup_is_erased_again_on_a_new_machine(made, tmp_path):
    """Nothing is left of the old machine but the folder with the backups."""
    _old, backup, _state = made
    box = Box(tmp_path / "first")
    assert box.manage("restore", str(backup))[0] == 0
    folder = tmp_path / "disk"
    box.environment["BACKUP_DIR"] = str(folder)
    assert box.manage("backup")[0] == 0
    box.do("from crm.accounts import instance; from crm.lib import clock; instance.confirm(now=clock.now())")
    box.do(LATER + "from crm.keeping import erasures; assert erasures.share() == 1 and erasures.share() == 0")
    (later,) = folder.glob("*.zip")
    (log,) = folder.glob("regulars-erased-*.jsonl")
    assert b"Guest" not in log.read_bytes() and log.stat().st_mode & 0o777 == 0o600
    new = Box(tmp_path / "new")
    code, said = new.manage("restore", str(later))
    assert code == 0, said
    assert "1 customers had been erased since" in said
    assert new.do(
        "from crm.contacts import forgetting; from crm.lib import clock; forgetting.sweep(now=clock.now());"
        "from crm.contacts.models import Contact; print(Contact.objects.exclude(erased_at=None).count())"
    ) == "1"


@pytest.mark.slow
def test_uploads_on_another_disk_come_back(made, tmp_path):
    _old, backup, _state = made
    elsewhere = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        box = Box(tmp_path / "box")
        (box.folder / "files").symlink_to(elsewhere)
        code, said = box.manage("restore", str(backup))
        assert code == 0, said
        assert (elsewhere / "imports" / "one.csv").read_text() == "kept"
    finally:
        shutil.rmtree(elsewhere)


@pytest.mark.slow
def test_running_box_other_key_and_damage_are_refused(made, tmp_path):
    _old, backup, _state = made
    box = Box(tmp_path / "box")
    with (box.folder / "up.lock").open("w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        assert "Regulars runs on this data folder" in box.manage("restore", str(backup))[1]
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(backup.read_bytes()[:-1])
    assert "This backup is damaged" in box.manage("restore", str(damaged))[1]
    assert not box.database.exists() and not (box.folder / "restore.json").exists()
    other = Box(tmp_path / "other", SECRET_KEY="another key than the shop had")
    assert "The secret key here is not the one" in other.manage("restore", str(backup))[1]
    assert other.manage("restore", str(backup), "--key-is-lost")[0] == 0


@pytest.mark.slow
def test_database_in_use_is_left_alone(made, tmp_path):
    _old, backup, state = made
    box = Box(tmp_path / "box")
    assert box.manage("restore", str(backup))[0] == 0
    with closing(sqlite3.connect(box.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, said = box.manage("restore", str(backup))
        assert code != 0 and "The database is in use" in said
        other.execute("ROLLBACK")
    assert content(box.database) == state


@pytest.mark.slow
def test_damaged_database_is_put_aside(made, tmp_path):
    _old, backup, state = made
    box = Box(tmp_path / "box")
    box.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    code, said = box.manage("restore", str(backup))
    assert code == 0, said
    assert content(box.database) == state
    (aside,) = box.folder.glob("before_restore_*")
    assert (aside / "regulars.sqlite3").stat().st_size == 9016


@pytest.mark.slow
def test_kill_9_while_restoring_leaves_the_old_shop_or_brings_the_new_one(made, tmp_path):
    old, backup, state = made
    begun = time.monotonic()
    assert another(old, tmp_path / "whole").manage("restore", str(backup))[0] == 0
    takes, draw, ended = time.monotonic() - begun, random.Random(3), {"old": 0, "new": 0}
    for turn in range(KILLS):
        box = another(old, tmp_path / f"box{turn}")
        before = content(box.database)
        process = box.start("manage.py", "restore", str(backup))
        time.sleep(takes * draw.uniform(0.1, 1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (box.folder / "restore.json").exists():
            assert box.manage("restore")[0] == 0
        now = content(box.database)
        ended["old" if now == before else "new"] += 1
        assert now in (before, state)
        if now == state:
            assert box.do("from crm.accounts import instance; print(instance.is_held())") == "True"
    print(ended)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_exchange_that_was_cut_off_after_any_step_is_finished_by_the_next_start(made, tmp_path, steps):
    """Die at the n-th change of a name after the plan was written; then go on as `up` does."""
    old, backup, state = made
    box = another(old, tmp_path / "box")
    code, _said = box.run("-c", f"""
import os, sys, django
django.setup()
from crm.keeping import restoring
real, left = os.replace, [{steps}]
def replace(source, target):
    if os.path.exists(os.path.join({str(box.folder)!r}, "restore.json")):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
    return real(source, target)
os.replace = replace
from django.core.management import call_command
call_command("restore", {str(backup)!r})
""")
    assert code == 9
    assert (box.folder / "restore.json").exists()
    code, said = box.manage("restore")
    assert code == 0, said
    assert content(box.database) == state
    (aside,) = box.folder.glob("before_restore_*")
    with closing(sqlite3.connect(aside / "regulars.sqlite3")) as put_aside:
        assert put_aside.execute("SELECT name FROM accounts_shop").fetchone() == ("Before",)


@pytest.mark.slow
def test_encrypted_round_trip(made, tmp_path):
    old, _backup, _state = made
    sealed = another(old, tmp_path / "sealed", BACKUP_PASSPHRASE="correct horse battery")
    state = content(sealed.database)
    code, said = sealed.manage("backup")
    assert code == 0, said
    (backup,) = sealed.backups()
    assert b"Guest" not in backup.read_bytes() and backup.name.endswith(".sealed")
    assert "Say its passphrase" in Box(tmp_path / "none").manage("restore", str(backup))[1]
    wrong = Box(tmp_path / "wrong", BACKUP_PASSPHRASE="wrong horse battery")
    assert "The passphrase does not open" in wrong.manage("restore", str(backup))[1]
    box = Box(tmp_path / "new", BACKUP_PASSPHRASE="correct horse battery")
    assert box.manage("restore", str(backup))[0] == 0
    assert content(box.database) == state
