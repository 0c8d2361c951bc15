"""Where one is and where one can go: menu, tabs, steps, pages and columns of a list."""

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm.lib.templatetags import say
from crm.lib.templatetags.ui.base import opens, register, written
from crm.lib.templatetags.ui.marks import icon as _icon  # the tags have an `icon` argument of their own


@register.simple_tag(takes_context=True)
def tabs(context, items, label: str = "") -> SafeString:
    """Draw pages that belong together as links: (label, href, active), those whoever looks may open."""
    shown = [item for item in items if opens(context, item[1])]
    links = format_html_join(
        "",
        '<a class="tab" href="{}"{}>{}</a>',
        ((href, mark_safe(' aria-current="page"' if active else ""), text) for text, href, active in shown),
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
    """Draw one line of the menu, marked when the page lies under its address; nothing where it may not be opened."""
    if not opens(context, href):
        return mark_safe("")
    path = context["request"].path if "request" in context else ""
    here = path == href if href == "/" else path.startswith(href)
    return format_html(
        '<a class="{}" href="{}"{}{}>{}<span class="menu-label">{}</span>{}</a>',
        css,
        href,
        mark_safe(' aria-current="page"' if here else ""),
        written({"data_key": key}),
        _icon(icon),
        label,
        "" if count in (None, "") else format_html('<span class="menu-count">{}</span>', say.number(count)),
    )


@register.simple_tag(takes_context=True)
def link(context, href: str, label, css: str = "") -> SafeString:
    """Write a name as a link, or only the name where whoever looks may not open it."""
    if not opens(context, href):
        return format_html('<span{}>{}</span>', written({"class": css}), label) if css else conditional_escape(label)
    return format_html('<a{} href="{}">{}</a>', written({"class": css}), href, label)


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
            '<a class="btn btn-plain" rel="{}" href="{}"{}>{}</a>', relation, href, written(swap), content
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
