"""The pages where an order or a person is typed in, corrected, refunded, cancelled."""

from collections.abc import Mapping

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from crm.accounts.access import Right, needs
from crm.contacts import listing, matching
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.imports import intake, sent_by, typed
from crm.imports.typed_forms import (
    MAX_LINES,
    SHOWN_LINES,
    LineFormSet,
    OrderCorrectionForm,
    OrderForm,
    PersonForm,
    RefundForm,
    local_input,
    new_key,
)
from crm.lib import clock, digits
from crm.lib.money import from_minor
from crm.lib.templatetags.say import money
from crm.orders.correcting import RefundTooLarge
from crm.orders.models import Order, Product
from crm.orders.recording import Purchase, PurchaseLine
from crm.rewards.models import Referral

FOUND = 8  # customers offered for a search
DATALIST = 300  # newest products offered while typing
LINES = "lines"
NOT_TEXT = ("greeting", "birthday", "never_discount")  # of a customer's form: a Person is told these otherwise, or not
HELPERS = ("find_customer", "add_line", "recount")  # buttons that redraw the form and save nothing


def offered(words: str, chosen: str) -> list[Contact]:
    """Return the customer chosen so far and those a search means, who came last first."""
    people = []
    if digits.fits(chosen):
        people += Contact.objects.alive().filter(pk=chosen)
    if len(words.strip()) >= 2:
        found = listing.Filter({"q": words[:100]}, now=clock.now()).ordered.defer("extra")[:FOUND]
        people += [person for person in found if person not in people]
    return people


@needs(reading=Right.SERVE)
@require_GET
def pick(request: HttpRequest) -> HttpResponse:
    """Return the customers a search means, as choices for the order form."""
    words, chosen = request.GET.get("find", ""), request.GET.get("contact", "")
    context = {"words": words, "people": offered(words, chosen), "chosen": chosen}
    return render(request, "typed/_people.html", context)


# Orders


def _draw_order(
    request: HttpRequest, *, form: OrderForm, lines, order: Order | None = None, note: str = "", status: int = 200
) -> HttpResponse:
    currency = order.currency if order else request.shop.currency
    words = form["find"].value() or ""
    chosen = str(form["contact"].value() or "")
    context = {
        "form": form,
        "lines": lines,
        "order": order,
        "words": words,
        "people": offered(words, chosen),
        "chosen": chosen,
        "currency": currency,
        "products": Product.objects.filter(is_active=True).order_by("-pk").values_list("name", flat=True)[:DATALIST],
        "total": money(_rough_total(form, lines), currency),
        "note": note,
    }
    return render(request, "typed/order.html", context, status=status)


def _rough_total(form: OrderForm, lines) -> int:
    """Return the total of what can be read so far; what cannot counts as nothing."""
    total = 0
    for line_form in lines.forms:
        quantity = _readable(line_form, "quantity")
        total += round((quantity or 0) * (_readable(line_form, "unit_price") or 0))
    return max(total - (_readable(form, "discount") or 0) + (_readable(form, "shipping") or 0), 0)


def _readable(form, name: str):
    field, value = form.fields[name], form[name].value()
    try:
        return field.clean(value)
    except ValidationError:
        return None


def _again(request: HttpRequest, *, form_class, order: Order | None, currency: str, **options):
    """Return the forms as typed, without judging them yet; one line more if that was asked for."""
    raw = request.POST
    form = form_class(
        initial={name: raw[name] for name in raw if not name.startswith(f"{LINES}-")}, currency=currency, **options
    )
    count = _line_count(raw)
    kept = [
        {name: raw.get(f"{LINES}-{index}-{name}", "") for name in ("position", "name", "quantity", "unit_price")}
        for index in range(count)
    ]
    extra = [{}] if "add_line" in raw and count < MAX_LINES else []
    return form, LineFormSet(initial=kept + extra, prefix=LINES, form_kwargs={"currency": currency})


def _line_count(raw: Mapping) -> int:
    return min(digits.read(raw.get(f"{LINES}-TOTAL_FORMS")) or 0, MAX_LINES)


