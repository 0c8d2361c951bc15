"""Units ahead, from the books to the page: what is read, what is kept, what is shown, how long stock lasts."""

import csv
import datetime as dt
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.home import actions
from crm.home.models import Action
from crm.lib.templatetags import say
from crm.orders.models import Order, OrderLine, Product, Refund
from loyalty import dataset, pipeline, publishing, restocking, wording
from loyalty.dates import day_number
from loyalty.estimators import demand as estimator
from loyalty.models import Forecast, Found, ReportCard, Run
from loyalty.report_cards import demand as cards
from loyalty.restocking import Stock
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db


def day(before: int) -> dt.date:
    return LAST_DAY - dt.timedelta(days=before)


def sold(product: Product, units: float, before: int, contact=None, **fields) -> Order:
    made = order(contact, moment(day(before)), 100, **fields)
    OrderLine.objects.create(order=made, product=product, position=1, quantity=units, total_minor=100)
    return made


def product(name: str, **fields) -> Product:
    return Product.objects.create(key=name.lower(), name=name, **fields)


def run_of(rows: list[tuple], *, as_of: dt.date = LAST_DAY) -> Run:
    """A finished run with these forecasts: (product, expected, low, high, note)."""
    run = Run.objects.create(as_of=as_of, state=Run.State.DONE, finished_at=moment(as_of))
    Forecast.objects.bulk_create(
        Forecast(
            run=run, product=one, sold=expected, last_year=None, expected=expected, low=low, high=high, note=note,
            last_sold=LAST_DAY, since_stock=3.0, weeks=[0] * 51 + [7],
        )
        for one, expected, low, high, note in rows
    )  # fmt: skip
    data = {"weeks": 4, "champion": "smooth", "baseline": "last", "windows": 6, "covered": 0.82, "relative": 0.86}
    Found.objects.create(run=run, kind=restocking.DEMAND, data=data)
    return run


# What is read


def test_units_of_everybody_count_net_of_what_came_back(shop):
    tea, ada = product("Tea"), person()
    sold(tea, 5, 10, ada)
    sold(tea, 2, 9)  # without a name
    sold(tea, 7, 8, cancelled_at=moment(day(2)), counts=False, net_minor=0)
    sold(tea, 4, 8, currency="USD")
    back = sold(tea, 6, 7, ada, refunded_minor=50, net_minor=50, payment="partly_refunded")
    Refund.objects.create(
        order=back, key="return:1", amount_minor=50, at=moment(day(1)), quantities={str(tea.pk): 2.0, "999999": 1.0}
    )
    slip = Order.objects.create(
        source="test", number="slip", kind="return", placed_at=moment(day(3)), currency="EUR", total_minor=-100,
        net_minor=-100,
    )  # fmt: skip
    OrderLine.objects.create(order=slip, product=tea, position=1, quantity=-1, total_minor=-100)
    whole = sold(tea, 30, 6, refunded_minor=100, net_minor=0, payment="refunded", counts=False)
    Refund.objects.create(order=whole, key="total", amount_minor=100, at=moment(day(4)))

    sales = dataset.sales(dataset.load(as_of=LAST_DAY))

    def net(before: int) -> float:
        known = sales.upto(day_number(day(before)))
        return float(known.quantity.sum())

    assert net(0) == 5 + 2 + 4 + (6 - 2) - 1
    assert net(2) == 5 + 2 + 4 + 6 - 1
    assert net(3) == 5 + 2 + 7 + 4 + 6 - 1
    assert net(5) == 5 + 2 + 7 + 4 + 6 + 30


# The night


