"""The import pages: upload, columns, progress, result, the way back."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.imports import reading
from crm.imports.models import Import
from crm.orders.models import Order

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
TABLE = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    "536365,RYE,Rye loaf,2,2026-11-02 10:00,4.50,17850\n"
    "536365,HON,Honey,1,2026-11-02 10:00,6.00,17850\n"
    "536366,CAKE,Apple cake,1,2026-11-03 11:00,3.20,13047\n"
)
PUZZLE = "Wann,Wieviel?,Wer\n2026-11-02,4.50,Ava\n2026-11-03,3.20,Theo\n"


@pytest.fixture
def files(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


def send(client, text: str, name: str = "till.csv", **fields):
    upload = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return client.post(reverse("imports:new"), {"files": upload, **fields})


@pytest.mark.usefixtures("files")
class TestPages:
    def test_known_file_is_read_and_its_result_shown(self, owner_client):
        response = send(owner_client, TABLE)
        kept = Import.objects.get()
        assert response["Location"] == reverse("imports:detail", args=[kept.pk])
        reading.sweep(now=NOW)
        page = owner_client.get(response["Location"])
        assert page.context["counts"][0] == ("Orders", {"created": 2, "updated": 0, "unchanged": 0})
        assert page.context["totals"] == [("EUR", "18.20", None)]

    def test_waiting_file_is_asked_about_until_it_is_read(self, owner_client):
        send(owner_client, TABLE)
        address = reverse("imports:detail", args=[Import.objects.get().pk])
        fragment = {"HX-Request": "true", "HX-Target": "progress"}
        assert 'hx-trigger="load delay' in owner_client.get(address, headers=fragment).content.decode()
        reading.sweep(now=NOW)
        done = owner_client.get(address, headers=fragment).content.decode()
        assert "hx-trigger" not in done
        assert "<html" not in done

    def test_unknown_file_asks_for_its_columns_and_then_comes_in(self, owner_client):
        response = send(owner_client, PUZZLE)
        kept = Import.objects.get()
        assert (kept.state, response["Location"]) == ("mapping", reverse("imports:mapping", args=[kept.pk]))
        page = owner_client.get(response["Location"])
        assert [row[0] for row in page.context["form"].rows] == ["Wann", "Wieviel?", "Wer"]
        answer = {"column_0": "date", "column_1": "amount", "column_2": "name"}
        assert owner_client.post(response["Location"], answer).status_code == 302
        reading.sweep(now=NOW)
        assert list(Order.objects.order_by("placed_at").values_list("total_minor", flat=True)) == [450, 320]

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ({"column_1": "amount"}, "Say which column is the date of the order."),
            ({"column_0": "date"}, "Say which column holds the amount, the total or the price."),
            ({"column_0": "date", "column_1": "amount", "column_2": "amount"}, "chosen for two columns"),
        ],
    )
    def test_unfinished_answer_says_what_is_missing(self, owner_client, answer, message):
        address = send(owner_client, PUZZLE)["Location"]
        response = owner_client.post(address, answer)
        assert response.status_code == 422
        assert message in response.content.decode()
        assert Import.objects.get().state == "mapping"

    def test_empty_file_is_refused_by_name(self, owner_client):
        response = send(owner_client, "", name="empty.csv")
        assert response.status_code == 422
        assert Import.objects.count() == 0

    def test_two_files_come_in_together(self, owner_client):
        files = [SimpleUploadedFile(name, TABLE.encode()) for name in ("a.csv", "b.csv")]
        response = owner_client.post(reverse("imports:new"), {"files": files})
        assert response["Location"] == reverse("imports:list")
        assert Import.objects.count() == 2
        assert owner_client.get(reverse("imports:list")).status_code == 200

    def test_waiting_file_can_be_stopped(self, owner_client):
        send(owner_client, TABLE)
        kept = Import.objects.get()
        owner_client.post(reverse("imports:stop", args=[kept.pk]))
        kept.refresh_from_db()
        assert kept.state == "stopped"

    def test_import_is_taken_back_once(self, owner_client):
        send(owner_client, TABLE)
        reading.sweep(now=NOW)
        kept = Import.objects.get()
        address = reverse("imports:undo", args=[kept.pk])
        owner_client.post(address)
        assert Order.objects.count() == 0
        assert "undone already" in owner_client.post(address, follow=True).content.decode()

    def test_looking_at_undo_does_nothing(self, owner_client):
        send(owner_client, TABLE)
        assert owner_client.get(reverse("imports:undo", args=[Import.objects.get().pk])).status_code == 405
