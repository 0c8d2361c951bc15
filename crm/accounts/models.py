"""Who logs in, and the shop they keep.

A box holds one shop: `Shop.current()` is the only row. Until the set-up page (or the first
command that needs one) has made it, there is none. The currency is the one the shop counts
in: points, spending and scores look only at orders in it. `is_demo` marks invented data.
Written by: the set-up and settings pages, `accounts.setup`.

Attempt counts logins, keys and codes that were tried in a stretch of time, by a hash of who tried. Written by:
accounts.throttling.

Instance is where this database lives (`place`, see accounts.instance), so that a copy of it notices that it is one and
sends nothing until the owner says that it is the shop now. `held_at`: a restore asked for that; `restored_from` is when
the backup it came from was made. Written by: accounts.instance.
"""

import datetime as dt

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.lib import clock


class UserManager(BaseUserManager):
    def create_user(self, email: str, name: str, password: str) -> "User":
        user = self.model(email=email.strip().lower(), name=name.strip())
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("E-mail"), unique=True)
    name = models.CharField(_("Name"), max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    def __str__(self):
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]


class NoShopYet(RuntimeError):
    """Something needs the shop before anyone has set it up."""


class Shop(models.Model):
    class Kind(models.TextChoices):
        SHOP = "shop", _("Shop")
        CAFE = "cafe", _("Café or restaurant")
        STUDIO = "studio", _("Studio or school")
        SERVICES = "services", _("Services")

    class WriteTo(models.TextChoices):
        YES_ONLY = "yes_only", _("Only people who said yes")
        BUYERS = "buyers", _("Also customers who bought and never said no")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("Shop name"), max_length=120)
    currency = models.CharField(_("Currency"), max_length=3)
    timezone = models.CharField(_("Time zone"), max_length=64, default="UTC")
    language = models.CharField(_("Language"), max_length=10, default="en")
    kind = models.CharField(_("Kind of business"), max_length=10, choices=Kind, default=Kind.SHOP)
    address = models.CharField(_("Postal address"), max_length=250, blank=True)
    website = models.URLField(_("Web shop"), blank=True)
    sender_email = models.EmailField(_("Sender address"), blank=True)
    write_to = models.CharField(_("Who may be written to"), max_length=10, choices=WriteTo, default=WriteTo.YES_ONLY)
    night_run_hour = models.PositiveSmallIntegerField(_("Hour of the night run"), default=3)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="shop_is_the_only_one"),
            models.CheckConstraint(condition=models.Q(night_run_hour__lt=24), name="shop_night_run_hour_is_an_hour"),
        ]

    def __str__(self):
        return self.name

    def night_of(self, now: dt.datetime) -> dt.datetime:
        """Return the moment of today, in the shop's zone, from which the night's work is due."""
        return clock.at_local(clock.local_date(now, self.timezone), dt.time(self.night_run_hour), self.timezone)

    @classmethod
    def current(cls) -> "Shop":
        """Return the shop, or raise NoShopYet."""
        shop = cls.objects.first()
        if shop is None:
            raise NoShopYet("The shop is not set up yet.")
        return shop


class Attempt(models.Model):
    kind = models.CharField(max_length=20)
    who = models.CharField(max_length=64)
    since = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "who", "since"], name="attempts_counted_once")]


class Instance(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    place = models.CharField(max_length=64)
    held_at = models.DateTimeField(null=True)
    restored_from = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="instance_is_the_only_one")]
