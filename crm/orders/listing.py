"""The order list's filter, for the page and the export."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.contacts import listing as customers
from crm.contacts.models import Contact
from crm.lib import clock
from crm.lib.paging import QuickPages
from crm.lib.templatetags.say import day
from crm.orders.forms import DEFAULT_SORT, OrderFilterForm
from crm.orders.models import Order, OrderLine, Product

PAGE_SIZE = 50
COLUMNS = {"date": "placed_at", "total": "total_minor"}
DRAWN = (
    "source", "number", "kind", "placed_at", "currency", "total_minor", "payment", "cancelled_at",
    "contact__name", "contact__email", "contact__phone", "contact__erased_at",
)  # fmt: skip
MANY = 500  # a word that means more customers or products than this is no search for one


class OrderFilter:
    """A filter as somebody asked for it; values that cannot be read are left out and listed in `problems`."""

    def __init__(self, params: Mapping):
        self.form = OrderFilterForm(params)
        self.form.is_valid()
        self.values = {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}
        self.sort = self.values.pop("sort", DEFAULT_SORT)

    @cached_property
    def problems(self) -> list[str]:
        """Say which values were left out, and why."""
        return [
            _("We left out “%(label)s”: %(reason)s")
            % {"label": self.form.fields[name].label or name, "reason": " ".join(errors)}
            for name, errors in self.form.errors.items()
        ]

    def query(self, **changes: str) -> str:
        """Return the address's query with some parameters changed; an empty one is dropped."""
        kept = {name: str(value) for name, value in self.values.items()}
        kept |= ({"sort": self.sort} if self.sort != DEFAULT_SORT else {}) | changes
        return urlencode({name: value for name, value in kept.items() if value != ""})

    @cached_property
    def shop(self) -> Shop:
        return Shop.current()

    @cached_property
    def product(self) -> Product | None:
        return Product.objects.filter(pk=self.values["product"]).first() if "product" in self.values else None

    @cached_property
    def queryset(self) -> QuerySet[Order]:
        """Return the orders that match, in no order."""
        orders = Order.objects.all()
        for name, value in self.values.items():
            orders = orders.filter(getattr(self, f"_{name}")(value))
        return orders

    @cached_property
    def ordered(self) -> QuerySet[Order]:
        """Return the orders that match in the order asked for."""
        column = COLUMNS[self.sort.removeprefix("-")]
        return self.queryset.order_by(*((f"-{column}", "-pk") if self.sort.startswith("-") else (column, "pk")))

    def paginator(self) -> QuickPages:
        drawn = Order.objects.select_related("contact").only(*DRAWN)
        return QuickPages(self.ordered, PAGE_SIZE, drawn=drawn, is_filtered=bool(self.values))

    def _q(self, value):
        """Match the number, the customer or a product; each is looked up along its own index."""
        numbers = Q(*(("number__icontains", form) for form in _spellings(value)), _connector=Q.OR)
        people = Contact.objects.alive().filter(customers.search(value)).values_list("pk", flat=True)
        products = Product.objects.filter(customers.contains(("name", "sku"), value)).values_list("pk", flat=True)
        found = Order.objects.filter(numbers).values("pk")
        if contact_ids := list(people[:MANY]):
            found = found.union(Order.objects.filter(contact__in=contact_ids).values("pk"))
        if product_ids := list(products[:MANY]):
            found = found.union(OrderLine.objects.filter(product__in=product_ids).values("order"))
        return Q(pk__in=found)

    def _payment(self, value):
        return Q(payment=value)

    def _kind(self, value):
        return Q(kind=value)

    def _source(self, value):
        return Q(source=value)

    def _since(self, value):
        return Q(placed_at__gte=clock.day_bounds(value, self.shop.timezone)[0])

    def _until(self, value):
        return Q(placed_at__lt=clock.day_bounds(value, self.shop.timezone)[1])

    def _product(self, value):
        return Q(pk__in=OrderLine.objects.filter(product=value).values("order"))

    def described(self) -> list[customers.Condition]:
        """Say each active filter in a few words."""
        return [
            customers.Condition(self._said(name, value), self.query(**{name: ""}))
            for name, value in self.values.items()
        ]

    def _said(self, name: str, value) -> str:
        match name:
            case "q":
                return _("Search: %(words)s") % {"words": value}
            case "payment":
                return _("Payment: %(state)s") % {"state": Order.Payment(value).label}
            case "kind":
                return _("Kind: %(kind)s") % {"kind": Order.Kind(value).label}
            case "source":
                return _("Came from %(source)s") % {"source": source_name(value)}
            case "since":
                return _("On %(date)s or later") % {"date": day(value)}
            case "until":
                return _("On %(date)s or earlier") % {"date": day(value)}
        return _("With “%(product)s”") % {"product": self.product.name if self.product else value}


def source_name(source: str) -> str:
    """Return the name of where an order came from, as an owner writes it."""
    names = {"typed": _("Typed by hand"), "woocommerce": "WooCommerce", "shopify": "Shopify", "plain": _("Plain file"),
             "demo": _("Demo")}  # fmt: skip
    if source.startswith("file-"):  # and the shape of its columns, which tells an owner nothing
        return names["plain"]
    return names.get(source, source.replace("_", " ").capitalize())


def _spellings(text: str) -> set[str]:
    """Return the text in the cases a number may have: SQLite folds the case of A to Z only."""
    return {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
