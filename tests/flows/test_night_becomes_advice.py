"""A night becomes advice: a shop with a past, one night run, and what the owner finds in the morning."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from crm.contacts.models import Contact, Segment
from crm.home.models import Action
from crm.orders.models import Order
from loyalty.models import ReportCard, Run, Score

pytestmark = pytest.mark.django_db


def command(name: str, *args) -> dict:
    out = StringIO()
    call_command(name, *args, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def demo(db):
    return command("demo_shop", "--customers", "120", "--years", "2", "--seed", "3")


def test_a_night_run_fills_every_tray_and_the_pages_show_it(demo, client, django_user_model):
    run = command("refresh_loyalty")
    assert {name: stage["state"] for name, stage in run["stages"].items()} == dict.fromkeys(run["stages"], "done")
    assert Run.objects.latest_done().pk == run["run_id"]

    buyers = Contact.objects.filter(order_count__gt=0)
    assert Score.objects.filter(run_id=run["run_id"]).count() == buyers.count() == run["customers"]
    groups = Segment.objects.filter(slug__in=["champions", "loyal", "promising", "new", "at_risk", "sleeping"])
    assert sum(groups.values_list("member_count", flat=True)) == buyers.count()
    assert 0 < Action.objects.count() <= 5

    cards = ReportCard.objects.filter(run_id=run["run_id"], task="churn")
    assert cards.filter(is_champion=True).count() == 1
    assert cards.filter(is_baseline=True).count() == 1
    assert cards.count() >= 3

    owner = django_user_model.objects.create_user(email="lena@example.com", name="Lena", password="correct horse battery")
    client.force_login(owner)
    for address in ["/", "/insights/", "/insights/risk/", "/insights/method/", "/customers/?sort=-risk", "/customers/segments/"]:
        response = client.get(address)
        assert response.status_code == 200, address
    first_action = Action.objects.order_by("rank", "id").first()
    assert first_action.title["en"] in client.get("/").content.decode()
    draft = client.get(first_action.url)
    assert draft.status_code in (200, 302)


def test_a_failed_night_keeps_yesterdays_numbers(demo, monkeypatch):
    good = command("refresh_loyalty")
    monkeypatch.setattr("loyalty.dataset.load", lambda **_: 1 / 0)
    with pytest.raises(Exception):  # noqa: B017  the command answers with its own error line
        command("refresh_loyalty")
    assert Run.objects.latest_done().pk == good["run_id"]
    assert Run.objects.latest("id").state == Run.State.FAILED


def test_the_night_sees_nothing_later_than_its_date(demo):
    newest = Order.objects.order_by("-placed_at").first().placed_at.date()
    early = newest.replace(year=newest.year - 1)
    run = command("refresh_loyalty", "--as-of", early.isoformat())
    known = Order.objects.filter(placed_at__date__lte=early, contact__isnull=False, counts=True, kind="sale")
    assert run["orders"] == known.count()
    assert run["customers"] == known.values("contact").distinct().count()
