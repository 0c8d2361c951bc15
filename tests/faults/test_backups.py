"""Kill -9 while a backup is made: what has a backup's name is whole, what is there stays, and the next one clears up."""

import random
import signal
import time
import zipfile

import pytest

from tests.keeping.conftest import Box
from tests.keeping.test_restore import MAKE

KILLS = 15


@pytest.mark.slow
def test_kill_9_leaves_no_half_backup(tmp_path):
    box = Box(tmp_path / "box")
    box.do(MAKE)
    box.do("from crm.contacts.models import Contact; from crm.lib import clock; import secrets;"
           "Contact.objects.bulk_create(Contact(name=secrets.token_hex(90), joined_at=clock.now()) for _ in range(40_000))")  # fmt: skip
    begun = time.monotonic()
    assert box.manage("backup")[0] == 0
    takes, draw, seen, halves = time.monotonic() - begun, random.Random(4), set(box.backups()), 0
    for _kill in range(KILLS):
        process = box.start("manage.py", "backup")
        time.sleep(takes * draw.uniform(0.2, 1.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        there = set(box.backups())
        halves += len([path for path in there if path.suffix == ".part"])
        named = {path for path in there if path.suffix == ".zip"}
        assert seen <= named, "a backup was lost"
        for path in named - seen:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        seen = named
    code, said = box.manage("backup")
    assert code == 0, said
    assert all(path.suffix == ".zip" for path in box.backups())
    assert not (box.folder / "scratch").exists()
    print(f"{KILLS} kills, {halves} half files seen, {len(seen)} whole backups")
