"""Numbers as pictures, drawn here so that they need no script."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm.lib.templatetags import say
from crm.lib.templatetags.ui.base import TONES, known, opens, register
from crm.lib.templatetags.ui.marks import icon

COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")


@register.simple_tag(takes_context=True)
def kpi(context, label, value, href="", delta=None, good_when="up", is_share=False, note="", points=None) -> SafeString:
    """Show one figure, how it moved (0.12 is up 12 %; of a share, 12 more of 100) and the days behind it."""
    known(good_when, ("up", "down"), "direction")
    change = ""
    if delta is not None and delta != "":
        if is_share:
            text = _("%(count)s more of 100") if delta > 0 else _("%(count)s fewer of 100")
            shown = text % {"count": say.units(100 * abs(delta))}
        else:
            shown = say.percent(abs(delta), 1 if abs(delta) < 0.1 else 0)
        if round(abs(delta), 3) == 0:
            change = format_html('<span class="delta delta-flat">{}</span>', _("no change"))
        else:
            up = delta > 0
            change = format_html(
                '<span class="delta delta-{}">{}<span class="sr-only">{} </span>{}</span>',
                "good" if up == (good_when == "up") else "bad",
                icon("arrow-up-right" if up else "arrow-down-right"),
                _("up") if up else _("down"),
                shown,
            )
    foot = format_html(
        '<p class="kpi-foot">{}{}</p>', change, format_html('<span class="kpi-note">{}</span>', note) if note else ""
    )
    inside = format_html(
        '<p class="kpi-label">{}</p><div class="kpi-row"><p class="kpi-value">{}</p>{}</div>{}',
        label,
        value,
        sparkline(points) if points else "",
        foot if change or note else "",
    )
    if href and opens(context, href):
        return format_html('<a class="kpi" href="{}">{}</a>', href, inside)
    return format_html('<div class="kpi">{}</div>', inside)


@register.simple_tag
def sparkline(points, label: str = "") -> SafeString:
    """Draw a small line of numbers, oldest first; decoration unless it is given a label."""
    points = [float(point or 0) for point in points or []]
    if len(points) < 2:
        return mark_safe("")
    width, height, edge = 84, 28, 3
    low, high = min(points), max(points)
    scale = (height - 2 * edge) / (high - low) if high > low else 0
    step = (width - 2 * edge) / (len(points) - 1)
    dots = [
        (edge + index * step, height / 2 if not scale else height - edge - (point - low) * scale)
        for index, point in enumerate(points)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    return format_html(
        '<svg class="sparkline" width="84" height="28" viewBox="0 0 84 28" {}>'
        '<polygon points="{} {},28 {},28"></polygon>'
        '<polyline points="{}"></polyline><circle cx="{}" cy="{}" r="2.2"></circle></svg>',
        format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"'),
        line,
        f"{dots[-1][0]:.1f}",
        f"{dots[0][0]:.1f}",
        line,
        f"{dots[-1][0]:.1f}",
        f"{dots[-1][1]:.1f}",
    )


@register.simple_tag(takes_context=True)
def segmentbar(context, parts) -> SafeString:
    """Draw how a whole divides, as a bar and as lines one can click: (label, count, "c1" to "c6", href)."""
    parts = [(label, int(count), known(colour, COLOURS, "colour"), href) for label, count, colour, href in parts]
    total = sum(count for _label, count, _colour, _href in parts)
    slices, rows, start = [], [], 0.0
    for label, count, colour, href in parts:
        share = count / total if total else 0
        if count:
            slices.append(
                format_html(
                    '<rect class="fill-{}" x="{}%" width="{}%" height="8" rx="3"></rect>',
                    colour,
                    f"{start * 100:.2f}",
                    f"{share * 100:.2f}",
                )
            )
        start += share
        name = format_html('<a href="{}">{}</a>', href, label) if href and opens(context, href) else label
        rows.append(
            format_html(
                '<li><svg class="swatch" width="9" height="9" aria-hidden="true">'
                '<rect class="fill-{}" width="9" height="9" rx="2.5"></rect></svg><span class="segment-name">{}</span>'
                '<span class="num">{}</span><span class="num segment-share">{}</span></li>',
                colour,
                name,
                say.number(count),
                say.percent(share),
            )
        )
    return format_html(
        '<div class="segments"><svg class="segmentbar" width="100%" height="8" aria-hidden="true">{}</svg>'
        '<ul class="segment-list">{}</ul></div>',
        mark_safe("".join(slices)),
        mark_safe("".join(rows)),
    )


@register.simple_tag
def meter(value, max=1, tone: str = "neutral", label="") -> SafeString:
    """Show a value against its greatest, with the number in words beside it."""
    known(tone, TONES, "tone")
    return format_html(
        '<span class="meter meter-{}"><progress value="{}" max="{}" aria-hidden="true"></progress>{}</span>',
        tone,
        f"{float(value or 0):g}",
        f"{float(max):g}",
        format_html('<span class="num">{}</span>', label) if label else "",
    )


@register.simple_tag
def progressbar(value, max, label) -> SafeString:
    """Show how far a piece of work is; without a value it says only that it is going on."""
    amount = "" if value is None else format_html(' value="{}" max="{}"', f"{float(value):g}", f"{float(max or 1):g}")
    return format_html(
        '<div class="progressbar"><p class="progress-label">{}</p><progress aria-label="{}"{}></progress></div>',
        label,
        label,
        amount,
    )
