"""Somebody is erased: what goes, what stays, and that nothing brings them back."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import reverse

from crm.accounts.models import Shop
from crm.api import inbound
from crm.api.models import ApiKey, Command, Event, Remote, Visit
from crm.campaigns import sending
from crm.campaigns.models import Campaign, Message, Outgoing, Rotation
from crm.contacts import (
    consent,
    erasure_log,
    forgetting,
    handing_over,
    listing,
    merging,
    objecting,
    requesting,
    segments,
)
from crm.contacts.identity import Person
from crm.contacts.models import (
    Consent,
    Contact,
    ContactKey,
    Erasure,
    ForgottenKey,
    Merge,
    Note,
    Pair,
    PrivacyRecord,
    Segment,
    Suppression,
)
from crm.coupons.models import Code, Coupon
from crm.home.models import Action
from crm.imports import intake, reading, typed, undoing
from crm.imports.models import Change, Finding, Import, RejectedRow
from crm.lib import books
from crm.listening.models import Conversation
from crm.orders import standing
from crm.orders.models import Order, Refund
from crm.orders.recording import Purchase, PurchaseLine
from crm.portal import links
from crm.rewards import forgetting as points_forgetting
from crm.rewards import ledger, redeeming, settling
from crm.rewards.models import Account, Entry, Redemption, Reward
from loyalty.models import Fresh, Run, Score
from tests.contacts.people import person
from tests.rewards.conftest import amend, euro_rule, new_order

DAY = dt.timedelta(days=1)
OWNER, CUSTOMER = Erasure.Asked.OWNER, Erasure.Asked.CUSTOMER
MARKS = ("zarathustra", "zara@quirk.example", "old.zara@quirk.example", "5550199", "rosenkavalier", "likes marzipan")
HEADER = "Date,Name,Email,Phone,Street,Product,Amount\n"
FILE = HEADER + (
    '2026-03-01,Zarathustra Quirk,zara@quirk.example,+49 171 5550199,Rosenkavalierweg 9,Rye,12.50\n'
    '2026-03-02,Otto Stays,otto@stays.example,+49 30 1234567,Lindenstr. 1,Rye,5.00\n'
    'not a date,Zarathustra Quirk,zara@quirk.example,+49 171 5550199,Rosenkavalierweg 9,Rye,1.00\n'
)  # fmt: skip


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def zara(shop):
    return person(
        "Zarathustra Quirk", email="zara@quirk.example", phone="+49 171 5550199", street="Rosenkavalierweg 9",
        tags=["vip"], extra={"shoe": "Zarathustra"}, consent="yes", birthday=dt.date(1980, 1, 2),
    )  # fmt: skip


def erase(contact, now) -> int:
    forgetting.ask(contact.pk, asked=OWNER, now=now, at_once=True)
    return forgetting.sweep(now=now)


def read_file(content: str, tmp_path, now, name="shop.csv") -> Import:
    path = tmp_path / name
    path.write_text(content)
    importing = reading.create(path, name=name, options={}, now=now, state="reading")
    Import.objects.filter(pk=importing.pk).update(state="reading", mapping={**importing.mapping, "date": 0})
    path.unlink()
    return reading.read(importing.pk, now=now)


def texts() -> list[tuple[str, str]]:
    """Return everything the database holds in words, with where it stands."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        fields = [
            field.attname for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField | models.JSONField)
        ]  # fmt: skip
        for row in model._base_manager.values(*fields) if fields else ():
            found += [
                (f"{model._meta.label}.{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                for name, value in row.items()
                if value is not None
            ]
    return found


def naming(marks=MARKS) -> list[tuple[str, str]]:
    return [(where, text) for where, text in texts() if any(mark in text.casefold().replace(" ", " ") for mark in marks)]


def wrong_books() -> list[str]:
    return [finding.detail for finding in books.run_all() if not finding.ok]


# ---- what is covered


def keys_to_contact() -> set[str]:
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is Contact
    }


