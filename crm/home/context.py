"""What the side menu shows beside the pages: groups with their counts, and how much is worth doing today."""

from django.db.models import Case, Q, Value, When
from django.utils.functional import SimpleLazyObject

from crm.contacts.models import Segment
from crm.home import actions
from crm.lib import clock

MOST = 6
READY = {"slipping-regulars": "heart-pulse", "champions": "sparkles"}  # groups of the night run everybody wants at hand


def menu(request):
    """Give templates `menu_segments` and `menu_suggestions`, read only when a menu is drawn."""
    return {"menu_segments": SimpleLazyObject(_segments), "menu_suggestions": _suggestions}


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
