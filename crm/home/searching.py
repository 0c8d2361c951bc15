"""Find anything from one box: people, orders, products, campaigns, what one can do, and the app's own pages."""

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.accounts.access import may_open
from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.contacts import listing
from crm.contacts.models import Contact
from crm.home.places import ACTS, MENU, PAGES, Place
from crm.lib.templatetags import say
from crm.orders.models import Order, Product

SHOWN = 6
PROBE = 60
SEEN = re.compile(r"\b(customers|orders|campaigns)/(\d{1,18})\b")


@dataclass(frozen=True)
class Hit:
    label: str
    href: str
    detail: str = ""
    icon: str = ""  # where it is not its kind's
    keys: str = ""


@dataclass(frozen=True)
class Kind:
    title: str
    icon: str
    hits: list[Hit]
    more_href: str = ""


@dataclass(frozen=True)
class Found:
    query: str
    kinds: list[Kind] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(kind.hits) for kind in self.kinds)

    def for_whom(self, user: User) -> "Found":
        """Return what of this somebody may open."""
        kinds = [replace(kind, hits=[hit for hit in kind.hits if may_open(user, hit.href)]) for kind in self.kinds]
        return replace(self, kinds=[kind for kind in kinds if kind.hits])


def exact_order(query: str) -> Order | None:
    """Return the one order of this number, with or without a leading #; None for none or several."""
    text = query.strip()
    numbers = {text, text.lstrip("#"), f"#{text}"} - {""}
    found = list(Order.objects.filter(number__in=numbers).order_by("id")[:2])
    return found[0] if len(found) == 1 else None


def search(query: str) -> Found:
    """Return what matches, at most six of each kind: pages first where the text begins the name of one."""
    query = " ".join(query.split())[:100]
    if not query:
        return Found("")
    things = [_people(query), _orders(query), _products(query), _campaigns(query)]
    places = [_places(_("Do"), "zap", ACTS, query), _places(_("Pages and settings"), "file-text", PAGES, query)]
    is_name = any(hit.label.casefold().startswith(query.casefold()) for kind in places for hit in kind.hits)
    kinds = [*places, *things] if is_name else [*things, *places]
    return Found(query, [kind for kind in kinds if kind.hits])


def beginnings(*, seen: str) -> Found:
    """Return what to offer before anything is typed: what was opened last (`seen`: see `recent`), acts, the menu."""
    kinds = [
        recent(seen),
        Kind(_("Do"), "zap", _hits(ACTS)[:SHOWN]),
        Kind(_("Go to"), "file-text", _hits(MENU)),
    ]
    return Found("", [kind for kind in kinds if kind.hits])


def recent(seen: str) -> Kind:
    """Return the rows whose pages this browser opened last, as its cookie says: "customers/3.orders/55"."""
    asked = [(name, int(pk)) for name, pk in SEEN.findall(seen)][:SHOWN]
    kinds = {
        "customers": (Contact.objects.alive().defer("extra"), _person_hit),
        "orders": (Order.objects.select_related("contact"), _order_hit),
        "campaigns": (Campaign.objects, _campaign_hit),
    }
    hits = {}
    for kind, (rows, hit) in kinds.items():
        found = rows.in_bulk([pk for name, pk in asked if name == kind])
        hits |= {(kind, pk): hit(row) for pk, row in found.items()}
    return Kind(_("Opened last"), "history", [hits[one] for one in asked if one in hits])


def _people(query: str) -> Kind:
    # Sorting in the database would read every match of a common name; the last buyers of the first 60 will do.
    found = list(Contact.objects.alive().filter(listing.search(query)).defer("extra")[:PROBE])
    long_ago = dt.datetime.min.replace(tzinfo=dt.UTC)
    rows = sorted(found, key=lambda person: person.last_order_at or long_ago, reverse=True)[:SHOWN]
    more = f"{reverse('contacts:list')}?{urlencode({'q': query})}" if len(found) > SHOWN else ""
    return Kind(_("Customers"), "users", [_person_hit(person) for person in rows], more)


def _orders(query: str) -> Kind:
    """Orders whose number begins with the text: a range of the index, whatever the database's LIKE does."""
    rows: list[Order] = []
    for start in dict.fromkeys((query.lstrip("#"), f"#{query.lstrip('#')}")):
        if start not in ("", "#"):
            rows += (
                Order.objects.filter(number__gte=start, number__lt=start + "\U0010ffff")
                .select_related("contact")
                .order_by("number", "id")[: SHOWN - len(rows)]
            )
    return Kind(_("Orders"), "shopping-bag", [_order_hit(order) for order in rows])


def _products(query: str) -> Kind:
    rows = Product.objects.filter(listing.contains(("name",), query)).order_by("name", "id")[:SHOWN]
    return Kind(
        _("Products"),
        "package",
        [
            Hit(product.name, f"{reverse('orders:products')}?{urlencode({'q': product.name})}", product.category)
            for product in rows
        ],
    )


def _campaigns(query: str) -> Kind:
    rows = Campaign.objects.filter(name__icontains=query).order_by("-id")[:SHOWN]
    return Kind(_("Campaigns"), "megaphone", [_campaign_hit(campaign) for campaign in rows])


def _places(title: str, icon: str, places: list[Place], query: str) -> Kind:
    words = query.casefold().split()
    return Kind(title, icon, _hits([place for place in places if place.is_meant_by(words)])[:SHOWN])


def _hits(places: list[Place]) -> list[Hit]:
    found = [(place, place.href) for place in places]
    return [Hit(str(place.label), href, icon=place.icon, keys=place.keys) for place, href in found if href]


def _person_hit(person: Contact) -> Hit:
    return Hit(person.display_name, person.get_absolute_url(), person.email if person.name else "", icon="users")


def _order_hit(order: Order) -> Hit:
    said = [
        order.contact.display_name if order.contact else "",
        say.money(order.total_minor, order.currency),
        say.day(order.placed_at),
    ]
    label = _("Order %(number)s") % {"number": order.shown_number}
    return Hit(label, order.get_absolute_url(), " · ".join(filter(None, said)), icon="shopping-bag")


def _campaign_hit(campaign: Campaign) -> Hit:
    return Hit(campaign.name, campaign.get_absolute_url(), str(campaign.get_state_display()), icon="megaphone")
