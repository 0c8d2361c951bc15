"""Shopify's webhooks: orders, customers, refunds. Numbers and ids are those of its CSV exports, so that both meet.

Signed with X-Shopify-Hmac-Sha256, base64 of HMAC-SHA256 over the body. X-Shopify-Event-Id is the same for every
delivery of one event; X-Shopify-Webhook-Id stands in for it where it is missing. The three compliance topics
(customers/redact, customers/data_request, shop/redact) ask the owner; nothing is erased or handed over unasked.
"""

from collections.abc import Mapping, Sequence

from crm.api.providers import base
from crm.api.providers.base import BadSignature, Envelope, OrderTold, PersonTold, RefundTold, Told, WishTold
from crm.contacts.matching import Person
from crm.orders.recording import Purchase, PurchaseLine

SLUG = "shopify"
GREETING = b""
SOURCE = "shopify"
_PAYMENT = {
    "paid": "paid", "partially_refunded": "partly_refunded", "refunded": "refunded", "partially_paid": "partly_paid",
    "pending": "unpaid", "authorized": "unpaid", "voided": "unpaid", "expired": "unpaid",
}  # fmt: skip
_NO_NEWS = {  # of something gone, or of another shape: what changed comes as an update as well
    "orders/delete", "orders/edited", "orders/risk_assessment_changed", "orders/link_requested",
    "orders/shopify_protect_eligibility_changed", "customers/delete", "customers/merge",
    "customers/purchasing_summary",
}  # fmt: skip
_WISHES = {"customers/redact": "erase", "customers/data_request": "copy", "shop/redact": "shop"}
_CONSENT = {"subscribed": "yes", "unsubscribed": "no", "redacted": "no"}


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now) -> None:
    said = headers.get("X-Shopify-Hmac-Sha256", "")
    if not said:
        raise BadSignature
    base.check_base64_hmac(said, body, secret=secret)


def envelope(headers: Mapping[str, str], data) -> Envelope:
    event_id = headers.get("X-Shopify-Event-Id") or headers.get("X-Shopify-Webhook-Id") or ""
    return Envelope(event_id[:200], headers.get("X-Shopify-Topic", "")[:80])


def read(topic: str, data) -> list[Told]:
    thing = topic.partition("/")[0]
    if topic in _NO_NEWS:
        return []
    if topic in _WISHES:
        customer = data.get("customer") or {}
        return [WishTold(_WISHES[topic], SOURCE, str(customer.get("id") or ""), str(customer.get("email") or ""))]
    if thing == "orders":
        return [_order(data)]
    if thing == "customers":
        return [_customer(data)]
    if thing == "refunds":
        return _refunds([data])
    return []


def _order(data: Mapping) -> OrderTold:
    currency = str(base.needed(data, "currency")).upper()
    placed_at = base.moment(base.needed(data, "created_at"), what="created_at")
    cancelled = data.get("cancelled_at")
    shipping = sum(base.amount(row.get("price"), currency, what="shipping") for row in data.get("shipping_lines") or [])
    word = str(data.get("financial_status") or "")
    changed_at = data.get("updated_at") or data["created_at"]
    of_this = {"order_id": data.get("id"), "created_at": changed_at}
    refunds = _refunds([of_this | refund for refund in data.get("refunds") or []])
    purchase = Purchase(
        source=SOURCE, number=str(base.needed(data, "name"))[:120], placed_at=placed_at, currency=currency,
        total_minor=base.amount(base.needed(data, "total_price"), currency, what="total_price"),
        discount_minor=base.amount(data.get("total_discounts"), currency, what="total_discounts"),
        shipping_minor=shipping, tax_minor=base.amount(data.get("total_tax"), currency, what="total_tax"),
        payment=_PAYMENT.get(word, "unknown") if word else "unpaid", payment_word=word,
        cancelled_at=base.moment(cancelled, what="cancelled_at") if cancelled else None,
        channel=str(data.get("source_name") or ""),
        coupon_code=", ".join(str(code.get("code", "")) for code in data.get("discount_codes") or []),
        note=str(data.get("note") or ""),
        lines=[_line(row, currency) for row in data.get("line_items") or []],
        person=_buyer(data, placed_at),
    )  # fmt: skip
    told_at = base.moment(changed_at, what="updated_at")
    return OrderTold(str(base.needed(data, "id")), told_at, purchase, tuple(refunds))


