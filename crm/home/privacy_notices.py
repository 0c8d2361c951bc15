"""What Today says of customers who asked to be forgotten: the law gives a month for an answer."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts import requesting
from crm.home.notices import Notice
from crm.lib.templatetags import say


def wishes(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say how many customers wait for an answer, and until when."""
    wishes, others, answer_by = requesting.waiting()
    count = wishes + others
    if not count:
        return None
    if others:
        text = ngettext(
            "%(count)s request about somebody's data waits for your answer until %(date)s.",
            "%(count)s requests about people's data wait for your answer, the first until %(date)s.",
            count,
        )
    else:
        text = ngettext(
            "%(count)s customer asked to be erased. Answer until %(date)s.",
            "%(count)s customers asked to be erased. Answer the first until %(date)s.",
            count,
        )
    return Notice(
        text % {"count": say.number(count), "date": say.day(answer_by)},
        tone="bad" if answer_by <= now else "warn",
        link_url=reverse("contacts:privacy"),
        link=_("See who"),
    )
