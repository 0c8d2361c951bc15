"""What templates of all floors may show: the menu's groups and suggestions, and when the data was looked through."""

import datetime as dt
from functools import cache

from django.db.models import Case, Max, Q, Value, When
from django.utils.functional import SimpleLazyObject

from crm.accounts.access import Right, may
from crm.contacts.models import Segment
from crm.home import actions
from crm.home.models import Inspection
from crm.lib import clock
from crm.listening.models import Conversation

MOST = 6
READY = {"slipping-regulars": "heart-pulse", "champions": "sparkles"}  # groups of the night run everybody wants at hand


def menu(request):
    """Give templates what menus show, read only where it is drawn."""
    return {
        "menu_segments": SimpleLazyObject(_segments),
        "menu_suggestions": _suggestions if may(getattr(request, "user", None), Right.OWN) else None,
        "menu_inbox": cache(_inbox),  # stands in two menus of one page
        "inspected_at": _inspected_at,
    }


def _segments() -> list[dict]:
    kept = Segment.objects.filter(Q(kind=Segment.Kind.SAVED) | Q(slug__in=READY))
    ready_first = Case(When(slug__in=READY, then=Value(0)), default=Value(1))
    shown = kept.order_by(ready_first, "rank", "name", "id")[: MOST + len(READY)]
    return [
        {
            "label": segment.label,
            "href": segment.get_absolute_url(),
            "icon": READY.get(segment.slug, "tag"),
            "count": segment.member_count if segment.as_of else None,
            "as_of": segment.as_of,
        }
        for segment in shown
    ]


def _suggestions() -> int | None:
    return actions.count(now=clock.now()) or None


def _inbox() -> int | None:
    return Conversation.objects.filter(state=Conversation.State.OPEN).count() or None


def _inspected_at() -> dt.datetime | None:
    """Return when the shop's data was last looked through."""
    return Inspection.objects.aggregate(newest=Max("finished_at"))["newest"]
