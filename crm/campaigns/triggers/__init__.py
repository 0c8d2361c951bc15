"""Every occasion an automation can wait for. To add one: docs/howto/add-a-trigger.md."""

from crm.campaigns.triggers.any_order import AnyOrder
from crm.campaigns.triggers.base import Trigger
from crm.campaigns.triggers.birthday import Birthday
from crm.campaigns.triggers.first_order import FirstOrder
from crm.campaigns.triggers.joined import Joined
from crm.campaigns.triggers.level import Level
from crm.campaigns.triggers.next_visit import NextVisit
from crm.campaigns.triggers.nth_order import NthOrder
from crm.campaigns.triggers.points_expiring import PointsExpiring
from crm.campaigns.triggers.quiet import Quiet
from crm.campaigns.triggers.reward import EnoughPoints

TRIGGERS: dict[str, Trigger] = {
    trigger.slug: trigger
    for trigger in (
        FirstOrder(),
        Joined(),
        Birthday(),
        NextVisit(),
        Quiet(),
        PointsExpiring(),
        AnyOrder(),
        NthOrder(),
        Level(),
        EnoughPoints(),
    )
}
