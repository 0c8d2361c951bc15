"""What products cost the shop, and how low that lets a price go."""

from django.db.models import F

from crm.orders.models import Order


def floor(total_minor: int, *, quantity: float, cost_minor: int | None) -> int:
    """Return how low a line may go: to its cost, where that is known and it is not below it already."""
    return min(max(total_minor, 0), round((cost_minor or 0) * quantity))


def floor_of(order: Order) -> int:
    """Return how low a whole order may go, by what the products in it cost today."""
    lines = order.lines.annotate(cost=F("product__cost_minor")).values_list("total_minor", "quantity", "cost")
    return sum(floor(total, quantity=quantity, cost_minor=cost) for total, quantity, cost in lines)
