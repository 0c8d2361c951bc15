"""What happened last in the shop, whatever floor it happened on, newest first."""

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.campaigns.models import Rotation
from crm.contacts.models import Contact
from crm.imports.models import Import
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards.models import Entry

SHOWN = 7


@dataclass(frozen=True)
class Happening:
    at: dt.datetime
    icon: str
    who: str  # whose name the line leads with: a person, a file, a campaign
    what: str
    href: str = ""


def latest(*, now: dt.datetime, limit: int = SHOWN) -> list[Happening]:
    """Return the newest happenings of all kinds, at most `limit`."""
    found = _orders(now=now, limit=limit)
    # What is older than the last order shown cannot be among the newest, and need not be looked through.
    since = found[-1].at if len(found) == limit else dt.datetime.min.replace(tzinfo=dt.UTC)
    found += _new_people(since=since, now=now, limit=limit)
    found += _imports(limit=limit)
    found += _campaigns(now=now, limit=limit)
    found += _points(since=since, now=now, limit=limit)
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def _orders(*, now: dt.datetime, limit: int) -> list[Happening]:
    rows = (
        Order.objects.filter(placed_at__lte=now)
        .select_related("contact", "attribution__message__rotation__campaign")
        .order_by("-placed_at", "-id")[:limit]
    )
    found = []
    for order in rows:
        words = {"amount": say.money(order.total_minor, order.currency)}
        attribution = getattr(order, "attribution", None)
        if order.kind == Order.Kind.RETURN:
            what = _("Return, %(amount)s") % words
        elif order.cancelled_at:
            what = _("Order of %(amount)s, cancelled") % words
        elif attribution:
            campaign = attribution.message.rotation.campaign.name
            what = _("Order of %(amount)s after “%(campaign)s”") % {**words, "campaign": campaign}
        else:
            what = _("Order of %(amount)s") % words
        who = order.contact.display_name if order.contact else _("No name known")
        found.append(Happening(order.placed_at, "shopping-bag", who, what, order.get_absolute_url()))
    return found


def _new_people(*, since: dt.datetime, now: dt.datetime, limit: int) -> list[Happening]:
    """People who came without an order; whoever came with one is in the list of orders."""
    rows = (
        Contact.objects.alive().filter(joined_at__gte=since, joined_at__lte=now).order_by("-joined_at", "-id")[:limit]
    )
    return [
        Happening(person.joined_at, "user-plus", person.display_name, _("New customer"), person.get_absolute_url())
        for person in rows
        if person.first_order_at is None
    ]


def _imports(*, limit: int) -> list[Happening]:
    rows = Import.objects.exclude(finished_at=None).order_by("-id")[:limit]
    found = []
    for one in rows:
        if one.undone_at:
            what = _("Import undone")
        elif one.state == Import.State.FAILED:
            what = _("Import failed")
        else:
            what = ngettext("%(rows)s row imported", "%(rows)s rows imported", one.rows_read) % {
                "rows": say.number(one.rows_read)
            }
        at = one.undone_at or one.finished_at
        found.append(Happening(at, "upload", one.file_name, what, one.get_absolute_url()))
    return found


def _campaigns(*, now: dt.datetime, limit: int) -> list[Happening]:
    by_hand = Rotation.objects.filter(started_at__lte=now, campaign__automation=None)  # automations write every day
    rows = by_hand.select_related("campaign").order_by("-id")[:limit]
    return [
        Happening(
            one.started_at, "megaphone", one.campaign.name, _("Campaign went out"), one.campaign.get_absolute_url()
        )
        for one in rows
    ]


def _points(*, since: dt.datetime, now: dt.datetime, limit: int) -> list[Happening]:
    """Points moved by hand; those of orders and campaigns are told by these."""
    rows = (
        Entry.objects.filter(kind=Entry.Kind.ADJUST, at__gte=since, at__lte=now)
        .select_related("account__contact")
        .order_by("-at", "-id")[:limit]
    )
    found = []
    for entry in rows:
        person = entry.account.contact
        count = abs(entry.points)
        if entry.points > 0:
            what = ngettext("%(points)s point given", "%(points)s points given", count)
        else:
            what = ngettext("%(points)s point taken", "%(points)s points taken", count)
        found.append(
            Happening(
                entry.at,
                "gift",
                person.display_name if person else _("No name known"),
                what % {"points": say.number(count)},
                person.get_absolute_url() if person else "",
            )
        )
    return found
