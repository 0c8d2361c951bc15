"""Small marks: icons, badges, faces, keys."""

import re
import unicodedata
from functools import cache

from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from crm.lib.templatetags.ui.base import TONES, UnknownChoice, known, register

AVATAR_TINTS = 5
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@cache
def icon_names() -> frozenset[str]:
    """Return the names in static/img/icons.svg."""
    sprite = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text()
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


@cache
def sprite_url() -> str:
    return static("img/icons.svg")


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Draw one icon: decoration without a label, an image with a name with one."""
    if name not in icon_names():
        if getattr(settings, "STRICT_ICONS", settings.DEBUG):
            raise UnknownChoice(f"There is no icon {name!r} in static/img/icons.svg; see tools/icons/names.txt.")
        return mark_safe("")  # a missing drawing is no reason to lose the page
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon{}" width="18" height="18" {}><use href="{}#{}"></use></svg>',
        f" {css}" if css else "",
        meaning,
        sprite_url(),
        name,
    )


_icon = icon  # for the tags below that have an `icon` argument of their own


@register.simple_tag
def badge(text, tone: str = "neutral", icon: str = "") -> SafeString:
    """Show a short state in words; the tone only underlines it."""
    known(tone, TONES, "tone")
    mark = _icon(icon) if icon else mark_safe('<span class="dot"></span>')
    return format_html('<span class="badge badge-{}">{}{}</span>', tone, mark, text)


def initials(name: str) -> str:
    """Return what stands in an avatar: 王晓雨 is 王, Theo Patel is TP."""
    name = unicodedata.normalize("NFKC", str(name or "")).strip()
    if not name:
        return "?"
    if CJK.match(name):
        return name[0]
    words = [word for word in re.split(r"[\s._@-]+", name.split("@")[0]) if word[:1].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@register.simple_tag
def avatar(name, id=0, size: str = "") -> SafeString:
    """Draw a person's initials on one of five tints, always the same for the same id."""
    return format_html(
        '<span class="avatar avatar-{}{}" aria-hidden="true">{}</span>',
        (int(id or 0) % AVATAR_TINTS) + 1,
        f" avatar-{size}" if size else "",
        initials(name),
    )


@register.simple_tag
def kbd(keys: str) -> SafeString:
    """Show a key or keys pressed together: "Ctrl K"."""
    return format_html(
        '<span class="keys">{}</span>', format_html_join(" ", "<kbd>{}</kbd>", ((k,) for k in keys.split()))
    )
