"""What each public sample must come to, as its description says (../shared/samples/SOURCES.md)."""

import csv
import gzip
import itertools
from decimal import Decimal

import pytest

from crm.contacts.models import Contact
from crm.orders.models import Order

from .conftest import DATA, SAMPLES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.samples,
    pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here"),
]


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


EXPECTED = {
    "shopify/orders_full_79_columns.csv": {
        "format": "shopify_orders", "rows": 4, "orders": 2, "contacts": 1, "gross": {"USD": "69.96"}, "refunded": {},
    },
    "shopify/orders_reduced_columns.csv": {
        "format": "shopify_orders", "rows": 249, "orders": 127, "contacts": 57, "gross": {"USD": "15063.00"},
        "refunded": {"USD": "423.75"},
    },
    "shopify/transporter_orders_repeat_all_fields.csv": {
        "format": "shopify_orders", "rows": 2, "orders": 1, "contacts": 1, "gross": {"USD": "43.00"}, "refunded": {},
    },
    "shopify/customers_italian_shouting_names.csv": {"format": "shopify_customers", "rows": 3, "contacts": 3},
    "shopify/customers_new_header.csv": {"format": "shopify_customers", "rows": 2, "contacts": 2},
    "shopify/customers_old_header_metafields.csv": {"format": "shopify_customers", "rows": 4, "contacts": 2},
    "woocommerce/webtoffee_orders_sample.csv": {
        "format": "woocommerce_webtoffee", "rows": 3, "orders": 3, "contacts": 3, "gross": {"USD": "114.44"},
        "refunded": {"USD": "46.00"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_comes_in_as_described(take, name):
    result = take(SAMPLES / name, currency="USD").result
    found = {
        "format": result["format"], "rows": result["rows"], "contacts": result["contacts"]["created"],
        "rejected": result["rejected"],
    }  # fmt: skip
    if result["kind"] == "orders":
        found |= {
            "orders": result["orders"]["created"], "gross": result["gross_total"], "refunded": result["refunded_total"],
        }  # fmt: skip
    assert found == {**EXPECTED[name], "rejected": 0}
    again = take(SAMPLES / name, currency="USD").result
    assert (again["orders"]["created"], again["orders"]["updated"], again["contacts"]["created"]) == (0, 0, 0)
    assert again["contacts"]["updated"] == 0


def test_a_cancelled_order_does_not_count_though_it_says_paid(take):
    take(SAMPLES / "shopify/orders_full_79_columns.csv")
    assert list(Order.objects.order_by("number").values_list("number", "payment_word", "counts", "net_minor")) == [
        ("#1001", "paid", True, 3498),
        ("#1002", "paid", False, 0),
    ]


def test_orders_without_an_address_are_kept(take):
    take(SAMPLES / "shopify/orders_reduced_columns.csv")
    assert Order.objects.filter(contact=None).count() == 5


def test_consent_and_guards_of_customer_files(take):
    take(SAMPLES / "shopify/customers_italian_shouting_names.csv")
    take(SAMPLES / "shopify/customers_new_header.csv")
    assert list(Contact.objects.order_by("id").values_list("email", "consent", "postcode")) == [
        ("anna@esempio.it", "yes", "00100"),
        ("luca@esempio.it", "no", "20100"),
        ("sara@esempio.it", "no", "70100"),
        ("teo.villasenor@elkomail.test", "no", "89801"),
        ("hollis.pettibone@ogdenmail.test", "yes", "84403"),
    ]
    assert set(Contact.objects.filter(keys__value="7210448301122").values_list("email", "phone_key")) == {
        ("teo.villasenor@elkomail.test", "17755550154")
    }
    assert Contact.objects.get(email="anna@esempio.it").phone_key == "393331111111"


def test_more_rows_of_a_customer_add_metafields_and_no_second_address(take):
    take(SAMPLES / "shopify/customers_old_header_metafields.csv")
    john = Contact.objects.get(email="john.doe@acme.com")
    assert (john.street, john.city, john.consent) == ("57 Erb St W", "Waterloo", "yes")
    assert {key: john.extra[key] for key in ("vip_status", "email_list", "corporate")} == {
        "vip_status": "TRUE", "email_list": "weekly", "corporate": "true",
    }  # fmt: skip


def test_a_guest_of_webtoffee_and_a_refund_larger_than_the_order(take):
    importing = take(SAMPLES / "woocommerce/webtoffee_orders_sample.csv")
    guest = Order.objects.get(number="1002")
    assert (guest.contact.email, guest.refunded_minor, guest.net_minor) == ("john@example.com", 3304, 0)
    assert list(Order.objects.order_by("number").values_list("payment", "payment_word")) == [
        ("paid", "completed"),
        ("unpaid", "on-hold"),
        ("paid", "processing"),
    ]
    assert importing.result["warnings"][-1].startswith("1 refund was larger than its order (line 4)")
    assert list(Order.objects.get(number="1003").lines.order_by("position").values_list("sku", "total_minor")) == [
        ("A13", 2319),
        ("A11", 880),
        ("B11V2", 800),
    ]


def test_a_slice_of_a_real_till_sums_to_the_cent(take, write):
    """Four months of a wholesaler's invoices with returns, against a plain reading of the same rows."""
    with gzip.open(DATA / "online_retail_2010_2011.csv.gz", "rt", encoding="utf-8", newline="") as file:
        text = "".join(itertools.islice(file, 30_001))
    sums: dict[str, Decimal] = {}
    for row in csv.DictReader(text.splitlines()):
        amount = (Decimal(row["UnitPrice"]) * int(row["Quantity"])).quantize(Decimal("0.01"))
        sums[row["InvoiceNo"]] = sums.get(row["InvoiceNo"], Decimal(0)) + amount
    result = take(write(text), currency="EUR").result
    assert result["orders"]["created"] == len(sums)
    assert Decimal(result["gross_total"]["EUR"]) == sum(amount for amount in sums.values() if amount > 0)
    assert Decimal(result["refunded_total"]["EUR"]) == -sum(amount for amount in sums.values() if amount < 0)
    stored = sum(Order.objects.values_list("net_minor", flat=True))
    assert Decimal(stored) / 100 == sum(sums.values())
    assert Order.objects.filter(kind="return", original__isnull=False).count() == 76


@pytest.mark.parametrize(
    ("name", "orders", "people", "total"),
    [("cdnow_sample", 6919, 2357, "244091.94"), ("apparel_transactions", 3187, 600, "124356.90")],
)
def test_lists_of_dates_and_amounts_need_no_prompt(take, name, orders, people, total):
    result = take(DATA / f"{name}.csv.gz").result
    assert (result["orders"]["created"], result["contacts"]["created"], result["gross_total"]) == (
        orders,
        people,
        {"EUR": total},
    )
