"""A downloaded file is text and numbers to a spreadsheet, never a formula."""

import csv
import io

import pytest

from crm.lib import csvio


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("Lena", "Lena"),
        (0, "0"),
        ("-12.50", "-12.50"),
        (-3, "-3"),
        ("+4915112345678", "+4915112345678"),
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ('"=1', "'\"=1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("-12.50\n", "'-12.50\n"),
    ],
)
def test_cells_that_would_run_are_guarded(value, expected):
    assert csvio.safe_cell(value) == expected


def test_lines_read_back_as_they_were_written():
    rows = [["Özlem, 陈", 'say "hi"', None], ["two\nlines", 5, "=cmd"]]
    text = "".join(csvio.lines(["name", "=note", "more"], rows))
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))) == [
        ["name", "'=note", "more"],
        ["Özlem, 陈", 'say "hi"', ""],
        ["two\nlines", "5", "'=cmd"],
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("订单-set-aside.csv", "attachment; filename*=utf-8''%E8%AE%A2%E5%8D%95-set-aside.csv"),
        ('a"b.csv', 'attachment; filename="a\\"b.csv"'),
    ],
)
def test_a_download_keeps_its_name_whatever_it_is_called(name, said):
    assert csvio.download(name, ["name"], []).headers["Content-Disposition"] == said


def test_a_download_is_streamed_and_named():
    def endless():
        while True:
            yield ["x"]

    response = csvio.download("customers.csv", ["name"], endless())
    assert response.headers["Content-Disposition"] == 'attachment; filename="customers.csv"'
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert next(iter(response.streaming_content)).decode() == "\ufeffname\r\n"
