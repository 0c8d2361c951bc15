import json
import zipfile

import pytest
from django.core.management import CommandError, call_command

from crm import __version__
from crm.accounts.models import Shop
from crm.imports.models import Import
from crm.orders.models import Order

pytestmark = pytest.mark.django_db

ROWS = "customer,date,amount,currency\nc1,2024-01-13,5.00,CHF\nc2,2024-01-14,7.50,CHF\n"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def run(capsys, *arguments):
    call_command(*map(str, arguments))
    return capsys.readouterr().out


def test_import_says_what_it_did_as_one_object(write, capsys):
    path = write(ROWS)
    said = json.loads(run(capsys, "import_shop", path, "--timezone", "Europe/Zurich", "--json"))
    (kept,) = Import.objects.all()
    (file,) = said["files"]
    assert said["import_ids"] == [kept.pk]
    assert file.pop("seconds") >= 0
    assert file == {
        "file": str(path), "format": "plain", "kind": "orders", "rows": 2,
        "orders": {"created": 2, "updated": 0, "unchanged": 0}, "contacts": {"created": 2, "updated": 0, "unchanged": 0},
        "products": {"created": 0, "updated": 0, "unchanged": 0}, "gross_total": {"CHF": "12.50"}, "stored_total": {"CHF": "12.50"},
        "refunded_total": {},
        "rejected": 0, "skipped": 0, "warnings": [],
        "without_buyer": 0, "without_sale": 0,
        "read_as": {"currency": "CHF", "timezone": "Europe/Zurich", "version": __version__},
    }  # fmt: skip
    shop = Shop.current()
    assert (shop.currency, shop.timezone) == ("CHF", "Europe/Zurich")


def test_several_files_in_one_go(write, capsys, shop):
    said = json.loads(run(capsys, "import_shop", write(ROWS), write(ROWS.replace("c1", "c9"), "b.csv"), "--json"))
    assert [file["orders"] for file in said["files"]] == [
        {"created": 2, "updated": 0, "unchanged": 0},
        {"created": 1, "updated": 0, "unchanged": 1},
    ]


def test_a_dry_run_leaves_no_trace(write, capsys):
    said = json.loads(run(capsys, "import_shop", write(ROWS), "--dry-run", "--json"))
    assert (said["import_ids"], said["files"][0]["orders"]["created"]) == ([], 2)
    assert (Order.objects.count(), Import.objects.count(), Shop.objects.count()) == (0, 0, 0)


def test_an_assumed_currency_is_said(write, capsys):
    said = json.loads(run(capsys, "import_shop", write("customer,date,amount\nc1,2024-01-13,5.00\n"), "--json"))
    assert Shop.current().currency == "USD"
    assert len(said["files"][0]["warnings"]) == 2


def test_words_for_people(write, capsys, shop):
    said = run(capsys, "import_shop", write(ROWS))
    assert "orders: 2 created, 0 updated, 0 unchanged" in said
    assert "total: 12.50 CHF" in said


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("colour,width\nred,3\n", [], "We do not know this kind of file"),
        ("", [], "The file is empty."),
        (ROWS, ["--currency", "EURO"], "is not a currency code"),
        (ROWS, ["--timezone", "Mars/Base"], "No time zone is called"),
    ],
)
def test_failures_are_one_clear_line(write, content, arguments, message):
    path = write(content)
    with pytest.raises(CommandError) as error:
        call_command("import_shop", str(path), *arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert (Import.objects.count(), Order.objects.count()) == (0, 0)


@pytest.mark.parametrize("option", ["--dry-run", "--json"])
def test_a_file_that_cannot_be_read_keeps_no_other_out(write, capsys, shop, option):
    odd, empty = write("colour,width\nred,3\n", "odd.csv"), write("", "empty.csv")
    with pytest.raises(CommandError, match="2 of 4 files"):
        call_command("import_shop", str(odd), str(write(ROWS)), str(empty), str(write(ROWS, "b.csv")), "--json", option)
    told = capsys.readouterr()
    files = json.loads(told.out)["files"]
    assert [file.get("error", "")[:12] for file in files] == ["We do not kn", "", "The file is ", ""]
    assert [file["orders"]["created"] for file in files if "orders" in file] == [2, 2 if option == "--dry-run" else 0]
    assert told.err.count("\n") == 2
    assert Order.objects.count() == (0 if option == "--dry-run" else 2)


def test_a_missing_file_is_said_before_anything_is_read(write, shop):
    with pytest.raises(CommandError, match="there is no such file"):
        call_command("import_shop", str(write(ROWS)), "/nowhere/x.csv")
    assert Import.objects.count() == 0


def test_undo(write, capsys, shop):
    import_id = json.loads(run(capsys, "import_shop", write(ROWS), "--json"))["import_ids"][0]
    said = json.loads(run(capsys, "undo_import", import_id, "--json"))
    assert (said["orders"]["removed"], said["contacts"]["removed"], said["conflicts"]) == (2, 2, [])
    with pytest.raises(CommandError, match="undone already"):
        call_command("undo_import", str(import_id))


def test_an_archive_is_read_file_by_file(tmp_path, capsys, shop):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", ROWS)
        archive.writestr("b.csv", ROWS.replace("c1", "c9"))
    checked = json.loads(run(capsys, "import_shop", path, "--dry-run", "--json"))
    said = json.loads(run(capsys, "import_shop", path, "--json"))
    assert [file["file"] for file in said["files"]] == [f"{path}: a.csv", f"{path}: b.csv"]
    assert [file["orders"]["created"] for file in checked["files"]] == [2, 2]
    assert [file["orders"]["created"] for file in said["files"]] == [2, 1]
