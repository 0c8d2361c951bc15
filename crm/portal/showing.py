"""Everything a customer's own page shows, about this one person and nobody else."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.coupons import issuing
from crm.coupons import wording as coupon_wording
from crm.coupons.models import Code, Coupon, CustomerUse
from crm.lib import clock
from crm.lib.squares import square
from crm.portal import cards, invitations
from crm.rewards import explaining, holding, ledger, redeeming, referring, tiers
from crm.rewards.explaining import Explained
from crm.rewards.holding import Holding
from crm.rewards.tiers import Progress

LINES = 20
COUPONS = 10


@dataclass(frozen=True)
class OpenCoupon:
    """A code of the customer's own that can still be used."""

    text: str
    gives: str
    conditions: list[str]
    left_minor: int | None  # on a gift card
    square: SafeString


@dataclass(frozen=True)
class Wish:
    """A reward, and how far the customer is from it."""

    offer: redeeming.Offer

    @property
    def missing(self) -> int:
        return max(self.offer.least - max(self.offer.balance, 0), 0)


@dataclass
class OwnPage:
    contact: Contact
    shop: Shop
    now: dt.datetime
    page: int = 1

    @cached_property
    def holding(self) -> Holding:
        return holding.of(self.contact.pk)

    @cached_property
    def wishes(self) -> list[Wish]:
        return [Wish(offer) for offer in redeeming.offers(self.contact.pk)]

    @cached_property
    def progress(self) -> Progress | None:
        """Where the customer stands on the shop's levels, where it has any."""
        return tiers.progress(self.contact.pk, now=self.now)

    @cached_property
    def _entries(self) -> list:
        start = (self.page - 1) * LINES
        return list(ledger.history(self.contact.pk)[start : start + LINES + 1])

    @cached_property
    def history(self) -> list[Explained]:
        return explaining.explain(self._entries[:LINES])

    @property
    def older(self) -> int | None:
        return self.page + 1 if len(self._entries) > LINES else None

    @property
    def newer(self) -> int | None:
        return self.page - 1 if self.page > 1 else None

    @cached_property
    def code(self) -> str:
        return cards.code(self.contact.pk)

    @property
    def code_square(self) -> SafeString:
        """Return the square that the camera of the owner's phone or a scanner at the till reads."""
        address = f"{settings.SITE_URL}{reverse('till:counter')}?q={self.code}"
        return square(address, label=_("Your card for the counter, code %(code)s") % {"code": self.code})

    @cached_property
    def promise(self) -> referring.Promise:
        """What the rules of today promise to a friend and to whoever sends one."""
        return referring.promise(at=self.now)

    @cached_property
    def sent(self) -> referring.Sent:
        return referring.sent_by(self.contact.pk)

    @cached_property
    def invitation(self) -> str:
        return invitations.address(self.contact.pk)

    @property
    def invitation_square(self) -> SafeString:
        return square(self.invitation, label=_("QR code of your invitation"))

    @cached_property
    def coupons(self) -> list[OpenCoupon]:
        return [_shown(code, self.shop.currency) for code in open_codes(self.contact, shop=self.shop, now=self.now)]

    @property
    def email(self) -> str:
        return masked(self.contact.email)

    @cached_property
    def may_say_yes(self) -> bool:
        """Tell whether a yes from this page counts: not where a no was said, which only the shop may lift."""
        asked = self.contact.consent != Contact.ConsentState.UNKNOWN
        return bool(self.contact.email_key) and not asked and not consent.is_suppressed(self.contact.email_key)


def open_codes(contact: Contact, *, shop: Shop, now: dt.datetime) -> list[Code]:
    """Return the person's own codes that can be used today, those that end soonest first."""
    today = clock.local_date(now, shop.timezone)
    codes = Code.objects.filter(contact=contact, stopped_at=None, coupon__stopped_at=None, coupon__starts_on__lte=today)
    used_up = CustomerUse.objects.filter(
        coupon=OuterRef("coupon"), contact=contact, count__gte=OuterRef("coupon__most_per_customer")
    )
    codes = codes.exclude(coupon__ends_on__lt=today).exclude(balance_minor=0).exclude(Exists(used_up))
    codes = codes.select_related("coupon__product", "coupon__segment").prefetch_related("coupon__products")
    usable = [code for code in codes.order_by("-pk")[: COUPONS * 5] if _has_uses_left(code)]
    return sorted(usable, key=lambda code: (code.coupon.ends_on or dt.date.max, -code.pk))[:COUPONS]


def masked(email: str) -> str:
    """Return an address so that its owner knows it again and nobody else learns it."""
    name, _at, domain = email.rpartition("@")
    return f"{name[0]}…@{domain}" if name else ""


def _has_uses_left(code: Code) -> bool:
    limits = ((code.most_uses, code.used_count), (code.coupon.most_uses, code.coupon.used_count))
    return all(most is None or used < most for most, used in limits)


def _shown(code: Code, currency: str) -> OpenCoupon:
    text = issuing.text_of(code)
    is_card = code.coupon.gives == Coupon.Gives.GIFT_CARD
    return OpenCoupon(
        text=text,
        gives=coupon_wording.gives(code.coupon, currency),
        conditions=list(coupon_wording.conditions(code.coupon, currency)),
        left_minor=code.balance_minor if is_card else None,
        square=square(text, label=_("Coupon code %(code)s") % {"code": text}),
    )
