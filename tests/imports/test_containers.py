"""Workbooks and archives: what a person would see in the cells, and nothing that fills the memory or the disk."""

import gzip
import io
import random
import zipfile

import pytest

from crm.imports import archives, framing, reading, spreadsheets
from crm.imports.framing import NotReadable

from .conftest import SAMPLES
from .workbooks import CLOCK, DAY, FIVE_DIGITS, MAIN, MOMENT, OWN_MOMENT, WORDS, XLS, packed, xlsx


def read(path):
    return list(framing.rows(path, framing.detect(path)))


def cells(path):
    return [row for _number, row in read(path)]


class TestXlsx:
    def test_cells_become_the_text_a_person_sees(self, write):
        values = [
            ("12.500000000000002", 0), (12, 0), ("0.30000000000000004", 0), ("12345678901234567890", 0), ("1E-5", 0),
            ("45413.4152777778", MOMENT), (45413, DAY), ("45413.4152777778", OWN_MOMENT), ("0.375", CLOCK),
            (123, FIVE_DIGITS), ("1234.5", WORDS), ("-7.0", 0), "  Zoë\nMüller",
        ]  # fmt: skip
        assert cells(write(xlsx({"S": [["h"] * len(values), values]}), "a.xlsx"))[1] == [
            "12.5", "12", "0.3", "12345678901234567890", "0.00001", "2024-05-01 09:58:00", "2024-05-01",
            "2024-05-01 09:58:00", "09:00:00", "00123", "1234.5", "-7", "  Zoë\nMüller",
        ]  # fmt: skip

    def test_digits_a_spreadsheet_lost_are_not_made_up(self, write):
        assert cells(write(xlsx({"S": [["id"], [("1.2345678901234568E+17", 0)]]})))[1] == ["1.23456789012346E+17"]

    def test_days_count_from_1904_where_the_book_says_so(self, write):
        assert cells(write(xlsx({"S": [["day"], [(43951, DAY)]]}, epoch_1904=True)))[1] == ["2024-05-01"]

    def test_shared_texts_truth_errors_and_formulas(self, write):
        texts = [
            "<si><t>plain</t></si>",
            "<si><r><t>rich </t></r><r><rPr><b/></rPr><t>text</t></r></si>",
            "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>",
            "<si><t>two_x000D_\nlines</t></si>",
        ]
        row = "".join(f'<c t="s"><v>{number}</v></c>' for number in range(5))
        row += '<c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1&amp;"x"</f><v>x</v></c>'
        assert cells(write(xlsx({"S": [f"<row>{row}</row>", ["a", "b"]]}, texts=texts)))[0] == [
            "plain", "rich text", "東京", "two\r\nlines", "", "TRUE", "#N/A", "x",
        ]  # fmt: skip

    def test_rows_keep_their_numbers_and_cells_their_columns(self, write):
        rows = [
            '<row r="3"><c r="A3"><v>1</v></c><c r="C3"><v>3</v></c></row>',
            '<row r="7"><c r="B7"><v>2</v></c></row>',
        ]
        assert read(write(xlsx({"S": rows}))) == [(3, ["1", "", "3"]), (7, ["", "2"])]

    def test_names_with_a_prefix(self, write):
        sheet = f'<x:worksheet {MAIN.replace("xmlns=", "xmlns:x=")}><x:sheetData><x:row r="2"><x:c r="B2"><x:v>5</x:v></x:c></x:row></x:sheetData></x:worksheet>'
        content = _replaced(xlsx({"S": []}), {"xl/worksheets/s1.xml": sheet})
        assert read(write(content)) == [(2, ["", "5"])]

    def test_the_sheet_with_data_is_read_and_the_others_are_named(self, write):
        data = [["date", "customer", "amount"], *[["2024-01-01", "Ann", 5]] * 4]
        book = {"Read me": [["Hello"], ["These are the orders"]], "Secret": data * 9, "Orders": data, "More": data[:3]}
        found = framing.detect(write(xlsx(book, hidden=["Secret"])))
        assert (found.sheet, found.left_out) == ("Orders", ("More",))

    def test_hidden_sheets_are_read_where_there_are_no_others(self, write):
        assert cells(write(xlsx({"Orders": [["a", "b"]]}, hidden=["Orders"]))) == [["a", "b"]]

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"xl/worksheets/s1.xml": None}, "no sheet with rows"),
            ({"xl/worksheets/s1.xml": "<worksheet><sheetData><row>"}, "damaged"),
            ({"xl/workbook.xml": "no"}, "damaged"),
            ({"xl/sharedStrings.xml": '<!DOCTYPE s [<!ENTITY a "aa">]><sst>&a;</sst>'}, "not one that a spreadsheet"),
            ({"xl/workbook.xml": '<!DOCTYPE s [<!ENTITY a "aa">]><workbook/>'}, "not one that a spreadsheet"),
            ({"xl/worksheets/s1.xml": '<worksheet><row><c r="XFD1"><v>1</v></c></row></worksheet>'}, "wider than 2000"),
            ({"xl/worksheets/s1.xml": "<worksheet/>"}, "is empty"),
        ],
    )
    def test_what_no_program_writes_is_refused(self, write, changes, sentence):
        with pytest.raises(NotReadable, match=sentence):
            read(write(_replaced(xlsx({"S": [["a", "b"]]}), changes)))

    def test_a_sheet_that_grows_beyond_belief_is_refused(self, write):
        sheet = b"<worksheet><sheetData>" + b" " * (70 * 1024**2)
        with pytest.raises(NotReadable, match="too large when unpacked"):
            read(write(_replaced(xlsx({"S": [["a", "b"]]}), {"xl/worksheets/s1.xml": sheet})))

    def test_a_cell_without_end_is_refused(self, write):
        row = f"<row><c t='str'><v>{'x' * 1_100_000}</v></c></row>"
        with pytest.raises(NotReadable, match="larger than a million"):
            read(write(xlsx({"S": [row]})))

    def test_shared_texts_are_bounded(self, write, monkeypatch):
        monkeypatch.setattr(spreadsheets, "MAX_TEXTS", 1000)
        with pytest.raises(NotReadable, match="too large when unpacked"):
            read(write(xlsx({"S": [["a", "b"]]}, texts=["<si><t>ten letters</t></si>"] * 200)))

    def test_cut_or_broken_anywhere_it_is_read_or_refused(self, write):
        content = xlsx({"S": [["date", "amount"], *[["2024-01-01", n] for n in range(50)]]})
        chance = random.Random(1)
        refused = 0
        for _ in range(150):
            broken = bytearray(content[: chance.randrange(4, len(content))] if chance.random() < 0.3 else content)
            for _ in range(chance.randrange(3)):
                broken[chance.randrange(4, len(broken))] = chance.randrange(256)
            try:
                read(write(bytes(broken)))
            except NotReadable:
                refused += 1
        assert refused > 40


