"""The import pages: upload, what the file leaves open, the check, progress, result, the way back."""

import datetime as dt
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.contacts.models import Contact
from crm.imports import reading
from crm.imports.models import Finding, Import, KnownHeader
from crm.orders.models import Order
from crm.rewards.models import Account, Entry, Rule

from .test_formats import LINE, ORDER, shopify

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
TABLE = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    "536365,RYE,Rye loaf,2,2026-11-02 10:00,4.50,17850\n"
    "536365,HON,Honey,1,2026-11-02 10:00,6.00,17850\n"
    "536366,CAKE,Apple cake,1,2026-11-03 11:00,3.20,13047\n"
)
PUZZLE = "Wann,Wieviel?,Wer\n2026-11-02,4.50,Ava\n2026-11-03,3.20,Theo\n"
SHOPIFY = shopify(ORDER, LINE, {**ORDER, "Name": "#1002", "Email": "bob@example.com", "Billing Phone": ""})
PUZZLE_ANSWER = {"column_0": "date", "column_1": "amount", "column_2": "name", "currency": "EUR"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


def send(client, text: str, name: str = "till.csv", **fields):
    upload = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return client.post(reverse("imports:new"), {"files": upload, **fields})


def address(name: str, *args) -> str:
    return reverse(f"imports:{name}", args=[Import.objects.latest("id").pk, *args])


def sweep() -> Import:
    """Let the worker do what waits."""
    reading.sweep(now=NOW)
    return Import.objects.latest("id")


def bring_in(client, text: str, **fields) -> Import:
    send(client, text, **fields)
    sweep()
    client.post(address("start"))
    return sweep()


class TestUpload:
    def test_known_file_is_checked_and_nothing_is_saved(self, owner_client):
        response = send(owner_client, SHOPIFY)
        assert response["Location"] == address("detail")
        kept = sweep()
        assert (kept.state, Order.objects.count(), Contact.objects.count()) == ("checked", 0, 0)
        page = owner_client.get(response["Location"])
        assert [(str(label), count) for label, count in page.context["tiles"]] == [
            ("New orders", {"created": 2, "updated": 0, "unchanged": 0}),
            ("New customers", {"created": 2, "updated": 0, "unchanged": 0}),
            ("New products", {"created": 2, "updated": 0, "unchanged": 0}),
        ]
        assert page.context["totals"] == [
            {"currency": "EUR", "read": "€49.80", "stored": "€49.80", "is_same": True, "refunded": "", "only_refunds": False}
        ]

    def test_a_box_left_unticked_is_said_to_be_no_answer(self, owner_client):
        send(owner_client, shopify({**ORDER, "Accepts Marketing": "no"}))
        sweep()
        page = owner_client.get(address("detail"))
        assert page.context["permissions"] == [
            "1 new customer comes without an answer: the file has neither a yes nor a no of theirs. A box left unticked "
            "is no answer."
        ]
        assert "1 row checked as “Shopify orders” on" in page.content.decode()

    def test_pasted_rows_are_a_file(self, owner_client):
        rows = TABLE.replace(",", "\t").replace("\n", "\r\n")
        response = owner_client.post(reverse("imports:new"), {"rows": rows})
        kept = Import.objects.get()
        assert (response["Location"], kept.file_name, kept.state) == (address("mapping"), "Pasted rows.tsv", "mapping")
        assert len(owner_client.get(response["Location"]).context["form"].rows) == 7

    def test_nothing_at_all_is_refused(self, owner_client):
        response = owner_client.post(reverse("imports:new"), {})
        assert response.status_code == 422
        assert "Choose a file, or paste rows." in response.content.decode()

    def test_two_files_come_in_together(self, owner_client):
        files = [SimpleUploadedFile(name, SHOPIFY.encode()) for name in ("a.csv", "b.csv")]
        response = owner_client.post(reverse("imports:new"), {"files": files})
        assert response["Location"] == reverse("imports:list")
        sweep()
        assert list(Import.objects.values_list("state", flat=True)) == ["checked", "checked"]
        assert owner_client.get(reverse("imports:list")).status_code == 200

    def test_an_archive_is_as_many_imports_as_it_has_files(self, owner_client):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("orders.csv", SHOPIFY)
            archive.writestr("nothing.csv", "")
        owner_client.post(reverse("imports:new"), {"files": SimpleUploadedFile("export.zip", packed.getvalue())})
        sweep()
        assert sorted(Import.objects.values_list("file_name", "state")) == [
            ("export: nothing.csv", "failed"),
            ("export: orders.csv", "checked"),
        ]

    def test_empty_file_is_refused_by_name(self, owner_client):
        response = send(owner_client, "", name="empty.csv")
        assert response.status_code == 422
        assert Import.objects.count() == 0

    def test_nothing_doubtful_may_come_in_unasked(self, owner_client):
        send(owner_client, shopify(ORDER, LINE), unasked="on")
        assert (sweep().state, Order.objects.count()) == ("done", 1)

    def test_something_doubtful_is_asked_about_all_the_same(self, owner_client):
        bad = shopify(ORDER, {**ORDER, "Name": "#1003", "Total": "lots"})
        send(owner_client, bad, unasked="on")
        assert (sweep().state, Order.objects.count()) == ("checked", 0)


class TestColumns:
    def test_unknown_file_asks_for_its_columns_and_then_comes_in(self, owner_client):
        response = send(owner_client, PUZZLE)
        assert (Import.objects.get().state, response["Location"]) == ("mapping", address("mapping"))
        page = owner_client.get(response["Location"])
        assert [column.name for column, _choice in page.context["form"].rows] == ["Wann", "Wieviel?", "Wer"]
        assert owner_client.post(response["Location"], PUZZLE_ANSWER).status_code == 302
        assert sweep().state == "checked"
        owner_client.post(address("start"))
        sweep()
        assert list(Order.objects.order_by("placed_at").values_list("total_minor", flat=True)) == [450, 320]

    def test_the_answer_is_remembered_for_the_next_file_with_that_header(self, owner_client):
        owner_client.post(send(owner_client, PUZZLE)["Location"], {**PUZZLE_ANSWER, "currency": "CHF"})
        known = KnownHeader.objects.get()
        assert (known.format, known.mapping, known.options["currency"]) == (
            "plain", {"date": 0, "amount": 1, "name": 2}, "CHF",
        )  # fmt: skip
        response = send(owner_client, "WANN,Wieviel?,Wer\n2026-11-09,1.00,Mia\n")
        assert response["Location"] == address("detail")
        kept = sweep()
        assert (kept.state, kept.preview["gross_total"]) == ("checked", {"CHF": "1.00"})

    def test_the_answer_can_be_forgotten(self, owner_client):
        owner_client.post(send(owner_client, PUZZLE)["Location"], PUZZLE_ANSWER)
        sweep()
        assert "is taken for every file with these columns" in owner_client.get(address("mapping")).content.decode()
        owner_client.post(address("forget"))
        assert KnownHeader.objects.count() == 0
        assert send(owner_client, PUZZLE)["Location"] == address("mapping")

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ({"column_1": "amount"}, "Say which column is the date of the order."),
            ({"column_0": "date"}, "Say which column holds the amount, the total or the price."),
            ({"column_0": "date", "column_1": "amount", "column_2": "amount"}, "chosen for two columns"),
        ],
    )
    def test_unfinished_answer_says_what_is_missing(self, owner_client, answer, message):
        response = owner_client.post(send(owner_client, PUZZLE)["Location"], {**answer, "currency": "EUR"})
        assert response.status_code == 422
        assert message in response.content.decode()
        assert Import.objects.get().state == "mapping"

    def test_only_what_the_file_leaves_open_is_asked(self, owner_client):
        page = owner_client.get(send(owner_client, TABLE.replace("2026-11-02", "2026-11-13"))["Location"])
        form = page.context["form"]
        assert [question.name for question in form.open_questions] == ["currency", "timezone"]
        assert [thing.name for thing in form.found_things] == ["dayfirst", "decimal", "encoding"]

    def test_day_or_month_is_asked_with_the_guess_chosen(self, owner_client):
        location = send(owner_client, PUZZLE.replace("2026-11-02", "02/03/2026").replace("2026-11-03", "03/03/2026"))
        form = owner_client.get(location["Location"]).context["form"]
        assert [question.name for question in form.open_questions] == ["dayfirst", "currency"]
        assert form["dayfirst"].initial == "day"
        owner_client.post(location["Location"], {**PUZZLE_ANSWER, "dayfirst": "month"})
        kept = sweep()
        shown = [finding.details["placed_at"][:10] for finding in kept.findings.filter(kind=Finding.Kind.ORDER_NEW)]
        assert shown == ["2026-02-02", "2026-03-02"]

    def test_a_platforms_file_is_asked_about_only_by_the_check(self, owner_client):
        day = {"Created at": "2/3/2026 10:00", "Paid at": ""}
        send(owner_client, shopify({**ORDER, **day}))
        kept = sweep()
        assert (kept.state, kept.preview) == ("mapping", {"asks": {"dayfirst": True}})
        owner_client.post(address("mapping"), {"format": "shopify_orders", "dayfirst": "month"})
        (order,) = sweep().findings.filter(kind=Finding.Kind.ORDER_NEW)
        assert order.details["placed_at"][:10] == "2026-02-03"

    def test_words_in_a_guessed_encoding_are_shown(self, owner_client):
        upload = SimpleUploadedFile("till.csv", PUZZLE.replace("Ava", "Zoë").encode("cp1252"))
        location = owner_client.post(reverse("imports:new"), {"files": upload})["Location"]
        page = owner_client.get(location)
        assert (page.context["form"]["encoding"].initial, page.context["sheet"].strange_words) == ("cp1252", ["Zoë"])

    def test_the_owner_overrules_the_format(self, owner_client):
        send(owner_client, SHOPIFY)
        sweep()
        page = owner_client.get(address("mapping") + "?format=plain")
        assert page.context["sheet"].looked.format == "plain"
        wrong = owner_client.get(address("mapping") + "?format=shopify_customers", follow=True)
        assert "This does not look like" in wrong.content.decode()

    def test_columns_of_a_platform_are_named_with_their_meaning(self, owner_client):
        send(owner_client, SHOPIFY)
        sweep()
        columns = owner_client.get(address("mapping")).context["sheet"].columns
        told = {column.name: (column.samples, column.meaning) for column in columns}
        assert told["Name"] == (["#1001", "#1002"], "Order number")
        assert told["Lineitem name"][1] == "Product"


