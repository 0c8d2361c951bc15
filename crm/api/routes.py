"""The HTTP API, /api/v1/. Thin: shapes in, the same acts as the pages, ids out."""

from collections.abc import Callable
from typing import Annotated

from django.db.models import Prefetch
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Body, Header, NinjaAPI, Path, Query, Status
from ninja.errors import HttpError
from ninja.parser import Parser

from crm.accounts.access import public
from crm.api import commands, visits
from crm.api.auth import Scope
from crm.api.schemas import (
    MOST_ROWS,
    SOURCE,
    ConsentIn,
    CouponIn,
    CouponOrderIn,
    CouponUseIn,
    CustomerOut,
    DiscountOut,
    Done,
    Id,
    NewCustomerIn,
    Number,
    OrderIn,
    OrderOut,
    PointsIn,
    PointsOut,
    Problem,
    ProductIn,
    ProductOut,
    RefundIn,
    Saved,
    UseOut,
    text_of,
)  # fmt: skip
from crm.contacts import consent, matching, merging
from crm.contacts.models import Consent, Contact
from crm.coupons import redeeming
from crm.coupons.pricing import Basket, Line
from crm.imports import intake, sent_by, typed
from crm.lib import clock, digits, foreign_json, money
from crm.orders.correcting import RefundTooLarge
from crm.orders.models import Order, OrderLine, Product
from crm.orders.recording import product_key
from crm.portal import invitations
from crm.rewards import ledger
from crm.rewards.models import Referral


class _Parser(Parser):
    """Reads what programs send into what every database can keep."""

    def parse_body(self, request):
        return foreign_json.read(request.body)

    def parse_querydict(self, data, list_fields, request):
        return foreign_json.cleaned(super().parse_querydict(data, list_fields, request))


api = NinjaAPI(
    title="Regulars", version="1", docs_url=None, openapi_url="/openapi.json", urls_namespace="api-v1",
    parser=_Parser(),
    description="Customers, orders, products and points of your shop. Amounts are decimals as text, moments ISO 8601.",
)  # fmt: skip

After = Annotated[int, Query(0, ge=0, lt=2**63, description="Ids greater than this: the last id of the page before")]
Limit = Annotated[int, Query(100, ge=1, le=MOST_ROWS)]
Key = Annotated[str, Header("", alias="Idempotency-Key", max_length=200)]
Rows = Body(min_length=1, max_length=MOST_ROWS)
PROBLEMS = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 422: Problem, 429: Problem}


def _get(path: str, scope: str, answer: type, summary: str):
    return api.get(path, auth=Scope(scope), response={200: answer, **PROBLEMS}, summary=summary)


def _post(path: str, scope: str, answer: type, summary: str):
    return api.post(path, auth=Scope(scope), response={200: answer, **PROBLEMS}, summary=summary)


@api.exception_handler(commands.KeyUsedDifferently)
def _key_used_differently(request, error):
    return api.create_response(
        request, {"detail": _("This Idempotency-Key was used for another request.")}, status=422
    )


@api.exception_handler(redeeming.Refused)
def _coupon_refused(request, error):
    """Tell why: who asks has a key, and decides what the customer hears."""
    return api.create_response(request, {"reason": error.reason, "detail": error.sentence}, status=422)


@api.exception_handler(redeeming.KeyUsedDifferently)
def _order_used_differently(request, error):
    said = _("This order was used for another basket or other codes.")
    return api.create_response(request, {"reason": "order_used", "detail": said}, status=422)


@api.exception_handler(redeeming.WentBack)
def _went_back(request, error):
    said = _("What was reserved for this order went back. Reserve again under another order.")
    return api.create_response(request, {"reason": "went_back", "detail": said}, status=422)


@api.exception_handler(redeeming.NotReserved)
def _not_reserved(request, error):
    return api.create_response(request, {"detail": _("Nothing was reserved for this order.")}, status=404)


@api.exception_handler(redeeming.TooManyTries)
def _too_many_tries(request, error):
    return api.create_response(request, {"detail": _("Too many wrong codes. Wait ten minutes.")}, status=429)


