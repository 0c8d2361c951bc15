"""Campaigns to start from: nobody begins with an empty page. Texts are made in the shop's language."""

from dataclasses import dataclass

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign
from crm.contacts.models import Segment


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
            name=str(recipe.name),
            segment=segment or segment_for(recipe),
            points=recipe.points,
            subject=str(recipe.subject),
            body=str(recipe.body),
            holdout_percent=recipe.holdout_percent,
            window_days=recipe.window_days,
        )


def again(campaign: Campaign, *, shop: Shop) -> Campaign:
    """Make a draft with the content of an earlier campaign; an untouched one made before is used again."""
    with translation.override(shop.language):
        again = str(_("%(name)s, again"))
    name = (again % {"name": campaign.name.removesuffix(again % {"name": ""})})[:120]
    untouched = Campaign.objects.filter(state=Campaign.State.DRAFT, name=name, version=1).first()
    if untouched:
        return untouched
    return Campaign.objects.create(
        name=name, segment=campaign.segment, points=campaign.points, points_days=campaign.points_days,
        points_budget=campaign.points_budget, subject=campaign.subject, body=campaign.body,
        holdout_percent=campaign.holdout_percent, window_days=campaign.window_days,
    )
