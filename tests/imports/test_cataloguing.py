"""Products from a file: what is said is kept, what is not said stays, and undo puts everything back."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.imports import describing, intake, parsing, reading, undoing
from crm.orders import cataloguing
from crm.orders.cataloguing import Item
from crm.orders.models import Product

pytestmark = pytest.mark.django_db

HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Cost per item,Type,Status\n"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def held(*columns):
    return list(Product.objects.order_by("key").values_list("key", *columns))


def test_new_products(shop, now):
    done = cataloguing.catalogue(
        [Item(sku="TEE", name="Tee", price_minor=1990, cost_minor=800), Item(name="  Gift   Card "), Item()], now=now
    )
    assert held("sku", "name", "price_minor", "cost_minor", "is_active") == [
        ("gift card", "", "  Gift   Card ", None, None, True),
        ("tee", "TEE", "Tee", 1990, 800, True),
    ]
    assert (len(done.created), done.updated, done.unchanged, done.changes) == (2, [], [], [])


def test_only_what_is_said_changes(shop, now):
    tee = Product.objects.create(key="tee", sku="TEE", name="Tee", category="Shirts", price_minor=1990, cost_minor=800)
    done = cataloguing.catalogue([Item(sku="tee", price_minor=0, is_active=False)], now=now)
    assert held("sku", "name", "category", "price_minor", "cost_minor", "is_active") == [
        ("tee", "tee", "Tee", "Shirts", 0, 800, False)
    ]
    assert done.changes == [
        (
            "product", tee.pk, {"sku": "TEE", "price_minor": 1990, "is_active": True},
            {"sku": "tee", "price_minor": 0, "is_active": False}, 0,
        )
    ]  # fmt: skip
    again = cataloguing.catalogue([Item(sku="tee", price_minor=0, is_active=False)], now=now)
    assert (again.created, again.updated, again.unchanged, again.changes) == ([], [], [tee.pk], [])


def test_one_product_said_twice_is_one(shop, now):
    done = cataloguing.catalogue([Item(sku="A", name="x", price_minor=1), Item(sku="a", price_minor=2)], now=now)
    assert (len(done.created), held("name", "price_minor")) == (1, [("a", "x", 2)])


def test_prices_in_another_currency_are_left_out(shop, now):
    cataloguing.catalogue([Item(sku="A", name="x", price_minor=1, cost_minor=1, currency="JPY")], now=now)
    assert held("price_minor", "cost_minor") == [("a", None, None)]


def test_variants_that_are_one_product_add_up_and_the_day_is_kept(shop, now):
    today = now.date()
    cataloguing.catalogue([Item(name="Tee", stock=3), Item(name="tee", stock=4), Item(name="Mug")], now=now)
    assert held("stock", "stock_at") == [("mug", None, None), ("tee", 7, today)]


def test_a_count_does_not_give_way_to_an_older_one(shop, now):
    today, before = now.date(), now.date() - dt.timedelta(days=3)
    tee = Product.objects.create(key="tee", name="Tee", stock=5, stock_at=before)
    older = cataloguing.catalogue([Item(name="Tee", stock=9, stock_on=before - dt.timedelta(days=1))], now=now)
    assert (older.unchanged, held("stock", "stock_at")) == ([tee.pk], [("tee", 5, before)])
    ahead = cataloguing.catalogue([Item(name="Tee", stock=8, stock_on=today + dt.timedelta(days=9))], now=now)
    assert held("stock", "stock_at") == [("tee", 8, today)]  # nobody has counted tomorrow
    assert ahead.changes == [
        (
            "product", tee.pk, {"stock": 5.0, "stock_at": before.isoformat()},
            {"stock": 8, "stock_at": today.isoformat()}, 0,
        )
    ]  # fmt: skip


def test_the_number_of_queries_does_not_grow(shop, now):
    counts = []
    for count in (1, 30):
        items = [Item(sku=f"{count}-{number}", name="x") for number in range(count)]
        intake.take_products(items, now=now)
        with CaptureQueriesContext(connection) as asked:
            intake.take_products([*items, *(Item(sku=f"{item.sku}-b", name="y") for item in items)], now=now)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 8


class TestFile:
    def test_a_file_of_products_and_its_undo(self, take, now):
        Product.objects.create(key="mug", sku="MUG", name="Mug", price_minor=400, cost_minor=100)
        importing = take(HEADER + "tee,Tee,Size,S,TEE-S,19.90,8.00,Shirts,active\nmug,Mug,,,MUG,4.50,,,draft\n")
        assert importing.result["kind"] == "products"
        assert importing.result["products"] == {"created": 1, "updated": 1, "unchanged": 0}
        assert importing.result["warnings"] == []
        assert held("name", "price_minor", "cost_minor", "is_active") == [
            ("mug", "Mug", 450, 100, False),
            ("tee-s", "Tee - S", 1990, 800, True),
        ]
        undoing.undo(importing.pk, now=now)
        assert held("name", "price_minor", "cost_minor", "is_active") == [("mug", "Mug", 400, 100, True)]

    def test_the_same_file_again_changes_nothing(self, take):
        text = HEADER + "tee,Tee,Size,S,TEE-S,19.90,8.00,Shirts,active\n"
        take(text)
        assert take(text).result["products"] == {"created": 0, "updated": 0, "unchanged": 1}

    def test_a_dry_run_saves_nothing(self, write, shop, now):
        Product.objects.create(key="mug", sku="MUG", name="Mug", price_minor=400)
        text = HEADER + "tee,Tee,Size,S,TEE-S,19.90,8.00,Shirts,active\nmug,Mug,,,MUG,4.50,,,draft\n"
        result, rejected = reading.check(write(text), name="p.csv", options={}, now=now)
        assert (result["products"], rejected) == ({"created": 1, "updated": 1, "unchanged": 0}, [])
        assert held("price_minor") == [("mug", 400)]

    def test_units_on_hand_are_checked_first_and_taken_back(self, take, write, shop, now):
        counted = now.date() - dt.timedelta(days=2)
        mug = Product.objects.create(key="mug", sku="MUG", name="Mug", stock=4, stock_at=counted)
        header = HEADER.replace("Variant Price", "Variant Inventory Qty,Variant Price")
        text = header + "mug,Mug,,,MUG,12,,,,\ntee,Tee,,,TEE,3,,,,\n"
        path = write(text, "p.csv")
        checked = reading.create(path, name=path.name, options={}, now=now, state="checking")
        reading.take_up(checked.pk, now=now)
        finding = checked.findings.get(kind="product_changed")
        (line,) = describing.lines([finding], currency="EUR")
        assert (line.label, line.changes) == (
            "Mug", [("Units on hand", "4", "12"), ("Counted on", "Nov 18, 2026", "Nov 20, 2026")],
        )  # fmt: skip
        importing = take(text)
        assert held("stock", "stock_at") == [("mug", 12, now.date()), ("tee", 3, now.date())]
        undoing.undo(importing.pk, now=now)
        assert held("stock", "stock_at") == [("mug", 4, counted)]
        assert Product.objects.get() == mug

    def test_a_product_is_not_cut_where_a_piece_ends(self, take, now, monkeypatch):
        monkeypatch.setattr(parsing, "CHUNK_ORDERS", 2)
        header = HEADER.replace("Variant Price", "Variant Inventory Qty,Variant Price").replace("Variant SKU", "Barcode")
        take(header + "".join(f"tee,Tee,Size,S,,{units},,,,\n" for units in (3, 4, 5)) + "mug,Mug,,,,2,,,,\n")
        assert held("stock") == [("mug", 2), ("tee - s", 12)]

    def test_a_count_by_hand_since_is_not_taken_back(self, take, now):
        Product.objects.create(key="mug", sku="MUG", name="Mug", stock=4, stock_at=now.date())
        header = HEADER.replace("Variant Price", "Variant Inventory Qty,Variant Price")
        importing = take(header + "mug,Mug,,,MUG,12,,,,\n")
        Product.objects.update(stock=11)
        undone = undoing.undo(importing.pk, now=now)
        assert (held("stock"), undone["products"]) == ([("mug", 11)], {"removed": 0, "restored": 0, "kept": 1})

    def test_prices_in_another_currency_are_said_once(self, take, shop):
        result = take(HEADER + "a,A,,,A,1.00,,,\nb,B,,,B,2.00,,,\n", currency="JPY").result
        assert held("price_minor") == [("a", None), ("b", None)]
        assert sum("another currency" in warning for warning in result["warnings"]) == 1
