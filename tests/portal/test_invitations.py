"""The code for friends: it says who sent somebody, and nothing else."""

import pytest

from crm.portal import cards, invitations, links
from crm.rewards import referring, rule_changing
from crm.rewards.models import Referral
from tests.conftest import NOW
from tests.portal.conftest import new_person
from tests.portal.test_page import address, seen, visitor  # noqa: F401


def promise(**points) -> None:
    for kind, given in points.items():
        rule_changing.start(kind=kind, params={"points": given}, starts_on=NOW.date(), now=NOW)


def test_a_code_is_read_as_typed_and_as_an_address(mia, nora):
    code = invitations.code(mia.pk)
    for text in (code, code.lower().replace("-", " "), invitations.address(mia.pk), invitations.address(mia.pk)[:-1]):
        assert invitations.advocate_of(text) == mia
    assert invitations.address(mia.pk).endswith(f"/r/{code}/")
    assert invitations.code(nora.pk) != code


def test_a_wrong_code_is_nobodys_and_a_card_is_no_invitation(mia):
    code = invitations.code(mia.pk)
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert [invitations.advocate_of(text) for text in ("", wrong, cards.code(mia.pk), "222", "http://[")] == [None] * 5
    assert cards.contact_of(code) is None


def test_it_survives_a_new_card_and_ends_with_the_person(mia, now):
    code = invitations.code(mia.pk)
    links.replace(mia.pk, now=now)
    assert invitations.advocate_of(code) == mia
    mia.erased_at = now
    mia.save()
    assert invitations.advocate_of(code) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Mia Fuchs", "Mia"),
        ("Fuchs, Mia Sophie", "Mia"),
        ("王小明", "小明"),
        ("王", "王"),
        ("", ""),
        ("mia@example.com", ""),
    ],
)
def test_strangers_learn_the_first_name_only(db, name, shown):
    assert invitations.first_name(new_person(name, greeting="Frau Dr. Fuchs")) == shown


def test_the_own_page_shows_the_invitation_while_something_is_promised(visitor, mia, nora, now):  # noqa: F811
    assert "Bring a friend" not in seen(visitor.get(address(mia)))
    promise(referral_friend=50, referral_advocate=100)
    referring.refer(nora.pk, advocate_id=mia.pk, via=Referral.Via.LINK, now=now)
    response = visitor.get(address(mia))
    text = seen(response)
    assert "Your friend gets 50 points. You get 100 points when they first buy something." in text
    assert "1 friend has come through you. 0 have bought." in text
    assert f'value="{invitations.address(mia.pk)}"' in response.content.decode()
    assert "Nora" not in text
