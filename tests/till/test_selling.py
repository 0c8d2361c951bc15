"""One purchase with all that pays for it: everything or nothing, and once."""

import datetime as dt
from collections import Counter

import pytest
from django.core.management import call_command

from crm.coupons import issuing, redeeming
from crm.coupons.models import Code, Coupon, Use
from crm.imports import typed
from crm.imports.models import TypedOrder
from crm.orders.models import Order, Product
from crm.rewards import ledger
from crm.rewards.models import Entry, Redemption
from crm.rewards.redeeming import AboveMost
from crm.till import selling
from crm.till.selling import Wish
from tests.conftest import NOW
from tests.coupons.conftest import new_coupon
from tests.portal.conftest import give, new_reward
from tests.rewards.conftest import euro_rule


def sell(wish: Wish, *, key: str = "form-1", now=NOW) -> int:
    return selling.sell(wish, form_key=key, agreed_minor=selling.price(wish, now=now).to_pay_minor, now=now)


def books_are_right() -> bool:
    call_command("check_books", verbosity=0)  # raises SystemExit where something is wrong
    return True


def test_a_plain_purchase_earns(mia, now):
    euro_rule(now)
    order = Order.objects.get(pk=sell(Wish(contact_id=mia.pk, amount_minor=1_250, note="two loaves")))
    assert (order.total_minor, order.discount_minor, order.contact, order.channel) == (1_250, 0, mia, "till")
    assert (order.note, order.placed_at, order.payment, order.lines.count()) == ("two loaves", now, "paid", 0)
    assert Product.objects.count() == 0  # "purchase at the counter" is no product
    assert ledger.balance(mia.pk) == 12
    mia.refresh_from_db()
    assert (mia.order_count, mia.spent_minor) == (1, 1_250)


def test_points_and_coupons_pay_together(mia, now):
    euro_rule(now)
    give(mia, 200)
    new_coupon()
    wish = Wish(contact_id=mia.pk, amount_minor=2_000, codes=("spring",), reward=new_reward(), points=100)
    priced = selling.price(wish, now=now)
    assert (priced.left_minor, priced.points, priced.points_minor, priced.to_pay_minor) == (1_800, 100, 500, 1_300)
    assert (Use.objects.count(), Redemption.objects.count(), Order.objects.count()) == (0, 0, 0)
    order = Order.objects.get(pk=sell(wish))
    assert (order.total_minor, order.discount_minor, order.coupon_code) == (1_300, 700, "SPRING")
    [use] = Use.objects.all()
    assert (use.state, use.order, use.contact, use.discount_minor) == ("redeemed", order, mia, 200)
    [redemption] = Redemption.objects.all()
    assert (redemption.state, redemption.points, redemption.worth_minor) == ("committed", 100, 500)
    assert ledger.balance(mia.pk) == 200 - 100 + 13
    assert books_are_right()


def test_points_left_open_are_as_many_as_the_purchase_allows(mia, now):
    give(mia, 1_000)
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, reward=new_reward(most_percent=50))
    priced = selling.price(wish, now=now)
    assert (priced.points, priced.points_minor, priced.to_pay_minor) == (100, 500, 500)


def test_a_reward_that_is_no_money_takes_nothing_off(mia, now):
    give(mia, 100)
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, reward=new_reward(kind="product", name="A loaf", worth_minor=300))
    order = Order.objects.get(pk=sell(wish))
    assert (order.total_minor, order.discount_minor, ledger.balance(mia.pk)) == (1_000, 0, 0)


def test_a_coupon_for_a_product_puts_it_into_the_basket_and_takes_it_off(mia, now):
    loaf = Product.objects.create(key="rye loaf", name="Rye loaf", price_minor=450, cost_minor=100, created_at=now)
    coupon = new_coupon(codes=1, gives="product", percent=None, product=loaf, most_per_code=1)
    text = issuing.text_of(Code.objects.get(coupon=coupon))
    order = Order.objects.get(pk=sell(Wish(contact_id=mia.pk, amount_minor=1_000, codes=(text,))))
    assert (order.total_minor, order.discount_minor) == (1_000, 450)
    assert list(order.lines.values_list("product", "total_minor")) == [(loaf.pk, 450)]
    assert order.coupon_code == ""  # a code of somebody's own stands nowhere in the books


def test_a_gift_does_not_help_to_reach_the_least_worth_of_goods(mia, now):
    tea = Product.objects.create(key="tea", name="Tea", price_minor=500, created_at=now)
    new_coupon("GREENTEA", gives="product", percent=None, product=tea, least_minor=3_000)
    with pytest.raises(redeeming.Refused, match=r"5\.00 more"):
        selling.price(Wish(contact_id=mia.pk, amount_minor=2_500, codes=("GREENTEA",)), now=now)
    assert selling.price(Wish(contact_id=mia.pk, amount_minor=3_000, codes=("GREENTEA",)), now=now).to_pay_minor == 3_000


