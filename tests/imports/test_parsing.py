"""A file read by a process of its own says the same as one read here."""

import csv
import subprocess
import sys
from unittest import mock

import pytest
from django.conf import settings as django_settings
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports import parsing, surveying
from crm.imports.formats import FORMATS
from crm.imports.framing import NotReadable
from crm.imports.parsing import Alive, Job, Piece, ReaderDied
from crm.imports.surveying import Survey

from .test_formats import LINE, ORDER, shopify

PLAIN = "order,date,customer,amount\n" + "".join(f"{n},2024-01-13,c{n % 7},{n}.50\n" for n in range(1, 40))
FILES = {
    "plain": PLAIN + "40,never,c1,1.00\n41,2024-01-13,,2.00\n,,,\n",
    "shopify": shopify(ORDER, LINE, {**ORDER, "Name": "#1002", "Cancelled at": "2024-02-01 10:00:00 +0000"}),
    "nobody": "order,date,amount\nA1,2026-03-04,10.00\nA2,2026-03-05,5.00\n",
    "people": "email,first name,last name,accepts email marketing\nann@example.com,Ann,Lee,yes\n",
    "scattered": "order,date,customer,amount\n1,2024-01-13,c1,1.00\n2,2024-01-13,c1,1.00\n1,2024-01-13,c1,3.00\n",
}


def job_of(path) -> Job:
    looked = surveying.look(path)
    return Job(path, looked, looked.mapping, currency="EUR", zone="Europe/Berlin", file_name=path.name)


def said(read, job) -> list:
    """Return all that was said, the signs of life aside."""
    heard = []
    read(job, heard.append)
    heard = [one for one in heard if not isinstance(one, Alive)]
    for piece in heard[1:]:
        piece.items = list(piece.items)
        for line in (line for item in piece.items for line in getattr(item, "lines", ())):
            line._content = ""  # written down by whoever needed it
    return heard


@pytest.mark.parametrize("name", FILES)
def test_both_ways_say_the_same(name, write, monkeypatch):
    monkeypatch.setattr(parsing, "OWN_PROCESS_FROM", 0)
    job = job_of(write(FILES[name]))
    here, there = said(parsing.read, job), said(parsing.read_aside, job)
    assert there[1:] == here[1:]
    assert (there[0].rows_total, there[0].marks, there[0].doubts) == (
        here[0].rows_total, here[0].marks, here[0].doubts
    )  # fmt: skip
    assert isinstance(here[0], Survey)
    assert all(isinstance(piece, Piece) for piece in here[1:])


CELLS = {
    "number": ["7", "0012", "A-9", "９", "", " 5", "1e5", "1.2E+17", "C77", "5" * 130],
    "date": [
        "2024-05-01 09:58:12", "2024-05-01 09:58", "2024-05-01T23:59:59", "2024-02-30 10:00:00", "never", "",
        "0001-01-01 00:00:00", "2024-03-31 02:30:00", "2024-05-01\n09:58:12", "2024-05-01 09:58:12 +0200",
    ],
    "customer": ["1", "0", "c1", "ann@example.com", "", "＊", "12.0", "4" * 210],
    "amount": ["12.50", "-3.00", "0.00", "1,234.50", "5", "", "twelve", "12.505", "9999999999.99", "10000000000.00", "-.50"],
}  # fmt: skip


@pytest.mark.parametrize("name", [*FILES, "torn"])
def test_a_small_file_read_once_says_what_one_read_twice_does(name, write, monkeypatch):
    torn = 'order,date,customer,amount\n1,2024-01-13,"c1,1.00\n2,2024-01-13,c1,1.00\nTotal,,,2.00\n'
    job = job_of(write(FILES.get(name, torn)))
    once = said(parsing.read, job)
    monkeypatch.setattr(surveying, "_KEPT_ROWS", 0)
    twice = said(parsing.read, job)
    assert once[0].kept is not None and twice[0].kept is None
    assert once[1:] == twice[1:]
    assert sum(piece.rows for piece in once[1:]) >= once[0].rows_total