MAY_NAME_SOMEBODY = {
    "contacts.Contact.extra", "contacts.Contact.tags", "contacts.Consent.detail", "contacts.Note.text",
    "contacts.Merge.details", "contacts.Segment.filter", "orders.Order.note", "orders.Order.number",
    "orders.Refund.reason", "rewards.Entry.reason", "rewards.Redemption.note", "campaigns.Message.error",
    "campaigns.Outgoing.to", "campaigns.Outgoing.text", "campaigns.Outgoing.html", "campaigns.Outgoing.subject",
    "imports.Change.before", "imports.RejectedRow.cells", "imports.Finding.label", "imports.Finding.details",
    "imports.Import.undo", "imports.Import.path", "api.Event.body", "api.Remote.remote_id",
    "api.Command.idempotency_key", "home.Action.title", "loyalty.Score.reasons",
}  # fmt: skip
NAMES_NOBODY = {  # of the JSON columns: settings, counts, and what is said of products or of everybody
    "accounts", "api.ApiKey.scopes", "api.Target.topics", "keeping.Job.report", "listening.Desk.mailbox", "api.Delivery.payload", "campaigns.Automation.params", "campaigns.Campaign.shares", "campaigns.Rules.rehearsed",
    "campaigns.Rotation.counts", "campaigns.Rotation.shares", "campaigns.Verdict.text", "campaigns.Verdict.detail",
    "campaigns.Verdict.memory", "contacts.Contact.typed_fields", "contacts.Pair.evidence", "contacts.Erasure.traces",
    "contacts.Erasure.mentions",
    "coupons.Coupon.categories", "home.Inspection.findings", "home.Inspection.totals", "imports.Import.options",
    "imports.Import.mapping", "imports.KnownHeader.mapping", "imports.KnownHeader.options",
    "orders.Refund.quantities", "rewards.Audit.checks", "rewards.Rule.params", "loyalty.Disclosure.tables",
    "loyalty.Found.data", "loyalty.Forecast.weeks", "loyalty.Promise.came", "loyalty.Promise.told",
    "loyalty.ReportCard.metrics", "loyalty.Run.champions", "loyalty.Run.cut_points", "loyalty.Run.inputs",
    "loyalty.Run.stages", "loyalty.Score.next_product_reason", "loyalty.Score.offer_reason",
}  # fmt: skip


def test_every_key_to_a_customer_is_forgotten_and_handed_over():
    forgets = {name for part in forgetting.PARTS.values() for name in part.covers}
    hands_over = {name for reader in handing_over.READERS.values() for name in reader.covers}
    assert keys_to_contact() - forgets == set()
    assert keys_to_contact() - hands_over == set()
    assert MAY_NAME_SOMEBODY - forgets == set()


def test_every_json_column_is_forgotten_or_names_nobody():
    forgets = {name for part in forgetting.PARTS.values() for name in part.covers}
    ours = [config for config in apps.get_app_configs() if config.name.startswith("crm.") or config.name == "loyalty"]
    json_columns = {
        f"{model._meta.label}.{field.name}"
        for config in ours for model in config.get_models() for field in model._meta.concrete_fields
        if isinstance(field, models.JSONField)
    }  # fmt: skip
    assert json_columns - forgets - NAMES_NOBODY == set()


def test_every_personal_column_of_a_customer_is_emptied():
    figures = {
        "id", "joined_at", "created_at", "updated_at", "erased_at", "version", "order_count", "spent_minor",
        "first_order_at", "last_order_at", "points_balance",
    }  # fmt: skip
    assert {field.name for field in Contact._meta.concrete_fields} - figures == set(forgetting.EMPTY)


# ---- the wish, the pause, the way back


def test_the_owner_has_a_day_to_take_it_back(zara, now):
    planned = forgetting.ask(zara.pk, asked=OWNER, now=now, by_user=7)
    assert planned.due_at == now + DAY
    assert forgetting.sweep(now=now + DAY - dt.timedelta(seconds=1)) == 0
    assert forgetting.take_back(zara.pk, now=now, by_user=7)
    assert forgetting.sweep(now=now + 2 * DAY) == 0
    zara.refresh_from_db()
    assert (zara.erased_at, zara.name) == (None, "Zarathustra Quirk")
    assert list(PrivacyRecord.objects.order_by("pk").values_list("act", "contact_id", "by_user")) == [
        ("planned", zara.pk, 7), ("back", zara.pk, 7),
    ]  # fmt: skip


def test_a_customers_wish_waits_for_the_owner_and_the_law_gives_a_month(zara, now):
    wish = forgetting.ask(zara.pk, asked=CUSTOMER, now=now)
    assert (wish.due_at, wish.answer_by) == (None, now.replace(month=12))
    assert forgetting.ask(zara.pk, asked=CUSTOMER, now=now + DAY).pk == wish.pk
    assert requesting.waiting() == (1, 0, wish.answer_by)
    assert forgetting.sweep(now=now + 400 * DAY) == 0
    forgetting.ask(zara.pk, asked=OWNER, now=now, by_user=7)
    assert requesting.waiting() == (0, 0, None)
    assert forgetting.take_back(zara.pk, now=now, by_user=7)
    assert requesting.waiting()[0] == 1, "the wish is still there"
    assert forgetting.end_wish(zara.pk, now=now, by_user=7)
    assert not forgetting.end_wish(zara.pk, now=now, by_user=7)
    assert [*PrivacyRecord.objects.order_by("pk").values_list("act", flat=True)] == ["asked", "planned", "back", "refused"]


def test_a_month_ends_with_the_month():
    for begun, ends in [((2026, 1, 31), (2026, 2, 28)), ((2026, 12, 15), (2027, 1, 15)), ((2028, 1, 30), (2028, 2, 29))]:
        assert forgetting.a_month_after(dt.datetime(*begun)) == dt.datetime(*ends)


def test_who_was_merged_meanwhile_is_erased_as_whom_they_became(zara, now):
    other = person("Anna Keeps", email="anna@keeps.example")
    forgetting.ask(zara.pk, asked=OWNER, now=now)
    merging.merge(other.pk, drop_id=zara.pk, now=now)
    assert forgetting.open_of(other.pk).contact_id == zara.pk
    assert forgetting.sweep(now=now + DAY) == 1
    assert Contact.objects.get().display_name == f"Erased customer {other.pk}"


