"""A start that would change the database makes a backup first, tries the update on it, and never goes backwards."""

import errno

import pytest

from crm.keeping import backing_up, packing, proving, shelf, updating
from crm.keeping.models import Job


@pytest.fixture
def asked(monkeypatch):
    """Note how the copy would be proven."""
    seen = []

    def prove(url, *, manifest, scratch, is_drill):
        seen.append(is_drill)
        return proving.Proof(manifest, [])

    monkeypatch.setattr(proving, "prove_copy", prove)
    return seen


@pytest.mark.django_db(transaction=True)
def test_backup_before_an_update_is_tried_on_the_copy(places, shop, asked):
    made = updating.back_up_first()
    updating.note(made)
    assert made.backup.name.endswith(f"-update-{shelf.mark()}.zip")
    assert asked == [True]
    assert list(Job.objects.values_list("kind", "why", "ok")) == [("backup", "update", True)]


@pytest.mark.django_db(transaction=True)
def test_no_shop_no_backup(places):
    assert updating.back_up_first() is None
    assert shelf.backups() == []


@pytest.mark.django_db(transaction=True)
def test_no_update_without_a_backup(places, shop, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packing, "write", full)
    with pytest.raises(updating.NotUpdated, match="No space left on device"):
        updating.back_up_first()
    assert shelf.backups() == []


def test_newer_database_is_refused():
    known = {("contacts", "0001_initial"), ("auth", "0001_initial"), ("gone_app", "0007_x")}
    updating.refuse_newer(known)
    with pytest.raises(updating.NotUpdated, match=r"contacts\.0999_next"):
        updating.refuse_newer({*known, ("contacts", "0999_next")})


@pytest.mark.django_db(transaction=True)
def test_passphrase_of_the_environment_wins(settings):
    from crm.keeping.models import Plan

    settings.BACKUP_PASSPHRASE = "outside"
    assert backing_up.passphrase(Plan(passphrase="inside")) == "outside"
