"""One coupon under many processes at once, on both databases, beside a naive way that must fail on PostgreSQL.

COUPON_TRIES says how often each of the 16 processes tries: 100 here, 1,000 in `make prove`.
"""

import shutil

import pytest

from tests.concurrency.coupons_worker import LIMIT, TRIES
from tests.concurrency.crowd import Crowd

PROCESSES = 16
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    Crowd(f"sqlite:///{folder}/books.sqlite3", folder, worker="coupons_worker").prepare()
    return folder


@pytest.fixture(params=DATABASES)
def crowd(request, tmp_path):
    if request.param == "postgresql":
        return Crowd(request.getfixturevalue("postgres_url"), tmp_path, worker="coupons_worker").prepare()
    shutil.copytree(request.getfixturevalue("prepared_files"), tmp_path, dirs_exist_ok=True)  # its log comes along
    return Crowd(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path, worker="coupons_worker")


def counters(crowd) -> list[tuple]:
    return crowd.ask("SELECT used_count, given_minor FROM coupons_coupon")


def test_a_coupon_is_used_exactly_as_often_as_it_may_be(crowd):
    told = crowd.run(["use"] * PROCESSES)
    assert sum(one["used"] for one in told) == LIMIT
    assert sum(one["refused"] for one in told) == PROCESSES * TRIES - LIMIT
    assert (counters(crowd), crowd.wrong_books()) == ([(LIMIT, LIMIT * 100)], [])


@pytest.mark.postgres
def test_without_the_guard_it_is_used_too_often(postgres_url, tmp_path):
    crowd = Crowd(postgres_url, tmp_path, worker="coupons_worker").prepare()
    told = crowd.run(["use_naively"] * PROCESSES)
    assert sum(one["used"] for one in told) > LIMIT


def test_one_order_sent_by_fifty_is_one_use(crowd):
    told = crowd.run(["use_once"] * 50)
    assert len({one["use"] for one in told}) == 1
    assert counters(crowd) == [(1, 100)]


def test_what_is_taken_back_is_freed_exactly_once(crowd):
    crowd.run(["use_and_take_back"] * 8)
    assert (counters(crowd), crowd.wrong_books()) == ([(0, 0)], [])
