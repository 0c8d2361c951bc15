"""The components pages are built from; each is shown in every state on /styleguide/.

Icons, badges and avatars stand in loops of fifty rows, so every tag here writes its HTML
directly and none renders a template. Reference: docs/reference/components.md.
"""

import re
import unicodedata
from functools import cache

from django import forms, template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.lib.templatetags import say

register = template.Library()

CHART_HEIGHTS = (160, 200, 240, 260, 300, 360, 420)
CALLOUT_ICONS = {"info": "info", "good": "circle-check", "warn": "triangle-alert", "bad": "circle-x"}
TONES = ("neutral", "good", "warn", "bad", "info", "accent")
BUTTON_KINDS = ("primary", "plain", "ghost", "danger")
COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")
AVATAR_TINTS = 5
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


class UnknownChoice(ValueError):
    """A template asks for an icon, tone, kind or height that does not exist."""


def _known(value: str, choices, what: str) -> str:
    if value not in choices:
        raise UnknownChoice(f"There is no {what} {value!r}; choose one of {', '.join(map(str, choices))}.")
    return value


def _attributes(attributes: dict) -> SafeString:
    """Write keyword arguments as attributes: hx_post="/x/" is hx-post="/x/", True stands alone, None is left out."""
    pairs = []
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            pairs.append(format_html(" {}", name))
        elif value is not None and value is not False and value != "":
            pairs.append(format_html(' {}="{}"', name, value))
    return mark_safe("".join(pairs))


# Icons and small marks


@cache
def icon_names() -> frozenset[str]:
    """Return the names in static/img/icons.svg."""
    sprite = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text()
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


@cache
def _sprite_url() -> str:
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
        _sprite_url(),
        name,
    )


_icon = icon  # for the tags below that have an `icon` argument of their own


@register.simple_tag
def badge(text, tone: str = "neutral", icon: str = "") -> SafeString:
    """Show a short state in words; the tone only underlines it."""
    _known(tone, TONES, "tone")
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


# Buttons and links


