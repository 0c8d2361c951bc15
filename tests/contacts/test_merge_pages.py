"""The pages around merging, without JavaScript: from the list of pairs to two customers again."""

import pytest

from crm.contacts import duplicates, merging
from crm.contacts.models import Contact, Merge, Note, Pair
from crm.home.quality import inspecting
from crm.lib import clock
from crm.rewards import ledger
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(shop):
    return person("Anna Meyer", email="anna@example.org", phone="+49 171 1234567", order_count=2, spent_minor=3000)


@pytest.fixture
def twin(shop, anna):
    return person("Anna Maria Meyer", email="anna.meyer@example.com", phone="+49 171 1234567", consent="no")


def test_from_the_list_to_one_customer_and_back(owner_client, anna, twin, now):
    ledger.adjust(twin.pk, points=50, reason="start", key="a", now=now)
    duplicates.look(now=now)
    assert "1 possible double" in owner_client.get("/customers/").content.decode()
    page = owner_client.get("/customers/duplicates/").content.decode()
    assert "the same phone number" in page
    address = f"/customers/{anna.pk}/merge/{twin.pk}/"
    assert address in page
    page = owner_client.get(address).content.decode()
    for text in ("Stamps that can be spent: 0 and 50 become 50.", "A no of either of the two holds.", twin.email):
        assert text in page  # a café gives stamps
    assert "Speaks for one person: the same phone number" in page
    assert "Speaks against it: different e-mails" in page
    picks = {"name": "drop", "email": "keep", "keep_version": anna.version, "drop_version": twin.version}
    answer = owner_client.post(address, picks, follow=True)
    done = Merge.objects.get()
    assert answer.redirect_chain == [(f"/customers/{anna.pk}/?merged={done.pk}", 302)]
    page = answer.content.decode()
    assert "is merged into this customer now" in page
    assert "Merged with Anna Maria Meyer" in page
    kept = Contact.objects.get()
    assert (kept.name, kept.email, kept.points_balance, done.by) == (
        "Anna Maria Meyer", "anna@example.org", 50, "Lena Hartmann",
    )  # fmt: skip
    assert owner_client.get(f"/customers/{twin.pk}/").url == f"/customers/{anna.pk}/"
    assert "possible double" not in owner_client.get("/customers/").content.decode()
    answer = owner_client.post(f"/customers/merges/{done.pk}/", follow=True)
    assert answer.redirect_chain == [(f"/customers/{twin.pk}/", 302)]
    assert dict(Contact.objects.values_list("name", "points_balance")) == {"Anna Meyer": 0, "Anna Maria Meyer": 50}
    assert "undone already" in owner_client.get(f"/customers/merges/{done.pk}/").content.decode()


def test_before_the_first_look_the_page_says_that_nobody_has_looked(owner_client, shop, now):
    page = " ".join(owner_client.get("/customers/duplicates/").content.decode().split())
    assert "Nobody has looked for doubles yet. The first look comes with the next night at 03:00, or now." in page
    assert 'action="/quality/look-again/"' in page
    inspecting.inspect(inspecting.ask(now=now), shop=shop, now=now)
    page = " ".join(owner_client.get("/customers/duplicates/").content.decode().split())
    assert ("Nobody has looked" in page, "No doubles found" in page) == (False, True)
    assert "Looked at Nov 20, 2026 10:00." in page


def test_a_form_sent_twice_leads_to_the_same_merge(owner_client, anna, twin):
    address = f"/customers/{anna.pk}/merge/{twin.pk}/"
    picks = {"name": "drop", "email": "keep", "keep_version": anna.version, "drop_version": twin.version}
    answers = [owner_client.post(address, picks) for _twice in range(2)]
    target = f"/customers/{anna.pk}/?merged={Merge.objects.get().pk}"
    assert [(answer.status_code, answer.url) for answer in answers] == [(302, target)] * 2
    merging.undo(Merge.objects.get().pk, now=clock.now())
    assert owner_client.post(address, picks).url != target  # two again, and one anew


