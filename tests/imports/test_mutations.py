"""Whatever a file holds: no crash, and every row is applied, rejected or left out and counted.

benchmarks/import_fuzz.py does the same to every format, a hundred thousand times.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.imports.formats.base import Item, Person, Purchase

from .damage import REFUSED, damaged, read_all
from .formats import test_shopify_headers as shopify_headers
from .formats import test_shopify_products as shopify_products
from .formats import test_woocommerce as woo
from .test_formats import ADVANCED, LINE, ORDER, WEBTOFFEE, TestAdvanced, TestPlain, TestWebToffee, shopify, table
from .workbooks import XLS, packed, xlsx

_PACKED = "id:1|name:Tee\\; blue|sku:TEE|quantity:2|total:18.00;id:2|name:Mug|sku:MUG|quantity:1|total:4.00"
FILES = {
    "shopify_orders": shopify(ORDER, LINE, {**ORDER, "Name": "#1002"}),
    "shopify_customers": shopify_headers.table(shopify_headers.CUSTOMERS["now"].split(","), shopify_headers.PERSON),
    "shopify_products": shopify_products.NEW
    + "Band,band,x,Acme,A > B,Shirt,t,TRUE,Active,BAND-S,,Size,Small,,19.99,24.99,11.00,4\n"
    ",band,,,,,,,,BAND-M,,,Medium,,19.99,,,5\n",
    "woocommerce_webtoffee": table(WEBTOFFEE, TestWebToffee.ROW),
    "woocommerce_advanced": table(ADVANCED, TestAdvanced.ROW, {**TestAdvanced.ROW, "SKU": "B"}),
    "woocommerce_skyverge": woo.SKYVERGE
    + "line_items,order_notes\n"
    + woo.ORDER.format(status="completed", refunded="5.00", customer="7")
    + _PACKED
    + ",\n",
    "woocommerce_analytics": woo.BROWSER
    + "2026-05-01 09:00:00,1001,completed,Ann,new,2× Cap,1,,45.00\n2026-05-02 09:00:00,1001,completed,Ann,new,,-1,,-9\n",
    "woocommerce_customers": "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region\n"
    "Ann,ann,,2025-01-02,a@b.example,3,9,3,DE\n",
    "woocommerce_products": woo.TestProducts.HEADER + "45,variation,HB,,Hoodie - Blue,1,0,visible,,39.00,45.00,,id:44,12.5\n",
    "plain": TestPlain.RETAIL + "1,A,a,1,13/12/2010,1.00,1,UK\nC2,A,a,-1,2010-12-02,1.00,1,UK\n",
}


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused(format, data):
    try:
        read = read_all(damaged(data.draw, FILES[format]), format)
    except REFUSED:
        return
    assert bool(read.rows) == bool(read.items)
    assert len(read.applied) <= len(read.taken)
    for item in read.items:
        assert "\x00" not in repr(item)
        match item:
            case Purchase():
                assert abs(item.total_minor) < 2**62
                assert (item.kind == "return") == (item.total_minor < 0) or item.total_minor == 0
                assert 0 < len(item.number) <= 120
                assert item.refunded_minor >= 0
            case Person():
                assert item.key or item.email or item.phone
            case Item():
                assert item.key or item.name
                assert 0 <= (item.price_minor or 0) < 2**62


@pytest.mark.parametrize("format", FILES)
def test_a_file_cut_anywhere_is_read_or_refused(format):
    content = FILES[format].encode()
    header_end = content.index(b"\n") + 1
    for cut in range(header_end, len(content)):
        read = read_all(content[:cut], format)
        assert bool(read.rows) == bool(read.items)


@pytest.mark.parametrize("kind", ["xlsx", "xls", "zip", "html"])
def test_a_broken_container_is_read_or_refused(kind):
    rows = [["customer", "date", "amount"], *([f"c{n}", "2024-01-13", f"{n}.50"] for n in range(1, 40))]
    text = "\n".join(map(",".join, rows))
    content = {
        "xlsx": lambda: xlsx({"Orders": rows}),
        "xls": lambda: XLS,
        "zip": lambda: packed({"a.csv": text}),
        "html": lambda: "".join(["<table>", *("<tr><td>" + "<td>".join(row) for row in rows), "</table>"]).encode(),
    }[kind]()
    chance = random.Random(3)
    outcomes = set()
    for _ in range(12 if kind == "xls" else 150):  # each of which starts a process
        broken = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        del broken[chance.choice((len(broken), chance.randrange(9, len(broken)))) :]
        try:
            outcomes.add(read_all(bytes(broken), "plain").rows > 0)
        except REFUSED:
            outcomes.add(None)
    assert (None in outcomes) == (kind != "html")  # a page says something however it is broken
