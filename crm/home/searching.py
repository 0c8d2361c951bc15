"""Find anything from one box: people, orders, products, campaigns, and the app's own pages."""

import datetime as dt
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.campaigns.models import Campaign
from crm.contacts import listing
from crm.contacts.models import Contact
from crm.lib.templatetags import say
from crm.orders.models import Order, Product

SHOWN = 6
PROBE = 60


@dataclass(frozen=True)
class Hit:
    label: str
    href: str
    detail: str = ""


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


# What a page is called and what else people type to find it.
PAGES = [
    ("home:today", gettext_lazy("Today"), gettext_lazy("start home suggestions figures")),
    ("contacts:list", gettext_lazy("Customers"), gettext_lazy("people contacts list")),
    ("contacts:segments", gettext_lazy("Groups of customers"), gettext_lazy("segments saved filters")),
    ("typed:contact_new", gettext_lazy("Add a customer"), gettext_lazy("new person")),
    ("orders:list", gettext_lazy("Orders"), gettext_lazy("sales purchases refunds")),
    ("orders:products", gettext_lazy("Products"), gettext_lazy("articles items prices")),
    ("typed:order_new", gettext_lazy("Add an order"), gettext_lazy("new sale")),
    ("campaigns:list", gettext_lazy("Campaigns"), gettext_lazy("messages mail newsletter")),
    ("campaigns:new", gettext_lazy("Write a campaign"), gettext_lazy("new message mail newsletter win back")),
    ("campaigns:outbox", gettext_lazy("Outbox"), gettext_lazy("sent messages mail")),
    ("rewards:home", gettext_lazy("Loyalty"), gettext_lazy("points rules welcome gift earning")),
    ("loyalty:insights", gettext_lazy("Insights"), gettext_lazy("charts reports cohorts revenue statistics")),
    ("loyalty:risk", gettext_lazy("Customers you may lose"), gettext_lazy("churn risk slipping at risk")),
    ("loyalty:method", gettext_lazy("How this is worked out"), gettext_lazy("night run method report card accuracy")),
    ("imports:list", gettext_lazy("Import"), gettext_lazy("upload file csv undo")),
    ("imports:new", gettext_lazy("Import a file"), gettext_lazy("upload csv shopify woocommerce")),
    (
        "home:settings",
        gettext_lazy("Settings"),
        gettext_lazy("shop name currency time zone language sender address night run hour"),
    ),
    ("accounts:password", gettext_lazy("Change password"), gettext_lazy("login account security")),
]


def exact_order(query: str) -> Order | None:
    """Return the one order of this number, with or without a leading #; None for none or several."""
    text = query.strip()
    numbers = {text, text.lstrip("#"), f"#{text}"} - {""}
    found = list(Order.objects.filter(number__in=numbers).order_by("id")[:2])
    return found[0] if len(found) == 1 else None


def search(query: str, *, page_urls: dict[str, str]) -> Found:
    """Return what matches, at most six of each kind; `page_urls` are the pages this box has (name -> address)."""
    query = " ".join(query.split())[:100]
    if not query:
        return Found("")
    kinds = [_people(query), _orders(query), _products(query), _campaigns(query), _pages(query, page_urls)]
    return Found(query, [kind for kind in kinds if kind.hits])


def _people(query: str) -> Kind:
    # Sorting in the database would read every match of a common name; the last buyers of the first 60 will do.
    found = list(Contact.objects.alive().filter(listing.search(query)).defer("extra")[:PROBE])
    long_ago = dt.datetime.min.replace(tzinfo=dt.UTC)
    rows = sorted(found, key=lambda person: person.last_order_at or long_ago, reverse=True)[:SHOWN]
    hits = [Hit(person.display_name, person.get_absolute_url(), person.email if person.name else "") for person in rows]
    more = f"{reverse('contacts:list')}?{urlencode({'q': query})}" if len(found) > SHOWN else ""
    return Kind(_("Customers"), "users", hits, more)


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
    hits = [
        Hit(
            _("Order %(number)s") % {"number": order.number},
            order.get_absolute_url(),
            " · ".join(
                filter(
                    None,
                    [
                        order.contact.display_name if order.contact else "",
                        say.money(order.total_minor, order.currency),
                        say.day(order.placed_at),
                    ],
                )
            ),
        )
        for order in rows
    ]
    return Kind(_("Orders"), "shopping-bag", hits)


def _products(query: str) -> Kind:
    rows = Product.objects.filter(name__icontains=query).order_by("name", "id")[:SHOWN]
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
    return Kind(
        _("Campaigns"),
        "megaphone",
        [Hit(campaign.name, campaign.get_absolute_url(), str(campaign.get_state_display())) for campaign in rows],
    )


def _pages(query: str, page_urls: dict[str, str]) -> Kind:
    wanted = query.casefold().split()
    hits = []
    for name, label, other_words in PAGES:
        words = f"{label} {other_words}".casefold()
        # Chinese is written without spaces, so there a word may stand anywhere.
        is_meant = all(
            word in words if not word.isascii() else any(known.startswith(word) for known in words.split())
            for word in wanted
        )
        if name in page_urls and is_meant:
            hits.append(Hit(str(label), page_urls[name]))
    return Kind(_("Pages and settings"), "file-text", hits[:SHOWN])
