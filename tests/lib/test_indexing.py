"""Indexes set aside come back, whoever is killed in between."""

import pytest
from django.core.management import call_command
from django.db import connection

from crm.contacts.models import Contact, ContactKey
from crm.lib import indexing

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its indexes"),
]


def indexes() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('contacts_contact',"
            " 'contacts_contactkey') ORDER BY name"
        )
        return dict(cursor.fetchall())


def test_all_but_unique_and_kept_ones_are_set_aside_and_built_again():
    before = indexes()
    indexing.set_aside(Contact, ContactKey, keep=["phone_key"])
    left = [name for name, sql in indexes().items() if sql is not None]
    assert [name.rpartition("_")[0] for name in left] == ["contacts_contact_phone_key"]
    assert [name for name, sql in indexes().items() if sql is None] == [n for n, sql in before.items() if sql is None]
    dropped = len(before) - len(indexes())
    assert indexing.build() == dropped
    assert indexes() == before
    assert indexing.waiting() == []
    assert indexing.build() == 0


def test_one_table_is_built_before_the_others():
    before = indexes()
    indexing.set_aside(Contact, ContactKey)
    indexing.build(ContactKey)
    assert {table for _name, table in indexing.waiting()} == {"contacts_contact"}
    indexing.build()
    assert indexes() == before


def test_setting_aside_twice_forgets_nothing():
    before = indexes()
    indexing.set_aside(Contact)
    indexing.set_aside(Contact, ContactKey)
    indexing.build()
    assert indexes() == before


def test_what_is_there_already_is_not_built_twice():
    before = indexes()
    indexing.set_aside(Contact)
    with connection.cursor() as cursor:
        cursor.execute(before["contact_by_name"])
    indexing.build()
    assert (indexes(), indexing.waiting()) == (before, [])


def test_migrate_builds_what_a_killed_import_left():
    before = indexes()
    indexing.set_aside(Contact)
    call_command("migrate", verbosity=0)
    assert (indexes(), indexing.waiting()) == (before, [])
