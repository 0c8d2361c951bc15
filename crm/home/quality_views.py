"""The page about the shop's own data."""

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm.contacts.models import Contact
from crm.home import tasks
from crm.home.models import Inspection
from crm.home.quality import inspecting
from crm.home.quality.base import CUSTOMERS, ORDERS, PRODUCTS
from crm.lib import clock, hints
from crm.orders.models import Order, Product

_SHOWN = 5


@require_safe
def quality(request):
    inspection, findings = inspecting.latest()
    context = {
        "inspection": inspection,
        "findings": [(finding, _examples(finding), _all_of(finding)) for finding in findings if finding.count],
        "fine": [finding.check for finding in findings if not finding.count],
        "is_waiting": Inspection.objects.filter(finished_at=None).exists(),
    }
    return render(request, "home/quality.html", context)


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


def _all_of(finding: inspecting.Finding) -> str:
    """Return where all of them are listed, as far as a list can show them."""
    if finding.check.about != CUSTOMERS or finding.count <= _SHOWN:
        return ""
    return reverse("contacts:list") + "?ids=" + ",".join(map(str, finding.ids))