# ---- everything goes


@pytest.fixture
def everything(zara, now, tmp_path, owner):
    """Somebody the whole box knows, with a neighbour who stays."""
    before = now - 5 * DAY
    euro_rule(now)
    twin = person("Z. Quirk", email="old.zara@quirk.example", phone="+49 171 5550199", street="Rosenkavalierweg 9")
    ContactKey.objects.create(contact=zara, source="shopify", value="zarathustra-721")
    Remote.objects.create(source="shopify", kind="person", remote_id="zarathustra-721", told_at=before)
    merging.merge(zara.pk, drop_id=twin.pk, choices={"email": "keep"}, by="Lena", now=before)
    read_file(FILE, tmp_path, before)
    zara.refresh_from_db()
    assert (Order.objects.filter(contact=zara).count(), RejectedRow.objects.count()) == (1, 1)
    order = new_order(zara, now, note="for Zarathustra, likes marzipan")
    Refund.objects.create(order=order, key="typed:1", amount_minor=100, at=before, reason="Zarathustra was sad")
    amend(order, refunded_minor=100, payment="partly_refunded")
    settling.settle([order.pk], now=now)
    standing.refresh([zara.pk])
    ledger.adjust(zara.pk, points=50, reason="because Zarathustra likes marzipan", key="a", now=now)
    Note.objects.create(contact=zara, text="Likes marzipan", at=before)
    consent.record([zara.pk], state="no", source="owner", detail="Zarathustra said so", at=before)
    segments.replace_members("loyal", [zara.pk], as_of=now.date())
    Segment.objects.create(slug="z", name="About Zarathustra Quirk", kind="saved", filter={"q": "zara@quirk.example"})
    campaign = Campaign.objects.create(name="News", subject="S", body="B", state="running")
    rotation = Rotation.objects.create(campaign=campaign, local_date=now.date(), started_at=now, points_given_at=now)
    sent = Message.objects.create(
        rotation=rotation, contact=zara, state="sent", due_at=now, sent_at=before, error="550 zara@quirk.example"
    )
    said = {"subject": "S", "html": "", "at": now}
    Outgoing.objects.create(message=sent, to="zara@quirk.example", text="Dear Zarathustra Quirk", **said)
    Outgoing.objects.create(to="lena@example.com", text="Dear Zarathustra Quirk", **said)
    Visit.objects.create(contact=zara, kind="page", path="/zarathustra", event_id="e1", at=before)
    hook = inbound.open_hook("generic", secret="s", now=now)
    Event.objects.create(
        hook=hook, event_id="1", topic="t", body={"email": "zara@quirk.example"}, state="failed", received_at=now,
        next_at=now, error="Zarathustra Quirk: no",
    )  # fmt: skip
    key = ApiKey.objects.create(name="shop", prefix="p", secret_hash="h", created_at=now)
    Command.objects.create(key=key, idempotency_key="new-zara@quirk.example", request_hash="r", at=now)
    run = Run.objects.create(as_of=now.date(), state="done", started_at=now)
    grades = {"recency_grade": 1, "frequency_grade": 1, "money_grade": 1, "stage": "active"}
    Score.objects.create(run=run, contact=zara, group="loyal", reasons=[{"code": "quiet_for"}], **grades)
    Fresh.objects.create(contact=zara, run=run, at=now, is_back=False, visits=1, spent_minor=1, **grades)
    importing = Import.objects.first()
    Change.objects.create(importing=importing, table="contact", row_id=zara.pk, before={"name": "Zarathustra Quirk"})
    Change.objects.create(importing=importing, table="order", row_id=order.pk, before={"note": "likes marzipan", "kind": "sale"})
    Finding.objects.create(importing=importing, kind="contact_new", label="Zarathustra Quirk")
    Import.objects.filter(pk=importing.pk).update(undo={"conflicts": [{"label": "Zarathustra Quirk", "id": zara.pk}]})
    words = {"en": "Write to Zarathustra Quirk"}
    Action.objects.create(
        key="k", kind="k", title=words, evidence={}, why={}, button={}, url="/", as_of=now.date()
    )
    Pair.objects.create(one=zara, other=person("Zed"), evidence=["name"])
    return zara


def test_after_it_no_table_and_no_file_tells_who_it_was(everything, now, tmp_path):
    assert {where for where, _text in naming()} >= {
        "contacts.Contact.name", "contacts.Merge.details", "orders.Order.number", "orders.Order.note",
        "rewards.Entry.reason", "campaigns.Outgoing.text", "imports.RejectedRow.cells", "imports.Change.before",
        "api.Event.body", "api.Command.idempotency_key", "contacts.Segment.filter", "home.Action.title",
    }  # fmt: skip
    assert list((tmp_path / "files").rglob("*.csv"))
    assert erase(everything, now) == 1
    assert naming() == []
    kept = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert [path for path in kept if any(mark in path.read_text().casefold() for mark in MARKS)] == []
    assert wrong_books() == []