def test_a_note_for_the_dropped_one_is_kept_with_whom_they_became(owner_client, anna, twin, now):
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    answer = owner_client.post(f"/customers/{twin.pk}/note/", {"text": "likes rye"})
    assert (answer.status_code, answer.url) == (302, f"/customers/{anna.pk}/")
    for method, text in (("get", None), ("post", {"text": "and oats"})):
        answer = getattr(owner_client, method)(f"/customers/{twin.pk}/glance/", text, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.context["contact"].pk) == (200, anna.pk)
    assert list(Note.objects.order_by("pk").values_list("contact", "text")) == [
        (anna.pk, "likes rye"), (anna.pk, "and oats"),
    ]  # fmt: skip
    assert owner_client.get(f"/customers/{twin.pk}/edit/").status_code == 404


def test_two_of_one_name_are_told_apart(owner_client, shop, now):
    one, other = person("Anna Meyer", email="anna@example.org"), person("Anna Meyer", phone="+49 171 1234567")
    page = owner_client.get(f"/customers/{one.pk}/merge/{other.pk}/").content.decode()
    assert "Everything of Anna Meyer (+49 171 1234567) goes to Anna Meyer (anna@example.org)" in page


def test_two_people_are_not_asked_about_again(owner_client, shop, anna, twin, now):
    inspecting.inspect(inspecting.ask(now=now), shop=shop, now=now)
    page = owner_client.post(f"/customers/{anna.pk}/not/{twin.pk}/", follow=True).content.decode()
    assert "You will not be asked again" in page
    assert (duplicates.look(now=now), "No doubles found" in page) == (0, True)
    owner_client.post(f"/customers/{anna.pk}/not/{twin.pk}/", {"undo": "1"})
    assert duplicates.open_pairs().count() == 1


def test_somebody_changed_meanwhile_is_looked_at_again(owner_client, anna, twin):
    picks = {"name": "drop", "email": "drop", "keep_version": anna.version - 1, "drop_version": twin.version}
    answer = owner_client.post(f"/customers/{anna.pk}/merge/{twin.pk}/", picks)
    assert (answer.status_code, Contact.objects.count()) == (422, 2)
    page = answer.content.decode()
    assert "changed meanwhile" in page
    assert page.count('value="drop" checked') == 2
    picks["keep_version"] = answer.context["form"]["keep_version"].value()
    assert owner_client.post(f"/customers/{anna.pk}/merge/{twin.pk}/", picks).status_code == 302


def test_what_is_not_picked_is_asked_for(owner_client, anna, twin):
    answer = owner_client.post(
        f"/customers/{anna.pk}/merge/{twin.pk}/", {"keep_version": anna.version, "drop_version": twin.version}
    )
    assert (answer.status_code, Contact.objects.count()) == (422, 2)


def test_the_other_customer_can_be_searched(owner_client, anna, twin):
    page = owner_client.get(f"/customers/{anna.pk}/merge/?q=Maria").content.decode()
    assert f"/customers/{anna.pk}/merge/{twin.pk}/" in page
    assert "Nobody matches" in owner_client.get(f"/customers/{anna.pk}/merge/?q=Zoe").content.decode()
    assert f"/customers/{anna.pk}/merge/{twin.pk}/" in owner_client.get(f"/customers/{anna.pk}/").content.decode()


def test_nobody_is_merged_by_looking(owner_client, anna, twin):
    owner_client.get(f"/customers/{anna.pk}/merge/{twin.pk}/")
    assert (Contact.objects.count(), Merge.objects.count(), Pair.objects.count()) == (2, 0, 0)


@pytest.mark.parametrize("address", ["{0}/merge/{0}/", "{0}/merge/99999/", "99999/merge/", "merges/99999/"])
def test_what_is_not_there_is_not_found(owner_client, anna, address):
    assert owner_client.get(f"/customers/{address.format(anna.pk)}").status_code == 404


def test_strangers_see_nothing(client, shop, anna, twin):
    for address in ("duplicates/", f"{anna.pk}/merge/{twin.pk}/"):
        assert client.get(f"/customers/{address}").status_code == 302
