"""Who a campaign would reach, and why others are left out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from crm.accounts.models import Shop
from crm.campaigns import variants
from crm.campaigns.models import Campaign
from crm.campaigns.triggers.base import Trigger
from crm.contacts import consent, segments
from crm.contacts.models import Contact, Segment
from crm.coupons.mentions import coupons_in
from crm.lib import bulk


@dataclass(frozen=True)
class Audience:
    """Numbers of people: in the group, who get the message, who get the points, and who are left out why."""

    total: int
    may_write: int
    written_to: int  # those of them who get a message: nobody if there is none
    get_points: int
    no_email: int
    said_no: int
    not_asked: int
    returned: int  # mail to their address came back: it does not exist
    held_out: int  # about so many of those who would get something
    left_out: int = 0  # could be written to, and get nothing for now (consent.leave_out)
    locked: int = 0  # left out because the campaign carries a coupon and they are never to be given money off


def carries_coupon(campaign: Campaign) -> bool:
    """Tell whether a code stands in one of the campaign's texts."""
    return coupons_in(*variants.texts(campaign)).exists()


def people(campaign: Campaign) -> QuerySet[Contact]:
    """Return who the campaign is for, now: its group, and with a coupon nobody who is never to be given money off."""
    everybody = _everybody(campaign)
    return everybody.open_to_discounts() if carries_coupon(campaign) else everybody


def _everybody(campaign: Campaign) -> QuerySet[Contact]:
    return segments.people(campaign.segment).filter(erased_at=None)


def writable(contact_ids: Collection[int], *, texts: Iterable[str], shop: Shop, trigger: Trigger) -> set[int]:
    """Return to whom of these the shop may write such texts now, about such an occasion."""
    found = Contact.objects.filter(pk__in=bulk.among(contact_ids)).order_by()
    if coupons_in(*texts).exists():
        found = found.open_to_discounts()
    if trigger.is_foretold:
        found = found.filter(no_profiling=False)
    return set(consent.may_write(found, write_to=shop.write_to).values_list("pk", flat=True))


def held_back(contact_ids: Collection[int], *, shop: Shop) -> set[int]:
    """Return who of these, whom the shop may not write to now, has not refused: it may again when they are content."""
    found = Contact.objects.filter(pk__in=bulk.among(contact_ids)).order_by()
    allowed = consent.have_allowed(found, write_to=shop.write_to)
    welcome = consent.may_write(found, write_to=shop.write_to).values("pk")
    return set(allowed.exclude(pk__in=welcome).values_list("pk", flat=True)) if contact_ids else set()


def of(campaign: Campaign, *, shop: Shop) -> Audience:
    """Count a campaign's people, in a few queries however many they are."""
    if campaign.segment is None:
        return Audience(0, 0, 0, 0, 0, 0, 0, 0, 0)
    everybody = _everybody(campaign).order_by()
    locked = everybody.filter(never_discount=True).count() if carries_coupon(campaign) else 0
    people = everybody.open_to_discounts() if locked else everybody
    has_email, said_no = Q(email_key__isnull=False), Q(consent=Contact.ConsentState.NO)
    counted = people.aggregate(
        total=Count("pk"),
        no_email=Count("pk", filter=~has_email),
        said_no=Count("pk", filter=has_email & said_no),
        returned=Count("pk", filter=has_email & ~said_no & Q(consent.has_bounced())),
    )
    allowed = consent.may_write(people, write_to=shop.write_to).count()
    have_allowed = consent.have_allowed(people, write_to=shop.write_to).count()
    versions = variants.to_send(campaign)
    written_to = allowed if any(one.body.strip() for one in versions) else 0
    # of versions of which only some give points, about so many get one of these
    get_points = round(counted["total"] * sum(bool(one.points) for one in versions) / len(versions))
    reached = max(get_points, written_to)
    return Audience(
        total=counted["total"],
        may_write=allowed,
        written_to=written_to,
        get_points=get_points,
        no_email=counted["no_email"],
        said_no=counted["said_no"],
        not_asked=counted["total"] - counted["no_email"] - counted["said_no"] - counted["returned"] - have_allowed,
        returned=counted["returned"],
        held_out=round(reached * campaign.holdout_percent / 100),
        left_out=have_allowed - allowed,
        locked=locked,
    )


def examples(campaign: Campaign, *, search: str = "", limit: int = 20) -> QuerySet:
    """Return some people of the group, as whom the message can be shown."""
    if campaign.automation_id:
        people = Contact.objects.alive().filter(email_key__isnull=False)
        return (people.filter(_named(search)) if search else people).order_by("pk")[:limit]
    if campaign.segment is None:
        return Contact.objects.none()
    if campaign.segment.kind == Segment.Kind.COMPUTED and not search:
        # along the index of members: asking for people in order would sort the whole group
        first = campaign.segment.members.order_by("contact_id").values_list("contact_id", flat=True)[:limit]
        return Contact.objects.alive().filter(pk__in=list(first)).order_by("pk")
    people = _everybody(campaign)
    if search:
        people = people.filter(_named(search))
    return people.order_by("pk")[:limit]


def _named(search: str) -> Q:
    return Q(name__icontains=search) | Q(email__icontains=search)
