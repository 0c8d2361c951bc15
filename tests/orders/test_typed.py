"""Orders and people typed in by hand: once, through the door, without a script."""

import datetime as dt

import pytest

from crm.contacts.models import Consent, Contact
from crm.orders.models import Order, Product, Refund
from crm.rewards.models import Entry, Rule
from tests.contacts.people import person
from tests.orders.sales import product, sale

pytestmark = pytest.mark.django_db


def order_form(*lines: tuple[str, str, str], **changes) -> dict:
    """Return what a browser sends for the order form: lines are (name, quantity, unit price) as typed."""
    data = {
        "form_key": "key-1", "placed_at": "2026-11-19T18:30", "payment": "paid", "contact": "", "find": "", "note": "",
        "discount": "", "shipping": "", "lines-TOTAL_FORMS": str(len(lines)), "lines-INITIAL_FORMS": "0",
    }  # fmt: skip
    for index, (name, quantity, price) in enumerate(lines):
        data |= {f"lines-{index}-name": name, f"lines-{index}-quantity": quantity, f"lines-{index}-unit_price": price}
    return data | changes


@pytest.fixture
def one_point_per_euro(shop):
    return Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=dt.date(2026, 1, 1)
    )


# New orders


def test_typed_order_is_recorded_with_its_total_and_a_number(owner_client, shop):
    ava = person("Ava")
    response = owner_client.post(
        "/orders/new/",
        order_form(
            ("Rye", "2", "4.50"),
            ("Jam", "0.5", "6.99"),
            ("", "1", ""),
            contact=str(ava.pk),
            discount="1",
            shipping="2.50",
        ),
    )
    order = Order.objects.get()
    assert response["Location"] == f"/orders/{order.pk}/"
    assert (order.source, order.contact_id, order.total_minor, order.discount_minor, order.shipping_minor) == (
        "typed", ava.pk, 900 + 350 - 100 + 250, 100, 250,
    )  # fmt: skip
    assert order.number.startswith("T-") and int(order.number[2:]) > 1000
    assert order.placed_at == dt.datetime(2026, 11, 19, 17, 30, tzinfo=dt.UTC)  # 18:30 in Berlin
    assert list(order.lines.order_by("position").values_list("name", "quantity", "total_minor")) == [
        ("Rye", 2.0, 900), ("Jam", 0.5, 350),
    ]  # fmt: skip
    ava.refresh_from_db()
    assert (ava.order_count, ava.spent_minor) == (1, order.total_minor)


def test_typed_order_gives_its_points(owner_client, one_point_per_euro):
    ava = person("Ava")
    owner_client.post("/orders/new/", order_form(("Rye", "3", "4.50"), contact=str(ava.pk)))
    assert list(Entry.objects.filter(kind="order").values_list("points", flat=True)) == [13]
    ava.refresh_from_db()
    assert ava.points_balance == 13


def test_a_form_sent_twice_is_one_order(owner_client, shop):
    first = owner_client.post("/orders/new/", order_form(("Rye", "1", "4.50")))
    second = owner_client.post("/orders/new/", order_form(("Rye", "1", "4.50")))
    assert Order.objects.count() == 1
    assert first["Location"] == second["Location"]


def test_two_forms_are_two_orders_with_numbers_of_their_own(owner_client, shop):
    for key in ("a", "b"):
        owner_client.post("/orders/new/", order_form(("Rye", "1", "4.50"), form_key=key))
    assert Order.objects.count() == 2
    assert len(set(Order.objects.values_list("number", flat=True))) == 2


def test_an_empty_price_is_the_products_usual_one(owner_client, shop):
    product("Rye", price_minor=450)
    owner_client.post("/orders/new/", order_form(("Rye", "2", "")))
    assert Order.objects.get().total_minor == 900


def test_a_new_customer_comes_with_the_order_and_a_known_address_is_not_doubled(owner_client, shop):
    ava = person("Ava", email="ava@example.com")
    owner_client.post(
        "/orders/new/", order_form(("Rye", "1", "1"), form_key="a", new_name="Bo", new_email="bo@example.com")
    )
    owner_client.post(
        "/orders/new/", order_form(("Rye", "1", "1"), form_key="b", new_name="A.", new_email="AVA@example.com")
    )
    assert list(Contact.objects.order_by("pk").values_list("name", "order_count")) == [("Ava", 1), ("Bo", 1)]
    assert Order.objects.order_by("pk").last().contact_id == ava.pk


