"""A text hands out the coupons whose codes are written in it."""

import pytest

from crm.coupons import issuing
from crm.coupons.mentions import coupons_in
from crm.coupons.models import Code
from tests.coupons.conftest import new_coupon

pytestmark = pytest.mark.django_db


def test_a_word_in_capitals_is_a_code_and_the_same_word_in_a_sentence_is_not(coupon):
    assert list(coupons_in("Use **SPRING** today")) == [coupon]
    assert list(coupons_in("In spring, Spring or sPRING")) == []


@pytest.mark.parametrize("text", ["TEA 10", "(TEA10)", "tea TEA-10!", "TEA10, until Sunday"])
def test_codes_are_found_however_they_are_written(shop, text):
    coupon = new_coupon("TEA10")
    assert list(coupons_in(text)) == [coupon]


def test_chinese_words_have_no_capitals(shop):
    coupon = new_coupon("春天大优惠")
    assert list(coupons_in("输入 春天大优惠 即可")) == [coupon]


def test_a_code_of_somebody_s_own_is_found_too(shop):
    coupon = new_coupon(codes=3)
    text = issuing.text_of(Code.objects.filter(coupon=coupon).select_related("coupon")[1])
    assert list(coupons_in("Hello", f"Your code: {text}")) == [coupon]


def test_several_texts_and_codes_name_each_coupon_once(coupon):
    other = new_coupon("TEA10")
    assert set(coupons_in("SPRING and SPRING", "TEA10 {{ first_name }}")) == {coupon, other}


def test_a_stopped_code_hands_out_nothing(coupon, now):
    Code.objects.update(stopped_at=now)
    assert list(coupons_in("SPRING")) == []


def test_no_code_no_coupon(coupon):
    assert list(coupons_in("", "OK A 12")) == []
