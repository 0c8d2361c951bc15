import gzip

import pytest

from crm.imports import framing
from crm.imports.framing import NotReadable, Torn


def read(path, **said):
    found = framing.detect(path, **said)
    return [cells for _number, cells in framing.rows(path, found)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_western_encodings(write, encoding):
    text = "name;city\n" + "Zoë;Köln\nRené;Besançon\n" * 3
    rows = read(write(text, encoding=encoding))
    assert rows[:2] == [["name", "city"], ["Zoë", "Köln"]]


def test_chinese_encoding(write):
    text = "订单编号,收货人姓名,总金额\n" + "2026,张三，北京,289.00\n".replace("，", "")
    assert read(write(text, encoding="gb18030"))[1] == ["2026", "张三北京", "289.00"]


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("cp932", ["注文番号,商品名,お届け先", "503-1,ブルーのＴシャツ,東京都港区芝公園四丁目"]),
        ("cp932", ["order-id,recipient", "503-1,山田太郎", "503-2,佐藤花子", "503-3,東京都港区"]),
        ("gb18030", ["订单编号,收货人姓名", "2026,张三", "2027,北京市朝阳区"]),
        ("gb18030", ["order,name", "1,李四"]),
        ("cp1251", ["Номер заказа,Клиент", "1,Анна Петрова", "2,Ёлкин"]),
        ("cp1252", ["order,item", "1,Men’s Tee", "2,Women’s – “Tee”"]),
        ("cp1252", ["order,item", "1,Hélène", "2,Crème brûlée", "3,Übergrößenträger", "4,naïve"]),
        ("cp1252", ["order,price", "1,12 €", "2,£5"]),
    ],
)
def test_encodings_that_say_nothing_of_themselves(write, encoding, rows):
    path = write("\n".join(rows) + "\n", encoding=encoding)
    assert framing.detect(path).encoding == encoding
    assert read(path) == [row.split(",") for row in rows]


def test_an_accent_far_down_the_file_is_found(write):
    text = "name,city\n" + "Ann,Bonn\n" * 200_000 + "Zoë,Köln\n"
    assert framing.detect(write(text, encoding="cp1252")).encoding == "cp1252"
    assert framing.detect(write(text, encoding="utf-8")).encoding == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(write, delimiter):
    text = "\n".join(delimiter.join(row) for row in (["date", "who", "amount"], ["2024-01-01", "Ann", "1 200"]))
    assert read(write(text))[1] == ["2024-01-01", "Ann", "1 200"]


def test_decimal_commas_do_not_pass_for_delimiters(write):
    assert read(write("date;who;amount\n2024-01-01;Ann;1,50\n2024-01-02;Bob;2,50\n"))[2] == [
        "2024-01-02",
        "Bob",
        "2,50",
    ]


def test_a_line_may_name_the_delimiter(write):
    assert read(write("sep=;\r\na;b\r\n1,0;2\r\n")) == [["a", "b"], ["1,0", "2"]]


def test_packed_files(write):
    assert read(write(gzip.compress(b"a,b\n1,2\n"), name="file.csv.gz")) == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize(
    "content", [b"\x1f\x8bDate,Amount\n", gzip.compress(b"Date,Amount\n" * 50)[:-9], gzip.compress(b"a,b\n" * 50)[:30] + b"x" * 30]
)
def test_a_damaged_packed_file_is_refused(write, content):
    with pytest.raises(NotReadable, match="packed file is damaged"):
        framing.detect(write(content))


def test_line_breaks_quotes_and_delimiters_in_cells(write):
    text = 'a,b,c\r\n1,"two\r\nlines",3\r\n"x, y","say ""hi""",z\r\n'
    path = write(text)
    found = framing.detect(path)
    assert list(framing.rows(path, found)) == [
        (1, ["a", "b", "c"]),
        (2, ["1", "two\r\nlines", "3"]),
        (4, ["x, y", 'say "hi"', "z"]),
    ]


