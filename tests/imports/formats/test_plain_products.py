"""Any list of products, by the names of its columns."""

import pytest

from crm.imports import surveying
from crm.imports.formats import plain_products
from crm.imports.formats.base import BadRow, Header
from crm.orders.models import Product


@pytest.mark.parametrize(
    ("header", "sure"),
    [
        ("SKU,Name,Price,Cost", 0.55),
        ("Artikelnummer,Bezeichnung,EK-Preis,Bestand", 0.55),
        ("商品名称,售价,成本价,库存", 0.55),
        ("Référence,Désignation,Prix de vente", 0.55),
        ("Name,Price", 0.45),
        ("Name,Colour", 0.0),
        ("Date,Product,Price,Cost", 0.0),
        ("Customer,Email,Product,Price,Stock", 0.0),
        ("Order date,SKU,Price,Quantity,Customer", 0.0),
    ],
)
def test_how_sure_a_header_makes_us(header, sure):
    assert plain_products.sniff(Header(header.split(","))) == sure


def test_a_list_of_products(parse):
    mug, tea, bad, lost = parse(
        "Item no,Product name,Size,Category,Selling price,Cost price,In stock,Active\n"
        "00123,Mug,Large,Cups,\"1.234,50\",\"4,20\",7,yes\n"
        ",Tea,,,\"9,00\",,default=100,no\n"
        ",,Small,,\"9,00\",,1,\n"
        "1.2E+15,Pot,,,\"9,00\",,1,\n",
        currency="EUR",
    )
    assert (mug.sku, mug.name, mug.category, mug.price_minor, mug.cost_minor) == ("00123", "Mug - Large", "Cups", 123450, 420)
    assert (mug.stock, mug.is_active, tea.sku, tea.name, tea.cost_minor, tea.stock, tea.is_active) == (7, True, "", "Tea", None, None, False)
    assert [type(row) for row in (bad, lost)] == [BadRow, BadRow]
    assert (bad.reason, lost.line_number) == ("The row has no name and no SKU", 5)


@pytest.mark.django_db
def test_costs_come_to_products_that_orders_made(take, write, shop):
    Product.objects.create(key="mug", sku="MUG", name="Mug", price_minor=900)
    result = take(write("SKU;Name;Cost;Price\nMUG;;3.10;\nPOT;Pot;5.00;19.00\n")).result
    assert (result["format"], result["products"]) == ("plain_products", {"created": 1, "updated": 1, "unchanged": 0})
    assert list(Product.objects.order_by("key").values_list("sku", "name", "price_minor", "cost_minor")) == [
        ("MUG", "Mug", 900, 310), ("POT", "Pot", 1900, 500),
    ]  # fmt: skip


def test_a_list_we_are_not_sure_of_is_asked_about(write):
    looked = surveying.look(write("Name,Price\nMug,9.00\n"))
    assert (looked.format, looked.confidence) == ("plain_products", 0.45)
