"""What BigCommerce's files share: customer numbers, and cells that pack "Label: value, Label: value"."""

import re
from collections.abc import Iterator

from crm.imports.formats.base import clean

SOURCE = "bigcommerce"


def customer_key(text: str) -> str:
    """Return a customer's number; 0 stands for a guest."""
    number = clean(text)
    return number if number.isdecimal() and int(number) > 0 else ""


def unpacker(first: str, *others: str):
    """Return a function that yields what a cell packs as dictionaries, a new one at each label `first`.

    Values may hold commas and bars, so a value ends where the next known label begins.
    """
    label = re.compile(rf"(?:^|[,|;\n])\s*({'|'.join(map(re.escape, (first, *others)))}):\s*", re.IGNORECASE)

    def unpack(cell: str) -> Iterator[dict[str, str]]:
        found = list(label.finditer(cell))
        packed: dict[str, str] = {}
        for this, following in zip(found, [*found[1:], None]):
            name = this[1].casefold()
            if name == first.casefold() and packed:
                yield packed
                packed = {}
            value = cell[this.end() : following.start() if following else len(cell)]
            packed[name] = clean(value.strip(" ,|;\n"))
        if packed:
            yield packed

    return unpack