def test_a_gift_card_pays_what_is_on_it(mia, now):
    coupon = new_coupon(codes=1, gives=Coupon.Gives.GIFT_CARD, percent=None, amount_minor=1_500)
    code = Code.objects.get(coupon=coupon)
    text = issuing.text_of(code)
    totals = [
        Order.objects.get(pk=sell(Wish(contact_id=mia.pk, amount_minor=1_000, codes=(text,)), key=key)).total_minor
        for key in ("one", "two")
    ]
    code.refresh_from_db()
    assert (totals, code.balance_minor) == ([0, 500], 0)


def test_a_price_nobody_agreed_on_is_asked_about(mia, now):
    give(mia, 100)
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, reward=new_reward(), points=100)
    for agreed in (None, 1_000, 499):
        with pytest.raises(selling.PriceChanged) as changed:
            selling.sell(wish, form_key="f", agreed_minor=agreed, now=now)
        assert changed.value.price.to_pay_minor == 500
    assert (Order.objects.count(), Redemption.objects.count(), TypedOrder.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"codes": ("NOSUCHCODE",)}, redeeming.Refused),
        ({"points": 150}, ledger.NotEnoughPoints),
        ({"points": 10_000}, AboveMost),
    ],
)
def test_a_refusal_leaves_nothing_behind(mia, now, fields, refusal):
    give(mia, 100)
    coupon = new_coupon()
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, **{"codes": ("SPRING",), "reward": new_reward()} | fields)
    entries = Entry.objects.count()
    with pytest.raises(refusal):
        selling.sell(wish, form_key="f", agreed_minor=0 if "codes" in fields else 900 - fields["points"] * 5, now=now)
    coupon.refresh_from_db()
    assert (coupon.used_count, Use.objects.count(), Redemption.objects.count()) == (0, 0, 0)
    assert (Order.objects.count(), TypedOrder.objects.count(), Entry.objects.count()) == (0, 0, entries)


def test_one_form_sent_fifty_times_is_one_purchase(mia, now):
    euro_rule(now)
    give(mia, 100)
    coupon = new_coupon(most_uses=1)
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, codes=("SPRING",), reward=new_reward(), points=60)
    told = Counter(selling.sell(wish, form_key="f", agreed_minor=600, now=now) for _ in range(50))
    coupon.refresh_from_db()
    assert (list(told.values()), Order.objects.count(), coupon.used_count) == ([50], 1, 1)
    assert (Redemption.objects.count(), ledger.balance(mia.pk)) == (1, 100 - 60 + 6)
    assert books_are_right()


@pytest.mark.parametrize("other", [{"amount_minor": 900}, {"codes": ()}, {"reward": None}])
def test_one_form_for_two_wishes_is_refused(mia, now, other):
    give(mia, 100)
    new_coupon()
    values = {"contact_id": mia.pk, "amount_minor": 1_000, "codes": ("SPRING",), "reward": new_reward()}
    sell(Wish(**values))
    with pytest.raises(selling.SoldDifferently):
        selling.sell(Wish(**values | other), form_key="form-1", agreed_minor=0, now=now)
    assert Order.objects.count() == 1


def test_a_purchase_that_was_removed_is_not_made_again(mia, now):
    wish = Wish(contact_id=mia.pk, amount_minor=1_000)
    Order.objects.filter(pk=sell(wish)).delete()
    with pytest.raises(selling.Gone):
        sell(wish)
    assert Order.objects.count() == 0


@pytest.mark.parametrize("undo", [typed.cancel_order, None], ids=["at the till", "on the order's page"])
def test_undoing_gives_everything_back_once(mia, owner_client, now, undo):
    euro_rule(now)
    give(mia, 100)
    coupon = new_coupon(most_uses=1)
    wish = Wish(contact_id=mia.pk, amount_minor=1_000, codes=("SPRING",), reward=new_reward(), points=60)
    order_id = sell(wish)
    for _ in range(2):
        if undo:
            undo(order_id, now=now + dt.timedelta(minutes=1))
        else:
            owner_client.post(f"/orders/{order_id}/cancel/")
    coupon.refresh_from_db()
    order = Order.objects.get(pk=order_id)
    assert (ledger.balance(mia.pk), coupon.used_count, order.counts) == (100, 0, False)
    assert (Use.objects.get().state, Redemption.objects.get().state) == ("rolled_back", "back")
    assert books_are_right()
    assert Order.objects.get(pk=sell(wish, key="another form")).counts is True


def test_the_receipt_is_read_from_the_books(mia, nora, now):
    euro_rule(now, hold_days=14)
    give(mia, 100)
    new_coupon()
    wish = Wish(contact_id=mia.pk, amount_minor=2_000, codes=("SPRING",), reward=new_reward(), points=100)
    order_id = sell(wish)
    told = selling.receipt(order_id, contact_id=mia.pk)
    assert (told.earned, told.earned_from, told.redemption.points) == (13, dt.date(2026, 12, 4), 100)
    assert [(use.coupon.name, use.discount_minor) for use in told.uses] == [("Spring", 200)]
    assert selling.receipt(order_id, contact_id=nora.pk) is None
    assert selling.receipt(order_id + 1, contact_id=mia.pk) is None