def test_what_is_left_is_a_customer_without_a_name_and_books_that_add_up(everything, now):
    before = Order.objects.filter(contact=everything).count(), Entry.objects.count()
    held = ledger.balance(everything.pk)
    assert held > 0
    erase(everything, now)
    gone = Contact.objects.get(pk=everything.pk)
    assert (gone.display_name, gone.erased_at, gone.points_balance) == (f"Erased customer {gone.pk}", now, 0)
    assert (Order.objects.filter(contact=gone).count(), Entry.objects.count()) == (before[0], before[1] + 1)
    lapsed = Entry.objects.order_by("-pk").first()
    assert (lapsed.kind, lapsed.points, lapsed.reason) == ("expire", -held, "")
    assert Message.objects.filter(contact=gone, state="sent").count() == 1
    for kind in (ContactKey, Consent, Note, Visit, Score, Fresh):
        assert kind.objects.filter(contact=gone).count() == 0
    assert Segment.objects.get(slug="loyal").member_count == 0
    assert Change.objects.get(table="order").before == {"kind": "sale"}
    assert Contact.objects.filter(name="Otto Stays").count() == 1
    assert Erasure.objects.get().traces == {}


def test_nobody_lists_an_erased_customer(everything, owner_client, now):
    erase(everything, now)
    assert everything.pk not in listing.filtered({}).values_list("pk", flat=True)
    for path in ("/customers/", "/search/?q=zara", "/till/", "/customers/duplicates/", "/customers/export/"):
        page = owner_client.get(path)
        said = b"".join(page.streaming_content) if page.streaming else page.content
        assert b"Zarathustra" not in said.replace(b"About Zarathustra", b"") and b"zara@quirk" not in said, path
    order = Order.objects.filter(contact=everything).first()
    page = owner_client.get(order.get_absolute_url()).content.decode()
    assert f"Erased customer {everything.pk}" in page
    assert everything.get_absolute_url() not in page
    assert owner_client.get(everything.get_absolute_url()).status_code == 404
    assert owner_client.get("/orders/").status_code == 200


