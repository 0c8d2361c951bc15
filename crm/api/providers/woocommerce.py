"""WooCommerce's webhooks: orders and customers; refunds come as part of the changed order.

Signed with X-WC-Webhook-Signature, base64 of HMAC-SHA256 over the body. A new webhook first sends a greeting
(`webhook_id=1`, no JSON), which is not signed with a topic and tells nothing.
"""

from collections.abc import Mapping

from crm.api.providers import base
from crm.api.providers.base import BadSignature, Envelope, OrderTold, PersonTold, Told
from crm.contacts.matching import Person
from crm.imports.formats._woocommerce import SOURCE, is_cancelled, payment_of
from crm.orders.recording import Purchase, PurchaseLine

SLUG = "woocommerce"
GREETING = b"webhook_id="


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now) -> None:
    said = headers.get("X-Wc-Webhook-Signature", "")
    if not said:
        raise BadSignature
    base.check_base64_hmac(said, body, secret=secret)


def envelope(headers: Mapping[str, str], data) -> Envelope:
    return Envelope(headers.get("X-Wc-Webhook-Delivery-Id", "")[:200], headers.get("X-Wc-Webhook-Topic", "")[:80])


def read(topic: str, data) -> list[Told]:
    thing, _dot, what = topic.partition(".")
    if what == "deleted" or "id" not in data:
        return []
    if thing == "order":
        return [_order(data)]
    if thing == "customer":
        return [_customer(data)]
    return []


def _order(data: Mapping) -> OrderTold:
    currency = str(base.needed(data, "currency")).upper()
    word = str(data.get("status") or "")
    placed_at = _moment(data, "date_created")
    billing = data.get("billing") or {}
    customer = int(data.get("customer_id") or 0)
    changed_at = _moment(data, "date_modified") if data.get("date_modified") or data.get("date_modified_gmt") else None
    purchase = Purchase(
        source=SOURCE, number=str(data.get("number") or data["id"])[:120], placed_at=placed_at, currency=currency,
        total_minor=base.amount(base.needed(data, "total"), currency, what="total"),
        discount_minor=base.amount(data.get("discount_total"), currency, what="discount_total"),
        shipping_minor=base.amount(data.get("shipping_total"), currency, what="shipping_total"),
        tax_minor=base.amount(data.get("total_tax"), currency, what="total_tax"),
        refunded_minor=sum(
            abs(base.amount(row.get("total"), currency, what="refund")) for row in data.get("refunds") or []
        ),
        payment=payment_of(word), payment_word=word,
        cancelled_at=(changed_at or placed_at) if is_cancelled(word) else None,
        coupon_code=", ".join(str(row.get("code", "")) for row in data.get("coupon_lines") or []),
        note=str(data.get("customer_note") or ""),
        lines=[
            PurchaseLine(
                name=str(row.get("name") or ""), sku=str(row.get("sku") or ""),
                quantity=float(row.get("quantity") or 0),
                unit_price_minor=base.amount(row.get("price"), currency, what="price"),
                total_minor=base.amount(row.get("total"), currency, what="total"),
            )
            for row in data.get("line_items") or []
        ],
        person=_person(billing, key=str(customer) if customer else "", joined_at=placed_at),
    )  # fmt: skip
    return OrderTold(str(data["id"]), changed_at or placed_at, purchase)


def _customer(data: Mapping) -> PersonTold:
    billing = dict(data.get("billing") or {})
    for name in ("first_name", "last_name", "email"):
        billing[name] = data.get(name) or billing.get(name)
    joined_at = _moment(data, "date_created")
    changed = data.get("date_modified") or data.get("date_modified_gmt")
    person = _person(billing, key=str(data["id"]), joined_at=joined_at)
    person.authoritative = True
    return PersonTold(person.key, _moment(data, "date_modified") if changed else joined_at, person)


def _person(billing: Mapping, *, key: str, joined_at) -> Person:
    name = " ".join(str(billing[part]).strip() for part in ("first_name", "last_name") if billing.get(part))
    street = " ".join(str(billing[part]).strip() for part in ("address_1", "address_2") if billing.get(part))
    columns = {"company": "company", "postcode": "postcode", "city": "city", "region": "state", "country": "country"}
    return Person(
        source=SOURCE, key=key, name=name[:200], email=str(billing.get("email") or ""),
        phone=str(billing.get("phone") or ""), street=street, joined_at=joined_at,
        **{ours: str(billing.get(theirs) or "") for ours, theirs in columns.items()},
    )  # fmt: skip


def _moment(data: Mapping, name: str):
    """Read a moment: the _gmt field is the one whose zone we know."""
    return base.moment(data.get(f"{name}_gmt") or base.needed(data, name), what=name)