def test_a_night_keeps_forecasts_cards_and_how_good_they_were(past, now):
    Product.objects.filter(name="Product 3").update(stock=6, stock_at=LAST_DAY - dt.timedelta(days=7))
    Product.objects.filter(name="Product 4").update(is_active=False)
    one = Product.objects.order_by("id").first()
    older = [run_of([(one, 20.0, 15.0, 28.0, "")], as_of=day(before)) for before in (2, 1)]
    run = pipeline.run(as_of=LAST_DAY, now=now)
    assert run.stages["demand"]["state"] == "done"
    found = Found.objects.get(run=run, kind=restocking.DEMAND).data
    assert (found["weeks"], found["baseline"], found["champion"]) == (4, "last", run.champions["demand"])
    cards = ReportCard.objects.filter(run=run, task="demand")
    assert cards.filter(is_baseline=True).get().candidate == "last"
    assert cards.filter(is_champion=True).get().candidate == found["champion"]
    assert {name.rsplit(" ")[-1] for name in run.forecasts.values_list("product__name", flat=True)} == {
        str(n) for n in range(12) if n != 4
    }
    for one in run.forecasts.all():
        assert 0 <= one.low <= one.expected <= one.high
        assert len(one.weeks) == 52
        assert sum(one.weeks[-4:]) == one.sold
    third = run.forecasts.get(product__name="Product 3")
    after = OrderLine.objects.filter(
        product=third.product, order__placed_at__gt=moment(day(7), 23), order__placed_at__lte=moment(LAST_DAY, 23)
    )
    assert third.since_stock == sum(line.quantity for line in after)
    assert set(run.forecasts.exclude(pk=third.pk).values_list("since_stock", flat=True)) == {None}
    assert [one.forecasts.exists() for one in older] == [False, True]  # two runs keep theirs
    said = Action.objects.get(key="restock")
    assert said.title["en"] == "1 product will probably run out before Dec 16, 2026"
    assert "Product 3" in said.evidence["en"]


def test_the_report_card_tells_every_candidate(past, capsys):
    call_command("report_card", "demand", "--horizon", "28")
    told = capsys.readouterr().out
    assert "Speaks: " in told
    for name in ("last", "average", "rhythm", "counts"):
        assert f"\n  {name} " in told
    history = dataset.load(as_of=LAST_DAY)
    early = cards.card(history, task="demand", cut=history.as_of - 60, horizon=28)
    assert (early["cut"], early["horizon_days"]) == (day(60).isoformat(), 28)
    assert set(early["candidates"]) == set(estimator.CANDIDATES) - {"season"}


# The pages


def test_the_list_sorts_searches_and_hides_what_stopped(shop, owner_client):
    tea, rye, jam = product("Tea", sku="T-1"), product("Rye", category="Bread"), product("Jam")
    run_of([(tea, 20.0, 15.0, 28.0, ""), (rye, 40.0, 30.0, 52.0, ""), (jam, 0.0, 0.0, 0.0, "stopped")])

    def names(query: str) -> list[str]:
        answer = owner_client.get(f"/insights/demand/{query}")
        assert answer.status_code == 200
        return [row.forecast.product.name for row in answer.context["rows"]]

    assert names("") == ["Rye", "Tea"]
    assert names("?sort=name") == ["Rye", "Tea"]
    assert names("?sort=-name") == ["Tea", "Rye"]
    assert names("?sort=expected") == ["Tea", "Rye"]
    assert names("?sort=nonsense&show=nonsense&page=x") == ["Rye", "Tea"]
    assert names("?q=t-1") == ["Tea"]
    assert names("?q=bread") == ["Rye"]
    assert names("?show=stopped") == ["Jam"]
    page = owner_client.get("/insights/demand/").content.decode()
    assert "its errors were 14% smaller" in page
    assert "82 ended up within their span" in page
    assert "Units expected of each product after Nov 18, 2026, up to Dec 16, 2026" in page


