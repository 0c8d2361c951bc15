"""Somebody new who follows the invitation of a customer and leaves an address. It comes in through the door.

Nobody has proved that the address is theirs. So nothing that is known about somebody is changed or told here: who is in
the books already stays as they are, and whoever asks gets the same answer. For the same reason the page takes no
permission to write to the address: somebody else might give it.
"""

import datetime as dt

from django.db import transaction

from crm.contacts import matching
from crm.contacts.identity import FORMER_EMAIL
from crm.contacts.matching import Person
from crm.contacts.models import Contact, ContactKey
from crm.imports import intake
from crm.rewards import referring
from crm.rewards.models import Referral

SOURCE = "invited"


@transaction.atomic
def join(advocate_id: int, *, email: str, name: str, language: str, now: dt.datetime) -> Referral | None:
    """Take a friend in and give them what was promised; None where they do not count."""
    person = Person(source=SOURCE, email=email, name=name, language=language, joined_at=now)
    new = intake.take_people([person], now=now).matched.created if not _is_known(email) else []
    if not new:
        return None
    try:
        return referring.refer(new[0], advocate_id=advocate_id, via=Referral.Via.LINK, now=now)
    except referring.CannotRefer:
        return None


def _is_known(email: str) -> bool:
    """Tell whether somebody has this address, or had it before a merge."""
    key = matching.email_key(email)
    had = ContactKey.objects.filter(source=FORMER_EMAIL, value=key)
    return Contact.objects.filter(email_key=key).exists() or had.exists()
