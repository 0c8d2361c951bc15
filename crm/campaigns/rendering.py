"""Turn a campaign's Markdown into the mail a person gets.

Markdown (no HTML) -> allow-list -> table-based HTML and plain text, compiled once per campaign into a
`Letter`; only the values, our link addresses and the unsubscribe address differ from person to person.
Marks made of private-use characters stand for these while Markdown and the sanitiser run.
"""

import datetime as dt
import hashlib
import html
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime, formataddr
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import nh3
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from crm.accounts.models import Shop
from crm.campaigns import fields
from crm.campaigns.channels.base import Mail
from crm.lib import tokens

OPEN, CLOSE = "\ue000", "\ue001"
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_MARK = re.compile(f"{OPEN}([a-z][0-9]*){CLOSE}")
_BARE_ADDRESS = re.compile(r"(?<![\w(<\"'\[/])https?://[^\s<>()\[\]\"']*[\w/]")
_ANCHOR = re.compile(r"<a\b([^>]*)>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_OUR_MARKS = re.compile(r"[?&]utm_source=regulars&utm_medium=email&utm_campaign=[^&#]*")
_FIELD_ADDRESS = "https://field.invalid/"  # before the name of a field that is an address, while Markdown runs
_ADDRESS_FIELD = re.compile(re.escape(_FIELD_ADDRESS) + "([a-z_]+)/")
EXAMPLE = "example"  # what the unsubscribe token of a test or preview stands for
_TAGS = {"p", "h1", "h2", "h3", "strong", "em", "a", "ul", "ol", "li", "blockquote", "br", "hr", "code"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["code", "fence"])

_FONT = "font-family:Arial,'PingFang SC','Microsoft YaHei',sans-serif;"
_STYLES = {
    "<p>": f'<p style="margin:0 0 16px;{_FONT}font-size:16px;line-height:1.6;color:#26211b">',
    "<h1>": f'<h1 style="margin:0 0 16px;{_FONT}font-size:26px;line-height:1.3;color:#26211b">',
    "<h2>": f'<h2 style="margin:24px 0 12px;{_FONT}font-size:20px;line-height:1.3;color:#26211b">',
    "<h3>": f'<h3 style="margin:20px 0 8px;{_FONT}font-size:17px;line-height:1.3;color:#26211b">',
    "<ul>": '<ul style="margin:0 0 16px;padding-left:22px">',
    "<ol>": '<ol style="margin:0 0 16px;padding-left:22px">',
    "<li>": f'<li style="margin:0 0 6px;{_FONT}font-size:16px;line-height:1.6;color:#26211b">',
    "<blockquote>": '<blockquote style="margin:0 0 16px;padding:2px 0 2px 14px;border-left:3px solid #e0d9cf">',
    "<hr>": '<hr style="margin:24px 0;border:0;border-top:1px solid #e7e1d8">',
    "<a href": '<a style="color:#a33d12;text-decoration:underline" href',
    '<a class="button" href': (
        f'<a style="display:inline-block;padding:12px 24px;border-radius:8px;background-color:#b5441a;'
        f'color:#ffffff;{_FONT}font-size:16px;font-weight:bold;text-decoration:none" href'
    ),
}
_STYLED = re.compile("|".join(re.escape(tag) for tag in sorted(_STYLES, key=len, reverse=True)))


class CannotRender(ValueError):
    """The text asks for something a mail cannot carry; the message says what, for the owner."""


@dataclass(frozen=True)
class Letter:
    """A campaign ready to be filled in; `links` are the addresses our own links stand for."""

    subject: list
    html: list
    text: list
    links: tuple[str, ...]

    def fill(self, values: fields.Facts, *, hrefs: Mapping[str, str], unsubscribe: str) -> tuple[str, str, str]:
        """Return subject, plain text and HTML for one person."""
        subject = " ".join(fields.fill(self.subject, values).split())
        text = "".join(_written(part, values, hrefs, unsubscribe) for part in fields.agreeing(self.text, values))
        body = "".join(
            part if isinstance(part, str) else html.escape(_written(part, values, hrefs, unsubscribe))
            for part in fields.agreeing(self.html, values)
        )
        return subject, text, body


@dataclass(frozen=True)
class _LinkUse:
    url: str


class _UnsubscribeUse:
    pass


def compile_letter(*, subject: str, body: str, shop: Shop, campaign_name: str) -> Letter:
    """Prepare subject and body; raise UnknownField or CannotRender where they are wrong."""
    subject_parts = fields.split(subject)
    uses: dict[str, object] = {"u": _UnsubscribeUse()}
    marked = "".join(
        _PRIVATE_USE.sub("", part) if isinstance(part, str) else _stand_in(uses, part) for part in fields.split(body)
    )
    parsed = _MARKDOWN.parse(_BARE_ADDRESS.sub(r"<\g<0>>", marked))
    _refuse_pictures(parsed)
    _make_buttons(parsed)
    clean = nh3.clean(
        _MARKDOWN.renderer.render(parsed, _MARKDOWN.options, {}),
        tags=_TAGS,
        attributes={"a": {"href", "class"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    links: dict[str, str] = {}
    own_addresses = {f"{_FIELD_ADDRESS}{name}/" for name, field in fields.FIELDS.items() if field.is_address}

    def own_link(match: re.Match) -> str:
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        address = html.unescape(attributes.get("href", ""))
        if OPEN in address or "%EE%80%80" in address.upper():
            raise CannotRender(_("A field cannot stand inside a link address."))
        if address.startswith(("http://", "https://")) and address not in own_addresses:
            url = with_source(address, campaign_name=campaign_name)
            if len(url) > 2000:
                raise CannotRender(_("A link address is longer than 2,000 characters."))
            if url not in links:
                links[url] = _mark(uses, f"l{len(uses)}", _LinkUse(url))
            address = links[url]
        css = 'class="button" ' if attributes.get("class") == "button" else ""
        return f'<a {css}href="{html.escape(address)}">'

    styled = _STYLED.sub(lambda match: _STYLES[match[0]], _ANCHOR.sub(own_link, clean))

    def own_field(match: re.Match) -> str:
        return _mark(uses, f"f{len(uses)}", fields.Use(match[1]))

    text = _plain(parsed, lambda url: links.get(with_source(url, campaign_name=campaign_name), url))
    unsubscribe = f"{OPEN}u{CLOSE}"
    with translation.override(shop.language):
        frame = render_to_string(
            "campaigns/mail/message.html", {"shop": shop, "body": mark_safe(styled), "unsubscribe": unsubscribe}
        )
        foot = render_to_string("campaigns/mail/message.txt", {"shop": shop, "unsubscribe": unsubscribe})
    return Letter(
        subject=subject_parts,
        html=_cut(_ADDRESS_FIELD.sub(own_field, frame), uses),
        text=_cut(_ADDRESS_FIELD.sub(own_field, f"{text}\n\n{foot.strip()}\n"), uses),
        links=tuple(links),
    )


def with_source(url: str, *, campaign_name: str) -> str:
    """Return the address with utm_ marks, unless the owner has set their own."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(name.startswith("utm_") for name, _value in query):
        return url
    ours = urlencode(
        {
            "utm_source": "regulars",
            "utm_medium": "email",
            "utm_campaign": slugify(campaign_name, allow_unicode=True) or "campaign",
        }
    )
    return urlunsplit(parts._replace(query=f"{parts.query}&{ours}" if parts.query else ours))


def without_source(url: str) -> str:
    """Return the address as the owner wrote it."""
    return _OUR_MARKS.sub("", url)


def url_hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def unsubscribe_url(message_id: int | None) -> str:
    """Return the address of the unsubscribe page; a test or preview gets one that changes nothing."""
    token = tokens.sign("unsubscribe", EXAMPLE if message_id is None else message_id)
    return settings.SITE_URL + reverse("mail:unsubscribe", args=[token])


def click_url(*, message_id: int, link_id: int) -> str:
    return settings.SITE_URL + reverse("mail:click", args=[tokens.sign("click", f"{message_id}-{link_id}")])


def sender(shop: Shop) -> str:
    """Return the From header; an address that cannot exist while none is set (such mail only fills the outbox)."""
    return formataddr((" ".join(shop.name.split()), sender_address(shop) or "sender-not-set@example.invalid"))


def sender_address(shop: Shop) -> str:
    return shop.sender_email or settings.MAIL_FROM


def mail(
    letter: Letter,
    *,
    to: str,
    values: fields.Facts,
    shop: Shop,
    now: dt.datetime,
    message_id: int | None = None,
    link_ids: Mapping[str, int] | None = None,
) -> Mail:
    """Return one person's mail. Without a `message_id` it is a test: links lead straight to their goal."""
    unsubscribe = unsubscribe_url(message_id)
    headers = {"Date": format_datetime(now)}
    hrefs: Mapping[str, str] = {url: url for url in letter.links}
    if message_id is not None:
        hrefs = {url: click_url(message_id=message_id, link_id=link_ids[url]) for url in letter.links}
        headers |= {
            "Message-ID": message_id_header(message_id, shop=shop),
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    written = replace(values, message_id=message_id)
    subject, text, body = letter.fill(written, hrefs=hrefs, unsubscribe=unsubscribe)
    return Mail(
        sender=sender(shop), to=to, subject=subject, text=text, html=body, at=now, headers=headers,
        message_id=message_id,
    )


def message_id_header(message_id: int, *, shop: Shop) -> str:
    """Return the same Message-ID whenever this message is sent, so that a second copy can be recognised."""
    domain = sender_address(shop).rpartition("@")[2] or "example.invalid"
    return f"<{message_id}.{tokens.keyed_hash(f'message:{message_id}')[:24]}@{domain}>"


def _written(part, values: fields.Facts, hrefs: Mapping[str, str], unsubscribe: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, fields.Use):
        return part.write(values)
    return hrefs[part.url] if isinstance(part, _LinkUse) else unsubscribe


def _mark(uses: dict[str, object], name: str, use: object) -> str:
    uses[name] = use
    return f"{OPEN}{name}{CLOSE}"


def _stand_in(uses: dict[str, object], use: fields.Use) -> str:
    """Return what stands for a field while Markdown runs."""
    is_address = fields.FIELDS[use.name].is_address
    return f"{_FIELD_ADDRESS}{use.name}/" if is_address else _mark(uses, f"f{len(uses)}", use)


def _cut(text: str, uses: Mapping[str, object]) -> list:
    """Cut a compiled text at its marks."""
    pieces = _MARK.split(text)
    return [uses[piece] if index % 2 else piece for index, piece in enumerate(pieces) if index % 2 or piece]


def _refuse_pictures(parsed: list[Token]) -> None:
    if any(child.type == "image" for token in parsed for child in token.children or []):
        raise CannotRender(_("Pictures are not sent. Put a link to the picture instead."))


def _make_buttons(parsed: list[Token]) -> None:
    """A link that is alone in its paragraph becomes a button."""
    for before, token in itertools.pairwise(parsed):
        children = token.children or []
        if (
            before.type == "paragraph_open"
            and not before.hidden
            and len(children) >= 3
            and children[0].type == "link_open"
            and children[0].info != "auto"
            and children[-1].type == "link_close"
            and sum(child.type == "link_open" for child in children) == 1
        ):
            children[0].attrSet("class", "button")


def _plain(parsed: list[Token], address: Callable[[str], str]) -> str:
    """Write the text part: paragraphs, list marks, and every link's address behind its words."""
    lines, marks = [], []
    for token in parsed:
        match token.type:
            case "bullet_list_open":
                marks.append(None)
            case "ordered_list_open":
                marks.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                marks.pop()
                lines += [] if marks else [""]
            case "list_item_open":
                mark = "-" if marks[-1] is None else f"{marks[-1]}."
                marks[-1] = None if marks[-1] is None else marks[-1] + 1
                lines.append("  " * (len(marks) - 1) + mark + " ")
            case "hr":
                lines += ["----", ""]
            case "inline":
                words = _plain_inline(token.children or [], address)
                if marks and lines[-1].endswith((". ", "- ")):
                    lines[-1] += words
                else:
                    lines += [words] if marks else [words, ""]
    return "\n".join(lines).strip()


def _plain_inline(children: list[Token], address: Callable[[str], str]) -> str:
    written, opened = "", []
    for child in children:
        match child.type:
            case "text" | "code_inline":
                written += child.content
            case "softbreak" | "hardbreak":
                written += "\n"
            case "link_open":
                opened.append((child.attrGet("href") or "", len(written)))
            case "link_close":
                href, start = opened.pop()
                goal = address(href)
                words = written[start:]
                written = written[:start] + (goal if words in (href, "") else f"{words}: {goal}")
    return written
