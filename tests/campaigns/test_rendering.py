import html
import re

import pytest

from crm.campaigns import rendering
from crm.campaigns.channels.base import BadMail, Mail
from tests.campaigns.test_fields import facts

pytestmark = pytest.mark.django_db


def compiled(shop, body, subject="Hello"):
    return rendering.compile_letter(subject=subject, body=body, shop=shop, campaign_name="Spring: 20 %")


def filled(shop, body, subject="Hello", **more):
    letter = compiled(shop, body, subject)
    return letter.fill(facts(**more), hrefs={url: url for url in letter.links}, unsubscribe="https://unsub.example/u")


def test_message_has_shop_name_address_and_unsubscribe_link_in_both_parts(shop):
    shop.address = "Lindenstr. 5, Berlin"
    subject, text, page = filled(shop, "Hi {{ first_name }}")
    assert subject == "Hello"
    assert text == (
        "Hi Ava\n\n--\nYou get this because you are a customer of Linden & Loaf.\n"
        "Linden & Loaf · Lindenstr. 5, Berlin\nUnsubscribe: https://unsub.example/u\n"
    )
    assert page.count('<a href="https://unsub.example/u"') == 1
    assert page.count("Lindenstr. 5, Berlin") == 1


def test_values_are_escaped_in_html_and_plain_in_text(shop):
    _subject, text, page = filled(shop, "Hi {{ first_name }}", first_name='<img src=x onerror="alert(1)">')
    assert "Hi &lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in page
    assert text.startswith('Hi <img src=x onerror="alert(1)">')


def test_value_can_make_neither_markdown_nor_link(shop):
    _subject, _text, page = filled(shop, "Hi {{ first_name }}", first_name="**x** [y](https://evil.example)")
    assert "Hi **x** [y](https://evil.example)" in page
    assert "evil.example</a>" not in page


@pytest.mark.parametrize(
    "body",
    ["<script>alert(1)</script>", "[x](javascript:alert(1))", "<a href='javascript:alert(1)'>x</a>",
     "[x](data:text/html,hi)", "<img src=x onerror=alert(1)>", "<style>*{}</style>", "<svg onload=alert(1)>",
     "[x](vbscript:msgbox)", "<iframe src='https://evil.example'></iframe>", "[x](https://a.example\" onclick=\"x)"],
)  # fmt: skip
def test_nothing_active_survives(shop, body):
    page = filled(shop, body)[2]
    tags = set(re.findall(r"<\s*([a-z0-9]+)", page))
    assert tags - {"html", "head", "meta", "title", "body", "table", "tr", "td", "a", "p", "br", "strong"} == set()
    attributes = {name for tag in re.findall(r"<[a-z][^>]*>", page) for name in re.findall(r'\s([a-z-]+)="', tag)}
    assert [name for name in attributes if name.startswith("on")] == []
    goals = [html.unescape(href) for href in re.findall(r'href="([^"]*)"', page)]
    assert [goal for goal in goals if not goal.startswith(("https://", "http://", "mailto:"))] == []


def test_links_carry_their_source_and_are_stored_once(shop):
    letter = compiled(shop, "[a](https://l.example/?x=1#top) [b](https://l.example/?x=1#top) <https://m.example>")
    assert letter.links == (
        "https://l.example/?x=1&utm_source=regulars&utm_medium=email&utm_campaign=spring-20#top",
        "https://m.example?utm_source=regulars&utm_medium=email&utm_campaign=spring-20",
    )


def test_own_utm_marks_are_kept(shop):
    assert compiled(shop, "[a](https://l.example/?utm_source=mine)").links == ("https://l.example/?utm_source=mine",)


def test_bare_address_becomes_a_link_without_the_full_stop(shop):
    assert compiled(shop, "See https://l.example/new.").links == (
        "https://l.example/new?utm_source=regulars&utm_medium=email&utm_campaign=spring-20",
    )


def test_mail_address_is_left_alone(shop):
    letter = compiled(shop, "[write](mailto:hello@linden.example)")
    assert letter.links == ()
    assert 'href="mailto:hello@linden.example"' in "".join(part for part in letter.html if isinstance(part, str))