@settings(max_examples=150, deadline=None)
@given(
    odd=st.lists(st.tuples(st.integers(0, 39), st.sampled_from([*CELLS]), st.integers(0, 10)), max_size=4),
    columns=st.sampled_from([("number", "date", "customer", "amount"), ("date", "number", "amount")]),
    at_once=st.sampled_from([1, 7, 4_000]),
)
def test_reading_in_columns_says_what_reading_row_by_row_does(tmp_path_factory, odd, columns, at_once):
    cells = [
        {"number": str(n), "date": f"2024-01-{n % 28 + 1:02} 10:00:{n:02}", "customer": str(n % 9), "amount": f"{n}.50"}
        for n in range(100, 140)
    ]
    for position, name, which in odd:
        cells[position][name] = CELLS[name][which % len(CELLS[name])]
    path = tmp_path_factory.mktemp("rows") / "till.csv"
    names = {"number": "order_id", "date": "date", "customer": "customer_id", "amount": "amount"}
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[names[name] for name in columns], *([row[name] for name in columns] for row in cells)])
    job = job_of(path)
    with mock.patch.object(parsing, "CHUNK_ORDERS", at_once):
        *_survey, one = in_one(said(parsing.read, job))
        with mock.patch.object(parsing, "_column_reader", lambda *_shape: None):
            assert in_one(said(parsing.read, job)) == [*_survey, one]
    assert one.rows + sum(not any(row.values()) for row in cells) == 40


def in_one(heard: list) -> list:
    """Return (survey, all pieces as one)."""
    survey, *pieces = heard
    whole = Piece([])
    for piece in pieces:
        whole.items += piece.items
        whole.bad += piece.bad
        whole.warned += piece.warned
        whole.rows += piece.rows
    return [survey, whole]


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 5])
def test_a_row_that_cannot_be_used_at_the_end_is_not_lost(write, monkeypatch, at_once):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", at_once)
    rows = "".join(f"{n},2024-01-13 10:00:00,{n % 7},{n}.50\n" for n in range(1, 5))
    _survey, whole = in_one(said(parsing.read, job_of(write(f"order,date,customer,amount\n{rows}5,2024-01-13,1,1,2,3\n"))))
    assert ([len(whole.items), whole.rows], [row.line_number for row in whole.bad]) == ([4, 5], [6])


def test_a_simple_table_is_read_in_columns(write, monkeypatch):
    job = job_of(write("order,date,customer,amount\n" + "".join(f"{n},2024-01-13 10:00:00,{n % 7},{n}.50\n" for n in range(1, 40))))
    monkeypatch.setattr(job.looked.member, "parse", None)
    _survey, piece = said(parsing.read, job)
    assert [(item.number, item.total_minor, item.person.key) for item in piece.items[:2]] == [("1", 150, "1"), ("2", 250, "2")]


def test_reasons_are_in_the_language_of_whoever_asks(write, monkeypatch):
    monkeypatch.setattr(parsing, "OWN_PROCESS_FROM", 0)
    with translation.override("zh-hans"):
        *_others, piece = said(parsing.read_aside, job_of(write(PLAIN + "A2,never,c1,5.00\n")))
    assert [row.reason for row in piece.bad] == ["“never”不是能读懂的日期"]


def test_what_cannot_be_read_on_is_said_here(write, monkeypatch):
    monkeypatch.setattr(parsing, "OWN_PROCESS_FROM", 0)
    job = job_of(write(PLAIN))
    job.path.write_text(PLAIN + "x" * 1_100_000 + ",2024-01-13,c1,1.00\n")
    with pytest.raises(NotReadable, match="larger than a million"):
        said(parsing.read_aside, job)


def test_a_reader_that_dies_is_noticed(write, monkeypatch):
    monkeypatch.setattr(parsing, "OWN_PROCESS_FROM", 0)
    job = job_of(write(PLAIN))
    job.zone = "Nowhere/Nothing"
    with pytest.raises(Exception, match="Nowhere"):
        said(parsing.read_aside, job)
    monkeypatch.setattr(parsing.sys, "executable", "/bin/false")
    with pytest.raises(ReaderDied, match="ended with 1"):
        said(parsing.read_aside, job_of(job.path))


def test_a_reader_nobody_listens_to_ends(write, monkeypatch):
    monkeypatch.setattr(parsing, "OWN_PROCESS_FROM", 0)
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(parsing.subprocess, "Popen", lambda *args, **how: started.append(popen(*args, **how)) or started[0])

    def stop(_told):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parsing.read_aside(job_of(write(PLAIN)), stop)
    assert started[0].returncode is not None


def test_small_files_start_no_process(write, monkeypatch):
    monkeypatch.setattr(parsing.subprocess, "Popen", None)
    assert len(said(parsing.read_aside, job_of(write(PLAIN)))) == 2


def test_formats_know_no_database():
    script = (
        "from django.conf import settings; settings.configure(); import crm.imports.parsing, sys;"
        "print([name for name in sys.modules if name.startswith('crm.') and name.endswith('.models')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=django_settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
    assert len(FORMATS) > 1
