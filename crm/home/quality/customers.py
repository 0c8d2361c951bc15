"""What may be wrong with people."""

import datetime as dt

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from crm.contacts import duplicates
from crm.contacts.models import Contact
from crm.home.quality.base import CUSTOMERS, DOUBLE, IMPOSSIBLE, MISSING, Check
from crm.lib import bulk

RELAYS = ("marketplace.amazon", "members.ebay", "relay.", "privaterelay.")
_OLDEST = 110


def _alive():
    return Contact.objects.alive().order_by("-spent_minor", "-id")


def _masked(scene):
    relay = Q()
    for domain in RELAYS:
        relay |= Q(email_key__contains=f"@{domain}")
    return _alive().filter(relay | Q(name__contains="*") | Q(name__contains="＊"))


def _odd_birthday(scene):
    oldest = dt.date(scene.today.year - _OLDEST, 1, 1)
    return _alive().filter(Q(birthday__gt=scene.today) | Q(birthday__lt=oldest))


def _shared(*fields):
    """Return people who share these filled fields with somebody else, beside each other."""

    def rows(scene):
        filled = Contact.objects.alive()
        for field in fields:
            filled = filled.exclude(Q(**{field: ""}) | Q(**{field: None}))
        groups = filled.order_by().values(*fields).annotate(people=Count("id")).filter(people__gt=1)
        doubled = filled.filter(**{f"{fields[0]}__in": groups.values(fields[0])})
        if len(fields) > 1:  # the pair must be shared, not each part by somebody
            pairs = set(groups.values_list(*fields))
            ids = [row_id for row_id, *values in doubled.values_list("id", *fields) if tuple(values) in pairs]
            doubled = Contact.objects.filter(id__in=bulk.among(ids))
        return doubled.order_by(*fields, "id")

    return rows


def _alike(scene):
    """Look for pairs, and return those who are in one."""
    duplicates.look(now=scene.now)
    found = duplicates.open_pairs()
    return _alive().filter(Q(id__in=found.order_by().values("one")) | Q(id__in=found.order_by().values("other")))


CHECKS = [
    Check(
        "unreachable", CUSTOMERS, MISSING, _("Bought, but cannot be reached"),
        _("No usable e-mail and no phone: no campaign and no message can reach them."),
        _("Ask at the next purchase, or import a file that has their address."),
        lambda scene: _alive().filter(email_key=None, phone_key=None, order_count__gt=0), is_urgent=True,
    ),
    Check(
        "bad_email", CUSTOMERS, IMPOSSIBLE, _("The e-mail is not an address"),
        _("It was kept as it came, but nothing can be sent to it."),
        _("Open the customer and correct it."),
        lambda scene: _alive().exclude(email="").filter(email_key=None), is_urgent=True,
    ),
    Check(
        "bad_phone", CUSTOMERS, IMPOSSIBLE, _("The phone number cannot be used"),
        _("Too short, masked, or not a number: it does not help to recognise the customer."),
        _("Open the customer and type it with the country code."),
        lambda scene: _alive().exclude(phone="").filter(phone_key=None),
    ),
    Check(
        "same_phone", CUSTOMERS, DOUBLE, _("Several customers have one phone number"),
        _("If it is one person, their points and orders are split."),
        _("Look at them side by side. A family may really share a phone."),
        _shared("phone_key"), is_urgent=True,
    ),
    Check(
        "same_name_place", CUSTOMERS, DOUBLE, _("Several customers have the same name and postcode"),
        _("If it is one person, their points and orders are split."),
        _("Look at them side by side and give one of them the right e-mail."),
        _shared("postcode", "name"), is_urgent=True,
    ),
    Check(
        "alike", CUSTOMERS, DOUBLE, _("Customers who may be one person"),
        _("If it is one person, their points and orders are split, and they may get a message twice."),
        _("Look at each pair side by side. Merging two customers can be undone for 30 days."),
        _alike, is_urgent=True, page="contacts:duplicates",
    ),
    Check(
        "masked", CUSTOMERS, MISSING, _("The marketplace hides who they are"),
        _("Masked names and relay addresses: they cannot be recognised elsewhere and should not get campaigns."),
        _("Put a card into the parcel that invites them to your own shop."),
        _masked,
    ),
    Check(
        "nameless", CUSTOMERS, MISSING, _("No name"),
        _("Messages greet them without a name."),
        _("Ask, or leave it: the greeting reads well without."),
        lambda scene: _alive().filter(name=""),
    ),
    Check(
        "odd_birthday", CUSTOMERS, IMPOSSIBLE, _("The birthday cannot be right"),
        _("In the future, or more than 110 years ago: birthday gifts would go out on a wrong day."),
        _("Open the customer and correct or empty it."),
        _odd_birthday,
    ),
    Check(
        "not_asked", CUSTOMERS, MISSING, _("Never asked about messages"),
        _("Has an e-mail but never said yes or no."),
        _("Ask at the checkout or the till; whom you may write to until then is a setting."),
        lambda scene: _alive().filter(consent=Contact.ConsentState.UNKNOWN, email_key__isnull=False),
    ),
]  # fmt: skip
