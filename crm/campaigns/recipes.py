"""Campaigns to start from: nobody begins with an empty page. Texts are made in the shop's language."""

import datetime as dt
import secrets
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import variants
from crm.campaigns.models import Campaign, Variant
from crm.contacts.models import Segment
from crm.coupons import codes, issuing, wording
from crm.coupons.models import Coupon
from crm.lib import clock
from crm.lib.templatetags import say


@dataclass(frozen=True)
class Recipe:
    icon: str
    name: str | Promise
    what: str | Promise
    segments: tuple[str, ...]  # slugs to look for, the best first
    subject: str | Promise
    body: str | Promise
    points: int = 0
    holdout_percent: int = 10
    window_days: int = 14
    coupon: dict = field(default_factory=dict)  # what the coupon gives that the text carries


POINTS_TO_A_STAMP = 50
COUPON_DAYS = 30  # a coupon made with a draft is good for so many days
_WORD_LETTERS = 5


def gift(points: int, kind: str) -> int:
    """Return so many points as this kind of business gives: of a café's stamps, each a whole purchase, far fewer."""
    return -(-points // POINTS_TO_A_STAMP) if kind == Shop.Kind.CAFE else points


RECIPES: dict[str, Recipe] = {
    "win-back": Recipe(
        icon="heart",
        name=_("Win back quiet regulars"),
        what=_("A friendly word and a few points for customers who used to come often and have gone quiet."),
        segments=("slipping-regulars", "at_risk", "sleeping"),
        subject=_("We miss you, {{ first_name|\"dear customer\" }}"),
        body=_(
            "# We miss you, {{ first_name|\"dear customer\" }}\n\n"
            "It has been a while since your last visit at {{ shop_name }}. So we put **{{ points_given }} points** on "
            "your account: you now have {{ points_balance }}.\n\n"
            "They are waiting for you whenever you come by.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
        points=50,
    ),
    "welcome": Recipe(
        icon="sparkles",
        name=_("Welcome new customers"),
        what=_("Thank people for their first order and tell them about their points: the second visit decides."),
        segments=("new", "promising"),
        subject=_("Welcome to {{ shop_name }}"),
        body=_(
            "# Thank you for coming, {{ first_name|\"dear customer\" }}\n\n"
            "Your first order made us happy. With every order you collect points: you have "
            "**{{ points_balance }}** so far.\n\n"
            "If anything was not as it should be, simply answer this message.\n\n"
            "Warm regards,\n{{ shop_name }}"
        ),
    ),
    "thank-best": Recipe(
        icon="gift",
        name=_("Thank your best with points"),
        what=_("A present for the customers who buy often and spend the most. No strings attached."),
        segments=("champions", "loyal"),
        subject=_("{{ points_given }} points, just to say thank you"),
        body=_(
            "# Thank you, {{ first_name|\"dear customer\" }}\n\n"
            "You are one of the people who keep {{ shop_name }} going. We have put **{{ points_given }} points** on "
            "your account, which makes {{ points_balance }}.\n\n"
            "With thanks,\n{{ shop_name }}"
        ),
        points=100,
    ),
}


def segment_for(recipe: Recipe) -> Segment | None:
    """Return the first group of the recipe that exists."""
    found = {segment.slug: segment for segment in Segment.objects.filter(slug__in=recipe.segments)}
    return next((found[slug] for slug in recipe.segments if slug in found), None)


def draft(slug: str, *, segment: Segment | None, shop: Shop) -> Campaign:
    """Make a draft from a recipe, for a given group or the recipe's own."""
    recipe = RECIPES[slug]
    with translation.override(shop.language):
        return Campaign.objects.create(
            name=counted(recipe.name, shop.kind),
            segment=segment or segment_for(recipe),
            points=gift(recipe.points, shop.kind),
            subject=counted(recipe.subject, shop.kind),
            body=counted(recipe.body, shop.kind),
            holdout_percent=recipe.holdout_percent,
            window_days=recipe.window_days,
        )


@transaction.atomic
def again(campaign: Campaign, *, shop: Shop, letter: str = "") -> Campaign:
    """Make a draft with the content of an earlier campaign, or of one of its versions alone.

    An untouched one made before is used again.
    """
    with translation.override(shop.language):
        again = str(_("%(name)s, again"))
    name = (again % {"name": campaign.name.removesuffix(again % {"name": ""})})[:120]
    first, *others = [variants.worded(campaign, letter)] if letter else variants.to_send(campaign)
    untouched = Campaign.objects.filter(
        state=Campaign.State.DRAFT, name=name, version=1, subject=first.subject, body=first.body
    )
    for draft in untouched:
        if draft.variants.count() == len(others):
            return draft
    made = Campaign.objects.create(
        name=name, segment=campaign.segment, points=first.points, points_days=campaign.points_days,
        points_budget=campaign.points_budget, subject=first.subject, body=first.body,
        holdout_percent=campaign.holdout_percent, window_days=campaign.window_days, split=campaign.split,
    )
    Variant.objects.bulk_create(
        Variant(campaign=made, letter=letter, subject=one.subject, body=one.body, points=one.points)
        for letter, one in zip(variants.LETTERS[1:], others)
    )
    return made


# The rungs of the offer ladder: drafts for people the analyst chose, opened from its page.
OFFERS: dict[str, Recipe] = {
    "reminder": Recipe(
        icon="mail",
        name=_("A reminder"),
        what=_("A friendly word, and nothing to give."),
        segments=(),
        subject=_("Time for another visit, {{ first_name|\"dear customer\" }}?"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "It is about time for your next visit at {{ shop_name }}, and we would love to see you.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
    ),
    "note": Recipe(
        icon="hourglass",
        name=_("A note about expiring points"),
        what=_("Tells people that points they have already will expire soon."),
        segments=(),
        subject=_("Some of your points expire soon"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "You have **{{ points_balance }} points** at {{ shop_name }}, and some of them expire within the next "
            "weeks. It would be a pity: use them on your next visit.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
    ),
    "points": Recipe(
        icon="coins",
        name=_("Double points"),
        what=_("As many points as an order earns, given in advance."),
        segments=(),
        subject=_("{{ points_given }} points for your next visit"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "We have put **{{ points_given }} points** on your account, as many as an order usually earns: your next "
            "visit counts double. You now have {{ points_balance }}.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
        points=50,
    ),
    "shipping": Recipe(
        icon="truck",
        name=_("Free shipping"),
        what=_("A code that takes the shipping off one order."),
        segments=(),
        subject=_("Your next parcel is on us"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "We send your next order free of charge. Your code: **%(code)s**, good until %(date)s.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
        coupon={"gives": Coupon.Gives.SHIPPING},
    ),
    "gift": Recipe(
        icon="gift",
        name=_("A product as a gift"),
        what=_("A code for something small with the next order."),
        segments=(),
        subject=_("A little something with your next order"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "With your next order you get a present: %(gives)s. Your code: **%(code)s**, good until %(date)s.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
        coupon={"gives": Coupon.Gives.PRODUCT},
    ),
    "percent": Recipe(
        icon="percent",
        name=_("Money off"),
        what=_("A code for a percentage off one order."),
        segments=(),
        subject=_("Something off your next order"),
        body=_(
            "# Hello {{ first_name|\"dear customer\" }}\n\n"
            "For your next order: %(gives)s. Your code: **%(code)s**, good until %(date)s.\n\n"
            "See you soon,\n{{ shop_name }}"
        ),
        coupon={"gives": Coupon.Gives.PERCENT},
    ),
}


@transaction.atomic
def draft_offer(
    rung: str, *, segment: Segment, shop: Shop, now: dt.datetime, points: int = 0, percent: int = 0,
    product_id: int | None = None,
) -> Campaign:
    """Make a draft that carries an offer to a group, with a coupon only that group can use where one is needed."""
    recipe = OFFERS[rung]
    with translation.override(shop.language):
        body = counted(recipe.body, shop.kind)
        if recipe.coupon:
            coupon, word = _coupon(recipe, segment=segment, shop=shop, now=now, percent=percent, product_id=product_id)
            words = {"code": word, "date": say.day(coupon.ends_on), "gives": wording.gives(coupon, shop.currency)}
            body = body % words
        return Campaign.objects.create(
            name=segment.name, segment=segment,
            points=(points or gift(recipe.points, shop.kind)) if recipe.points else 0,
            subject=counted(recipe.subject, shop.kind), body=body, holdout_percent=recipe.holdout_percent,
            window_days=recipe.window_days,
        )


def _coupon(
    recipe: Recipe, *, segment: Segment, shop: Shop, now: dt.datetime, percent: int, product_id: int | None
) -> tuple[Coupon, str]:
    today = clock.local_date(now, shop.timezone)
    gives = recipe.coupon["gives"]
    coupon = Coupon.objects.create(
        name=str(recipe.name), gives=gives, percent=percent if gives == Coupon.Gives.PERCENT else None,
        product_id=product_id if gives == Coupon.Gives.PRODUCT else None, segment=segment, starts_on=today,
        ends_on=today + dt.timedelta(days=COUPON_DAYS), code_kind=Coupon.CodeKind.SHARED, most_per_customer=1,
        created_at=now,
    )
    word = "".join(secrets.choice(codes.LETTERS) for _letter in range(_WORD_LETTERS))
    return coupon, issuing.share(coupon, word=word, now=now).text
