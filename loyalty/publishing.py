"""Fill the trays of the shop: the only writer into crm. Everything here runs inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import recipes
from crm.campaigns.models import Automation, Campaign
from crm.contacts import consent, segments, standing
from crm.contacts.groups import GROUPS
from crm.contacts.models import Contact
from crm.home import actions
from crm.home.actions import FEWEST, RETURNING, Suggestion
from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import restocking, wording
from loyalty.estimators.rungs import WITHOUT_MONEY
from loyalty.models import Found, Run, Score

COLUMNS = ("group", "stage", "churn_risk", "at_stake_minor", "scored_on")
SLIPPING = "slipping-regulars"
RESTOCK = "restock"


@dataclass(frozen=True)
class Person:
    """What tonight's run says of one customer."""

    contact_id: int
    group: str
    stage: str
    visits: int
    spend_minor: int
    churn_risk: float | None
    at_stake_minor: int | None
    usual_order_minor: int | None


@dataclass(frozen=True)
class Moved:
    """A customer whose orders changed since the night, and what is said of them until the next one."""

    contact_id: int
    group: str
    stage: str
    churn_risk: float | None
    at_stake_minor: int | None
    is_back: bool


@transaction.atomic
def publish(
    people: list[Person], *, as_of: dt.date, horizon: int, card: dict | None,
    leave_alone: Collection[int] = frozenset(), restock: Suggestion | None = None,
) -> None:
    """Put the night's results where the shop looks: customer columns, groups, suggestions.

    Nobody to be left alone, because no message is expected to change what they do, is among those to win back.
    """
    shop = Shop.current()
    _standing(people, as_of)
    by_group: dict[str, list[int]] = {slug: [] for slug in GROUPS}
    for person in people:
        by_group[person.group].append(person.contact_id)
    with translation.override("en"):
        labels = {slug: str(group.label) for slug, group in GROUPS.items()}
        sentences = {slug: str(group.sentence) for slug, group in GROUPS.items()}
        slipping_label, slipping_sentence = str(wording.SEGMENTS[SLIPPING]), str(wording.SENTENCES[SLIPPING])
    for rank, (slug, members) in enumerate(by_group.items(), start=1):
        segments.replace_members(
            slug, members, as_of=as_of, rank=10 * rank, name=labels[slug], description=sentences[slug]
        )
    slipping = [person for person in slipping_regulars(people) if person.contact_id not in leave_alone]
    segments.replace_members(
        SLIPPING, [person.contact_id for person in slipping], as_of=as_of, rank=5, name=slipping_label,
        description=slipping_sentence,
    )  # fmt: skip
    found = suggestions(people, slipping, shop=shop, horizon=horizon, card=card)
    if Automation.objects.filter(trigger="first_order", on_since__isnull=False).exists():
        found = [one for one in found if one.kind != "welcome"]  # they are welcomed without being asked
    actions.replace_all([*found, restock] if restock else found, as_of=as_of)


