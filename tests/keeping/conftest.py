"""A box of its own for backups: a folder for them, and a shop with everything that must come back."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crm.contacts.matching import Person
from crm.imports import intake
from crm.keeping import proving, shelf
from crm.orders.purchases import Purchase, PurchaseLine
from crm.rewards import ledger
from crm.rewards.models import Entry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def places(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.MEDIA_ROOT = settings.DATA_DIR / "files"
    settings.BACKUP_NIGHTLY = True
    settings.MEDIA_ROOT.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def known_copy(monkeypatch):
    """Spare the process that proves the books, where a test is about something else."""
    monkeypatch.setattr(proving, "prove_copy", lambda url, *, manifest, scratch, is_drill: proving.Proof(manifest, []))


@pytest.fixture
def scratch(places):
    with shelf.scratch() as folder:
        yield folder


def person(n: int, **more) -> Person:
    return Person(source="kasse", key=str(n), name=f"Guest {n}", email=f"guest{n}@example.com", authoritative=True, **more)


def fill(now: dt.datetime) -> None:
    """Let a handful of customers buy, one give something back, and one hold points."""
    bread = PurchaseLine("=Rye loaf", "R-1", 2, 450, 900, "Bread")
    half = PurchaseLine("Cheese", "", 0.25, 2000, 500, "Dairy")
    intake.take_orders(
        [
            Purchase(
                source="kasse", number=str(100 + n), placed_at=now - dt.timedelta(days=n, microseconds=7), currency="EUR",
                total_minor=1400, lines=[bread, half], person=person(n % 4), channel="+counter", note="a\nb",
                refunded_minor=300 if n == 2 else 0, payment="partly_refunded" if n == 2 else "paid",
            )
            for n in range(6)
        ]
        + [
            Purchase(
                source="kasse", number="R-9", placed_at=now, currency="EUR", total_minor=-900, kind="return",
                lines=[PurchaseLine("=Rye loaf", "R-1", -2, 450, -900, "Bread")], person=person(1),
            )
        ],
        now=now,
    )  # fmt: skip
    contact_ids = intake.take_people(
        [person(0, consent="yes", consent_detail="asked", tags=["vegan"], birthday=dt.date(1990, 5, 1), extra={"pet": "cat"})],
        now=now,
    ).contact_ids
    ledger.post(
        [ledger.Posting(contact_id=contact_ids[0], points=40, kind=Entry.Kind.ADJUST, source="adjust:t", reason="x", at=now)],
        now=now,
    )


class Box:
    """One installation of its own, used by its commands alone."""

    def __init__(self, folder: Path, **more: str):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        outside = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "BACKUP_DIR")}
        self.environment = outside | {
            "DATA_DIR": str(folder), "DATABASE_URL": "", "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "crm.settings",
            "LOG_LEVEL": "ERROR", **more,
        }  # fmt: skip

    @property
    def database(self) -> Path:
        return self.folder / "regulars.sqlite3"

    def start(self, *command: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        """Return a command's exit code and all it said."""
        process = self.start(*command)
        out, err = process.communicate(stdin, timeout=120)
        return process.returncode, out + err

    def manage(self, *command: str) -> tuple[int, str]:
        return self.run("manage.py", *command)

    def do(self, script: str) -> str:
        """Run a piece of Python with our models at hand; return what it printed."""
        code, said = self.run("-c", "import django; django.setup()\n" + script)
        assert code == 0, said
        return said.strip()

    def backups(self) -> list[Path]:
        return sorted((self.folder / "backups").glob("regulars-*.zip*"))
