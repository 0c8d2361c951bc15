"""What static/js/app.js needs to know."""

from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.lib.templatetags.ui.base import register


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