def _once(request: HttpRequest, idempotency_key: str, act: Callable[[], dict], *, needs_key: bool = False):
    """Do the act, once per Idempotency-Key where one is given."""
    if not idempotency_key:
        if needs_key:
            raise HttpError(400, _("Send an Idempotency-Key header: this must not happen twice."))
        return Status(200, act())
    said = f"{request.method} {request.path}\n".encode() + request.body
    status, answer = commands.once(
        request.auth, idempotency_key=idempotency_key, request=said, act=lambda: (200, act()), now=clock.now()
    )
    return Status(status, answer)


@_get("/me", "", dict, "Which shop this is and what the key may do")
def me(request):
    return {"shop": request.shop.name, "currency": request.shop.currency, "timezone": request.shop.timezone,
            "key": request.auth.name, "scopes": request.auth.scopes}  # fmt: skip


# ---- customers


@_get("/customers", "customers:read", list[CustomerOut], "Find customers")
def customers(request, after: After = 0, limit: Limit = 100, email: str = "", phone: str = "", ids: str = ""):
    found = Contact.objects.alive()
    if email:
        found = found.filter(email_key=matching.email_key(email) or "-")
    if phone:
        found = found.filter(phone_key=matching.phone_key(phone) or "-")
    if ids:
        found = found.filter(pk__in=_ids(ids))
    page = found.filter(pk__gt=after).order_by("pk")[:limit]
    return [CustomerOut.of(contact, request.shop.currency) for contact in page]


@_get("/customers/{id}", "customers:read", CustomerOut, "One customer")
def customer(request, id: Path[Number]):
    return CustomerOut.of(_person(id), request.shop.currency)


@_post("/customers", "customers:write", Done, "Add or change customers")
def take_customers(request, rows: Annotated[list[NewCustomerIn], Rows], idempotency_key: Key = ""):
    advocates = [_advocate(row.referred_by) for row in rows]

    def act() -> dict:
        taken = intake.take_people([row.person(source=SOURCE, authoritative=True) for row in rows], now=clock.now())
        ids = set(taken.contact_ids) - {None}
        changed = {contact_id for contact_id, *_rest in taken.matched.changed}
        made = len(taken.matched.created)
        rest = len(ids) - made - len(changed)
        for contact_id, advocate in zip(taken.contact_ids, advocates):
            if contact_id is not None:
                sent_by.refused(contact_id, advocate=advocate, via=Referral.Via.API, now=clock.now())
        return {"ids": taken.contact_ids, "created": made, "changed": len(changed), "unchanged": rest}

    return _once(request, idempotency_key, act)


@_post("/customers/{id}/consent", "customers:write", Id, "Note an answer about messages; no program can undo a no")
def say_consent(request, id: Path[Number], row: ConsentIn, idempotency_key: Key = ""):
    contact = _person(id)

    def act() -> dict:
        now = clock.now()
        if row.state == "no":
            consent.withdraw(contact.pk, source=Consent.Source.PROGRAM, detail=row.wording, at=now)
        else:
            consent.record([contact.pk], state="yes", source=Consent.Source.PROGRAM, detail=row.wording, at=now)
        return {"id": contact.pk}

    return _once(request, idempotency_key, act)


@_get("/customers/{id}/visit-token", "customers:read", dict, "What the visit script may know a logged-in customer by")
def visit_token(request, id: Path[Number]):
    return {"token": visits.token_for(_person(id).pk)}


# ---- points


@_get("/customers/{id}/points", "points:read", PointsOut, "Balance and the newest movements")
def points(request, id: Path[Number], limit: Limit = 100):
    contact = _person(id)
    entries = [
        {"at": entry.at, "points": entry.points, "balance_after": entry.balance_after, "kind": entry.kind,
         "reason": entry.reason, "order_id": entry.order_ref}
        for entry in ledger.history(contact.pk)[:limit]
    ]  # fmt: skip
    return {"balance": ledger.balance(contact.pk), "entries": entries}


