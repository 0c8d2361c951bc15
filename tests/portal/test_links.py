from django.test import override_settings

from crm.lib import tokens
from crm.portal import cards, links
from tests.conftest import NOW


def test_a_link_opens_the_page_of_its_person(mia, nora):
    assert [links.contact_of(links.token(one.pk)) for one in (mia, nora)] == [mia, nora]


def test_a_forged_token_opens_nothing(mia, nora):
    value, _dot, signature = links.token(mia.pk).rpartition(".")
    forged = [
        f"{nora.pk}-0.{signature}",  # somebody else's number
        f"{value}.{signature[:-1]}",
        f"{value}.",
        value,
        f"{mia.pk}",
        "",
        ".",
        tokens.sign("unsubscribe", f"{mia.pk}-0"),  # ours, for another purpose
        tokens.sign("portal", "-0"),
        tokens.sign("portal", f"{10**6}-0"),
    ]
    assert [links.contact_of(token) for token in forged] == [None] * len(forged)


def test_replacing_makes_the_old_link_and_card_worthless(mia, nora):
    old, old_code, other = links.token(mia.pk), cards.code(mia.pk), links.token(nora.pk)
    links.replace(mia.pk, now=NOW)
    assert (links.contact_of(old), cards.contact_of(old_code)) == (None, None)
    assert (links.contact_of(links.token(mia.pk)), cards.contact_of(cards.code(mia.pk))) == (mia, mia)
    assert links.contact_of(other) == nora
    second = links.token(mia.pk)
    links.replace(mia.pk, now=NOW)
    assert links.contact_of(second) is None


def test_an_erased_person_has_no_page_and_no_card(mia):
    token, code = links.token(mia.pk), cards.code(mia.pk)
    mia.erased_at = NOW
    mia.save()
    assert (links.contact_of(token), cards.contact_of(code)) == (None, None)


def test_links_and_cards_survive_a_new_secret_key(mia):
    token, code = links.token(mia.pk), cards.code(mia.pk)
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=["only-for-tests"]):
        assert (links.contact_of(token), cards.contact_of(code)) == (mia, mia)
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        assert (links.contact_of(token), cards.contact_of(code)) == (None, None)


def test_a_card_is_read_however_it_was_typed(mia):
    code = cards.code(mia.pk)
    typed = [code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} ", f"https://x.example/till/?q={code}"]
    assert [cards.contact_of(text) for text in typed] == [mia] * len(typed)


def test_a_made_up_card_is_nobodys(mia, nora):
    head, secret = cards.code(mia.pk)[:4], cards.code(mia.pk)[4:]
    other = cards.code(nora.pk)
    wrong = [head + other[4:], other[:4] + secret, head, secret, "", "-", "mia", "9" * 60, "https://x.example/", "2" * 12]
    assert [cards.contact_of(text) for text in wrong] == [None] * len(wrong)


def test_codes_of_many_people_differ_and_lead_back(shop):
    ids = [*range(1, 200), 32**4 - 1, 32**4, 10**7, 2**40]
    codes = {cards.code(contact_id) for contact_id in ids}
    assert len(codes) == len(ids)
    assert sorted({len(code) for code in codes}) == [14, 15, 19]