@register.simple_tag
def button(
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
    """Draw a link with an href, else a button; icon_only keeps the label for those who listen."""
    _known(kind, BUTTON_KINDS, "kind of button")
    css = f"btn btn-{kind}" + (f" btn-{size}" if size else "") + (" btn-icon" if icon_only else "")
    content = format_html(
        "{}{}",
        _icon(icon) if icon else "",
        format_html('<span class="sr-only">{}</span>', label) if icon_only else label,
    )
    if icon_only:
        attributes.setdefault("title", label)
    if href:
        return format_html('<a class="{}" href="{}"{}>{}</a>', css, href, _attributes(attributes), content)
    named = {"name": name, "value": value} if name else {}
    return format_html(
        '<button class="{}" type="{}"{}>{}</button>', css, type, _attributes(named | attributes), content
    )


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
        return format_html('<a class="chip" href="{}"{}>{}</a>', href, _attributes(attributes), content)
    return format_html('<span class="chip"{}>{}</span>', mark_safe(' aria-current="true"' if active else ""), content)


@register.simple_tag
def tabs(items, label: str = "") -> SafeString:
    """Draw pages that belong together as links: (label, href, active)."""
    links = format_html_join(
        "",
        '<a class="tab" href="{}"{}>{}</a>',
        ((href, mark_safe(' aria-current="page"' if active else ""), text) for text, href, active in items),
    )
    return format_html('<nav class="tabs" aria-label="{}">{}</nav>', label or _("Pages of this section"), links)


@register.simple_tag
def stepper(labels, current: int) -> SafeString:
    """Draw the steps of a task; `current` counts from 1, and one more than there are steps means all are done."""
    steps = []
    for number, label in enumerate(labels, start=1):
        state = "done" if number < current else "now" if number == current else "next"
        steps.append(
            format_html(
                '<li class="step step-{}"{}><span class="step-mark">{}</span><span class="step-label">{}{}</span></li>',
                state,
                mark_safe(' aria-current="step"' if state == "now" else ""),
                _icon("check") if state == "done" else number,
                label,
                format_html('<span class="sr-only"> ({})</span>', _("done")) if state == "done" else "",
            )
        )
    return format_html('<ol class="stepper">{}</ol>', mark_safe("".join(steps)))


@register.simple_tag(takes_context=True)
def menulink(context, href: str, label, icon: str, count=None, key: str = "", css: str = "menu-link") -> SafeString:
    """Draw one line of the menu, marked when the page shown lies under its address."""
    path = context["request"].path if "request" in context else ""
    here = path == href if href == "/" else path.startswith(href)
    return format_html(
        '<a class="{}" href="{}"{}{}>{}<span class="menu-label">{}</span>{}</a>',
        css,
        href,
        mark_safe(' aria-current="page"' if here else ""),
        _attributes({"data_key": key}),
        _icon(icon),
        label,
        "" if count in (None, "") else format_html('<span class="menu-count">{}</span>', say.number(count)),
    )


@register.simple_tag(takes_context=True)
def pager(context, page_obj, target: str = "") -> SafeString:
    """Link to the pages before and after, keeping every other choice in the address; nothing for a single page."""
    if page_obj is None or not (page_obj.has_previous() or page_obj.has_next()):
        return mark_safe("")

    def link(number, label, relation, mark, mark_last=False):
        if number is None:
            return format_html('<span class="btn btn-plain" aria-disabled="true">{}</span>', label)
        href = _address(context, page=number)
        swap = (
            {
                "hx_get": href,
                "hx_target": target,
                "hx_select": target,
                "hx_swap": "outerHTML show:window:top",
                "hx_push_url": "true",
            }
            if target
            else {}
        )
        content = format_html("{}{}" if not mark_last else "{1}{0}", _icon(mark), label)
        return format_html(
            '<a class="btn btn-plain" rel="{}" href="{}"{}>{}</a>', relation, href, _attributes(swap), content
        )

    pages = getattr(page_obj.paginator, "num_pages", None)
    where = (
        _("Page %(number)s of %(pages)s") % {"number": say.number(page_obj.number), "pages": say.number(pages)}
        if pages
        else _("Page %(number)s") % {"number": say.number(page_obj.number)}
    )
    return format_html(
        '<nav class="pager" aria-label="{}">{}<span class="pager-where">{}</span>{}</nav>',
        _("Pages of this list"),
        link(
            page_obj.previous_page_number() if page_obj.has_previous() else None, _("Previous"), "prev", "chevron-left"
        ),
        where,
        link(page_obj.next_page_number() if page_obj.has_next() else None, _("Next"), "next", "chevron-right", True),
    )


@register.simple_tag(takes_context=True)
def sortlink(context, label, field: str, current: str | None = None) -> SafeString:
    """Write a column's name as a link that sorts by it, then the other way round; starts again at page one."""
    chosen = current if current is not None else context["request"].GET.get("sort", "")
    up, down = chosen == field, chosen == f"-{field}"
    mark, state = (
        ("chevron-up", _("lowest first")) if up else ("chevron-down", _("highest first")) if down else ("", "")
    )
    return format_html(
        '<a class="sortlink{}" href="{}">{}{}</a>',
        " is-sorted" if mark else "",
        _address(context, sort=f"-{field}" if up else field, page=None),
        label,
        format_html('{}<span class="sr-only"> ({})</span>', _icon(mark), state) if mark else "",
    )


def _address(context, **changes) -> str:
    """Return this page's address with some query parameters changed; None removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return "?" + query.urlencode()


# Forms


@register.simple_tag
def field(bound, css: str = "", **attributes) -> SafeString:
    """Draw a form field whole: label, control, help and what is wrong with it."""
    if bound.is_hidden:
        return bound.as_widget()
    widget, required = bound.field.widget, bound.field.required
    attributes = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    help_text = bound.help_text and format_html(
        '<p class="help" id="{}_helptext">{}</p>', bound.auto_id, bound.help_text
    )
    errors = bound.errors and format_html(
        '<p class="error" id="{}_error">{}<span>{}</span></p>',
        bound.auto_id,
        _icon("triangle-alert"),
        format_html_join(" ", "{}", ((error,) for error in bound.errors)),
    )
    optional = "" if required else format_html(' <span class="optional">{}</span>', _("optional"))
    state = ("field has-error" if errors else "field") + (f" {css}" if css else "")

    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        described = " ".join(
            f"{bound.auto_id}_{part}" for part, shown in (("helptext", help_text), ("error", errors)) if shown
        )
        options = format_html_join(
            "",
            '<div class="check">{}<label for="{}">{}</label></div>',
            ((option.tag(), option.id_for_label, option.choice_label) for option in bound.subwidgets),
        )
        return format_html(
            '<fieldset class="{}"{}><legend class="label">{}{}</legend>{}<div class="options">{}</div>{}</fieldset>',
            state,
            _attributes({"aria_describedby": described}),
            bound.label,
            optional,
            help_text or "",
            options,
            errors or "",
        )
    if isinstance(widget, forms.CheckboxInput):
        return format_html(
            '<div class="{}"><div class="check">{}<label for="{}">{}</label></div>{}{}</div>',
            state,
            bound.as_widget(attrs=attributes),
            bound.id_for_label,
            bound.label,
            help_text or "",
            errors or "",
        )
    own = widget.attrs.get("class", "")
    attributes["class"] = f"{own} {_control_class(widget)}".strip()
    if "inputmode" not in widget.attrs and isinstance(widget, forms.NumberInput):
        whole = isinstance(bound.field, forms.IntegerField) and not isinstance(bound.field, forms.DecimalField)
        attributes.setdefault("inputmode", "numeric" if whole else "decimal")
    return format_html(
        '<div class="{}"><label class="label" for="{}">{}{}</label>{}{}{}</div>',
        state,
        bound.id_for_label,
        bound.label,
        optional,
        bound.as_widget(attrs=attributes),
        help_text or "",
        errors or "",
    )


def _control_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.Select):
        return "select"
    if isinstance(widget, forms.Textarea):
        return "textarea"
    if isinstance(widget, forms.FileInput):
        return "file"
    return "input"


@register.simple_tag
def formerrors(form, focus: bool = True) -> SafeString:
    """Say above a form what keeps it from being saved, with a link to each field, and start reading there."""
    if not form.errors:
        return mark_safe("")
    general = list(form.non_field_errors())
    linked = []
    for bound in form:
        if not bound.errors:
            continue
        if bound.is_hidden:
            general += bound.errors
        else:
            linked.append((f"#{bound.id_for_label or bound.auto_id}", bound.label, " ".join(map(str, bound.errors))))
    title = ngettext(
        "One thing needs another look", "%(count)s things need another look", len(general) + len(linked)
    ) % {"count": len(general) + len(linked)}
    lines = format_html(
        "{}{}",
        format_html_join("", "<li>{}</li>", ((error,) for error in general)),
        format_html_join("", '<li><a href="{}">{}</a>: {}</li>', linked),
    )
    return format_html(
        '<div class="callout callout-bad" role="alert" tabindex="-1"{}>{}<div class="callout-body">'
        '<p class="callout-title">{}</p><ul>{}</ul></div></div>',
        mark_safe(" autofocus" if focus else ""),
        _icon("circle-x"),
        title,
        lines,
    )


# Blocks


@register.simple_block_tag(end_name="endcard")
def card(content, title="", note="", link="", link_label="", icon="", id="", css="") -> SafeString:
    """Frame one subject with its title, a sentence and one link to more."""
    head = ""
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
        '<section class="card{}"{}>{}{}</section>', f" {css}" if css else "", _attributes({"id": id}), head, content
    )


@register.simple_block_tag(end_name="endcallout")
def callout(content, tone="info", title="", icon="") -> SafeString:
    """Set a remark apart; the icon and the words carry the tone, the colour repeats it."""
    _known(tone, CALLOUT_ICONS, "tone of a callout")
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
    _known(int(height), CHART_HEIGHTS, "chart height")
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


# Numbers as pictures, drawn here so that they need no script


@register.simple_tag
def kpi(label, value, href="", delta=None, good_when="up", note="", points=None) -> SafeString:
    """Show one figure, how it moved (a share: 0.12 is up 12 %) and the days behind it."""
    _known(good_when, ("up", "down"), "direction")
    change = ""
    if delta is not None and delta != "":
        shown = say.percent(abs(delta), 1 if abs(delta) < 0.1 else 0)
        if round(abs(delta), 3) == 0:
            change = format_html('<span class="delta delta-flat">{}</span>', _("no change"))
        else:
            up = delta > 0
            change = format_html(
                '<span class="delta delta-{}">{}<span class="sr-only">{} </span>{}</span>',
                "good" if up == (good_when == "up") else "bad",
                _icon("arrow-up-right" if up else "arrow-down-right"),
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
    if href:
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


@register.simple_tag
def segmentbar(parts) -> SafeString:
    """Draw how a whole divides, as a bar and as lines one can click: (label, count, "c1" to "c6", href)."""
    parts = [(label, int(count), _known(colour, COLOURS, "colour"), href) for label, count, colour, href in parts]
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
        name = format_html('<a href="{}">{}</a>', href, label) if href else label
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
    _known(tone, TONES, "tone")
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


# What the script needs to know


@register.simple_tag
def ui_strings() -> SafeString:
    """Write the sentences static/js/app.js says, in the reader's language."""
    return json_script(
        {
            "close": _("Close"),
            "undo": _("Undo"),
            "cancel": _("Cancel"),
            "go_on": _("Yes, go on"),
            "signed_out": _("You are signed out. Sign in again to go on."),
            "refused": _("That did not work; nothing was changed. Reload the page and try again."),
            "failed": _("Something went wrong on our side; nothing was changed."),
            "offline": _("No connection to the shop's computer; nothing was changed."),
            "slow": _("That took too long. Reload the page to see whether it worked."),
            "chart_failed": _("This chart could not be drawn. The numbers are in the table."),
            "selected": _("selected"),
        },
        "ui-strings",
    )
