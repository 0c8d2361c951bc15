"""What Etsy's files share: whose order it is, and how amounts that stand on one row of an order are read.

Etsy gives no e-mail and no phone. A buyer is known by the user name; a guest, who has none, by name and postcode
together, so that two guests of one name stay two people.
"""

import re

from crm.imports.formats import base
from crm.imports.formats.base import clean
from crm.imports.values import is_scientific

SOURCE = "etsy"

_NAME_AND_USER = re.compile(r".*\(([^()\s]+)\)")


def buyer_key(*, buyer: str, user_id: str, name: str, postcode: str) -> str:
    """Return what a buyer is known by, the same from the file of orders and the file of items; "" if nothing tells."""
    buyer, user_id = clean(buyer), clean(user_id)
    if is_scientific(user_id):
        user_id = ""  # a spreadsheet shortened it: many numbers look the same now
    if found := _NAME_AND_USER.fullmatch(buyer):
        return found[1].casefold()
    if user_id and not user_id.isdecimal():
        return user_id.casefold()
    folded = base.fold(name)
    if buyer and " " not in buyer and base.fold(buyer) not in (folded, *folded.split()[:1]):
        return buyer.casefold()  # a user name alone; a first name alone would be many people
    if user_id:
        return user_id
    return f"guest:{folded}:{base.fold(postcode).replace(' ', '')}" if folded and clean(postcode) else ""