@_post("/customers/{id}/points", "points:write", Id, "Give or take points, with a reason")
def adjust_points(request, id: Path[Number], row: PointsIn, idempotency_key: Key = ""):
    contact = _person(id)

    def act() -> dict:
        key = commands.act_key(request.auth, idempotency_key)
        try:
            entry = ledger.adjust(contact.pk, points=row.points, reason=row.reason, key=key, now=clock.now())
        except ledger.NotEnoughPoints as error:
            raise HttpError(422, _("The balance is %(balance)s points.") % {"balance": error.balance}) from None
        return {"id": entry.pk}

    if row.points == 0:
        raise HttpError(422, _("Zero points move nothing."))
    return _once(request, idempotency_key, act, needs_key=True)


# ---- orders


@_get("/orders", "orders:read", list[OrderOut], "Find orders")
def orders(
    request, after: After = 0, limit: Limit = 100, customer_id: Number | None = None, source: str = "",
    number: str = "", ids: str = "",
):  # fmt: skip
    found = Order.objects.all()
    if customer_id is not None:
        found = found.filter(contact=merging.current_id(customer_id))
    if number:
        found = found.filter(number=number)
    if source:
        found = found.filter(source=source)
    if ids:
        found = found.filter(pk__in=_ids(ids))
    page = found.filter(pk__gt=after).order_by("pk").prefetch_related(_LINES)[:limit]
    return [OrderOut.of(order, order.lines.all()) for order in page]


@_get("/orders/{id}", "orders:read", OrderOut, "One order")
def order(request, id: Path[Number]):
    found = get_object_or_404(Order.objects.prefetch_related(_LINES), pk=id)
    return OrderOut.of(found, found.lines.all())


@_post("/orders", "orders:write", Done, "Add or change orders")
def take_orders(request, rows: Annotated[list[OrderIn], Rows], idempotency_key: Key = ""):
    named = {row.customer_id for row in rows if row.customer_id is not None}

    def act() -> dict:
        unknown = named - set(Contact.objects.alive().filter(pk__in=named).values_list("pk", flat=True))
        if unknown := unknown - merging.led(unknown).keys():
            raise HttpError(422, _("There is no customer %(id)s.") % {"id": min(unknown)})
        recorded = intake.take_orders([row.purchase() for row in rows], now=clock.now()).recorded
        return {"ids": recorded.order_ids, "created": len(recorded.created), "changed": len(recorded.updated),
                "unchanged": len(recorded.unchanged)}  # fmt: skip

    return _once(request, idempotency_key, act)


@_post("/orders/{id}/refunds", "orders:write", Id, "Give money back on an order")
def refund(request, id: Path[Number], row: RefundIn, idempotency_key: Key = ""):
    sale = get_object_or_404(Order, pk=id, kind=Order.Kind.SALE)

    def act() -> dict:
        now = clock.now()
        key = commands.act_key(request.auth, idempotency_key)
        minor = money.to_minor(row.amount, sale.currency)
        try:
            intake.take_refund(sale.pk, amount_minor=minor, key=key, at=row.at or now, now=now, reason=row.reason)
        except RefundTooLarge as error:
            left = money.from_minor(error.left_minor, sale.currency)
            raise HttpError(422, _("At most %(left)s is left to give back.") % {"left": left}) from None
        return {"id": sale.pk}

    return _once(request, idempotency_key, act, needs_key=True)


@_post("/orders/{id}/cancel", "orders:write", Id, "Cancel an order")
def cancel(request, id: Path[Number], idempotency_key: Key = ""):
    found = get_object_or_404(Order, pk=id)

    def act() -> dict:
        now = clock.now()
        typed.cancel_order(found.pk, now=now)
        return {"id": found.pk}

    return _once(request, idempotency_key, act)


# ---- products


@_get("/products", "orders:read", list[ProductOut], "Find products")
def products(request, after: After = 0, limit: Limit = 100, sku: str = "", ids: str = ""):
    found = Product.objects.all()
    if sku:
        found = found.filter(sku=sku)
    if ids:
        found = found.filter(pk__in=_ids(ids))
    page = found.filter(pk__gt=after).order_by("pk")[:limit]
    return [ProductOut.of(product, request.shop.currency) for product in page]


