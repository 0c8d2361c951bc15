"""Who may leave, from a custom field: learned, kept per person, shown on the page of risks."""

import datetime as dt

import numpy as np
import pytest

from crm.contacts.models import Contact
from loyalty import dataset, pipeline
from loyalty.estimators.base import NotEnoughData
from loyalty.models import Found
from loyalty.stages import table_churn
from tests.loyalty.conftest import LAST_DAY as LAST
from tests.loyalty.conftest import moment

PLANS = ("monthly", "yearly")


@pytest.fixture
def subscribers(shop):
    """300 subscribers: of ten on a monthly plan six left, of ten on a yearly one; one who never said."""
    rng = np.random.default_rng(4)
    plan = rng.integers(0, 2, 300)
    left = rng.random(300) < np.where(plan == 0, 0.6, 0.1)
    people = [
        Contact(name=f"Member {n}", joined_at=moment(LAST), extra={"Plan": PLANS[p], "Churned": "yes" if gone else "no"})
        for n, (p, gone) in enumerate(zip(plan.tolist(), left.tolist()))
    ]
    people.append(Contact(name="Silent", joined_at=moment(LAST), extra={"Plan": "monthly"}))
    return Contact.objects.bulk_create(people)


def test_those_still_there_are_told_a_chance_with_reasons(subscribers):
    found = table_churn.leavers(*dataset.people())[table_churn.LEAVERS]
    of = {person.pk: person for person in subscribers}
    assert (found["field"], found["learned"]) == ("Churned", 300)
    assert found["present"] == len(found["rows"]) == 301 - found["left"]
    plans = [of[row["contact"]].extra["Plan"] for row in found["rows"]]
    monthly = plans.count("monthly")
    assert plans[:monthly].count("monthly") > 0.9 * monthly
    chance = {name: np.mean([row["chance"] for row, plan in zip(found["rows"], plans) if plan == name]) for name in PLANS}
    assert chance == pytest.approx({"monthly": 0.55, "yearly": 0.1}, abs=0.1)
    assert found["rows"][0]["reasons"][0] == "Plan"
    assert all(of[row["contact"]].extra.get("Churned") != "yes" for row in found["rows"])
    assert found["caught"] > 1.2 * found["expected"]


def test_a_shop_without_such_a_field_is_told_nothing(shop):
    Contact.objects.create(name="Ada", joined_at=moment(LAST), extra={"Plan": "monthly"})
    assert table_churn.leavers(*dataset.people()) == {}


def test_too_few_rows_are_named(shop):
    Contact.objects.create(name="Ada", joined_at=moment(LAST), extra={"Churned": "no"})
    with pytest.raises(NotEnoughData, match="There are 1 rows that say yes or no; at least 30 are needed"):
        table_churn.leavers(*dataset.people())


find_leavers = pipeline._Night.find_leavers  # as it is, before short nights leave it out


def test_the_night_keeps_them_and_the_page_of_risks_shows_them(
    owner_client, past, bare_night, subscribers, monkeypatch
):
    monkeypatch.setattr(pipeline._Night, "find_leavers", find_leavers)
    run = pipeline.run(as_of=LAST, now=moment(LAST, 23) + dt.timedelta(hours=4))
    assert run.stages["leavers"]["state"] == "done"
    page = owner_client.get("/insights/risk/").content.decode()
    data = Found.objects.get(run=run, kind=table_churn.LEAVERS).data
    first = Contact.objects.get(pk=data["rows"][0]["contact"])
    assert "Told by your field “Churned”" in page
    assert first.display_name in page
    assert "Plan: monthly" in page