def test_erasing_twice_or_after_a_kill_comes_to_the_same(everything, now, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(**_said):
        raise Killed

    left_out = list(forgetting.PARTS)
    for name in left_out:
        part = forgetting.PARTS[name]
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setitem(forgetting.PARTS, name, part._replace(forget=kill))
            erase(everything, now)
    assert Erasure.objects.get().done_at is None
    assert forgetting.sweep(now=now) == 1
    assert naming() == []
    assert wrong_books() == []
    assert forgetting.sweep(now=now) == 0
    assert PrivacyRecord.objects.filter(act="erased").count() == 1


def test_one_part_that_fails_holds_up_no_other(everything, now, monkeypatch, caplog):
    def fail(**_said):
        raise ValueError("disk")

    part = forgetting.PARTS["contacts"]
    with monkeypatch.context() as patch:
        patch.setitem(forgetting.PARTS, "contacts", part._replace(forget=fail))
        assert erase(everything, now) == 0
    assert "erasing contacts failed" in caplog.text
    assert {where.partition(".")[0] for where, _text in naming()} == {"contacts"}
    assert forgetting.sweep(now=now) == 1
    assert naming() == []


def test_mail_that_waits_is_not_sent(zara, now):
    order = new_order(zara, now)
    Contact.objects.filter(pk=zara.pk).update(order_count=1)
    campaign = Campaign.objects.create(name="News", subject="S", body="B", state="running")
    rotation = Rotation.objects.create(campaign=campaign, local_date=now.date(), started_at=now, points_given_at=now)
    message = Message.objects.create(rotation=rotation, contact=zara, due_at=now, points=5)
    erase(zara, now)
    sending.sweep(now=now)
    message.refresh_from_db()
    assert (message.state, Outgoing.objects.count(), order.contact_id) == ("suppressed", 0, zara.pk)


def test_reserved_points_go_back_first_and_a_debt_is_forgiven(zara, now):
    euro_rule(now)
    ledger.adjust(zara.pk, points=500, reason="x", key="a", now=now)
    redeeming.reserve(zara.pk, points=100, key="r", now=now, note="for Zarathustra")
    debtor = person("Debtor", email="debtor@example.com")
    order = new_order(debtor, now)
    settling.settle([order.pk], now=now)
    ledger.adjust(debtor.pk, points=-ledger.balance(debtor.pk), reason="x", key="b", now=now)
    amend(order, refunded_minor=order.total_minor, payment="refunded")
    settling.settle([order.pk], now=now)
    assert Account.objects.get(contact=debtor).debt > 0
    for contact in (zara, debtor):
        assert erase(contact, now) == 1
        account = Account.objects.get(contact=contact)
        assert (account.balance, account.pending, account.debt) == (0, 0, 0)
    assert Redemption.objects.get().state == "back"
    assert wrong_books() == []


def test_points_that_come_back_later_lapse_with_the_day(zara, now):
    ledger.adjust(zara.pk, points=500, reason="x", key="a", now=now)
    redeeming.redeem(zara.pk, reward=Reward.objects.create(name="Off", points=100), points=100, key="r", now=now)
    erase(zara, now)
    redeeming.roll_back("r", now=now)
    assert ledger.balance(zara.pk) == 100
    assert points_forgetting.lapse_what_came_back(now=now) == 1
    assert (ledger.balance(zara.pk), points_forgetting.lapse_what_came_back(now=now)) == (0, 0)
    assert wrong_books() == []


def test_a_code_of_their_own_stops_and_a_gift_card_keeps_its_money(zara, now):
    own = Coupon.objects.create(name="10%", gives="percent", percent=10, starts_on=now.date(), code_kind="unique", created_at=now)
    card = Coupon.objects.create(name="Card", gives="gift_card", starts_on=now.date(), code_kind="unique", created_at=now)
    said = {"contact": zara, "created_at": now}
    Code.objects.create(coupon=own, code_hash="1", number=1, **said)
    Code.objects.create(coupon=card, code_hash="2", number=1, balance_minor=500, **said)
    erase(zara, now)
    assert list(Code.objects.order_by("pk").values_list("contact", "stopped_at", "balance_minor")) == [
        (None, now, None), (None, None, 500),
    ]  # fmt: skip
    assert wrong_books() == []


# ---- nothing comes back


def purchase(number: str, placed_at: dt.datetime, **values) -> Purchase:
    who = Person(
        source="shopify", key="721", name="Zarathustra Quirk", email="Zara@quirk.example", phone="+49 171 5550199",
        street="Rosenkavalierweg 9", consent="yes", consent_detail="checkout",
    )  # fmt: skip
    return Purchase(
        source="shopify", number=number, placed_at=placed_at, currency="EUR", total_minor=1000, person=who,
        note="for Zarathustra", lines=[PurchaseLine(name="Rye", total_minor=1000, unit_price_minor=1000)], **values,
    )  # fmt: skip


def test_old_orders_stay_nameless_and_a_new_one_is_of_somebody_new(shop, now):
    euro_rule(now)
    first = intake.take_orders([purchase("#1", now - 9 * DAY)], now=now)
    [nameless] = first.contact_ids
    erase(Contact.objects.get(pk=nameless), now)
    again = intake.take_orders([purchase("#1", now - 9 * DAY), purchase("#2", now - 8 * DAY)], now=now + DAY)
    changed = intake.take_orders([purchase("#1", now - 9 * DAY, refunded_minor=200, refunded_at=now)], now=now + DAY)
    assert (again.contact_ids, changed.contact_ids, again.matched.created) == ([nameless] * 2, [nameless], [])
    assert naming() == []
    gone = Contact.objects.get(pk=nameless)
    assert (gone.order_count, gone.points_balance, gone.spent_minor) == (2, 0, 1800)
    [new] = intake.take_orders([purchase("#3", now + 2 * DAY)], now=now + 3 * DAY).contact_ids
    back = Contact.objects.get(pk=new)
    assert (new != nameless, back.name, back.order_count, back.consent) == (True, "Zarathustra Quirk", 1, "no")
    assert consent.may_write(Contact.objects.filter(pk=new), write_to=Shop.WriteTo.BUYERS).count() == 0
    [older] = intake.take_orders([purchase("#4", now - 7 * DAY)], now=now + 3 * DAY).contact_ids
    assert older == nameless, "an older order goes to no new customer"
    consent.record([new], state="yes", source="owner", detail="asked again", at=now + 3 * DAY)
    assert consent.may_write(Contact.objects.filter(pk=new), write_to=Shop.WriteTo.YES_ONLY).count() == 1
    assert wrong_books() == []


def test_a_row_without_a_date_a_report_and_a_program_tell_of_the_time_before(zara, now, client):
    ContactKey.objects.create(contact=zara, source="shopify", value="721")
    erase(zara, now)
    facts = {"name": "Zarathustra Quirk", "street": "Rosenkavalierweg 9", "consent": "yes", "authoritative": True}
    for who in (
        Person("mailchimp", email="zara@quirk.example", **facts),
        Person("shopify", key="721", joined_at=now - 90 * DAY, **facts),
        Person("cards", phone="+49 171 5550199", **facts),
    ):
        taken = intake.take_people([who], now=now + DAY)
        assert (taken.contact_ids, taken.matched.created, taken.matched.changed) == ([zara.pk], [], [])
    assert naming() == []


def test_rows_of_a_number_alone_go_by_their_date_too(zara, now):
    ContactKey.objects.create(contact=zara, source="till", value="7")
    erase(zara, now)

    def sold(number: str, placed_at: dt.datetime) -> int:
        who = Person("till", key="7")
        one = Purchase("till", number, placed_at, "EUR", 500, person=who)
        return intake.take_orders([one], now=now + 9 * DAY).contact_ids[0]

    assert sold("1", now - DAY) == zara.pk
    back = sold("2", now + DAY)
    assert back != zara.pk
    assert (sold("3", now + 2 * DAY), sold("4", now - 2 * DAY)) == (back, zara.pk)


def test_a_shared_phone_is_still_that_of_the_others(zara, now):
    son = person("Otto Quirk", phone="+49 171 5550199")
    erase(zara, now)
    rows = [
        Person("till", phone="+49 171 5550199", name="Otto Quirk"),
        Person("till", phone="+49 171 5550199", name="Berta Quirk"),
        Person("till", phone="+49 171 5550199", email="new@quirk.example", name="Zarathustra Quirk"),
    ]
    found = intake.take_people(rows, now=now + DAY).contact_ids
    assert found[0] == son.pk
    assert zara.pk not in found


def test_the_owner_may_type_them_in_anew(zara, now):
    erase(zara, now)
    who = Person("typed", name="Zarathustra Quirk", email="zara@quirk.example")
    new = typed.new_person(who, form_key="f", now=now + DAY)
    assert (new != zara.pk, Contact.objects.get(pk=new).name) == (True, "Zarathustra Quirk")


def test_erase_then_the_same_file_again_then_campaigns_no_mail_and_no_fact(shop, now, tmp_path):
    Shop.objects.update(write_to="buyers", sender_email="a@b.example", address="Street 1")
    read_file(FILE, tmp_path, now)
    zara = Contact.objects.get(email="zara@quirk.example")
    erase(zara, now)
    assert not list((tmp_path / "files").rglob("*.csv"))
    again = read_file(FILE, tmp_path, now + DAY)
    assert again.result["orders"] == {"created": 0, "updated": 0, "unchanged": 2}
    intake.take_people(
        [Person("list", email="zara@quirk.example", name="Zarathustra Quirk", consent="yes", authoritative=True)],
        now=now + DAY,
    )
    assert naming() == []
    assert list((tmp_path / "files").rglob("*.csv")) == []
    segments.replace_members("all", Contact.objects.values_list("pk", flat=True), as_of=now.date())
    Campaign.objects.create(
        name="News", subject="Hello", body="Hi", state="scheduled", segment=Segment.objects.get(slug="all"),
        next_at=now + DAY, next_date=(now + DAY).date(), starts_date=(now + DAY).date(), send_time=dt.time(9),
    )
    sending.sweep(now=now + DAY)
    assert set(Outgoing.objects.values_list("to", flat=True)) == {"otto@stays.example"}
    assert wrong_books() == []


def test_undoing_an_import_after_it_brings_nobody_back(shop, now, tmp_path):
    first = read_file(FILE, tmp_path, now - 2 * DAY)
    zara = Contact.objects.get(email="zara@quirk.example")
    second = read_file(FILE.replace("12.50", "13.50").replace("Rosenkavalierweg 9", "Elsewhere 1"), tmp_path, now - DAY)
    erase(zara, now)
    for importing in (second, first):
        undoing.undo(importing.pk, now=now + DAY)
        assert naming() == []
        assert Contact.objects.get(pk=zara.pk).erased_at == now
    assert wrong_books() == []


def test_a_merge_cannot_be_undone_after_it(zara, now):
    other = person("Zarathustra Q.", email="old.zara@quirk.example")
    done = merging.merge(zara.pk, drop_id=other.pk, now=now)
    erase(zara, now)
    with pytest.raises(merging.CannotUndo):
        merging.undo(done.pk, now=now)
    assert Merge.objects.get().details == {}
    assert ForgottenKey.objects.count() >= 4
    found = intake.take_people([Person("x", email="old.zara@quirk.example", name="Z")], now=now + DAY)
    assert found.contact_ids == [zara.pk]


def test_a_file_nobody_has_read_yet_is_thrown_away_and_says_so(zara, now, tmp_path):
    path = tmp_path / "later.csv"
    path.write_text(FILE)
    waiting = reading.create(path, name="later.csv", options={}, now=now, state="checking")
    Import.objects.filter(pk=waiting.pk).update(state="checked")
    path.write_text(HEADER + "2026-03-02,Otto Stays,otto@stays.example,,Lindenstr. 1,Rye,5.00\n")
    others = reading.create(path, name="others.csv", options={}, now=now, state="checking")
    Import.objects.filter(pk=others.pk).update(state="checked")
    erase(zara, now)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.path) == ("failed", "")
    assert "erased" in waiting.error
    assert reading.file_of(others).exists()


