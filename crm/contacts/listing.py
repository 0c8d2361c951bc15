"""The customer list's filter: one meaning for the page, exports, bulk acts and saved segments."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import F, Q, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.forms import DEFAULT_SORT, RISKS, FilterForm
from crm.contacts.groups import GROUPS, STAGES
from crm.contacts.identity import phone_key
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.contacts.tags import HasTag
from crm.lib import clock, unaccented
from crm.lib.money import to_minor
from crm.lib.paging import QuickPages
from crm.lib.templatetags.say import day, money, number

PAGE_SIZE = 50
COLUMNS = {
    "name": "name",
    "last_order": "last_order_at",
    "orders": "order_count",
    "spent": "spent_minor",
    "points": "points_balance",
    "risk": "churn_risk",
    "stake": "at_stake_minor",
    "joined": "joined_at",
}
_MAY_BE_EMPTY = {"last_order_at", "churn_risk", "at_stake_minor"}


@dataclass(frozen=True)
class Condition:
    """One active filter as a chip: what it says, and the list's query without it."""

    text: str
    query_without: str


def contains(fields: tuple[str, ...], text: str) -> Q:
    """Match rows holding every word of the text in any of the fields, with or without its accents."""
    condition = Q()
    for word in map(unaccented.plain, text.split()[:8]):
        condition &= Q(
            *((f"{field}__{how}", word) for field in fields for how in ("icontains", "resembles")), _connector=Q.OR
        )
    return condition


def search(text: str) -> Q:
    """Match people by name, e-mail, company, or by the digits of a phone number however it is spaced."""
    found = contains(("name", "email", "company"), text)
    digits = "".join(character for character in text if character.isdigit())
    if len(digits) >= 4 and not any(character.isalpha() or character == "@" for character in text):
        # 030 5557 is kept as 49305557: a leading zero is the trunk's, or stands inside the number
        for form in {digits, digits.lstrip("0") or digits}:
            found |= Q(phone_key__contains=form)
        found |= Q(phone_key__in=_dialled_within(text))
    return found


def _dialled_within(text: str) -> list[str]:
    """Return how +49 30 5557 is kept where no country was known: as 0305557, for a code of one digit to three."""
    key = phone_key(text)
    if key is None or not text.strip().startswith(("+", "＋", "00")):
        return []
    return [f"{trunk}{key[code:]}" for code in (1, 2, 3) for trunk in ("0", "")]


def with_phone(text: str) -> QuerySet[Contact] | None:
    """Return who has this phone number, with its country code or dialled from within; None for a text that is none."""
    is_number = not any(char.isalpha() or char == "@" for char in text)
    key = phone_key(text) if is_number else None
    if key is None:
        return None
    alive = Contact.objects.alive()
    found = alive.filter(phone_key=key)
    if found.exists():
        return found
    if key.startswith("0"):  # 030 5557 is kept as 49305557
        return alive.filter(phone_key__endswith=key.lstrip("0"))
    return alive.filter(phone_key__in=_dialled_within(text))


