"""Work out what customers say, so that the page only reads it: by product, by group, and in which words.

Done again as soon as answers came in; where there are many, once an hour. The groups of the happy and the unhappy
follow.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.accounts.models import Shop
from crm.contacts import segments
from crm.contacts.models import Contact, Segment
from crm.lib import bulk, clock
from crm.listening import scoring, terms
from crm.listening.models import Answer, Desk, Digest, Feeling

LOOKS_BACK = dt.timedelta(days=365)
MANY, PAUSE = 2_000, dt.timedelta(hours=1)
PRODUCTS_SHOWN = 20
COMMENTS_READ = 20_000  # the newest
NAME = "said"
HAPPY, UNHAPPY = "happy", "unhappy"


def renew(*, now: dt.datetime) -> int:
    """Work out anew what customers say, where that may have changed; return how many answers it is made of."""
    newest = Answer.objects.aggregate(newest=Max("changed_at"))["newest"]
    last = Digest.objects.filter(name=NAME).first()
    shop = Shop.objects.first()
    if newest is None or shop is None:
        return 0
    if last and last.body["asks"] == Desk.current().asks:
        is_new_day = clock.local_date(last.at, shop.timezone) != clock.local_date(now, shop.timezone)
        is_early = last.answers >= MANY and now - last.at < PAUSE
        if is_early or (newest <= last.at and not is_new_day):
            return 0
    return _renew(shop, now=now)


@transaction.atomic
def _renew(shop: Shop, *, now: dt.datetime) -> int:
    today = clock.local_date(now, shop.timezone)
    since = today - LOOKS_BACK
    asks = Desk.current().asks
    recent = Answer.objects.filter(asks=asks, on_date__gte=since)
    count = recent.count()
    body = {
        "asks": asks,
        "since": since.isoformat(),
        "products": _by_product(recent, asks),
        "groups": _by_group(recent, asks),
        **_words(since),
    }
    Digest.objects.update_or_create(name=NAME, defaults={"body": body, "answers": count, "at": now})
    with translation.override(shop.language):
        _keep_groups(since, today=today)
    return count


def _by_product(recent, asks: str) -> dict:
    """Score the products on the orders that were asked about; an order counts a product once."""
    rows = (
        recent.filter(order__lines__product__isnull=False)
        .order_by()
        .values("order__lines__product", "order__lines__product__name")
        .annotate(**_counts(distinct=True))
    )
    return _compared([(row["order__lines__product__name"], row["order__lines__product"], row) for row in rows], asks)


def _by_group(recent, asks: str) -> dict:
    rows = recent.filter(contact__isnull=False).exclude(contact__group="").order_by().values("contact__group")
    return _compared([(row["contact__group"], row["contact__group"], row) for row in rows.annotate(**_counts())], asks)


def _counts(*, distinct: bool = False) -> dict:
    return {feeling.value: Count("pk", filter=Q(feeling=feeling), distinct=distinct) for feeling in Feeling}


def _compared(rows: list[tuple], asks: str) -> dict:
    """Return the score of each row with answers enough, the worst first, and how many rows had too few."""
    scored, too_few = [], 0
    for name, key, row in rows:
        score = scoring.of(asks, bad=row["bad"], fair=row["fair"], good=row["good"])
        if score.answers < scoring.FEWEST_COMPARED:
            too_few += 1
            continue
        scored.append(
            {
                "name": name,
                "key": key,
                "answers": score.answers,
                "value": score.value,
                "low": score.low,
                "high": score.high,
            }
        )
    scored.sort(key=lambda one: (one["value"], one["name"]))
    return {"rows": scored[:PRODUCTS_SHOWN], "too_few": too_few, "more": max(0, len(scored) - PRODUCTS_SHOWN)}


def _words(since: dt.date) -> dict:
    """Return the words of the unhappy, out of all answers whatever was asked, and how many comments were read."""
    said = Answer.objects.filter(on_date__gte=since).exclude(comment="").exclude(feeling=Feeling.FAIR)
    rows = said.order_by("-at", "-pk").values_list("feeling", "comment")[:COMMENTS_READ]
    texts: dict[str, list[str]] = {Feeling.BAD: [], Feeling.GOOD: []}
    for feeling, comment in rows:
        texts[feeling].append(comment)
    found = terms.telling(texts[Feeling.BAD], texts[Feeling.GOOD])
    return {
        "words": [{"text": one.text, "unhappy": one.unhappy, "happy": one.happy} for one in found],
        "unhappy_comments": len(texts[Feeling.BAD]),
        "happy_comments": len(texts[Feeling.GOOD]),
    }


def _keep_groups(since: dt.date, *, today: dt.date) -> None:
    """Fill the groups of those whose last answer was a good or a bad one."""
    rows = Answer.objects.filter(on_date__gte=since, contact__in=Contact.objects.profiled()).order_by("at", "pk")
    newest = dict(bulk.rows(rows.values_list("contact_id", "feeling")))
    for slug, feeling, name, about, rank in (
        (UNHAPPY, Feeling.BAD, gettext_noop("Unhappy"), _("Their last answer to your question was a bad one."), 88),
        (HAPPY, Feeling.GOOD, gettext_noop("Happy"), _("Their last answer to your question was a good one."), 89),
    ):
        people = [contact_id for contact_id, felt in newest.items() if felt == feeling]
        if people or Segment.objects.filter(slug=slug).exists():
            segments.replace_members(slug, people, as_of=today, rank=rank, name=name, description=about)
