"""What people ask for through a platform that only the owner can answer, with the law's month to do so.

Nothing is erased or handed over by itself: a platform's report is no proof of who asks. A wish to be erased becomes an
Erasure that waits (contacts.forgetting); a copy of the data, and the erasing of all a platform told, wait here.
"""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import Value

from crm.contacts import forgetting, merging
from crm.contacts.identity import FORMER_EMAIL, email_key
from crm.contacts.models import Contact, DataRequest, Erasure

Kind = DataRequest.Kind


def person_of(source: str, *, key: str, email: str) -> Contact | None:
    """Return the living customer a platform means: by its own number, else by the e-mail, today's or an earlier one."""
    address, people = email_key(email), Contact.objects.alive()
    found = people.filter(keys__source=source, keys__value=key).first() if key else None
    if found is None and address:
        found = people.filter(email_key=address).first()
        found = found or people.filter(keys__source=FORMER_EMAIL, keys__value=address).first()
    return found


@transaction.atomic
def ask(kind: str, *, contact_id: int = 0, via: str, now: dt.datetime) -> bool:
    """Note what was asked for, once while it is open; tell whether that is news."""
    try:
        with transaction.atomic():
            DataRequest.objects.create(
                kind=kind, contact_id=contact_id, via=via, asked_at=now, answer_by=forgetting.a_month_after(now)
            )
    except IntegrityError:
        return False
    if kind == Kind.COPY:
        forgetting.record(forgetting.Act.COPY_ASKED, contact_id, at=now, by_customer=True)
    return True


def answer(request_id: int, *, now: dt.datetime) -> bool:
    """Note that the owner has answered."""
    return bool(DataRequest.objects.filter(pk=request_id, answered_at=None).update(answered_at=now))


def answer_copies(contact_id: int, *, now: dt.datetime) -> int:
    """Note that a customer's data was downloaded to be handed over, or that there is nothing any more to hand over."""
    everything = [contact_id, *merging.former_ids(contact_id)]
    copies = DataRequest.objects.filter(kind=Kind.COPY, contact_id__in=everything, answered_at=None)
    return copies.update(answered_at=now)


def open_requests() -> list[DataRequest]:
    """Return what waits for an answer, the first due first, each with its customer."""
    rows = list(DataRequest.objects.filter(answered_at=None).order_by("answer_by", "pk"))
    people = Contact.objects.in_bulk([row.contact_id for row in rows if row.contact_id])
    for row in rows:
        row.person = people.get(row.contact_id) or (merging.find(row.contact_id) if row.contact_id else None)
    return rows


def waiting() -> tuple[int, int, dt.datetime | None]:
    """Return how many wishes to be erased and other requests have no answer, and until when the first needs one."""
    wishes = Erasure.objects.filter(due_at=None, done_at=None, ended_at=None)
    requests = DataRequest.objects.filter(answered_at=None)
    told = [rows.values_list("answer_by", Value(kind)) for rows, kind in ((wishes, 0), (requests, 1))]
    rows = list(told[0].union(told[1], all=True))  # one query: Today asks each time it is drawn
    others = sum(kind for _answer_by, kind in rows)
    return len(rows) - others, others, min((answer_by for answer_by, _kind in rows), default=None)
