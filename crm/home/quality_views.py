"""The page about the shop's own data."""

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm.contacts.models import Contact
from crm.home import tasks
from crm.home.models import Inspection
from crm.home.quality import CHECKS, inspecting
from crm.home.quality.base import CUSTOMERS, ORDERS, PRODUCTS, Scene
from crm.lib import clock, hints
from crm.lib.templatetags import say
from crm.orders.models import Order, Product

_SHOWN = 5
_PAGE_SIZE = 50


@require_safe
def quality(request):
    inspection, findings = inspecting.latest()
    context = {
        "inspection": inspection,
        "findings": [(finding, _examples(finding)) for finding in findings if finding.count],
        "fine": [finding.check for finding in findings if not finding.count],
        "is_waiting": Inspection.objects.filter(finished_at=None).exists(),
    }
    return render(request, "home/quality.html", context)


@require_safe
def all_of(request, slug: str):
    """List every row that a check finds now."""
    if (check := CHECKS.get(slug)) is None:
        raise Http404
    if check.page:
        return redirect(check.page)
    now = clock.now()
    rows = check.rows(Scene(request.shop, now, clock.local_date(now, request.shop.timezone)))
    if check.about == ORDERS:
        rows = rows.select_related("contact")
    page = Paginator(rows, _PAGE_SIZE).get_page(request.GET.get("page"))
    told = [(_name(row), _address(row), _facts(row, request.shop.currency)) for row in page.object_list]
    return render(request, "home/quality_all.html", {"check": check, "page": page, "rows": told, "now": now})


@require_POST
def look_again(request):
    """Have the worker look at the data now."""
    inspecting.ask(now=clock.now())
    hints.hint(tasks.sweep)
    return redirect("home:quality")


def _examples(finding: inspecting.Finding) -> list[tuple[str, str]]:
    """Return (name, address) of the first few rows that are still there."""
    models = {CUSTOMERS: Contact.objects.alive(), ORDERS: Order.objects.all(), PRODUCTS: Product.objects.all()}
    ids = finding.ids[:_SHOWN]
    rows = models[finding.check.about].in_bulk(ids)
    return [(_name(rows[pk]), _address(rows[pk])) for pk in ids if pk in rows]


def _name(row) -> str:
    return row.display_name if isinstance(row, Contact) else str(row)


def _address(row) -> str:
    return reverse("orders:product", args=[row.pk]) if isinstance(row, Product) else row.get_absolute_url()


def _facts(row, currency: str) -> str:
    """Return what helps to know a row by, beside its name."""
    if isinstance(row, Contact):
        place = f"{row.postcode} {row.city}".strip()
        return " · ".join(filter(None, (row.email, row.phone, place)))
    if isinstance(row, Order):
        buyer = row.contact.display_name if row.contact else ""
        return " · ".join(
            filter(None, (say.moment(row.placed_at), buyer, say.money(row.total_minor, row.currency), row.payment_word))
        )
    amounts = [say.money(minor, currency) for minor in (row.price_minor, row.cost_minor) if minor is not None]
    return " · ".join(filter(None, (row.sku, row.category, *amounts)))
