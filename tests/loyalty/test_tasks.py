"""The worker's part."""

import datetime as dt
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from loyalty import tasks
from loyalty.models import Run
from tests.loyalty.conftest import LAST_DAY


@pytest.mark.django_db
def test_the_sweep_does_what_is_due_and_then_nothing(past, now):
    assert tasks.sweep(now=now) == 1
    assert Run.objects.latest_done().as_of == dt.date(2026, 11, 20)
    assert tasks.sweep(now=now) == 0


@pytest.mark.django_db
def test_a_hint_for_a_run_that_is_not_waiting_does_nothing(past):
    done = Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE)
    assert tasks.refresh(run_id=done.pk) == 0
    assert tasks.refresh(run_id=999_999) == 0


@pytest.mark.slow
def test_on_a_real_box_the_run_happens_in_a_process_of_its_own(tmp_path):
    """A fresh SQLite file, the real settings, and run_due from the command line."""
    env = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "crm.settings", "DATABASE_URL": ""}

    def manage(*arguments: str) -> str:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        return subprocess.run(
            command, env=env, check=True, capture_output=True, text=True, cwd=settings.BASE_DIR
        ).stdout

    manage("migrate", "-v", "0")
    manage("demo_shop", "--customers", "60", "--years", "1", "--seed", "2")
    counts = json.loads(manage("run_due"))
    assert counts["loyalty"] == 5  # four nights of the past, and this one
    shown = manage("shell", "-v", "0", "-c", "from loyalty.models import Run; print(Run.objects.latest_done().state)")
    assert shown.strip() == "done"