class TestCheck:
    def test_waiting_file_is_asked_about_until_it_is_checked(self, owner_client):
        send(owner_client, SHOPIFY)
        fragment = {"HX-Request": "true", "HX-Target": "progress"}
        waiting = owner_client.get(address("detail"), headers=fragment).content.decode()
        assert 'hx-trigger="load delay' in waiting
        assert "<html" not in waiting
        sweep()
        assert owner_client.get(address("detail"), headers=fragment)["HX-Refresh"] == "true"

    def test_what_would_change_is_shown_field_by_field(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        send(owner_client, SHOPIFY.replace("24.90,", "34.90,", 1))
        sweep()
        (line,) = owner_client.get(address("found", "order_changed")).context["lines"]
        assert (line.label, line.changes) == ("#1001", [("Total", "€24.90", "€34.90")])
        assert owner_client.get(address("found", "nonsense")).status_code == 404

    @pytest.mark.parametrize(("second", "is_said"), [(SHOPIFY, True), (shopify({**ORDER, "Total": "30.00"}, LINE), False)])
    def test_a_file_that_would_change_nothing_says_so(self, owner_client, second, is_said):
        bring_in(owner_client, SHOPIFY)
        send(owner_client, second)
        sweep()
        assert (b"importing it would change nothing" in owner_client.get(address("detail")).content) is is_said

    def test_a_file_of_which_nothing_can_come_in_is_not_offered_for_import(self, owner_client):
        send(owner_client, shopify({**ORDER, "Total": "soon"}))
        checked = sweep()
        page = owner_client.get(address("detail")).content.decode()
        assert checked.preview["rejected"] == 1
        assert "No row of this file can come in" in page and "Import now" not in page
        assert "everything else can come in" not in page

    def test_a_list_of_products_says_nothing_of_points_and_permissions(self, owner_client):
        send(owner_client, "SKU,Product,Price,Cost,Stock\nRYE,Rye loaf,4.50,1.20,7\n")
        sweep()
        page = owner_client.get(address("detail")).content.decode()
        assert "New products" in page and "Import now" in page
        assert "Who may be written to" not in page

    def test_refunds_alone_are_told_as_refunds(self, owner_client):
        sale = "2026-09-13,10:02:11,UTC,30.00,0.00,30.00,29.00,SQ1,P1,Payment\n"
        back = "2026-10-13,10:02:11,UTC,-5.00,0.00,-5.00,-5.00,SQ1,P2,Refund\n"
        header = "Date,Time,Time Zone,Net Sales,Tax,Total Collected,Net Total,Transaction ID,Payment ID,Event Type\n"
        bring_in(owner_client, header + sale)
        bring_in(owner_client, header + back)
        page = owner_client.get(address("detail"))
        assert [(total["only_refunds"], total["is_same"]) for total in page.context["totals"]] == [(True, True)]
        assert b"<strong>\xe2\x82\xac5.00</strong> given back on orders that came with an earlier file" in page.content

    def test_a_checked_file_can_be_thrown_away(self, owner_client):
        send(owner_client, SHOPIFY)
        path = reading.file_of(sweep())
        assert owner_client.post(address("discard"))["Location"] == reverse("imports:list")
        assert (Import.objects.count(), path.exists()) == (0, False)

    def test_an_import_cannot_be_thrown_away(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        owner_client.post(address("discard"))
        assert Import.objects.count() == 1

    def test_points_for_older_orders_are_the_owners_choice(self, owner_client):
        Rule.objects.create(
            kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=NOW.date()
        )
        send(owner_client, SHOPIFY)
        found = sweep().preview["check"]
        assert (found.get("points_given"), found["older_points"], found["older_orders"]) == (None, 40, 2)
        owner_client.post(address("start"), {"older": "on"})
        sweep()
        assert sorted(Account.objects.values_list("balance", flat=True)) == [20, 20]
        owner_client.post(address("undo"))
        assert sweep().state == "undone"
        assert set(Account.objects.values_list("balance", flat=True)) == {0}

    def test_by_default_older_orders_earn_nothing(self, owner_client):
        Rule.objects.create(
            kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=NOW.date()
        )
        bring_in(owner_client, SHOPIFY)
        assert Entry.objects.count() == 0


class TestResult:
    def test_the_reconciliation_asks_the_books(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        page = owner_client.get(address("detail"))
        assert "<strong>€49.80</strong> in the file = <strong>€49.80</strong> stored" in page.content.decode()

    def test_waiting_file_can_be_stopped_and_gone_on_with(self, owner_client):
        send(owner_client, SHOPIFY)
        sweep()
        owner_client.post(address("start"))
        owner_client.post(address("stop"))
        assert Import.objects.get().state == "stopped"
        assert "Go on" in owner_client.get(address("detail")).content.decode()
        owner_client.post(address("resume"))
        assert (sweep().state, Order.objects.count()) == ("done", 2)

    def test_rows_set_aside_are_listed_and_downloaded(self, owner_client):
        bring_in(owner_client, shopify(ORDER, {**ORDER, "Name": "#1003", "Total": "lots"}))
        assert owner_client.get(address("rejected_list")).context["page"].paginator.count == 1
        assert b"reason" in b"".join(owner_client.get(address("rejected")).streaming_content)

    def test_rows_set_aside_run_no_formula_and_come_in_as_they_were_once_corrected(self, owner_client):
        bring_in(owner_client, shopify({**ORDER, "Billing Name": '"=HYPERLINK(""x"")"', "Total": "lots"}))
        downloaded = b"".join(owner_client.get(address("rejected")).streaming_content).decode("utf-8-sig")
        assert ""","'=HYPERLINK(""x"")",""" in downloaded
        bring_in(owner_client, downloaded.replace(",lots,", ",24.90,"))
        assert Order.objects.get().contact.name == '=HYPERLINK("x")'


class TestUndo:
    def test_what_would_happen_is_shown_first(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        page = owner_client.get(address("undo"))
        assert [(str(label), counts) for label, counts in page.context["counts"]] == [
            ("Orders", {"removed": 2, "kept": 0, "restored": 0}),
            ("Customers", {"removed": 2, "kept": 0, "restored": 0}),
            ("Products", {"removed": 2, "kept": 0, "restored": 0}),
        ]
        assert Order.objects.count() == 2

    def test_an_import_is_taken_back_by_the_worker(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        owner_client.post(address("undo"))
        assert (Import.objects.get().state, Order.objects.count()) == ("undoing", 2)
        assert "Taking the import back" in owner_client.get(address("detail")).content.decode()
        assert (sweep().state, Order.objects.count(), Contact.objects.count()) == ("undone", 0, 0)
        assert "Everything this import brought was taken back." in owner_client.get(address("detail")).content.decode()
        again = owner_client.post(address("undo"), follow=True)
        assert "undone already" in again.content.decode()

    def test_what_could_not_be_taken_back_is_listed_with_links(self, owner_client):
        bring_in(owner_client, SHOPIFY)
        order = Order.objects.get(number="#1001")
        Order.objects.filter(pk=order.pk).update(note="by hand", version=2)
        foreseen = owner_client.get(address("undo")).context["conflicts"]
        assert [(conflict["label"], conflict["href"]) for conflict in foreseen] == [
            ("#1001", order.get_absolute_url()),
            (order.contact.name, order.contact.get_absolute_url()),
            *((line.product.name, reverse("orders:product", args=[line.product_id])) for line in order.lines.all()),
        ]
        owner_client.post(address("undo"))
        sweep()
        page = owner_client.get(address("detail"))
        assert page.context["conflicts"] == foreseen
        assert f"{len(foreseen)} things were changed since, or something hangs on them, and stay:" in page.content.decode()
        assert order.get_absolute_url() in page.content.decode()


def test_the_first_page_is_light_and_asks_for_more_only_when_asked(owner_client, shop):
    page = owner_client.get(reverse("imports:new")).content.decode()
    assert len(page.encode()) < 20 * 1024
    assert 'name="timezone"' not in page and 'href="?more=1"' in page
    more = owner_client.get(reverse("imports:new") + "?more=1").content.decode()
    assert '<option value="America/New_York">America/New York' in more and "<option selected>" not in more
    refused = owner_client.post(reverse("imports:new"), {"currency": "JPY"})  # no file
    assert refused.status_code == 422 and '<option value="JPY" selected>' in refused.content.decode()
