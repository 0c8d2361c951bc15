"""The Loyalty pages: what points are out there, the rules that give them, and every customer's history."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm.contacts.models import Contact
from crm.lib import clock, csvio, hints
from crm.lib.templatetags import say
from crm.rewards import auditing, explaining, holding, ledger, redeeming, rule_changing, tasks, tiers
from crm.rewards.forms import AdjustForm, EndForm, ProgrammeForm, RedeemForm, RewardForm, new_key
from crm.rewards.models import Account, Entry, Programme, Redemption, Reward, Rule
from crm.rewards.rules import JOINING, ORDER, RULES, read_terms, say_terms
from crm.rewards.rules import Rule as Kind
from crm.rewards.rules.base import RuleForm

DAYS = 30
TOP = 10
PER_PAGE = 50
EXPORTED_AT_ONCE = 2_000
EXPORTED = (
    "points", "kind", "reason", "order_ref", "rule_id", "basis_minor", "at", "created_at", "account__contact__name",
    "account__contact__email",
)  # fmt: skip


@dataclass(frozen=True)
class RuleShown:
    rule: Rule
    kind: Kind
    says: str
    conditions: list[str]
    has_begun: bool
    has_ended: bool
    is_catching_up: bool

    @property
    def is_in_force(self) -> bool:
        return self.has_begun and not self.has_ended


def home(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    since, _until = clock.day_bounds(today - dt.timedelta(days=DAYS - 1), request.shop.timezone)
    rules = [_shown(rule, today) for rule in Rule.objects.order_by("-starts_on", "-pk")]
    moved = Entry.objects.filter(at__gte=since).aggregate(
        given=Sum("points", filter=Q(points__gt=0)), taken=Sum("points", filter=Q(points__lt=0))
    )
    held = Account.objects.aggregate(
        points=Sum("balance", filter=Q(balance__gt=0)),
        pending=Sum("pending"),
        holders=Count("pk", filter=Q(balance__gt=0)),
        owed=Sum("debt"),
        debtors=Count("pk", filter=Q(debt__gt=0)),
    )
    top = Contact.objects.filter(points_balance__gt=0).order_by("-points_balance", "-pk")[:TOP]
    context = {
        "today": today,
        "since": since,
        "in_force": [shown for shown in rules if not shown.has_ended],
        "past": [shown for shown in rules if shown.has_ended],
        "is_catching_up": any(shown.is_catching_up for shown in rules),
        "given": moved["given"] or 0,
        "taken": -(moved["taken"] or 0),
        "held": held,
        "top": top,
        "levels": tiers.counts(now=now),
        "owing": Contact.objects.filter(points_balance__lt=0).order_by("points_balance", "pk")[:TOP],
        "rewards": Reward.objects.filter(is_active=True).order_by("points", "pk"),
        "programme": Programme.current(),
        "audit": auditing.latest(),
        "is_auditing": auditing.is_asked_for(),
    }
    return render(request, "rewards/home.html", context)


def rule_new(request: HttpRequest) -> HttpResponse:
    slug = request.POST.get("kind") or request.GET.get("kind", "")
    kind = RULES.get(slug)
    if kind is None:
        return render(request, "rewards/rule_kinds.html", {"kinds": RULES.values()})
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    if request.method != "POST":
        form = kind.form(currency=request.shop.currency, initial=_first_values(request, kind, today))
        return render(request, "rewards/rule_form.html", {"form": form, "kind": kind})

    form = kind.form(request.POST, currency=request.shop.currency)
    if form.is_valid():
        rule = {
            "kind": slug,
            "params": form.stored(),
            "starts_on": form.cleaned_data["starts_on"],
            "ends_on": form.cleaned_data.get("ends_on"),
        }
        try:
            replaced = rule_changing.replaced_by(**rule, today=today)
            asks = replaced is not None or rule["starts_on"] < today or slug == tiers.KIND
            if rule["starts_on"] < today and not kind.may_start_in_past:
                raise rule_changing.StartsTooEarly
            if asks and "confirmed" not in request.POST:
                return _confirm(request, kind, form, rule, replaced, now=now)
            rule_changing.start(**rule, now=now)
        except rule_changing.RuleOverlaps as overlap:
            form.add_error("starts_on", _overlap(overlap.rule, kind))
        except rule_changing.StartsTooEarly:
            form.add_error("starts_on", _("Choose today or a later day: nobody held a level before."))
        else:
            hints.hint(tasks.catch_up)
            messages.success(request, _("The rule is set: %(rule)s.") % {"rule": kind.says(kind.read(rule["params"]))})
            return redirect("rewards:home")
    return render(request, "rewards/rule_form.html", {"form": form, "kind": kind}, status=422)


@require_POST
def rule_usual(request: HttpRequest) -> HttpResponse:
    try:
        rule_changing.start_the_usual(now=clock.now())
    except rule_changing.RuleOverlaps:
        messages.info(request, _("There are rules already; nothing was changed."))
    else:
        hints.hint(tasks.catch_up)
        messages.success(request, _("From today on, orders earn points and new customers get a welcome gift."))
    return redirect("rewards:home")


def rule_end(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    shown = _shown(rule, today)
    if not shown.is_in_force:
        messages.info(request, _("This rule is not in force; nothing was changed."))
        return redirect("rewards:home")
    form = EndForm(request.POST or None, initial={"ends_on": today.isoformat()})
    if request.method == "POST" and form.is_valid():
        try:
            rule_changing.end(pk, ends_on=form.cleaned_data["ends_on"], now=now)
        except rule_changing.EndsTooEarly:
            form.add_error("ends_on", _("Choose today or a later day: what was given stays given."))
        except rule_changing.NotInForce:
            messages.info(request, _("This rule is not in force; nothing was changed."))
            return redirect("rewards:home")
        else:
            hints.hint(tasks.catch_up)
            last_day = say.day(form.cleaned_data["ends_on"])
            messages.success(request, _("The rule ends. Its last day is %(date)s.") % {"date": last_day})
            return redirect("rewards:home")
    return render(request, "rewards/rule_end.html", {"form": form, "shown": shown}, status=422 if form.errors else 200)


@require_POST
def rule_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Rule, pk=pk)
    try:
        rule_changing.withdraw(pk, now=clock.now())
    except rule_changing.NotInForce:
        messages.error(request, _("This rule has begun: end it instead. Nothing was changed."))
    else:
        messages.success(request, _("The rule was removed before it began."))
    return redirect("rewards:home")


def adjust(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    form = AdjustForm(request.POST or None, initial={"key": new_key()})
    if request.method == "POST" and form.is_valid():
        points = form.cleaned_data["points"]
        try:
            ledger.adjust(
                contact.pk,
                points=points,
                reason=form.cleaned_data["reason"],
                key=form.cleaned_data["key"],
                now=clock.now(),
            )
        except ledger.NotEnoughPoints as refusal:
            form.add_error("points", _too_few(contact, refusal.balance, -points))
        except ledger.KeyUsedDifferently as refusal:
            form = AdjustForm({**request.POST.dict(), "key": new_key()})
            form.full_clean()
            form.add_error(None, _sent_before(refusal.entry))
        else:
            messages.success(request, _adjusted(contact, points))
            return redirect("rewards:history", contact.pk)
    context = {"contact": contact, "form": form, "balance": ledger.balance(contact.pk)}
    return render(request, "rewards/adjust.html", context, status=422 if form.errors else 200)


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
    entries = Entry.objects.select_related("account__contact").only(*EXPORTED)
    name = "points.csv"
    if contact_id is not None:
        contact = get_object_or_404(Contact, pk=contact_id)
        entries, name = entries.filter(account__contact=contact), f"points-{contact.pk}.csv"
    header = [
        _("Entry"), _("Date"), _("Customer"), _("Customer number"), _("E-mail"), _("Points"), _("Kind"),
        _("Order"), _("Why"), _("Written"),
    ]  # fmt: skip
    rows = _exported(entries, language=translation.get_language(), zone=timezone.get_current_timezone())
    return csvio.download(name, header, rows)


def redeem(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    currency = request.shop.currency
    form = RedeemForm(request.POST or None, currency=currency, initial={"key": new_key()})
    if request.method == "POST" and form.is_valid():
        wish = form.cleaned_data
        try:
            redeemed = redeeming.redeem(
                contact.pk,
                reward=wish["reward"],
                points=wish["points"],
                order_minor=wish["order"],
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
            form = RedeemForm({**request.POST.dict(), "key": new_key()}, currency=currency)
            form.full_clean()
            form.add_error(None, _("This form was sent before with something else. Send it again if you want both."))
        else:
            messages.success(request, _redeemed(contact, redeemed))
            return redirect("rewards:history", contact.pk)
    context = {"contact": contact, "form": form, "offers": redeeming.offers(contact.pk)}
    context["balance"] = ledger.balance(contact.pk)
    return render(request, "rewards/redeem.html", context, status=422 if form.errors else 200)


@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    redemption = get_object_or_404(Redemption.objects.select_related("account"), pk=pk)
    redeeming.roll_back(redemption.key, now=clock.now())
    points = say.number(redemption.points)
    messages.success(request, _("The redemption was undone, %(points)s points were given back.") % {"points": points})
    if redemption.account.contact_id is None:
        return redirect("rewards:home")
    return redirect("rewards:history", redemption.account.contact_id)


@require_POST
def forgive(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=contact_id)
    points = ledger.forgive(contact.pk, now=clock.now())
    if points:
        words = {"name": contact.display_name, "points": say.number(points)}
        messages.success(request, _("%(name)s owes nothing any more: %(points)s points were forgiven.") % words)
    return redirect("rewards:history", contact.pk)


def reward_new(request: HttpRequest) -> HttpResponse:
    form = RewardForm(request.POST or None, currency=request.shop.currency)
    if request.method == "POST" and form.is_valid():
        reward = form.save()
        messages.success(request, _("Points can now be redeemed for “%(name)s”.") % {"name": reward.name})
        return redirect(reverse("rewards:home") + "#rewards")
    return render(request, "rewards/reward_form.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def reward_stop(request: HttpRequest, pk: int) -> HttpResponse:
    reward = get_object_or_404(Reward, pk=pk)
    Reward.objects.filter(pk=pk).update(is_active=False)
    name = {"name": reward.name}
    messages.success(request, _("“%(name)s” is not on offer any more. What was redeemed stays.") % name)
    return redirect(reverse("rewards:home") + "#rewards")


def programme(request: HttpRequest) -> HttpResponse:
    form = ProgrammeForm(request.POST or None, instance=Programme.current())
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. It holds from now on for all points."))
        return redirect("rewards:home")
    return render(request, "rewards/programme.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def audit(request: HttpRequest) -> HttpResponse:
    auditing.ask(now=clock.now())
    hints.hint(tasks.audit)
    return redirect(reverse("rewards:home") + "#books")


def _shown(rule: Rule, today: dt.date) -> RuleShown:
    kind = RULES[rule.kind]
    params = kind.read(rule.params)
    return RuleShown(
        rule=rule,
        kind=kind,
        says=kind.says(params),
        conditions=[*kind.conditions(params), *say_terms(read_terms(rule.params))],
        has_begun=rule.starts_on <= today,
        has_ended=rule.ends_on is not None and rule.ends_on < today,
        is_catching_up=rule.catch_up_from is not None and rule.catch_up_from <= today,
    )


def _first_values(request: HttpRequest, kind: Kind, today: dt.date) -> dict:
    """Return what a new rule's form shows first: what the address says, else the usual, from a day that is free.

    Levels begin with those in force, because the new ones take their place.
    """
    standing = Rule.objects.filter(Q(ends_on=None) | Q(ends_on__gte=today), kind=kind.slug).order_by("starts_on").last()
    starts_on = today + dt.timedelta(days=1) if standing else today
    params = standing.params if standing and kind.slug == tiers.KIND else kind.starter(currency=request.shop.currency)
    usual = kind.form.shown(params, currency=request.shop.currency)
    return usual | {"starts_on": starts_on.isoformat()} | {k: v for k, v in request.GET.items() if k != "kind"}


def _confirm(
    request: HttpRequest, kind: Kind, form: RuleForm, rule: dict, replaced: Rule | None, *, now: dt.datetime
) -> HttpResponse:
    today = clock.local_date(now, request.shop.timezone)
    is_made_up_for = kind.occasion in (ORDER, JOINING)
    back = request.POST.copy()
    back.pop("csrfmiddlewaretoken", None)
    context = {
        "kind": kind,
        "form": form,
        "starts_on": rule["starts_on"],
        "says": kind.says(kind.read(rule["params"])),
        "ends_on": rule["ends_on"],
        "conditions": [*kind.conditions(kind.read(rule["params"])), *say_terms(read_terms(rule["params"]))],
        "replaced": replaced and _shown(replaced, today),
        "replaced_until": rule["starts_on"] - dt.timedelta(days=1),
        "preview": rule_changing.preview(**rule, now=now) if rule["starts_on"] < today and is_made_up_for else None,
        "standing": _standing_on(rule["params"], now=now) if kind.slug == tiers.KIND else [],
        "back": f"{reverse('rewards:rule_new')}?{back.urlencode()}",
    }
    return render(request, "rewards/rule_confirm.html", context)


def _standing_on(params: dict, *, now: dt.datetime) -> list[tuple[str, int]]:
    return [(level.name, people) for level, people in tiers.preview(params, now=now)]


def _overlap(rule: Rule, kind: Kind) -> str:
    values = {"rule": kind.says(kind.read(rule.params)), "start": say.day(rule.starts_on), "end": say.day(rule.ends_on)}
    if rule.ends_on is None:
        return _(
            "“%(rule)s” covers these days, since %(start)s. Choose a day after today, and it will end before."
        ) % values
    return _("“%(rule)s” covers days from %(start)s to %(end)s. Choose a later day.") % values


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
