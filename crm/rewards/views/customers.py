"""One customer's points: every entry with its reason, and the owner's own hand."""

import datetime as dt
from collections.abc import Iterator

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from crm.accounts import logbook
from crm.accounts.access import Right, needs
from crm.accounts.wording import counted
from crm.contacts.models import Contact
from crm.lib import clock, csvio
from crm.lib.templatetags import say
from crm.rewards import explaining, holding, ledger, redeeming
from crm.rewards.forms import AdjustForm, RedeemForm, new_key
from crm.rewards.models import Entry, Redemption

ADJUSTED = logbook.kind("points_adjusted", gettext_lazy("Gave or took points by hand"), logbook.Group.POINTS)
FORGAVE = logbook.kind("points_forgiven", gettext_lazy("Forgave points owed"), logbook.Group.POINTS)
DOWNLOADED = logbook.kind("points_exported", gettext_lazy("Downloaded points"), logbook.Group.TAKEN_OUT)

PER_PAGE = 50
EXPORTED_AT_ONCE = 2_000
EXPORTED = (
    "points", "kind", "reason", "order_ref", "rule_id", "basis_minor", "at", "created_at", "account__contact__name",
    "account__contact__email", "account__contact__erased_at",
)  # fmt: skip


def adjust(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    form = AdjustForm(request.POST or None, initial={"key": new_key()})
    if request.method == "POST" and form.is_valid():
        points, now = form.cleaned_data["points"], clock.now()
        try:
            entry = ledger.adjust(
                contact.pk,
                points=points,
                reason=form.cleaned_data["reason"],
                key=form.cleaned_data["key"],
                now=now,
            )
        except ledger.NotEnoughPoints as refusal:
            form.add_error("points", _too_few(contact, refusal.balance, -points))
        except ledger.KeyUsedDifferently as refusal:
            form = AdjustForm({**request.POST.dict(), "key": new_key()})
            form.full_clean()
            form.add_error(None, _sent_before(refusal.entry))
        else:
            if entry.at == now:  # else the form was sent before
                logbook.write(ADJUSTED, by=request.user, now=now, detail=f"{points:+d}", href=_history(contact))
            _say(request, _adjusted(contact, points))
            return redirect("rewards:history", contact.pk)
    context = {"contact": contact, "form": form, "balance": ledger.balance(contact.pk)}
    return render(request, "rewards/adjust.html", context, status=422 if form.errors else 200)


@needs(reading=Right.SERVE)
def history(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=contact_id)
    page = Paginator(ledger.history(contact.pk), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "contact": contact,
        "standing": holding.of(contact.pk),
        "redemptions": holding.redemptions(contact.pk),
        "page": page,
        "rows": explaining.explain(page.object_list),
    }
    return render(request, "rewards/history.html", context)


def export(request: HttpRequest, contact_id: int | None = None) -> HttpResponse:
    entries = Entry.objects.exclude(kind=Entry.Kind.MERGE).select_related("account__contact").only(*EXPORTED)
    name = "points.csv"
    if contact_id is not None:
        contact = get_object_or_404(Contact, pk=contact_id)
        entries, name = entries.filter(account__contact=contact), f"points-{contact.pk}.csv"
    header = [
        _("Entry"), _("Date"), _("Customer"), _("Customer number"), _("E-mail"), _("Points"), _("Kind"),
        _("Order"), _("Why"), _("Written"),
    ]  # fmt: skip
    logbook.write(DOWNLOADED, by=request.user, now=clock.now())
    rows = _exported(entries, language=translation.get_language(), zone=timezone.get_current_timezone())
    return csvio.download(name, header, rows)


@needs(reading=Right.SERVE, writing=Right.SERVE)
def redeem(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    options = {"contact": contact, "currency": request.shop.currency}
    form = RedeemForm(request.POST or None, initial={"key": new_key()}, **options)
    if request.method == "POST" and form.is_valid():
        wish = form.cleaned_data
        try:
            redeemed = redeeming.redeem(
                contact.pk,
                reward=wish["reward"],
                points=wish["points"],
                **form.bounds,
                note=wish["note"],
                key=f"typed:{wish['key']}",
                now=clock.now(),
            )
        except ledger.NotEnoughPoints as refusal:
            wanted = wish["points"] or wish["reward"].points
            form.add_error("points", _too_few(contact, refusal.balance, wanted))
        except redeeming.BelowLeast as refusal:
            least = say.number(refusal.least)
            form.add_error("points", _("%(points)s points at least for this. Nothing was taken.") % {"points": least})
        except redeeming.AboveMost as refusal:
            most = say.number(refusal.most)
            form.add_error("points", _("%(points)s points at most for this. Nothing was taken.") % {"points": most})
        except redeeming.NotOffered:
            form.add_error("reward", _("This is not on offer any more. Nothing was taken."))
        except (redeeming.KeyUsedDifferently, redeeming.RolledBack):
            form = RedeemForm({**request.POST.dict(), "key": new_key()}, **options)
            form.full_clean()
            form.add_error(None, _("This form was sent before with something else. Send it again if you want both."))
        else:
            _say(request, _redeemed(contact, redeemed))
            return redirect("rewards:history", contact.pk)
    context = {"contact": contact, "form": form, "offers": redeeming.offers(contact.pk)}
    context["balance"] = ledger.balance(contact.pk)
    return render(request, "rewards/redeem.html", context, status=422 if form.errors else 200)


@needs(writing=Right.SERVE)
@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    redemption = get_object_or_404(Redemption.objects.select_related("account"), pk=pk)
    redeeming.roll_back(redemption.key, now=clock.now())
    points = say.number(redemption.points)
    _say(request, _("The redemption was undone, %(points)s points were given back.") % {"points": points})
    if redemption.account.contact_id is None:
        return redirect("rewards:home")
    return redirect("rewards:history", redemption.account.contact_id)


@require_POST
def forgive(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=contact_id)
    points = ledger.forgive(contact.pk, now=clock.now())
    if points:
        logbook.write(FORGAVE, by=request.user, now=clock.now(), detail=str(points), href=_history(contact))
        words = {"name": contact.display_name, "points": say.number(points)}
        _say(request, _("%(name)s owes nothing any more: %(points)s points were forgiven.") % words)
    return redirect("rewards:history", contact.pk)


def _history(contact: Contact) -> str:
    return reverse("rewards:history", args=[contact.pk])


def _say(request: HttpRequest, text: str) -> None:
    """Tell what was done, in the words of this kind of business."""
    messages.success(request, counted(text, request.shop.kind))


def _too_few(contact: Contact, balance: int, wanted: int) -> str:
    return _("%(name)s has %(balance)s points; %(wanted)s cannot be taken. Nothing was changed.") % {
        "name": contact.display_name,
        "balance": say.number(balance),
        "wanted": say.number(wanted),
    }


def _redeemed(contact: Contact, redemption: Redemption) -> str:
    values = {
        "name": contact.display_name,
        "points": say.number(redemption.points),
        "reward": redemption.reward.name,
        "amount": say.money(redemption.worth_minor, redemption.currency),
    }
    if redemption.worth_minor:
        return _("%(name)s redeemed %(points)s points for “%(reward)s”, worth %(amount)s.") % values
    return _("%(name)s redeemed %(points)s points for “%(reward)s”.") % values


def _sent_before(entry: Entry) -> str:
    return _(
        "This form was sent before, with %(points)s points for “%(reason)s”, and that was written. "
        "Send it again only if you want this as well."
    ) % {"points": say.number(entry.points), "reason": entry.reason}


def _adjusted(contact: Contact, points: int) -> str:
    values = {"name": contact.display_name, "points": say.number(abs(points))}
    if points > 0:
        return ngettext(
            "%(name)s was given %(points)s point.", "%(name)s was given %(points)s points.", points
        ) % values
    return ngettext(
        "%(points)s point was taken from %(name)s.", "%(points)s points were taken from %(name)s.", -points
    ) % values


def _exported(entries: QuerySet[Entry], *, language: str, zone: dt.tzinfo) -> Iterator[list]:
    """Yield the rows of an export, oldest first; read piece by piece after the request's language was left."""
    last = 0
    while True:
        with translation.override(language), timezone.override(zone):
            piece = explaining.explain(entries.filter(pk__gt=last).order_by("pk")[:EXPORTED_AT_ONCE])
            rows = [_cells(row) for row in piece]
        if not piece:
            return
        last = piece[-1].entry.pk
        yield from rows


def _cells(row: explaining.Explained) -> list:
    entry, contact = row.entry, row.entry.account.contact
    return [
        entry.pk,
        f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M}",
        contact.name if contact else "",
        contact.pk if contact else "",
        contact.email if contact else "",
        entry.points,
        Entry.Kind(entry.kind).label,
        row.order.number if row.order else "",
        row.sentence,
        f"{timezone.localtime(entry.created_at):%Y-%m-%d %H:%M}",
    ]
