"""Who works in the shop: invite somebody, give a role, switch off. Nobody is deleted, for the history names them."""

import datetime as dt

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F

from crm.accounts.models import OneTimeLink, Shop, User


class LastOwner(RuntimeError):
    """Somebody must be left who may do everything."""


class AlreadyHere(RuntimeError):
    """Somebody logs in with this e-mail already."""


@transaction.atomic
def invite(*, name: str, email: str, role: str) -> User:
    """Make somebody who can log in once they have chosen a password; raise AlreadyHere for a known e-mail."""
    _one_at_a_time()
    if User.objects.filter(email__iexact=email.strip()).exists():
        raise AlreadyHere
    return User.objects.create_user(email, name, None, role=role)


@transaction.atomic
def give_role(user_id: int, role: str) -> None:
    """Let somebody do more or less, from their next click on; raise LastOwner."""
    _one_at_a_time()
    if role != User.Role.OWNER:
        _another_owner_than(user_id)
    User.objects.filter(pk=user_id).update(role=role)


@transaction.atomic
def switch_off(user_id: int, *, now: dt.datetime) -> None:
    """End somebody's sessions and links at once; raise LastOwner."""
    _one_at_a_time()
    _another_owner_than(user_id)
    User.objects.filter(pk=user_id, switched_off_at=None).update(switched_off_at=now)
    OneTimeLink.objects.filter(user_id=user_id).delete()
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()  # else it would open again as soon as they are switched on


def switch_on(user_id: int) -> None:
    User.objects.filter(pk=user_id).update(switched_off_at=None)


def _one_at_a_time() -> None:
    """Wait for whoever else changes who works here: two owners must not switch each other off in one moment."""
    Shop.objects.update(name=F("name"))


def _another_owner_than(user_id: int) -> None:
    if not User.objects.filter(role=User.Role.OWNER, switched_off_at=None).exclude(pk=user_id).exists():
        raise LastOwner
