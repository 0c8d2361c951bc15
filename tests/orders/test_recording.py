import datetime as dt

import pytest

from crm.contacts.matching import Person, match
from crm.contacts.models import Contact
from crm.orders import correcting, recording, standing
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.orders.recording import Purchase, PurchaseLine, Purchases, product_key, record

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def ann(shop, now):
    return match([Person("file", key="1")], now=now).contact_ids[0]


@pytest.fixture
def sale(ann, now):
    def sale(number="1", **changes):
        values = {
            "placed_at": now - 10 * DAY, "currency": "EUR", "total_minor": 3000, "contact_id": ann,
            "lines": [PurchaseLine("Bread", "B1", 3, 700, 2100), PurchaseLine("Cake", "", 1, 900, 900)],
        }  # fmt: skip
        return Purchase("file", number, **{**values, **changes})

    return sale


@pytest.fixture
def slip(ann, now):
    def slip(number="C1", quantity=-1, amount=-700, **changes):
        values = {
            "placed_at": now - 5 * DAY, "currency": "EUR", "total_minor": amount, "contact_id": ann, "kind": "return",
            "lines": [PurchaseLine("Bread", "B1", quantity, 700, amount)],
        }  # fmt: skip
        return Purchase("file", number, **{**values, **changes})

    return slip


def orders(*fields):
    return list(Order.objects.order_by("number").values_list(*fields))


@pytest.mark.parametrize(
    ("sku", "name", "key"),
    [
        (" TEE-1 ", "Tee", "tee-1"),
        ("", "Crew  Tee\u00a0S", "crew tee s"),
        ("", "ＣＡＦÉ", "café"),
        ("", "", ""),
        ("x" * 300, "", "x" * 200),
    ],
)
def test_product_key(sku, name, key):
    assert product_key(sku, name) == key


def test_an_order_with_its_lines_and_products(sale, ann, now):
    done = record([sale()], now=now, import_id=7)
    (order,) = Order.objects.all()
    assert (order.contact_id, order.net_minor, order.counts, order.created_by_import) == (ann, 3000, True, 7)
    assert list(
        order.lines.order_by("position").values_list("position", "product__key", "quantity", "total_minor")
    ) == [
        (1, "b1", 3, 2100),
        (2, "cake", 1, 900),
    ]
    assert list(Product.objects.order_by("key").values_list("sku", "name", "price_minor")) == [
        ("B1", "Bread", 700),
        ("", "Cake", 900),
    ]
    assert (done.created, done.updated, done.order_ids, done.contact_ids) == ([order.pk], [], [order.pk], [ann])


def test_the_same_order_again_is_not_touched(sale, now):
    record([sale()], now=now)
    before = Order.objects.values().get(), list(OrderLine.objects.values().order_by("id"))
    done = record([sale()], now=now + DAY)
    assert (done.created, done.updated, len(done.unchanged)) == ([], [], 1)
    assert (Order.objects.values().get(), list(OrderLine.objects.values().order_by("id"))) == before


def test_a_changed_order_is_updated_and_says_what_it_held(sale, now):
    record([sale()], now=now)
    lines = list(OrderLine.objects.values_list("id", flat=True))
    done = record([sale(payment="refunded", refunded_minor=3000)], now=now + DAY)
    order = Order.objects.get()
    assert (order.payment, order.refunded_minor, order.counts, order.net_minor, order.version) == (
        "refunded", 3000, False, 0, 2,
    )  # fmt: skip
    assert list(OrderLine.objects.values_list("id", flat=True)) == lines
    ((table, row_id, before, after, version),) = done.changes
    assert (table, row_id, after, version) == ("order", order.pk, {}, 2)
    del before["content_hash"]
    assert before == {"payment": "paid", "refunded_minor": 0, "counts": True, "net_minor": 3000, "refunds": []}


def test_lines_are_replaced_where_they_differ(sale, now):
    record([sale()], now=now)
    record([sale(lines=[PurchaseLine("Bread", "B1", 1, 700, 700)], total_minor=700)], now=now)
    assert list(OrderLine.objects.values_list("sku", "quantity")) == [("B1", 1)]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, ("paid", 0, True, 3000)),
        ({"refunded_minor": 1000}, ("partly_refunded", 1000, True, 2000)),
        ({"refunded_minor": 3000}, ("refunded", 3000, False, 0)),
        ({"refunded_minor": 4600}, ("refunded", 3000, False, 0)),
        ({"payment": "refunded"}, ("refunded", 3000, False, 0)),
        ({"payment": "partly_refunded"}, ("partly_refunded", 0, True, 3000)),
        ({"payment": "unpaid"}, ("unpaid", 0, False, 0)),
        ({"payment": "partly_paid"}, ("partly_paid", 0, False, 0)),
        ({"payment": "unknown"}, ("unknown", 0, False, 0)),
        ({"cancelled_at": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)}, ("paid", 0, False, 0)),
        ({"total_minor": 0}, ("paid", 0, True, 0)),
    ],
)
def test_what_counts(sale, now, said, kept):
    record([sale(**said)], now=now)
    assert orders("payment", "refunded_minor", "counts", "net_minor") == [kept]