class Filter:
    """A filter as somebody asked for it; values that cannot be read are left out and listed in `problems`."""

    def __init__(self, params: Mapping, *, now: dt.datetime):
        self.now = now
        self.form = FilterForm(params)
        self.form.is_valid()
        self.values = {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "", [])}
        self.sort = self.values.pop("sort", DEFAULT_SORT)

    @cached_property
    def problems(self) -> list[str]:
        """Say which values were left out, and why."""
        return [
            _("We left out “%(label)s”: %(reason)s")
            % {"label": self.form.fields[name].label, "reason": " ".join(errors)}
            for name, errors in self.form.errors.items()
        ]

    @cached_property
    def params(self) -> dict[str, str]:
        """Return the readable filters as text, as an address or a saved segment keeps them."""
        return {
            name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in self.values.items()
        }

    def query(self, **changes: str) -> str:
        """Return the address's query with some parameters changed; an empty one is dropped."""
        kept = self.params | ({"sort": self.sort} if self.sort != DEFAULT_SORT else {}) | changes
        return urlencode({name: value for name, value in kept.items() if value != ""})

    @cached_property
    def segment(self) -> Segment | None:
        """Return the segment asked for, or None if none is asked for or it does not exist (any more)."""
        return Segment.objects.filter(slug=self.values["segment"]).first() if "segment" in self.values else None

    @cached_property
    def shop(self) -> Shop:
        return Shop.current()

    @cached_property
    def queryset(self) -> QuerySet[Contact]:
        """Return everybody who matches, in no order."""
        people = Contact.objects.alive()
        for name, value in self.values.items():
            people = people.filter(getattr(self, f"_{name}")(value))
        return people

    @cached_property
    def ordered(self) -> QuerySet[Contact]:
        """Return everybody who matches in the order asked for; people without a value come last."""
        column = COLUMNS[self.sort.removeprefix("-")]
        empty_last = {"nulls_last": True} if column in _MAY_BE_EMPTY else {}
        if self.sort.startswith("-"):
            return self.queryset.order_by(F(column).desc(**empty_last), "-pk")
        return self.queryset.order_by(F(column).asc(**empty_last), "pk")

    def paginator(self) -> QuickPages:
        column = COLUMNS[self.sort.removeprefix("-")]
        return QuickPages(
            self.ordered,
            PAGE_SIZE,
            drawn=Contact.objects.defer("extra"),
            is_filtered=bool(self.values),
            empty_last=column if column in _MAY_BE_EMPTY else None,
        )

    def _q(self, value):
        return search(value)

    def _segment(self, value):
        if self.segment is None:
            return Q(pk__in=[])
        if self.segment.kind == Segment.Kind.SAVED:
            return Q(pk__in=filtered(self.segment.filter, now=self.now).values("pk"))
        return Q(pk__in=SegmentMember.objects.filter(segment=self.segment).values("contact"))

    def _group(self, value):
        return Q(group=value)

    def _stage(self, value):
        return Q(stage=value)

    def _consent(self, value):
        return Q(consent=value)

    def _risk(self, value):
        __, low, high = RISKS[value]
        return Q(churn_risk__gte=low, churn_risk__lt=high)

    def _tag(self, value):
        return Q(HasTag("tags", value))

    def _min_orders(self, value):
        return Q(order_count__gte=value)

    def _max_orders(self, value):
        return Q(order_count__lte=value)

    def _min_spent(self, value):
        return Q(spent_minor__gte=to_minor(value, self.shop.currency))

    def _max_spent(self, value):
        return Q(spent_minor__lte=to_minor(value, self.shop.currency))

    def _quiet_days(self, value):
        return Q(last_order_at__lt=self.now - dt.timedelta(days=value))

    def _ordered_after(self, value):
        return Q(last_order_at__gte=clock.day_bounds(value, self.shop.timezone)[0])

    def _ordered_before(self, value):
        return Q(last_order_at__lt=clock.day_bounds(value, self.shop.timezone)[1])

    def _joined_after(self, value):
        return Q(joined_at__gte=clock.day_bounds(value, self.shop.timezone)[0])

    def _city(self, value):
        return contains(("city",), value)

    def _country(self, value):
        return contains(("country",), value)

    def _points(self, value):
        return Q(points_balance__gt=0) if value == "yes" else Q(points_balance__lte=0)

    def _discounts(self, value):
        return Q(never_discount=value == "never")

    def _ids(self, value):
        return Q(pk__in=value)

    def described(self) -> list[Condition]:
        """Say each active filter in a few words."""
        return [Condition(self._said(name, value), self.query(**{name: ""})) for name, value in self.values.items()]

    def _said(self, name: str, value) -> str:
        match name:
            case "q":
                return _("Search: %(words)s") % {"words": value}
            case "segment":
                return _("In “%(segment)s”") % {"segment": self.segment.label if self.segment else value}
            case "group":
                return _("Group: %(group)s") % {"group": GROUPS[value].label}
            case "stage":
                return _("Stage: %(stage)s") % {"stage": STAGES[value]}
            case "consent":
                return _("Permission: %(state)s") % {"state": Contact.ConsentState(value).label}
            case "risk":
                return _("Risk of leaving: %(band)s") % {"band": RISKS[value][0]}
            case "tag":
                return _("Tagged “%(tag)s”") % {"tag": value}
            case "min_orders":
                return ngettext("At least %(count)s order", "At least %(count)s orders", value) % {
                    "count": number(value)
                }
            case "max_orders":
                return ngettext("At most %(count)s order", "At most %(count)s orders", value) % {"count": number(value)}
            case "min_spent":
                return _("Spent %(amount)s or more") % {"amount": self._money(value)}
            case "max_spent":
                return _("Spent %(amount)s or less") % {"amount": self._money(value)}
            case "quiet_days":
                return ngettext("No order for %(count)s day", "No order for %(count)s days", value) % {
                    "count": number(value)
                }
            case "ordered_after":
                return _("Last order on %(date)s or later") % {"date": day(value)}
            case "ordered_before":
                return _("Last order on %(date)s or earlier") % {"date": day(value)}
            case "joined_after":
                return _("Customer since %(date)s or later") % {"date": day(value)}
            case "city":
                return _("City: %(city)s") % {"city": value}
            case "country":
                return _("Country: %(country)s") % {"country": value}
            case "points":
                return _("Has points") if value == "yes" else _("Has no points")
            case "discounts":
                return _("Never give money off") if value == "never" else _("May get money off")
        return ngettext("%(count)s chosen customer", "%(count)s chosen customers", len(value)) % {"count": len(value)}

    def _money(self, value) -> str:
        return money(to_minor(value, self.shop.currency), self.shop.currency)


def filtered(params: Mapping, *, now: dt.datetime | None = None) -> QuerySet[Contact]:
    """Return the customers a stored or linked filter means; nobody if any part of it cannot be read.

    Leaving a condition out would reach more people than the owner chose. The page forgives (`Filter`), since
    it shows what it left out. Without `now`, a filter such as "quiet for 60 days" counts from this moment.
    """
    asked = Filter(params, now=now or clock.now())
    return asked.queryset if asked.form.is_valid() else Contact.objects.none()
