"""A backup is made, proven, kept, thinned out, and refused when it is not what it was."""

import datetime as dt
import errno
import json
import os
import random
import threading
import time
import zipfile

import pytest
from django.db import connection, transaction

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.keeping import backing_up, jobs, packing, proving, sealing, shelf
from crm.keeping.models import Job, Plan
from crm.orders.models import Order
from tests.conftest import NOW
from tests.keeping.conftest import fill

sqlite_only = pytest.mark.skipif("connection.vendor != 'sqlite'")


@pytest.mark.django_db(transaction=True)
def test_backup_holds_everything_and_is_proven(places, settings, shop, now):
    fill(now)
    kept = settings.MEDIA_ROOT / "imports" / "2026-11" / "a.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("a,b\n1,2\n")
    made = backing_up.make(now=now)
    assert [one["name"] for one in made.proof.findings if not one["ok"]] == []
    assert len(made.proof.findings) > 5
    assert made.backup.name == f"regulars-20261120-090000-asked-{shelf.mark()}.zip"
    assert os.listdir(settings.BACKUP_DIR) == [made.backup.name]
    assert made.backup.path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(made.backup.path) as archive:  # any program opens it
        assert archive.testzip() is None
        assert archive.read("files/imports/2026-11/a.csv") == b"a,b\n1,2\n"
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["rows"]["orders_order"] == Order.objects.count() == 7
    assert manifest["sums"]["points_of_accounts"] == manifest["sums"]["points_of_entries"] == 40
    assert not (settings.DATA_DIR / "scratch").exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_not_in_the_copy_is_noticed(places, shop, now, monkeypatch):
    fill(now)
    with monkeypatch.context() as patched:
        patched.setattr(proving, "prove_copy", lambda *args, **said: proving.Proof({}, []))
        made = backing_up.make(now=now)
    shelf_scratch = places / "again"
    shelf_scratch.mkdir()
    with packing.opened(made.backup.path, scratch=shelf_scratch) as archive:
        manifest = archive.manifest
        parts = [packing.Part(name, archive.extract(name, shelf_scratch / name)) for name in archive.names()]
    manifest["sums"]["orders_net_minor"] += 1
    wrong = places / "wrong.zip"
    with open(wrong, "wb") as file:
        packing.write(file, manifest=manifest, parts=parts)
    with pytest.raises(proving.NotProven, match="orders_net_minor is 7200, not 7201"):
        # PostgreSQL's rows can be counted only where they were restored, which a drill does.
        proving.prove(wrong, scratch=shelf_scratch, passphrase="", is_drill=connection.vendor == "postgresql")


@pytest.mark.django_db(transaction=True)
def test_every_cut_and_every_changed_byte_is_refused(places, shop, now, known_copy):
    path = backing_up.make(now=now).backup.path
    whole = path.read_bytes()
    scratch = places / "again"
    scratch.mkdir()
    draw = random.Random(5)
    spots = {0, 1, 30, len(whole) - 1, len(whole) - 70, *(draw.randrange(len(whole)) for _ in range(60))}
    for spot in sorted(spots):
        path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 1 << draw.randrange(8)]) + whole[spot + 1 :])
        with pytest.raises(packing.NotABackup), packing.opened(path, scratch=scratch):
            pass
    for length in (0, 1, 63, 64, 100, len(whole) // 2, len(whole) - 64, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(packing.NotABackup), packing.opened(path, scratch=scratch):
            pass
    path.write_bytes(whole)
    with packing.opened(path, scratch=scratch) as archive:
        assert "manifest.json" not in archive.names()


@pytest.mark.django_db(transaction=True)
def test_encrypted_backup_opens_with_its_passphrase_only(places, settings, shop, now, known_copy):
    Plan.objects.create(passphrase="a long enough phrase")
    kept = settings.MEDIA_ROOT / "big.bin"
    kept.write_bytes(random.Random(1).randbytes(3 * 1024 * 1024 + 17))
    path = backing_up.make(now=now).backup.path
    assert path.name.endswith(".zip.sealed")
    scratch = places / "again"
    scratch.mkdir()
    with packing.opened(path, scratch=scratch, passphrase="a long enough phrase") as archive:
        assert archive.extract("files/big.bin", scratch / "big.bin").read_bytes() == kept.read_bytes()
    with pytest.raises(sealing.WrongPassphrase), packing.opened(path, scratch=scratch, passphrase="another"):
        pass
    whole = path.read_bytes()
    frame = 1024 * 1024 + 16
    cuts = [whole[:20], whole[:39], whole[: 39 + frame], whole[: 39 + 2 * frame], whole[:-1], whole + b"x"]
    swapped = whole[:39] + whole[39 + frame : 39 + 2 * frame] + whole[39 : 39 + frame] + whole[39 + 2 * frame :]
    for broken in [*cuts, swapped, whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]]:
        path.write_bytes(broken)
        with (
            pytest.raises((sealing.WrongPassphrase, sealing.BrokenSeal)),
            packing.opened(path, scratch=scratch, passphrase="a long enough phrase"),
        ):
            pass


