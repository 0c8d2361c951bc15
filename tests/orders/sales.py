"""Orders as the tests of this folder need them."""

import datetime as dt

from crm.orders.models import Order, OrderLine, Product
from tests.conftest import NOW


def product(name: str, **values) -> Product:
    return Product.objects.create(key=name.lower(), name=name, **values)


def sale(number: str, *lines: tuple[Product, float, int], days_ago: int = 1, **values) -> Order:
    """Make a paid order of lines (product, quantity, unit price in minor units)."""
    total = sum(int(quantity * price) for _product, quantity, price in lines)
    values = {"total_minor": total, "net_minor": values.get("total_minor", total)} | values
    order = Order.objects.create(
        **({"source": "shopify", "currency": "EUR"} | values),
        number=number,
        placed_at=NOW - dt.timedelta(days=days_ago),
    )
    for position, (item, quantity, price) in enumerate(lines, start=1):
        OrderLine.objects.create(
            order=order, product=item, position=position, name=item.name, quantity=quantity, unit_price_minor=price,
            total_minor=int(quantity * price),
        )  # fmt: skip
    return order
