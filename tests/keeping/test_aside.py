"""What restores put aside is shown, named where somebody is erased, and deleted only on the owner's word."""

import pytest
from django.db import connection
from django.urls import reverse

from crm.contacts import forgetting
from crm.contacts.models import Contact
from crm.keeping import aside, exporting

NAME = "before_restore_20261119_080000"


@pytest.fixture
def put_aside(places, settings, shop):
    for name in (NAME, "before_restore_nonsense", "files"):
        (settings.DATA_DIR / name).mkdir(exist_ok=True)
        (settings.DATA_DIR / name / "regulars.sqlite3").write_bytes(b"x" * 2_048)
    return settings.DATA_DIR


def test_shown_and_deleted(put_aside, owner_client):
    page = owner_client.get(reverse("keeping:backups")).content.decode()
    assert f"{put_aside}/{NAME}" in page and "nonsense" not in page
    for name in ("files", "before_restore_nonsense", "before_restore_20200101_000000"):
        owner_client.post(reverse("keeping:delete_aside", args=[name]))
    assert sorted(path.name for path in put_aside.iterdir()) == [NAME, "before_restore_nonsense", "files"]
    (put_aside / "restore.json").write_text("{}")
    assert aside.delete(NAME) is False
    (put_aside / "restore.json").unlink()
    owner_client.post(reverse("keeping:delete_aside", args=[NAME]))
    assert sorted(path.name for path in put_aside.iterdir()) == ["before_restore_nonsense", "files"]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL puts a schema aside")
def test_schema_is_shown_and_deleted(places, shop):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {NAME}")
        cursor.execute(f"CREATE TABLE {NAME}.a (b int)")
    assert [(one.name, one.size) for one in aside.there()] == [(NAME, None)]
    assert aside.delete(NAME) is True
    assert aside.there() == []


def test_erasing_says_which_copies_still_hold_the_customer(put_aside, settings, shop, now):
    anna = Contact.objects.create(name="Anna", joined_at=now)
    settings.BACKUP_DIR.mkdir()
    for day in ("18", "19"):
        (settings.BACKUP_DIR / f"regulars-202611{day}-030000-night.zip").touch()
    exporting.folder().mkdir()
    export = exporting.folder() / "regulars-export-20261119-100000.zip"
    export.touch()
    told = forgetting.foresee(anna.pk)
    assert "The export of everything that lies ready for download" in told.goes
    assert any("put aside on Nov 19, 2026" in text for text in told.stays)
    assert any(text.startswith("2 backups made before, the oldest of Nov 18, 2026") for text in told.stays)
    forgetting.ask(anna.pk, asked="owner", now=now, at_once=True)
    forgetting.sweep(now=now)
    assert not export.exists()
