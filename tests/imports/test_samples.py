"""What each public sample must come to, as its description says (../shared/samples/SOURCES.md)."""

import csv
import gzip
import itertools
from collections import Counter
from decimal import Decimal

import pytest

from crm.contacts.models import Contact
from crm.orders.models import Order, Product

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
    # item-price is a line's total; the fourth order has no date we can read
    "amazon/unshipped_orders.txt": {
        "format": "amazon_orders", "rows": 4, "orders": 3, "contacts": 3, "gross": {"USD": "138.94"}, "refunded": {},
        "rejected": 1,
    },
    "ebay/transaction_report_preamble.csv": {
        "format": "ebay_transactions", "rows": 4, "orders": 1, "contacts": 1, "gross": {"USD": "26.60"}, "refunded": {},
        "skipped": 3,
    },
    "ebay/uk_orders_semicolon.csv": {"format": "ebay_buyers", "rows": 1, "contacts": 1},  # no date, no total
    "gumroad/sales_subset.csv": {
        "format": "gumroad_sales", "rows": 3, "orders": 3, "contacts": 3, "gross": {"USD": "32.96"},
        "refunded": {"USD": "8.00"},
    },
    "paypal/activity_few_columns_eur.csv": {
        "format": "paypal_activity", "rows": 10, "orders": 1, "contacts": 0, "gross": {"EUR": "500.00"}, "refunded": {},
        "skipped": 9,
    },
    "paypal/activity_subset_usd.csv": {
        "format": "paypal_activity", "rows": 2, "orders": 0, "contacts": 0, "gross": {}, "refunded": {}, "skipped": 2,
    },
    # the refund's own sale is not in the file
    "square/items_detail_unnamed_columns.csv": {
        "format": "square_items", "rows": 3, "orders": 1, "contacts": 0, "gross": {"USD": "23.90"}, "refunded": {},
        "rejected": 1,
    },
    "square/transactions.csv": {
        "format": "square_transactions", "rows": 3, "orders": 2, "contacts": 1, "gross": {"USD": "44.12"},
        "refunded": {"USD": "12.96"},
    },
    # the items' file says 104.00 of items; shipping and discounts are the orders' file's
    "etsy/EtsySoldOrderItems2026-9.csv": {
        "format": "etsy_items", "rows": 3, "orders": 3, "contacts": 2, "gross": {"CAD": "104.00"}, "refunded": {},
    },
    "etsy/EtsySoldOrders2026-9.csv": {
        "format": "etsy_orders", "rows": 2, "orders": 2, "contacts": 2, "gross": {"CAD": "106.30"}, "refunded": {},
    },
    "magento/customers_main_file.csv": {"format": "magento_customers", "rows": 6, "contacts": 6},
    "magento/sample_customer_profile.csv": {"format": "magento_customers", "rows": 1, "contacts": 1},
    "prestashop/customers_template.csv": {"format": "prestashop_customers", "rows": 9, "contacts": 9},
    # sixteen addresses of seven e-mails; five belong to makers and suppliers
    "prestashop/addresses_template.csv": {
        "format": "prestashop_addresses", "rows": 16, "contacts": 7, "skipped": 5,
    },
    "squarespace/orders_2018_redacted.csv": {
        "format": "squarespace_orders", "rows": 6, "orders": 4, "contacts": 3, "gross": {"USD": "340.00"},
        "refunded": {"USD": "20.00"},
    },
    "wix/orders_bom_multi_item.csv": {
        "format": "wix_orders", "rows": 6, "orders": 2, "contacts": 2, "gross": {"EUR": "164.88"}, "refunded": {},
    },
    "wix/orders_bom_one_order.csv": {
        "format": "wix_orders", "rows": 1, "orders": 1, "contacts": 1, "gross": {"EUR": "18.98"}, "refunded": {},
    },
    "jd/orders_amount_with_footnote.csv": {
        "format": "jd_orders", "rows": 3, "orders": 3, "contacts": 2, "gross": {"CNY": "1208.59"}, "refunded": {},
    },
    # the settlement tool this was made for left out when the orders were placed
    "douyin/orders_tab_prefixed_ids_bom.csv": {
        "format": "douyin_orders", "rows": 3, "orders": 0, "contacts": 0, "gross": {}, "refunded": {}, "rejected": 3,
    },
    "pinduoduo/orders_bom_chinese_comma_status.csv": {
        "format": "pinduoduo_orders", "rows": 2, "orders": 2, "contacts": 0, "gross": {"CNY": "350.00"}, "refunded": {},
    },
    "taobao-tmall/tmall_orders_composite_address_gbk.csv": {
        "format": "taobao_orders", "rows": 2, "orders": 2, "contacts": 2, "gross": {"CNY": "576.00"}, "refunded": {},
    },
    "youzan/orders_subset.csv": {
        "format": "youzan_orders", "rows": 2, "orders": 2, "contacts": 2, "gross": {"CNY": "498.00"}, "refunded": {},
    },
    "youzan/customers.csv": {"format": "youzan_customers", "rows": 5, "contacts": 5},
    "mailchimp/cleaned.csv": {"format": "mailchimp", "rows": 5, "contacts": 5},
    "mailchimp/subscribed.csv": {"format": "mailchimp", "rows": 5, "contacts": 5},
    "google-contacts/google_new_header_japanese.csv": {"format": "google_contacts", "rows": 2, "contacts": 2},
    "google-contacts/google_old_header.csv": {"format": "google_contacts", "rows": 1, "contacts": 1},
    "outlook/outlook_desktop.csv": {"format": "outlook", "rows": 1, "contacts": 1},
    "outlook/windows_live_all_columns_bom.csv": {"format": "outlook", "rows": 1, "contacts": 1},
    "vcard/John_Doe_GMAIL.vcf": {"format": "vcard", "rows": 1, "contacts": 1},
    "vcard/John_Doe_IPHONE.vcf": {"format": "vcard", "rows": 1, "contacts": 1},
    "vcard/John_Doe_MS_OUTLOOK.vcf": {"format": "vcard", "rows": 1, "contacts": 1},
    "vcard/outlook-2003.vcf": {"format": "vcard", "rows": 1, "contacts": 1},
    "vcard/rfc6350-example.vcf": {"format": "vcard", "rows": 1, "contacts": 1},
    "generic-contacts/excel_bom_semicolon.csv": {"format": "plain_contacts", "rows": 201, "contacts": 201},
    "generic-contacts/malformed_spaces_before_quotes.csv": {"format": "plain_contacts", "rows": 3, "contacts": 3},
    "generic-contacts/spree_customers_consent.csv": {"format": "shopify_customers", "rows": 20, "contacts": 20},
    "xlsx/bagisto_customers.xlsx": {"format": "plain_contacts", "rows": 3, "contacts": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_comes_in_as_described(take, name):
    result = take(SAMPLES / name, currency="USD").result
    found = {
        "format": result["format"], "rows": result["rows"], "contacts": result["contacts"]["created"],
        "rejected": result["rejected"], "skipped": result["skipped"],
    }  # fmt: skip
    if result["kind"] == "orders":
        found |= {
            "orders": result["orders"]["created"], "gross": result["gross_total"], "refunded": result["refunded_total"],
        }  # fmt: skip
    assert found == {"rejected": 0, "skipped": 0, **EXPECTED[name]}
    again = take(SAMPLES / name, currency="USD").result
    assert (again["orders"]["created"], again["orders"]["updated"], again["contacts"]["created"]) == (0, 0, 0)
    assert again["contacts"]["updated"] == 0


def test_seven_products_and_four_variants_of_another_platform(take):
    result = take(SAMPLES / "xlsx/bagisto_products.xlsx").result
    assert (result["format"], result["rows"], result["rejected"]) == ("plain_products", 11, 0)
    assert result["products"] == {"created": 11, "updated": 0, "unchanged": 0}
    assert Product.objects.filter(price_minor__isnull=False).count() == 8


@pytest.mark.parametrize("name", ["etsy/etsy_statement_2026_9_cad.csv", "stripe/balance_report.csv"])
def test_a_ledger_is_refused_with_a_word_on_what_to_take(take, name):
    importing = take(SAMPLES / name)
    assert (importing.state, "not orders" in importing.error or "no customers" in importing.error) == ("failed", True)
    assert Order.objects.count() == 0


def test_relay_buyers_are_people_who_cannot_be_written_to(take):
    take(SAMPLES / "amazon/unshipped_orders.txt", currency="USD")
    assert list(Contact.objects.order_by("name").values_list("name", "email", "email_key", "consent")) == [
        ("Chris Park", "", None, "unknown"),
        ("David Kim", "", None, "unknown"),
        ("Sarah Lee", "", None, "unknown"),
    ]


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


@pytest.mark.parametrize("first_items", [True, False])
def test_etsys_two_files_are_three_orders_of_two_buyers(take, first_items):
    names = ["etsy/EtsySoldOrders2026-9.csv", "etsy/EtsySoldOrderItems2026-9.csv"]
    for name in reversed(names) if first_items else names:
        take(SAMPLES / name, currency="USD")
    orders = Order.objects.order_by("number").select_related("contact")
    assert [
        (o.number, o.total_minor, o.discount_minor, o.currency, o.contact.name, o.lines.get().total_minor) for o in orders
    ] == [
        ("9001", 7600, 0, "CAD", "Jane Doe", 6800),
        ("9002", 3030, 270, "CAD", "Bob Smith", 2700),
        ("9003", 1500, 0, "CAD", "Bob Smith", 900),
    ]
    assert Contact.objects.count() == 2


def test_squarespace_knows_what_was_cancelled(take):
    take(SAMPLES / "squarespace/orders_2018_redacted.csv", currency="USD")
    orders = Order.objects.order_by("number").values_list("number", "payment", "counts", "net_minor", "lines__name")
    assert [row for row in orders.order_by("number", "lines__position") if row[0] in "12"] == [
        ("1", "paid", True, 3000, "Washed Colombian Coffee, 200g"),
        ("1", "paid", True, 3000, "Washed Ethiopian Coffee, 200g"),
        ("2", "refunded", False, 0, "Washed Guatemalan Coffee, 200g"),
    ]


def test_wix_guards_are_gone_and_cancelled_orders_do_not_count(take):
    take(SAMPLES / "wix/orders_bom_multi_item.csv")
    assert list(Order.objects.order_by("number").values_list("number", "payment", "counts", "contact__postcode")) == [
        ("10001", "unpaid", False, "12047"),
        ("10002", "unpaid", False, "12055"),
    ]
    assert Order.objects.get(number="10001").cancelled_at is not None


def test_prestashop_boxes_and_addresses(take):
    take(SAMPLES / "prestashop/customers_template.csv")
    take(SAMPLES / "prestashop/addresses_template.csv")
    hook = Contact.objects.get(email="James.Hook@thirtybees.com")
    assert (hook.name, hook.consent, hook.tags, hook.birthday.isoformat(), hook.city, hook.postcode) == (
        "James Hook", "unknown", ["Customer", "Carribean"], "1952-12-04", "Cayman Brac", "2101",
    )  # fmt: skip
    assert (Contact.objects.count(), Contact.objects.filter(consent="yes").count()) == (9, 5)


def test_what_contact_lists_say_of_consent(take):
    def consents(name):
        take(SAMPLES / name)
        found = Counter(Contact.objects.values_list("consent", flat=True))
        Contact.objects.all().delete()
        return found

    assert consents("mailchimp/cleaned.csv") == {"no": 5}
    assert consents("mailchimp/subscribed.csv") == {"yes": 5}
    assert consents("generic-contacts/spree_customers_consent.csv") == {"yes": 14, "no": 6}
    assert consents("generic-contacts/excel_bom_semicolon.csv") == {"unknown": 201}


def test_masked_and_shared_phones_of_youzan(take):
    take(SAMPLES / "youzan/customers.csv")
    phones = Counter(Contact.objects.values_list("phone_key", flat=True))
    assert phones == {"8613800138000": 1, "8613900139000": 2, None: 2}


def test_jd_buyers_are_a_name_at_an_address(take):
    take(SAMPLES / "jd/orders_amount_with_footnote.csv")
    assert Counter(Order.objects.values_list("contact__name", "contact__phone")) == {("陈静", ""): 2, ("赵磊", ""): 1}