@pytest.mark.parametrize(
    "lines, changes, message",
    [
        ([("", "1", "")], {}, "Type at least one product."),
        ([("Rye", "0", "1")], {}, "How many? More than 0."),
        ([("Rye", "-1", "1")], {}, "greater than or equal to 0"),
        ([("Rye", "many", "1")], {}, "Enter a number."),
        ([("", "1", "4.50")], {}, "What was it?"),
        ([("Rye", "1", "4.505")], {}, "no more than 2 decimal places"),
        ([("Rye", "1", "1")], {"discount": "5"}, "The discount is larger than the order."),
        ([("Rye", "1", "1")], {"placed_at": "2099-01-01T10:00"}, "This lies in the future."),
        ([("Rye", "1", "1")], {"placed_at": "soon"}, "Enter a valid date/time."),
        ([("Rye", "1", "1")], {"payment": "refunded"}, "Select a valid choice."),
        ([("Rye", "1", "1")], {"contact": "999999"}, "This customer is not there any more."),
        ([("Rye", "1", "1")], {"new_email": "nonsense"}, "Enter a valid email address."),
        ([("Rye", "1", "1")], {"form_key": ""}, "This field is required."),
    ],
)
def test_wrong_input_is_shown_again_and_nothing_is_saved(owner_client, shop, lines, changes, message):
    response = owner_client.post("/orders/new/", order_form(*lines, **({"note": "Keep me"} | changes)))
    page = response.content.decode()
    assert response.status_code == 422
    assert message in page and "Keep me" in page
    assert Order.objects.count() == 0


def test_a_tampered_line_count_is_an_error_not_a_crash(owner_client, shop):
    for count in ("", "x", "-1", "100000"):
        response = owner_client.post("/orders/new/", order_form(("Rye", "1", "1")) | {"lines-TOTAL_FORMS": count})
        assert response.status_code == 422
        again = owner_client.post("/orders/new/", order_form() | {"lines-TOTAL_FORMS": count, "add_line": "1"})
        assert again.status_code == 200
    assert Order.objects.count() == 0


def test_another_line_needs_no_script_and_keeps_what_was_typed(owner_client, shop):
    data = order_form(("Rye", "2", "4.50"), ("Half a l", "", "x"), note="By phone", new_name="Bo", add_line="1")
    response = owner_client.post("/orders/new/", data)
    page = response.content.decode()
    assert response.status_code == 200
    assert [form["name"].value() for form in response.context["lines"]] == ["Rye", "Half a l", None]
    assert "By phone" in page and 'value="Bo"' in page and 'value="key-1"' in page and "has-error" not in page
    assert response.context["total"] == "€9.00"
    assert Order.objects.count() == 0


def test_customers_are_found_without_a_script_and_one_can_be_chosen(owner_client, shop):
    ava = person("Ava Okafor", email="ava@example.com")
    page = owner_client.post(
        "/orders/new/", order_form(("Rye", "1", "1"), find="okaf", find_customer="1")
    ).content.decode()
    assert f'name="contact" id="contact_{ava.pk}" value="{ava.pk}"' in page
    fragment = owner_client.get("/orders/new/customers/?find=okaf").content.decode()
    assert f'value="{ava.pk}"' in fragment and "<html" not in fragment
    assert "Nobody matches “zzzz”" in owner_client.get("/orders/new/customers/?find=zzzz").content.decode()


def test_order_for_a_given_customer_starts_with_them(owner_client, shop):
    ava = person("Ava Okafor")
    assert "Ava Okafor" in owner_client.get(f"/orders/new/?contact={ava.pk}").content.decode()
    assert owner_client.get("/orders/new/?contact=%00x").status_code == 200


# Corrections


def edit_form(client, order: Order, **changes) -> dict:
    """Return the edit form as drawn, with changes."""
    page = client.get(f"/orders/{order.pk}/edit/")
    form, lines = page.context["form"], page.context["lines"]
    data = {name: form[name].value() for name in form.fields}
    data |= {f"lines-{key}": lines.management_form[key].value() for key in ("TOTAL_FORMS", "INITIAL_FORMS")}
    for line in lines:
        data |= {line.add_prefix(name): line[name].value() for name in line.fields}
    return {name: "" if value is None else value for name, value in data.items()} | changes


def test_saving_an_imported_order_unchanged_keeps_its_amounts(owner_client, shop):
    order = sale("#1", (product("Rye", sku="RYE"), 2, 450), total_minor=1010, tax_minor=110)
    line = order.lines.get()
    line.total_minor, line.sku = 850, "RYE"  # the platform gave 50 off on the line
    line.save()
    owner_client.post(f"/orders/{order.pk}/edit/", edit_form(owner_client, order))
    order.refresh_from_db()
    assert (order.source, order.number, order.total_minor, order.tax_minor) == ("shopify", "#1", 1010, 110)
    assert list(order.lines.values_list("sku", "quantity", "unit_price_minor", "total_minor")) == [
        ("RYE", 2.0, 450, 850)
    ]


