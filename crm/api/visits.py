"""What a known customer looked at in the shop, told by the shop's own page, and only after their yes.

The shop's page loads /visit.js. It stays silent until the visitor agreed (`regulars.agree()`) and we know who it is: by
the link in a message they followed (its address carries a signed token) or because the shop says so for a logged-in
customer (`regulars.identify(token)`, a token from the API). Nobody else's visit is kept, and no address of a machine.
"""

import datetime as dt
import re
from collections.abc import Mapping

from django.db import IntegrityError, transaction

from crm.api.models import Visit
from crm.campaigns.tracking import VISIT
from crm.contacts import merging
from crm.contacts.models import Contact
from crm.contacts.timeline import Moment
from crm.lib import changes, tokens
from crm.orders.models import Product
from crm.orders.recording import product_key

KEPT = dt.timedelta(days=400)
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def token_for(contact_id: int) -> str:
    """Return what a shop's page may know a customer by."""
    return tokens.sign(VISIT, contact_id)


def record(told: Mapping, *, now: dt.datetime) -> bool:
    """Keep one visit, once; return whether it was kept. Anything odd is silently not kept: nobody reads an answer."""
    number = tokens.read(VISIT, str(told.get("who", "")))
    kind, event_id = told.get("kind"), str(told.get("id", ""))
    if number is None or kind not in Visit.Kind.values or not _EVENT_ID.fullmatch(event_id):
        return False
    contact = merging.find(int(number))
    if contact is None or contact.consent == Contact.ConsentState.NO:
        return False
    key = product_key(str(told.get("sku") or "")[:120], str(told.get("product") or "")[:300])
    product_id = Product.objects.filter(key=key).values_list("pk", flat=True).first() if key else None
    path = str(told.get("path") or "").partition("?")[0].partition("#")[0][:300]
    try:
        with transaction.atomic():
            Visit.objects.create(
                contact=contact, kind=kind, path=path, product_id=product_id, event_id=event_id, at=now
            )
            changes.tell(changes.VISITS, [contact.pk])
    except IntegrityError:
        return False
    return True


def moments(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell what a person looked at."""
    seen = Visit.objects.filter(contact=contact_id, at__lt=before).select_related("product").order_by("-at", "-id")
    icons = {Visit.Kind.PAGE: "eye", Visit.Kind.PRODUCT: "package", Visit.Kind.CART: "shopping-cart"}
    return [
        Moment(
            at=visit.at,
            icon=icons[visit.kind],
            text=visit.get_kind_display(),
            detail=visit.product.name if visit.product else visit.path,
        )
        for visit in seen[:limit]
    ]


def sweep(*, now: dt.datetime) -> int:
    """Forget visits of more than thirteen months ago."""
    return Visit.objects.filter(at__lt=now - KEPT).delete()[0]
