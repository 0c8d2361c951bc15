"""What the inbox has to say on the Today page: unhappy customers who wait, answers that did not go out."""

import datetime as dt

from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.home.notices import Notice
from crm.lib.templatetags import say
from crm.listening.models import Conversation, Desk, Line


def complaints(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say how many unhappy customers wait for an answer, and since when."""
    waiting = Conversation.objects.filter(state=Conversation.State.OPEN, is_complaint=True)
    found = waiting.aggregate(count=Count("pk"), oldest=Min("opened_at"))
    if not found["count"]:
        return None
    text = ngettext(
        "%(count)s unhappy customer waits for your answer, since %(date)s.",
        "%(count)s unhappy customers wait for your answer, the first since %(date)s.",
        found["count"],
    )
    return Notice(
        text=text % {"count": say.number(found["count"]), "date": say.day(found["oldest"])},
        tone="warn",
        link_url=reverse("listening:inbox"),
        link=_("Open the inbox"),
    )


def not_sent(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say that answers did not go out, or may not have arrived."""
    lost = Line.objects.filter(state__in=[Line.State.FAILED, Line.State.UNCERTAIN]).order_by("-pk")
    lost = lost.exclude(conversation__state=Conversation.State.DONE)
    lines = list(lost.values_list("conversation", flat=True)[:100])
    if not lines:
        return None
    text = ngettext(
        "%(count)s answer to a customer did not surely go out.",
        "%(count)s answers to customers did not surely go out.",
        len(lines),
    )
    return Notice(
        text=text % {"count": say.number(len(lines))},
        tone="warn",
        link_url=reverse("listening:thread", args=[lines[0]]),
        link=_("See the newest"),
    )


def mailbox(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say that no mails come in, because the mailbox cannot be read."""
    said = Desk.current().mailbox.get("error") if settings.INBOX_URL else None
    if not said:
        return None
    return Notice(
        _("What customers write to it does not reach you here. We keep trying. The mail server said: %(words)s")
        % {"words": said},
        tone="warn",
        title=_("Your mailbox cannot be read"),
        link_url=reverse("listening:settings"),
        link=_("Inbox settings"),
    )
