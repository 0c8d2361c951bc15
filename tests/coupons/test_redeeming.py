"""Check, reserve, redeem, roll back: limits hold, keys count once, refusals say why."""

import datetime as dt

import pytest

from crm.contacts import segments
from crm.contacts.models import Segment
from crm.coupons import issuing, redeeming
from crm.coupons.checking_books import counters_are_sums
from crm.coupons.models import Code, Coupon, Use
from crm.coupons.pricing import Basket, Line
from crm.coupons.redeeming import Refused
from tests.conftest import NOW
from tests.contacts.people import person
from tests.coupons.conftest import new_coupon
from tests.orders.sales import product, sale

GOODS = Basket([Line(None, 1, 10_000)], 500)


def reserve(text="SPRING", key="order:1", **values):
    [held] = redeeming.reserve([text], **({"basket": GOODS, "key": key, "now": NOW} | values))
    return held


def refusal(text="SPRING", **values) -> str:
    with pytest.raises(Refused) as refused:
        redeeming.check([text], **({"basket": GOODS, "now": NOW} | values))
    return refused.value.reason


def test_a_use_is_reserved_then_redeemed_and_counted_once(coupon):
    held, *_again = [reserve() for _n in range(3)]
    for _n in range(2):
        redeeming.redeem("order:1", now=NOW)
    coupon.refresh_from_db()
    assert (held.discount_minor, coupon.used_count, coupon.given_minor, Use.objects.get().state) == (1000, 1, 1000, "redeemed")
    assert counters_are_sums() == (True, "1 use of a coupon, counted right.")


def test_the_same_key_for_another_wish_is_refused(coupon):
    reserve()
    with pytest.raises(redeeming.KeyUsedDifferently):
        reserve(basket=Basket([Line(None, 1, 9_000)], 0))


def test_taking_back_frees_exactly_once(shop):
    coupon = new_coupon(most_uses=1)
    reserve()
    assert [redeeming.roll_back("order:1", now=NOW) for _n in range(3)] == [1, 0, 0]
    coupon.refresh_from_db()
    assert (coupon.used_count, coupon.given_minor) == (0, 0)
    assert reserve(key="order:2").state == "reserved"
    with pytest.raises(redeeming.WentBack):
        redeeming.redeem("order:1", now=NOW)


def test_what_nobody_redeems_in_time_goes_back(coupon):
    reserve()
    assert redeeming.sweep(now=NOW + dt.timedelta(minutes=29)) == 0
    assert redeeming.sweep(now=NOW + dt.timedelta(minutes=31)) == 1
    coupon.refresh_from_db()
    assert coupon.used_count == 0


def test_nothing_was_reserved_under_an_unknown_key(coupon):
    with pytest.raises(redeeming.NotReserved):
        redeeming.redeem("order:9", now=NOW)


DATES = [(dt.timedelta(days=1), None, "too_early"), (dt.timedelta(days=-9), dt.timedelta(days=-1), "too_late")]


@pytest.mark.parametrize(("starts", "ends", "reason"), DATES)
def test_outside_its_days(shop, starts, ends, reason):
    new_coupon(starts_on=NOW.date() + starts, ends_on=NOW.date() + ends if ends else None)
    assert refusal() == reason


def test_the_last_day_counts_until_midnight_in_the_shop(shop):
    new_coupon(ends_on=NOW.date())
    last = dt.datetime(2026, 11, 20, 22, 59, tzinfo=dt.UTC)  # 23:59 in Berlin
    assert redeeming.check(["spring"], basket=GOODS, now=last)[0].discount_minor == 1000
    assert refusal(now=last + dt.timedelta(minutes=2)) == "too_late"


def test_limits_of_uses_budget_and_codes(shop):
    new_coupon(most_uses=1)
    reserve()
    assert refusal() == "used_up"
    new_coupon("LITTLE", budget_minor=1_500)
    reserve("LITTLE", key="order:2")
    assert refusal("LITTLE") == "budget"
    coupon = new_coupon(codes=1, most_per_code=1)
    text = issuing.text_of(Code.objects.get(coupon=coupon))
    reserve(text, key="order:3")
    assert refusal(text) == "code_used"


