"""Tills that sell at the same time: `python -m tests.concurrency.till_worker ACT...`, a process for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from crm.accounts.models import Shop  # noqa: E402
from crm.contacts.models import Contact  # noqa: E402
from crm.coupons.redeeming import Refused  # noqa: E402
from crm.rewards.ledger import NotEnoughPoints  # noqa: E402
from crm.rewards.models import Reward  # noqa: E402
from crm.till import selling  # noqa: E402
from tests.concurrency import crowd  # noqa: E402
from tests.coupons.conftest import new_coupon  # noqa: E402
from tests.portal.conftest import give, new_person, new_reward  # noqa: E402
from tests.rewards.conftest import euro_rule  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def prepare() -> dict:
    """Give one customer 100 points, and a coupon of 10 % that may be used once."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    euro_rule(NOW)
    give(new_person("Mia Fuchs"), 100)
    new_coupon(now=NOW, most_uses=1)
    new_reward()
    return {}


def _sell(form_key: str) -> dict:
    wish = selling.Wish(
        contact_id=Contact.objects.get().pk, amount_minor=1_000, codes=("SPRING",), reward=Reward.objects.get(), points=60
    )
    try:
        return {"order": selling.sell(wish, form_key=form_key, agreed_minor=600, now=NOW)}
    except (Refused, NotEnoughPoints) as refusal:
        return {"refused": type(refusal).__name__}


def sell_one_form() -> dict:
    """Send the same form as everybody else."""
    return _sell("the-form")


def sell_own_form() -> dict:
    """Use the same coupon and the same points on a form of one's own."""
    return _sell(f"form-{os.getpid()}")


ACTS = {act.__name__: act for act in (prepare, sell_one_form, sell_own_form)}


if __name__ == "__main__":
    crowd.work(ACTS)
