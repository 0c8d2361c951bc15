"""What Shopify's compliance webhooks ask for becomes a request the owner answers; nothing is erased unasked."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from django.urls import reverse

from crm.api import inbound
from crm.api.models import Event
from crm.contacts import forgetting, requesting
from crm.contacts.models import Contact, ContactKey, DataRequest, Erasure, PrivacyRecord

SECRET = "shpss_not_a_real_one"


@pytest.fixture
def anna(shop, now):
    made = Contact.objects.create(name="Anna", email="anna@example.com", email_key="anna@example.com", joined_at=now)
    ContactKey.objects.create(contact=made, source="shopify", value="191167")
    return made


@pytest.fixture
def report(client, shop, owner, now):
    hook = inbound.open_hook("shopify", secret=SECRET, now=now)

    def send(topic, customer=None, *, event="e-1", secret=SECRET):
        body = json.dumps({"shop_id": 9, "shop_domain": "linden.example", **({"customer": customer} if customer else {})})
        signed = base64.b64encode(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()).decode()
        headers = {"X-Shopify-Hmac-Sha256": signed, "X-Shopify-Topic": topic, "X-Shopify-Event-Id": event}
        answer = client.post(f"/hooks/{hook.token}/", body, content_type="application/json", headers=headers)
        inbound.read_waiting(now=dt.datetime.now(dt.UTC))
        return answer.status_code

    return send


def test_redact_is_a_wish_that_waits_for_the_owner(report, anna):
    redact = {"id": 191167, "email": "somebody@else.example"}
    assert [report("customers/redact", redact), report("customers/redact", redact)] == [200, 200]
    report("customers/redact", redact, event="e-2")
    wish = Erasure.objects.get()
    assert (wish.contact_id, wish.asked, wish.due_at) == (anna.pk, "customer", None)
    assert wish.answer_by == forgetting.a_month_after(wish.asked_at)
    forgetting.sweep(now=wish.asked_at + dt.timedelta(days=40))
    assert Contact.objects.get(pk=anna.pk).name == "Anna"
    assert set(Event.objects.values_list("state", flat=True)) == {"done", "ignored"}
    assert not Event.objects.exclude(body={}).exists()


def test_a_forged_report_asks_nothing(report, anna):
    assert report("customers/redact", {"id": 191167}, secret="another") == 401
    assert not Erasure.objects.exists() and not DataRequest.objects.exists()


def test_whom_nobody_knows_needs_no_answer(report, anna):
    for topic in ("customers/redact", "customers/data_request"):
        assert report(topic, {"id": 5, "email": "nobody@example.com"}, event=topic) == 200
    assert report("customers/data_request", {"id": None, "email": None}, event="e-3") == 200
    assert not Erasure.objects.exists() and not DataRequest.objects.exists()
    assert set(Event.objects.values_list("state", flat=True)) == {"ignored"}


def test_data_request_waits_in_the_tray_until_the_data_is_downloaded(report, anna, owner_client):
    for event in ("e-1", "e-2"):
        report("customers/data_request", {"email": "ANNA@example.com"}, event=event)
    asked = DataRequest.objects.get()
    assert (asked.kind, asked.contact_id, asked.answer_by) == ("copy", anna.pk, forgetting.a_month_after(asked.asked_at))
    assert PrivacyRecord.objects.get().act == "copy"
    assert "1 request about somebody" in owner_client.get("/").content.decode()
    page = owner_client.get(reverse("contacts:privacy")).content.decode()
    assert "through Shopify" in page and anna.get_absolute_url() in page
    assert owner_client.post(reverse("contacts:hand_over", args=[anna.pk])).status_code == 200
    asked.refresh_from_db()
    assert asked.answered_at is not None
    assert "through Shopify" not in owner_client.get(reverse("contacts:privacy")).content.decode()
    report("customers/data_request", {"id": 191167}, event="e-4")  # asked for once more
    assert len(requesting.open_requests()) == 1


def test_shop_redact_erases_nobody_and_is_answered_by_hand(report, anna, owner_client):
    assert report("shop/redact") == 200
    (asked,) = requesting.open_requests()
    assert (asked.kind, asked.person) == ("shop", None)
    page = owner_client.get(reverse("contacts:privacy")).content.decode()
    assert "Shopify says that the app there was removed" in page
    owner_client.post(reverse("contacts:answered", args=[asked.pk]))
    assert requesting.open_requests() == []
    assert Contact.objects.get(pk=anna.pk).name == "Anna"


def test_who_is_erased_has_nothing_to_be_handed_over(report, anna, now):
    report("customers/data_request", {"id": 191167})
    forgetting.ask(anna.pk, asked="owner", now=now, at_once=True)
    forgetting.sweep(now=now)
    assert requesting.open_requests() == []
