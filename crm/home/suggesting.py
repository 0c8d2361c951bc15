"""What the shop's own books say is worth doing, with or without the analyst: points about to expire, people kept twice,
messages that could write themselves.

Done with the daily look at the data (home.quality.inspecting); the night run's suggestions stand beside these.
"""

import datetime as dt
from collections.abc import Callable
from urllib.parse import urlencode

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import standing_orders
from crm.campaigns.models import Automation, Rules
from crm.contacts import duplicates, segments
from crm.contacts.models import Contact, Segment
from crm.home import actions
from crm.home.actions import Suggestion, in_every_language
from crm.lib import bulk, clock
from crm.lib.templatetags import say
from crm.rewards import holding
from crm.rewards.models import Programme

EXPIRING = "points-expiring"


@transaction.atomic
def renew(*, shop: Shop, now: dt.datetime) -> int:
    """Put today's suggestions in the place of yesterday's; return how many there are."""
    today = clock.local_date(now, shop.timezone)
    found = [one for one in (_expiring(shop=shop, now=now, today=today), _by_itself(shop), _doubles()) if one]
    return actions.replace_own(found, as_of=today)


def _expiring(*, shop: Shop, now: dt.datetime, today: dt.date) -> Suggestion | None:
    days = Programme.current().first_warning_days
    last_day = today + dt.timedelta(days=days)
    its_end = clock.day_bounds(last_day, shop.timezone)[1]  # the midnight at which points of that day expire
    rows = holding.expiring(since=now, until=its_end + dt.timedelta(seconds=1))
    people = [row.contact_id for row in rows] if len(rows) >= actions.FEWEST else []
    if people or Segment.objects.filter(slug=EXPIRING).exists():
        with translation.override(shop.language):
            description = _("Hold points that expire within the days of the first warning.")
        segments.replace_members(
            EXPIRING, people, as_of=today, rank=85, name=gettext_noop("Points expiring soon"), description=description
        )
    if not people:
        return None
    points = sum(row.points for row in rows)
    usual = sum(
        round(spent / orders)
        for spent, orders in Contact.objects.filter(id__in=bulk.among(people), order_count__gt=0).values_list(
            "spent_minor", "order_count"
        )
    )
    gains = tuple(round(usual * share) for share in actions.RETURNING)
    words = {"count": say.number(len(people)), "points": say.number(points)}
    grounds = in_every_language(
        lambda: _("From the points ledger, without any forecast: these points are given already.")
    )
    assumed = in_every_language(lambda: actions.assumption(*actions.RETURNING))
    return Suggestion(
        key=f"expiring:{EXPIRING}", kind=actions.EXPIRING, icon="hourglass", rank=18, cost=0,
        url=f"{reverse('campaigns:new')}?{urlencode({'recipe': 'note', 'segment': EXPIRING})}",
        title=in_every_language(
            lambda: ngettext(
                "Remind %(count)s customer of points that expire soon",
                "Remind %(count)s customers of points that expire soon",
                len(people),
            )
            % words
        ),
        evidence=in_every_language(
            lambda: _("%(points)s points of theirs expire up to %(date)s. They need not be lost.")
            % {**words, "date": say.day(last_day)}
        ),
        button=in_every_language(lambda: _("Remind them")),
        why={
            language: actions.sentences(ground, assumed[language], language) for language, ground in grounds.items()
        },
        gains=gains if gains[1] > 0 else None,
    )  # fmt: skip


def _by_itself(shop: Shop) -> Suggestion | None:
    """Propose an automation that would have written to somebody and is not on; new customers come first."""
    rehearsed = Rules.current().rehearsed
    on = set(Automation.objects.filter(on_since__isnull=False).values_list("trigger", flat=True))
    for slug, title in _UNATTENDED.items():
        people = rehearsed.get(slug, {}).get("people", 0)
        if people >= actions.FEWEST and standing_orders.RECIPES[slug].trigger not in on:
            return _proposal(slug, title, rehearsed[slug], shop)
    return None


_UNATTENDED: dict[str, Callable[[int], str]] = {
    "welcome": lambda count: ngettext(
        "Nobody welcomes your new customers: %(count)s in the last month",
        "Nobody welcomes your new customers: %(count)s in the last month",
        count,
    ),
    "win-back": lambda count: ngettext(
        "Nobody writes to customers who go quiet: %(count)s in the last month",
        "Nobody writes to customers who go quiet: %(count)s in the last month",
        count,
    ),
    "birthday": lambda count: ngettext(
        "Nobody congratulates your customers: %(count)s birthday in the last month",
        "Nobody congratulates your customers: %(count)s birthdays in the last month",
        count,
    ),
}


def _proposal(slug: str, title: Callable[[int], str], rehearsed: dict, shop: Shop) -> Suggestion:
    people = rehearsed["people"]
    first, last = (dt.date.fromisoformat(rehearsed[name]) for name in ("first", "last"))
    return Suggestion(
        key=f"by_itself:{slug}", kind=actions.BY_ITSELF, icon="repeat", rank=35,
        url=reverse("campaigns:automation_recipe", args=[slug]), cost=rehearsed["cost_minor"],
        title=in_every_language(lambda: title(people) % {"count": say.number(people)}),
        evidence=in_every_language(lambda: counted(standing_orders.RECIPES[slug].what, shop.kind)),
        button=in_every_language(lambda: _("Look at it")),
        why=in_every_language(
            lambda: _("Worked out from your orders of %(first)s to %(last)s. It stays off until you switch it on.")
            % {"first": say.day(first), "last": say.day(last)}
        ),
    )  # fmt: skip


def _doubles() -> Suggestion | None:
    pairs = duplicates.open_pairs().count()
    if not pairs:
        return None
    words = {"count": say.number(pairs)}
    return Suggestion(
        key="doubles", kind=actions.DOUBLES, icon="merge", rank=40, url=reverse("contacts:duplicates"),
        title=in_every_language(
            lambda: ngettext(
                "Look at %(count)s pair of customers who may be one person",
                "Look at %(count)s pairs of customers who may be one person",
                pairs,
            )
            % words
        ),
        evidence=in_every_language(
            lambda: _("If it is one person, their points and orders are split, and they may get a message twice.")
        ),
        button=in_every_language(lambda: _("Look at them")),
        why=in_every_language(
            lambda: _("From the daily look at your data. Nothing is merged before you say so, and it can be undone.")
        ),
    )  # fmt: skip
