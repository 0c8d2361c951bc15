"""Count what each product sold and earned, ahead of the page that shows it.

Adding up the lines of a product while the owner waits takes long in a shop with few products and many orders.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Max, Sum

from crm.accounts.models import Shop
from crm.lib import bulk
from crm.orders.models import Order, OrderLine, Product

AT_MOST_EVERY = dt.timedelta(minutes=10)


def count_due(*, now: dt.datetime) -> int:
    """Count again if an order changed since the last time, at most every ten minutes; return how many products."""
    shop = Shop.objects.first()
    if shop is None or not Product.objects.exists():
        return 0
    last = Product.objects.aggregate(last=Max("counted_at"))["last"]
    if last and (now - last < AT_MOST_EVERY or not Order.objects.filter(updated_at__gte=last).exists()):
        return 0
    return count(currency=shop.currency, now=now)


@transaction.atomic
def count(*, currency: str, now: dt.datetime) -> int:
    """Write every product's pieces sold and revenue, over all orders that count in this currency."""
    lines = (
        OrderLine.objects.filter(order__counts=True, order__currency=currency, product__isnull=False)
        .values_list("product")
        .annotate(sold=Sum("quantity"), earned=Sum("total_minor"))
        .order_by()
    )
    sums = {product_id: (float(sold), int(earned)) for product_id, sold, earned in lines}
    held = Product.objects.values_list("pk", "sold_quantity", "earned_minor")
    changed = [(*new, pk) for pk, *old in held if (new := sums.get(pk, (0.0, 0))) != tuple(old)]
    bulk.update(Product, ("sold_quantity", "earned_minor"), changed)
    return Product.objects.update(counted_at=now)
