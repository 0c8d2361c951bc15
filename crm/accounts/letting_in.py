"""One-time links to choose a password by: an invitation, a forgotten password, the way in from the machine itself."""

import datetime as dt
import hashlib
import logging
import secrets
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.accounts import two_step
from crm.accounts.models import OneTimeLink, Shop, User

Purpose = OneTimeLink.Purpose
GOOD_FOR = {
    Purpose.INVITATION: dt.timedelta(days=7),
    Purpose.PASSWORD: dt.timedelta(hours=1),
    Purpose.LET_IN: dt.timedelta(hours=1),
}
_PATIENCE = 15  # seconds: somebody waits for the page
log = logging.getLogger(__name__)


def make(user: User, purpose: str, *, now: dt.datetime) -> str:
    """Return the path of a new link on this box; earlier ones of this person open nothing any more."""
    token = secrets.token_urlsafe(32)
    kept = {"purpose": purpose, "token_hash": _hash(token), "expires_at": now + GOOD_FOR[purpose]}
    OneTimeLink.objects.update_or_create(user=user, defaults=kept)
    return reverse("accounts:enter", args=[token])


def find(token: str, *, now: dt.datetime) -> OneTimeLink | None:
    """Return what a link is for, or None: never made, used, replaced, run out, or its person is switched off."""
    link = OneTimeLink.objects.filter(token_hash=_hash(token), expires_at__gt=now).select_related("user").first()
    return link if link and (link.user.is_active or link.purpose == Purpose.LET_IN) else None


@transaction.atomic
def use(link: OneTimeLink, *, password: str) -> bool:
    """Give somebody the password they chose, which logs them out everywhere; return whether the link was still good.

    Whoever is let in from the machine itself lost everything: the second step goes, and they are switched on again.
    """
    if not OneTimeLink.objects.filter(pk=link.pk, token_hash=link.token_hash).delete()[0]:
        return False
    user = link.user
    user.set_password(password)
    user.save(update_fields=["password"])
    if link.purpose == Purpose.LET_IN:
        two_step.switch_off(user)
        User.objects.filter(pk=user.pk).update(switched_off_at=None)
    return True


def mail(user: User, path: str, purpose: str) -> bool:
    """Send a link to its person where this box can send mail; return whether the mail server took it."""
    shop = Shop.current()
    sender = shop.sender_email or settings.MAIL_FROM
    if not settings.EMAIL_URL or not sender or shop.is_demo:
        return False
    values = {"name": user.name, "shop": shop.name, "address": settings.SITE_URL + path}
    if purpose == Purpose.INVITATION:
        subject = _("Your login for %(shop)s") % values
        text = _(
            "Hello %(name)s,\n\nyou can log in to the customer book of %(shop)s now. Choose your password here, "
            "within seven days:\n\n%(address)s\n\nThe link works once. Do not hand it on.\n"
        )
    else:
        subject = _("A new password for %(shop)s") % values
        text = _(
            "Hello %(name)s,\n\nsomebody asked for a new password for your login at %(shop)s. If it was you, choose "
            "it here, within an hour:\n\n%(address)s\n\nIf it was not you, do nothing: your password stays.\n"
        )
    sender, quick = formataddr((" ".join(shop.name.split()), sender)), get_connection(timeout=_PATIENCE)
    try:
        return bool(EmailMessage(subject, text % values, sender, [user.email], connection=quick).send())
    except OSError as error:  # smtplib's own errors are OSErrors too
        log.warning("a link for %s was not sent: %s", user.pk, error)
        return False


def _hash(token: str) -> str:
    """Return the hash of a token; it is 256 bits of chance, so a slow hash would protect nothing."""
    return hashlib.sha256(token.encode()).hexdigest()
