"""What all components share: the library they register with, and how attributes and choices are written."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

TONES = ("neutral", "good", "warn", "bad", "info", "accent")


class UnknownChoice(ValueError):
    """A template asks for an icon, tone, kind or height that does not exist."""


def known(value: str, choices, what: str) -> str:
    if value not in choices:
        raise UnknownChoice(f"There is no {what} {value!r}; choose one of {', '.join(map(str, choices))}.")
    return value


def written(attributes: dict) -> SafeString:
    """Write keyword arguments as attributes: hx_post="/x/" is hx-post="/x/", True stands alone, None is left out."""
    pairs = []
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            pairs.append(format_html(" {}", name))
        elif value is not None and value is not False and value != "":
            pairs.append(format_html(' {}="{}"', name, value))
    return mark_safe("".join(pairs))


def opens(context, href: str) -> bool:
    """Tell whether whoever looks may open an address; the page's context knows (accounts.context.rights)."""
    may_open = context.get("may_open")
    return not href or may_open is None or may_open(str(href))