def _replaced(content: bytes, changes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()} | changes
    return packed({name: part for name, part in parts.items() if part is not None})


class TestOldWorkbooks:
    def test_an_excel_97_file(self, write):
        path = write(XLS, "old.xls")
        assert framing.detect(path).sheet == "Orders"
        assert read(path) == [
            (2, ["date", "day", "customer", "amount", "order"]),
            (3, ["2024-05-01 09:58:00", "2024-05-01", "Zoë", "12.5", "1001"]),
            (5, ["2024-05-02 10:00:00", "", "张三", "0.3", "1.23456789012346E+17"]),
        ]

    def test_an_open_document(self, write):
        spaces = " ".join(
            f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
        )
        cells = ["<table:table-cell office:value-type='string'><text:p>Zoë</text:p></table:table-cell>"]
        cells += ["<table:table-cell office:value-type='float' office:value='12.5'/>"]
        cells += ["<table:table-cell office:value-type='date' office:date-value='2024-05-01'/>"]
        row = f"<table:table-row>{''.join(cells)}</table:table-row>"
        table = f"<table:table table:name='Orders'>{row}{row}</table:table>"
        content = f"<office:document-content {spaces}><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body></office:document-content>"
        manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        path = write(packed({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}), "orders.ods")
        assert read(path) == [(1, ["Zoë", "12.5", "2024-05-01"]), (2, ["Zoë", "12.5", "2024-05-01"])]

    @pytest.mark.parametrize("name", ["orders.xlsx", "orders.csv", "orders"])
    def test_it_is_known_by_what_it_holds(self, write, name):
        assert len(read(write(XLS, name))) == 3

    @pytest.mark.parametrize("name", ["orders.xlsx", "orders.xls"])
    def test_a_locked_one_is_refused(self, write, name):
        locked = XLS.replace("Workbook".encode("utf-16-le").ljust(32, b"\0"), "EncryptedPackage".encode("utf-16-le"))
        with pytest.raises(NotReadable, match="password"):
            read(write(locked, name))

    @pytest.mark.parametrize("content", [XLS[:3000], XLS[:600] + b"\xff" * 5000, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
    def test_a_damaged_one_is_refused(self, write, content):
        with pytest.raises(NotReadable, match="damaged"):
            read(write(content))

    def test_one_that_asks_for_too_much_kills_only_its_reader(self, write):
        cell = "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>2</v></c></row>"
        path = write(xlsx({"S": [cell]}))
        with pytest.raises(NotReadable, match="too large when unpacked"):
            list(spreadsheets.OldWorkbook(path).rows("S"))


class TestMarkup:
    def test_an_xls_that_is_a_page(self, write):
        page = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta charset="utf-8"><style>td{}</style></head>
        <body><table><tr><th>Order<th>Customer</th><th>Amount</th></tr>
        <tr><td>1001</td><td x:str>Zo&euml; &amp; Co<br>Bonn</td><td>12,50</td></tr><tr></tr>
        <tr><td colspan=2>1002<td><table><tr><td>9,00</td></tr></table></td></tr></table></body></html>"""
        path = write("\ufeff" + page, "orders.xls")
        assert framing.detect(path).layout == "html"
        assert read(path) == [
            (1, ["Order", "Customer", "Amount"]),
            (2, ["1001", "Zoë & Co Bonn", "12,50"]),
            (4, ["1002", "", "9,00"]),
        ]

    def test_the_encoding_a_page_says(self, write):
        page = '<meta http-equiv="Content-Type" content="text/html; charset=gbk"><table><tr><td>订单编号</td><td>总金额</td></tr></table>'
        assert cells(write(page, encoding="gbk")) == [["订单编号", "总金额"]]

    def test_a_page_that_asks_to_log_in(self, write):
        with pytest.raises(NotReadable, match="log in again"):
            read(write("<!DOCTYPE html><html><body><form>Password</form></body></html>"))

    def test_a_mark_that_is_never_closed(self, write):
        with pytest.raises(NotReadable):
            read(write("<table><tr><td>1</td></tr><tr><td " + "a='x' " * 400_000))

    def test_the_xml_of_excel_2003(self, write):
        book = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
        <Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
        <Worksheet ss:Name="Orders"><Table><Row><Cell><Data ss:Type="String">Order</Data></Cell>
        <Cell ss:Index="3"><Data ss:Type="String">Date</Data></Cell></Row>
        <Row ss:Index="4"><Cell><Data ss:Type="Number">1001.0</Data></Cell><Cell ss:Index="3">
        <Data ss:Type="DateTime">2024-05-01T09:58:00.000</Data></Cell></Row></Table></Worksheet></Workbook>"""
        assert read(write(book, "orders.xls")) == [(1, ["Order", "", "Date"]), (4, ["1001", "", "2024-05-01 09:58:00"])]
        with pytest.raises(NotReadable, match="damaged"):
            read(write(book[:-40]))


class TestArchives:
    FILES = {
        "export/orders.csv": "a,b\n1,2\n",
        "export/customers.xlsx": xlsx({"S": [["a", "b"]]}),
        "export/": b"",
        "__MACOSX/export/._orders.csv": b"x",
        "export/.DS_Store": b"x",
    }

    def members(self, path):
        members = framing.members(path)
        try:
            return [(name, cells(file)) for name, file in members]
        finally:
            for _name, file in members:
                file.unlink()

    def test_each_file_comes_out(self, write):
        assert self.members(write(packed(self.FILES))) == [
            ("orders.csv", [["a", "b"], ["1", "2"]]),
            ("customers.xlsx", [["a", "b"]]),
        ]

    @pytest.mark.parametrize("content", [b"a,b\n", xlsx({"S": [["a", "b"]]}), gzip.compress(b"a,b\n"), XLS])
    def test_other_files_have_no_members(self, write, content):
        assert framing.members(write(content)) is None

    def test_paths_lead_nowhere(self, write):
        assert [name for name, _rows in self.members(write(packed({"../../etc/a.csv": "a,b\n", "C:\\x\\b.csv": "c,d\n"})))] == [
            "a.csv", "b.csv",
        ]  # fmt: skip

    def test_an_archive_of_one_table_is_read_as_it_is(self, write):
        assert read(write(packed({"orders.csv": "a,b\n1,2\n"}))) == [(1, ["a", "b"]), (2, ["1", "2"])]

    def test_an_archive_of_several_is_not_taken_for_one_table(self, write):
        with pytest.raises(NotReadable, match="holds 2 files"):
            read(write(packed(self.FILES)))

    @pytest.mark.parametrize(
        ("files", "sentence"),
        [
            ({"inner.zip": packed({"a.csv": "a"})}, "another archive"),
            ({}, "is empty"),
            ({"folder/": b""}, "is empty"),
            ({f"{number}.csv": "a,b\n" for number in range(201)}, "more than 200 files"),
            ({"a.csv": b"a,b\n" * (18 * 1024**2)}, "too large when unpacked"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, write, files, sentence, tmp_path):
        with pytest.raises(NotReadable, match=sentence):
            framing.members(write(packed(files), "a.zip"))

    def test_files_that_lie_about_their_size_leave_nothing_behind(self, write, monkeypatch, tmp_path):
        monkeypatch.setattr(archives, "MAX_UNPACKED", 100)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        path = write(packed({"a.csv": "a,b\n" * 20, "b.csv": "a,b\n" * 20}))
        with pytest.raises(NotReadable, match="too large when unpacked"):
            framing.members(path)
        assert [file.name for file in tmp_path.iterdir()] == [path.name]

    def test_a_locked_archive(self, write):
        content = bytearray(packed({"a.csv": "a,b\n"}))
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(NotReadable, match="password"):
            framing.members(write(bytes(content)))

    @pytest.mark.parametrize("mark", [b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c"])
    def test_archives_of_other_kinds(self, write, mark):
        with pytest.raises(NotReadable, match="do not unpack"):
            framing.detect(write(mark + b"x" * 50))

    def test_a_damaged_archive(self, write):
        content = packed({"a.csv": "a,b\n" * 500})
        for broken in (content[:-30], content[:40] + b"\xff" * 12 + content[52:]):
            with pytest.raises(NotReadable, match="damaged"):
                framing.members(write(broken))


@pytest.mark.django_db
class TestImporting:
    ROWS = [
        '<row r="2"><c t="str"><v>customer</v></c><c t="str"><v>date</v></c><c t="str"><v>amount</v></c><c t="str"><v>password</v></c></row>',
        '<row r="5"><c t="str"><v>Ann</v></c><c s="1"><v>45413</v></c><c><v>12.500000000000002</v></c><c t="str"><v>s&#10;ecret</v></c></row>',
        '<row r="9"><c t="str"><v>Bob</v></c><c s="1"><v>45413</v></c><c t="str"><v>many</v></c></row>',
        *[f'<row r="{n}"><c t="str"><v>c{n}</v></c><c s="1"><v>45413</v></c><c><v>1</v></c></row>' for n in range(10, 15)],
    ]

    @pytest.fixture(autouse=True)
    def files(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def test_a_workbook_comes_in_and_speaks_of_its_own_rows(self, take, write, settings):
        importing = take(write(xlsx({"Orders": self.ROWS}), "orders.xlsx"))
        assert importing.result["gross_total"] == {"EUR": "17.50"}
        assert list(importing.rejected_rows.values_list("line_number", "cells")) == [(9, ["Bob", "2024-05-01", "many", ""])]
        (kept,) = [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()]
        assert kept.read_text().splitlines()[4] == "Ann,2024-05-01,12.5,"

    def test_other_sheets_are_named(self, take, write):
        data = [["customer", "date", "amount"], *[["Ann", (45413, DAY), number] for number in range(1, 6)]]
        importing = take(write(xlsx({"May": data, "June": data[:4]}), "orders.xlsx"))
        assert importing.result["orders"]["created"] == 5
        assert importing.result["warnings"] == [
            "Only the sheet “May” was read. To import “June” as well, save each as a file of its own."
        ]

    def test_each_file_of_an_archive_is_an_import(self, write, shop, now):
        text = "customer,date,amount\nAnn,2024-05-01,5.00\n"
        path = write(packed({"a/may.csv": text, "june.xlsx": xlsx({"S": self.ROWS})}), "orders.zip")
        kept = reading.create_all(path, name="orders.zip", options={}, now=now)
        assert [importing.file_name for importing in kept] == ["orders: may.csv", "orders: june.xlsx"]


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here")
def test_samples_of_workbooks():
    customers = cells(SAMPLES / "xlsx/bagisto_customers.xlsx")
    assert (len(customers), customers[0][0]) == (4, "email")
    assert len(cells(SAMPLES / "xlsx/bagisto_products.xlsx")) == 12
