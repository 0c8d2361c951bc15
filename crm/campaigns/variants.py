"""The versions of a campaign's message: what they say, who gets which, and the tray of shares the analyst fills.

Version A is the campaign itself; B, C and D are rows of Variant. A draw with a keyed hash of campaign, day and customer
decides, so that a mailing that starts over deals everybody the same version.
"""

import copy
import datetime as dt
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F

from crm.campaigns.models import Campaign, Message, Variant
from crm.lib import tokens

FIRST = "A"
LETTERS = ("A", "B", "C", "D")
CONTENT = ("subject", "body", "points")  # what differs from version to version


class NotPossible(ValueError):
    """These shares cannot be: a letter that is not the campaign's, or no shares of one whole."""


def worded(campaign: Campaign, letter: str) -> Campaign:
    """Return the campaign saying what this version says; not to be saved. What is unknown says what A says."""
    versions = every(campaign)
    return next((one for one in versions if one.letter == letter), versions[0])


def whole(campaign: Campaign) -> Campaign:
    """Return the campaign itself, where one of its versions may stand for it."""
    return getattr(campaign, "whole", campaign)


def every(campaign: Campaign) -> list[Campaign]:
    """Return the campaign once for each of its versions, also those that go out no more; each knows its `letter`."""
    campaign = whole(campaign)
    return [_dressed(campaign, None), *(_dressed(campaign, one) for one in campaign.variants.order_by("letter"))]


def texts(campaign: Campaign) -> list[str]:
    """Return all that the versions of a campaign say, also those that go out no more."""
    versions = every(campaign) if campaign.pk else [campaign]
    return [text for one in versions for text in (one.subject, one.body)]


def to_send(campaign: Campaign) -> list[Campaign]:
    """Return the campaign once for each version that goes out."""
    versions = every(campaign)
    if campaign.decided:
        return [one for one in versions if one.letter == campaign.decided] or versions[:1]
    return [one for one in versions if not one.is_off]


def shares(campaign: Campaign) -> dict[str, float]:
    """Return the chance of each version in the next mailing, by letter; empty where A goes out alone."""
    letters = [one.letter for one in to_send(campaign)]
    if letters == [FIRST]:
        return {}
    known = campaign.shares if campaign.split == Campaign.Split.LEARN else {}
    if sorted(known) != letters:
        known = dict.fromkeys(letters, 1.0)
    whole = sum(known.values())
    return {letter: known[letter] / whole for letter in letters}


def draw(dealt: Mapping[str, float], *, campaign_id: int, local_date: dt.date, contact_id: int) -> tuple[str, float]:
    """Return the letter a person gets in the mailing of a day, and the chance they had to get it."""
    if not dealt:
        return FIRST, 1.0
    place = int(tokens.keyed_hash(f"version:{campaign_id}:{local_date}:{contact_id}")[:13], 16) / 16**13
    for letter, chance in dealt.items():
        place -= chance
        if place < 0:
            return letter, chance
    return letter, chance  # the chances' sum was a hair below one


def set_shares(campaign_id: int, given: Mapping[str, float]) -> bool:
    """Fill the tray: with which chances the next mailing is dealt. False: its owner wants no such thing (any more)."""
    campaign = Campaign.objects.filter(pk=campaign_id, split=Campaign.Split.LEARN).first()
    if campaign is None:
        return False
    letters = [FIRST, *campaign.variants.values_list("letter", flat=True)]
    if not set(given) <= set(letters) or min(given.values()) < 0 or abs(sum(given.values()) - 1) > 1e-6:
        raise NotPossible(f"{dict(given)} cannot be dealt to {', '.join(letters)}.")
    return bool(
        Campaign.objects.filter(pk=campaign_id, split=Campaign.Split.LEARN).update(
            shares={letter: round(given[letter], 6) for letter in sorted(given)}
        )
    )


@transaction.atomic
def add(campaign: Campaign, *, now: dt.datetime) -> str | None:
    """Add a version to a draft, saying what A says; return its letter, None where no letter is left."""
    taken = {FIRST, *campaign.variants.values_list("letter", flat=True)}
    free = [letter for letter in LETTERS if letter not in taken]
    if not free or not _touch(campaign, now=now):
        return None
    Variant.objects.create(
        campaign=campaign, letter=free[0], **{name: getattr(campaign, name) for name in CONTENT}
    )
    return free[0]


@transaction.atomic
def remove(campaign: Campaign, letter: str, *, now: dt.datetime) -> bool:
    """Take a version out of a draft; one that has gone out stays readable, and goes out no more."""
    found = campaign.variants.filter(letter=letter, is_off=False)
    if not found.exists() or not _touch(campaign, now=now):
        return False
    if Message.objects.filter(rotation__campaign=campaign, variant=letter).exists():
        found.update(is_off=True)
    else:
        found.delete()
    return True


def decide(campaign: Campaign, letter: str, *, now: dt.datetime) -> bool:
    """Send this version alone from the next mailing on; an empty letter goes on testing."""
    if letter and letter not in {one.letter for one in every(campaign) if not one.is_off}:
        return False
    return bool(
        Campaign.objects.filter(pk=campaign.pk).update(decided=letter, updated_at=now, version=F("version") + 1)
    )


def most_points(campaign: Campaign) -> int:
    """Return what the version that gives most gives."""
    return max(one.points for one in to_send(campaign))


def _dressed(campaign: Campaign, variant: Variant | None) -> Campaign:
    one = copy.copy(campaign)
    one.whole, one.letter, one.is_off = campaign, FIRST, False
    if variant is not None:
        one.letter, one.is_off = variant.letter, variant.is_off
        for name in CONTENT:
            setattr(one, name, getattr(variant, name))
    return one


def _touch(campaign: Campaign, *, now: dt.datetime) -> bool:
    """Note that a draft's versions change: what was reviewed before is not sent, all are tested again.

    False: it is no draft any more.
    """
    return bool(
        Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.DRAFT).update(
            decided="", updated_at=now, version=F("version") + 1
        )
    )
