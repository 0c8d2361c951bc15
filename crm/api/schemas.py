"""What programs send and get: the shapes, their limits, and how they become what the door takes.

Amounts are decimal numbers of the currency ("12.50", as text or number), moments ISO 8601 with a zone.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from crm.contacts.matching import Person, email_key
from crm.contacts.models import Contact
from crm.imports import typed
from crm.lib import money
from crm.orders.models import Order, Product
from crm.orders.purchases import Item, Purchase, PurchaseLine

SOURCE = "api"
MOST_ROWS = 500
MOST = 10**12  # of a currency in one amount
FIRST_YEAR, LAST_YEAR = 1990, 2100


def _address(text: str) -> str:
    if text and email_key(text) is None:
        raise ValueError("this is not an e-mail address")
    return text


def _of_our_days(moment: dt.datetime) -> dt.datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return moment


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_address)]
Amount = Annotated[Decimal, Field(ge=0, lt=MOST, max_digits=18)]
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_days)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Number = Annotated[int, Field(ge=1, lt=2**63)]  # of a row: what a column of the database holds
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,30}$")]


class Strict(Schema):
    """A misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", str_max_length=5000)


class CustomerIn(Strict):
    """A person; known by `reference` (your own number for them), e-mail or phone, at least one of them."""

    reference: Text = ""
    name: Text = ""
    email: Email = ""
    phone: Text = ""
    company: Text = ""
    street: Text = ""
    postcode: Text = ""
    city: Text = ""
    region: Text = ""
    country: Text = ""
    birthday: dt.date | None = None
    language: Annotated[str, StringConstraints(max_length=10)] = ""
    tags: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]] = []
    extra: dict[Text, Text] = {}
    consent: Literal["", "yes", "no"] = Field("", description="Their answer about messages; a yes never undoes a no")
    consent_wording: Annotated[str, StringConstraints(max_length=250)] = ""
    joined_at: Moment | None = None

    @model_validator(mode="after")
    def _is_known_by_something(self):
        if not (self.reference or self.email or self.phone):
            raise ValueError("reference, email or phone is needed")
        return self

    def person(self, *, source: str, authoritative: bool) -> Person:
        """Return what the door takes."""
        given = self.model_dump(exclude={"reference", "consent_wording", "referred_by"})
        return Person(
            source=source, key=self.reference, consent_detail=self.consent_wording or f"API: {source}",
            authoritative=authoritative, **given,
        )  # fmt: skip


class NewCustomerIn(CustomerIn):
    """A customer, and who sent them; that counts only for somebody who never bought."""

    referred_by: Text = Field("", description="The invitation code or address of the customer who sent them")


class LineIn(Strict):
    name: Annotated[str, StringConstraints(max_length=300)] = ""
    sku: Annotated[str, StringConstraints(max_length=120)] = ""
    quantity: Annotated[Decimal, Field(gt=0, lt=10**9)] = Decimal(1)
    unit_price: Amount = Decimal(0)
    total: Amount | None = Field(None, description="After the line's own discount; quantity times price if missing")
    category: Annotated[str, StringConstraints(max_length=150)] = ""

    @model_validator(mode="after")
    def _is_an_amount(self):
        if self.unit_price * self.quantity >= MOST:
            raise ValueError("quantity times price is too large")
        return self

    def line(self, currency: str) -> PurchaseLine:
        unit = money.to_minor(self.unit_price, currency)
        line = typed.line(name=self.name, sku=self.sku, quantity=self.quantity, unit_price_minor=unit)
        line.category = self.category
        if self.total is not None:
            line.total_minor = money.to_minor(self.total, currency)
        return line


class OrderIn(Strict):
    """A sale. The same `source` and `number` again is the same order, which then says what the newest request says."""

    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    source: Slug = SOURCE
    placed_at: Moment
    currency: Currency
    total: Amount
    discount: Amount = Decimal(0)
    shipping: Amount = Decimal(0)
    tax: Amount = Decimal(0)
    refunded: Amount = Field(Decimal(0), description="All that was given back so far")
    payment: Literal["paid", "partly_paid", "unpaid", "refunded", "partly_refunded"] = "paid"
    cancelled_at: Moment | None = None
    channel: Annotated[str, StringConstraints(max_length=60)] = ""
    coupon_code: Annotated[str, StringConstraints(max_length=100)] = ""
    note: Annotated[str, StringConstraints(max_length=5000)] = ""
    lines: list[LineIn] = Field([], max_length=1000)
    customer: CustomerIn | None = None
    customer_id: Number | None = None

    def purchase(self) -> Purchase:
        """Return what the door takes."""
        amounts = {
            f"{name}_minor": money.to_minor(getattr(self, name), self.currency)
            for name in ("total", "discount", "shipping", "tax", "refunded")
        }
        return Purchase(
            source=self.source, number=self.number, placed_at=self.placed_at, currency=self.currency, **amounts,
            payment=self.payment, cancelled_at=self.cancelled_at, channel=self.channel, coupon_code=self.coupon_code,
            note=self.note, lines=[row.line(self.currency) for row in self.lines],
            person=self.customer.person(source=self.source, authoritative=False) if self.customer else None,
            contact_id=self.customer_id,
        )  # fmt: skip


class RefundIn(Strict):
    amount: Annotated[Decimal, Field(gt=0, lt=10**12)]
    at: Moment | None = None
    reason: Text = ""


class RefundReport(RefundIn):
    """A refund told to a hook: of an order by its source and number."""

    reference: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    source: Slug = SOURCE
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    at: Moment


