"""What other programs may rely on."""

import io
import json

import pytest
import time_machine
from django.core.management import CommandError, call_command

from crm.contacts.models import Contact
from loyalty.models import Run
from tests.loyalty.conftest import LAST_DAY

pytestmark = pytest.mark.django_db


def answer(name: str, *arguments: str) -> dict:
    out = io.StringIO()
    call_command(name, *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_refresh_loyalty_prints_one_object(past):
    told = answer("refresh_loyalty", "--as-of", LAST_DAY.isoformat())
    run = Run.objects.get()
    assert {name: told[name] for name in ("run_id", "as_of", "customers", "orders", "seconds", "peak_rss_mb")} == {
        "run_id": run.pk, "as_of": "2026-11-18", "customers": run.customers, "orders": run.orders,
        "seconds": run.seconds, "peak_rss_mb": run.peak_rss_mb,
    }  # fmt: skip
    assert told["stages"]["load"] == {"state": "done", "seconds": told["stages"]["load"]["seconds"], "reason": ""}
    assert told["champions"] == run.champions


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--as-of", "yesterday"], "--as-of 'yesterday' is not a date; write 2026-11-20"),
        (["--as-of", "2020-01-01"], "There are 0 orders to look at; at least 1 is needed."),
        (["--run", "77"], "There is no run 77."),
    ],
)
def test_refresh_loyalty_fails_with_one_clear_line(past, arguments, line):
    with pytest.raises(CommandError) as caught:
        call_command("refresh_loyalty", *arguments)
    assert str(caught.value) == line


def test_without_a_shop_or_orders_the_line_says_so(db):
    with pytest.raises(CommandError, match="The shop is not set up yet"):
        call_command("refresh_loyalty")


def test_without_orders_the_line_says_so(shop):
    for command in (["refresh_loyalty"], ["report_card", "churn"]):
        with pytest.raises(CommandError, match="There is no order to look at yet"):
            call_command(*command)


def test_report_card_measures_every_candidate_after_the_cut(past):
    card = answer("report_card", "churn", "--cut", "2026-08-31", "--horizon", "60")
    assert (card["task"], card["cut"], card["horizon_days"], card["baseline"]) == (
        "churn",
        "2026-08-31",
        60,
        "base_rate",
    )
    assert card["champion"] in card["candidates"]
    assert 0 < card["positives"] < card["customers"]
    for figures in card["candidates"].values():
        names = {"auc", "pr_auc", "log_loss", "accuracy", "brier", "ece", "intervals", "seconds"}
        assert set(figures) == names
    assert card["candidates"][card["champion"]]["brier"] < card["candidates"]["base_rate"]["brier"]


def test_report_card_of_intent_is_churn_from_its_other_side(past):
    churn = answer("report_card", "churn", "--cut", "2026-08-31", "--horizon", "60")
    intent = answer("report_card", "intent", "--cut", "2026-08-31", "--horizon", "60")
    assert intent["champion"] == churn["champion"]
    assert intent["positives"] == churn["customers"] - churn["positives"]
    ours, theirs = intent["candidates"]["mbgnbd"], churn["candidates"]["mbgnbd"]
    assert (ours["auc"], ours["brier"]) == (pytest.approx(theirs["auc"]), pytest.approx(theirs["brier"]))


def test_report_card_of_value_measures_money(past):
    card = answer("report_card", "value", "--cut", "2026-08-31", "--horizon", "60")
    assert (card["task"], card["baseline"], card["interval"]) == ("value", "average", 0.8)
    assert card["champion"] in card["candidates"]
    assert 0.6 < card["covered"] <= 1
    champion = card["candidates"][card["champion"]]
    assert champion["relative_gini"] > card["candidates"]["average"]["relative_gini"] + 0.3


def test_report_card_of_a_table_of_people(tmp_path):
    import numpy as np

    rng = np.random.default_rng(1)
    months, plan = rng.integers(1, 60, 300), rng.choice(["monthly", "yearly"], 300)
    left = rng.random(300) < 1 / (1 + np.exp(0.06 * months - 1.5 + 1.5 * (plan == "yearly")))
    file = tmp_path / "members.csv"
    lines = ["id,months,plan,Churned", *(f"m{i},{m},{p},{'Yes' if gone else 'No'}" for i, (m, p, gone) in enumerate(zip(months, plan, left)))]
    file.write_text("\n".join(lines))
    card = answer("report_card", "churn", "--table", str(file))
    assert (card["target"], card["customers"], card["positives"]) == ("Churned", 300, int(left.sum()))
    assert card["candidates"]["chosen"]["auc"] > 0.75
    assert card["candidates"]["base_rate"]["brier"] > card["candidates"]["chosen"]["brier"]


def test_a_custom_field_of_yes_and_no_is_a_table_too(shop, now):
    for i in range(120):
        Contact.objects.create(
            name=f"Member {i}", joined_at=now, extra={"Churned": "yes" if i % 3 == 0 else "no", "plan": "monthly" if i % 3 == 0 or i % 5 == 0 else "yearly"}
        )
    card = answer("report_card", "churn", "--target", "Churned")
    assert (card["table"], card["customers"], card["positives"], card["skipped"]) == ("custom fields", 120, 40, 0)
    assert card["candidates"]["chosen"]["auc"] > 0.8


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n1,2\n", "--target: say which of these columns tells who left: a, b"),
        ("a,churned\n1,maybe\n", "--target churned: no row says yes or no"),
        ("a,churned\n1,yes\n2,no\n3,no\n", "There are 3 rows that say yes or no; at least 30 are needed."),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, line):
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(CommandError) as caught:
        call_command("report_card", "churn", "--table", str(file))
    assert str(caught.value) == line


def test_report_card_without_a_cut_stands_one_horizon_before_today(past, now):
    with time_machine.travel(now, tick=False):
        card = answer("report_card", "churn", "--horizon", "60")
    assert card["cut"] == "2026-09-21"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--cut", "2026-11-01", "--horizon", "60"], "The orders end 19 days after the cut; the horizon needs 60."),
        (["--cut", "2020-01-01"], "There are 0 orders to look at; at least 1 is needed."),
        (["--cut", "soon"], "--cut 'soon' is not a date; write 2026-11-20"),
        (["--horizon", "0"], "--horizon: say 1 to 730 days"),
    ],
)
def test_report_card_fails_with_one_clear_line(past, now, arguments, line):
    with time_machine.travel(now, tick=False), pytest.raises(CommandError) as caught:
        call_command("report_card", "churn", *arguments)
    assert str(caught.value) == line


def test_the_card_of_baskets_tells_what_was_promised_and_what_held(past):
    card = answer("report_card", "baskets", "--horizon", "60")
    assert (card["task"], card["horizon_days"], card["champion"]) == ("baskets", 60, "shown")
    assert card["baskets"] > card["baskets_after"] > 0


def test_the_card_of_clusters_names_every_trial(past):
    card = answer("report_card", "clusters", "--horizon", "60")
    assert card["champion"] in card["candidates"]
    assert all(0 <= trial["stability"] <= 1 for trial in card["candidates"].values())


@pytest.mark.parametrize("protocol", ["rolling", "last-basket"])
def test_the_card_of_offers_tells_every_way(past, protocol):
    card = answer("report_card", "offers", "--protocol", protocol)
    assert card["protocol"] == protocol
    assert {"popular", "personal", "learned"} <= set(card["next_basket"]["candidates"])


def test_a_protocol_goes_with_offers_only(past):
    with pytest.raises(CommandError, match="--protocol goes with offers"):
        answer("report_card", "churn", "--protocol", "rolling")
