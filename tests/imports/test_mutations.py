"""Whatever a file holds: no crash, and every row is applied or rejected."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.imports import surveying
from crm.imports.formats.base import BadRow
from crm.imports.framing import NotReadable
from crm.imports.surveying import FormatUnknown
from crm.orders.recording import Purchase

from .test_formats import ADVANCED, LINE, ORDER, WEBTOFFEE, TestAdvanced, TestPlain, TestWebToffee, shopify, table

FILES = {
    "shopify_orders": shopify(ORDER, LINE, {**ORDER, "Name": "#1002"}),
    "woocommerce_webtoffee": table(WEBTOFFEE, TestWebToffee.ROW),
    "woocommerce_advanced": table(ADVANCED, TestAdvanced.ROW, {**TestAdvanced.ROW, "SKU": "B"}),
    "plain": TestPlain.RETAIL + "1,A,a,1,13/12/2010,1.00,1,UK\nC2,A,a,-1,2010-12-02,1.00,1,UK\n",
}
NASTY = [
    "",
    "\x00",
    '"',
    '""',
    "'",
    "=1+1",
    "١٢",
    "1e9",
    "-",
    "9" * 40,
    "\ufeff",
    "é",
    "，",
    "0000-00-00",
    "1,2.3,4",
    "\u2028",
]


def read_all(content: bytes, format: str) -> tuple[int, list]:
    """Read bytes as a format; return the rows it counted and what came of them."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        path = Path(file.name)
        looked = surveying.look(path, format=format)
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency="EUR")
        options = surveying.options_for(
            looked, surveyed, mapping=looked.mapping, zone="Europe/Berlin", currency="EUR", warn=lambda *what: None
        )
        groups = surveying.Groups(path, looked, surveyed, mapping=looked.mapping)
        taken = []

        def watched():
            for group in groups:
                taken.extend(line for line, _cells in group)
                yield group

        items = list(looked.member.parse(watched(), options))
    return len(taken), items


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused(format, data):
    content = bytearray(FILES[format].encode())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        new = data.draw(st.one_of(st.sampled_from(NASTY).map(str.encode), st.binary(max_size=4)))
        content[start : start + length] = new
    try:
        rows, items = read_all(bytes(content), format)
    except (NotReadable, FormatUnknown):
        return
    rejected = {item.line_number for item in items if isinstance(item, BadRow)}
    orders = [item for item in items if isinstance(item, Purchase)]
    assert len(rejected) + len(orders) <= rows
    assert bool(rows) == bool(items)
    for order in orders:
        assert abs(order.total_minor) < 2**62
        assert (order.kind == "return") == (order.total_minor < 0) or order.total_minor == 0
        assert 0 < len(order.number) <= 120
        assert "\x00" not in repr(order)


@pytest.mark.parametrize("format", FILES)
def test_a_file_cut_anywhere_is_read_or_refused(format):
    content = FILES[format].encode()
    header_end = content.index(b"\n") + 1
    for cut in range(header_end, len(content)):
        rows, items = read_all(content[:cut], format)
        assert bool(rows) == bool(items)
