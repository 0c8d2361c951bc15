"""Codes: readable, unguessable, in the database only as a fingerprint."""

import math

import pytest

from crm.coupons import codes, issuing
from crm.coupons.models import Code
from tests.conftest import NOW
from tests.contacts.people import person
from tests.coupons.conftest import new_coupon


def test_a_code_has_at_least_59_bits_and_no_look_alikes():
    assert codes.RANDOM * math.log2(len(codes.LETTERS)) >= 59
    assert set(codes.LETTERS) & set("01OI") == set()
    assert len(set(codes.LETTERS)) == 32


def test_a_code_is_read_as_people_type_it():
    assert codes.fold(" spring-7kqm r2xw ") == "SPRING7KQMR2XW"
    assert codes.fold("ｓｐｒｉｎｇ") == "SPRING"


def test_many_codes_are_all_different_and_stand_nowhere_in_the_database(shop):
    coupon = new_coupon(codes=500)
    texts = [text for _code, text in issuing.texts(coupon)]
    assert len(set(texts)) == 500
    assert all(text.startswith("SPRING-") and len(text) == len("SPRING-XXXX-XXXX-XXXX") for text in texts)
    stored = str(list(Code.objects.values()))
    assert [text for text in texts if text in stored or codes.fold(text) in stored] == []


def test_more_codes_follow_on_and_the_first_stay(shop):
    coupon = new_coupon(codes=3)
    first = [text for _code, text in issuing.texts(coupon)]
    issuing.issue(coupon, count=2, now=NOW)
    assert [text for _code, text in issuing.texts(coupon)][:3] == first
    coupon.refresh_from_db()
    assert coupon.code_count == 5


def test_each_person_gets_one_code_however_often_it_is_asked(shop):
    people = [person("Ada").pk, person("Bo").pk]
    coupon = new_coupon(codes=1)
    made = [issuing.issue(coupon, count=0, contact_ids=people, now=NOW) for _n in range(2)]
    assert made == [2, 0]


def test_codes_can_be_shown_after_the_secret_key_changed(shop, settings):
    coupon = new_coupon(codes=1)
    [(code, before)] = issuing.texts(coupon)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert issuing.text_of(code) == before
    assert code.code_hash in list(codes.hashes(before))


@pytest.mark.parametrize(("word", "error"), [("abc", issuing.WordTooShort), ("spring", issuing.WordTaken)])
def test_a_word_must_be_long_enough_and_free(shop, word, error):
    new_coupon("SPRING")
    with pytest.raises(error):
        issuing.share(new_coupon("OTHER"), word=word, now=NOW)
