"""Visits of the demo's website: invented like the rest of it, from the orders that came in there."""

import datetime as dt

from crm.api.models import Visit
from crm.contacts.models import Contact
from crm.orders.models import OrderLine

FROM_DAYS = 60
PAGES = {Visit.Kind.PAGE: "/", Visit.Kind.PRODUCT: "/bread/", Visit.Kind.CART: "/cart/"}
ONLY_LOOKED = 0.15  # of those who ordered in these days, looked around once more without ordering


def invent(*, now: dt.datetime) -> int:
    """Let everybody who ordered on the demo's website have looked at what they bought, and some only look."""
    import numpy as np

    random = np.random.default_rng(7)
    known = Contact.objects.exclude(consent=Contact.ConsentState.NO)
    lines = OrderLine.objects.filter(
        order__channel="web", order__contact__in=known, order__placed_at__gt=now - dt.timedelta(days=FROM_DAYS),
        order__placed_at__lte=now, position=1,
    ).order_by("order__placed_at", "id")  # fmt: skip
    rows = list(lines.values_list("order__contact", "order__placed_at", "product"))
    seen: list[tuple[int, Visit.Kind, int | None, dt.datetime]] = []
    for contact_id, at, product_id in rows:
        stroll = at - dt.timedelta(minutes=float(random.uniform(3, 25)))
        seen += [
            (contact_id, Visit.Kind.PAGE, None, stroll),
            (contact_id, Visit.Kind.PRODUCT, product_id, stroll + (at - stroll) / 3),
            (contact_id, Visit.Kind.CART, product_id, stroll + (at - stroll) / 2),
        ]
        if random.random() < ONLY_LOOKED:
            later = at + dt.timedelta(days=float(random.uniform(1, 12)))
            if later < now:
                seen.append((contact_id, Visit.Kind.PRODUCT, product_id, later))
    visits = [
        Visit(contact_id=who, kind=kind, path=PAGES[kind], product_id=product_id, event_id=f"demo-{n:06d}", at=at)
        for n, (who, kind, product_id, at) in enumerate(seen)
    ]
    return len(Visit.objects.bulk_create(visits, batch_size=500))
