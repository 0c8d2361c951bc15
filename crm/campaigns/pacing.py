"""How fast mails leave: a mail server that many share takes so many in an hour, and refuses bursts.

One moment is enough to know how many may leave now, whatever process asks and whatever was killed: `Rules.paced_until`,
up to which the mails that left are ahead of their even rhythm (the generic cell rate algorithm, ITU-T I.371). Up to two
minutes' worth may leave at once; with them, no hour has more than the owner said. Whoever takes a turn and does not use
it makes the shop slower, never faster.
"""

import datetime as dt
import math

from crm.campaigns.channels.base import Channel
from crm.campaigns.models import Rules

HOUR = dt.timedelta(hours=1)
_TRIES = 20


def take(wanted: int, *, channel: type[Channel], now: dt.datetime) -> int:
    """Take turns for up to so many mails; return how many may leave now."""
    return _move(wanted, now=now, is_urgent=False) if wanted and not channel.same_database else wanted


def note(*, channel: type[Channel] | Channel, now: dt.datetime) -> None:
    """Count a mail that does not wait for its turn, such as an answer to a customer: the others leave later for it."""
    if not channel.same_database:
        _move(1, now=now, is_urgent=True)


def at_once(most_per_hour: int) -> int:
    """Return how many may leave together: two minutes' worth, so that a sweep each minute wastes no turn."""
    return most_per_hour // 30 + 1


def _move(wanted: int, *, now: dt.datetime, is_urgent: bool) -> int:
    for _try in range(_TRIES):
        rules = Rules.objects.filter(id=1).first()
        if rules is None or rules.most_per_hour is None:
            return wanted
        burst = at_once(rules.most_per_hour)
        each = HOUR / (rules.most_per_hour - burst)
        until = max(rules.paced_until or now, now)
        free = wanted if is_urgent else min(wanted, math.floor(burst - (until - now) / each + 1e-6))
        if free <= 0:
            return 0
        same = Rules.objects.filter(id=1, most_per_hour=rules.most_per_hour, paced_until=rules.paced_until)
        if same.update(paced_until=until + free * each):
            return free
    return 0  # others take turns all the time; the next sweep tries again
