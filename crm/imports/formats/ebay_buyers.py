"""A list of eBay orders to be posted: without dates and totals it makes no orders, but it names the buyers."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _ebay, base
from crm.imports.formats.base import BadValue, Header, Needs, Options

SLUG = "ebay_buyers"
LABEL = gettext_lazy("eBay buyers (a postage list)")
KIND = base.CONTACTS
SOURCE = _ebay.SOURCE

_DATES = _ebay.SOLD_ON + _ebay.BOOKED_ON


def sniff(header: Header) -> float:
    buyer, city = (header.find(*_ebay.BUYER[name]) for name in ("buyer", "city"))
    if buyer is None or city is None or header.find(*_DATES) is not None:
        return 0.0
    return 0.7 + 0.2 * sum(header.find(*names) is not None for names in _ebay.BUYER.values()) / len(_ebay.BUYER)


def needs(header: Header, mapping) -> Needs:
    buyer = header.find(*_ebay.BUYER["buyer"])
    return Needs(order_key=lambda cells: cells[buyer].strip() or None)


def parse(groups, options: Options):
    column = options.columns(_ebay.BUYER)
    for group in groups:
        person = _ebay.person(base.merged(group, list(column.values())), column, group[0][0])
        if person is None:
            yield from base.bad(group, BadValue(_("The row has no name on eBay, no e-mail and no phone")))
        else:
            yield person