def test_it_waits_for_an_import_under_way(zara, now):
    importing = Import.objects.create(file_name="a", path="", size_bytes=1, sha256="0", state="reading")
    assert erase(zara, now) == 0
    zara.refresh_from_db()
    assert zara.erased_at == now, "the name is gone at once"
    Contact.objects.filter(pk=zara.pk).update(name="Zarathustra Quirk")  # what the import had read before
    Import.objects.filter(pk=importing.pk).update(state="done")
    assert forgetting.sweep(now=now) == 1
    assert naming() == []


def test_what_a_slow_writer_had_read_before_is_emptied_again(zara, now):
    erase(zara, now)
    Contact.objects.filter(pk=zara.pk).update(name="Zarathustra Quirk", email="zara@quirk.example")
    ContactKey.objects.create(contact=zara, source="shop", value="zarathustra")
    forgetting.sweep(now=now + dt.timedelta(minutes=1))
    assert naming() == []


# ---- objecting


def test_who_objects_loses_their_scores_at_once_and_is_read_no_more(zara, now):
    segments.replace_members("loyal", [zara.pk], as_of=now.date())
    run = Run.objects.create(as_of=now.date(), state="done", started_at=now)
    Score.objects.create(
        run=run, contact=zara, group="loyal", stage="active", recency_grade=1, frequency_grade=1, money_grade=1
    )
    Contact.objects.filter(pk=zara.pk).update(group="loyal", churn_risk=0.5)
    assert objecting.object_to_profiling(zara.pk, now=now)
    assert not objecting.object_to_profiling(zara.pk, now=now)
    zara.refresh_from_db()
    assert (zara.no_profiling, zara.group, zara.churn_risk, Score.objects.count()) == (True, "", None, 0)
    assert Segment.objects.get(slug="loyal").member_count == 0
    assert segments.replace_members("loyal", [zara.pk], as_of=now.date()).member_count == 0
    other = person("Zed", email="zed@example.com")
    merging.merge(other.pk, drop_id=zara.pk, now=now)
    other.refresh_from_db()
    assert other.no_profiling
    assert objecting.admit_to_profiling(other.pk, now=now)


