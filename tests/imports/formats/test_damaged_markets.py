"""Whatever a marketplace's file holds: no crash, and each row is applied, rejected or left out and counted."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports import skipping, surveying
from crm.imports.formats.base import BadRow
from crm.imports.refusals import NotReadable
from crm.imports.surveying import FormatUnknown

from . import test_amazon_orders as amazon
from . import test_ebay as ebay
from . import test_ecwid_orders as ecwid
from . import test_gumroad_sales as gumroad
from . import test_paypal_activity as paypal
from . import test_square as square
from . import test_stripe as stripe
from . import test_tiktok_orders as tiktok

_REFUND = {**paypal.ROW, "Type": "Payment Refund", "Gross": "-5.00", "Transaction ID": "T2", "Reference Txn ID": "T1"}
FILES = {
    "amazon_orders": amazon.tabbed(amazon.ROW, {**amazon.ROW, "order-item-id": "2"}, {**amazon.ROW, "order-id": "3"}),
    "ebay_orders": ebay.ORDERS,
    "ebay_transactions": ebay.LEDGER,
    "ecwid_orders": f"{ecwid.HEADER}\n{ecwid.FIRST}\n{ecwid.FIRST.replace('A12', 'A13')}\n",
    "gumroad_sales": gumroad.table(gumroad.ROW, {**gumroad.ROW, "Purchase ID": "g2"}),
    "paypal_activity": paypal.table(paypal.ROW, _REFUND, {**paypal.ROW, "Transaction ID": "T3", "Gross": "-9.00"}),
    "square_transactions": f"{square.TRANSACTIONS}\n{square.REFUND}\n{square.SALE}\n",
    "stripe_payments": stripe.table(stripe.ROW, {**stripe.ROW, "id": "ch_2", "Mode": "Test"}),
    "tiktok_orders": tiktok.table(tiktok.DESCRIPTION, tiktok.ROW, {**tiktok.ROW, "Order ID": "2"}),
}
NASTY = ["", "\x00", '"', "'", "=1+1", "١٢", "1e9", "-", "--", "9" * 40, "\ufeff", "é", "0000-00-00", "1,2.3,4", "*", "\n", ","]


def read_all(content: bytes, format: str) -> tuple[list[list[int]], list, set[int]]:
    """Read bytes as a format; return the lines of each group, what came of them, and the lines left out."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        path, groups_seen, left_out = Path(file.name), [], set()
        looked = surveying.look(path, format=format)
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency="EUR")
        options = surveying.options_for(
            looked, surveyed, mapping=looked.mapping, zone="Europe/Berlin", currency="EUR",
            warn=lambda code, line: code.startswith(skipping.PREFIX) and left_out.add(line),
        )  # fmt: skip

        def watched():
            for group in surveying.Groups(path, looked, surveyed, mapping=looked.mapping):
                groups_seen.append([line for line, _cells in group])
                yield group

        return groups_seen, list(looked.member.parse(watched(), options)), left_out


@pytest.mark.parametrize("format", FILES)
def test_a_file_twice_changes_nothing(take, db, format):
    first = take(FILES[format], currency="USD").result
    again = take(FILES[format], currency="USD").result
    assert (first["format"], again["orders"]["created"], again["orders"]["updated"]) == (format, 0, 0)
    assert again["orders"]["unchanged"] == first["orders"]["created"] > 0
    assert (again["contacts"]["created"], again["contacts"]["updated"]) == (0, 0)
    assert [again[name] for name in ("rows", "rejected", "skipped", "gross_total", "refunded_total")] == [
        first[name] for name in ("rows", "rejected", "skipped", "gross_total", "refunded_total")
    ]


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
    orders = [item for item in items if not isinstance(item, BadRow)]
    assert not rejected & left_out
    used = [lines for lines in groups if set(lines) - left_out and not set(lines) & rejected]
    assert len(orders) == len(used)
    for order in orders:
        assert (order.kind == "return") == (order.total_minor < 0)
        assert abs(order.total_minor) < 2**62
        assert 0 <= order.refunded_minor < 2**62
        assert 0 < len(order.number) <= 120
