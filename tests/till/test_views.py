"""The till as it is tapped through."""

import re

import pytest
from django.urls import reverse

from crm.contacts.models import Contact
from crm.coupons.models import Use
from crm.imports.models import TypedOrder
from crm.orders.models import Order
from crm.portal import cards
from crm.rewards import ledger
from crm.rewards.models import Redemption
from tests.coupons.conftest import new_coupon
from tests.portal.conftest import give, new_person, new_reward
from tests.rewards.conftest import euro_rule

COUNTER = "/till/"


def at(contact) -> str:
    return reverse("till:customer", args=[contact.pk])


def seen(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def errors(response) -> dict:
    return dict(response.context["form"].errors)


def send(client, contact, **fields):
    return client.post(at(contact), {"form_key": "form-1", "amount": "12.50"} | fields)


def test_two_taps_add_a_purchase_and_say_what_it_earned(owner_client, mia, now):
    euro_rule(now)
    found = owner_client.get(COUNTER, {"q": "+49 30 5557001"})
    assert found["Location"] == at(mia)
    answer = send(owner_client, mia)
    order = Order.objects.get()
    assert answer["Location"] == reverse("till:done", args=[mia.pk, order.pk])
    text = seen(owner_client.get(answer["Location"]))
    assert "€12.50 from Mia Fuchs" in text
    assert "+12 points earned with this purchase" in text
    assert "To spend now 12 points" in text


def test_a_form_sent_fifty_times_is_one_purchase(owner_client, mia, now):
    euro_rule(now)
    answers = {send(owner_client, mia)["Location"] for _ in range(50)}
    assert (len(answers), Order.objects.count(), TypedOrder.objects.count(), ledger.balance(mia.pk)) == (1, 1, 1, 12)


def test_a_form_that_was_sent_before_with_another_amount_says_so(owner_client, mia):
    """The browser's Back button brings the old form and its old key."""
    send(owner_client, mia)
    answer = send(owner_client, mia, amount="8")
    said = "This form was sent before with something else on it. Send it again to add this too."
    assert (answer.status_code, errors(answer), Order.objects.count()) == (422, {"__all__": [said]}, 1)
    new = re.search(r'name="form_key" value="([\w-]+)"', answer.content.decode())[1]
    assert send(owner_client, mia, amount="8", form_key=new).status_code == 302
    assert sorted(Order.objects.values_list("total_minor", flat=True)) == [800, 1_250]


@pytest.mark.parametrize(
    ("typed", "minor"), [("12.50", 1250), ("12,5", 1250), ("12,50", 1250), ("7", 700), ("０.05", 5), (" 3,00 ", 300)]
)
def test_amounts_are_read_as_they_are_typed_in_a_hurry(owner_client, mia, typed, minor):
    send(owner_client, mia, amount=typed)
    assert Order.objects.get().total_minor == minor


@pytest.mark.parametrize("typed", ["", "0", "-5", "1,250", "1.234,50", "abc", "12.505", "1e3", "nan", "99999999999999"])
def test_amounts_that_cannot_be_read_are_refused_and_kept(owner_client, mia, typed):
    answer = send(owner_client, mia, amount=typed, note="kept too")
    assert (answer.status_code, list(errors(answer)), Order.objects.count()) == (422, ["amount"], 0)
    assert ('value="kept too"' in answer.content.decode(), answer.context["form"]["amount"].value()) == (True, typed)


def test_what_comes_off_is_shown_before_it_is_done(owner_client, mia, now):
    give(mia, 200)
    new_coupon()
    wish = {"amount": "20", "codes": "spring", "reward": str(new_reward().pk), "points": "100"}
    shown = send(owner_client, mia, **wish)
    text = seen(shown)
    assert shown.status_code == 200
    assert "Amount €20.00 Spring −€2.00 100 points −€5.00 To pay €13.00 Yes, take €13.00" in text
    assert (Order.objects.count(), Use.objects.count(), Redemption.objects.count()) == (0, 0, 0)
    agreed = re.search(r'name="agreed" value="(\d+)"', shown.content.decode())[1]
    done = send(owner_client, mia, **wish, agreed=agreed)
    assert done.status_code == 302
    assert (Order.objects.get().total_minor, ledger.balance(mia.pk), Use.objects.get().state) == (1_300, 100, "redeemed")
    text = seen(owner_client.get(done["Location"]))
    assert ("Spring −€2.00" in text, "100 points used Money off" in text) == (True, True)


def test_another_amount_after_that_is_shown_again(owner_client, mia):
    new_coupon()
    shown = send(owner_client, mia, amount="30", codes="SPRING", agreed="1800")
    assert (shown.status_code, Order.objects.count()) == (200, 0)
    assert 'name="agreed" value="2700"' in shown.content.decode()


def test_working_it_out_again_saves_nothing(owner_client, mia):
    new_coupon()
    for fields in ({"codes": "SPRING", "agreed": "1125"}, {"agreed": ""}):
        assert send(owner_client, mia, **fields, again="on").status_code == 200
    assert Order.objects.count() == 0


def test_a_refused_code_says_why(owner_client, mia):
    new_coupon(least_minor=2_000)
    answer = send(owner_client, mia, codes="SPRING")
    assert (answer.status_code, errors(answer)) == (422, {"codes": ["€7.50 more are needed."]})
    answer = send(owner_client, mia, codes="WHATEVER")
    assert (errors(answer), Order.objects.count()) == ({"codes": ["There is no such code."]}, 0)
    assert 'value="WHATEVER"' in answer.content.decode()


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ("150", "They can spend 120 points now. Nothing was added."),
        ("5000", "At most 250 points may be used on this amount. Nothing was added."),
        ("40", "At least 50 points are needed for this. Nothing was added."),
    ],
)
def test_too_many_or_too_few_points_say_how_many_there_are(owner_client, mia, points, said):
    give(mia, 120)
    reward = new_reward(least_points=50)
    answer = send(owner_client, mia, reward=str(reward.pk), points=points)
    assert (answer.status_code, errors(answer)) == (422, {"points": [said]})
    assert (Order.objects.count(), ledger.balance(mia.pk)) == (0, 120)


