"""A form's fields whole, and what is wrong with them."""

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.lib.templatetags.ui.base import register, written
from crm.lib.templatetags.ui.marks import icon


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
        icon("triangle-alert"),
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
            written({"aria_describedby": described}),
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
        icon("circle-x"),
        title,
        lines,
    )
