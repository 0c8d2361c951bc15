"""Who logs in, and the shop they keep.

A User is one of the shop's people. `role` says what they may (accounts.access); `switched_off_at` ends their sessions
and keeps their name, for the history names them: nobody is deleted. There is always one owner who is not switched off.
Written by: accounts.people, the set-up page.

OneTimeLink lets somebody choose a password once, until it runs out: an invitation, a forgotten password, or the way in
that `manage.py let_in` prints. Only a hash of it is kept, and a newer one replaces it. Written by: accounts.letting_in.

TwoStep is the second step of somebody's login (RFC 6238): `secret` is sealed with a key made of SECRET_KEY, and counts
once `confirmed_at`; `last_step` is the newest time step whose code was accepted, so that no code is accepted twice.
RecoveryCode stands in for it, once each; hashed without the key, so that it works on a restored box with another one.
Written by: accounts.two_step.

Deed is something somebody did that an owner may want to look up later: a login, an export, a mailing. It names none
of the customers (`detail` may name people who log in); what floors above keep themselves is not written twice. Written
once, by accounts.logbook, and swept after its years.

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
    def create_user(self, email: str, name: str, password: str | None, **fields) -> "User":
        """Make somebody who logs in; without a password they need a link first."""
        user = self.model(email=email.strip().lower(), name=name.strip(), **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        HELPER = "helper", _("Helper")
        LOOKER = "looker", _("Looker-on")

    email = models.EmailField(_("E-mail"), unique=True)
    name = models.CharField(_("Name"), max_length=120)
    role = models.CharField(_("Role"), max_length=10, choices=Role, default=Role.OWNER)
    switched_off_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    def __str__(self):
        return self.name

    @property
    def is_active(self) -> bool:
        """Tell whether they may log in; Django asks on every request, so that a session ends at once."""
        return self.switched_off_at is None

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

    two_step_required = models.BooleanField(_("Everybody logs in with two steps"), default=False, editable=False)

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


class OneTimeLink(models.Model):
    class Purpose(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        PASSWORD = "password", _("Forgotten password")
        LET_IN = "let_in", _("Let in from the machine itself")

    user = models.OneToOneField(User, models.CASCADE, related_name="link")
    purpose = models.CharField(max_length=10, choices=Purpose)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()


class TwoStep(models.Model):
    user = models.OneToOneField(User, models.CASCADE, related_name="two_step")
    secret = models.CharField(max_length=200)
    last_step = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)


class RecoveryCode(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)


class Deed(models.Model):
    at = models.DateTimeField(db_index=True)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="deeds")
    kind = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)
    href = models.CharField(max_length=200, blank=True)
