"""The same on PostgreSQL, by its own programs."""

import hashlib
import shutil
import time

import psycopg
import pytest

from tests.keeping.conftest import Box
from tests.keeping.test_restore import MAKE

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("pg_dump"), reason="pg_dump is not on this machine"),
]


def test_backup_trial_and_restore(tmp_path, postgres_url):
    box = Box(tmp_path / "box", DATABASE_URL=postgres_url)
    box.do(MAKE)
    code, said = box.manage("backup")
    assert code == 0, said
    assert box.manage("backup", "--drill")[0] == 0
    (backup,) = box.backups()
    box.do("from crm.contacts.models import Contact; Contact.objects.update(consent='no', name='changed')")
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT 1")
        assert "The database is in use" in box.manage("restore", str(backup))[1]
    code, said = box.manage("restore", str(backup))
    assert code == 0, said
    assert box.do(
        "from crm.contacts.models import Contact; from crm.accounts import instance; from crm.keeping import manifests;"
        "print(Contact.objects.filter(name='changed').count(), Contact.objects.exclude(consent='no').count(),"
        " instance.is_held(), len([1 for (n,) in manifests.ask_here('SELECT nspname FROM pg_namespace')"
        " if n.startswith('before_restore_')]))"
    ) == "0 0 True 1"
    assert box.manage("check_books")[0] == 0
    assert box.manage("backup")[0] == 0  # what was put aside is no part of it
    assert "of a postgresql database" in Box(tmp_path / "other").manage("restore", str(backup))[1]


def test_restored_twice_and_again_from_a_backup_of_the_restored_shop(tmp_path, postgres_url):
    box = Box(tmp_path / "box", DATABASE_URL=postgres_url)
    box.do(MAKE)
    for _time in range(2):
        code, said = box.manage("backup")
        assert code == 0, said
        newest = max(box.backups())
        time.sleep(1)  # names tell seconds
        code, said = box.manage("restore", str(newest))
        assert code == 0, said
    assert box.do("from crm.orders.models import Order; print(Order.objects.count())") == "7"


def test_a_dump_that_lacks_rows_is_no_backup_and_is_not_restored(tmp_path, postgres_url):
    """Without the right to create databases nothing is restored for trial: the rows of the dump are counted."""
    box = Box(tmp_path / "box", DATABASE_URL=postgres_url)
    box.do(MAKE)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        role = f"small_{owner.info.dbname}"[:60]
        owner.execute(f'DROP ROLE IF EXISTS "{role}"')
        owner.execute(f'CREATE ROLE "{role}" LOGIN')
        try:
            owner.execute(f'ALTER DATABASE "{owner.info.dbname}" OWNER TO "{role}"')
            owner.execute(f'GRANT "{role}" TO CURRENT_USER')
            owner.execute(f"SELECT 1 FROM pg_database WHERE datname = '{owner.info.dbname}'")
            owner.execute(f'ALTER SCHEMA public OWNER TO "{role}"')
            for (table,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
                owner.execute(f'ALTER TABLE public."{table}" OWNER TO "{role}"')
            small = Box(box.folder, DATABASE_URL=postgres_url.replace(f"//{owner.info.user}", f"//{role}"))
            code, said = small.manage("backup")
            assert code == 0, said
            code, said = small.manage("backup", "--drill")
            assert code == 0 and "its rows were counted" in said, said
            code, said = small.manage("restore", str(max(box.backups())))
            assert code == 0, said
            assert small.do(
                "from pathlib import Path; from crm.keeping import postgres, proving, snapshots; import tempfile\n"
                "folder = Path(tempfile.mkdtemp()); taken = snapshots.take(folder, prove_books=False)\n"
                "manifest = {'rows': taken.facts['rows'] | {'orders_order': 8}, 'sums': taken.facts['sums']}\n"
                "try: proving.drill_postgres(taken.part.path, manifest=manifest, scratch=folder)\n"
                "except proving.NotProven as error: print(error)"
            ) == "It does not hold what it should: orders_order is 7, not 8."
        finally:
            owner.execute(f'ALTER DATABASE "{owner.info.dbname}" OWNER TO CURRENT_USER')
            owner.execute(f'REASSIGN OWNED BY "{role}" TO CURRENT_USER')
            owner.execute(f'DROP ROLE "{role}"')


def test_what_a_killed_trial_left_is_cleared_away(tmp_path, postgres_url):
    box = Box(tmp_path / "box", DATABASE_URL=postgres_url)
    box.do(MAKE)
    assert box.manage("backup")[0] == 0
    with psycopg.connect(postgres_url, autocommit=True) as other:
        ours = f"regulars_drill_{hashlib.sha256(other.info.dbname.encode()).hexdigest()[:8]}"
        other.execute(f"CREATE DATABASE {ours}")
        assert box.manage("backup", "--drill")[0] == 0
        found = other.execute("SELECT COUNT(*) FROM pg_database WHERE datname = %s", [ours]).fetchone()
    assert found == (0,)


ROWS = """
import json
from django.apps import apps
for table in apps.get_models(include_auto_created=True):
    if table._meta.db_table not in ("accounts_instance", "keeping_job"):
        names = [field.attname for field in table._meta.concrete_fields]
        for row in table._base_manager.order_by("pk").values_list(*names):
            print(table._meta.db_table, json.dumps(row, sort_keys=True, default=repr))
"""


def test_a_shop_of_sqlite_grows_to_postgresql(tmp_path, postgres_url):
    old = Box(tmp_path / "old")
    assert old.manage("migrate")[0] == 0
    assert old.manage("demo_shop", "--customers", "40", "--years", "1")[0] == 0
    assert old.manage("backup")[0] == 0
    (backup,) = old.backups()
    new = Box(tmp_path / "new", DATABASE_URL=postgres_url)
    code, said = new.manage("restore", str(backup))
    assert code == 0, said
    assert "not right" not in said
    rows = old.do(ROWS).splitlines()
    assert len(rows) > 1_000
    assert new.do(ROWS).splitlines() == rows
    assert new.manage("check_books")[0] == 0
    new.do(  # numbers go on where they were, and the laws hold
        "from crm.orders.models import Order; from crm.rewards.models import Account; from crm.lib import clock;"
        "from crm.accounts import instance; last = Order.objects.latest('pk').pk;"
        "made = Order.objects.create(source='new', number='1', placed_at=clock.now(), currency='EUR', total_minor=5);"
        "assert made.pk > last and instance.is_held();"
        "from django.db import DatabaseError\n"
        "try:\n Account.objects.update(balance=1)\n"
        "except DatabaseError:\n pass\n"
        "else:\n raise AssertionError('a balance was typed')"
    )


def test_what_postgresql_does_not_take_leaves_everything_as_it_was(tmp_path, postgres_url):
    old = Box(tmp_path / "old")
    old.do(MAKE + "from crm.contacts.models import Contact\nContact.objects.filter(pk=1).update(city='x' * 5000)")
    assert old.manage("backup")[0] == 0
    new = Box(tmp_path / "new", DATABASE_URL=postgres_url)
    new.do(MAKE)
    before = new.do(ROWS)
    code, said = new.manage("restore", str(old.backups()[0]))
    assert code == 1
    assert "PostgreSQL does not take what is in it: contacts_contact: value too long" in said
    assert not (new.folder / "restore.json").exists() and not (new.folder / "restoring").exists()
    assert new.do(ROWS) == before
