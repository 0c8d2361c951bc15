"""Who may be written to. Every yes and no is logged; a no survives imports, and erasing the person."""

import datetime as dt
from collections.abc import Callable, Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.accounts.models import Shop
from crm.contacts.identity import FORMER_EMAIL
from crm.contacts.models import Consent, Contact, ContactKey, Suppression
from crm.lib import bulk
from crm.lib.tokens import keyed_hash

LEFT_OUT: dict[str, Callable[[], Q]] = {}


@transaction.atomic
def record(
    contact_ids: Iterable[int], *, state: str, source: str, detail: str, at: dt.datetime, import_id: int | None = None
) -> int:
    """Note what people said where it is news; return for how many it was.

    A yes that the owner notes by hand lifts an earlier no; one from anywhere else only lifts "not asked".
    """
    changing = Contact.objects.alive().filter(id__in=bulk.among(list(contact_ids))).exclude(consent=state)
    by_owner = source == Consent.Source.OWNER
    if state == Contact.ConsentState.YES:
        changing = changing.exclude(email_key=None)
        if not by_owner:
            changing = changing.filter(consent=Contact.ConsentState.UNKNOWN).exclude(_is_suppressed())
    rows = list(changing.values_list("id", "address_hash"))
    ids = [contact_id for contact_id, _address in rows]
    if state == Contact.ConsentState.YES and by_owner:
        lifted = bulk.among([address for _id, address in rows if address])
        Suppression.objects.filter(address_hash__in=lifted).exclude(reason=Consent.Source.BOUNCE).delete()
    Contact.objects.filter(id__in=bulk.among(ids)).update(consent=state, updated_at=at)
    return bulk.insert(
        Consent,
        ("contact_id", "state", "source", "detail", "at", "created_by_import"),
        [(contact_id, state, source, detail[:250], at, import_id) for contact_id in ids],
    )


@transaction.atomic
def withdraw(contact_id: int, *, source: str, detail: str, at: dt.datetime) -> None:
    """Never write to this person again, nor to the address, whoever has it later."""
    record([contact_id], state=Contact.ConsentState.NO, source=source, detail=detail, at=at)
    addresses = set(Contact.objects.filter(id=contact_id).values_list("address_hash", flat=True)) - {None}
    former = ContactKey.objects.filter(contact=contact_id, source=FORMER_EMAIL)  # of customers merged into this one
    addresses |= {keyed_hash(address) for address in former.values_list("value", flat=True)}
    for address in sorted(addresses):
        known, is_new = Suppression.objects.get_or_create(address_hash=address, defaults={"reason": source, "at": at})
        if not is_new and known.reason == Consent.Source.BOUNCE:  # their word outlasts the doubt about the address
            Suppression.objects.filter(pk=known.pk).update(reason=source, at=at)


def note_bounce(email_key: str, *, at: dt.datetime) -> None:
    """Never write to an address again that does not exist; its owner has said nothing, another address is welcome."""
    Suppression.objects.get_or_create(
        address_hash=keyed_hash(email_key), defaults={"reason": Consent.Source.BOUNCE, "at": at}
    )


def bounced_at(email_key: str | None) -> dt.datetime | None:
    """Return when mail to this address came back as undeliverable, or None."""
    return _bounces().filter(address_hash=keyed_hash(email_key or "")).values_list("at", flat=True).first()


def lift_bounce(email_key: str) -> bool:
    """Write to an address again because the owner says it exists; tell whether it was taken for dead."""
    return bool(_bounces().filter(address_hash=keyed_hash(email_key)).delete()[0])


def has_bounced() -> Exists:
    """Return the condition that mail to a contact's address came back as undeliverable."""
    return Exists(_bounces().filter(address_hash=OuterRef("address_hash")))


def _bounces() -> QuerySet:
    return Suppression.objects.filter(reason=Consent.Source.BOUNCE)


def is_suppressed(email_key: str) -> bool:
    """Tell whether this address asked never to be written to."""
    return Suppression.objects.filter(address_hash=keyed_hash(email_key)).exists()


def may_write(queryset: QuerySet, *, write_to: str) -> QuerySet:
    """Narrow contacts to those the shop may write to now, under the shop's choice (Shop.write_to)."""
    welcome = have_allowed(queryset, write_to=write_to)
    for condition in LEFT_OUT.values():
        welcome = welcome.exclude(condition())
    return welcome


def have_allowed(queryset: QuerySet, *, write_to: str) -> QuerySet:
    """Narrow contacts to those who have not refused messages, whoever of them is left out for now."""
    allowed = Q(consent=Contact.ConsentState.YES)
    if write_to == Shop.WriteTo.BUYERS:
        allowed |= Q(consent=Contact.ConsentState.UNKNOWN, order_count__gt=0)
    return queryset.filter(allowed, erased_at=None, email_key__isnull=False).exclude(_is_suppressed())


def leave_out(name: str, condition: Callable[[], Q]) -> None:
    """Have an upper floor leave people out of every campaign for now: `condition() -> Q`, true of whom to leave out.

    It only narrows, and is asked inside the query, so that it holds at the moment a message leaves.
    """
    LEFT_OUT[name] = condition


def _is_suppressed() -> Exists:
    return Exists(Suppression.objects.filter(address_hash=OuterRef("address_hash")))
