"""Whatever a shop system's file holds: no crash, and each row is applied, rejected or left out and counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports.formats import FORMATS, base

from ..damage import REFUSED, damaged, read_all
from . import test_bigcartel as bigcartel
from . import test_bigcommerce as bigcommerce
from . import test_etsy as etsy
from . import test_magento as magento
from . import test_opencart as opencart
from . import test_prestashop as prestashop
from . import test_squarespace as squarespace
from . import test_wix as wix
from .sheets import sheet

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
    try:
        read = read_all(damaged(data.draw, FILES[format]), format)
    except REFUSED:
        return
    assert len(read.taken) == len(read.applied)
    if FORMATS[format].KIND == base.ORDERS:
        for order in read.taken:
            assert 0 <= order.total_minor < 2**62
            assert 0 <= order.refunded_minor < 2**62
            assert 0 < len(order.number) <= 120
