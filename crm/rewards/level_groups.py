"""A segment for each level, so that those who hold it can be listed, exported and written to. Filled once a day."""

import datetime as dt

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop

from crm.contacts import segments
from crm.contacts.models import Segment
from crm.rewards.models import Membership
from crm.rewards.tiers import Ladder

ABOUT = gettext_noop("Customers who hold this level")
_RANK = 80  # after the analyst's
_PREFIX = "loyalty-level-"


def slug(number: int) -> str:
    """Return the name of a level's segment in addresses; levels count from 1."""
    return f"{_PREFIX}{number}"


def fill(found: Ladder) -> None:
    """Put everybody into the segment of the level they hold, and into no other."""
    for number, level in enumerate(found.params.levels, start=1):
        held = Membership.objects.filter(rule_id=found.rule_id, level=number, until=None)
        segments.replace_members(
            slug(number), held.values_list("contact_id", flat=True), as_of=found.today, rank=_RANK + number,
            name=level.name, description=ABOUT,
        )  # fmt: skip
    retire(beyond=len(found.params.levels), today=found.today)


def retire(*, beyond: int, today: dt.date) -> None:
    """Remove the segments of levels there are no more; one a campaign or coupon speaks of stays, with nobody in it."""
    kept = {slug(number) for number in range(1, beyond + 1)}
    for segment in Segment.objects.filter(slug__startswith=_PREFIX, kind=Segment.Kind.COMPUTED).exclude(slug__in=kept):
        try:
            with transaction.atomic():
                segment.delete()
        except ProtectedError:
            if segment.member_count:
                segments.replace_members(segment.slug, [], as_of=today, rank=segment.rank)