def test_correcting_lines_moves_the_total_by_the_difference_and_marks_the_order(owner_client, one_point_per_euro):
    ava = person("Ava")
    owner_client.post("/orders/new/", order_form(("Rye", "1", "10"), contact=str(ava.pk)))
    order = Order.objects.get()
    owner_client.post(f"/orders/{order.pk}/edit/", edit_form(owner_client, order, **{"lines-0-quantity": "3"}))
    order.refresh_from_db()
    assert (order.total_minor, order.net_minor, order.corrected_at is not None) == (3000, 3000, True)
    ava.refresh_from_db()
    assert (ava.points_balance, ava.spent_minor) == (30, 3000)
    assert "Corrected by hand" in owner_client.get(f"/orders/{order.pk}/").content.decode()


def test_setting_an_order_to_unpaid_takes_its_points_back(owner_client, one_point_per_euro):
    ava = person("Ava")
    owner_client.post("/orders/new/", order_form(("Rye", "1", "10"), contact=str(ava.pk)))
    order = Order.objects.get()
    owner_client.post(f"/orders/{order.pk}/edit/", edit_form(owner_client, order, payment="unpaid"))
    ava.refresh_from_db()
    assert (ava.points_balance, ava.order_count) == (0, 0)


def test_a_correction_keeps_refunds_and_cannot_go_below_them(owner_client, shop):
    order = sale("#1", (product("Rye"), 1, 1000), contact=person("Ava"))
    owner_client.post(f"/orders/{order.pk}/refund/", {"form_key": "r", "amount": "4", "reason": "Stale"})
    too_low = owner_client.post(
        f"/orders/{order.pk}/edit/", edit_form(owner_client, order, **{"lines-0-unit_price": "3"})
    )
    assert too_low.status_code == 422
    assert "€4.00 were given back already" in too_low.content.decode()
    owner_client.post(f"/orders/{order.pk}/edit/", edit_form(owner_client, order, **{"lines-0-unit_price": "12"}))
    order.refresh_from_db()
    assert (order.total_minor, order.refunded_minor, order.net_minor, order.payment) == (
        1200,
        400,
        800,
        "partly_refunded",
    )


def test_an_order_changed_meanwhile_answers_409_and_saves_at_the_second_try(owner_client, shop):
    order = sale("#1", (product("Rye"), 1, 1000))
    stale = edit_form(owner_client, order, note="Mine")
    owner_client.post(f"/orders/{order.pk}/edit/", edit_form(owner_client, order, note="Theirs"))
    response = owner_client.post(f"/orders/{order.pk}/edit/", stale)
    assert response.status_code == 409
    assert "Mine" in response.content.decode()
    owner_client.post(f"/orders/{order.pk}/edit/", stale | {"version": response.context["form"]["version"].value()})
    order.refresh_from_db()
    assert order.note == "Mine"


def test_editing_says_that_a_newer_file_may_replace_it(owner_client, shop):
    order = sale("#1", (product("Rye"), 1, 1000))
    assert "A newer file with this order replaces" in owner_client.get(f"/orders/{order.pk}/edit/").content.decode()


def test_returns_and_unknown_orders_cannot_be_edited(owner_client, shop):
    slip = sale("R", kind="return", total_minor=-100, net_minor=-100)
    for act in ("edit", "refund", "cancel"):
        assert owner_client.get(f"/orders/{slip.pk}/{act}/").status_code == 404
        assert owner_client.get(f"/orders/999999/{act}/").status_code == 404


# Refunds and cancelling


def test_refund_takes_points_back_and_is_done_once(owner_client, one_point_per_euro):
    ava = person("Ava")
    owner_client.post("/orders/new/", order_form(("Rye", "1", "10"), contact=str(ava.pk)))
    order = Order.objects.get()
    for _again in range(2):
        response = owner_client.post(
            f"/orders/{order.pk}/refund/", {"form_key": "r", "amount": "4.00", "reason": "Stale"}
        )
        assert response["Location"] == f"/orders/{order.pk}/"
    assert list(Refund.objects.values_list("amount_minor", "reason")) == [(400, "Stale")]
    ava.refresh_from_db()
    assert (ava.points_balance, ava.spent_minor) == (6, 600)


@pytest.mark.parametrize(
    "amount, message",
    [
        ("0", "Give more than 0 back."),
        ("10.01", "Only €10.00 are left"),
        ("-1", "Give more than 0 back."),
        ("x", "Enter a number."),
    ],
)
def test_refund_refuses_more_than_is_left(owner_client, shop, amount, message):
    order = sale("#1", (product("Rye"), 1, 1000))
    response = owner_client.post(f"/orders/{order.pk}/refund/", {"form_key": "r", "amount": amount, "reason": "Stale"})
    assert response.status_code == 422
    assert message in response.content.decode()
    assert Refund.objects.count() == 0