def test_only_what_the_customer_can_have_is_offered(owner_client, mia, nora):
    give(mia, 120)
    new_reward()
    new_reward(kind="product", name="A cake", points=500)
    assert [choice for _value, choice in owner_client.get(at(mia)).context["form"].fields["reward"].choices] == [
        "No points this time", "Money off: up to €6.00 for 120 points",
    ]  # fmt: skip
    assert "No points this time" not in seen(owner_client.get(at(nora)))


def test_a_cafe_speaks_of_stamps_at_the_till(owner_client, mia, shop):
    shop.kind = "cafe"
    shop.save()
    give(mia, 120)
    new_reward()
    text = seen(owner_client.get(at(mia)))
    assert ("120 stamps can be spent now" in text, "for 120 stamps" in text, "How many stamps" in text) == (True,) * 3


def test_undo_takes_it_back(owner_client, mia, now):
    euro_rule(now)
    done = send(owner_client, mia)["Location"]
    back = owner_client.post(done + "undo/")
    assert (back["Location"], ledger.balance(mia.pk), Order.objects.get().counts) == (at(mia), 0, False)
    assert "This purchase was undone" in seen(owner_client.get(done))
    assert owner_client.get(done + "undo/").status_code == 405


def test_somebody_elses_purchase_is_not_shown_or_undone(owner_client, mia, nora):
    send(owner_client, mia)
    wrong = reverse("till:done", args=[nora.pk, Order.objects.get().pk])
    assert owner_client.get(wrong)["Location"] == at(nora)
    owner_client.post(wrong + "undo/")
    assert Order.objects.get().counts is True


def test_the_counter_lists_several_and_offers_to_add_nobody(owner_client, mia):
    new_person("Max Fuchs")
    assert "Mia Fuchs" in (text := seen(owner_client.get(COUNTER, {"q": "Fuchs"}))) and "Max Fuchs" in text
    nobody = owner_client.get(COUNTER, {"q": "Zoe"}).content.decode()
    assert ("Nobody found" in nobody, "/till/new/?name=Zoe" in nobody) == (True, True)
    assert "/till/new/?phone=%2B49+30+99887766" in owner_client.get(COUNTER, {"q": "+49 30 99887766"}).content.decode()


def test_a_scanned_card_leads_straight_to_the_person(owner_client, mia):
    assert owner_client.get(COUNTER, {"q": cards.code(mia.pk)})["Location"] == at(mia)


def test_a_new_customer_takes_one_step(owner_client, shop):
    answer = owner_client.post("/till/new/", {"form_key": "n1", "name": "Zoe Lang", "phone": "+49 30 99887766"})
    zoe = Contact.objects.get()
    assert (answer["Location"], zoe.name, zoe.phone_key) == (at(zoe), "Zoe Lang", "493099887766")
    again = owner_client.post("/till/new/", {"form_key": "n1", "name": "Zoe Lang", "phone": "+49 30 99887766"})
    assert (again["Location"], Contact.objects.count()) == (at(zoe), 1)


@pytest.mark.parametrize("phone", ["+49 30 5557001", "030/5557001"])
def test_somebody_with_the_same_phone_is_offered_first(owner_client, mia, phone):
    same = {"form_key": "n1", "name": "Max Fuchs", "phone": phone}
    answer = owner_client.post("/till/new/", same)
    assert (answer.status_code, answer.context["alike"], Contact.objects.count()) == (422, [mia], 1)
    assert 'value="Max Fuchs"' in answer.content.decode()
    owner_client.post("/till/new/", same | {"anyway": "on"})
    mia.refresh_from_db()
    assert (mia.name, Contact.objects.count()) == ("Mia Fuchs", 2)


def test_nothing_typed_adds_nobody(owner_client, shop):
    answer = owner_client.post("/till/new/", {"form_key": "n1", "name": "", "phone": ""})
    assert (answer.status_code, Contact.objects.count()) == (422, 0)


def test_the_till_is_the_owners(client, mia):
    paths = [COUNTER, at(mia), "/till/new/", f"{COUNTER}?q={cards.code(mia.pk)}"]
    assert [client.get(path)["Location"].partition("?")[0] for path in paths] == ["/login/"] * 4


def test_an_erased_person_is_404(owner_client, mia, now):
    Contact.objects.update(erased_at=now)
    assert (owner_client.get(at(mia)).status_code, send(owner_client, mia).status_code) == (404, 404)
