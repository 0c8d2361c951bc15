"""What Today says of customers who asked to be forgotten: the law gives a month for an answer."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts import forgetting
from crm.home.notices import Notice
from crm.lib.templatetags import say


def wishes(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say how many customers wait for an answer, and until when."""
    count, answer_by = forgetting.waiting()
    if not count:
        return None
    text = ngettext(
        "%(count)s customer asked on their own page to be erased. Answer until %(date)s.",
        "%(count)s customers asked on their own page to be erased. Answer the first until %(date)s.",
        count,
    )
    return Notice(
        text % {"count": say.number(count), "date": say.day(answer_by)},
        tone="bad" if answer_by <= now else "warn",
        link_url=reverse("contacts:privacy"),
        link=_("See who"),
    )
