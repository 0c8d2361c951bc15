"""The database keeps the books by itself: raw SQL that goes round our code is refused, on both databases."""

import datetime as dt

import pytest
from django.apps import apps
from django.core import checks
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations import Migration
from django.db.models.signals import pre_migrate

from crm.rewards import ledger, triggers
from crm.rewards.models import Account, Entry, Lot
from tests.rewards.conftest import new_contact


@pytest.fixture
def entry(mia, now):
    return ledger.adjust(mia.pk, points=50, reason="sorry for the wait", key="a", now=now)


def run(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def refused(sql, *params):
    with pytest.raises(IntegrityError, match="points:"), transaction.atomic():
        run(sql, *params)


def raw_entry(account_id, points, source):
    return (
        "INSERT INTO rewards_entry (account_id, points, kind, source, reason, at, created_at) "
        f"VALUES ({account_id}, {points}, 'adjust', '{source}', '', '2026-01-01', '2026-01-01')"
    )


def test_raw_entry_moves_the_balance(entry):
    run(raw_entry(entry.account_id, -20, "raw:1"))
    assert Account.objects.get().balance == 30


def test_many_raw_entries_in_one_statement_move_every_balance(entry, now):
    other = ledger.open_accounts([new_contact(now).pk], now=now).popitem()[1]
    sql = raw_entry(entry.account_id, 5, "raw:1")
    values = sql.partition(" VALUES ")[2].replace("raw:1", "raw:{0}")
    more = [values.format(2), values.format(3).replace(f"({entry.account_id},", f"({other},")]
    run(", ".join([sql, *more]))
    assert dict(Account.objects.values_list("pk", "balance")) == {entry.account_id: 60, other: 5}


def test_balance_cannot_be_written(entry):
    refused("UPDATE rewards_account SET balance = 1000")
    refused("UPDATE rewards_account SET balance = balance - 1")
    run("UPDATE rewards_account SET balance = 50")  # what it is anyway
    assert Account.objects.get().balance == 50


def test_account_cannot_start_with_points(mia):
    refused("INSERT INTO rewards_account (contact_id, balance, opened_at) VALUES (%s, 5, '2026-01-01')", mia.pk)


def test_entry_cannot_be_changed_or_deleted(entry):
    refused("UPDATE rewards_entry SET points = 500")
    refused("UPDATE rewards_entry SET reason = 'never mind'")
    refused("DELETE FROM rewards_entry")
    assert list(Entry.objects.values_list("points", "reason")) == [(50, "sorry for the wait")]


def test_the_words_of_a_typed_reason_may_go_and_nothing_else(entry, mia, now):
    posting = {"contact_id": mia.pk, "points": 5, "at": now, "reason": "refund", "order_ref": 1}
    ledger.post([ledger.Posting(kind=Entry.Kind.ORDER, source="order:1:1", **posting)], now=now)
    refused("UPDATE rewards_entry SET reason = '' WHERE kind = 'order'")
    for column in ("points = 51", "at = created_at + 0", "source = 'x'", "kind = 'welcome'", "order_ref = 1"):
        if column.startswith("at") and connection.vendor == "postgresql":
            column = "at = at + interval '1 day'"
        refused(f"UPDATE rewards_entry SET reason = '', {column} WHERE kind = 'adjust'")
    run("UPDATE rewards_entry SET reason = '' WHERE kind = 'adjust'")
    assert list(Entry.objects.order_by("pk").values_list("points", "reason")) == [(50, ""), (5, "refund")]


def test_account_with_entries_cannot_be_deleted(entry):
    refused("DELETE FROM rewards_account")


def test_account_without_entries_can_be_deleted(mia, now):
    ledger.open_accounts([mia.pk], now=now)
    run("DELETE FROM rewards_account")
    assert Account.objects.count() == 0


def test_entry_of_nothing_is_refused(entry):
    with pytest.raises(IntegrityError), transaction.atomic():
        run(raw_entry(entry.account_id, 0, "raw:1"))


def test_same_source_twice_is_refused(entry):
    run(raw_entry(entry.account_id, 5, "raw:1"))
    with pytest.raises(IntegrityError), transaction.atomic():
        run(raw_entry(entry.account_id, 7, "raw:1"))
    assert Account.objects.get().balance == 55


@pytest.mark.skipif(connection.vendor != "sqlite", reason="REPLACE is SQLite's")
def test_replacing_an_entry_is_refused(entry, now):
    other = ledger.open_accounts([new_contact(now).pk], now=now).popitem()[1]
    refused(raw_entry(other, 500, entry.source).replace("INSERT", "INSERT OR REPLACE"))
    refused("REPLACE INTO rewards_account (id, contact_id, balance, opened_at) "
            "SELECT id, contact_id, 0, opened_at FROM rewards_account WHERE balance = 50")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="TRUNCATE is PostgreSQL's")
def test_truncating_is_refused(entry):
    run("SET CONSTRAINTS ALL IMMEDIATE")
    refused("TRUNCATE rewards_entry CASCADE")
    refused("TRUNCATE rewards_account CASCADE")


def test_deleting_a_person_keeps_their_account(entry, mia):
    mia.delete()
    assert list(Account.objects.values_list("contact_id", "balance")) == [(None, 50)]


@pytest.fixture
def lots(entry, mia, now):
    """Two lots of Mia's, 50 (20 of them spent) and 30 pending; one of Tom's."""
    ledger.adjust(mia.pk, points=-20, reason="coffee", key="b", now=now)
    tom = new_contact(now, name="Tom")
    later = now + dt.timedelta(days=1)
    for contact, points, activates_at in ((mia, 30, later), (tom, 40, None)):
        posting = ledger.Posting(
            contact_id=contact.pk, points=points, kind=Entry.Kind.CAMPAIGN, source=f"c:{contact.pk}", at=now,
            activates_at=activates_at,
        )  # fmt: skip
        ledger.post([posting], now=now)
    return {lot.points: lot for lot in Lot.objects.all()}


