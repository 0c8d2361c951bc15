"""Know a file that was read before, so that it need not be read again.

The same bytes read in the same way say the same. If all the orders they made stand as that import left them, another
reading would find every one unchanged: so its answer is given without reading. Anything else, be it one order that
was refunded since, is read row by row.
"""

from django.db import models

from crm import __version__
from crm.accounts.models import Shop
from crm.imports.formats import base
from crm.imports.models import Import, RejectedRow
from crm.lib import bulk
from crm.orders.models import Order

_CANDIDATES = 5  # of the imports of one file; more say nothing new
_COUNTED = ("orders", "contacts", "products")


def read_as(shop: Shop) -> dict[str, str]:
    """Return what the meaning of a file depends on beside its own options."""
    return {"currency": shop.currency, "timezone": shop.timezone, "version": __version__}


def earlier(importing: Import) -> Import | None:
    """Return the import that made all this file says, if the books still stand as it left them."""
    same = Import.objects.filter(
        sha256=importing.sha256, format=importing.format, state=Import.State.DONE, kind=base.ORDERS
    ).exclude(pk=importing.pk)
    meaning = read_as(Shop.current())
    for before in same.order_by("-id")[:_CANDIDATES]:
        if (before.mapping, before.options, before.result.get("read_as")) == (
            importing.mapping, importing.options, meaning
        ) and _stands(before):  # fmt: skip
            return before
    return None


def repeat(before: Import, importing: Import) -> dict:
    """Keep the rejected rows once more, and return the result a second reading would have."""
    rows = bulk.rows(before.rejected_rows.order_by("id").values_list("line_number", "cells", "reason"))
    columns = ("importing_id", "line_number", "cells", "reason")
    bulk.insert(RejectedRow, columns, [(importing.pk, *row) for row in rows])
    counted = {
        name: {"created": 0, "updated": 0, "unchanged": sum(before.result[name].values())} for name in _COUNTED
    }
    return before.result | counted | {"file": importing.file_name}


def _stands(before: Import) -> bool:
    """Tell whether an import made every order of its file, each is as it left it, and none waits for its sale."""
    said = before.result["orders"]
    if not said["created"] or said["updated"] or said["unchanged"] or before.result.get("without_sale", 1):
        return False
    made = Order.objects.filter(created_by_import=before.pk)
    as_left = made.filter(version=1, created_at=models.F("updated_at"), corrected_at=None)
    count, with_buyer = as_left.aggregate(count=models.Count("id"), with_buyer=models.Count("contact")).values()
    return (count, with_buyer) == (said["created"], said["created"] - before.result["without_buyer"])
