"""What a check finds, and that it leaves no trace."""

import datetime as dt

import pytest

from crm.contacts.models import Consent, Contact
from crm.imports import checking, crediting, describing, parsing, reading, remembering
from crm.imports.formats.base import Header
from crm.imports.models import Change, Finding, Import
from crm.orders.models import Order
from crm.rewards.models import Entry, Reward, Rule

from ..conftest import NOW
from .same_books import books
from .test_formats import ORDER, shopify

pytestmark = pytest.mark.django_db
Kind = Finding.Kind
CUSTOMERS = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags\n"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def check(write, now, shop):
    """Check a file as an upload would be, and return the Import."""

    def check(text: str, name: str = "b.csv", **options) -> Import:
        importing = reading.create(write(text, name), name=name, options=options, now=now, state="checking")
        assert reading.take_up(importing.pk, now=now) == "checked"
        importing.refresh_from_db()
        return importing

    return check


def order(number: int, **said) -> dict:
    person = said.pop("person", number)
    return {
        **ORDER, "Name": f"#{number}", "Id": str(number), "Email": f"guest{person}@example.com", "Billing Phone": "",
        "Billing Name": f"Guest {person}", "Billing Zip": f"{person:05}", "Accepts Marketing": "", **said,
    }  # fmt: skip


def found(importing: Import, kind: Kind) -> list[tuple]:
    rows = importing.findings.filter(kind=kind).order_by("id")
    return [(line.label, line.changes or line.text) for line in describing.lines(rows, currency="EUR")]


def test_a_check_leaves_no_trace_in_the_books(take, check):
    take(shopify(order(1), order(2)))
    before, entries = books(), Entry.objects.count()
    checked = check(shopify(order(1, Total="30.00"), order(3)))
    assert (books(), Entry.objects.count(), Change.objects.count()) == (before, entries, 0)
    assert Consent.objects.count() == 0
    assert (checked.rows_read, checked.rows_total) == (2, 2)


def test_the_check_says_what_the_import_then_does(take, check, now):
    take(shopify(order(1), order(2), order(3)))
    checked = check(shopify(order(1, Total="30.00"), order(2), order(4), order(5, Total="x")))
    said = {name: checked.preview[name] for name in ("orders", "contacts", "products", "gross_total", "stored_total")}
    assert said == {
        "orders": {"created": 1, "updated": 1, "unchanged": 1},
        "contacts": {"created": 1, "updated": 0, "unchanged": 2},
        "products": {"created": 0, "updated": 0, "unchanged": 1},
        "gross_total": {"EUR": "79.80"},
        "stored_total": {"EUR": "79.80"},
    }
    assert reading.start(checked.pk)
    reading.take_up(checked.pk, now=now)
    result = Import.objects.get(pk=checked.pk).result
    assert {name: result[name] for name in said} == said
    assert (checked.preview["rejected"], result["rejected"]) == (1, 1)


def test_a_change_is_told_field_by_field(take, check):
    take(shopify(order(1)))
    checked = check(shopify(order(1, **{"Lineitem quantity": 3, "Total": "34.90", "Financial Status": "voided"})))
    assert found(checked, Kind.ORDER_CHANGED) == [
        ("#1", [
            ("Total", "€24.90", "€34.90"),
            ("Payment", "Paid", "Not paid"),
            ("Status at the platform", "paid", "voided"),
            ("Products", "2 × Tee €18.00", "3 × Tee €27.50"),
        ]),
    ]  # fmt: skip


def test_people_and_changes_of_several_chunks_count_once(take, check, monkeypatch):
    take(CUSTOMERS + "7,,,guest7@example.com,,,\n")
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    checked = check(shopify(*(order(number, person=number % 3 + 6) for number in range(1, 13))))
    assert checked.preview["contacts"] == {"created": 2, "updated": 1, "unchanged": 0}
    assert checked.preview["check"]["contact_changed"] == 1
    assert len(found(checked, Kind.CONTACT_NEW)) == 2


def test_a_phone_or_name_and_postcode_of_somebody_else_is_a_possible_double(take, check):
    take(shopify(order(1, **{"Billing Phone": "+49 30 555123456"}), order(2)))
    checked = check(
        shopify(
            order(3, **{"Billing Phone": "+49 30 555123456"}),
            order(4, **{"Billing Name": "Guest 2", "Billing Zip": "00002"}),
            order(5, **{"Billing Name": "Twin", "Billing Zip": "10115"}),
            order(6, **{"Billing Name": "Twin", "Billing Zip": "10115"}),
        )
    )
    assert found(checked, Kind.CONTACT_DOUBLE) == [
        ("Guest 3", "has the same phone number"),
        ("Guest 2", "has the same name and postcode"),
        ("Twin", "has the same phone number, or name and postcode, as somebody earlier in the file"),
    ]
    assert checked.preview["check"]["contact_double"] == 3


