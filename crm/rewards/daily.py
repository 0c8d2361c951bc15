"""What happens once on each local day of the shop: birthdays, complete details, points of quiet and of
erased customers."""

import datetime as dt

from crm.accounts.models import Shop
from crm.lib import clock
from crm.rewards import falling_due, forgetting, giving
from crm.rewards.models import Programme

ACTS = (giving.give_for_days, giving.give_for_profiles, falling_due.expire_quiet, forgetting.lapse_what_came_back)


def daily(*, now: dt.datetime) -> int:
    """Do the day's work unless it was done; return how many pieces. A crash half-way does it again, which is safe."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    today = clock.local_date(now, shop.timezone)
    if Programme.objects.filter(daily_done_on__gte=today).exists():
        return 0
    done = sum(act(now=now) for act in ACTS)
    programme, _is_new = Programme.objects.get_or_create(pk=1)
    Programme.objects.filter(pk=programme.pk).update(daily_done_on=today)
    return done