@pytest.mark.parametrize(
    "change",
    ["remaining = 50", "remaining = 29", "points = 60", "account_id = account_id + 1", "expires_at = '2030-01-01'",
     "activates_at = '2030-01-01'", "state = 'pending', activates_at = '2030-01-01'"],
)  # fmt: skip
def test_lot_cannot_be_changed_past_its_allocations(lots, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        run(f"UPDATE rewards_lot SET {change} WHERE points = 50")
        run("SET CONSTRAINTS ALL IMMEDIATE" if connection.vendor == "postgresql" else "SELECT 1")
    assert Lot.objects.get(points=50).remaining == 30


def test_closed_lot_is_not_opened_again_and_none_is_deleted(lots, mia, now):
    ledger.adjust(mia.pk, points=-30, reason="coffee", key="c", now=now)
    refused("UPDATE rewards_lot SET state = 'expired' WHERE points = 50")
    refused("DELETE FROM rewards_lot")
    refused("DELETE FROM rewards_allocation")
    refused("UPDATE rewards_allocation SET points = points + 1")


def test_lot_is_made_by_an_entry_only(lots):
    columns = "INSERT INTO rewards_lot (id, account_id, points, remaining, state) VALUES "
    refused(f"{columns} (999999, {lots[50].account_id}, 10, 10, 'active')")


def test_pending_and_debt_cannot_be_written(lots):
    refused("UPDATE rewards_account SET pending = 0")
    refused("UPDATE rewards_account SET debt = 5")


def test_making_a_lot_active_moves_what_is_pending(lots):
    run("UPDATE rewards_lot SET state = 'active' WHERE points = 30")
    assert Account.objects.values_list("balance", "pending", "debt").get(pk=lots[30].account_id) == (60, 0, 0)


def test_allocation_takes_no_more_than_the_lot_has_nor_the_entry_took(lots, mia):
    columns = "INSERT INTO rewards_allocation (lot_id, entry_id, points) VALUES "
    spent = Entry.objects.get(points=-20)
    refused(f"{columns} ({lots[50].pk}, {spent.pk}, 1)")  # it is paid already
    run(raw_entry(spent.account_id, -100, "raw:1"))
    raw = Entry.objects.get(source="raw:1")
    assert Account.objects.get(pk=spent.account_id).debt == 100
    refused(f"{columns} ({lots[50].pk}, {raw.pk}, 31)")
    refused(f"{columns} ({lots[40].pk}, {raw.pk}, 10)")  # Tom's lot
    refused(f"{columns} ({lots[50].pk}, {lots[30].pk}, 10)")  # not an entry that takes
    run(f"{columns} ({lots[50].pk}, {raw.pk}, 30), ({lots[30].pk}, {raw.pk}, 10)")
    assert list(Lot.objects.order_by("points").values_list("remaining", "state")) == [
        (20, "pending"), (40, "active"), (0, "spent"),
    ]  # fmt: skip
    assert Account.objects.values_list("balance", "pending", "debt").get(pk=raw.account_id) == (-40, 20, 60)


def drop(name):
    on = " ON rewards_entry CASCADE" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER {name}{on}")


def test_lost_trigger_is_reported_and_made_again_by_migrate(entry):
    assert triggers.missing() == []
    drop("rewards_entry_unchanged")
    assert triggers.missing() == ["rewards_entry_unchanged"]
    found = checks.run_checks(tags=["database"], databases=["default"])
    assert [message.id for message in found] == ["rewards.W001"]
    call_command("migrate", verbosity=0)
    assert triggers.installed()
    refused("UPDATE rewards_entry SET points = 500")


def test_changed_trigger_is_reported(entry):
    drop("rewards_entry_undeleted")
    if connection.vendor == "postgresql":
        run("CREATE TRIGGER rewards_entry_undeleted BEFORE DELETE ON rewards_entry "
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()")
    else:
        run("CREATE TRIGGER rewards_entry_undeleted BEFORE DELETE ON rewards_entry BEGIN SELECT 1; END")
    assert triggers.missing() == ["rewards_entry_undeleted"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Django rebuilds tables on SQLite")
def test_tables_can_be_rebuilt_and_are_guarded_afterwards(transactional_db, shop):
    migration = apps.get_app_config("rewards")
    plan = [(Migration("0002_later", "rewards"), False)]
    pre_migrate.send(sender=migration, app_config=migration, using="default", plan=plan, verbosity=0, interactive=False)
    with connection.schema_editor() as editor:
        editor._remake_table(Entry)
        editor._remake_table(Account)
    assert len(triggers.missing()) == len(triggers.SQLITE)
    call_command("migrate", verbosity=0)
    assert triggers.installed()


def test_balances_written_without_guard_are_made_right(entry):
    drop("rewards_entry_moves_balance")
    run(raw_entry(entry.account_id, 5, "raw:1"))
    assert Account.objects.get().balance == 50
    triggers.install()
    assert Account.objects.get().balance == 55


@pytest.mark.parametrize("time", ["first", "second"])
@pytest.mark.django_db(transaction=True)
def test_tests_without_a_transaction_leave_guarded_empty_books(time, shop, now):
    assert triggers.installed()
    assert Entry.objects.count() == 0
    ledger.adjust(new_contact(now).pk, points=50, reason="sorry", key="a", now=now)
