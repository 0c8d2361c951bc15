"""From a suggestion to the draft it speaks of, in one click. Nothing is sent: the draft waits in the composer."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count, Max
from django.http import QueryDict
from django.urls import reverse
from django.utils import translation

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import recipes, reporting
from crm.campaigns.models import Campaign
from crm.campaigns.recipes import OFFERS, RECIPES, Recipe
from crm.contacts import consent
from crm.contacts.models import Contact, Segment
from crm.home.models import Action
from crm.rewards import costing

WRITABLE = RECIPES | {slug: offer for slug, offer in OFFERS.items() if not offer.coupon}


@dataclass(frozen=True)
class Wish:
    """What a suggestion wants written: by which recipe, to which group."""

    slug: str
    segment: str

    @property
    def recipe(self) -> Recipe:
        return WRITABLE[self.slug]


@dataclass(frozen=True)
class LastTime:
    """What came of the newest finished campaign to the same group."""

    href: str
    on: dt.date
    written: int
    orders: int
    days: int  # orders count so many days after the message

    @property
    def until(self) -> dt.date:
        return self.on + dt.timedelta(days=self.days)


@dataclass(frozen=True)
class Draft:
    """What is known of a draft before it is made."""

    people: int  # in the group
    reach: int  # of them, who may be written to
    points: int  # given to each
    cost_minor: int | None  # if all of them are used; None: no points, or nobody says what they are worth
    last: LastTime | None


def wish(action: Action) -> Wish | None:
    """Return what a suggestion's address asks to be written; None where it leads somewhere else."""
    address = urlsplit(action.url)
    asked = QueryDict(address.query)
    slug = asked.get("recipe", "")
    if address.path != reverse("campaigns:new") or slug not in WRITABLE:
        return None
    return Wish(slug, asked.get("segment", ""))


@transaction.atomic
def take(action: Action, *, shop: Shop, now: dt.datetime) -> str:
    """Return the address where the owner goes on: of the draft, made only once, or the suggestion's own."""
    wanted = wish(action)
    held = Segment.objects.select_for_update()  # a double click waits, and finds the draft of the first
    segment = held.filter(slug=wanted.segment).first() if wanted else None
    if segment is None:
        return action.url
    with translation.override(shop.language):
        names = [counted(wanted.recipe.name, shop.kind), segment.name]
    begun = Campaign.objects.filter(segment=segment, state=Campaign.State.DRAFT, name__in=names).order_by("-pk").first()
    if begun is None and wanted.slug in RECIPES:
        begun = recipes.draft(wanted.slug, segment=segment, shop=shop)
    elif begun is None:
        begun = recipes.draft_offer(wanted.slug, segment=segment, shop=shop, now=now)
    return reverse("campaigns:edit", args=[begun.pk])


def drafts(actions: list[Action], *, shop: Shop) -> dict[str, Draft]:
    """Return by key what is known of the drafts these suggestions make; those that make none are left out."""
    wishes = {action.key: wanted for action in actions if (wanted := wish(action))}
    groups = {wanted.segment for wanted in wishes.values()}
    if not groups:
        return {}
    sizes = dict(Segment.objects.filter(slug__in=groups).values_list("slug", "member_count"))
    reach = _reach(groups, shop=shop)
    worth = costing.point_worth()
    last = _last_times(groups)

    def known(wanted: Wish) -> Draft:
        points, people = recipes.gift(wanted.recipe.points, shop.kind), sizes.get(wanted.segment, 0)
        cost = worth.of(points * people) if points and worth else None
        return Draft(people, reach.get(wanted.segment, 0), points, cost, last.get(wanted.segment))

    return {key: known(wanted) for key, wanted in wishes.items()}


def _reach(groups: set[str], *, shop: Shop) -> dict[str, int]:
    """Return by group how many may be written to."""
    allowed = consent.may_write(Contact.objects.filter(memberships__segment__slug__in=groups), write_to=shop.write_to)
    counted_people = allowed.values("memberships__segment__slug").annotate(people=Count("pk")).order_by()
    return dict(counted_people.values_list("memberships__segment__slug", "people"))


def _last_times(groups: set[str]) -> dict[str, LastTime]:
    finished = Campaign.objects.filter(segment__slug__in=groups, state=Campaign.State.FINISHED)
    dated = finished.annotate(on=Max("rotations__local_date")).exclude(on=None).select_related("segment")
    newest = {campaign.segment.slug: campaign for campaign in dated.order_by("on", "pk")}
    if not newest:
        return {}
    totals = reporting.totals([campaign.pk for campaign in newest.values()])
    return {
        slug: LastTime(one.get_absolute_url(), one.on, totals[one.pk].sent, totals[one.pk].orders, one.window_days)
        for slug, one in newest.items()
    }
