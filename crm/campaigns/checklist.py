"""What must be right before a campaign goes out. Red lines block, yellow ones are told."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import audience, channels, fields, rendering, variants
from crm.campaigns.models import Campaign, Rules
from crm.lib.templatetags import say

LONG_SUBJECT = 60  # letters; what most phones show of it

GOOD, WARN, BAD = "good", "warn", "bad"


@dataclass(frozen=True)
class Check:
    name: str
    tone: str  # good, warn or bad
    text: str
    fix_url: str = ""


Reader = Callable[[Campaign, Shop, audience.Audience], Check | None]
READERS: dict[str, Reader] = {}


def register(name: str, reader: Reader) -> None:
    """Add a check of an upper floor: `reader(campaign, shop, reach)` returns it, or None if it has nothing to say."""
    READERS[name] = reader


def read(campaign: Campaign, *, shop: Shop, reach: audience.Audience) -> list[Check]:
    """Return every check with its outcome, in the order an owner would go through them."""
    versions = variants.to_send(campaign)
    checks = [_group(campaign, reach), _locked(reach), _versions(versions)]
    for one in versions:
        found = _of_one(one, shop=shop, reach=reach, part=1 / len(versions))
        checks += found if len(versions) == 1 else [check and _named(check, one.letter) for check in found]
    if any(one.body.strip() for one in versions):
        checks += [_sender(shop), _postal_address(shop), _own_address(), _speed(reach)]
    checks += [reader(campaign, shop, reach) for reader in READERS.values()]
    return [check for check in checks if check is not None]


def of_steps(steps: Iterable[Campaign], *, shop: Shop) -> list[Check]:
    """Return what must be right about the messages of an automation before it is switched on."""
    checks = []
    for step in steps:
        for one in variants.to_send(step):
            texts = [_content(one), _text(one, shop), _subject(one), _links(one, shop)]
            if not one.body.strip():
                texts = [Check(_("What"), BAD, _("There is no message yet."), reverse("campaigns:edit", args=[one.pk]))]
            name = step.name if one.letter == variants.FIRST else f"{step.name}, {one.letter}"
            checks += [replace(_spoken(check, shop), name=f"{name} · {check.name}") for check in texts if check]
    return [*checks, *(check for check in (_sender(shop), _postal_address(shop), _own_address()) if check)]


def _of_one(campaign: Campaign, *, shop: Shop, reach: audience.Audience, part: float) -> list[Check | None]:
    """Return what must be right about one version, which so big a part of the people gets."""
    checks = [_spoken(_content(campaign), shop)]
    if campaign.points:
        checks.append(_spoken(_points(campaign, reach, part), shop))
    if campaign.body.strip():
        checks += [_text(campaign, shop), _subject(campaign), _empty_fields(campaign), _links(campaign, shop)]
    return checks


def _spoken(check: Check, shop: Shop) -> Check:
    """Say points the way this kind of business does."""
    return replace(check, name=counted(check.name, shop.kind), text=counted(check.text, shop.kind))


def _named(check: Check, letter: str) -> Check:
    """Say which version a check speaks of, and lead to it."""
    name = _("%(check)s, version %(letter)s") % {"check": check.name, "letter": letter}
    return replace(check, name=name, fix_url=check.fix_url and f"{check.fix_url}?letter={letter}")


def _versions(versions: list[Campaign]) -> Check | None:
    """Look at the versions beside each other."""
    if len(versions) == 1:
        return None
    edit = reverse("campaigns:edit", args=[versions[0].pk])
    if len({bool(one.body.strip()) for one in versions}) > 1:
        return Check(_("Versions"), BAD, _("Some versions have a message and some have none."), edit)
    if len({tuple(getattr(one, name) for name in variants.CONTENT) for one in versions}) < len(versions):
        return Check(_("Versions"), WARN, _("Two versions say the same, so there is nothing to learn."), edit)
    return Check(
        _("Versions"),
        GOOD,
        ngettext(
            "%(count)s version. Each customer gets one of them, drawn by chance.",
            "%(count)s versions. Each customer gets one of them, drawn by chance.",
            len(versions),
        )
        % {"count": len(versions)},
    )


def is_blocked(checks: list[Check]) -> bool:
    return any(check.tone == BAD for check in checks)


def _group(campaign: Campaign, reach: audience.Audience) -> Check:
    edit = reverse("campaigns:edit", args=[campaign.pk])
    if campaign.segment is None:
        return Check(_("Who"), BAD, _("No group of customers is chosen."), edit)
    if campaign.body.strip() and not reach.written_to and not campaign.points:
        words = _("Nobody in “%(group)s” may be written to.") % {"group": campaign.segment.label}
        return Check(_("Who"), BAD, words, edit)
    if not reach.total:
        words = _("There is nobody in “%(group)s” now.") % {"group": campaign.segment.label}
        return Check(_("Who"), BAD, words, edit)
    return Check(
        _("Who"),
        GOOD,
        ngettext("%(count)s customer in “%(group)s”.", "%(count)s customers in “%(group)s”.", reach.total)
        % {"count": say.number(reach.total), "group": campaign.segment.label},
    )


def _locked(reach: audience.Audience) -> Check | None:
    """Tell how many are left out because the owner said they are never to be given money off."""
    if not reach.locked:
        return None
    return Check(
        _("Money off"),
        GOOD,
        ngettext(
            "The text carries a coupon, so %(count)s customer marked “never give money off” is left out.",
            "The text carries a coupon, so %(count)s customers marked “never give money off” are left out.",
            reach.locked,
        )
        % {"count": say.number(reach.locked)},
    )


def _content(campaign: Campaign) -> Check:
    edit = reverse("campaigns:edit", args=[campaign.pk])
    if campaign.body.strip() and not campaign.subject.strip():
        return Check(_("What"), BAD, _("The message has no subject."), edit)
    if not campaign.body.strip() and not campaign.points:
        return Check(_("What"), BAD, _("There is neither a message nor points to give."), edit)
    if not campaign.body.strip():
        return Check(_("What"), GOOD, _("Points without a message."))
    return Check(_("What"), GOOD, _("A message and points.") if campaign.points else _("A message."))


def _points(campaign: Campaign, reach: audience.Audience, part: float) -> Check:
    people = reach.get_points - reach.held_out if part == 1 else round((reach.total - reach.held_out) * part)
    return Check(
        _("Points"),
        GOOD,
        ngettext(
            "%(each)s for %(people)s customer, %(total)s together.",
            "%(each)s for each of %(people)s customers, about %(total)s together.",
            people,
        )
        % {
            "each": say.number(campaign.points),
            "total": say.number(min(campaign.points * people, campaign.points_budget or campaign.points * people)),
            "people": say.number(people),
        },
    )


def _text(campaign: Campaign, shop: Shop) -> Check:
    edit = reverse("campaigns:edit", args=[campaign.pk])
    if names := fields.unknown(campaign.subject, campaign.body):
        return Check(_("Fields"), BAD, _("Unknown: %(names)s.") % {"names": ", ".join(names)}, edit)
    try:
        _compiled(campaign, shop)
    except rendering.CannotRender as error:
        return Check(_("Fields"), BAD, str(error), edit)
    used = {use.name for use in fields.used(campaign.subject, campaign.body)}
    if "points_given" in used and not campaign.points:
        return Check(_("Fields"), BAD, _("The text speaks of points given, but this campaign gives none."), edit)
    return Check(_("Fields"), GOOD, _("All fields are known.") if used else _("No fields are used."))


def _subject(campaign: Campaign) -> Check | None:
    length = len(campaign.subject)
    if not length:
        return None
    words = ngettext("%(count)s character.", "%(count)s characters.", length) % {"count": length}
    if length > LONG_SUBJECT:
        return Check(
            _("Subject"), WARN,
            _("%(count)s characters: phones show about the first %(shown)s.")
            % {"count": length, "shown": LONG_SUBJECT},
            reverse("campaigns:edit", args=[campaign.pk]),
        )
    return Check(_("Subject"), GOOD, words)


def _empty_fields(campaign: Campaign) -> Check | None:
    """Tell how many people have no value for a field that has no other words to fall back on."""
    if fields.unknown(campaign.subject, campaign.body) or campaign.segment is None:
        return None
    bare = {use.name for use in fields.used(campaign.subject, campaign.body) if not use.fallback}
    nobody = audience.people(campaign).order_by()
    if "first_name" in bare and (count := nobody.filter(name="", greeting="").count()):
        name = "first_name"
    elif "full_name" in bare and (count := nobody.filter(name="").count()):
        name = "full_name"
    elif bare & {"last_order_date", "days_since_last_order"} and (count := nobody.filter(last_order_at=None).count()):
        name = min(bare & {"last_order_date", "days_since_last_order"})
    else:
        return None
    return Check(
        _("Empty fields"),
        WARN,
        ngettext(
            "%(count)s customer has nothing for %(field)s. Give other words: %(example)s",
            "%(count)s customers have nothing for %(field)s. Give other words: %(example)s",
            count,
        )
        % {"count": say.number(count), "field": name, "example": "{{ " + name + '|"…" }}'},
        reverse("campaigns:edit", args=[campaign.pk]),
    )


def _links(campaign: Campaign, shop: Shop) -> Check | None:
    try:
        links = _compiled(campaign, shop).links
    except (rendering.CannotRender, fields.UnknownField):
        return None
    for link in links:
        host = urlsplit(link).hostname or ""
        if "." not in host.strip("."):
            return Check(
                _("Links"), BAD, _("%(link)s leads nowhere outside this machine.") % {"link": link},
                reverse("campaigns:edit", args=[campaign.pk]),
            )
    if not links:
        return Check(_("Links"), GOOD, _("No links."))
    return Check(
        _("Links"),
        GOOD,
        ngettext("%(count)s link, clicks are counted.", "%(count)s links, clicks are counted.", len(links))
        % {"count": len(links)},
    )


def _sender(shop: Shop) -> Check:
    address = rendering.sender_address(shop)
    if address:
        return Check(_("Sender"), GOOD, address)
    if channels.current_slug() == "outbox":
        return Check(
            _("Sender"), WARN, _("No sender address yet. Messages stay in the outbox, so it is not needed today."),
            reverse("home:settings"),
        )
    return Check(_("Sender"), BAD, _("No sender address is set."), reverse("home:settings"))


def _postal_address(shop: Shop) -> Check:
    if shop.address:
        return Check(_("Postal address"), GOOD, shop.address)
    if channels.current_slug() == "outbox":
        return Check(
            _("Postal address"), WARN, _("Not set yet. The law asks for it once messages leave by e-mail."),
            reverse("home:settings"),
        )
    return Check(
        _("Postal address"), BAD, _("The law asks for the shop's postal address under each message."),
        reverse("home:settings"),
    )


def _own_address() -> Check | None:
    if channels.current_slug() == "outbox":
        return None
    host = urlsplit(settings.SITE_URL).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return Check(
            _("Unsubscribe link"), BAD,
            _("It would lead to this machine (%(url)s), where customers cannot reach it. Set SITE_URL to the public "
              "address of this program.") % {"url": settings.SITE_URL},
        )
    return Check(_("Unsubscribe link"), GOOD, settings.SITE_URL)


def _speed(reach: audience.Audience) -> Check | None:
    """Say how long a mailing is under way where the owner has set how many leave in an hour."""
    most = Rules.current().most_per_hour
    if most is None or not reach.written_to or channels.current_slug() == "outbox":
        return None
    hours = math.ceil(reach.written_to / most)
    text = ngettext(
        "%(most)s mails leave in an hour at most: the last one within %(hours)s hour of the first.",
        "%(most)s mails leave in an hour at most: the last one about %(hours)s hours after the first.",
        hours,
    )
    return Check(
        _("Speed"), GOOD, text % {"most": say.number(most), "hours": say.number(hours)},
        reverse("campaigns:automations") + "#rules",
    )


def _compiled(campaign: Campaign, shop: Shop) -> rendering.Letter:
    return rendering.compile_letter(
        subject=campaign.subject, body=campaign.body, shop=shop, campaign_name=campaign.name
    )
