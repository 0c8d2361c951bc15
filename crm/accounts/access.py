"""Who may open what. A page says what it needs; what says nothing is the owners' alone.

    @public                                      anybody, without a login
    @needs(reading=Right.SERVE)                  looked at by whoever serves customers; a POST is still the owners'
    @needs(reading=Right.SERVE, writing=Right.SERVE)

accounts.middleware.OwnersOnly enforces it for every address, templates only hide what would be refused
(docs/decisions/0020-people-and-roles.md). A page that does more than one thing asks `demand` at the spot.
"""

from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User

SAFE = ("GET", "HEAD", "OPTIONS")


class Right(StrEnum):
    """What a page may need of whoever opens it."""

    OWN = "own"  # everything that is not one of the others
    SELF = "self"  # one's own login: password, second step, log out
    SERVE = "serve"  # customers with all that is known of them, orders typed in, till, points, inbox
    ORDERS = "orders"  # orders and products, with no more of a customer than the name
    REPORTS = "reports"  # figures of the whole shop, its campaigns and its programme; nobody by name
    BOOKS = "books"  # what the programme owes and costs; the file of orders


RIGHTS: dict[str, frozenset[Right]] = {
    User.Role.OWNER: frozenset(Right),
    User.Role.HELPER: frozenset({Right.SELF, Right.SERVE, Right.ORDERS, Right.REPORTS}),
    User.Role.LOOKER: frozenset({Right.SELF, Right.ORDERS, Right.REPORTS, Right.BOOKS}),
}
IN_WORDS = {
    User.Role.OWNER: _("May do everything, and decides who may do what."),
    User.Role.HELPER: _(
        "Serves customers: sees and edits them, types orders, uses the till, redeems points and coupons, answers the "
        "inbox. Exports, erases, imports and sends nothing, and changes no rules and no settings."
    ),
    User.Role.LOOKER: _(
        "For an accountant or a partner: reads orders, reports and what the programme owes, and may download the "
        "orders. Of customers only the names on orders. Changes nothing."
    ),
}


class NotForYou(PermissionDenied):
    """Whoever is logged in may not do this."""


def public(view):
    """Mark a view as open without a login."""
    view.is_public = True
    return view


def before_setup(view):
    """Mark a view as open on a box that has no owner yet."""
    view.works_before_setup = True
    return public(view)


def needs(*, reading: Right = Right.OWN, writing: Right = Right.OWN) -> Callable:
    """Mark what a view needs of whoever looks, and of whoever sends something; unsaid is the owners'."""

    def mark(view):
        view.needed = {"reading": reading, "writing": writing}
        return view

    return mark


def needed(view, method: str) -> Right:
    """Return the right that a request of this method to this view needs."""
    marked = getattr(view, "needed", {})
    return marked.get("reading" if method in SAFE else "writing", Right.OWN)


def may(user, right: Right) -> bool:
    """Tell whether somebody has a right; somebody unknown has none."""
    return right in RIGHTS.get(getattr(user, "role", ""), ())


def demand(request, right: Right) -> None:
    """Raise NotForYou where whoever is logged in does not have this right."""
    if not may(request.user, right):
        raise NotForYou


def may_open(user, address: str, method: str = "GET") -> bool:
    """Tell whether somebody may go to an address of ours; addresses elsewhere and places on a page are open to all."""
    path = urlsplit(address).path
    if not address.startswith("/") or address.startswith("//") or not user.is_authenticated or may(user, Right.OWN):
        return True
    try:
        view = resolve(path).func
    except Resolver404:
        return True
    return getattr(view, "is_public", False) or may(user, needed(view, method))