def _is_helper(request: HttpRequest) -> bool:
    return any(name in request.POST for name in HELPERS)


def _prices(names: set[str], currency: str, shop_currency: str) -> dict[str, int]:
    """Return the usual price of products by name; prices are kept in the shop's currency only."""
    if not names or currency != shop_currency:
        return {}
    known = Product.objects.filter(name__in=names, price_minor__isnull=False)
    return dict(known.order_by("-is_active", "-pk").values_list("name", "price_minor"))


def _lines(lines, *, currency: str, shop_currency: str, order: Order | None = None) -> list[PurchaseLine]:
    """Return the lines that were typed. An imported line left as it was keeps its own total and SKU."""
    typed_lines = [form.cleaned_data for form in lines.forms if not form.is_blank]
    missing = {line["name"] for line in typed_lines if line.get("unit_price") is None}
    prices = _prices(missing, currency, shop_currency)
    held = {line.position: line for line in order.lines.all()} if order else {}
    result = []
    for line in typed_lines:
        price = line["unit_price"] if line.get("unit_price") is not None else prices.get(line["name"], 0)
        old = held.get(line.get("position"))
        same_product = bool(old) and old.name == line["name"]
        if same_product and old.unit_price_minor == price and old.quantity == float(line["quantity"]):
            result.append(
                PurchaseLine(
                    name=old.name,
                    sku=old.sku,
                    quantity=old.quantity,
                    unit_price_minor=price,
                    total_minor=old.total_minor,
                )
            )
            continue
        sku = old.sku if same_product else ""
        result.append(typed.line(name=line["name"], quantity=line["quantity"], unit_price_minor=price, sku=sku))
    return result


def _person(cleaned: dict, key: str) -> Person | None:
    if not any(cleaned[name] for name in ("new_name", "new_email", "new_phone")):
        return None
    return Person(
        source=typed.SOURCE, key=key, name=cleaned["new_name"], email=cleaned["new_email"], phone=cleaned["new_phone"]
    )


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def order_new(request: HttpRequest) -> HttpResponse:
    """Type in an order; sent twice, it is one."""
    currency = request.shop.currency
    kwargs = {"prefix": LINES, "form_kwargs": {"currency": currency}}
    if request.method == "GET":
        initial = {
            "form_key": new_key(),
            "placed_at": local_input(clock.now()),
            "contact": request.GET.get("contact", ""),
            "find": request.GET.get("find", ""),
        }
        form = OrderForm(initial=initial, currency=currency)
        return _draw_order(request, form=form, lines=LineFormSet(initial=[{}] * SHOWN_LINES, **kwargs))
    if _is_helper(request):
        form, lines = _again(request, form_class=OrderForm, order=None, currency=currency)
        return _draw_order(request, form=form, lines=lines)
    form, lines = OrderForm(request.POST, currency=currency), LineFormSet(request.POST, **kwargs)
    if all([form.is_valid(), lines.is_valid()]):
        cleaned = form.cleaned_data
        bought = _lines(lines, currency=currency, shop_currency=currency)
        discount, shipping = cleaned["discount"] or 0, cleaned["shipping"] or 0
        total = sum(line.total_minor for line in bought) - discount + shipping
        if not bought:
            form.add_error(None, _("Type at least one product."))
        elif total < 0:
            form.add_error("discount", _("The discount is larger than the order."))
        else:
            purchase = Purchase(
                source=typed.SOURCE,
                number="",
                placed_at=cleaned["placed_at"],
                currency=currency,
                total_minor=total,
                discount_minor=discount,
                shipping_minor=shipping,
                payment=cleaned["payment"],
                note=cleaned["note"],
                lines=bought,
                contact_id=cleaned["contact"].pk if cleaned["contact"] else None,
                person=_person(cleaned, cleaned["form_key"]),
            )
            order_id = typed.new_order(purchase, form_key=cleaned["form_key"], now=clock.now())
            if order_id is None:
                messages.error(request, _("This order was saved before and is not there any more."))
                return redirect("orders:list")
            messages.success(request, _("The order is saved."))
            return redirect("orders:detail", order_id)
    return _draw_order(request, form=form, lines=lines, status=422)


