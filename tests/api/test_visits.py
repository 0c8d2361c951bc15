"""What a known customer looks at, after a yes."""

import datetime as dt
import json

import pytest

from crm.api import visits
from crm.api.models import Visit
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.imports import intake
from crm.orders.models import Product


@pytest.fixture
def ada(shop, owner, now):
    [pk] = intake.take_people([Person(source="api", email="ada@example.com", joined_at=now)], now=now).contact_ids
    return Contact.objects.get(pk=pk)


def tell(client, **said):
    visit = {"kind": "product", "sku": "tea", "path": "/tea?utm=1", "id": "abcdefgh-1"} | said
    return client.post("/visits/", json.dumps(visit), content_type="text/plain").status_code


def test_a_visit_of_a_known_person_is_kept_once(client, ada, now):
    tea = Product.objects.create(key="tea", sku="TEA", name="Tea")
    who = visits.token_for(ada.pk)
    assert [tell(client, who=who), tell(client, who=who)] == [204, 204]
    assert list(Visit.objects.values_list("contact", "kind", "path", "product")) == [(ada.pk, "product", "/tea", tea.pk)]
    [moment] = visits.moments(contact_id=ada.pk, before=dt.datetime.max.replace(tzinfo=dt.UTC), limit=5)
    assert (moment.text, moment.detail) == ("Looked at a product", "Tea")


@pytest.mark.parametrize("said", [{"who": "forged.token"}, {}, {"who": 7}])
def test_nobody_else_is_kept(client, ada, said):
    assert tell(client, **said) == 204
    assert Visit.objects.count() == 0


def test_someone_who_said_no_is_not_followed(client, ada):
    Contact.objects.filter(pk=ada.pk).update(consent="no")
    tell(client, who=visits.token_for(ada.pk))
    assert Visit.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * 5000, b"\xff"])
def test_rubbish_is_taken_in_silence(client, ada, body):
    assert client.post("/visits/", body, content_type="text/plain").status_code == 204
    assert Visit.objects.count() == 0


def test_old_visits_are_forgotten(ada, now):
    Visit.objects.create(contact=ada, kind="page", event_id="abcdefgh", at=now - dt.timedelta(days=401))
    assert visits.sweep(now=now) == 1


def test_the_script_is_there_for_other_sites(client, shop, owner):
    answer = client.get("/visit.js")
    assert (answer.status_code, answer["Cross-Origin-Resource-Policy"]) == (200, "cross-origin")
    assert b"sendBeacon" in answer.content