def test_refund_needs_a_reason(owner_client, shop):
    order = sale("#1", (product("Rye"), 1, 1000))
    assert owner_client.post(f"/orders/{order.pk}/refund/", {"form_key": "r", "amount": "1"}).status_code == 422


def test_cancelling_asks_first_and_takes_the_points_back(owner_client, one_point_per_euro):
    ava = person("Ava")
    owner_client.post("/orders/new/", order_form(("Rye", "1", "10"), contact=str(ava.pk)))
    order = Order.objects.get()
    assert "The stamps given for it are taken back" in owner_client.get(f"/orders/{order.pk}/cancel/").content.decode()
    for _again in range(2):
        owner_client.post(f"/orders/{order.pk}/cancel/")
    order.refresh_from_db()
    ava.refresh_from_db()
    assert (order.counts, order.net_minor, ava.points_balance) == (False, 0, 0)


def test_a_cancelled_order_is_not_refunded(owner_client, shop):
    order = sale("#1", (product("Rye"), 1, 1000))
    owner_client.post(f"/orders/{order.pk}/cancel/")
    response = owner_client.post(f"/orders/{order.pk}/refund/", {"form_key": "r", "amount": "1", "reason": "x"})
    assert response.status_code == 422


# New customers


def customer_form(**values) -> dict:
    return {"form_key": "person-1", "name": "Bo Chen"} | values


def test_new_customer_is_kept_with_what_was_typed(owner_client, shop):
    response = owner_client.post(
        "/customers/new/",
        customer_form(email="bo@example.com", phone="030 5557 0142", country="DE", greeting="Bo", tags="vip, shop",
                      birthday="1990-05-03", consent="on", consent_detail="signed the card"),
    )  # fmt: skip
    bo = Contact.objects.get()
    assert response["Location"] == f"/customers/{bo.pk}/"
    assert (bo.name, bo.email_key, bo.phone_key, bo.greeting, bo.tags, bo.consent) == (
        "Bo Chen", "bo@example.com", "493055570142", "Bo", ["vip", "shop"], "yes",
    )  # fmt: skip
    assert bo.typed_fields == ["birthday", "country", "email", "greeting", "name", "phone", "tags"]
    assert list(Consent.objects.values_list("state", "source", "detail")) == [("yes", "owner", "signed the card")]


def test_a_customer_form_sent_twice_is_one_customer(owner_client, shop):
    first, second = (owner_client.post("/customers/new/", customer_form())["Location"] for _again in range(2))
    assert (Contact.objects.count(), first) == (1, second)


def test_the_same_address_offers_the_customer_who_has_it(owner_client, shop):
    ava = person("Ava", email="ava@example.com")
    for extra in ({}, {"anyway": "on"}):
        response = owner_client.post("/customers/new/", customer_form(email="AVA@example.com", **extra))
        assert response.status_code == 422
        assert f'href="/customers/{ava.pk}/"' in response.content.decode()
    assert Contact.objects.count() == 1


def test_the_same_phone_asks_and_can_be_a_second_person(owner_client, shop):
    person("Ava", phone="030 5557 0142", country="DE")
    asked = owner_client.post("/customers/new/", customer_form(phone="+49 30 5557 0142"))
    assert (asked.status_code, Contact.objects.count()) == (422, 1)
    assert "Add a second customer anyway" in asked.content.decode()
    owner_client.post("/customers/new/", customer_form(phone="+49 30 5557 0142", anyway="on"))
    assert list(Contact.objects.order_by("pk").values_list("name", "phone_key")) == [
        ("Ava", "493055570142"), ("Bo Chen", "493055570142"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values, message",
    [
        ({"name": ""}, "Give at least a name, an e-mail address or a phone number."),
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"consent": "on"}, "Without an address there is nothing to agree to."),
        ({"consent": "on", "email": "bo@example.com"}, "Write down how they agreed."),
        ({"tags": "x" * 41}, "at most 40 letters"),
    ],
)
def test_a_customer_that_cannot_be_saved_is_shown_again(owner_client, shop, values, message):
    response = owner_client.post("/customers/new/", customer_form(company="Keep me Ltd") | values)
    assert response.status_code == 422
    assert message in response.content.decode() and "Keep me Ltd" in response.content.decode()
    assert Contact.objects.count() == 0


def test_products_of_typed_orders_are_known_afterwards(owner_client, shop):
    owner_client.post("/orders/new/", order_form(("Seeded Rye", "1", "4.50")))
    assert list(Product.objects.values_list("name", "price_minor")) == [("Seeded Rye", 450)]
