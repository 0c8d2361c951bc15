"""Whatever a shop system's file holds: no crash, and each row is applied, rejected or left out and counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports.formats import FORMATS, base
from crm.imports.formats.base import BadRow
from crm.imports.refusals import NotReadable
from crm.imports.surveying import FormatUnknown

from . import test_bigcartel as bigcartel
from . import test_bigcommerce as bigcommerce
from . import test_etsy as etsy
from . import test_magento as magento
from . import test_opencart as opencart
from . import test_prestashop as prestashop
from . import test_squarespace as squarespace
from . import test_wix as wix
from .sheets import sheet
from .test_damaged_markets import NASTY, read_all

FILES = {
    "etsy_orders": sheet(etsy.ORDERS, etsy.ORDER, {**etsy.ORDER, "Order ID": "3", "Status": "Refunded"}),
    "etsy_items": sheet(etsy.ITEMS, etsy.MUG, etsy.BOWL, {**etsy.MUG, "Order ID": "4"}),
    "squarespace_orders": sheet(squarespace.HEADER, squarespace.ORDER, squarespace.SECOND),
    "wix_orders": sheet(wix.OLD, wix.ROW, wix.SECOND, {**wix.ROW, "Order number": "3"}),
    "wix_contacts": sheet(wix.TestContacts.HEADER, wix.TestContacts.ANN),
    "bigcommerce_orders": sheet(
        bigcommerce.ORDERS, bigcommerce.ORDER, {**bigcommerce.ORDER, "Order ID": "2", "Order Status": "Incomplete"}
    ),
    "magento_orders": sheet(magento.GRID, magento.ORDER, {**magento.ORDER, "ID": "2", "Status": "closed"}),
    "magento_customers": sheet(magento.MAIN + magento.ADDRESS, magento.ANN, {"_address_city": "Bonn"}),
    "prestashop_orders": "\n".join(
        [prestashop.GERMAN, "1;ABC;1;DE;A. EXAMPLE;1.064,50 €;Wire;Bestellung versandt;2026-01-05 15:04:05"]
    ),
    "bigcartel_orders": sheet(bigcartel.HEADER, bigcartel.ORDER),
    "opencart_orders": sheet(opencart.LINES, opencart.TEA, opencart.POT, {**opencart.TEA, "order_id": 2}),
}


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_row_of_a_damaged_file_is_accounted_for(format, data):
    content = bytearray(FILES[format].encode())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        new = data.draw(st.one_of(st.sampled_from(NASTY).map(str.encode), st.binary(max_size=4)))
        content[start : start + length] = new
    try:
        groups, items, left_out = read_all(bytes(content), format)
    except (NotReadable, FormatUnknown):
        return
    rejected = {item.line_number for item in items if isinstance(item, BadRow)}
    taken = [item for item in items if not isinstance(item, BadRow)]
    assert not rejected & left_out
    used = [lines for lines in groups if set(lines) - left_out and not set(lines) & rejected]
    assert len(taken) == len(used)
    if FORMATS[format].KIND == base.ORDERS:
        for order in taken:
            assert 0 <= order.total_minor < 2**62
            assert 0 <= order.refunded_minor < 2**62
            assert 0 < len(order.number) <= 120
