"""What is done with people's data in backups and exports (contacts.processing)."""

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.contacts.processing import Activity
from crm.keeping import backing_up, exporting
from crm.keeping.models import Plan
from crm.lib.templatetags import say


def describe() -> Activity:
    plan = Plan.current()
    months = ngettext(
        "Backups: the newest of each of the last days, weeks and %(months)s month.",
        "Backups: the newest of each of the last days, weeks and %(months)s months.",
        plan.monthly,
    ) % {"months": say.number(plan.monthly)}
    exports = ngettext(
        "An export: %(days)s day.", "An export: %(days)s days.", exporting.KEPT.days
    ) % {"days": say.number(exporting.KEPT.days)}  # fmt: skip
    is_sealed = bool(backing_up.passphrase(plan))
    return Activity(
        title=_("Backups and exports"),
        purpose=_("Have the shop back after a loss, and be able to leave with everything."),
        what=_("All that is listed here."),
        origin=_("Copied from what is kept here."),
        kept=f"{months} {exports}",
        receivers=[
            _("Whoever can read the folder %(folder)s, and where you have it copied to.")
            % {"folder": settings.BACKUP_DIR}
        ],
        safeguards=[
            _("Backups are encrypted.") if is_sealed else _("Backups are not encrypted: keep the files locked away."),
            _("Who was erased is erased again when an older backup is restored."),
        ],
    )