def test_an_order_another_source_told_before_is_a_possible_double(take, check):
    plain = "order_id,date,email,amount\nA-1,2026-04-05 19:00,guest1@example.com,24.90\n"
    take(plain)
    checked = check(shopify(order(1), order(2)))
    assert found(checked, Kind.ORDER_DOUBLE) == [("#1", "is of the same customer, day and amount")]


def test_refunds_say_what_points_they_take(take, check):
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=dt.date(2026, 1, 1)
    )
    take(shopify(order(1), order(2)))
    checked = check(shopify(order(1, **{"Refunded Amount": "10.00"}), order(2), order(3)))
    told = checked.preview["check"]
    assert (told["refund"], told["refund_points"], told["points_taken"], told["points_given"]) == (1, 10, 10, 20)
    ((label, changes),) = found(checked, Kind.REFUND)
    assert (label, changes) == ("#1", [("Given back", "€0.00", "€10.00")])


def test_an_import_never_subscribes_anyone_who_said_no(take, check, now):
    take(CUSTOMERS + "1,Ann,X,guest1@example.com,no,,\n2,Bob,Y,guest2@example.com,,,\n3,Cy,Z,guest3@example.com,yes,,\n")
    checked = check(
        CUSTOMERS + "1,Ann,X,guest1@example.com,yes,,\n2,Bob,Y,guest2@example.com,yes,,\n"
        "3,Cy,Z,guest3@example.com,no,,\n4,Di,W,guest4@example.com,yes,,\n"
    )
    told = checked.preview["check"]
    kinds = ("stay_no", "consent_yes", "consent_no", "new_yes")
    assert [told[name] for name in kinds] == [1, 1, 1, 1]
    assert sorted(found(checked, Kind.CONSENT)) == [
        ("Bob Y", [("May be written to", "Not asked", "Said yes")]),
        ("Cy Z", [("May be written to", "Said yes", "Said no")]),
    ]
    reading.start(checked.pk)
    reading.take_up(checked.pk, now=now)
    assert list(Contact.objects.order_by("email").values_list("consent", flat=True)) == ["no", "yes", "no", "yes"]


def test_welcome_gifts_go_by_the_oldest_order_of_the_whole_file(check, monkeypatch):
    Rule.objects.create(kind="welcome", params={"points": 50}, starts_on=dt.date(2026, 1, 1))
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 1)
    text = "order_id,date,email,amount\n1,2026-03-01,old@example.com,5\n2,2026-02-01,new@example.com,5\n"
    checked = check_plain(check, text + "3,2025-02-01,old@example.com,5\n")
    assert checked.preview["check"]["welcome_points"] == 50


def check_plain(check, text: str) -> Import:
    """Check a table whose columns the owner explained before."""
    header = Header(text.splitlines()[0].split(","))
    mapping = {"invoice": 0, "date": 1, "email": 2, "amount": 3}
    remembering.remember(header, format="plain", mapping=mapping, options={}, now=NOW)
    return check(text)


def test_the_findings_are_few_and_the_counts_whole(check, monkeypatch):
    monkeypatch.setattr(checking, "KEPT_NEW", 3)
    checked = check(shopify(*(order(number) for number in range(1, 10))))
    assert (checked.findings.filter(kind=Kind.ORDER_NEW).count(), checked.preview["orders"]["created"]) == (3, 9)


def test_older_points_are_worth_what_a_reward_gives_for_them(check):
    assert crediting.worth_minor(250) is None
    Reward.objects.create(name="5 euros", points=100, worth_minor=500)
    assert crediting.worth_minor(250) == 1250


def test_a_file_thrown_away_while_it_is_checked_leaves_nothing(write, now, shop, monkeypatch):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
    text = shopify(*(order(number) for number in range(1, 10)))
    importing = reading.create(write(text), name="b.csv", options={}, now=now, state="checking")
    chunks = []

    def discarding(self):
        chunks.append(self)
        if len(chunks) == 2:
            assert reading.discard(importing.pk)

    monkeypatch.setattr(checking.Check, "begin", discarding)
    assert reading.take_up(importing.pk, now=now) == ""
    assert (Import.objects.count(), Finding.objects.count(), Order.objects.count()) == (0, 0, 0)
