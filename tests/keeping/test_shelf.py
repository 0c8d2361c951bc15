"""The folder of backups: whose they are, what lies there by mistake, and a clock that goes wrong."""

import dataclasses
import datetime as dt
import json
import os
import zipfile

import pytest

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.contacts import erasure_log
from crm.home import keeping_notices
from crm.keeping import backing_up, erasures, exporting, jobs, manifests, shelf
from crm.keeping.models import Job, Plan

DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(places, settings, shop):
    settings.BACKUP_DIR.mkdir()
    return settings.BACKUP_DIR


def put(folder, moment: dt.datetime, *, mark: str = "", why: str = "night", end: str = ".zip") -> str:
    name = "-".join(filter(None, ("regulars", f"{moment:%Y%m%d-%H%M%S}", why, mark))) + end
    (folder / name).write_bytes(b"x" * 100)
    return name


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_shops_in_one_folder_leave_each_others_backups_alone(folder, now):
    others = [put(folder, now - n * DAY, mark="0badcafe") for n in range(40)]
    writing = put(folder, now, mark="0badcafe", end=".zip.part")
    ours = [put(folder, now - n * DAY, mark=shelf.mark()) for n in range(40)]
    with shelf.scratch():
        assert shelf.thin(Plan(weekly=0, monthly=0), zone="UTC", now=now) == 33
    assert names(folder) == sorted([*others, writing, *ours[:7]])
    assert ([one.name for one in shelf.backups()], shelf.of_others()) == (ours[:7], 40)
    assert shelf.find(others[0]) is None


def test_backups_of_earlier_versions_are_let_go_only_where_they_name_our_key(folder, settings, now):
    names_of = {key: put(folder, now - (n + 30) * DAY) for n, key in enumerate((settings.SECRET_KEY, "another"))}
    for key, name in names_of.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("manifest.json", json.dumps({"key": manifests.fingerprint(key)}))
    sealed = put(folder, now - 60 * DAY, end=".zip.sealed")
    new = put(folder, now, mark=shelf.mark())
    assert shelf.thin(Plan(daily=1, weekly=0, monthly=0), zone="UTC", now=now) == 1
    assert names(folder) == sorted([names_of["another"], sealed, new])


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_named_after_its_shop_and_a_copy_lets_nothing_go(places, shop, now, known_copy):
    old = backing_up.make(now=now - 90 * DAY).backup
    assert old.name == f"regulars-20260822-090000-asked-{shelf.mark()}.zip"
    instance.hold(restored_from=now, now=now)
    for days in range(10, 0, -1):
        put(old.path.parent, now - days * DAY, mark=shelf.mark())
    Plan.objects.create(daily=1, weekly=0, monthly=0)
    backing_up.make(now=now)
    assert len(shelf.backups()) == 12
    instance.confirm(now=now)
    backing_up.make(now=now + DAY)
    assert len(shelf.backups()) == 1


def test_the_mark_is_the_shops_own(shop):
    before = shelf.mark()
    Shop.objects.update(created_at=shop.created_at + dt.timedelta(microseconds=1))
    assert len({before, shelf.mark()}) == 2
    Shop.objects.all().delete()
    assert shelf.mark() == ""


def test_what_lies_there_by_mistake_stops_nobody(folder, owner_client, now):
    put(folder, now)
    (folder / "regulars-20261399-250000-night.zip").touch()
    (folder / "regulars-20261101-010101-night.zip").symlink_to(folder / "gone")
    assert len(shelf.backups()) == 1
    assert owner_client.get("/settings/backups/").status_code == 200


