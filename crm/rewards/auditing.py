"""Look through the books once a day and when asked; keep what was found."""

import datetime as dt

from django.utils import translation

from crm.accounts.models import Shop
from crm.lib import books
from crm.rewards.models import Audit

KEPT = 30


def ask(*, now: dt.datetime) -> Audit:
    """Ask for an audit, or return the one that was asked for already."""
    return Audit.objects.filter(finished_at=None).first() or Audit.objects.create(asked_at=now)


def audit_due(*, now: dt.datetime) -> int:
    """Do the audits that were asked for, and one each local day from the hour of the night run; return how many."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    due_from = shop.night_of(now)
    if now >= due_from and not Audit.objects.filter(asked_at__gte=due_from).exists():
        ask(now=now)
    done = 0
    for audit in Audit.objects.filter(finished_at=None).order_by("pk"):
        with translation.override(shop.language):
            findings = books.run_all()
        finish(audit, findings, now=now)
        done += 1
    return done


def finish(audit: Audit, findings: list[books.Finding], *, now: dt.datetime) -> None:
    """Keep what an audit found, and forget the oldest ones."""
    audit.ok = all(finding.ok for finding in findings)
    audit.checks = [{"name": finding.name, "ok": finding.ok, "detail": finding.detail} for finding in findings]
    audit.finished_at = now
    audit.save()
    kept = Audit.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    Audit.objects.exclude(pk__in=list(kept)).delete()


def latest() -> Audit | None:
    """Return the newest finished audit."""
    return Audit.objects.exclude(finished_at=None).order_by("-pk").first()


def is_asked_for() -> bool:
    """Tell whether an audit is waiting or under way."""
    return Audit.objects.filter(finished_at=None).exists()
