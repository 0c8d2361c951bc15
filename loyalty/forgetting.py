"""What the analyst forgets of people who are erased, and of those who object to predictions: all of it, at once.

A night that was worked out with them keeps its sums; the next one reads their orders no more (loyalty.dataset).
"""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from crm.contacts.forgetting import Foreseen
from crm.lib import bulk
from loyalty.models import Fresh, Score, Stir

COVERS = ("loyalty.Score.contact", "loyalty.Fresh.contact", "loyalty.Score.reasons", "loyalty.Stir.contact_id")


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete the scores of all nights with their reasons, and what waits to be scored."""
    ids = bulk.among(contact_ids)
    count = sum(kind.objects.filter(contact__in=ids).delete()[0] for kind in (Score, Fresh))
    return count + Stir.objects.filter(contact_id__in=ids).delete()[0]


def foresee(*, contact_id: int) -> Foreseen:
    """Say whether there are scores."""
    return Foreseen([_("Predictions and the reasons for them")] if _is_scored(contact_id) else [])


def _is_scored(contact_id: int) -> bool:
    return Score.objects.filter(contact=contact_id).exists() or Fresh.objects.filter(contact=contact_id).exists()
