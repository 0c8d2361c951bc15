"""The campaigns of the demo shop's past: what they said, to whom they went, who was left out to measure them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import attribution, automating, rehearsing, rendering, sending, starting, variants
from crm.campaigns.models import Campaign, Click, Link, Message, Rotation, Variant
from crm.campaigns.recipes import gift
from crm.contacts import saved
from crm.contacts.listing import Filter
from crm.contacts.models import Segment
from crm.home.inventing import Invented, Mailing, Offer, Person
from crm.lib import bulk, clock, tokens
from crm.orders.models import Order
from crm.rewards import ledger
from crm.rewards.models import Entry

AUTOMATED_DAYS = 90


@dataclass(frozen=True)
class Said:
    """What a campaign of the demo said: one (subject, body) for each version."""

    name: str
    group: str  # empty: everybody
    texts: list[tuple[str, str]]


def said(offer: Offer, code: str, *, kind: str) -> Said:
    """Return what a campaign said, with the code of its coupon in it, in the words of this kind of business."""
    match offer.slug:
        case "ten_percent":
            body = _("This week everything is ten percent off for you. Say %(code)s at the till.") % {"code": code}
            return Said(_("Ten percent in spring"), _("Quiet for a week"), [(_("Ten percent off"), body)])
        case "summer":
            body = _("For the picnic: ten percent off this week. Say %(code)s at the till.") % {"code": code}
            return Said(_("Ten percent in summer"), _("Quiet for a week"), [(_("For the picnic"), body)])
        case "free_espresso":
            body = _("Your next espresso is on us. Say %(code)s at the till.") % {"code": code}
            return Said(_("An espresso on us"), _("Quiet for a week"), [(_("An espresso for you"), body)])
        case "two_weeks":
            body = _("Ten percent off for two weeks. Say %(code)s at the till.") % {"code": code}
            return Said(_("Two weeks at ten percent"), _("Quiet for a week"), [(_("Two weeks for you"), body)])
        case "weekly_bread":
            body = _("This week: rye with caraway. [What else is in the oven](https://example.com/oven)")
            other = _("We keep a loaf of rye with caraway for you until Saturday: [which one?](https://example.com/oven)")
            subjects = _("This week's bread"), _('{{ first_name|"Hello" }}, shall we keep a loaf for you?')
            return Said(_("Bread of the week"), "", [(subjects[0], body), (subjects[1], other)])
        case _:
            body = _(
                '# Hello {{ first_name|"there" }}\n\nWe have put **{{ points_given }} points** on your account. '
                "The first stollen comes out of the oven this week: [have a look](https://example.com/stollen).\n\n"
                "See you soon!"
            )
            subject = _("A little thank-you from the bakery")
            return Said(_("Autumn thank-you"), _("Quiet for three weeks"), [(subject, counted(body, kind))])


def write(
    invented: Invented, contact_ids: list[int], codes: Mapping[str, str], *, shop: Shop, now: dt.datetime
) -> None:
    """Write the campaigns of the past, each with the people left out to measure it."""
    by_offer: dict[str, list[Mailing]] = {}
    for mailing in invented.mailings:
        if mailing.sent or mailing.held_out:
            by_offer.setdefault(mailing.offer.slug, []).append(mailing)
    for mailings in by_offer.values():
        offer = mailings[0].offer
        words = said(offer, codes.get(offer.slug, ""), kind=shop.kind)
        campaign, links = _campaign(offer, mailings, words, shop=shop, now=now)
        for mailing in mailings:
            _write_mailing(mailing, campaign, links, invented.people, contact_ids, shop=shop, now=now)


def automate(*, shop: Shop, now: dt.datetime) -> None:
    """Switch the welcome on some months ago and run it on each day on which there was something to do."""
    welcome = automating.make("welcome", shop=shop)
    first = clock.local_date(now, shop.timezone) - dt.timedelta(days=AUTOMATED_DAYS)
    since = clock.at_local(first, dt.time(8), shop.timezone)
    automating.switch_on(welcome, now=since)
    steps = list(welcome.steps.order_by("step"))
    said = rehearsing.rehearse(welcome, steps, shop=shop, now=now, days=AUTOMATED_DAYS, on_since=since)
    for day in sorted(said.days | {said.last}):
        sending.sweep(now=clock.at_local(day, welcome.send_time, shop.timezone))
    written = Message.objects.filter(rotation__campaign__automation=welcome, state=Message.State.SENT)
    orders = Order.objects.filter(contact__in=bulk.among(set(written.values_list("contact", flat=True))))
    attribution.attribute(list(orders.values_list("pk", flat=True)), now=now)


def _campaign(
    offer: Offer, mailings: list[Mailing], words: Said, *, shop: Shop, now: dt.datetime
) -> tuple[Campaign, dict[str, Link]]:
    """Return a finished campaign and, by version, the first link of its text where it has one."""
    quiet = Filter({"quiet_days": str(offer.quiet_days)}, now=now)
    segment = Segment.objects.filter(name=words.group).first() if words.group else None
    if words.group and segment is None:
        segment = saved.save(quiet, name=words.group, now=now)
    local = mailings[0].at.astimezone(ZoneInfo(shop.timezone))
    campaign = Campaign.objects.create(
        name=words.name, segment=segment, points=gift(offer.points, shop.kind), subject=words.texts[0][0],
        body=words.texts[0][1],
        repeat=Campaign.Repeat.WEEKLY if offer.weeks > 1 else Campaign.Repeat.ONCE, starts_date=local.date(),
        send_time=local.time(), holdout_percent=round(offer.held_out * 100), window_days=offer.window_days,
        state=Campaign.State.FINISHED,
    )  # fmt: skip
    links: dict[str, Link] = {}
    for letter, (subject, body) in zip(offer.versions, words.texts):
        if letter != variants.FIRST:
            Variant.objects.create(
                campaign=campaign, letter=letter, subject=subject, body=body, points=campaign.points
            )
        letter_of = rendering.compile_letter(subject=subject, body=body, shop=shop, campaign_name=campaign.name)
        for url in letter_of.links[:1]:
            hashed = rendering.url_hash(url)
            links[letter] = Link.objects.get_or_create(campaign=campaign, url_hash=hashed, defaults={"url": url})[0]
    return campaign, links


def _write_mailing(
    mailing: Mailing, campaign: Campaign, links: Mapping[str, Link], people: list[Person],
    contact_ids: list[int], *, shop: Shop, now: dt.datetime,
) -> None:  # fmt: skip
    """Write one mailing: who got which version, who was left out, who clicked, and the points that came with it."""
    at, points, state = mailing.at, campaign.points, Message.State
    chance = 1 / len(mailing.offer.versions)
    rotation = Rotation.objects.create(
        campaign=campaign,
        local_date=clock.local_date(at, shop.timezone),
        started_at=at,
        finished_at=at + dt.timedelta(minutes=2),
        points_given_at=at,
        counts={state.SENT.value: len(mailing.sent), state.HELD_OUT.value: len(mailing.held_out)},
        shares=dict.fromkeys(mailing.offer.versions, chance) if len(mailing.offer.versions) > 1 else {},
    )
    sent = {
        n: Message(
            rotation=rotation, contact_id=contact_ids[n], address_hash=tokens.keyed_hash(people[n].email),
            state=state.SENT, points=points, variant=letter, chance=chance, attempts=1, due_at=at, tried_at=at,
            sent_at=at,
        )
        for n, letter in sorted(mailing.sent.items())
    }  # fmt: skip
    left_out = [
        Message(rotation=rotation, contact_id=contact_ids[n], state=state.HELD_OUT, variant="", due_at=at)
        for n in mailing.held_out
    ]
    Message.objects.bulk_create([*sent.values(), *left_out], batch_size=500)
    opened = at + dt.timedelta(hours=2)
    Click.objects.bulk_create(
        [
            Click(message=sent[n], link=links[mailing.sent[n]], at=opened)
            for n in sorted(mailing.clicked)
            if mailing.sent[n] in links
        ],
        batch_size=500,
    )
    if points:
        ledger.post(
            [
                ledger.Posting(
                    contact_id=one.contact_id, points=points, kind=Entry.Kind.CAMPAIGN,
                    source=starting.source_of(rotation.pk, one.contact_id), reason=campaign.name, at=at,
                )
                for one in sent.values()
            ],
            now=now,
        )  # fmt: skip
