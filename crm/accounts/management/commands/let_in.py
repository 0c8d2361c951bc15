"""The way in for somebody who lost password and phone: whoever may run this on the machine may do everything anyway."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.accounts import letting_in
from crm.accounts.models import OneTimeLink, User
from crm.lib import clock


class Command(BaseCommand):
    help = (
        "Print an address where somebody chooses a new password, once, within an hour. "
        "That also switches their second step off, and them on again."
    )

    def add_arguments(self, parser):
        parser.add_argument("email", nargs="?", help="with which they log in; without it, the first owner")

    def handle(self, *, email, **_options):
        if email:
            user = User.objects.filter(email__iexact=email.strip()).first()
        else:
            user = User.objects.filter(role=User.Role.OWNER, switched_off_at=None).order_by("pk").first()
        if user is None:
            raise CommandError("Nobody logs in with this e-mail." if email else "This box is not set up yet.")
        path = letting_in.make(user, OneTimeLink.Purpose.LET_IN, now=clock.now())
        self.stdout.write(f"{user.name} <{user.email}> ({user.role}) chooses a new password here, within an hour:")
        self.stdout.write(settings.SITE_URL + path)
