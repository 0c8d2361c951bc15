"""What campaigns stop for people who object to predictions: whatever waits for them because of one."""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

from crm.campaigns.merging import WAITING
from crm.campaigns.models import Message, Occasion
from crm.campaigns.triggers import TRIGGERS
from crm.contacts.models import Segment
from crm.lib import bulk

OBJECTED = gettext_noop("Objects to predictions and personal offers.")


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Withhold messages to groups that were worked out, and of automations that go by what is usual for a person."""
    foretold = [slug for slug, trigger in TRIGGERS.items() if trigger.is_foretold]
    of_prediction = Q(rotation__campaign__segment__kind=Segment.Kind.COMPUTED) | Q(
        rotation__campaign__automation__trigger__in=foretold
    )
    waiting = Message.objects.filter(of_prediction, contact__in=bulk.among(contact_ids), state__in=WAITING)
    ids = list(waiting.values_list("pk", flat=True))
    count = Message.objects.filter(pk__in=ids, state__in=WAITING).update(
        state=Message.State.WITHHELD, error=OBJECTED, claimed_by="", claimed_until=None
    )
    met = Occasion.objects.filter(contact__in=bulk.among(contact_ids), automation__trigger__in=foretold, ended="")
    return count + met.update(ended=Occasion.Ended.SAID_NO)
