"""Place everybody on the levels once a local day, and give orders what they are due after a change of level."""

import datetime as dt

from crm.accounts.models import Shop
from crm.lib import clock
from crm.rewards import ledger, level_groups, settling, tiers
from crm.rewards.models import Programme

LOOKED_BACK = dt.timedelta(days=2)


def sweep(*, now: dt.datetime) -> int:
    """Do the day's work unless it was done; return the points entries written. All of it or nothing is done."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    found = tiers.ladder(now=now)
    if found is None:
        level_groups.retire(beyond=0, today=clock.local_date(now, shop.timezone))
        return 0
    if Programme.objects.filter(tiers_done_on__gte=found.today).exists():
        return 0
    with ledger.one_transaction():
        Programme.objects.get_or_create(pk=1)
        orders = tiers.place_everybody(found, now=now)
        level_groups.fill(found)
        Programme.objects.filter(pk=1).update(tiers_done_on=found.today)
        return settling.settle({*orders, *tiers.latest_risers(found, since=now - LOOKED_BACK)}, now=now)
