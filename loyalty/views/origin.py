"""Where one customer's numbers come from, and whether that is still so: worked out when somebody asks."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.access import Right, needs
from crm.contacts.models import Contact
from crm.lib.templatetags import say
from loyalty import auditing, workings
from loyalty.auditing import Origin
from loyalty.models import Fresh, Run, Score
from loyalty.stages import scorecard


@needs(reading=Right.SERVE)
def origin(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    run, shop = Run.objects.latest_done(), request.shop
    score = Score.objects.filter(run=run, contact=contact).select_related("run").first() if run else None
    if score is None:
        raise Http404
    found = auditing.origin(score, shop=shop)
    context = {
        "contact": contact,
        "run": run,
        "score": score,
        "found": found,
        "read": _read(found, run),
        "today": _today(found),
        "tone": "info" if found.is_same is None else "good" if found.is_same else "warn",
        "later": _later(found, run),
        "fresh": Fresh.objects.filter(contact=contact).first(),
        "methods": [
            task
            for task in workings.tasks(run, currency=shop.currency)
            if task.candidates and task.slug in scorecard.TASKS
        ],
        "mark": "" if score.input_hash is None else f"{score.input_hash & auditing.MASK:016x}",
    }
    return render(request, "loyalty/origin.html", context)


def _read(found: Origin, run: Run) -> str:
    if not found.orders:
        return _("The orders these numbers were computed from are not in the books any more.")
    return ngettext(
        "%(count)s order from %(first)s to %(last)s, with what was in it and what was given back, as known at the end "
        "of %(date)s.",
        "%(count)s orders from %(first)s to %(last)s, with what was in them and what was given back, as known at the "
        "end of %(date)s.",
        found.orders,
    ) % {
        "count": say.number(found.orders), "first": say.day(found.first), "last": say.day(found.last),
        "date": say.day(run.as_of),
    }  # fmt: skip


def _today(found: Origin) -> str:
    if found.is_same is None:
        return _("This run is from before such records were kept; the next night keeps them.")
    if found.is_same:
        return _("Nothing these numbers were computed from has changed since.")
    if not found.changed:
        return _("Orders of that time have been taken out of the books since; the next night works with what is there.")
    return ngettext(
        "%(count)s order of that time has been added or changed since; the next night works with what is there.",
        "%(count)s orders of that time have been added or changed since; the next night works with what is there.",
        found.changed,
    ) % {"count": say.number(found.changed)}


def _later(found: Origin, run: Run) -> str:
    if not found.later:
        return ""
    return ngettext(
        "%(count)s order has come after %(date)s and is not in these numbers yet.",
        "%(count)s orders have come after %(date)s and are not in these numbers yet.",
        found.later,
    ) % {"count": say.number(found.later), "date": say.day(run.as_of)}