def test_the_platforms_sum_is_one_refund_that_follows_the_newest(sale, now):
    for refunded in (1000, 1500, 1500):
        record([sale(refunded_minor=refunded)], now=now)
    assert list(Refund.objects.values_list("key", "amount_minor")) == [("total", 1500)]
    record([sale()], now=now)
    assert (list(Refund.objects.all()), orders("payment", "net_minor")) == ([], [("paid", 3000)])


def test_the_last_of_two_with_one_number_counts(sale, now):
    done = record([sale(), sale(total_minor=100)], now=now)
    assert orders("total_minor") == [(100,)]
    assert done.order_ids == done.created * 2


def test_a_new_sku_for_a_known_name_is_another_product(sale, now):
    record([sale(lines=[PurchaseLine("Bread", "B1"), PurchaseLine("Bread", "B2"), PurchaseLine("Bread", "")])], now=now)
    assert sorted(Product.objects.values_list("key", flat=True)) == ["b1", "b2", "bread"]


def test_an_order_fills_a_products_blanks_and_changes_nothing_else(sale, now):
    Product.objects.create(key="b1", sku="B1", name="Rye bread", category="")
    done = record([sale(lines=[PurchaseLine("Bread", "B1", 1, 700, 700, "Bakery")])], now=now)
    assert list(Product.objects.values_list("name", "category", "price_minor")) == [("Rye bread", "Bakery", 700)]
    assert done.changes[0][2:] == ({"category": "", "price_minor": None}, {"category": "Bakery", "price_minor": 700}, 0)


def test_a_return_becomes_a_refund_of_its_sale(sale, slip, now):
    record([sale()], now=now)
    done = record([slip(quantity=-2, amount=-1400)], now=now)
    original = Order.objects.get(number="1")
    assert (original.refunded_minor, original.net_minor, original.payment, original.version) == (
        1400, 1600, "partly_refunded", 2,
    )  # fmt: skip
    assert orders("number", "net_minor", "counts", "original__number") == [
        ("1", 1600, True, None),
        ("C1", 0, False, "1"),
    ]
    assert list(Refund.objects.values_list("key", "amount_minor", "at", "quantities")) == [
        ("return:C1", 1400, now - 5 * DAY, {str(Product.objects.get(key="b1").pk): 2})
    ]
    assert done.originals == [original.pk]


def test_returns_take_the_latest_sale_that_has_some_left_and_the_rest_stays(sale, slip, now):
    record(
        [
            sale("1", placed_at=now - 20 * DAY),
            sale("2", placed_at=now - 10 * DAY),
            sale("3", placed_at=now - DAY),
            slip("C1", quantity=-2, amount=-1400),
            slip("C2", quantity=-6, amount=-4200, placed_at=now - 4 * DAY),
        ],
        now=now,
    )
    assert orders("number", "refunded_minor", "net_minor", "counts") == [
        ("1", 2100, 900, True),
        ("2", 2100, 900, True),
        ("3", 0, 3000, True),
        ("C1", 0, 0, False),
        ("C2", 0, -1400, True),
    ]
    assert sum(net for (net,) in orders("net_minor")) == 3 * 3000 - 1400 - 4200


def test_matched_quantities_are_remembered_from_one_list_to_the_next(sale, slip, now):
    record([sale()], now=now)
    record([slip("C1", quantity=-2, amount=-1400)], now=now)
    record([slip("C2", quantity=-2, amount=-1400)], now=now)
    assert orders("number", "net_minor") == [("1", 900), ("C1", 0), ("C2", -700)]


@pytest.mark.parametrize(
    "changes",
    [
        {"contact_id": None},
        {"source": "shopify"},
        {"currency": "USD"},
        {"lines": [PurchaseLine("Pie", "P1", -1, 700, -700)]},
        {"lines": []},
    ],
)
def test_a_return_without_its_sale_stays_a_loss(sale, slip, now, changes):
    record([sale()], now=now)
    purchase = slip()
    for name, value in changes.items():
        setattr(purchase, name, value)
    record([purchase], now=now)
    assert sorted(orders("kind", "net_minor")) == [("return", -700), ("sale", 3000)]