def test_stock_lasts_as_long_as_it_is_expected_to(shop, owner_client):
    tea, rye, jam, salt = (product(name) for name in ("Tea", "Rye", "Jam", "Salt"))
    Product.objects.filter(pk=tea.pk).update(stock=23, stock_at=day(5))  # 3 sold since
    Product.objects.filter(pk=rye.pk).update(stock=2, stock_at=LAST_DAY)
    Product.objects.filter(pk=jam.pk).update(stock=2, stock_at=day(9))
    run_of([
        (tea, 28.0, 20.0, 40.0, ""), (rye, 0.1, 0.0, 1.0, ""), (jam, 4.0, 2.0, 7.0, ""), (salt, 4.0, 2.0, 7.0, ""),
    ])  # fmt: skip
    answer = owner_client.get("/insights/demand/?sort=left")
    stocks = {row.forecast.product.name: row.stock for row in answer.context["rows"]}
    assert stocks["Tea"] == Stock(20.0, LAST_DAY + dt.timedelta(20), LAST_DAY + dt.timedelta(14), 20.0)
    assert (stocks["Rye"].lasts, stocks["Rye"].missing) == (None, 0.0)
    assert stocks["Jam"] == Stock(0.0, LAST_DAY, LAST_DAY, 7.0)
    assert stocks["Salt"] is None
    assert [row.forecast.product.name for row in answer.context["rows"]] == ["Jam", "Tea", "Rye", "Salt"]
    short = owner_client.get("/insights/demand/?show=short").context
    assert [row.forecast.product.name for row in short["rows"]] == ["Tea", "Jam"]
    assert {slug: count for slug, _label, count, _active in short["choices"]} == {"selling": 4, "short": 2, "stopped": 0}
    page = owner_client.get(f"/insights/demand/{tea.pk}/").content.decode()
    assert "20 on hand last until about Dec 8, 2026, and until Dec 2, 2026 if it sells well." in page
    assert "have 20 more before Dec 2, 2026" in page
    assert "By the last count, nothing is left" in owner_client.get(f"/insights/demand/{jam.pk}/").content.decode()


def test_stock_of_a_seasonal_product_is_not_stretched_over_the_year(shop, owner_client):
    stollen = product("Stollen", stock=200, stock_at=LAST_DAY)
    run = run_of([(stollen, 14.0, 4.0, 39.0, "season")])
    row = owner_client.get("/insights/demand/").context["rows"][0]
    assert row.stock == Stock(200.0, None, None, 0.0)
    assert "Beyond 4 weeks" in owner_client.get("/insights/demand/").content.decode()
    says = "200 on hand should be enough for the next 4 weeks."
    assert says in owner_client.get(f"/insights/demand/{stollen.pk}/").content.decode()
    Product.objects.filter(pk=stollen.pk).update(stock=26)
    page = owner_client.get(f"/insights/demand/{stollen.pk}/").content.decode()
    assert f"have 13 more before {say.day(run.as_of + dt.timedelta(18))}" in page


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ("", "Expect to sell 15 to 28 in the next 4 weeks."),
        ("few", "Too few sales to say more than 15 to 28 in the next 4 weeks."),
        ("new", "New: too early to say more than 15 to 28 in the next 4 weeks."),
        ("season", "A product of one season, told by its own last year: 15 to 28 in the next 4 weeks."),
        ("stopped", "Has stopped selling; the last sale was on Nov 18, 2026."),
    ],
)
def test_a_products_page_says_what_to_expect_and_draws_it(shop, owner_client, note, says):
    tea = product("Tea")
    run_of([(tea, 20.0, 15.0, 28.0, note)])
    page = owner_client.get(f"/insights/demand/{tea.pk}/").content.decode()
    assert says in page
    figure = owner_client.get(f"/insights/demand/{tea.pk}/chart.json").json()
    past, ahead = figure["data"]
    assert (len(past["x"]), past["y"][-1]) == (52, 7)
    assert (ahead["y"], ahead["error_y"]["array"], ahead["error_y"]["arrayminus"]) == ([5.0], [2.0], [1.25])


