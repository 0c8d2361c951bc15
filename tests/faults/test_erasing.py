"""Kill -9 while people are erased: whoever was begun is finished by the next sweep, and the books stay right."""

import random
import signal
import time

import pytest

from tests.keeping.conftest import Box
from tests.keeping.test_restore import MAKE

KILLS = 6
FILL = """
from crm.contacts import forgetting
from crm.contacts.models import Contact
from crm.imports.models import Import
from crm.imports import reading
from crm.lib import clock
from pathlib import Path
now = clock.now()
for n in range(120):
    person = Contact.objects.create(name=f"Zarathustra {n}", email=f"zara{n}@quirk.example", joined_at=now)
    person.notes.create(text="Zarathustra likes marzipan", at=now)
    forgetting.ask(person.pk, asked="owner", now=now, at_once=True)
for person in Contact.objects.filter(name__startswith="Guest"):
    forgetting.ask(person.pk, asked="owner", now=now, at_once=True)
"""
LOOK = """
from crm.contacts.models import *
from crm.contacts import erasure_log
print(Contact.objects.exclude(name="").count(), Note.objects.count(), Erasure.objects.filter(done_at=None).count(),
      Erasure.objects.exclude(traces={}).count(), PrivacyRecord.objects.filter(act="erased").count(),
      len({line.contact_id for line in erasure_log.read()}))
"""
SWEEP = "from crm.contacts import forgetting; from crm.lib import clock; forgetting.sweep(now=clock.now())"


@pytest.mark.slow
def test_kill_9_leaves_nobody_half_erased(tmp_path):
    box, draw = Box(tmp_path / "box"), random.Random(7)
    box.do(MAKE + FILL)
    people = int(box.do("from crm.contacts.models import Erasure; print(Erasure.objects.count())"))
    script = f"import django; django.setup(); print('go', flush=True)\n{SWEEP}"
    for _kill in range(KILLS):
        process = box.start("-c", script)
        process.stdout.readline()
        time.sleep(draw.uniform(0.02, 0.8))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    box.do(SWEEP)
    box.do(SWEEP)
    assert box.do(LOOK) == f"0 0 0 0 {people} {people}"
    assert box.manage("check_books")[0] == 0
    for path in box.folder.glob("regulars.sqlite3*"):
        assert b"Zarathustra" not in path.read_bytes(), path
