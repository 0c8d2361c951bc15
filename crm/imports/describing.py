"""Put what a check found into the owner's words."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.contacts.models import Contact
from crm.imports.models import Finding
from crm.lib.templatetags import say
from crm.orders.models import Order, Product

Kind = Finding.Kind

TITLES = {  # in the order the page shows them: what may be wrong, what changes, what is new
    Kind.ORDER_DOUBLE: gettext_lazy("Orders that may be in the books already"),
    Kind.CONTACT_DOUBLE: gettext_lazy("New customers who may be known already"),
    Kind.REFUND: gettext_lazy("Refunds of orders in the books"),
    Kind.ORDER_CHANGED: gettext_lazy("Orders that change"),
    Kind.CONTACT_CHANGED: gettext_lazy("Customers that change"),
    Kind.CONSENT: gettext_lazy("Customers whose permission changes"),
    Kind.PRODUCT_CHANGED: gettext_lazy("Products that change"),
    Kind.ORDER_NEW: gettext_lazy("New orders"),
    Kind.CONTACT_NEW: gettext_lazy("New customers"),
}
_MODEL_OF = {
    Kind.ORDER_CHANGED: Order, Kind.REFUND: Order, Kind.CONTACT_CHANGED: Contact, Kind.CONSENT: Contact,
    Kind.PRODUCT_CHANGED: Product, Kind.CONTACT_DOUBLE: Contact, Kind.ORDER_DOUBLE: Order,
}  # fmt: skip
_ADDRESS_OF = {Order: "orders:detail", Contact: "contacts:detail"}
_FIELDS = {
    "total_minor": gettext_lazy("Total"), "discount_minor": gettext_lazy("Discount"),
    "shipping_minor": gettext_lazy("Shipping"), "tax_minor": gettext_lazy("Tax"),
    "refunded_minor": gettext_lazy("Given back"), "price_minor": gettext_lazy("Price"),
    "cost_minor": gettext_lazy("Cost"), "payment_word": gettext_lazy("Status at the platform"),
    "cancelled_at": gettext_lazy("Cancelled on"), "channel": gettext_lazy("Shop or channel"),
    "coupon_code": gettext_lazy("Coupon code"), "note": gettext_lazy("Note"), "contact_id": gettext_lazy("Customer"),
    "kind": gettext_lazy("Kind"), "lines": gettext_lazy("Products"), "consent": gettext_lazy("May be written to"),
    "joined_at": gettext_lazy("Customer since"), "extra": gettext_lazy("Further columns"),
    "stock": gettext_lazy("Units on hand"), "stock_at": gettext_lazy("Counted on"),
}  # fmt: skip
_WHY = {
    "phone": gettext_lazy("has the same phone number"),
    "place": gettext_lazy("has the same name and postcode"),
    "file": gettext_lazy("has the same phone number, or name and postcode, as somebody earlier in the file"),
    "order": gettext_lazy("is of the same customer, day and amount"),
}


@dataclass(slots=True)
class Line:
    """One finding as the page shows it."""

    label: str
    href: str = ""
    text: str = ""
    amount: str = ""
    other: str = ""
    other_href: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # field, before, after


def lines(findings: Iterable[Finding], *, currency: str) -> list[Line]:
    """Return findings in words; `currency` is the shop's, for prices of products."""
    findings = list(findings)
    names = _names(findings)
    return [_line(finding, names, currency) for finding in findings]


def _line(finding: Finding, names: dict[int, str], currency: str) -> Line:
    kind, said = finding.kind, finding.details
    model = _MODEL_OF.get(kind)
    line = Line(label=finding.label, href=_href(model, finding.row_id))
    currency = said.get("currency") or currency
    match kind:
        case Kind.ORDER_NEW:
            placed = say.day(dt.datetime.fromisoformat(said["placed_at"]))
            line.text = " · ".join(filter(None, [placed, said["who"], _goods(said["lines"])]))
            line.amount = say.money(said["total"], currency)
        case Kind.CONTACT_NEW:
            known = (said["email"], said["phone"], said["place"])
            line.text = " · ".join(what for what in known if what and what != finding.label)
        case Kind.ORDER_DOUBLE | Kind.CONTACT_DOUBLE:
            line.text = str(_WHY[said["why"]])
            line.other, line.other_href = said.get("other", ""), _href(model, said.get("other_id"))
            if "total" in said:
                line.amount = say.money(said["total"], currency)
        case Kind.CONSENT:
            line.changes = [_change("consent", said["before"], said["after"], currency, names)]
        case Kind.REFUND:
            line.changes = [_change("refunded_minor", said["before"], said["after"], currency, names)]
            points = -said["points"]
            if points > 0:
                line.text = ngettext(
                    "%(count)s point is taken back", "%(count)s points are taken back", points
                ) % {"count": say.number(points)}  # fmt: skip
        case _:
            line.changes = [_change(*change, currency, names) for change in said["changes"]]
    return line


def _change(name: str, before, after, currency: str, names: dict[int, str]) -> tuple[str, str, str]:
    return str(_label(name)), _said(name, before, currency, names), _said(name, after, currency, names)


def _label(name: str):
    if name in _FIELDS:
        return _FIELDS[name]
    model = next((model for model in (Contact, Order, Product) if hasattr(model, name)), Contact)
    return model._meta.get_field(name).verbose_name


def _said(name: str, value, currency: str, names: dict[int, str]) -> str:
    if value in (None, "", [], {}):
        return _("nothing")
    if name.endswith("_minor"):
        return say.money(value, currency)
    if name in ("birthday", "stock_at"):
        return say.day(dt.date.fromisoformat(value))
    if name.endswith("_at"):
        return say.moment(dt.datetime.fromisoformat(value))
    if name == "stock":
        return say.units(value)
    if name == "contact_id":
        return names.get(value) or _("a new customer")
    if name == "lines":
        return _goods(value, currency)
    choices = {"consent": Contact.ConsentState, "payment": Order.Payment, "kind": Order.Kind}
    if name in choices:
        return str(choices[name](value).label)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {what}" for key, what in value.items())
    return str(value)


def _goods(lines: list[list], currency: str = "") -> str:
    """Return the lines of an order as "2 × Rye loaf, Honey", with a currency each with its amount."""
    said = []
    for name, quantity, total in lines[:4]:
        text = f"{say.number(quantity)} × {name}" if quantity != 1 else name
        said.append(f"{text} {say.money(total, currency)}" if currency else text)
    if more := len(lines) - len(said):
        said.append(ngettext("%(count)s more", "%(count)s more", more) % {"count": say.number(more)})
    return ", ".join(said)


def _href(model, row_id: int | None) -> str:
    return reverse(_ADDRESS_OF[model], args=[row_id]) if row_id and model in _ADDRESS_OF else ""


def _names(findings: list[Finding]) -> dict[int, str]:
    """Return the names of customers whom orders move between."""
    ids = {
        value
        for finding in findings
        for name, *values in finding.details.get("changes", [])
        if name == "contact_id"
        for value in values
        if value
    }
    return {person.pk: person.display_name for person in Contact.objects.filter(pk__in=ids)} if ids else {}