def test_what_was_known_by_is_kept_as_keyed_hashes_only(zara, now):
    erase(zara, now)
    assert Suppression.objects.get().reason == "erased"
    assert all(len(mark) == 64 for mark in ForgottenKey.objects.values_list("key_hash", flat=True))
    assert links.contact_of(links.token(zara.pk)) is None


def test_a_restored_copy_forgets_again_as_of_then(zara, now):
    before = {name: getattr(zara, name) for name in forgetting.EMPTY}
    erase(zara, now)
    stranger = person("Zed", email="zed@example.com")
    ForgottenKey.objects.all().delete()
    Erasure.objects.all().delete()
    Contact.objects.filter(pk=zara.pk).update(**before, erased_at=None)  # the copy of the day before
    erasure_log.write([stranger.pk], at=now, hashes=["of somebody else with this number"])
    assert forgetting.sweep(now=now + 9 * DAY) == 1
    assert naming() == []
    assert set(ForgottenKey.objects.values_list("at", flat=True)) == {now}
    assert Contact.objects.get(pk=stranger.pk).erased_at is None
    assert all(mark not in erasure_log.path().read_text() for mark in MARKS)


def restored(*copies: dict) -> None:
    """Put a copy of these rows of Contact in the place of what became of them, as a restore would."""
    for model in (ForgottenKey, Erasure, Merge, ContactKey, Consent, Suppression):
        model.objects.all().delete()
    Contact.objects.all().delete()
    for copy in copies:
        created_at = copy.pop("created_at")
        Contact.objects.create(**copy)
        Contact.objects.filter(pk=copy["id"]).update(created_at=created_at)


def copy_of(contact: Contact) -> dict:
    return Contact.objects.values().get(pk=contact.pk)


def test_a_restored_copy_forgets_again_who_had_nothing_but_a_name(shop, now):
    walk_in = person("Zarathustra Quirk")
    copy = copy_of(walk_in)
    erase(walk_in, now)
    restored(copy)
    assert forgetting.again(now=now + DAY) == 1
    assert forgetting.sweep(now=now + DAY) == 1
    assert naming() == []


def test_a_restored_copy_forgets_again_who_was_two_when_it_was_made(zara, now):
    twin = person("Z. Quirk", email="old.zara@quirk.example")
    copies = [copy_of(zara), copy_of(twin)]
    merging.merge(zara.pk, drop_id=twin.pk, now=now)
    erase(zara, now)
    restored(*copies)
    assert forgetting.again(now=now + DAY) == 2
    assert forgetting.sweep(now=now + DAY) == 2
    assert naming() == []
    assert Contact.objects.alive().count() == 0


def test_after_a_restore_an_old_file_brings_nobody_back_who_came_after_the_copy(zara, now):
    number = zara.pk
    erase(zara, now)
    restored()
    other = person("Otto", email="otto@stays.example", id=number)  # the copy gives the number to somebody else
    assert [forgetting.again(now=now + DAY), forgetting.again(now=now + DAY)] == [0, 0]
    nameless = Contact.objects.exclude(pk=other.pk).get()
    assert (nameless.display_name, nameless.erased_at) == (f"Erased customer {nameless.pk}", now + DAY)
    old = Person("x", email="zara@quirk.example", name="Zarathustra Quirk", joined_at=now - DAY)
    assert intake.take_people([old], now=now + DAY).contact_ids == [nameless.pk]
    assert naming() == []
    assert Contact.objects.get(pk=other.pk).erased_at is None
    assert wrong_books() == []