def slipping_regulars(people: list[Person]) -> list[Person]:
    """Return valuable regulars who may be leaving, most money at stake first.

    Three order days or more, not gone yet, and either past twice their usual gap or more likely than not to stay away
    for the whole horizon; of those, the ones with at least the median money at stake of all repeat customers.
    """
    regulars = [person for person in people if person.visits >= 3 and person.stage != "lapsed"]
    leaving = [p for p in regulars if p.stage == "slipping" or (p.churn_risk is not None and p.churn_risk >= 0.5)]
    stakes = sorted(p.at_stake_minor for p in regulars if p.at_stake_minor is not None)
    if not stakes:
        return leaving
    middle = stakes[len(stakes) // 2]
    valuable = [p for p in leaving if p.at_stake_minor is not None and p.at_stake_minor >= middle]
    return sorted(valuable, key=lambda p: (-p.at_stake_minor, p.contact_id))


def suggestions(
    people: list[Person], slipping: list[Person], *, shop: Shop, horizon: int, card: dict | None
) -> list[Suggestion]:
    """Return what is worth doing tonight, each a draft one click away."""
    found = []
    why = actions.in_every_language(lambda: wording.how_good(card))
    if len(slipping) >= FEWEST:
        found.append(_win_back(slipping, shop=shop, horizon=horizon, why=why))
    new = [person for person in people if person.group == "new"]
    if len(new) >= FEWEST:
        found.append(_welcome(new, horizon=horizon))
    champions = [person for person in people if person.group == "champions"]
    spent = sum(max(person.spend_minor, 0) for person in people)
    if len(champions) >= FEWEST and spent:
        share = sum(max(person.spend_minor, 0) for person in champions) / spent
        found.append(
            Suggestion(
                key="thank:champions", kind="thank", icon="gift", url=_draft("thank-best", "champions"), rank=30,
                title=actions.in_every_language(lambda: wording.thank("title", people=len(champions), share=share)),
                evidence=actions.in_every_language(
                    lambda: wording.thank("evidence", people=len(champions), share=share)
                ),
                button=actions.in_every_language(lambda: wording.thank("button", people=len(champions), share=share)),
                why=actions.in_every_language(lambda: wording.how_good(None)),
            )
        )  # fmt: skip
    at_risk = [person for person in people if person.group == "at_risk"]
    if len(slipping) < FEWEST <= len(at_risk):
        found.append(
            Suggestion(
                key="rescue:at_risk", kind="win_back", icon="heart", url=_draft("win-back", "at_risk"), rank=20,
                title=actions.in_every_language(lambda: wording.rescue("title", people=len(at_risk))),
                evidence=actions.in_every_language(lambda: wording.rescue("evidence", people=len(at_risk))),
                button=actions.in_every_language(lambda: wording.rescue("button", people=len(at_risk))),
                why=actions.in_every_language(lambda: wording.how_good(None)),
            )
        )  # fmt: skip
    return found


def _win_back(slipping: list[Person], *, shop: Shop, horizon: int, why: dict) -> Suggestion:
    risks = [person.churn_risk for person in slipping if person.churn_risk is not None]
    stake = sum(person.at_stake_minor or 0 for person in slipping)
    if not risks:
        return Suggestion(
            key=f"win_back:{SLIPPING}", kind="win_back", icon="heart", url=_draft("win-back", SLIPPING), rank=10,
            why=actions.in_every_language(lambda: wording.how_good(None)),
            title=actions.in_every_language(lambda: wording.rescue("title", people=len(slipping))),
            evidence=actions.in_every_language(lambda: wording.rescue("evidence", people=len(slipping))),
            button=actions.in_every_language(lambda: wording.rescue("button", people=len(slipping))),
        )  # fmt: skip
    risk = sum(risks) / len(risks)

    def text(kind: str) -> dict[str, str]:
        return actions.in_every_language(
            lambda: wording.win_back(
                kind, people=len(slipping), risk=risk, at_stake=say.rough_money(stake, shop.currency), days=horizon
            )
        )

    gains = tuple(round(stake * share) for share in RETURNING)
    assumed = actions.in_every_language(lambda: actions.assumption(*RETURNING))
    return Suggestion(
        key=f"win_back:{SLIPPING}", kind="win_back", icon="heart", url=_draft("win-back", SLIPPING), rank=10,
        title=text("title"), evidence=text("evidence"), button=text("button"),
        why={language: actions.sentences(why[language], assumed[language], language) for language in why},
        gains=gains if gains[1] > 0 else None,
    )  # fmt: skip


def _welcome(new: list[Person], *, horizon: int) -> Suggestion:
    worth = sum(person.usual_order_minor or 0 for person in new)
    gains = tuple(round(worth * share) for share in RETURNING)
    rule = actions.in_every_language(lambda: wording.how_good(None))
    assumed = actions.in_every_language(lambda: actions.assumption(*RETURNING))
    return Suggestion(
        key="welcome:new", kind="welcome", icon="sparkles", url=_draft("welcome", "new"), rank=20,
        title=actions.in_every_language(lambda: wording.welcome("title", people=len(new), days=horizon)),
        evidence=actions.in_every_language(lambda: wording.welcome("evidence", people=len(new), days=horizon)),
        button=actions.in_every_language(lambda: wording.welcome("button", people=len(new), days=horizon)),
        why={language: actions.sentences(rule[language], assumed[language], language) for language in rule},
        gains=gains if gains[1] > 0 else None,
        cost=0,
    )  # fmt: skip


def restock(run: Run, card: dict) -> Suggestion | None:
    """Return the suggestion to order what runs out; None where nothing that was counted lately does.

    `card` says how many weeks a forecast speaks of and how good it was: Found "demand" of the run.
    """
    out = restocking.running_out(run, card["weeks"])
    if out is None:
        return None

    def text(kind: str) -> dict[str, str]:
        return actions.in_every_language(
            lambda: wording.restock(kind, products=out.products, until=out.until, first=out.first)
        )

    told = card | {"until": run.as_of}
    return Suggestion(
        key=RESTOCK, kind="restock", icon="package", rank=15,
        url=f"{reverse('loyalty:demand')}?{urlencode({'show': 'short', 'sort': 'left'})}",
        title=text("title"), evidence=text("evidence"), button=text("button"),
        why=actions.in_every_language(lambda: wording.restock_why(told, counted_from=out.counted_from)),
        gains=out.unserved_minor if out.unserved_minor[1] > 0 else None,
    )  # fmt: skip


@transaction.atomic
def count_again() -> None:
    """Bring the suggestion to order in line with what was counted since the night."""
    run = Run.objects.latest_done()
    card = Found.objects.filter(run=run, kind=restocking.DEMAND).values_list("data", flat=True).first() if run else None
    said = restock(run, card) if card else None
    if said is None:
        actions.withdraw(RESTOCK)
    else:
        actions.replace_one(said, as_of=run.as_of)


def _draft(recipe: str, segment: str) -> str:
    return f"{reverse('campaigns:new')}?{urlencode({'recipe': recipe, 'segment': segment})}"


def _standing(people: list[Person], as_of: dt.date) -> None:
    """Report everyone's columns; people without a counting order lose what an earlier night said of them."""
    rows = [(p.group, p.stage, p.churn_risk, p.at_stake_minor, as_of, p.contact_id) for p in people]
    standing.report(rows, columns=COLUMNS)
    scored = {person.contact_id for person in people}
    others = Contact.objects.alive().values_list("id", "order_count", "group", "stage", "scored_on")
    stale = []
    for contact_id, order_count, group, stage, scored_on in others.iterator(chunk_size=20_000):
        wanted = "" if order_count else "prospect"
        if contact_id not in scored and (group or stage != wanted or scored_on is not None):
            stale.append(("", wanted, None, None, None, contact_id))
    standing.report(stale, columns=COLUMNS)


@transaction.atomic
def revise(moved: list[Moved], *, run: Run) -> None:
    """Bring the trays in line with customers who bought or gave back since the night, nobody else."""
    moved = sorted(moved, key=lambda one: one.contact_id)
    rows = [(one.group, one.stage, one.churn_risk, one.at_stake_minor, one.contact_id) for one in moved]
    standing.report(rows, columns=("group", "stage", "churn_risk", "at_stake_minor"))
    for slug in GROUPS:
        size = segments.let_in_and_out(
            slug,
            come=[one.contact_id for one in moved if one.group == slug],
            leave=[one.contact_id for one in moved if one.group != slug],
        )
        if size is not None:
            _say_again(slug, size)
    back = [one.contact_id for one in moved if one.is_back or one.stage == "prospect"]
    if segments.let_in_and_out(SLIPPING, leave=back) is not None:
        _win_back_again(run)


def _say_again(slug: str, size: int) -> None:
    """Tell the new number of people in the suggestion about a group; too few of them are no suggestion."""
    titles = {
        "new": ("welcome:new", lambda: wording.welcome("title", people=size, days=0)),
        "champions": ("thank:champions", lambda: wording.thank("title", people=size, share=0)),
        "at_risk": ("rescue:at_risk", lambda: wording.rescue("title", people=size)),
    }
    if slug not in titles:
        return
    key, title = titles[slug]
    if size < FEWEST:
        actions.withdraw(key)
    else:
        actions.revise(key, title=actions.in_every_language(title))


def _win_back_again(run: Run) -> None:
    members = Score.objects.filter(run=run, contact__memberships__segment__slug=SLIPPING).order_by("id")
    slipping = [
        Person(contact_id, "", "", 0, 0, risk, stake, None)
        for contact_id, risk, stake in members.values_list("contact_id", "churn_risk", "at_stake_minor")
    ]
    if len(slipping) < FEWEST:
        actions.withdraw(f"win_back:{SLIPPING}")
        return
    why = actions.in_every_language(lambda: "")
    said = _win_back(slipping, shop=Shop.current(), horizon=run.horizon_days, why=why)
    actions.revise(said.key, title=said.title, evidence=said.evidence, gains=said.gains)


class NobodyLeft(RuntimeError):
    """Nobody of a step may be made its offer any more."""


@transaction.atomic
def draft_offer(run: Run, rung: str, *, found: dict, shop: Shop, now: dt.datetime) -> Campaign:
    """Return a draft for exactly the people of a step of the offer ladder; asked again, the same one.

    `found` is what the ladder's stage found that night: how many points, which gift, what percentage.
    """
    members = list(people_of(run, rung, shop=shop).values_list("pk", flat=True))
    if rung not in recipes.OFFERS or not members:
        raise NobodyLeft(rung)
    with translation.override(shop.language):
        name = _("%(offer)s, %(date)s") % {"offer": recipes.OFFERS[rung].name, "date": say.day(run.as_of)}
        description = _("Chosen on the page of offers, and left as it was then.")
    slug = f"offer-{rung}-{run.as_of:%Y%m%d}"
    segment = segments.replace_members(slug, members, as_of=run.as_of, rank=90, name=name, description=description)
    draft = Campaign.objects.filter(segment=segment, state=Campaign.State.DRAFT).order_by("-pk").first()
    return draft or recipes.draft_offer(
        rung, segment=segment, shop=shop, now=now, points=found["points"] or 0, percent=found["percent"],
        product_id=found["gift"],
    )  # fmt: skip


def people_of(run: Run, rung: str, *, shop: Shop) -> QuerySet[Contact]:
    """Return who may be made this offer now: nobody who said no, was locked or ordered since the run."""
    _midnight, end = clock.day_bounds(run.as_of, shop.timezone)
    chosen = Contact.objects.profiled().filter(
        pk__in=Score.objects.filter(run=run, offer=rung).values("contact"), last_order_at__lt=end
    )
    allowed = consent.may_write(chosen, write_to=shop.write_to).order_by("pk")
    return allowed if rung in WITHOUT_MONEY else allowed.open_to_discounts()
