"""What eBay's reports share: how a row names its buyer, and which of an order's totals counts."""

from collections.abc import Sequence

from crm.imports.formats._marketplace import address, handle, said
from crm.imports.formats.base import Person, person_name

SOURCE = "ebay"

SOLD_ON = ["sale date", "order date", "verkauft am", "verkaufsdatum"]
BOOKED_ON = ["transaction creation date", "datum der transaktionserstellung"]

BUYER = {
    "buyer": ["buyer username", "nutzername des käufers", "mitgliedsname"],
    "name": ["buyer name", "buyer full name", "name des käufers", "vollständiger name des käufers"],
    "email": ["buyer email", "buyer e-mail", "e-mail des käufers", "e-mail-adresse des käufers"],
    "name2": ["ship to name", "post to name", "name des empfängers"],
    "phone": ["ship to phone", "post to phone", "buyer phone", "telefon des empfängers"],
    "street": [
        "ship to address 1", "post to address 1", "buyer address 1", "adresse 1 des käufers", "käuferadresse 1",
    ],
    "street2": [
        "ship to address 2", "post to address 2", "buyer address 2", "adresse 2 des käufers", "käuferadresse 2",
    ],
    "city": ["ship to city", "post to city", "buyer city", "ort des käufers", "versandziel - ort"],
    "region": [
        "ship to state", "ship to province/region/state", "post to county", "post to province/region/state",
        "buyer state", "bundesland des käufers", "staat des käufers",
    ],
    "zip": [
        "ship to zip", "ship to postcode", "post to postcode", "post to zip", "buyer zip", "buyer postcode",
        "plz des käufers", "postleitzahl des käufers", "versandziel - plz",
    ],
    "country": ["ship to country", "post to country", "buyer country", "land des käufers", "versandziel - land"],
}  # fmt: skip


def person(cells: Sequence[str], column: dict[str, int], line_number: int) -> Person | None:
    """Return the buyer, known by the name on eBay; its addresses are relays of eBay's."""
    found = Person(
        source=SOURCE,
        key=handle(cells[column["buyer"]]),
        name=person_name(said(cells[column["name"]]) or said(cells[column["name2"]])),
        email=address(cells[column["email"]]),
        phone=said(cells[column["phone"]]),
        street=person_name(said(cells[column["street"]]), said(cells[column["street2"]])),
        postcode=said(cells[column["zip"]]),
        city=said(cells[column["city"]]),
        region=said(cells[column["region"]]),
        country=said(cells[column["country"]]),
        line_number=line_number,
    )
    return found if found.key or found.email or found.phone else None


def total_of(summaries: Sequence[int], totals: Sequence[int], expected: int) -> int:
    """Return what an order came to: a row without an item sums it up, else each item's row has a part or the whole."""
    if summaries:
        return summaries[0]
    if len(totals) < 2:
        return sum(totals)
    return min((totals[0], sum(totals)), key=lambda total: abs(total - expected))