def _sale(pk: int) -> Order:
    return get_object_or_404(Order.objects.select_related("contact"), pk=pk, kind=Order.Kind.SALE)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def order_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct an order; answer 409 when it changed after the form was drawn."""
    order = _sale(pk)
    options = {"currency": order.currency, "current_payment": order.payment}
    kwargs = {"prefix": LINES, "form_kwargs": {"currency": order.currency}}
    if request.method == "GET":
        initial = {
            "form_key": new_key(),
            "version": order.version,
            "contact": order.contact_id or "",
            "placed_at": local_input(order.placed_at),
            "payment": order.payment,
            "discount": order.discount_minor or None,
            "shipping": order.shipping_minor or None,
            "note": order.note,
        }
        held = [
            {
                "position": line.position,
                "name": line.name,
                "quantity": f"{line.quantity:.3f}".rstrip("0").rstrip("."),
                "unit_price": from_minor(line.unit_price_minor, order.currency),
            }
            for line in order.lines.order_by("position")
        ]
        form = OrderCorrectionForm(initial=initial, **options)
        return _draw_order(request, form=form, lines=LineFormSet(initial=[*held, {}], **kwargs), order=order)
    if _is_helper(request):
        form, lines = _again(request, form_class=OrderCorrectionForm, order=order, **options)
        return _draw_order(request, form=form, lines=lines, order=order)
    form, lines = OrderCorrectionForm(request.POST, **options), LineFormSet(request.POST, **kwargs)
    note, status = "", 422
    if all([form.is_valid(), lines.is_valid()]):
        cleaned = form.cleaned_data
        is_settled = cleaned["payment"] in (Order.Payment.REFUNDED, Order.Payment.PARTLY_REFUNDED)
        correction = typed.Correction(
            placed_at=_kept_moment(order, cleaned["placed_at"]),
            payment=Order.Payment.PAID if is_settled else cleaned["payment"],
            lines=_lines(lines, currency=order.currency, shop_currency=request.shop.currency, order=order),
            discount_minor=cleaned["discount"] or 0,
            shipping_minor=cleaned["shipping"] or 0,
            note=cleaned["note"],
            contact_id=cleaned["contact"].pk if cleaned["contact"] else None,
            person=_person(cleaned, cleaned["form_key"]),
        )
        try:
            typed.correct_order(pk, version=cleaned["version"], correction=correction, now=clock.now())
        except typed.ChangedMeanwhile:
            note = _("This order was changed while you were typing. What you typed is below; save again to keep it.")
            data = request.POST.copy()
            data["version"] = _sale(pk).version
            form, status = OrderCorrectionForm(data, **options), 409
        except typed.LessThanRefunded as too_little:
            text = _("%(amount)s were given back already; the order cannot be worth less.")
            form.add_error(None, text % {"amount": money(too_little.refunded_minor, order.currency)})
        else:
            messages.success(request, _("The order is corrected, and its points with it."))
            return redirect(order)
    return _draw_order(request, form=form, lines=lines, order=order, note=note, status=status)


def _kept_moment(order: Order, moment):
    """Return the order's own moment where the form only lost its seconds."""
    return order.placed_at if local_input(order.placed_at) == local_input(moment) else moment


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def order_refund(request: HttpRequest, pk: int) -> HttpResponse:
    """Give money back on an order, and take the points for it back; sent twice, it is one refund."""
    order = _sale(pk)
    options = {"currency": order.currency, "left_minor": order.total_minor - order.refunded_minor}
    if request.method == "GET":
        form = RefundForm(initial={"form_key": new_key()}, **options)
        return render(request, "typed/refund.html", {"order": order, "form": form})
    if order.refunds.filter(key=f"typed:{request.POST.get('form_key', '')}").exists():
        return redirect(order)  # sent twice
    form = RefundForm(request.POST, **options)
    if order.cancelled_at or not order.counts:
        form.add_error(None, _("This order counts for nothing, so there is nothing to give back."))
    if form.is_valid():
        cleaned, now = form.cleaned_data, clock.now()
        try:
            intake.take_refund(
                pk,
                amount_minor=cleaned["amount"],
                key=f"typed:{cleaned['form_key']}",
                at=now,
                now=now,
                reason=cleaned["reason"],
            )
        except RefundTooLarge as too_large:
            text = _("Only %(amount)s are left to give back.")
            form.add_error("amount", text % {"amount": money(too_large.left_minor, order.currency)})
        else:
            text = _("%(amount)s noted as given back. The points for it are taken back too.")
            messages.success(request, text % {"amount": money(cleaned["amount"], order.currency)})
            return redirect(order)
    return render(request, "typed/refund.html", {"order": order, "form": form}, status=422)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def order_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then cancel an order and take its points back."""
    order = _sale(pk)
    if request.method == "GET":
        return render(request, "typed/cancel.html", {"order": order})
    now = clock.now()
    if typed.cancel_order(pk, now=now):
        messages.success(
            request,
            _("The order is cancelled. Its points are taken back; points and coupons used for it are given back."),
        )
    return redirect(order)


# People


def _alike(cleaned: dict) -> tuple[list[Contact], bool]:
    """Return who is there already with this e-mail or phone, and whether it is the e-mail."""
    keys = matching.key_columns(
        email=cleaned.get("email") or "", phone=cleaned.get("phone") or "", country=cleaned.get("country") or ""
    )
    alike = Q()
    if keys["email_key"]:
        alike |= Q(email_key=keys["email_key"])
    if keys["phone_key"]:
        alike |= Q(phone_key=keys["phone_key"])
    if not alike:
        return [], False
    people = list(Contact.objects.alive().filter(alike).order_by("pk")[:5])
    return people, any(keys["email_key"] and person.email_key == keys["email_key"] for person in people)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def contact_new(request: HttpRequest) -> HttpResponse:
    """Type in a customer; somebody with the same e-mail or phone is offered instead."""
    if request.method == "GET":
        said = {"name": request.GET.get("name", "")[:200], "email": request.GET.get("email", "")[:254]}
        form = PersonForm(initial={"form_key": new_key()} | said)
        return render(request, "typed/contact.html", {"form": form})
    form = PersonForm(request.POST)
    alike, same_email = [], False
    if form.is_valid():
        cleaned = form.cleaned_data
        if sent := Contact.objects.alive().filter(keys__source=typed.SOURCE, keys__value=cleaned["form_key"]).first():
            return redirect(sent)  # sent twice
        alike, same_email = _alike(cleaned)
        if not alike or (cleaned["anyway"] and not same_email):
            person = Person(
                source=typed.SOURCE,
                **{name: cleaned[name] for name in PersonForm.Meta.fields if name not in NOT_TEXT},
                birthday=cleaned["birthday"],
                tags=cleaned["tags"],
                consent="yes" if cleaned["consent"] else "",
                consent_detail=cleaned["consent_detail"],
            )
            now = clock.now()
            with transaction.atomic():
                contact_id = typed.new_person(
                    person, form_key=cleaned["form_key"], greeting=cleaned["greeting"], apart=bool(alike), now=now
                )
                who, via = cleaned["sent_by"], Referral.Via.TYPED
                why = sent_by.refused(contact_id, advocate=who, via=via, now=now)
            contact = Contact.objects.get(pk=contact_id)
            messages.success(request, _("%(name)s is added.") % {"name": contact.display_name})
            if why:
                messages.warning(request, why)
            if cleaned["consent"] and contact.consent != Contact.ConsentState.YES:
                text = _("This address once asked not to be written to, so the yes was not taken over.")
                messages.warning(request, text)
            return redirect(contact)
    context = {"form": form, "alike": alike, "same_email": same_email}
    return render(request, "typed/contact.html", context, status=422)