def test_a_customer_uses_it_as_often_as_allowed(shop):
    ada, bo = person("Ada"), person("Bo")
    new_coupon(most_per_customer=1)
    assert refusal() == "who"
    reserve(contact_id=ada.pk)
    assert refusal(contact_id=ada.pk) == "customer_used"
    assert reserve(key="order:2", contact_id=bo.pk).state == "reserved"
    redeeming.roll_back("order:1", now=NOW)
    assert reserve(key="order:3", contact_id=ada.pk).state == "reserved"


def test_a_personal_code_is_nobody_elses(shop):
    ada, bo = person("Ada"), person("Bo")
    coupon = new_coupon(codes=1)
    issuing.issue(coupon, count=0, contact_ids=[ada.pk], now=NOW)
    text = issuing.text_of(Code.objects.get(contact=ada))
    assert refusal(text, contact_id=bo.pk) == "somebody_else"
    assert reserve(text, contact_id=ada.pk).discount_minor == 1000


def test_conditions(shop):
    ada = person("Ada")
    new_coupon("MINI", least_minor=20_000)
    assert refusal("MINI") == "too_little"
    new_coupon("FIRST", first_order_only=True)
    assert redeeming.check(["FIRST"], basket=GOODS, now=NOW, contact_id=ada.pk)[0].discount_minor == 1000
    sale("1", (product("Tea"), 1, 500), contact=ada)
    assert refusal("FIRST", contact_id=ada.pk) == "not_first"
    group = Segment.objects.create(slug="vip", name="VIP")
    new_coupon("VIPS", segment=group)
    assert refusal("VIPS", contact_id=ada.pk) == "not_in_group"
    segments.replace_members("vip", [ada.pk], as_of=NOW.date(), rank=1)
    assert redeeming.check(["VIPS"], basket=GOODS, now=NOW, contact_id=ada.pk)[0].discount_minor == 1000
    tea = new_coupon("TEAS")
    tea.products.set([product("Green tea")])
    assert refusal("TEAS") == "no_effect"


def test_a_stopped_coupon_and_an_unknown_word(coupon):
    Coupon.objects.update(stopped_at=NOW)
    assert refusal() == "stopped"
    assert refusal("NOTHING") == "unknown"
    assert refusal("") == "unknown"


def test_only_coupons_that_say_so_are_used_together(shop):
    new_coupon("ALONE")
    new_coupon("MORE", combines=True)
    new_coupon("EVEN", combines=True, gives="amount", amount_minor=1_000, percent=None)
    with pytest.raises(Refused) as refused:
        redeeming.check(["ALONE", "MORE"], basket=GOODS, now=NOW)
    assert refused.value.reason == "not_together"
    held = redeeming.reserve(["MORE", "EVEN"], basket=GOODS, key="order:1", now=NOW)
    assert [one.discount_minor for one in held] == [900, 1_000]
    assert redeeming.roll_back("order:1", now=NOW) == 2


def test_two_codes_are_taken_both_or_none(shop):
    new_coupon("MORE", combines=True)
    even = new_coupon("EVEN", combines=True, most_uses=0)
    with pytest.raises(Refused):
        redeeming.reserve(["MORE", "EVEN"], basket=GOODS, key="order:1", now=NOW)
    assert (Use.objects.count(), even.used_count) == (0, 0)


def test_a_gift_card_is_spent_in_parts_and_given_back(shop):
    coupon = new_coupon(codes=1, gives="gift_card", percent=None, amount_minor=12_000)
    card = Code.objects.get()
    text = issuing.text_of(card)
    assert reserve(text).discount_minor == 10_500  # the goods and the shipping
    assert reserve(text, key="order:2").discount_minor == 1_500
    assert refusal(text) == "empty"
    redeeming.roll_back("order:1", now=NOW)
    card.refresh_from_db()
    assert (card.balance_minor, counters_are_sums()[0], coupon.gives) == (10_500, True, "gift_card")


def test_who_tries_too_many_wrong_codes_has_to_wait(coupon):
    for number in range(20):
        with pytest.raises(Refused):
            redeeming.check([f"GUESS{number}"], basket=GOODS, now=NOW, who="203.0.113.9")
    with pytest.raises(redeeming.TooManyTries):
        redeeming.check(["GUESS"], basket=GOODS, now=NOW, who="203.0.113.9")
    with pytest.raises(Refused):
        redeeming.check(["GUESS"], basket=GOODS, now=NOW, who="203.0.113.10")


def test_the_books_notice_a_counter_that_was_changed_behind_our_back(coupon):
    reserve()
    Coupon.objects.update(used_count=5)
    assert counters_are_sums()[0] is False