class ProductIn(Strict):
    sku: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""
    category: Annotated[str, StringConstraints(max_length=150)] = ""
    price: Amount | None = None
    cost: Amount | None = None
    currency: Currency | None = None
    is_active: bool | None = None
    stock: Annotated[float, Field(ge=0, le=10**9, description="Units on hand at the end of stock_on")] | None = None
    stock_on: Annotated[dt.date, Field(description="When they were counted; today if it is not said")] | None = None

    @model_validator(mode="after")
    def _is_known_by_something(self):
        if not (self.sku or self.name):
            raise ValueError("sku or name is needed")
        return self

    def item(self, shop_currency: str) -> Item:
        """Return what the door takes."""
        currency = self.currency or shop_currency
        price, cost = (
            None if said is None else money.to_minor(said, currency) for said in (self.price, self.cost)
        )
        return Item(
            sku=self.sku, name=self.name, category=self.category, price_minor=price, cost_minor=cost,
            currency=currency, is_active=self.is_active, stock=self.stock, stock_on=self.stock_on,
        )  # fmt: skip


class PointsIn(Strict):
    points: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=250)]


class ConsentIn(Strict):
    state: Literal["yes", "no"]
    wording: Annotated[str, StringConstraints(min_length=1, max_length=250)]


class BasketLineIn(Strict):
    sku: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""
    quantity: Annotated[int, Field(ge=1, le=10_000)] = 1
    total: Amount = Field(description="Of the whole line, after its own discounts")


class CouponIn(Strict):
    """An order about to be paid, and the codes the customer shows."""

    codes: list[Annotated[str, StringConstraints(min_length=1, max_length=60)]] = Field(min_length=1, max_length=5)
    lines: list[BasketLineIn] = Field(min_length=1, max_length=1000)
    shipping: Amount = Decimal(0)
    customer_id: Number | None = None


class CouponUseIn(CouponIn):
    order: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = Field(
        description="What names this order for ever: the same order again is the same use"
    )


class CouponOrderIn(Strict):
    order: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    order_id: Number | None = Field(None, description="The order's id here, where it is known")


class DiscountOut(Schema):
    code: str
    coupon: str
    discount: str


class UseOut(Schema):
    coupon: str
    discount: str
    state: str


class Fault(Schema):
    """What is wrong with one field of a request, and where it stands."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(Schema):
    detail: str | list[Fault]
    reason: str = ""  # of a refused coupon


class Saved(Schema):
    created: int
    changed: int
    unchanged: int


class Done(Saved):
    """Ids beside the rows that were sent; null where nothing identifies a person."""

    ids: list[int | None]


class Id(Schema):
    id: int


class CustomerOut(Schema):
    id: int
    name: str
    email: str
    phone: str
    company: str
    street: str
    postcode: str
    city: str
    region: str
    country: str
    birthday: dt.date | None
    language: str
    tags: list[str]
    extra: dict
    consent: str
    joined_at: dt.datetime
    updated_at: dt.datetime
    order_count: int
    spent: str
    first_order_at: dt.datetime | None
    last_order_at: dt.datetime | None
    points: int
    group: str
    stage: str
    churn_risk: float | None
    scored_on: dt.date | None

    @staticmethod
    def of(contact: Contact, currency: str) -> dict:
        """Return a person as programs read one."""
        same = set(CustomerOut.model_fields) - {"spent", "points"}
        return {name: getattr(contact, name) for name in same} | {
            "spent": text_of(contact.spent_minor, currency),
            "points": contact.points_balance,
        }


class LineOut(Schema):
    name: str
    sku: str
    product_id: int | None
    quantity: float
    unit_price: str
    total: str


class OrderOut(Schema):
    id: int
    source: str
    number: str
    kind: str
    customer_id: int | None
    placed_at: dt.datetime
    currency: str
    total: str
    discount: str
    shipping: str
    tax: str
    refunded: str
    net: str
    payment: str
    cancelled_at: dt.datetime | None
    counts: bool
    channel: str
    coupon_code: str
    updated_at: dt.datetime
    lines: list[LineOut]

    @staticmethod
    def of(order: Order, lines) -> dict:
        """Return an order as programs read one; `lines` are its OrderLine rows."""
        same = (
            "id", "source", "number", "kind", "placed_at", "currency", "payment", "cancelled_at", "counts", "channel",
            "coupon_code", "updated_at",
        )  # fmt: skip
        amounts = ("total", "discount", "shipping", "tax", "refunded", "net")
        return (
            {name: getattr(order, name) for name in same}
            | {name: text_of(getattr(order, f"{name}_minor"), order.currency) for name in amounts}
            | {
                "customer_id": order.contact_id,
                "lines": [
                    {
                        "name": row.name, "sku": row.sku, "product_id": row.product_id, "quantity": row.quantity,
                        "unit_price": text_of(row.unit_price_minor, order.currency),
                        "total": text_of(row.total_minor, order.currency),
                    }
                    for row in lines
                ],
            }
        )  # fmt: skip


class ProductOut(Schema):
    id: int
    sku: str
    name: str
    category: str
    price: str | None
    cost: str | None
    is_active: bool
    stock: float | None
    stock_on: dt.date | None

    @staticmethod
    def of(product: Product, currency: str) -> dict:
        same = ("id", "sku", "name", "category", "is_active", "stock")
        return {name: getattr(product, name) for name in same} | {"stock_on": product.stock_at} | {
            name: None if (minor := getattr(product, f"{name}_minor")) is None else text_of(minor, currency)
            for name in ("price", "cost")
        }


class EntryOut(Schema):
    at: dt.datetime
    points: int
    balance_after: int
    kind: str
    reason: str
    order_id: int | None


class PointsOut(Schema):
    balance: int
    entries: list[EntryOut]


def text_of(minor: int, currency: str) -> str:
    """Return an amount as text with the currency's digits."""
    return str(money.from_minor(minor, currency))