@_post("/products", "orders:write", Saved, "Add or change products; only what is said changes")
def take_products(request, rows: Annotated[list[ProductIn], Rows], idempotency_key: Key = ""):
    def act() -> dict:
        done = intake.take_products([row.item(request.shop.currency) for row in rows], now=clock.now())
        return {"created": len(done.created), "changed": len(done.updated), "unchanged": len(done.unchanged)}

    return _once(request, idempotency_key, act)


# ---- coupons


@_post("/coupons/check", "coupons:read", list[DiscountOut], "What codes would take off an order; changes nothing")
def check_coupons(request, row: CouponIn):
    offers = redeeming.check(row.codes, **_using(request, row))
    return [
        {"code": text, "coupon": offer.coupon.name, "discount": text_of(offer.discount_minor, request.shop.currency)}
        for text, offer in zip(row.codes, offers)
    ]


@_post("/coupons/reserve", "coupons:write", list[UseOut], "Hold codes for an order, for half an hour")
def reserve_coupons(request, row: CouponUseIn):
    key = _order_key(request, row.order)
    return _uses(request, redeeming.reserve(row.codes, key=key, **_using(request, row)))


@_post("/coupons/redeem", "coupons:write", list[UseOut], "The order was paid: make what is reserved final")
def redeem_coupons(request, row: CouponOrderIn):
    key = _order_key(request, row.order)
    order_id = Order.objects.filter(pk=row.order_id).values_list("pk", flat=True).first() if row.order_id else None
    return _uses(request, redeeming.redeem(key, now=clock.now(), order_id=order_id))


@_post("/coupons/roll-back", "coupons:write", dict, "The order was not paid, or undone later")
def roll_back_coupons(request, row: CouponOrderIn):
    return {"rolled_back": redeeming.roll_back(_order_key(request, row.order), now=clock.now())}


def _using(request: HttpRequest, row: CouponIn) -> dict:
    contact_id = None if row.customer_id is None else _person(row.customer_id).pk
    keys = [product_key(line.sku, line.name) for line in row.lines]
    known = {product.key: product for product in Product.objects.filter(key__in=keys)}
    currency = request.shop.currency
    lines = []
    for line, key in zip(row.lines, keys):
        product = known.get(key)
        lines.append(
            Line(
                product.pk if product else None, line.quantity, money.to_minor(line.total, currency),
                product.category.casefold() if product else "", product.cost_minor if product else None,
            )
        )  # fmt: skip
    basket = Basket(lines, money.to_minor(row.shipping, currency))
    return {"basket": basket, "contact_id": contact_id, "now": clock.now(), "who": f"key:{request.auth.pk}"}


def _uses(request: HttpRequest, uses) -> list[dict]:
    currency = request.shop.currency
    return [
        {"coupon": use.coupon.name, "discount": text_of(use.discount_minor, currency), "state": use.state}
        for use in uses
    ]


def _order_key(request: HttpRequest, order: str) -> str:
    return f"api:{request.auth.pk}:{order}"


_LINES = Prefetch("lines", queryset=OrderLine.objects.order_by("position"))


def _person(contact_id: int) -> Contact:
    """Return the customer of a number, or whom they were merged into: the answer's own id says who that is."""
    if contact := merging.find(contact_id):
        return contact
    raise Http404


def _advocate(text: str) -> Contact | None:
    """Return whose invitation this is; refuse one that is nobody's."""
    advocate = invitations.advocate_of(text) if text else None
    if text and advocate is None:
        raise HttpError(422, _("referred_by: no customer gives out “%(code)s”.") % {"code": text})
    return advocate


def _ids(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MOST_ROWS or not all(map(digits.fits, parts)):
        raise HttpError(422, _("ids: say up to %(most)s numbers, separated by commas.") % {"most": MOST_ROWS})
    return [int(part) for part in parts]


urls = api.urls
for route in urls[0]:
    public(route.callback)  # no login: each asks for a key itself
