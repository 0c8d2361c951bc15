import pytest

from crm.contacts.models import Contact
from crm.coupons import issuing
from crm.coupons.models import Code
from crm.portal import cards
from crm.till import finding
from tests.conftest import NOW
from tests.coupons.conftest import new_coupon
from tests.portal.conftest import new_person


@pytest.mark.parametrize("words", ["+49 30 5557001", "030 5557001", "0049 30 555 7001", "Fuchs", "mia.fuchs@example.com", "5557001"])
def test_a_phone_number_a_name_or_an_address_finds_the_person(mia, nora, words):
    assert finding.find(words, now=NOW).people == [mia]


def test_one_letter_is_a_whole_family_name_in_chinese(mia):
    wang = new_person("王小明")
    assert [finding.find(words, now=NOW).people for words in ("王", "M")] == [[wang], []]


@pytest.mark.parametrize("words", ["+49 151 2345 0003", "0049 151 23450003", "0151/2345 0003", "015123450003"])
def test_a_number_kept_without_its_country_is_found_with_it(mia, words):
    david = new_person("David Roth", phone="0151 23450003")
    assert (david.phone_key, finding.find(words, now=NOW).people) == ("015123450003", [david])


def test_the_card_finds_the_person_typed_or_scanned(mia, nora):
    code = cards.code(nora.pk)
    for words in (code, code.lower(), f"https://shop.example/till/?q={code}"):
        assert finding.find(words, now=NOW).only == nora


def test_an_address_that_is_none_finds_nobody(mia):
    for words in ("http://[", "https://mia]/till/?q=x", f"http://[/?q={cards.code(mia.pk)}"):
        assert finding.find(words, now=NOW).people == []


def test_a_coupon_of_somebodys_own_finds_them_and_is_kept_for_the_purchase(mia, nora):
    coupon = new_coupon(codes=1)
    issuing.issue(coupon, count=0, contact_ids=[nora.pk], now=NOW)
    text = issuing.text_of(Code.objects.get(contact=nora))
    found = finding.find(text, now=NOW)
    assert (found.only, found.codes) == (nora, text)
    unowned = issuing.text_of(Code.objects.get(contact=None))
    assert finding.find(unowned, now=NOW).people == []


def test_a_shared_phone_finds_all_who_have_it(mia):
    twin = new_person("Max Fuchs", phone="+49 30 5557001")
    assert finding.find("+49305557001", now=NOW).people == [mia, twin]


def test_the_erased_are_not_found(mia):
    code = cards.code(mia.pk)
    Contact.objects.update(erased_at=NOW)
    assert [finding.find(words, now=NOW).people for words in ("Fuchs", "+49 30 5557001", code)] == [[], [], []]


def test_many_are_cut_short(shop):
    for number in range(finding.SHOWN + 1):
        new_person(f"Kim {number:02}")
    found = finding.find("Kim", now=NOW)
    assert (len(found.people), found.is_more, found.only) == (finding.SHOWN, True, None)
