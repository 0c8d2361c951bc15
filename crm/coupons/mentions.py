"""Which coupons a text hands out: those whose code stands in it."""

import datetime as dt
import re
from collections.abc import Iterator

from django.db.models import Q, QuerySet

from crm.coupons import codes, issuing
from crm.coupons.issuing import SHORTEST_WORD
from crm.coupons.models import Code, Coupon
from crm.lib import bulk

MOST_WORDS = 10
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def coupons_in(*texts: str, also_stopped: bool = False) -> QuerySet[Coupon]:
    """Return the coupons whose codes are written in these texts, as capitals and digits, the way codes are written.

    A code that was stopped is handed out no more, but it was, when a text `also_stopped` asks about went out.
    """
    hashes = {code for text in texts for word in _words(text) for code in codes.hashes(word)}
    found = {"codes__code_hash__in": bulk.among(sorted(hashes))}
    if not also_stopped:
        found["codes__stopped_at"] = None
    return Coupon.objects.filter(**found).distinct()


def to_write(*, today: dt.date) -> list[tuple[str, Coupon]]:
    """Return the words everybody may use now, the newest first, each with its coupon."""
    shared = Code.objects.filter(coupon__code_kind=Coupon.CodeKind.SHARED, stopped_at=None, coupon__stopped_at=None)
    in_time = shared.filter(Q(coupon__ends_on=None) | Q(coupon__ends_on__gte=today))
    newest = in_time.select_related("coupon").order_by("-pk")[:MOST_WORDS]
    return [(issuing.text_of(code), code.coupon) for code in newest]


def _words(text: str) -> Iterator[str]:
    """Yield what may be a code: words without small letters, and two of them in a row ("SPRING 10")."""
    before = ""
    for word in _WORD.findall(text):
        if word != word.upper():
            before = ""
            continue
        for candidate in (word, before + word):
            if len(codes.fold(candidate)) >= SHORTEST_WORD:
                yield candidate
        before = word
