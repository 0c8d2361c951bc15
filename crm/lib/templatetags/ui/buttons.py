"""What is pressed: buttons, and the chips of a row of filters."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from crm.lib.templatetags import say
from crm.lib.templatetags.ui.base import known, opens, register, written
from crm.lib.templatetags.ui.marks import icon as _icon  # the tags have an `icon` argument of their own

BUTTON_KINDS = ("primary", "plain", "ghost", "danger")


@register.simple_tag(takes_context=True)
def button(
    context,
    label,
    href: str = "",
    kind: str = "primary",
    icon: str = "",
    type: str = "submit",
    name: str = "",
    value: str = "",
    size: str = "",
    icon_only: bool = False,
    **attributes,
) -> SafeString:
    """Draw a link with an href, else a button; icon_only keeps the label for those who listen.

    A link to what whoever looks may not open is left out.
    """
    known(kind, BUTTON_KINDS, "kind of button")
    if not opens(context, href):
        return mark_safe("")
    css = f"btn btn-{kind}" + (f" btn-{size}" if size else "") + (" btn-icon" if icon_only else "")
    content = format_html(
        "{}{}",
        _icon(icon) if icon else "",
        format_html('<span class="sr-only">{}</span>', label) if icon_only else label,
    )
    if icon_only:
        attributes.setdefault("title", label)
    if href:
        return format_html('<a class="{}" href="{}"{}>{}</a>', css, href, written(attributes), content)
    named = {"name": name, "value": value} if name else {}
    return format_html('<button class="{}" type="{}"{}>{}</button>', css, type, written(named | attributes), content)


@register.simple_tag
def chip(label, href: str = "", active: bool = False, count=None, icon: str = "", **attributes) -> SafeString:
    """Draw one filter of a row; the chosen one is marked for eyes and ears."""
    content = format_html(
        "{}{}{}",
        _icon(icon) if icon else "",
        label,
        "" if count is None or count == "" else format_html(' <span class="chip-count">{}</span>', say.number(count)),
    )
    if href:
        attributes["aria_current"] = "true" if active else None
        return format_html('<a class="chip" href="{}"{}>{}</a>', href, written(attributes), content)
    return format_html('<span class="chip"{}>{}</span>', mark_safe(' aria-current="true"' if active else ""), content)
