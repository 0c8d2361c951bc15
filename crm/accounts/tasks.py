from celery import shared_task
from django.utils import translation

from crm.accounts import letting_in
from crm.accounts.models import OneTimeLink, User
from crm.lib import clock


@shared_task
def mail_password_link(*, email: str, language: str) -> bool:
    """Mail a link to whoever logs in with this e-mail. The worker does it, so that no answer tells who that is."""
    user = User.objects.filter(email=email, switched_off_at=None).first()
    if user is None:
        return False
    purpose = OneTimeLink.Purpose.PASSWORD
    with translation.override(language):
        return letting_in.mail(user, letting_in.make(user, purpose, now=clock.now()), purpose)
