"""What holds content: cards, remarks, empty places, charts with their table."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.lib.templatetags.ui.base import known, opens, register, written
from crm.lib.templatetags.ui.marks import icon as _icon  # the tags have an `icon` argument of their own

CHART_HEIGHTS = (160, 200, 240, 260, 300, 360, 420)
CALLOUT_ICONS = {"info": "info", "good": "circle-check", "warn": "triangle-alert", "bad": "circle-x"}


@register.simple_block_tag(takes_context=True, end_name="endcard")
def card(context, content, title="", note="", link="", link_label="", icon="", id="", css="") -> SafeString:
    """Frame one subject with its title, a sentence and one link to more."""
    head, link = "", link if opens(context, link) else ""
    if title or link:
        head = format_html(
            '<header class="card-head">{}<div class="card-titles">{}{}</div>{}</header>',
            _icon(icon) if icon else "",
            format_html('<h2 class="card-title">{}</h2>', title) if title else "",
            format_html('<p class="card-note">{}</p>', note) if note else "",
            format_html('<a class="card-link" href="{}">{}</a>', link, link_label or _("See all")) if link else "",
        )
    elif note:
        head = format_html('<p class="card-note">{}</p>', note)
    return format_html(
        '<section class="card{}"{}>{}{}</section>', f" {css}" if css else "", written({"id": id}), head, content
    )


@register.simple_block_tag(end_name="endcallout")
def callout(content, tone="info", title="", icon="") -> SafeString:
    """Set a remark apart; the icon and the words carry the tone, the colour repeats it."""
    known(tone, CALLOUT_ICONS, "tone of a callout")
    return format_html(
        '<div class="callout callout-{}">{}<div class="callout-body">{}{}</div></div>',
        tone,
        _icon(icon or CALLOUT_ICONS[tone]),
        format_html('<p class="callout-title">{}</p>', title) if title else "",
        content,
    )


@register.simple_block_tag(end_name="endempty")
def empty(content, icon="inbox", title="") -> SafeString:
    """Say why a place is empty and what would fill it."""
    return format_html(
        '<div class="empty">{}{}<div class="empty-body">{}</div></div>',
        format_html('<span class="empty-icon">{}</span>', _icon(icon)),
        format_html('<h2 class="empty-title">{}</h2>', title) if title else "",
        content,
    )


@register.simple_block_tag(end_name="endchart")
def chart(content, src, label, height=260) -> SafeString:
    """Draw a plotly figure from an address once it is scrolled to; the table inside holds the same numbers."""
    known(int(height), CHART_HEIGHTS, "chart height")
    table = ""
    if content.strip():
        table = format_html(
            '<details class="chart-table"><summary>{}</summary><div class="table-wrap">{}</div></details>',
            _("Show as table"),
            content,
        )
    return format_html(
        '<ui-chart class="chart" src="{}" label="{}"><div class="chart-plot h-{}"></div>{}</ui-chart>',
        src,
        label,
        int(height),
        table,
    )
