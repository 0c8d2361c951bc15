"""The register names everything that is done with people's data, and says what is true of this shop."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import models
from django.urls import reverse

from crm.api.models import ApiKey, Target
from crm.contacts import forgetting, processing, retention
from crm.contacts.models import Contact
from crm.keeping.models import Plan


@pytest.fixture
def drawn(owner_client):
    return lambda: owner_client.get(reverse("contacts:register")).content.decode()


def test_every_part_that_is_forgotten_is_described():
    assert set(processing.DESCRIBERS) == set(forgetting.PARTS)


def test_each_model_that_knows_a_customer_appears(drawn):
    shown = drawn()
    knowing = {
        model._meta.label for model in apps.get_models(include_auto_created=True)
        if any(
            isinstance(field, models.ForeignKey) and field.related_model is Contact
            for field in model._meta.concrete_fields
        )
    }  # fmt: skip
    said = {label for one in processing.activities() for label in one.models}
    assert knowing | {Contact._meta.label} <= said
    assert {"accounts.User", "accounts.Deed"} <= said  # whoever works here is somebody, too
    assert [label for label in said if label not in shown] == []
    assert len(shown) < 40_960


def test_it_is_true_of_the_settings_of_this_shop(drawn, settings, now):
    settings.EMAIL_URL = settings.INBOX_URL = settings.BACKUP_PASSPHRASE = ""
    shown = drawn()
    assert "No rule erases anybody by itself." in shown and "Backups are not encrypted" in shown
    assert "mail server" not in shown and "without HTTPS" in shown
    settings.EMAIL_URL = "smtp+tls://lena:secret-word@mail.linden.example:587"
    settings.INBOX_URL = "imaps://lena:secret-word@imap.linden.example"
    settings.HTTPS = True
    Plan.objects.create(passphrase="a long enough phrase", monthly=3)
    retention.choose(5, now=now)
    ApiKey.objects.create(name="Till", prefix="aa", secret_hash="x", created_at=now)
    ApiKey.objects.create(name="Gone", prefix="bb", secret_hash="x", created_at=now, revoked_at=now)
    Target.objects.create(url="https://user:pw@zap.example/hook", secret="x", topics=[], created_at=now)
    shown = drawn()
    for words in (
        "The mail server mail.linden.example", "The mail server imap.linden.example", "Backups are encrypted.",
        "after 5 years without a sign of life", "weeks and 3 months", "The program “Till”", "zap.example, which is told",
        "served over HTTPS",
    ):  # fmt: skip
        assert words in shown, words
    for words in ("secret-word", "a long enough phrase", "user:pw", "Gone", "No rule erases"):
        assert words not in shown, words


def test_what_was_said_about_messages_is_on_the_customers_page(owner_client, shop, now):
    anna = Contact.objects.create(name="Anna", joined_at=now, consent="no")
    anna.consents.create(state="yes", source="page", detail="Yes, write to me about bread", at=now - dt.timedelta(days=9))
    anna.consents.create(state="no", source="link", detail="October letter", at=now)
    shown = owner_client.get(anna.get_absolute_url()).content.decode()
    record = shown.partition("All that was asked and said")[2]
    assert record.index("Unsubscribe link: October letter") < record.index("On their own page: Yes, write to me about bread")
