"""Compare what a file says with what stands in the books, by asking the books."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from django.db.models import F, Sum

from crm.lib import bulk
from crm.orders.models import Order, OrderLine
from crm.orders.recording import LINES, REFUNDS, Purchase


def said(purchase: Purchase) -> int:
    """Return what a file says a sale came to; of a file that tells lines only, what its lines come to."""
    if purchase.tells == LINES:
        return sum(line.total_minor for line in purchase.lines)
    return purchase.total_minor


def stored(purchases: Iterable[Purchase]) -> Counter[str]:
    """Return what these purchases' sales come to by currency, as the database holds them now."""
    numbers: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for purchase in purchases:
        if purchase.tells == REFUNDS:
            continue  # says nothing of the sale itself
        numbers[purchase.source, purchase.tells == LINES].add(purchase.number)
    found: Counter[str] = Counter()
    for (source, by_line), of_source in numbers.items():
        sales = Order.objects.filter(source=source, number__in=bulk.among(of_source), kind=Order.Kind.SALE)
        totals = sales.order_by().values("currency").annotate(total=Sum("total_minor"))
        if by_line:
            lines = OrderLine.objects.filter(order__in=sales)
            totals = lines.order_by().values(currency=F("order__currency")).annotate(total=Sum("total_minor"))
        for currency, total in totals.values_list("currency", "total"):
            found[currency] += int(total)
    return found


def differing(result: dict) -> list[str]:
    """Return the currencies whose total in the file is not the total stored."""
    read, kept = result.get("gross_total", {}), result.get("stored_total", {})
    return [currency for currency in sorted({*read, *kept}) if read.get(currency, "0") != kept.get(currency, "0")]
