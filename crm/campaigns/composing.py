"""Keep a draft, without losing what somebody else (or another tab) wrote in the meantime."""

import datetime as dt
import secrets
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F, Q

from crm.campaigns import variants
from crm.campaigns.models import Campaign, Variant


class ChangedMeanwhile(RuntimeError):
    """The draft is not the one that was edited any more; `campaign` is the newer one."""

    def __init__(self, campaign: Campaign):
        super().__init__(f"Campaign {campaign.pk} is at version {campaign.version}.")
        self.campaign = campaign


def new_desk() -> str:
    """Return a name for one open composer page."""
    return secrets.token_hex(8)


@transaction.atomic
def save(
    campaign: Campaign,
    *,
    values: Mapping[str, object],
    version: int,
    now: dt.datetime,
    desk: str = "",
    is_autosave: bool = False,
    letter: str = variants.FIRST,
) -> Campaign:
    """Write the draft's content if it still has the version that was edited; raise ChangedMeanwhile if not.

    Subject, message and points are those of the version with this letter; return the draft saying what it says.

    A button may be pressed while the same page's autosave is on its way: what that page saved last is no
    conflict for its buttons. An autosave that arrives after them is one, so that older words never win.
    """
    unchanged = Q(version=version)
    if desk and not is_autosave:
        unchanged |= Q(edited_at_desk=desk)
    own = {name: value for name, value in values.items() if letter == variants.FIRST or name not in variants.CONTENT}
    saved = Campaign.objects.filter(unchanged, pk=campaign.pk, state=Campaign.State.DRAFT).update(
        **own, updated_at=now, version=F("version") + 1, edited_at_desk=desk
    )
    if saved and letter != variants.FIRST:
        Variant.objects.filter(campaign=campaign.pk, letter=letter).update(
            **{name: values[name] for name in variants.CONTENT}
        )
    current = variants.worded(Campaign.objects.select_related("segment").get(pk=campaign.pk), letter)
    if not saved and any(getattr(current, name) != value for name, value in values.items()):
        raise ChangedMeanwhile(current)
    return current


def delete_draft(campaign: Campaign) -> bool:
    """Throw a draft away that has never gone out; False: it is no such draft."""
    deleted, _tables = Campaign.objects.filter(
        pk=campaign.pk, state=Campaign.State.DRAFT, rotations__isnull=True
    ).delete()
    return bool(deleted)