def test_spaces_before_quotes(write):
    assert read(write('a, b\n1, "two, three"\n')) == [["a", "b"], ["1", "two, three"]]


def test_quotes_escaped_by_backslashes(write):
    assert read(write('a,b\n"He said \\"hi\\", ok",2\n'))[1] == ['He said "hi", ok', "2"]


def test_a_tab_file_without_quoting_keeps_inches(write):
    assert read(write('sku\tname\nT1\t5" pipe\nT2\t7" pipe\n'))[1:] == [["T1", '5" pipe'], ["T2", '7" pipe']]


def test_a_quote_that_is_never_closed_costs_one_line(write):
    lines = ["a,b,c"] + [f"{n},x,y" for n in range(1, 6)]
    lines[3] = '3,"x,y'
    path = write("\n".join(lines))
    found = list(framing.rows(path, framing.detect(path), width=3))
    assert [(number, cells) for number, cells in found if not isinstance(cells, Torn)] == [
        (1, ["a", "b", "c"]),
        (2, ["1", "x", "y"]),
        (3, ["2", "x", "y"]),
        (5, ["4", "x", "y"]),
        (6, ["5", "x", "y"]),
    ]
    assert [(number, list(cells)) for number, cells in found if isinstance(cells, Torn)] == [(4, ["3", '"x', "y"])]


def test_a_quote_closed_by_a_later_one_costs_one_line(write):
    path = write('a,b,c\n1,"x,y\n2,x,y\n3,"ok",y\n4,x,y\n')
    found = list(framing.rows(path, framing.detect(path), width=3))
    assert [number for number, cells in found if isinstance(cells, Torn)] == [2]
    assert [cells for _number, cells in found if not isinstance(cells, Torn)][1:] == [
        ["2", "x", "y"],
        ["3", "ok", "y"],
        ["4", "x", "y"],
    ]


def test_an_open_quote_does_not_swallow_a_long_file(write):
    path = write('a,b\n1,"x\n' + "2,y\n" * 5000)
    found = list(framing.rows(path, framing.detect(path), width=2))
    assert len(found) == 5002
    assert [number for number, cells in found if isinstance(cells, Torn)] == [2]


def test_a_file_full_of_open_quotes_is_refused_soon(write):
    path = write("a,b,c\n" + 'x,"y,z\n' * 3000)
    with pytest.raises(NotReadable):
        list(framing.rows(path, framing.detect(path), width=3))


def test_null_characters_and_lone_returns(write):
    assert read(write("a,b\r1,x\x00y\r")) == [["a", "b"], ["1", "xy"]]


def test_a_file_without_lines_is_refused_in_bounded_memory(write, monkeypatch):
    monkeypatch.setattr(framing, "MAX_LINE", 1000)
    monkeypatch.setattr(framing, "_BLOCK", 600)
    assert len(read(write("a,b\n" + "x" * 900 + ",y\n"))) == 2
    with pytest.raises(NotReadable):
        framing.detect(write("a,b\n" + "x," * 1000))


@pytest.mark.parametrize(
    "content", [b"", b" \n \n", b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest", b"%PDF-1.4", b"\x89PNG\r\n"]
)
def test_what_is_no_table_is_refused(write, content):
    with pytest.raises(NotReadable):
        framing.detect(write(content))


def test_what_the_owner_says_is_taken(write):
    path = write("a;b,c\n1;2,3\n")
    assert read(path, delimiter=",") == [["a;b", "c"], ["1;2", "3"]]
    assert read(write("a\né\n", encoding="cp1252"), encoding="latin-1")[1] == ["é"]
    with pytest.raises(NotReadable):
        framing.detect(path, encoding="klingon")


def test_a_file_of_too_many_lines_is_refused(write, monkeypatch):
    monkeypatch.setattr(framing, "MAX_ROWS", 10)
    assert len(read(write("a,b\n" + "1,2\n" * 9))) == 10
    with pytest.raises(NotReadable, match="Split it"):
        framing.detect(write("a,b\n" + "1,2\n" * 10))
