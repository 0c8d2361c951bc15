"""Automations to start from, all of them off. Texts are made in the shop's language, for its kind of business."""

from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.campaigns import recipes


@dataclass(frozen=True)
class Letter:
    subject: str | Promise
    body: str | Promise
    points: int = 0
    wait_days: int = 0


@dataclass(frozen=True)
class StandingOrder:
    """What an automation is made from; `letters` go out one after the other."""

    icon: str
    name: str | Promise
    what: str | Promise
    trigger: str
    letters: tuple[Letter, ...]
    params: dict = field(default_factory=dict)
    ends_on_order: bool = False
    window_days: int = 14


def _of_campaign(slug: str, **terms: int) -> Letter:
    """Return the letter of a campaign that says the same."""
    campaign = recipes.RECIPES.get(slug) or recipes.OFFERS[slug]
    return Letter(subject=campaign.subject, body=campaign.body, **terms)


RECIPES: dict[str, StandingOrder] = {
    "welcome": StandingOrder(
        icon="sparkles",
        name=_("Welcome new customers"),
        what=_("Thanks for the first order, and two more words in the weeks after it. Ends with the second order."),
        trigger="first_order",
        params={"days": 1},
        ends_on_order=True,
        window_days=30,
        letters=(
            _of_campaign("welcome"),
            Letter(
                wait_days=6,
                subject=_("A week later: is everything as you hoped?"),
                body=_(
                    "# Hello {{ first_name|\"dear customer\" }}\n\n"
                    "You ordered from us a week ago. Is there anything we can help with, or anything you would like to "
                    "know? Just answer: we read every message.\n\n"
                    "Warm regards,\n{{ shop_name }}"
                ),
            ),
            Letter(
                wait_days=14,
                points=20,
                subject=_("{{ points_given }} points for your second visit"),
                body=_(
                    "# Shall we see you again, {{ first_name|\"dear customer\" }}?\n\n"
                    "We have put **{{ points_given }} points** on your account, which makes {{ points_balance }}. They "
                    "are waiting for your next order.\n\n"
                    "See you soon,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "signed-up": StandingOrder(
        icon="user-plus",
        name=_("Greet people who signed up"),
        what=_("A hello to people who left their address and have not ordered yet. Ends with their first order."),
        trigger="joined",
        params={"days": 3},
        ends_on_order=True,
        window_days=30,
        letters=(
            Letter(
                subject=_("Nice to have you, {{ first_name|\"dear friend\" }}"),
                body=_(
                    "# Hello {{ first_name|\"dear friend\" }}\n\n"
                    "Thank you for joining {{ shop_name }}. With your first order you begin to collect points.\n\n"
                    "If you wonder what would suit you, answer this message and we help you choose.\n\n"
                    "See you soon,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "birthday": StandingOrder(
        icon="cake",
        name=_("Birthday wishes"),
        what=_("Good wishes and a few points on the birthday, once a year."),
        trigger="birthday",
        params={"days": 0},
        letters=(
            Letter(
                points=30,
                subject=_("Happy birthday, {{ first_name|\"dear customer\" }}"),
                body=_(
                    "# Happy birthday, {{ first_name|\"dear customer\" }}\n\n"
                    "All the best from all of us. Our present: **{{ points_given }} points** on your account, which "
                    "makes {{ points_balance }}.\n\n"
                    "Have a lovely day,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "next-visit": StandingOrder(
        icon="calendar-clock",
        name=_("Remind of the next visit"),
        what=_("A friendly word on the day somebody usually comes again: every customer at their own pace."),
        trigger="next_visit",
        params={"days": 14},
        ends_on_order=True,
        letters=(
            _of_campaign("reminder"),
        ),
    ),
    "win-back": StandingOrder(
        icon="heart",
        name=_("Win back people who have gone quiet"),
        what=_("A friendly word when somebody stays away for longer than is usual for them."),
        trigger="quiet",
        params={"days": 60},
        ends_on_order=True,
        window_days=30,
        letters=(
            _of_campaign("win-back", points=20),
        ),
    ),
    "points-expiring": StandingOrder(
        icon="hourglass",
        name=_("Remind of points that run out"),
        what=_("A reminder before points expire, so that nobody loses them unawares."),
        trigger="points_expiring",
        params={"days": 14},
        letters=(
            Letter(
                subject=_("Some of your points expire soon"),
                body=_(
                    "# Hello {{ first_name|\"dear customer\" }}\n\n"
                    "You have **{{ points_balance }} points** at {{ shop_name }}, and some of them expire within the "
                    "next weeks. It would be a pity: use them on your next visit.\n\n"
                    "See you soon,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "how-was-it": StandingOrder(
        icon="message-square",
        name=_("Ask how it was"),
        what=_("A thank-you after every order, and the question whether all is well."),
        trigger="any_order",
        params={"days": 3},
        letters=(
            Letter(
                subject=_("Thank you. How was it?"),
                body=_(
                    "# Thank you, {{ first_name|\"dear customer\" }}\n\n"
                    "We hope that everything was as it should be. Would you tell us? It takes a moment.\n\n"
                    "[How was it?]({{ feedback_link }})\n\n"
                    "If you have a wish, simply answer this message.\n\n"
                    "Warm regards,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "tenth-order": StandingOrder(
        icon="trophy",
        name=_("Celebrate the tenth order"),
        what=_("A thank-you with points for customers who have become regulars."),
        trigger="nth_order",
        params={"orders": 10, "days": 1},
        letters=(
            Letter(
                points=50,
                subject=_("Ten orders: thank you"),
                body=_(
                    "# Thank you, {{ first_name|\"dear customer\" }}\n\n"
                    "Ten times you have ordered from us. You are one of the people who keep {{ shop_name }} going, so "
                    "we put **{{ points_given }} points** on your account, which makes {{ points_balance }}.\n\n"
                    "With thanks,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "new-level": StandingOrder(
        icon="crown",
        name=_("Congratulate on a new level"),
        what=_("Tells people that they have risen in your programme."),
        trigger="level",
        params={"days": 1},
        letters=(
            Letter(
                subject=_("You have reached a new level"),
                body=_(
                    "# Well done, {{ first_name|\"dear customer\" }}\n\n"
                    "You have risen to a new level at {{ shop_name }}. What it brings you stands on your page: "
                    "{{ my_page }}\n\n"
                    "Thank you for coming so often,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
    "enough-points": StandingOrder(
        icon="gift",
        name=_("Tell people who have enough for a reward"),
        what=_("Tells people once that their points are enough for a reward: many never look."),
        trigger="reward",
        params={"days": 1},
        letters=(
            Letter(
                subject=_("Your points are enough for a reward"),
                body=_(
                    "# Hello {{ first_name|\"dear customer\" }}\n\n"
                    "You have **{{ points_balance }} points** at {{ shop_name }}, enough for a reward. What you can "
                    "choose from stands on your page: {{ my_page }}\n\n"
                    "See you soon,\n{{ shop_name }}"
                ),
            ),
        ),
    ),
}
