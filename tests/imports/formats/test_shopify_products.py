"""Shopify's product export in both of its headers."""

import pytest

from crm.imports.formats.base import BadRow
from crm.orders.models import Product

from ..conftest import SAMPLES

CLASSIC = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Variant SKU,Variant Price,Image Src,Cost per item,Status\n"
)
NEW = (
    "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,"
    "Option1 name,Option1 value,Option1 Linked To,Price,Compare-at price,Cost per item,Inventory quantity\n"
)


def said(items):
    return [
        (item.sku, item.name, item.category, item.price_minor, item.cost_minor, item.is_active, item.line_number)
        for item in items
    ]


def test_variants_pictures_and_single_products(parse):
    text = CLASSIC + (
        'tee,Tee,"<p>A, b\nc</p>",Acme,Apparel > Shirts,,t,TRUE,Size,S,Colour,Red,TEE-S,19.90,https://x/1,8.00,active\n'
        "tee,,,,,,,,,M,,Red,'-,21.00,https://x/2,,\n"
        "tee,,,,,,,,,,,,,,https://x/3,,\n"
        "mug,Mug,,Acme,,Kitchen,,FALSE,Title,Default Title,,,MUG,4.00,,,draft\n"
        "card,Gift Card,,Acme,,,,TRUE,Title,Default Title,,,,10.00,,,\n"
    )
    items = parse(text)
    assert parse.looked.format == "shopify_products"
    assert said(items) == [
        ("TEE-S", "Tee - S / Red", "Shirts", 1990, 800, True, 2),
        ("", "Tee - M / Red", "Shirts", 2100, None, True, 4),
        ("MUG", "Mug", "Kitchen", 400, None, False, 6),
        ("", "Gift Card", "", 1000, None, True, 7),
    ]


def test_the_new_header(parse):
    text = NEW + (
        "The Band,the-band,Nice,Acme,Apparel > Shirts,Graphic shirt,t,TRUE,Active,BAND-S,,Size,Small,,19.99,24.99,11.00,4\n"
        ",the-band,,,,,,,,BAND-M,,,Medium,,19.99,,,5\n"
    )
    assert said(parse(text)) == [
        ("BAND-S", "The Band - Small", "Graphic shirt", 1999, 1100, True, 2),
        ("BAND-M", "The Band - Medium", "Graphic shirt", 1999, None, True, 3),
    ]


def test_rows_that_name_nothing_and_prices_below_nothing_are_set_aside(parse):
    rows = parse(CLASSIC + "x,,,,,,,,,,,,,5.00,,,\ntee,Tee,,,,,,,,,,,T,-5.00,,,\nmug,Mug,,,,,,,,,,,M,abc,,,\n")
    assert [(type(row), row.line_number) for row in rows] == [(BadRow, 2), (BadRow, 3), (BadRow, 4)]


def test_rows_without_a_handle_belong_by_their_title(parse):
    items = parse(CLASSIC + ",Tee,,,,,,,Size,S,,,A,1.00,,,\n,Tee,,,,,,,Size,M,,,B,1.00,,,\n,Mug,,,,,,,,,,,C,2.00,,,\n")
    assert [item.name for item in items] == ["Tee - S", "Tee - M", "Mug"]


@pytest.mark.django_db
@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here")
@pytest.mark.parametrize(
    ("name", "rows", "products", "rejected"),
    [
        ("apparel", 22, 22, 0),
        ("jewelery", 41, 23, 0),
        ("synthetic", 240, 240, 0),
        ("messy_classic_tee", 5, 4, 0),
        ("new_header_template", 12, 9, 3),  # its last rows lack a cell, so that "TRUE" stands where the cost should
    ],
)
def test_samples(take, settings, tmp_path, name, rows, products, rejected):
    settings.MEDIA_ROOT = tmp_path / "media"
    result = take(SAMPLES / f"shopify/products_{name}.csv").result
    assert (result["format"], result["rows"], result["rejected"]) == ("shopify_products", rows, rejected)
    assert result["products"] == {"created": products, "updated": 0, "unchanged": 0}
    assert Product.objects.filter(price_minor__isnull=False).count() == products
