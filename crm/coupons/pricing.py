"""What a coupon takes off a basket. Pure: plain values in, amounts in minor units out, all exact.

Several coupons on one basket are applied in one fixed order, whatever order they came in: products for free, money off,
percent off, free shipping, gift cards last (they are money the customer paid before). Each works on what the ones
before left. No line is sold below its cost unless the coupon may, and nothing becomes negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crm.orders import costs

PRODUCT, BUY_GET, AMOUNT, PERCENT, SHIPPING, GIFT_CARD = (
    "product", "buy_get", "amount", "percent", "shipping", "gift_card",
)  # fmt: skip
ORDER = (PRODUCT, BUY_GET, AMOUNT, PERCENT, SHIPPING, GIFT_CARD)


@dataclass(slots=True)
class Line:
    """One line of a basket; `total_minor` is after its own discounts, `cost_minor` for one piece where it is known."""

    product_id: int | None
    quantity: int
    total_minor: int
    category: str = ""
    cost_minor: int | None = None
    is_gift: bool = False  # in the basket only to be taken off again


@dataclass(slots=True)
class Basket:
    lines: list[Line]
    shipping_minor: int = 0

    @property
    def goods_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)

    @property
    def worth_minor(self) -> int:
        """Return what is bought for money: the goods without those a coupon gives."""
        return sum(line.total_minor for line in self.lines if not line.is_gift)

    @property
    def total_minor(self) -> int:
        return self.goods_minor + self.shipping_minor


@dataclass(frozen=True)
class Terms:
    """What a coupon gives, and on which products."""

    gives: str
    percent: int = 0
    amount_minor: int = 0
    product_id: int | None = None
    buy_quantity: int = 0
    get_quantity: int = 0
    products: frozenset[int] = frozenset()  # none: all
    categories: frozenset[str] = frozenset()
    may_go_below_cost: bool = False
    balance_minor: int = 0  # of a gift card


def discounts(basket: Basket, coupons: Sequence[Terms]) -> list[int]:
    """Return what each coupon takes off, beside them."""
    return _applied(basket, coupons)[0]


def left(basket: Basket, coupons: Sequence[Terms]) -> Basket:
    """Return the basket as these coupons leave it."""
    return _applied(basket, coupons)[1]


def floor(basket: Basket) -> int:
    """Return what a basket may not be sold below: the cost of its lines, where that is known and not undercut."""
    return sum(map(_floor, basket.lines))


def _applied(basket: Basket, coupons: Sequence[Terms]) -> tuple[list[int], Basket]:
    left = Basket([replace(line) for line in basket.lines], basket.shipping_minor)
    taken = [0] * len(coupons)
    for place in sorted(range(len(coupons)), key=lambda index: (ORDER.index(coupons[index].gives), index)):
        taken[place] = _take(left, coupons[place])
    return taken, left


def _take(left: Basket, terms: Terms) -> int:
    """Take one coupon off what is left and return how much it was."""
    lines = [line for line in left.lines if _fits(line, terms)]
    match terms.gives:
        case "shipping":
            taken, left.shipping_minor = left.shipping_minor, 0
            return taken
        case "gift_card":
            taken = min(terms.balance_minor, left.total_minor)
            from_goods = min(taken, left.goods_minor)
            _spread(left.lines, from_goods, below_cost=True)
            left.shipping_minor -= taken - from_goods
            return taken
        case "percent":
            return _percent(lines, terms)
        case "amount":
            return _spread(lines, terms.amount_minor, below_cost=terms.may_go_below_cost)
        case "product":
            one = next((line for line in lines if line.product_id == terms.product_id and line.quantity > 0), None)
            return _off(one, _piece_price(one), terms, is_gift=True) if one else 0
        case "buy_get":
            return _buy_get(lines, terms)
    raise ValueError(terms.gives)


def _fits(line: Line, terms: Terms) -> bool:
    if not terms.products and not terms.categories:
        return True
    return line.product_id in terms.products or line.category in terms.categories


def _off(line: Line, amount: int, terms: Terms, *, is_gift: bool = False) -> int:
    """Take up to an amount off a line and return how much it was; a product given for free is a gift, not a sale."""
    taken = max(min(amount, line.total_minor if terms.may_go_below_cost or is_gift else _room(line)), 0)
    line.total_minor -= taken
    return taken


def _room(line: Line) -> int:
    """Return what may be taken off a line without selling it below cost."""
    return max(line.total_minor - _floor(line), 0)


def _floor(line: Line) -> int:
    return costs.floor(line.total_minor, quantity=line.quantity, cost_minor=line.cost_minor)


def _spread(lines: list[Line], amount: int, *, below_cost: bool) -> int:
    """Take an amount off lines in proportion to what each has room for, to the last cent; return how much it was."""
    rooms = [line.total_minor if below_cost else _room(line) for line in lines]
    whole = sum(rooms)
    amount = min(amount, whole)
    seen = given = 0
    for line, room in zip(lines, rooms):
        seen += room
        due = amount * seen // whole if whole else 0
        line.total_minor -= due - given
        given = due
    return amount


def _percent(lines: list[Line], terms: Terms) -> int:
    """Take a share off the lines together, rounded once; a line's part is what its rounded running sum adds."""
    seen = due = taken = 0
    for line in lines:
        seen += line.total_minor
        before, due = due, _half_even(seen * terms.percent, 100)
        taken += _off(line, due - before, terms)
    return taken


def _buy_get(lines: list[Line], terms: Terms) -> int:
    """Give the cheapest pieces for free: of each `buy + get` pieces, `get`."""
    sold = [line for line in lines if line.quantity > 0]
    free = sum(line.quantity for line in sold) // (terms.buy_quantity + terms.get_quantity) * terms.get_quantity
    taken = 0
    for line in sorted(sold, key=_piece_price):
        given = min(free, line.quantity)
        taken += _off(line, given * _piece_price(line), terms, is_gift=True)
        free -= given
    return taken


def _piece_price(line: Line) -> int:
    return line.total_minor // line.quantity


def _half_even(numerator: int, denominator: int) -> int:
    """Divide and round half to even, exactly."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
