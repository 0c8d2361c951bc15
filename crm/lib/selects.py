"""A list of many choices in half the bytes: HTML asks for no end of an option, and for no value that is its text."""

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe


class LongSelect(forms.Select):
    """A select for hundreds of choices, without groups."""

    def render(self, name, value, attrs=None, renderer=None):
        widget = self.get_context(name, value, attrs)["widget"]
        options = [option for _group, members, _index in widget["optgroups"] for option in members]
        return format_html(
            "<select{}>{}</select>",
            flatatt({"name": name, **widget["attrs"]}),
            format_html_join("", "<option{}>{}", ((_attributes(option), option["label"]) for option in options)),
        )


def _attributes(option: dict) -> str:
    value = str(option["value"])
    said = format_html(' value="{}"', value) if value != str(option["label"]) else ""
    return format_html("{}{}", said, mark_safe(" selected") if option["selected"] else "")
