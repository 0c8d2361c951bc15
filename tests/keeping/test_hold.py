"""A restored or copied shop sends nothing until its owner says that it is the shop now."""

import datetime as dt
import sqlite3

import pytest
from django.urls import reverse

from crm.accounts import instance
from crm.accounts.models import Instance, User
from crm.api import keys, outbound
from crm.api.models import ApiKey, Delivery, Target
from crm.campaigns import scheduling, sending
from crm.campaigns.channels.base import NeedsOwner
from crm.campaigns.models import Automation, Campaign, Message, Outgoing
from crm.contacts import forgetting, objecting, requesting
from crm.contacts.models import Contact, DataRequest, Erasure, Segment, SegmentMember, Suppression
from crm.keeping import carrying, confirming, jobs, manifests
from crm.keeping.models import Job
from crm.lib.tokens import keyed_hash
from crm.portal import links
from crm.portal.models import Card


@pytest.fixture
def campaign(shop, now):
    shop.sender_email = "hello@linden.example"
    shop.save()
    segment = Segment.objects.create(slug="all", name="All")
    for n in range(3):
        address = f"p{n}@example.com"
        person = Contact.objects.create(
            email=address, email_key=address, address_hash=keyed_hash(address), consent="yes", joined_at=now
        )
        SegmentMember.objects.create(segment=segment, contact=person)
    campaign = Campaign.objects.create(name="Hello", segment=segment, subject="Hi", body="There")
    scheduling.schedule(campaign, now=now)
    return campaign


def test_place_is_remembered_once_and_holds_when_it_is_another(db, now):
    assert not instance.is_held()
    assert instance.settle() and not instance.settle()
    assert not instance.is_held()
    Instance.objects.update(place="somewhere else")
    assert instance.is_held()
    instance.confirm(now=now)
    assert not instance.is_held()
    instance.hold(restored_from=now, now=now)
    assert instance.is_held()


def test_nothing_leaves_while_held_and_everything_after(campaign, now):
    instance.hold(restored_from=now, now=now)
    assert sending.sweep(now=now) == sending.deliver(now=now, limit=10, worker="w") == 0
    assert Message.objects.count() == Outgoing.objects.count() == 0
    with pytest.raises(NeedsOwner):
        sending.send_test(campaign, to="lena@example.com", values={}, now=now)
    target = Target.objects.create(url="https://example.com/", secret="whsec_x", created_at=now)
    Delivery.objects.create(target=target, topic="people", payload={"ids": [1]}, next_at=now, created_at=now)
    assert outbound.deliver_due(now=now) == 0
    assert list(Delivery.objects.values_list("state", "tries")) == [("waiting", 0)]
    instance.confirm(now=now)
    sending.sweep(now=now)
    assert Outgoing.objects.count() == 3


def test_what_was_sending_is_paused_by_the_confirmation(campaign, now):
    sending.starting.start_due(now=now)
    later = Campaign.objects.create(name="Later", segment=campaign.segment, subject="x", body="y", state="scheduled",
                                    next_at=now - dt.timedelta(minutes=5), next_date=now.date(), repeat="once",
                                    starts_date=now.date(), send_time=dt.time(9))  # fmt: skip
    instance.hold(restored_from=now, now=now)
    assert [(one.campaign, one.waiting, one.is_overdue) for one in confirming.under_way(now=now)] == [
        (campaign, 3, False), (later, 0, True),
    ]  # fmt: skip
    automation = Automation.objects.create(name="Birthday", on_since=now - dt.timedelta(days=9))
    confirming.confirm(now=now)
    automation.refresh_from_db()
    assert automation.on_since == now  # what happened before was the other shop's to write about
    assert list(Campaign.objects.order_by("pk").values_list("state", flat=True)) == ["paused", "paused"]
    sending.sweep(now=now)
    assert Outgoing.objects.count() == 0
    campaign.refresh_from_db()
    scheduling.resume(campaign, now=now)
    sending.sweep(now=now)
    assert Outgoing.objects.count() == 3


def test_no_and_what_was_sent_since_are_carried_over(campaign, now):
    """The shop put aside knows: one said no, one message was sent, one was just leaving."""
    sending.starting.start_due(now=now)
    first, second, third = Message.objects.order_by("pk")
    other = keyed_hash("gone@example.com")
    told = {
        "accounts_shop": carrying.manifests.ask_here("SELECT CAST(created_at AS text) FROM accounts_shop"),
        "email_key FROM": [("p0@example.com",), ("stranger@example.com",)],
        "suppression": [(other, "link")],
        "accounts_user": [],
        "message": [(first.pk, first.address_hash, "sent"), (second.pk, second.address_hash, "sending"),
                    (third.pk, "another address", "sent")],
    }  # fmt: skip

    def ask(sql):
        return next((rows for part, rows in told.items() if part in sql), [])

    carried = carrying.carry_over(ask, same_key=True, now=now)
    assert {name: count for name, count in vars(carried).items() if count} == {
        "said_no": 1, "addresses": 1, "messages": 2
    }  # fmt: skip
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "uncertain", "queued"]
    assert list(Contact.objects.order_by("pk").values_list("consent", flat=True)) == ["no", "yes", "yes"]
    assert Suppression.objects.filter(address_hash=other).exists()
    assert carrying.carry_over(ask, same_key=True, now=now).messages == 0

    told["accounts_shop"] = [("another shop",)]
    assert vars(carrying.carry_over(ask, same_key=True, now=now)) == vars(carrying.Carried())


