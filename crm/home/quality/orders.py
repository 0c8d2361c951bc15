"""What may be wrong with orders."""

import datetime as dt

from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext_lazy as _

from crm.home.quality.base import DOUBLE, IMPOSSIBLE, MISSING, ORDERS, UNUSUAL, Check
from crm.orders.models import Order, OrderLine

_FEWEST = 30  # orders before anything can be called unusual
_FENCE = 3  # Tukey's far-out fence, on the logarithm of the totals


def _counting():
    return Order.objects.counting().order_by("-placed_at", "-id")


def _dated(**conditions):
    return Order.objects.filter(**conditions).order_by("-placed_at", "-id")


def far_out_minor(shop) -> int | None:
    """Return the total above which an order is unusual: three interquartile ranges above, on the logarithm."""
    totals = Order.objects.counting().filter(currency=shop.currency, kind=Order.Kind.SALE, total_minor__gt=0)
    count = totals.count()
    if count < _FEWEST:
        return None
    ordered = totals.order_by("total_minor").values_list("total_minor", flat=True)
    low, high = ordered[count // 4], ordered[count * 3 // 4]
    return round(high * (high / low) ** _FENCE)


def _far_out(scene):
    fence = far_out_minor(scene.shop)
    if fence is None:
        return Order.objects.none()
    return _counting().filter(currency=scene.shop.currency, total_minor__gt=fence).order_by("-total_minor", "-id")


def _twice(scene):
    """Return orders of which the buyer has another with the same amount at the same moment."""
    twin = Order.objects.filter(
        contact=OuterRef("contact"), placed_at=OuterRef("placed_at"), kind=OuterRef("kind"), counts=True,
        currency=OuterRef("currency"), total_minor=OuterRef("total_minor"),
    ).exclude(pk=OuterRef("pk"))  # fmt: skip
    return _counting().filter(Exists(twin), contact__isnull=False, total_minor__gt=0)


CHECKS = [
    Check(
        "no_buyer", ORDERS, MISSING, _("Nobody is named as the buyer"),
        _("The money counts, but it belongs to no customer: no points, no reminder, no forecast."),
        _("At the till, ask for a phone number or a name. In an online shop, export with the customer columns."),
        lambda scene: _counting().filter(contact=None, kind=Order.Kind.SALE), is_urgent=True,
    ),
    Check(
        "no_lines", ORDERS, MISSING, _("What was bought is not known"),
        _("Without products there are no favourites, no bundles and no reminders to buy again."),
        _("Export the order items as well; both files together make one order."),
        lambda scene: _counting().filter(
            ~Exists(OrderLine.objects.filter(order=OuterRef("pk"))), kind=Order.Kind.SALE
        ),
    ),
    Check(
        "order_twice", ORDERS, DOUBLE, _("The same order twice?"),
        _("Same customer, same amount, same moment, under two numbers: revenue and points would count twice."),
        _("Open both; cancel the one that is not real."),
        _twice, is_urgent=True,
    ),
    Check(
        "in_future", ORDERS, IMPOSSIBLE, _("Dated in the future"),
        _("Usually day and month were read the wrong way round."),
        _("Undo the import and read the file again with the other order of day and month."),
        lambda scene: _dated(placed_at__gt=scene.now + dt.timedelta(days=1)),
        is_urgent=True,
    ),
    Check(
        "ancient", ORDERS, IMPOSSIBLE, _("Dated before 1995"),
        _("A spreadsheet's empty date looks like this; the customer's history seems decades long."),
        _("Open the order and correct the date."),
        lambda scene: _dated(placed_at__lt=dt.datetime(1995, 1, 1, tzinfo=dt.UTC)),
        is_urgent=True,
    ),
    Check(
        "far_out", ORDERS, UNUSUAL, _("Unusually large"),
        _("Far outside what is usual here: a slipped decimal mark, or a customer to thank."),
        _("Open them and look. Real ones may stay: the models keep single orders from deciding everything."),
        _far_out,
    ),
    Check(
        "for_nothing", ORDERS, UNUSUAL, _("Paid, with a total of nothing"),
        _("Gifts, tests and replacements: they count as purchases."),
        _("Cancel tests, so that nobody looks more loyal than they are."),
        lambda scene: _counting().filter(kind=Order.Kind.SALE, total_minor=0),
    ),
    Check(
        "unknown_payment", ORDERS, MISSING, _("It is not known whether it was paid"),
        _("The platform used a word we do not know; such orders do not count."),
        _("Open the order and choose paid or not paid; tell us the word, so that we learn it."),
        lambda scene: _dated(payment=Order.Payment.UNKNOWN), is_urgent=True,
    ),
    Check(
        "foreign", ORDERS, UNUSUAL, _("In another currency than the shop's"),
        _("They are kept, but not added up and earn no points."),
        _("Nothing to do, unless the currency was read wrongly: then undo the import and say the right one."),
        lambda scene: _counting().exclude(currency=scene.shop.currency),
    ),
    Check(
        "lone_return", ORDERS, MISSING, _("Returns without their sale"),
        _("Money went back for something that was never seen sold: the sale stands in an older file."),
        _("Import the older file, then the one with the return once more."),
        lambda scene: _counting().filter(kind=Order.Kind.RETURN, net_minor__lt=0),
    ),
    Check(
        "refund_too_early", ORDERS, IMPOSSIBLE, _("Cancelled before it was placed"),
        _("One of the two dates is wrong."),
        _("Open the order and correct the date."),
        lambda scene: _dated(cancelled_at__lt=F("placed_at")),
    ),
]  # fmt: skip