def test_the_export_holds_what_the_page_lists(shop, owner_client):
    tea, jam = product("Tea", sku="T-1", stock=30, stock_at=LAST_DAY), product("Jam")
    run_of([(tea, 20.0, 15.5, 28.0, ""), (jam, 0.0, 0.0, 0.0, "stopped")])
    answer = owner_client.get("/insights/demand/export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    header, row = csv.reader(text.splitlines())
    assert header[3] == "Sold in the last 4 weeks"
    assert row == [
        "Tea", "T-1", "", "20", "", "20", "15.5", "28", "30", (LAST_DAY + dt.timedelta(42)).isoformat(), "0", "",
        "2026-11-18",
    ]  # fmt: skip


def test_too_little_past_says_what_is_missing(shop, owner_client):
    run = Run.objects.create(
        as_of=LAST_DAY, state=Run.State.DONE, finished_at=moment(LAST_DAY),
        stages={"demand": {"state": "skipped", "missing": {"what": "days", "have": 20, "need": 56}}},
    )  # fmt: skip
    assert "The orders cover 20 days; at least 56 are needed." in owner_client.get("/insights/demand/").content.decode()
    assert owner_client.get("/insights/demand/export/").status_code == 404
    assert owner_client.get("/insights/demand/1/").status_code == 404
    Run.objects.filter(pk=run.pk).delete()
    assert owner_client.get("/insights/demand/").status_code == 200
    assert owner_client.get("/insights/demand/1/chart.json").status_code == 404


def test_an_untested_and_a_plain_forecast_are_called_what_they_are():
    card = {"weeks": 4, "champion": "last", "baseline": "last", "windows": 3, "covered": 0.8, "relative": 1.0}
    assert "nothing beat the plain rule" in wording.how_good_demand(card | {"until": LAST_DAY})
    untested = card | {"windows": 0, "covered": None, "relative": None, "champion": "average"}
    assert "do not reach back far enough" in wording.how_good_demand(untested | {"until": LAST_DAY})


def test_the_list_asks_as_often_for_three_as_for_one(shop, owner_client):
    made = [product(f"P{n}", stock=5, stock_at=LAST_DAY) for n in range(3)]
    counts = []
    for some in (made[:1], made):
        Run.objects.all().delete()
        run_of([(one, 20.0, 15.0, 28.0, "") for one in some])
        owner_client.get("/insights/demand/")
        with CaptureQueriesContext(connection) as asked:
            owner_client.get("/insights/demand/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


# Counting stock


def test_stock_is_typed_with_its_date_and_an_empty_field_changes_nothing(shop, owner_client):
    tea = product("Tea")
    form = {"category": "", "cost_minor": "", "is_active": "on"}
    owner_client.post(f"/orders/products/{tea.pk}/", form | {"stock": ""})
    tea.refresh_from_db()
    assert (tea.stock, tea.stock_at) == (None, None)
    owner_client.post(f"/orders/products/{tea.pk}/", form | {"stock": "12.5"})
    tea.refresh_from_db()
    assert tea.stock == 12.5
    counted = tea.stock_at
    assert counted is not None
    Product.objects.filter(pk=tea.pk).update(stock_at=day(3))
    owner_client.post(f"/orders/products/{tea.pk}/", form | {"stock": "", "category": "Drinks"})
    tea.refresh_from_db()
    assert (tea.stock, tea.stock_at, tea.category) == (12.5, day(3), "Drinks")
    here, elsewhere = "/insights/demand/?q=tea", "https://evil.example/"
    for back, leads in ((here, here), (elsewhere, "/orders/products/")):
        there = owner_client.post(f"/orders/products/{tea.pk}/?{urlencode({'next': back})}", form | {"stock": "3"})
        assert (there.status_code, there.url) == (302, leads)
    Product.objects.filter(pk=tea.pk).update(stock=12.5, stock_at=day(3))
    wrong = owner_client.post(f"/orders/products/{tea.pk}/", form | {"stock": "-1"})
    assert wrong.status_code == 422
    assert "Counted on Nov 15, 2026: 12.5" in wrong.content.decode()


def test_numbers_of_units_are_written_whole_where_they_are_many():
    assert [say.units(value) for value in (None, 0.0, 3.0, 3.25, 12.4, 1234.0)] == ["–", "0", "3", "3.2", "12", "1,234"]


# What Today says


CARD = {"weeks": 4, "champion": "smooth", "baseline": "last", "windows": 6, "covered": 0.82, "relative": 0.86}


def counted(name: str, stock: float, days_ago: int = 0, **fields) -> Product:
    return product(name, stock=stock, stock_at=day(days_ago), **fields)


def test_what_runs_out_is_suggested_with_its_days_and_the_money(shop):
    tea = counted("Tea", 10, price_minor=500)
    rye = counted("Rye", 15, 3, sold_quantity=10, earned_minor=4_000)  # 3 sold since; brings 4.00 each
    run = run_of([(tea, 28.0, 20.0, 40.0, ""), (rye, 14.0, 9.0, 20.0, "few"), (counted("Jam", 50), 28.0, 20.0, 40.0, "")])
    out = restocking.running_out(run, 4)
    assert (out.products, out.until, out.counted_from) == (2, LAST_DAY + dt.timedelta(28), day(3))
    assert out.first == (("Tea", LAST_DAY + dt.timedelta(10)), ("Rye", LAST_DAY + dt.timedelta(24)))
    likely, below, above = 18 * 500 + 2 * 400, (8 * 500, 2 * 400), (12 * 500, 6 * 400)
    assert out.unserved_minor == (
        round(likely - sum(one**2 for one in below) ** 0.5), round(likely + sum(one**2 for one in above) ** 0.5)
    )  # fmt: skip

    said = publishing.restock(run, CARD)
    assert (said.key, said.gains, said.url) == ("restock", out.unserved_minor, "/insights/demand/?show=short&sort=left")
    assert said.title["en"] == "2 products will probably run out before Dec 16, 2026"
    assert said.evidence["en"] == "The first: Tea about Nov 28, 2026; Rye about Dec 12, 2026."
    assert said.why["en"].startswith("Your counts, the oldest of Nov 15, 2026, less what was sold since.")
    assert "Of 100 products, 82 ended up within their span." in said.why["en"]


def test_a_new_count_takes_money_and_reason_along(shop):
    tea, mug = counted("Tea", 10, 3, price_minor=500), counted("Mug", 10)  # nobody knows what a mug brings
    run = run_of([(tea, 28.0, 20.0, 40.0, ""), (mug, 28.0, 20.0, 40.0, "")])
    Found.objects.filter(run=run).delete()
    Found.objects.create(run=run, kind=restocking.DEMAND, data=CARD)
    publishing.count_again()
    assert Action.objects.get().gain_high_minor > 0
    Product.objects.filter(pk=tea.pk).update(stock=90, stock_at=LAST_DAY)
    publishing.count_again()
    said = Action.objects.get()
    assert (said.title["en"][:9], said.gain_high_minor) == ("1 product", None)
    assert "the oldest of Nov 18, 2026" in said.why["en"]


def test_only_a_count_that_still_holds_is_spoken_of(shop):
    short = (28.0, 20.0, 40.0)
    run = run_of([
        (product("Never counted"), *short, ""),
        (counted("Long ago", 10, 46), *short, ""),
        (counted("More sold than there was", 2, 1), *short, ""),
        (counted("No longer selling", 1), *short, "stopped"),
        (counted("Enough", 28), *short, ""),
    ])  # fmt: skip
    assert restocking.running_out(run, 4) is None
    assert publishing.restock(run, CARD) is None


def test_a_new_count_changes_what_today_says_within_the_minute(
    shop, owner_client, django_capture_on_commit_callbacks
):
    tea, rye = counted("Tea", 10, price_minor=500), counted("Rye", 4, price_minor=300)
    run = run_of([(tea, 28.0, 20.0, 40.0, ""), (rye, 14.0, 9.0, 20.0, "")])
    actions.replace_all([publishing.restock(run, CARD)], as_of=LAST_DAY)

    def count(one: Product, units: int) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            answer = owner_client.post(f"/orders/products/{one.pk}/", {"stock": units, "is_active": "on"})
        assert answer.status_code == 302

    count(rye, 90)
    assert Action.objects.get().title["en"] == "1 product will probably run out before Dec 16, 2026"
    count(tea, 90)
    assert not Action.objects.exists()