def test_a_clock_that_was_years_ahead_stops_no_backup(folder, shop, now):
    """A night that has not come yet, by the clock of today, counts for nothing: not as made, not as newest."""
    ahead = now + 3_000 * DAY
    future = put(folder, ahead, mark=shelf.mark())
    Job.objects.create(kind="backup", why="night", asked_at=ahead, finished_at=ahead, ok=True)
    Job.objects.create(kind="drill", why="night", asked_at=ahead, finished_at=ahead, ok=True)
    old = [put(folder, now - n * DAY, mark=shelf.mark()) for n in range(5, 9)]
    assert shelf.newest(now=now).name == old[0]
    assert keeping_notices.backups(now=now, shop=shop).title == "No new backup"
    jobs._ask_for_due(shop, now=now)
    assert sorted(Job.objects.filter(finished_at=None).values_list("kind", flat=True)) == ["backup", "drill"]
    assert shelf.thin(Plan(daily=2, weekly=0, monthly=0), zone="UTC", now=now) == 2
    assert names(folder) == sorted([future, *old[:2]])


def test_half_written_export_of_a_killed_process_goes(places, shop, now, settings):
    home = exporting.folder()
    home.mkdir(parents=True)
    left = home / "regulars-export-20260101-000000.part"
    left.write_text("Anna")
    os.utime(left, (1, 1))
    exporting.forget_old(now=now)
    assert not left.exists()
    left.write_text("Anna")
    jobs.ask(Job.Kind.EXPORT, now=now)
    assert jobs.do_waiting(now=now) == 1
    assert not left.exists()


def test_export_stops_before_the_disk_is_full(places, shop, now, monkeypatch):
    usage = type("Usage", (), {"free": shelf._SPARE_BYTES - 1})
    monkeypatch.setattr(shelf.shutil, "disk_usage", lambda path: usage)
    jobs.ask(Job.Kind.EXPORT, now=now)
    jobs.do_waiting(now=now)
    job = jobs.latest(Job.Kind.EXPORT)
    assert (job.ok, job.problem) == (
        False, "The disk of the data folder is too full for an export. Make room on it, then try again."
    )  # fmt: skip
    assert exporting.newest() is None


def test_the_log_of_erasures_lies_beside_the_backups_and_a_copy_writes_nothing_there(folder, now):
    erasure_log.write([7], at=now, hashes=["aa"])
    assert [erasures.share(), erasures.share()] == [1, 0]
    log = folder / erasures.name()
    assert log.read_bytes() == erasure_log.path().read_bytes()
    instance.hold(restored_from=now, now=now)
    erasure_log.write([8], at=now, hashes=["bb"])
    assert erasures.share() == 0
    erasure_log.add(log, ["{}"])
    instance.confirm(now=now)
    assert erasures.share() == 1
    assert [line.contact_id for line in erasure_log.read()] == [7, 8]  # what only the other log says stays there
    erasure_log.path().unlink()
    assert erasures.take_from(folder) == 3
    assert [line.contact_id for line in erasure_log.read()] == [7, 8]
    assert erasures.take_from(folder / "gone") == 0


def test_no_backup_holds_backups(places, shop, settings):
    settings.BACKUP_DIR = settings.MEDIA_ROOT / "backups"
    settings.BACKUP_DIR.mkdir()
    for path in (settings.BACKUP_DIR / "regulars-20261101-030000-night.zip", settings.MEDIA_ROOT / "a.csv"):
        path.touch()
    assert [part.name for part in backing_up._files()] == ["files/a.csv"]


def test_an_export_under_way_goes_with_who_is_erased(places, shop, now, monkeypatch):
    rows = exporting.tables.TABLES[0].rows

    def erased_meanwhile(writer):
        exporting.forget(contact_ids=[1], now=now)
        return rows(writer)

    table = exporting.tables.TABLES[0]
    monkeypatch.setattr(exporting.tables, "TABLES", [dataclasses.replace(table, rows=erased_meanwhile)])
    jobs.ask(Job.Kind.EXPORT, now=now)
    jobs.do_waiting(now=now)
    assert jobs.latest(Job.Kind.EXPORT).problem == "A customer was erased while it was being made. Export again."
    assert list(exporting.folder().iterdir()) == []