def test_link_alone_on_its_line_becomes_a_button(shop):
    page = filled(shop, "Text [inline](https://l.example)\n\n[Use my points](https://l.example/use)")[2]
    button, = re.findall(r"<a style=\"display:inline-block[^>]*>([^<]*)</a>", page)
    assert button == "Use my points"


def test_field_inside_a_link_address_is_refused(shop):
    with pytest.raises(rendering.CannotRender, match="link address"):
        compiled(shop, "[x](https://l.example/?n={{first_name}})")


def test_picture_is_refused(shop):
    with pytest.raises(rendering.CannotRender, match="Pictures"):
        compiled(shop, "![x](https://l.example/x.png)")


def test_text_part_reads_as_written(shop):
    text = filled(
        shop,
        "# Heading\n\nA **bold** word\nnext line\n\n- one\n- [two](https://l.example/?utm_source=x)\n\n1. a\n2. b\n\n---\n\nEnd",
    )[1]
    assert text.split("\n\n--\n")[0] == (
        "Heading\n\nA bold word\nnext line\n\n- one\n- two: https://l.example/?utm_source=x\n\n1. a\n2. b\n\n----\n\nEnd"
    )


def test_our_marks_typed_by_the_owner_mean_nothing(shop):
    assert "\ue000" not in filled(shop, "a \ue000u\ue001 b \ue000f1\ue001 {{ first_name }}")[2]


def test_footer_speaks_the_shops_language(shop):
    shop.language = "zh-hans"
    assert '<html lang="zh-hans">' in filled(shop, "x")[2]


def mail(shop, now, **more):
    letter = compiled(shop, "[a](https://l.example)")
    return rendering.mail(letter, to="ava@example.com", values=facts(), shop=shop, now=now, **more)


def test_headers_offer_one_click_unsubscribe(shop, now, settings):
    settings.SITE_URL = "https://crm.linden.example"
    shop.sender_email = "hello@linden.example"
    link_ids = {compiled(shop, "[a](https://l.example)").links[0]: 5}
    made, again = (mail(shop, now, message_id=7, link_ids=link_ids) for _ in range(2))
    assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https://crm\.linden\.example/m/u/7\.[\w-]+/>", made.headers["List-Unsubscribe"])
    assert re.fullmatch(r"<7\.[0-9a-f]{24}@linden\.example>", made.headers["Message-ID"])
    assert made.headers == again.headers
    assert made.sender == '"Linden & Loaf" <hello@linden.example>' or made.sender == "Linden & Loaf <hello@linden.example>"
    assert re.search(r'href="https://crm\.linden\.example/m/c/7-5\.[\w-]+/"', made.html)
    assert "l.example?" not in made.html


def test_a_test_leads_straight_to_the_goal_and_offers_no_list_header(shop, now):
    made = mail(shop, now)
    assert sorted(made.headers) == ["Date"]
    assert "https://l.example?utm_source=regulars" in made.html


def test_sender_falls_back_to_mail_from(shop, settings):
    settings.MAIL_FROM = "box@example.com"
    assert rendering.sender(shop) == "Linden & Loaf <box@example.com>"
    shop.sender_email = "hello@linden.example"
    assert rendering.sender(shop) == "Linden & Loaf <hello@linden.example>"


@pytest.mark.parametrize("where", ["sender", "to", "subject"])
@pytest.mark.parametrize("bad", ["\r\n", "\n", "\r", "\x00"])
def test_header_values_refuse_line_breaks(now, where, bad):
    values = {"sender": "a@example.com", "to": "b@example.com", "subject": "Hi"}
    values[where] = f"x@example.com{bad}Bcc: all@example.com"
    with pytest.raises(BadMail):
        Mail(**values, text="", html="", at=now)


def test_other_headers_refuse_line_breaks(now):
    with pytest.raises(BadMail):
        Mail(sender="a@example.com", to="b@example.com", subject="", text="", html="", at=now, headers={"X": "a\nb"})