def test_a_return_before_the_sale_is_not_matched(sale, slip, now):
    record([sale(), slip(placed_at=now - 11 * DAY)], now=now)
    assert orders("net_minor") == [(3000,), (-700,)]


def test_a_changed_return_is_matched_anew(sale, slip, now):
    record([sale()], now=now)
    record([slip(quantity=-1, amount=-700)], now=now)
    done = record([slip(quantity=-3, amount=-2100)], now=now)
    assert orders("number", "refunded_minor", "net_minor") == [("1", 2100, 900), ("C1", 0, 0)]
    assert list(Refund.objects.values_list("key", "amount_minor")) == [("return:C1", 2100)]
    assert len(done.updated) == 1


def test_an_unchanged_return_stays_matched(sale, slip, now):
    record([sale(), slip()], now=now)
    before = list(Order.objects.order_by("id").values())
    record([sale(), slip()], now=now + DAY)
    assert list(Order.objects.order_by("id").values()) == before


def test_a_sale_that_is_told_again_keeps_what_came_back(sale, slip, now):
    record([sale(), slip()], now=now)
    record([sale(note="gift")], now=now)
    assert orders("number", "refunded_minor", "net_minor") == [("1", 700, 2300), ("C1", 0, 0)]


def test_standing_counts_sales_and_subtracts_losses(sale, slip, ann, now, shop):
    record(
        [
            sale("1", placed_at=now - 30 * DAY), sale("2"), sale("3", currency="USD"), sale("4", payment="unpaid"),
            slip("C1", lines=[]),
        ],
        now=now,
    )  # fmt: skip
    (earlier,) = standing.refresh([ann])
    contact = Contact.objects.get(pk=ann)
    assert (contact.order_count, contact.spent_minor) == (3, 5300)
    assert (contact.first_order_at, contact.last_order_at) == (now - 30 * DAY, now - 10 * DAY)
    assert (contact.joined_at, contact.version) == (now - 30 * DAY, 1)
    assert (earlier.joined_before, earlier.joined_now) == (now, now - 30 * DAY)
    assert standing.refresh([ann]) == []


def test_a_refund_by_hand_is_given_once(sale, now):
    (order_id,) = record([sale()], now=now).created
    for done in (True, False):
        assert correcting.refund(order_id, amount_minor=500, key="typed:1", at=now, now=now) is done
    assert orders("refunded_minor", "net_minor") == [(500, 2500)]
    with pytest.raises(correcting.RefundTooLarge) as error:
        correcting.refund(order_id, amount_minor=2501, key="typed:2", at=now, now=now)
    assert error.value.left_minor == 2500


def test_a_refund_by_hand_survives_the_next_file(sale, now):
    (order_id,) = record([sale()], now=now).created
    correcting.refund(order_id, amount_minor=500, key="typed:1", at=now, now=now)
    record([sale(refunded_minor=1000)], now=now)
    assert orders("refunded_minor") == [(1500,)]


def test_cancelling_a_return_gives_its_refund_back(sale, slip, now):
    record([sale(), slip()], now=now)
    slip_id = Order.objects.get(number="C1").pk
    assert correcting.cancel(slip_id, at=now, now=now) is True
    assert correcting.cancel(slip_id, at=now, now=now) is False
    assert orders("number", "net_minor", "payment") == [("1", 3000, "paid"), ("C1", 0, "paid")]


def test_queries_do_not_grow_with_the_list(sale, slip, now, django_assert_num_queries, django_assert_max_num_queries):
    def list_of(start, count):
        return [
            purchase
            for n in range(start, start + count)
            for purchase in (
                sale(str(n), refunded_minor=10),
                slip(f"C{n}", lines=[PurchaseLine("x", f"S{n}", -1, 7, -700)]),
            )
        ]

    record([sale("0")], now=now)
    with django_assert_max_num_queries(30) as few:
        record(list_of(1, 1), now=now)
    with django_assert_num_queries(len(few)):
        record(list_of(10, 30), now=now)
    with django_assert_max_num_queries(40) as few:
        record([sale(str(n), refunded_minor=20) for n in (1,)], now=now)
    with django_assert_num_queries(len(few)):
        record([sale(str(n), refunded_minor=20) for n in range(10, 30)], now=now)


def test_reading_back_what_recording_knows(sale, now):
    (order_id,) = record([sale()], now=now, import_id=3).created
    told = Purchases.of([sale(), sale(note="late")])
    known = recording.look_up(told)
    assert [(row.order_id, row.created_by_import) for row in known] == [(order_id, 3)] * 2
    assert recording.unchanged(told, known) == [True, False]
