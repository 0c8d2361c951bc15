"""Orders and products: the lists, one order's page, the facts of a product."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import replace_url

from crm.accounts import logbook
from crm.accounts.access import Right, may, needs
from crm.contacts.listing import contains
from crm.lib import changes, clock, csvio
from crm.lib.money import from_minor
from crm.orders import panels
from crm.orders.forms import DEFAULT_PRODUCT_SORT, ProductFilterForm, ProductForm
from crm.orders.listing import OrderFilter, source_name
from crm.orders.models import Order, Product

EXPORTED = logbook.kind("orders_exported", gettext_lazy("Downloaded a list of orders"), logbook.Group.TAKEN_OUT)

PRODUCTS_PAGE_SIZE = 50
PRODUCT_COLUMNS = {"name": "name", "category": "category", "sold": "sold_quantity", "earned": "earned_minor"}
TONES = {
    Order.Payment.PAID: "good",
    Order.Payment.PARTLY_PAID: "warn",
    Order.Payment.UNPAID: "warn",
    Order.Payment.REFUNDED: "neutral",
    Order.Payment.PARTLY_REFUNDED: "info",
    Order.Payment.UNKNOWN: "neutral",
}


def dressed(order: Order) -> Order:
    """Add what a list shows about an order: its state in words, the tone, where it came from."""
    order.source_name = source_name(order.source)
    if order.cancelled_at:
        order.state_text, order.tone = _("Cancelled"), "bad"
    elif order.kind == Order.Kind.RETURN:
        order.state_text, order.tone = order.get_kind_display(), "info"
    else:
        order.state_text, order.tone = order.get_payment_display(), TONES[order.payment]
    return order


@needs(reading=Right.ORDERS)
@require_GET
def order_list(request: HttpRequest) -> HttpResponse:
    """Show the orders a filter matches."""
    asked = OrderFilter(request.GET)
    page = asked.paginator().get_page(request.GET.get("page"))
    query = asked.query()
    context = {
        "asked": asked,
        "form": asked.form,
        "conditions": asked.described(),
        "page": page,
        "rows": [dressed(order) for order in page.object_list],
        "total": page.paginator.count,
        "total_shown": page.paginator.shown,
        "query": query,
        "sort": asked.sort,
        "sources": [(source, source_name(source)) for source in _sources()],
        "is_panel_open": bool(asked.values.keys() - {"q"}) or bool(asked.problems),
        "is_empty_shop": not asked.values and not page.paginator.count,
    }
    response = render(request, "orders/list.html", context)
    if request.htmx:
        replace_url(response, reverse("orders:list") + (f"?{query}" if query else ""))
    return response


def _sources() -> list[str]:
    """Return where orders came from; asked again only when there are newer orders, for it reads all of them."""
    newest = Order.objects.order_by("-pk").values_list("pk", flat=True).first()
    return cache.get_or_set(
        f"orders.sources.{newest}",
        lambda: sorted(Order.objects.order_by().values_list("source", flat=True).distinct()),
        timeout=3600,
    )


@needs(reading=Right.BOOKS)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """Download the orders of a filter as CSV, one row per order or one per line."""
    asked = OrderFilter(request.GET)
    if asked.problems:
        return redirect(f"{reverse('orders:list')}?{request.GET.urlencode()}")
    by_line = request.GET.get("rows") == "lines"
    today = clock.local_date(clock.now(), request.shop.timezone).isoformat()
    header = [
        _("Number"), _("Came from"), _("Kind"), _("Placed"), _("Customer"), _("E-mail"), _("Payment"), _("Cancelled"),
        _("Currency"), _("Total"), _("Discount"), _("Shipping"), _("Tax"), _("Refunded"), _("Net"),
    ]  # fmt: skip
    if by_line:
        header += [_("Line"), _("Product"), _("SKU"), _("Quantity"), _("Unit price"), _("Line total")]
    name = "order-lines" if by_line else "orders"
    with_email = may(request.user, Right.SERVE)
    if not with_email:
        header.remove(_("E-mail"))
    logbook.write(EXPORTED, by=request.user, now=clock.now())
    rows = _csv_rows(asked, by_line, request.shop.timezone, with_email=with_email)
    return csvio.download(f"{name}-{today}.csv", header, rows)


def _csv_rows(asked: OrderFilter, by_line: bool, zone: str, *, with_email: bool) -> Iterator[list]:
    # Labels are chosen now: the file is written after the page's language and zone are gone.
    payments = {value: str(label) for value, label in Order.Payment.choices}
    kinds = {value: str(label) for value, label in Order.Kind.choices}

    def written(moment: dt.datetime | None) -> str:
        return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if moment else ""

    def order_cells(order: Order) -> list:
        amounts = (
            order.total_minor, order.discount_minor, order.shipping_minor, order.tax_minor, order.refunded_minor,
            order.net_minor,
        )  # fmt: skip
        return [
            order.number,
            order.source,
            kinds[order.kind],
            written(order.placed_at),
            order.contact.name if order.contact else "",
            *([order.contact.email if order.contact else ""] if with_email else []),
            payments[order.payment],
            written(order.cancelled_at),
            order.currency,
            *(from_minor(amount, order.currency) for amount in amounts),
        ]

    orders = asked.ordered.select_related("contact")
    if not by_line:
        return map(order_cells, orders.iterator(chunk_size=2000))

    def line_rows() -> Iterator[list]:
        for order in orders.prefetch_related("lines").iterator(chunk_size=500):
            cells = order_cells(order)
            for line in sorted(order.lines.all(), key=lambda line: line.position):
                yield [
                    *cells, line.position, line.name, line.sku, f"{line.quantity:g}",
                    from_minor(line.unit_price_minor, order.currency), from_minor(line.total_minor, order.currency),
                ]  # fmt: skip

    return line_rows()


@needs(reading=Right.ORDERS)
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an order with its lines, what was paid and what went back."""
    order = dressed(get_object_or_404(Order.objects.select_related("contact", "original"), pk=pk))
    context = {
        "order": order,
        "lines": list(order.lines.select_related("product").order_by("position")),
        "refunds": list(order.refunds.order_by("at", "pk")),
        "returns": list(order.returns.order_by("placed_at", "pk")),
        "remaining_minor": max(order.total_minor - order.refunded_minor, 0),
        "panels": panels.PANELS.draw(order, request) if may(request.user, Right.SERVE) else [],
    }
    return render(request, "orders/detail.html", context)


