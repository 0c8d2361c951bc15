"""The same on PostgreSQL, by its own programs."""

import shutil

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
