"""What the points ledger has to say on the Today page: books that are not right, debts to decide about."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.home.notices import Notice
from crm.lib.templatetags import say
from crm.rewards import auditing
from crm.rewards.models import Account, Programme


def books(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say that the last audit found something wrong."""
    audit = auditing.latest()
    if audit is None or audit.ok:
        return None
    wrong = [check["detail"] for check in audit.checks if not check["ok"]]
    return Notice(
        title=_("The books are not right"),
        text=wrong[0] if wrong else "",
        tone="bad",
        link_url=reverse("rewards:home") + "#books",
        link=_("See what was checked"),
    )


def debts(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say who owes points, where the owner decides about each."""
    if Programme.current().debt != Programme.Debt.ASK:
        return None
    owing = Account.objects.filter(debt__gt=0, contact__isnull=False).count()
    if not owing:
        return None
    return Notice(
        text=ngettext(
            "%(count)s customer spent points of an order that was refunded. "
            "Forgive them, or let later points fill it up.",
            "%(count)s customers spent points of orders that were refunded. "
            "Forgive them, or let later points fill it up.",
            owing,
        )
        % {"count": say.number(owing)},
        tone="warn",
        link_url=reverse("rewards:home") + "#debts",
        link=_("See who"),
    )