@needs(reading=Right.ORDERS)
@require_GET
def glance(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw an order for the drawer beside a list."""
    order = dressed(get_object_or_404(Order.objects.select_related("contact"), pk=pk))
    if not request.htmx:
        return redirect(order)
    context = {
        "order": order,
        "lines": list(order.lines.select_related("product").order_by("position")),
        "remaining_minor": max(order.total_minor - order.refunded_minor, 0),
    }
    return render(request, "orders/glance.html", context)


# Products


def product_order(sort: str) -> tuple:
    """Return how products are ordered: those no longer sold and those not counted yet come last."""
    column = F(PRODUCT_COLUMNS[sort.removeprefix("-")])
    ordered = column.desc(nulls_last=True) if sort.startswith("-") else column.asc(nulls_last=True)
    return "-is_active", ordered, "pk"


@needs(reading=Right.ORDERS)
@require_GET
def products(request: HttpRequest) -> HttpResponse:
    """Show the products with how often they were sold and what they brought."""
    form = ProductFilterForm(request.GET)
    form.is_valid()
    words = form.cleaned_data.get("q", "")
    sort = form.cleaned_data.get("sort") or DEFAULT_PRODUCT_SORT
    found = Product.objects.filter(contains(("name", "sku", "category"), words)).order_by(*product_order(sort))
    page = Paginator(found, PRODUCTS_PAGE_SIZE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    context = {
        "form": form,
        "page": page,
        "rows": rows,
        "total": page.paginator.count,
        "words": words,
        "sort": sort,
        "counted_at": max((row.counted_at for row in rows if row.counted_at), default=None),
    }
    return render(request, "orders/products.html", context)


@require_http_methods(["GET", "POST"])
def edit_product(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a product's category, its price, what it costs, how many are on hand, and whether it is still on sale."""
    product = get_object_or_404(Product, pk=pk)
    currency = request.shop.currency
    back = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("orders:products")
    if request.method == "POST":
        form = ProductForm(request.POST, instance=product, currency=currency)
        if form.is_valid():
            told = form.cleaned_data
            counted = told.pop("stock")
            if counted is not None:
                told |= {"stock": counted, "stock_at": clock.local_date(clock.now(), request.shop.timezone)}
            with transaction.atomic():
                Product.objects.filter(pk=pk).update(**told)
                changes.tell(changes.PRODUCTS, [pk])
            messages.success(request, _("“%(product)s” is saved.") % {"product": product.name})
            return redirect(back)
    else:
        form = ProductForm(instance=product, currency=currency)
    status = 422 if form.is_bound else 200
    return render(request, "orders/product.html", {"product": product, "form": form, "back": back}, status=status)
