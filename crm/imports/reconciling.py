"""Compare what a file says with what stands in the books, by asking the books."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from django.db.models import F, Sum

from crm.lib import bulk
from crm.orders.models import Order, OrderLine
from crm.orders.purchases import LINES, ONLY_REFUNDS, Purchases


def stored(purchases: Purchases, order_ids: Sequence[int]) -> Counter[str]:
    """Return what the sales these purchases tell of come to by currency, as the database holds them now."""
    tells = purchases.column("tells")
    whole, by_line = list(order_ids), []
    if any(tells):
        whole = [order_id for order_id, said in zip(order_ids, tells) if said not in (LINES, *ONLY_REFUNDS)]
        by_line = [order_id for order_id, said in zip(order_ids, tells) if said == LINES]
    is_range = len(whole) > 1 and whole == list(range(whole[0], whole[-1] + 1))  # new orders, nearly always
    sales = Order.objects.filter(kind=Order.Kind.SALE).order_by()
    of_whole = {"id__range": (whole[0], whole[-1])} if is_range else {"id__in": bulk.among(whole)}
    totals = sales.filter(**of_whole).values("currency").annotate(total=Sum("total_minor"))
    lines = OrderLine.objects.filter(order__in=sales.filter(id__in=bulk.among(by_line))).order_by()
    line_totals = lines.values(currency=F("order__currency")).annotate(total=Sum("total_minor"))
    found: Counter[str] = Counter()
    for sums in (totals, line_totals):
        for currency, total in sums.values_list("currency", "total"):
            found[currency] += int(total)
    return found


def differing(result: dict) -> list[str]:
    """Return the currencies whose total in the file is not the total stored."""
    read, kept = result.get("gross_total", {}), result.get("stored_total", {})
    return [c for c in sorted({*read, *kept}) if Decimal(read.get(c, "0")) != Decimal(kept.get(c, "0"))]