def test_who_was_switched_off_or_may_do_less_since_the_backup_stays_so(shop, owner, now):
    role = User.Role
    gone = User.objects.create_user("gone@example.com", "Gone", "x" * 12, role=role.HELPER)
    less = User.objects.create_user("less@example.com", "Less", "x" * 12, role=role.OWNER)
    told = {
        "accounts_shop": carrying.manifests.ask_here("SELECT CAST(created_at AS text) FROM accounts_shop"),
        "email_key FROM": [],
        "accounts_user": [
            (gone.email, "helper", 1), (less.email, "looker", 0), (owner.email, "owner", 0), ("new@example.com", "owner", 0),
        ],
    }  # fmt: skip

    def ask(sql):
        return next((rows for part, rows in told.items() if part in sql), [])

    carrying.carry_over(ask, same_key=False, now=now)
    held = {user.email: (user.role, user.is_active) for user in User.objects.all()}
    assert held == {owner.email: ("owner", True), gone.email: ("helper", False), less.email: ("looker", True)}

    told["accounts_user"] = [(owner.email, "helper", 1), ("new@example.com", "owner", 0)]  # an owner who came later
    carrying.carry_over(ask, same_key=False, now=now)
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == ("owner", True)


def test_objections_wishes_replaced_links_and_keys_taken_back_are_carried_over(campaign, now):
    """Asked of the database itself, as it was put aside; then it is as it was when the backup was made."""
    objector, asker, decided, replacer = (
        Contact.objects.create(name=name, joined_at=now) for name in ("Olga", "Asta", "Dora", "Rita")
    )
    key = ApiKey.objects.create(name="till", prefix="abcdef", secret_hash="x", created_at=now)

    old = {}

    def ask(sql):
        return old.setdefault(sql, manifests.ask_here(sql))

    objecting.object_to_profiling(objector.pk, now=now)
    forgetting.ask(asker.pk, asked="customer", now=now - dt.timedelta(days=9))
    forgetting.ask(decided.pk, asked="owner", now=now)
    requesting.ask("copy", contact_id=asker.pk, via="shopify", now=now - dt.timedelta(days=9))
    links.replace(replacer.pk, now=now)
    good = links.token(replacer.pk)
    keys.revoke(key.pk, now=now)
    carrying.carry_over(ask, same_key=True, now=now)  # all is here already, so nothing is done; `old` knows it now

    Contact.objects.update(no_profiling=False)
    Erasure.objects.all().delete()
    DataRequest.objects.all().delete()
    Card.objects.all().delete()
    ApiKey.objects.update(revoked_at=None)
    assert links.contact_of(good) is None
    later = now + dt.timedelta(days=1)
    carried = carrying.carry_over(ask, same_key=True, now=later)
    assert [carried.objected, carried.wishes, carried.links, carried.keys] == [1, 3, 1, 1]
    assert DataRequest.objects.get().answer_by == forgetting.a_month_after(now - dt.timedelta(days=9))
    assert list(Contact.objects.filter(no_profiling=True)) == [objector]
    wishes = Erasure.objects.order_by("pk").values_list("contact_id", "asked", "asked_at", "due_at")
    assert list(wishes) == [
        (asker.pk, "customer", now - dt.timedelta(days=9), None),
        (decided.pk, "owner", later, later + forgetting.PAUSE),
    ]
    assert links.contact_of(good) == replacer
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert carrying.carry_over(ask, same_key=True, now=later).wishes == 0


def test_what_an_older_version_did_not_have_stops_nothing_else(campaign, now):
    def ask(sql):
        if "contacts_erasure" in sql or "no_profiling" in sql:
            raise sqlite3.OperationalError("no such table")
        return [(keyed_hash("gone@example.com"), "link")] if "suppression" in sql else manifests.ask_here(sql)

    carried = carrying.carry_over(ask, same_key=True, now=now)
    assert (carried.addresses, carried.wishes, carried.objected) == (1, 0, 0)


def test_a_restore_that_is_cut_off_sends_nothing(campaign, now, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert not instance.is_held()
    (tmp_path / "restore.json").write_text("{}")
    assert instance.is_held()
    assert instance.settle() is False
    sending.sweep(now=now)
    assert Outgoing.objects.count() == 0


def test_today_and_campaigns_say_so_until_the_one_button(owner_client, campaign, now):
    assert "Nothing is sent from here" not in owner_client.get("/").content.decode()
    instance.hold(restored_from=now, now=now)
    Job.objects.create(kind="restore", asked_at=now, finished_at=now, ok=True,
                       report={"aside": "/x", "carried": {"said_no": 2, "addresses": 1, "messages": 7, "erased": 1}})  # fmt: skip
    for address in ("/", "/campaigns/", reverse("keeping:backups")):
        page = owner_client.get(address).content.decode()
        assert "Nothing is sent from here" in page and reverse("keeping:confirm") in page
    assert "Yes, this is the shop now" in owner_client.get("/").content.decode()
    page = owner_client.get(reverse("keeping:confirm")).content.decode()
    assert "2 customers who said no since" in page and "7 messages that have left since" in page and "is erased again within minutes" in page
    assert owner_client.post(reverse("keeping:confirm")).status_code == 302
    assert not instance.is_held()
    assert "Nothing is sent from here" not in owner_client.get("/").content.decode()
    assert jobs.latest(Job.Kind.RESTORE) is not None