@pytest.mark.django_db(transaction=True)
def test_full_disk_leaves_the_good_backups_and_says_so(places, settings, shop, now, known_copy, monkeypatch):
    backing_up.make(now=now - dt.timedelta(days=1))
    before = os.listdir(settings.BACKUP_DIR)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    for module, name in ((packing, "_add"), (os, "fsync"), (os, "replace")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            jobs.ask(Job.Kind.BACKUP, now=now)
            assert jobs.do_waiting(now=now) == 1
        job = jobs.latest(Job.Kind.BACKUP)
        assert (job.ok, job.problem) == (False, "The disk refused: No space left on device")
        assert os.listdir(settings.BACKUP_DIR) == before


@pytest.mark.django_db
def test_old_backups_go_when_there_is_no_room_but_never_the_newest(places, shop, settings, monkeypatch):
    settings.BACKUP_DIR.mkdir()
    for day in (1, 2, 3):
        (settings.BACKUP_DIR / f"regulars-2026110{day}-030000-night-{shelf.mark()}.zip").write_bytes(b"x" * 100)

    def usage(path):
        free = 300 - sum(file.stat().st_size for file in settings.BACKUP_DIR.iterdir())
        return type("Usage", (), {"free": free + shelf._SPARE_BYTES})

    monkeypatch.setattr(shelf.shutil, "disk_usage", usage)
    shelf.make_room(scratch=0, backup=150, now=NOW)
    assert [one.name[9:17] for one in shelf.backups()] == ["20261103"]
    with pytest.raises(shelf.NoRoom):
        shelf.make_room(scratch=0, backup=250, now=NOW)
    assert [one.name[9:17] for one in shelf.backups()] == ["20261103"]


@pytest.mark.django_db
def test_days_weeks_and_months_are_kept(places, shop, settings, now):
    settings.BACKUP_DIR.mkdir()
    nights = [now.replace(hour=3) - dt.timedelta(days=n) for n in range(500)]
    for night in nights:
        (settings.BACKUP_DIR / f"regulars-{night:%Y%m%d-%H%M%S}-night-{shelf.mark()}.zip").touch()
    (settings.BACKUP_DIR / f"regulars-20250801-120000-update-{shelf.mark()}.zip").touch()
    shelf.thin(Plan(), zone="Europe/Berlin", now=now)
    kept = [f"{one.made_at:%Y-%m-%d}" for one in shelf.backups()]
    assert kept == [
        "2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17", "2026-11-16", "2026-11-15", "2026-11-14", "2026-11-08",
        "2026-11-01", "2026-10-31", "2026-09-30", "2026-08-31", "2026-07-31", "2026-06-30", "2026-05-31", "2026-04-30",
        "2026-03-31", "2026-02-28", "2026-01-31", "2025-12-31", "2025-08-01",
    ]  # fmt: skip


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_writers_do_not_wait_and_lose_nothing(places, shop, now, known_copy):
    """Three writers go on while a backup is made; every order that was acknowledged before it began is in it."""
    Contact.objects.bulk_create(Contact(name="x" * 180, joined_at=now) for _ in range(5_000))
    stop, acknowledged, waits = threading.Event(), [], []

    def write(me: int) -> None:
        count = 0
        while not stop.is_set():
            begun = time.perf_counter()
            with transaction.atomic():
                order = Order.objects.create(source=f"w{me}", number=str(count), placed_at=now, currency="EUR", total_minor=1)
            waits.append(time.perf_counter() - begun)
            acknowledged.append((time.perf_counter(), order.pk))
            count += 1
            time.sleep(0.005)
        connection.close()

    writers = [threading.Thread(target=write, args=(me,)) for me in range(3)]
    for writer in writers:
        writer.start()
    time.sleep(0.2)
    begun = time.perf_counter()
    made = backing_up.make(now=now)
    stop.set()
    for writer in writers:
        writer.join()
    scratch = places / "again"
    scratch.mkdir()
    with packing.opened(made.backup.path, scratch=scratch) as archive:
        copy = archive.extract("database.sqlite3", scratch / "copy.sqlite3")
    import sqlite3

    inside = {pk for (pk,) in sqlite3.connect(copy).execute("SELECT id FROM orders_order")}
    assert {pk for moment, pk in acknowledged if moment < begun} <= inside
    assert Order.objects.count() == len(acknowledged)
    print(f"{len(waits)} writes, the longest waited {max(waits) * 1000:.0f} ms")
    assert max(waits) < 2


# ---- jobs


@pytest.mark.django_db(transaction=True)
def test_each_night_makes_one_backup_and_each_week_a_trial(places, shop, known_copy):
    zone = dt.timezone(dt.timedelta(hours=1))
    hours = [dt.datetime(2026, 11, 1, tzinfo=zone) + dt.timedelta(hours=h) for h in range(24 * 9)]
    for hour in hours:
        jobs.sweep(now=hour)
    backups = Job.objects.filter(kind=Job.Kind.BACKUP).order_by("pk").values_list("asked_at", flat=True)
    assert [f"{one.astimezone(zone):%d %H}" for one in backups] == [f"{day:02} 04" for day in range(1, 10)]
    trials = Job.objects.filter(kind=Job.Kind.DRILL).order_by("pk").values_list("asked_at", "ok")
    assert [(f"{one.astimezone(zone):%d}", ok) for one, ok in trials] == [("02", True), ("09", True)]
    assert Job.objects.filter(ok=False).count() == 0


@pytest.mark.django_db(transaction=True)
def test_failed_night_is_tried_again_an_hour_later(places, shop, now, known_copy, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(shelf, "make_room", lambda **room: (_ for _ in ()).throw(shelf.NoRoom("full")))
        jobs.sweep(now=now)
    jobs.sweep(now=now + dt.timedelta(minutes=59))
    assert list(Job.objects.values_list("ok", "problem")) == [(False, "full")]
    jobs.sweep(now=now + dt.timedelta(minutes=61))
    assert jobs.latest(Job.Kind.BACKUP, ok=True).why == Job.Why.NIGHT


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time(places, shop, now):
    first, second = jobs.ask(Job.Kind.BACKUP, now=now), jobs.ask(Job.Kind.BACKUP, now=now)
    assert first.pk == second.pk
    if connection.vendor == "sqlite":
        with jobs.alone() as is_ours:
            assert is_ours
            assert jobs.do_waiting(now=now) == 0
    assert jobs.waiting(Job.Kind.BACKUP) == first
    assert Shop.objects.count() == 1
