"""What the owner sees of backups, and the notices on Today."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.home import keeping_notices
from crm.keeping import proving, shelf
from crm.keeping.models import Job, Plan


@pytest.fixture
def box(places, settings, monkeypatch):
    monkeypatch.setattr(proving, "prove_copy", lambda url, *, manifest, scratch, is_drill: proving.Proof(manifest, []))
    settings.BACKUP_DIR.mkdir()
    return settings.BACKUP_DIR


@pytest.mark.django_db(transaction=True)
def test_make_download_delete(box, client, owner, shop):
    client.force_login(owner)
    page = client.get(reverse("keeping:backups")).content.decode()
    assert "There is no backup yet" in page and len(page) < 40_960
    assert client.post(reverse("keeping:start", args=["backup"])).status_code == 302
    (made,) = shelf.backups()
    page = client.get(reverse("keeping:backups")).content.decode()
    assert reverse("keeping:download", args=[made.name]) in page and "when made" in page
    answer = client.get(reverse("keeping:download", args=[made.name]))
    assert b"".join(answer.streaming_content) == made.path.read_bytes()
    assert made.name in answer.headers["Content-Disposition"]
    client.post(reverse("keeping:start", args=["drill"]))
    assert "restored for trial" in client.get(reverse("keeping:backups")).content.decode()
    client.post(reverse("keeping:delete", args=[made.name]))
    assert shelf.backups() == []
    assert client.get("/settings/backups/file/..%2Fregulars.sqlite3/").status_code == 404
    assert client.post(reverse("keeping:start", args=["restore"])).status_code == 404


def test_strangers_see_nothing(client, shop, owner):
    for name, args in (("backups", []), ("download", ["x.zip"]), ("download_export", []), ("confirm", [])):
        answer = client.get(reverse(f"keeping:{name}", args=args))
        assert answer.status_code == 302 and "/login/" in answer.headers["Location"]


def test_plan_is_changed_and_nonsense_refused(box, owner_client):
    good = {"daily": "3", "weekly": "0", "monthly": "24", "passphrase": ""}
    assert owner_client.post(reverse("keeping:backups"), good).status_code == 302
    assert (Plan.current().daily, Plan.current().weekly, Plan.current().monthly) == (3, 0, 24)
    for bad in ({"daily": "0"}, {"monthly": "401"}, {"weekly": "-1"}, {"passphrase": "short"}):
        assert owner_client.post(reverse("keeping:backups"), good | bad).status_code == 422
    long = good | {"passphrase": "a long enough phrase"}
    assert not Job.objects.exists()
    (box / f"regulars-20261101-030000-night-{shelf.mark()}.zip").touch()
    page = owner_client.post(reverse("keeping:backups"), long, follow=True).content.decode()
    assert "A backup is made with the new setting now." in page and "1 older one is not" in page
    assert Job.objects.get().kind == "backup"  # else the trial would open the newest with another passphrase
    owner_client.post(reverse("keeping:backups"), good)
    assert Plan.current().passphrase == "a long enough phrase"
    assert "a long enough phrase" not in owner_client.get(reverse("keeping:backups")).content.decode()
    owner_client.post(reverse("keeping:backups"), good | {"no_passphrase": "on"})
    assert Plan.current().passphrase == ""


def test_today_speaks_up(box, shop, now):
    def said() -> str | None:
        notice = keeping_notices.backups(now=now, shop=shop)
        return notice and notice.title

    shop.created_at = now - dt.timedelta(days=2)
    assert said() is None
    shop.created_at = now - dt.timedelta(days=4)
    assert said() == "No new backup"
    made = Job.objects.create(kind="backup", asked_at=now, finished_at=now, ok=True, name="x")
    assert "Is its disk there?" in keeping_notices.backups(now=now, shop=shop).text
    made.delete()
    (box / f"regulars-{now - dt.timedelta(days=4):%Y%m%d-%H%M%S}-night.zip").touch()
    assert said() == "No new backup"
    (box / f"regulars-{now - dt.timedelta(hours=30):%Y%m%d-%H%M%S}-night.zip").touch()
    assert said() is None
    Job.objects.create(kind="drill", asked_at=now, finished_at=now, ok=False, problem="It is damaged.")
    assert keeping_notices.backups(now=now, shop=shop).text == "It is damaged."
    Job.objects.create(kind="backup", asked_at=now, finished_at=now, ok=False, problem="The disk is full.")
    assert keeping_notices.backups(now=now, shop=shop).text == "The disk is full."
