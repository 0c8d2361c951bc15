"""Points under many processes at once, on both databases, beside a naive way that must fail on PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from crm.rewards.models import Account, Entry
from tests.concurrency.points_worker import HELD, ORDERS, TRIES

PROCESSES = 16
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

pytestmark = pytest.mark.slow


class Crowd:
    """A database of its own, and processes that begin on one signal."""

    def __init__(self, url, data_dir):
        self.environment = os.environ | {
            "DATABASE_URL": url, "DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "tests.settings",
        }  # fmt: skip

    def prepare(self) -> "Crowd":
        self.manage("migrate", "--verbosity=0")
        self.run(["prepare"])
        return self

    def manage(self, *arguments, may_fail=False) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert may_fail or done.returncode == 0, done.stderr
        return done.stdout

    def run(self, acts: list[str]) -> list[dict]:
        """Do the acts, one process each, all at once; return what each told."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.concurrency.points_worker", *acts],
            env=self.environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ask(self, sql) -> list[tuple]:
        script = (
            "import json; from django.db import connection; cursor = connection.cursor(); "
            f"cursor.execute({sql!r}); print(json.dumps(cursor.fetchall(), default=int))"
        )
        return [tuple(row) for row in json.loads(self.manage("shell", "--no-imports", "-c", script))]

    def balance_of_saver(self) -> int:
        return self.ask(
            f"SELECT a.balance FROM {Account._meta.db_table} a JOIN contacts_contact c ON c.id = a.contact_id "
            "WHERE c.name = 'Saver'"
        )[0][0]

    def books(self) -> list[str]:
        said = json.loads(self.manage("check_books", "--json", may_fail=True))
        return [check["name"] for check in said["checks"] if not check["ok"]]


@pytest.fixture(scope="module")
def prepared_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    Crowd(f"sqlite:///{folder}/books.sqlite3", folder).prepare()
    return folder


@pytest.fixture(params=DATABASES)
def crowd(request, tmp_path):
    if request.param == "postgresql":
        return Crowd(request.getfixturevalue("postgres_url"), tmp_path).prepare()
    shutil.copytree(request.getfixturevalue("prepared_files"), tmp_path, dirs_exist_ok=True)  # its log comes along
    return Crowd(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path)


def test_points_are_never_taken_twice(crowd):
    told = crowd.run(["take"] * PROCESSES)
    assert sum(one["taken"] for one in told) == HELD
    assert sum(one["refused"] for one in told) == PROCESSES * TRIES - HELD
    assert crowd.balance_of_saver() == 0
    assert crowd.books() == ["points_of_orders"]  # nobody has settled them here


@pytest.mark.postgres
def test_without_the_lock_points_are_taken_twice(postgres_url, tmp_path):
    crowd = Crowd(postgres_url, tmp_path).prepare()
    told = crowd.run(["take_naively"] * PROCESSES)
    assert sum(one["taken"] for one in told) > HELD
    assert crowd.balance_of_saver() < 0


def test_one_form_sent_by_many_is_one_entry(crowd):
    told = crowd.run(["take_once"] * PROCESSES)
    assert len({one["entry"] for one in told}) == 1
    assert crowd.balance_of_saver() == HELD - 10


def test_orders_settled_by_many_earn_once(crowd):
    told = crowd.run(["settle"] * 8)
    assert sum(one["written"] for one in told) == ORDERS
    table = Entry._meta.db_table
    assert crowd.ask(f"SELECT COUNT(*), SUM(points) FROM {table} WHERE kind = 'order'") == [
        (ORDERS, sum(10 + number for number in range(ORDERS)))
    ]
    assert crowd.books() == []


def test_orders_settled_while_they_are_refunded_end_at_what_they_are_due(crowd):
    crowd.run(["settle", "refund", "settle", "refund", "settle", "refund"])
    assert crowd.ask("SELECT COUNT(*) FROM orders_order WHERE refunded_minor = 390") == [(ORDERS,)]
    assert crowd.books() == []
