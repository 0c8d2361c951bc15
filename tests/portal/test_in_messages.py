"""The field {{ my_page }} of a campaign: everybody gets the link to their own page."""

import pytest

from crm.campaigns import fields, rendering
from crm.contacts.models import Contact
from crm.portal import links
from tests.conftest import NOW


def written(contact, shop, body: str) -> tuple[str, str]:
    letter = rendering.compile_letter(subject="Hello", body=body, shop=shop, campaign_name="Spring")
    values = fields.facts(contact=contact, shop=shop, points_given=0, now=NOW)
    mail = rendering.mail(letter, to="x@example.com", values=values, shop=shop, now=NOW)
    assert letter.links == ()  # the link is a person's own: no click on it is counted
    return mail.text, mail.html


@pytest.mark.parametrize("body", ["See {{ my_page }}.", "[Your points]({{ my_page }})", "Look: [here]({{my_page}}), please."])
def test_it_is_a_link_wherever_it_stands(mia, nora, shop, body):
    for one in (mia, nora):
        text, html = written(one, shop, body)
        address = links.address(one.pk)
        assert (text.count(address), html.count(f'href="{address}"'), "own-page.invalid" in text + html) == (1, 1, False)
    assert links.address(mia.pk) not in html


def test_alone_in_its_paragraph_it_is_a_button(mia, shop):
    _text, html = written(mia, shop, "[Your points]({{ my_page }})")
    assert 'display:inline-block' in html.partition(links.address(mia.pk))[0].rpartition("<a")[2]


def test_nobody_in_particular_gets_a_link_that_opens_nothing(shop, client, owner):
    text, _html = written(Contact(name="Alex Example"), shop, "{{ my_page }}")
    assert "/my/example/" in text
    assert client.get("/my/example/").status_code == 404
