"""Run the checks once a local day and when asked; keep counts for the trend and examples of the newest only."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.home import suggesting
from crm.home.models import Inspection
from crm.home.quality import CHECKS
from crm.home.quality.base import CUSTOMERS, EXAMPLES, ORDERS, PRODUCTS, Check, Scene
from crm.imports.models import Import
from crm.lib import clock
from crm.orders.models import Order, Product

KEPT = 400
TREND = 30
_MONTH = dt.timedelta(days=30)


@dataclass(frozen=True)
class Finding:
    """What one check found: `counts` are the last TREND inspections', oldest first; `before` that of a month ago."""

    check: Check
    count: int
    out_of: int
    ids: list[int]
    counts: list[int]
    before: int | None


def ask(*, now: dt.datetime) -> Inspection:
    """Ask for an inspection, or return the one that was asked for already."""
    return Inspection.objects.filter(finished_at=None).first() or Inspection.objects.create(asked_at=now)


def inspect_due(*, now: dt.datetime) -> int:
    """Do what was asked for, one inspection each local day from the night's hour, one after a file; return how many."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    due_from = shop.night_of(now)
    is_nights = now >= due_from and not Inspection.objects.filter(asked_at__gte=due_from).exists()
    if is_nights or _is_overtaken():
        ask(now=now)
    waiting = list(Inspection.objects.filter(finished_at=None).order_by("pk"))
    for inspection in waiting:
        inspect(inspection, shop=shop, now=now)
    if waiting:
        suggesting.renew(shop=shop, now=now)
    return len(waiting)


def _is_overtaken() -> bool:
    """Tell whether a file came in, or was taken back, since the newest look, and none is being read now."""
    newest = Inspection.objects.order_by("-pk").first()
    if newest is None or Import.objects.filter(state__in=(Import.State.READING, Import.State.UNDOING)).exists():
        return False
    since = newest.asked_at
    return Import.objects.filter(
        Q(state=Import.State.DONE, finished_at__gt=since) | Q(state=Import.State.UNDONE, undone_at__gt=since)
    ).exists()


def inspect(inspection: Inspection, *, shop: Shop, now: dt.datetime) -> None:
    """Run every check and keep what it found; of older inspections only the counts are kept."""
    scene = Scene(shop, now, clock.local_date(now, shop.timezone))
    found = {}
    for slug, check in CHECKS.items():
        rows = check.rows(scene)
        found[slug] = {"count": rows.order_by().count(), "ids": list(rows.values_list("pk", flat=True)[:EXAMPLES])}
    inspection.findings, inspection.totals, inspection.finished_at = found, totals(), now
    inspection.save()
    _forget(Inspection.objects.filter(pk__lt=inspection.pk).order_by("-pk"))


def _forget(earlier: QuerySet) -> None:
    """Keep only the counts of the inspection before, and nothing of very old ones."""
    before = earlier.exclude(finished_at=None).first()
    if before is not None:
        before.findings = {slug: {"count": finding["count"], "ids": []} for slug, finding in before.findings.items()}
        before.save(update_fields=["findings"])
    Inspection.objects.filter(pk__in=list(earlier.values_list("pk", flat=True)[KEPT - 1 :])).delete()


def totals() -> dict[str, int]:
    """Return how many rows there are of each kind."""
    rows = {CUSTOMERS: Contact.objects.alive(), ORDERS: Order.objects, PRODUCTS: Product.objects}
    return {about: found.count() for about, found in rows.items()}


def latest() -> tuple[Inspection | None, list[Finding]]:
    """Return the newest finished inspection and what it found, urgent and frequent things first."""
    newest, *earlier = Inspection.objects.exclude(finished_at=None).order_by("-pk")[:TREND] or [None]
    if newest is None:
        return None, []
    month_ago = Inspection.objects.filter(finished_at__lte=newest.finished_at - _MONTH).order_by("-pk").first()
    findings = []
    for slug, found in newest.findings.items():
        if slug not in CHECKS:
            continue
        check = CHECKS[slug]
        counts = [one.findings[slug]["count"] for one in [*reversed(earlier), newest] if slug in one.findings]
        before = month_ago.findings.get(slug, {}).get("count") if month_ago else None
        findings.append(Finding(check, found["count"], newest.totals.get(check.about, 0), found["ids"], counts, before))
    findings.sort(key=lambda finding: (not finding.count, not finding.check.is_urgent, -finding.count))
    return newest, findings
