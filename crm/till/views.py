"""The till: find the customer, add a purchase, say what it earned."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.accounts import wording
from crm.accounts.access import Right, needs
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.coupons import redeeming as coupons
from crm.imports import sent_by, typed
from crm.imports.typed_forms import new_key
from crm.lib import clock
from crm.lib.templatetags import say
from crm.rewards import holding, ledger
from crm.rewards import redeeming as rewards
from crm.rewards.models import Referral
from crm.till import finding, selling
from crm.till.forms import NewCustomerForm, SaleForm


@needs(reading=Right.SERVE)
@require_GET
def counter(request: HttpRequest) -> HttpResponse:
    """Find who stands at the counter; lead straight to them where only one person is meant."""
    words = request.GET.get("q", "").strip()[:200]
    found = finding.find(words, now=clock.now()) if words else finding.Found()
    if found.only:
        query = "?" + urlencode({"codes": found.codes}) if found.codes else ""
        return redirect(reverse("till:customer", args=[found.only.pk]) + query)
    new = {"phone" if words.strip("+()-/. 0123456789") == "" else "name": words}
    context = {"words": words, "found": found, "latest": [] if words else finding.latest()}
    return render(request, "till/counter.html", context | {"new_query": urlencode(new) if words else ""})


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a purchase; what comes off is shown before anything is done."""
    contact = get_object_or_404(Contact.objects.alive(), pk=pk)
    options = {
        "currency": request.shop.currency,
        "offers": [offer for offer in rewards.offers(contact.pk) if offer.is_possible],
        "say_points": lambda text: wording.counted(text, request.shop.kind),
    }
    if request.method == "GET":
        form = SaleForm(initial={"form_key": new_key(), "codes": request.GET.get("codes", "")[:250]}, **options)
        return _draw(request, contact, form)
    form, now = SaleForm(request.POST, **options), clock.now()
    if not form.is_valid():
        return _draw(request, contact, form, status=422)
    cleaned = form.cleaned_data
    wish = selling.Wish(
        contact_id=contact.pk, amount_minor=cleaned["amount"], codes=cleaned["codes"], reward=cleaned["reward"],
        points=cleaned["points"], note=cleaned["note"],
    )  # fmt: skip
    try:
        order_id = selling.sell(wish, form_key=cleaned["form_key"], agreed_minor=_agreed(request, form, wish), now=now)
    except selling.PriceChanged as changed:
        return _draw(
            request, contact, _again(request, options, agreed=changed.price.to_pay_minor), price=changed.price
        )
    except selling.Gone:
        messages.error(request, _("This purchase was saved before and was removed since. Nothing was added."))
        return redirect("till:customer", contact.pk)
    except (selling.SoldDifferently, coupons.KeyUsedDifferently, rewards.KeyUsedDifferently, rewards.RolledBack):
        form = _again(request, options, form_key=new_key(), agreed="")
        form.add_error(None, _("This form was sent before with something else on it. Send it again to add this too."))
    except ValueError as refusal:
        form.add_error(*_said(refusal, wish, request.shop.kind))
    else:
        return redirect(reverse("till:done", args=[contact.pk, order_id]))
    return _draw(request, contact, form, status=422)


@needs(reading=Right.SERVE)
@require_GET
def done(request: HttpRequest, pk: int, order_id: int) -> HttpResponse:
    """Say what a purchase earned and used."""
    contact = get_object_or_404(Contact.objects.alive(), pk=pk)
    receipt = selling.receipt(order_id, contact_id=contact.pk)
    if receipt is None:
        return redirect("till:customer", contact.pk)
    context = {"contact": contact, "receipt": receipt, "standing": holding.of(contact.pk)}
    return render(request, "till/done.html", context)


@needs(writing=Right.SERVE)
@require_POST
def undo(request: HttpRequest, pk: int, order_id: int) -> HttpResponse:
    """Take a purchase back, with its points and coupons."""
    if selling.receipt(order_id, contact_id=pk):
        typed.cancel_order(order_id, now=clock.now())
        messages.success(request, _("The purchase is undone. Points and coupons are as they were before."))
    return redirect("till:customer", pk)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Add a customer by name and phone; whoever has the number already is offered first."""
    if request.method == "GET":
        said = {name: request.GET.get(name, "")[:200] for name in ("name", "phone")}
        return render(request, "till/new.html", {"form": NewCustomerForm(initial={"form_key": new_key(), **said})})
    form, alike = NewCustomerForm(request.POST), []
    if form.is_valid():
        cleaned = form.cleaned_data
        if sent := Contact.objects.alive().filter(
            keys__source=typed.SOURCE, keys__value=cleaned["form_key"]
        ).first():  # fmt: skip
            return redirect("till:customer", sent.pk)
        alike = finding.with_phone(cleaned["phone"])
        if not alike or "anyway" in request.POST:
            person = Person(source=typed.SOURCE, name=cleaned["name"], phone=cleaned["phone"])
            now, who, apart = clock.now(), cleaned["sent_by"], bool(alike)
            with transaction.atomic():
                contact_id = typed.new_person(person, form_key=cleaned["form_key"], apart=apart, now=now)
                why = sent_by.refused(contact_id, advocate=who, via=Referral.Via.TILL, now=now)
            if why:
                messages.warning(request, why)
            return redirect("till:customer", contact_id)
    return render(request, "till/new.html", {"form": form, "alike": alike}, status=422)


def _draw(request: HttpRequest, contact: Contact, form: SaleForm, *, price=None, status: int = 200) -> HttpResponse:
    context = {"contact": contact, "form": form, "price": price, "standing": holding.of(contact.pk)}
    return render(request, "till/customer.html", context, status=status)


def _again(request: HttpRequest, options: dict, **changed) -> SaleForm:
    """Return the form as it was typed, with something of ours changed."""
    form = SaleForm(request.POST.dict() | changed, **options)
    form.full_clean()
    return form


def _agreed(request: HttpRequest, form: SaleForm, wish: selling.Wish) -> int | None:
    """Return what both agreed is to pay: what was shown before, or the plain amount; None if it is to be shown."""
    if "again" in request.POST:
        return None
    return wish.amount_minor if wish.is_plain else form.cleaned_data["agreed"]


def _said(refusal: ValueError, wish: selling.Wish, kind: str) -> tuple[str | None, str]:
    """Return the field a refusal is about, and the sentence that says why."""
    match refusal:
        case coupons.Refused():
            return "codes", refusal.sentence
        case ledger.NotEnoughPoints():
            field, text = "points", _("They can spend %(points)s points now. Nothing was added.")
            figure = refusal.balance
        case rewards.BelowLeast():
            field, text = "points", _("At least %(points)s points are needed for this. Nothing was added.")
            figure = refusal.least
        case rewards.AboveMost():
            field, text = "points", _("At most %(points)s points may be used on this amount. Nothing was added.")
            figure = refusal.most
        case rewards.NotOffered():
            return "reward", _("This is not on offer any more. Nothing was added.")
        case _other:
            raise refusal
    return field, wording.counted(text % {"points": say.number(figure)}, kind)
