"""Processes that use one coupon at the same time: `python -m tests.concurrency.coupons_worker ACT...`, one for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from django.db import transaction  # noqa: E402

from crm.accounts.models import Shop  # noqa: E402
from crm.coupons import redeeming  # noqa: E402
from crm.coupons.models import Code, Coupon, Use  # noqa: E402
from crm.coupons.pricing import Basket, Line  # noqa: E402
from tests.concurrency import crowd  # noqa: E402
from tests.coupons.conftest import new_coupon  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
LIMIT = 500
TRIES = int(os.environ.get("COUPON_TRIES", "100"))
GOODS = Basket([Line(None, 1, 1_000)])


def prepare() -> dict:
    """Make a coupon of 10 % that may be used 500 times."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    new_coupon(now=NOW, most_uses=LIMIT)
    return {}


def use() -> dict:
    """Try to use the coupon many times, each time for another order."""
    used = refused = 0
    for number in range(TRIES):
        try:
            redeeming.reserve(["SPRING"], basket=GOODS, key=f"{os.getpid()}-{number}", now=NOW)
            used += 1
        except redeeming.Refused:
            refused += 1
    return {"used": used, "refused": refused}


def use_naively() -> dict:
    """Do the same the way it looks right: read the counter, compare, then write."""
    used = 0
    code = Code.objects.get()
    for number in range(TRIES):
        with transaction.atomic():
            coupon = Coupon.objects.get()
            if coupon.used_count < LIMIT:
                Use.objects.create(
                    code=code, coupon=coupon, key=f"{os.getpid()}-{number}", request_hash="", state="redeemed",
                    discount_minor=100, basket_minor=1_000, reserved_at=NOW,
                )  # fmt: skip
                Coupon.objects.filter(pk=coupon.pk).update(used_count=coupon.used_count + 1)
                used += 1
    return {"used": used}


def use_once() -> dict:
    """Send one and the same order."""
    [held] = redeeming.reserve(["SPRING"], basket=GOODS, key="one-order", now=NOW)
    return {"use": held.pk}


def use_and_take_back() -> dict:
    """Use and take back, again and again."""
    back = 0
    for number in range(TRIES // 4):
        key = f"{os.getpid()}-{number}"
        try:
            redeeming.reserve(["SPRING"], basket=GOODS, key=key, now=NOW)
        except redeeming.Refused:
            continue
        back += redeeming.roll_back(key, now=NOW) + redeeming.roll_back(key, now=NOW)
    return {"back": back}


ACTS = {act.__name__: act for act in (prepare, use, use_naively, use_once, use_and_take_back)}


if __name__ == "__main__":
    crowd.work(ACTS)