def _line(row: Mapping, currency: str) -> PurchaseLine:
    quantity, price = float(row.get("quantity") or 0), base.amount(row.get("price"), currency, what="price")
    discount = sum(
        base.amount(part.get("amount"), currency, what="discount") for part in row.get("discount_allocations") or []
    )
    title, variant = str(row.get("title") or ""), str(row.get("variant_title") or "")
    name = str(row.get("name") or (f"{title} - {variant}" if variant else title))
    return PurchaseLine(
        name=name, sku=str(row.get("sku") or ""), quantity=quantity, unit_price_minor=price,
        total_minor=round(quantity * price) - discount, category=str(row.get("vendor") or ""),
    )  # fmt: skip


def _buyer(data: Mapping, placed_at) -> Person | None:
    """Return the buyer as the CSV export names one; an unticked marketing box is no answer."""
    customer, billing = data.get("customer") or {}, data.get("billing_address") or data.get("shipping_address") or {}
    person = Person(
        source=SOURCE, key=str(customer.get("id") or ""), email=str(data.get("email") or customer.get("email") or ""),
        phone=str(data.get("phone") or customer.get("phone") or billing.get("phone") or ""),
        name=_name(billing) or _name(customer), **_address(billing),
        consent="yes" if data.get("buyer_accepts_marketing") else "",
        consent_detail="Shopify: accepts marketing at checkout", joined_at=placed_at,
    )  # fmt: skip
    return person if person.key or person.email or person.phone or person.name else None


def _customer(data: Mapping) -> PersonTold:
    address = data.get("default_address") or {}
    state = (data.get("email_marketing_consent") or {}).get("state") or ""
    person = Person(
        source=SOURCE, key=str(base.needed(data, "id")), email=str(data.get("email") or ""),
        phone=str(data.get("phone") or address.get("phone") or ""), name=_name(data), **_address(address),
        tags=[tag.strip()[:40] for tag in str(data.get("tags") or "").split(",") if tag.strip()],
        consent=_CONSENT.get(state, ""), consent_detail=f"Shopify: email marketing = {state}",
        joined_at=base.moment(data["created_at"], what="created_at") if data.get("created_at") else None,
        authoritative=True,
    )  # fmt: skip
    told_at = base.moment(data.get("updated_at") or base.needed(data, "created_at"), what="updated_at")
    return PersonTold(person.key, told_at, person)


def _refunds(rows: Sequence[Mapping]) -> list[RefundTold]:
    """Return the refunds that moved money."""
    return [
        RefundTold(
            str(base.needed(row, "id")), SOURCE, given, order_id=str(base.needed(row, "order_id")),
            at=base.moment(row.get("processed_at") or base.needed(row, "created_at"), what="created_at"),
        )
        for row in rows
        if (given := _transactions(row))
    ]  # fmt: skip


def _transactions(refund: Mapping):
    """Return what a refund really paid back: restocking alone moves no money."""
    return sum(
        base.decimal(row.get("amount"), what="amount")
        for row in refund.get("transactions") or []
        if row.get("kind") == "refund" and row.get("status") == "success"
    )


def _name(data: Mapping) -> str:
    return " ".join(str(data[part]).strip() for part in ("first_name", "last_name") if data.get(part))[:200]


def _address(data: Mapping) -> dict[str, str]:
    street = " ".join(str(data[part]).strip() for part in ("address1", "address2") if data.get(part))
    columns = {"company": "company", "postcode": "zip", "city": "city", "region": "province", "country": "country_code"}
    return {"street": street} | {ours: str(data.get(theirs) or "") for ours, theirs in columns.items()}