def test_a_log_cut_off_by_a_power_cut_loses_one_line_and_no_other(zara, now):
    erasure_log.path().parent.mkdir(parents=True, exist_ok=True)
    erasure_log.path().write_text('{"shop": "x", "cust')
    erase(zara, now)
    assert [line.contact_id for line in erasure_log.read()] == [zara.pk]


def test_what_imports_kept_of_who_was_merged_goes_too(zara, now, tmp_path):
    """What a file changed on a customer stays under the number of the one who was merged away."""
    first = FILE.replace("zara@quirk.example", "old.zara@quirk.example").replace("+49 171 5550199", "")
    read_file(first, tmp_path, now - 3 * DAY)
    twin = Contact.objects.get(email="old.zara@quirk.example")
    Change.objects.create(
        importing=Import.objects.get(), table="contact", row_id=twin.pk, before={"company": "Quirk Ltd"}
    )
    merging.merge(zara.pk, drop_id=twin.pk, now=now)
    assert {"company": "Quirk Ltd"} in [one["before"] for one in handing_over.READERS["imports"].read(
        contact_id=zara.pk)["earlier_values"]]  # fmt: skip
    erase(zara, now)
    assert not Change.objects.filter(before__company="Quirk Ltd").exists()


def test_notes_on_orders_go_from_what_imports_changed_and_found(zara, now, tmp_path):
    importing = read_file(FILE, tmp_path, now - DAY)
    order = Order.objects.get(contact=zara)
    kept = Change.objects.create(
        importing=importing, table="order", row_id=order.pk, before={"note": "ring twice", "total_minor": 1},
        after={"note": "leave with the neighbour"},
    )  # fmt: skip
    Finding.objects.create(
        importing=importing, kind=Finding.Kind.ORDER_CHANGED, label=order.number, row_id=order.pk,
        details={"changes": [["note", "ring twice", "leave with the neighbour"]]},
    )  # fmt: skip
    erase(zara, now)
    kept.refresh_from_db()
    assert (kept.before, kept.after) == ({"total_minor": 1}, {})
    assert not Finding.objects.filter(row_id=order.pk).exists()


def test_where_the_name_stands_about_others_is_shown_before_and_after(zara, now, owner_client):
    otto = person("Otto", email="otto@stays.example")
    Note.objects.create(contact=otto, text="Comes with ZARATHUSTRA  Quirk on Fridays", at=now)
    Note.objects.create(contact=otto, text="Likes rye", at=now)
    Note.objects.create(contact=zara, text="Zarathustra Quirk herself", at=now)
    campaign = Campaign.objects.create(name="Thanks", subject="Hello", body="Thank you, Zarathustra Quirk!")
    talk = Conversation.objects.create(contact=otto, subject="Cake", via="mail", opened_at=now, last_at=now)
    talk.lines.create(direction="in", text="From Quirk, Zarathustra and me", at=now)
    places = [otto.get_absolute_url(), reverse("listening:thread", args=[talk.pk]), campaign.get_absolute_url()]
    assert sorted(place.href for place in forgetting.mentioned(zara)) == sorted(places)
    page = owner_client.get(reverse("contacts:erase", args=[zara.pk])).content.decode()
    assert all(f'href="{place}"' in page for place in places)
    erase(zara, now)
    assert Note.objects.get(contact=otto, text__contains="Fridays")
    (left,) = forgetting.left_to_look_at()
    assert sorted(place.href for place in left.places) == sorted(places)
    assert not any(mark in json.dumps(left.mentions).casefold() for mark in MARKS)
    page = owner_client.get(reverse("contacts:privacy")).content.decode()
    assert f"Erased customer {zara.pk}" in page and all(f'href="{place}"' in page for place in places)
    owner_client.post(reverse("contacts:looked", args=[left.pk]))
    assert forgetting.left_to_look_at() == []


def test_a_file_no_import_knows_goes_if_it_names_them(zara, now, settings):
    home = settings.MEDIA_ROOT / "imports" / "2026-01"
    home.mkdir(parents=True)
    texts = {"theirs.csv": "Date,Last,First\n2026-01-01,Quirk,Zarathustra\n", "others.csv": "Date,Name\n2026-01-01,Otto\n"}
    for name, text in texts.items():
        (home / name).write_text(text)
        os.utime(home / name, (1, 1))
    (home / "arriving.csv").write_text(texts["theirs.csv"])
    erase(zara, now)
    assert sorted(path.name for path in home.iterdir()) == ["arriving.csv", "others.csv"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite keeps one file")
def test_the_database_file_holds_it_no_more(now):
    Shop.objects.create(name="S", currency="EUR", timezone="UTC")
    zara = person("Zarathustra Quirk", email="zara@quirk.example", street="Rosenkavalierweg 9")
    Note.objects.create(contact=zara, text="likes marzipan " * 500, at=now)
    files = [Path(connection.settings_dict["NAME"] + end) for end in ("", "-wal", "-journal")]
    assert any(b"Zarathustra" in path.read_bytes() for path in files if path.exists())
    assert erase(zara, now) == 1
    for path in files:
        held = path.read_bytes().lower() if path.exists() else b""
        assert [mark for mark in MARKS if mark.encode() in held] == [], path
