"""What the side menu shows beside the pages: the owner's saved groups."""

from django.utils.functional import SimpleLazyObject

from crm.contacts.models import Segment

MOST = 6


def menu(request):
    """Give templates `menu_segments`, read only when a menu is drawn."""
    return {"menu_segments": SimpleLazyObject(_saved)}


def _saved() -> list[dict]:
    saved = Segment.objects.filter(kind=Segment.Kind.SAVED).order_by("name", "id")[:MOST]
    return [{"label": segment.name, "href": segment.get_absolute_url()} for segment in saved]
