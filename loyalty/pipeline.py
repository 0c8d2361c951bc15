"""The night: load, grade, place, test, score, advise, keep, publish; then, last of all, the run is done.

What reads arrays is imported inside `run`: the web server and the idle worker import this module too, and NumPy with
SciPy would cost each of them 90 MB.
"""

import datetime as dt
import logging
import resource
import sys
import time
from collections.abc import Callable

from celery import current_app
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_noop

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.imports.models import Import
from crm.lib import bulk, clock, hints
from crm.orders.models import Order, Product
from loyalty import auditing, freshness, restocking
from loyalty.dates import date_of, day_number
from loyalty.models import Forecast, Found, Promise, ReportCard, Run, Score, Snapshot
from loyalty.report_cards import chances, offers
from loyalty.report_cards import demand as demand_cards
from loyalty.report_cards import value as value_cards
from loyalty.stages import demand, network, patterns, scorecard, table_churn

log = logging.getLogger(__name__)

STALE_AFTER = dt.timedelta(minutes=30)
MOST_TRIES = 3
BOOKS_CLOSED_DAYS = 14  # without orders for longer, the newest order's day is what the numbers speak of
MONTHS_BACK = 24
KEPT_FORECASTS = 2  # runs; the products' numbers are read of the newest only
CHUNK = 5_000
MONEY_LIMIT = 2**62


class NothingToDo(Exception):
    """The run was claimed by somebody else, or is not waiting any more."""


def request(*, now: dt.datetime, as_of: dt.date | None = None) -> Run:
    """Ask for a run by hand; one that waits or runs already is enough. The row is the work, the message only a hint."""
    if as_of is None:
        shop = Shop.current()
        as_of = natural_as_of(shop=shop, now=now, today=True) or clock.local_date(now, shop.timezone)
    asked = Run.objects.filter(state__in=(Run.State.WAITING, Run.State.RUNNING), night_of=None, is_look_back=False)
    waiting = asked.order_by("-id").first()
    if waiting and (waiting.state == Run.State.WAITING or waiting.heartbeat_at > now - STALE_AFTER):
        return waiting
    run = Run.objects.create(as_of=as_of)
    hints.hint(current_app.tasks["loyalty.tasks.refresh"], run_id=run.pk)
    return run


def look_back(*, months: int, before: dt.date) -> int:
    """Ask for the first night of each of so many months before a date's; return how many there are.

    Each does what a promise needs and no more. Done in order, they judge one another. A night before the books begin
    is none.
    """
    shop = Shop.current()
    oldest = Order.objects.filter(counts=True, contact__isnull=False).order_by("placed_at").first()
    if oldest is None:
        return 0
    first, opened = before.replace(day=1), clock.local_date(oldest.placed_at, shop.timezone)
    days = []
    for _month in range(months):
        first = (first - dt.timedelta(days=1)).replace(day=1)
        days.append(first)
    runs = [Run(as_of=day, is_look_back=True) for day in reversed(days) if day > opened]
    return len(Run.objects.bulk_create(runs))


def natural_as_of(*, shop: Shop, now: dt.datetime, today: bool = False) -> dt.date | None:
    """Return the day the numbers should speak of: yesterday (or today), or the newest order's day where the books ended
    long before, so that a file from the past is seen as its owner left it. None without a counting order."""
    counting = Order.objects.filter(counts=True, kind=Order.Kind.SALE, currency=shop.currency, contact__isnull=False)
    newest = counting.filter(placed_at__lt=now).order_by("-placed_at").values_list("placed_at", flat=True).first()
    if newest is None:
        return None
    wanted = clock.local_date(now, shop.timezone) - dt.timedelta(days=0 if today else 1)
    last = clock.local_date(newest, shop.timezone)
    return last if (wanted - last).days > BOOKS_CLOSED_DAYS else wanted


def due(*, now: dt.datetime) -> list[Run]:
    """Return the runs to do now: those asked for, tonight's once its hour has come, one after a file came or went."""
    _bury_stale(now)
    shop = Shop.objects.first()
    if shop is None:
        return []
    today = clock.local_date(now, shop.timezone)
    is_first = not Run.objects.exists()
    is_night = now >= shop.night_of(now) and not Run.objects.filter(night_of=today).exists()
    overtaken_at = _overtaken_at()
    is_asked = is_first or overtaken_at is not None
    if (is_asked or is_night) and not _is_importing():
        as_of = natural_as_of(shop=shop, now=now, today=is_asked)
        if is_asked and as_of is not None:
            run = Run.objects.create(as_of=as_of)
            # The file that asked for it shall ask once, whatever clock the caller goes by.
            Run.objects.filter(pk=run.pk).update(created_at=max(now, overtaken_at or now))
        elif as_of is not None and not _is_fresh(as_of, shop, today):
            Run.objects.bulk_create([Run(as_of=as_of, night_of=today)], ignore_conflicts=True)
    return list(Run.objects.filter(state=Run.State.WAITING).order_by("id"))


def _is_fresh(as_of: dt.date, shop: Shop, today: dt.date) -> bool:
    """Tell whether a run asked for today already speaks of that day or a later one."""
    midnight, _ = clock.day_bounds(today, shop.timezone)
    runs = Run.objects.filter(as_of__gte=as_of, created_at__gte=midnight)
    return runs.exclude(state=Run.State.FAILED).exists()


def _is_importing() -> bool:
    busy = (Import.State.WAITING, Import.State.READING, Import.State.UNDOING)
    return Import.objects.filter(state__in=busy).exists()


def _overtaken_at() -> dt.datetime | None:
    """Return when the last file came in, or was taken back, if that was after the newest run was asked for."""
    newest = Run.objects.filter(is_look_back=False).order_by("-id").first()
    if newest is None:
        return None
    came = Import.objects.filter(state=Import.State.DONE, finished_at__gt=newest.created_at)
    went = Import.objects.filter(state=Import.State.UNDONE, undone_at__gt=newest.created_at)
    moments = (came.aggregate(at=Max("finished_at"))["at"], went.aggregate(at=Max("undone_at"))["at"])
    return max(filter(None, moments), default=None)


def _bury_stale(now: dt.datetime) -> None:
    """Give up runs whose process died; the night's is tried again, three times at most."""
    for run in Run.objects.filter(state=Run.State.RUNNING, heartbeat_at__lt=now - STALE_AFTER):
        error = gettext_noop("The run stopped without a word; the machine may have been switched off.")
        bury(run.pk, error=error, now=now)


def bury(run_id: int, *, error: str, now: dt.datetime) -> None:
    """Mark a running run as failed; let the night be due again unless it has failed three times."""
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        return
    failed = Run.objects.filter(as_of=run.as_of, state=Run.State.FAILED).count()
    night_of = run.night_of if failed + 1 >= MOST_TRIES else None
    Run.objects.filter(pk=run_id, state=Run.State.RUNNING).update(
        state=Run.State.FAILED, error=error[:500], finished_at=now, night_of=night_of
    )


def run(*, as_of: dt.date, now: dt.datetime, run_id: int | None = None) -> Run:
    """Do one night and return its Run, done or failed; a failed one leaves yesterday's numbers as they are.

    With `run_id` that waiting row is claimed first; NothingToDo if somebody else was quicker.
    """
    if run_id is None:
        run_id = Run.objects.create(as_of=as_of).pk
    claimed = Run.objects.filter(pk=run_id, state=Run.State.WAITING).update(
        state=Run.State.RUNNING, as_of=as_of, started_at=now, heartbeat_at=now, error=""
    )
    if not claimed:
        raise NothingToDo(f"run {run_id} is not waiting")
    night = _Night(run_id, as_of, now)
    try:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # small matrices: several threads only wait for each other, and for the shop
            night.go()
    except Exception as error:
        if not night.stages.get("load", {}).get("missing"):  # too little data is an answer, not a fault
            log.exception("the night run failed")
        night.fail(error)
    return Run.objects.get(pk=run_id)


class _Night:
    """One run while it happens."""

    def __init__(self, run_id: int, as_of: dt.date, now: dt.datetime):
        self.run_id, self.as_of, self.now = run_id, as_of, now
        self.began = time.monotonic()
        self.stages: dict[str, dict] = {}
        self.champions: dict[str, str] = {}
        self.cards: list[ReportCard] = []
        self.found: dict[str, dict] = {}
        self.forecasts: list[tuple] = []
        self.churn = self.value = self.intent = self.advice = self.stage_of = self.offers = None
        self.promises: list[Promise] = []
        self.verdicts: list[tuple[int, dict, str]] = []
        self.leave_alone: set[int] = set()
        self.is_look_back = Run.objects.values_list("is_look_back", flat=True).get(pk=run_id)
        self.horizon = 0
        self.customers = self.orders = 0

    def moment(self) -> dt.datetime:
        return self.now + dt.timedelta(seconds=time.monotonic() - self.began)

    def go(self) -> None:
        self.do("load", self.load)
        self.do("rfm", self.grade)
        self.do("lifecycle", self.place, optional=True)
        self.do("churn", self.forecast, optional=True)
        self.do("value", self.forecast_value, optional=True)
        self.do("intent", self.forecast_intent, optional=True)
        if not self.is_look_back:
            self.do("recommend", self.recommend, optional=True)
            self.do("together", self.find_together, optional=True)
            self.do("alike", self.find_alike, optional=True)
            self.do("what_if", self.find_what_if, optional=True)
            self.do("leavers", self.find_leavers, optional=True)
            self.do("ladder", self.climb, optional=True)
            self.do("demand", self.forecast_demand, optional=True)
        self.do("store", self.store)
        self.do("scorecard", self.keep_score, optional=True)
        with transaction.atomic():  # the trays and "done" appear together
            if not self.is_look_back:
                self.do("publish", self.publish)
            self.finish()
        self.renew()
        self.prune()

    def renew(self) -> None:
        """Judge those who bought since by this run; the run is done already, and the next sweep tries again."""
        try:
            freshness.renew(now=self.moment())
        except Exception:
            log.exception("customers refreshed before this run were not judged by it")

    def do(self, name: str, act: Callable[[], None], *, optional: bool = False) -> None:
        """Do one stage and note how it went; an optional one that fails or lacks data does not stop the night."""
        from loyalty.estimators.base import NotEnoughData

        Run.objects.filter(pk=self.run_id).update(heartbeat_at=self.moment(), stages=self.stages)
        began = time.monotonic()
        note = {"state": "done", "seconds": 0.0, "reason": ""}
        self.stages[name] = note
        try:
            act()
        except NotEnoughData as error:
            note |= {"state": "skipped" if optional else "failed", "reason": str(error), "missing": error.as_json()}
            if not optional:
                raise
        except Exception as error:
            note |= {"state": "failed", "reason": f"{type(error).__name__}: {error}"[:500]}
            if not optional:
                raise
            log.exception("stage %s of the night run failed", name)
        finally:
            note["seconds"] = round(time.monotonic() - began, 3)

    def load(self) -> None:
        from loyalty import dataset
        from loyalty.estimators.base import summarise

        self.past = dataset.load(as_of=self.as_of)  # with what has stopped counting since, for earlier cuts
        self.today = self.past.upto(self.past.as_of)
        self.summary = summarise(self.today)
        self.customers, self.orders = len(self.summary.customer), len(self.today.order_day)
        self.marks = auditing.fingerprints(self.past)
        self.inputs = auditing.inputs(self.past, self.marks)

    def grade(self) -> None:
        from loyalty.estimators import churn, lifecycle, rfm
        from loyalty.estimators.base import NotEnoughData

        try:
            self.horizon = churn.suggest_horizon(self.today)
        except NotEnoughData:
            self.horizon = 90
        self.grades = rfm.grades(self.summary, self.horizon)
        self.cut_points = freshness.cut_points(self.summary, self.grades, lifecycle.shop_gap(self.summary))

    def place(self) -> None:
        from loyalty.estimators import lifecycle

        self.usual = lifecycle.usual_gaps(self.summary)
        self.stage_of = lifecycle.stages(self.summary)

    def forecast(self) -> None:
        from loyalty.estimators import churn

        churn.suggest_horizon(self.today)  # says what is missing where the orders cover too few days
        self.churn_tests = tests = churn.back_test(self.past, self.horizon)
        self.cards += chances.rows(self.run_id, "churn", tests)
        self.churn = churn.score(self.today, tests)
        self.churn_reasons = churn.reasons(self.churn, self.usual.round(1))
        self.champions["churn"] = tests.champion

    def forecast_value(self) -> None:
        from loyalty.estimators import value

        if self.churn is None:
            past, rows = None, None
        else:  # the same windows, looked at once
            past, rows = self.churn_tests.past, self.churn.rows
        tests = value.back_test(self.past, self.horizon, past=past)
        self.cards += value_cards.rows(self.run_id, tests)
        self.value = value.score(self.today, tests, rows=rows)
        self.champions["value"] = tests.champion

    def forecast_intent(self) -> None:
        from loyalty.estimators import intent

        if self.churn is not None and self.horizon == intent.HORIZON:  # the same question from its other side
            tests, self.intent = self.churn_tests, intent.Scores(self.horizon, 1 - self.churn.risk)
        else:
            tests = intent.back_test(self.past)
            self.intent = intent.score(self.today, tests)
        self.cards += chances.rows(self.run_id, "intent", tests)
        self.champions["intent"] = tests.champion

    def recommend(self) -> None:
        from loyalty.estimators import recommenders

        tests = recommenders.back_test(self.past, min(self.horizon, 60))
        self.cards += offers.rows(self.run_id, tests)
        self.advice = recommenders.advise(self.today, tests.champion, self.summary.customer, past=self.past)
        self.champions["offers"] = tests.champion

    def find_together(self) -> None:
        self.found |= patterns.together(self.today)

    def find_alike(self) -> None:
        self.found |= patterns.alike(self.past, self.horizon)

    def find_what_if(self) -> None:
        self.found |= network.what_if(self.past, self.horizon, as_of=self.as_of)

    def find_leavers(self) -> None:
        from loyalty import dataset

        self.found |= table_churn.leavers(*dataset.people())

    def climb(self) -> None:
        import numpy as np

        from loyalty import offering, sends
        from loyalty.estimators.rhythm import Rhythm
        from loyalty.stages import ladder, uptake, waste

        end = clock.day_bounds(self.as_of, Shop.current().timezone)[1]
        what = offering.read(now=end)
        rhythm = Rhythm().fit(self.today, self.summary)
        tests = sends.load(self.past, rhythm, margin=what.margin, point_minor=what.point_minor or 0.0)
        if self.intent is not None:
            away = np.clip(1 - self.intent.chance, 0, 1) ** (ladder.WINDOW_DAYS / self.intent.horizon)
        else:
            away = rhythm.no_purchase(self.summary, ladder.WINDOW_DAYS)
        found = ladder.ladder(
            self.today, self.summary, chance=1 - away, offering=what, sends=tests,
            known=sends.known(self.summary, rhythm, days=ladder.WINDOW_DAYS),
        )  # fmt: skip
        self.offers = found.offer, found.gain, found.reason
        contacts = self.today.customer_ids[self.summary.customer].tolist()
        self.leave_alone = {who for who, why in zip(contacts, found.reason) if why["code"] in ladder.LEAVE_ALONE}
        self.found |= found.found
        self.found |= waste.waste(
            self.today, rhythm, redeemed=offering.redeemed(now=end), beliefs=found.beliefs, sends=tests,
            trials=sends.coupon_trials(tests) if tests is not None else {}, window=ladder.WINDOW_DAYS,
        )  # fmt: skip
        self.found |= uptake.of_the_shop(self.today, offering.given(now=end), as_of=end.timestamp() / 86_400)

    def forecast_demand(self) -> None:
        import numpy as np

        from loyalty import dataset
        from loyalty.estimators import demand as estimator

        sales = dataset.sales(self.past)
        tests = estimator.back_test(sales)
        ids = self.past.product_ids
        counted = dict(Product.objects.exclude(stock_at=None).values_list("id", "stock_at"))
        stock_day = np.array([day_number(counted[pk]) if pk in counted else -1 for pk in ids.tolist()])
        self.forecasts = demand.rows(tests, sales, ids, self.past.product_active, stock_day)
        self.found[restocking.DEMAND] = demand.summary(tests)
        self.cards += demand_cards.rows(self.run_id, tests)
        self.champions["demand"] = tests.champion

    def store(self) -> None:
        ReportCard.objects.bulk_create(self.cards)
        Found.objects.bulk_create(Found(run_id=self.run_id, kind=kind, data=data) for kind, data in self.found.items())
        columns = (
            "run_id", "contact_id", "recency_grade", "frequency_grade", "money_grade", "group", "stage", "churn_risk",
            "at_stake_minor", "usual_gap_days", "reasons", "expected_orders", "value_ahead_minor", "value_low_minor",
            "value_high_minor", "intent", "next_product_id", "next_product_reason", "offer", "offer_gain_minor",
            "offer_reason", "input_hash",
        )  # fmt: skip
        rows = self.score_rows()
        self.customers = len(rows)
        for start in range(0, len(rows), CHUNK):
            with transaction.atomic():  # short, so that the shop can write in between; unseen until the run is done
                bulk.insert(Score, columns, rows[start : start + CHUNK])
            Run.objects.filter(pk=self.run_id).update(heartbeat_at=self.moment())
        on_shelf = set(Product.objects.values_list("id", flat=True))
        rows = [(self.run_id, *row) for row in self.forecasts if row[0] in on_shelf]
        for start in range(0, len(rows), CHUNK):
            with transaction.atomic():
                bulk.insert(Forecast, ("run_id", *demand.COLUMNS), rows[start : start + CHUNK])
        self.snapshots()

    def score_rows(self) -> list[tuple]:
        from loyalty.estimators import lifecycle, rfm

        size = self.customers
        contacts = self.today.customer_ids[self.summary.customer].tolist()
        group = [rfm.GROUPS[place] for place in self.grades.group.tolist()]
        blank = [None] * size
        stage = (
            [lifecycle.STAGES[place] for place in self.stage_of.tolist()] if self.stage_of is not None else [""] * size
        )
        usual = self.usual.round(1).tolist() if self.stage_of is not None else blank
        risk, stake, worth, reasons = blank, blank, blank, [[]] * size
        if self.churn is not None:
            risk = self.churn.risk.clip(0, 1).round(4).tolist()
            stake = _minor(self.churn.at_stake_minor)
            worth = [round(value) for value in self.churn.usual_order_minor.tolist()]
            reasons = self.churn_reasons
        ahead, low, high, orders = (
            (_minor(self.value.value_minor), _minor(self.value.low_minor), _minor(self.value.high_minor),
             self.value.orders.round(3).tolist())
            if self.value is not None else (blank,) * 4
        )  # fmt: skip
        soon = self.intent.chance.clip(0, 1).round(4).tolist() if self.intent is not None else blank
        product, because = blank, [{}] * size
        if self.advice is not None:
            on_shelf = set(Product.objects.values_list("id", flat=True))
            ids = [pk if pk in on_shelf else None for pk in self.today.product_ids.tolist()]
            product = [ids[place] if place >= 0 else None for place in self.advice.product.tolist()]
            because = _with_names(self.advice.reasons)
        offer, gain, offer_reason = self.offers or ([""] * size, blank, [{}] * size)
        there = set(Contact.objects.profiled().values_list("id", flat=True))  # someone may have left meanwhile
        visits, spend = self.summary.visits.tolist(), self.summary.spend.tolist()
        self.told = [row for row in zip(contacts, group, stage, visits, spend, risk, stake, worth) if row[0] in there]
        grades = self.grades
        return [
            row
            for row in zip(
                [self.run_id] * size, contacts,
                grades.recency.tolist(), grades.frequency.tolist(), grades.money.tolist(),
                group, stage, risk, stake, usual, reasons, orders, ahead, low, high, soon, product, because,
                offer, gain, offer_reason, self.marks[self.summary.customer].tolist(),
            )
            if row[1] in there
        ]  # fmt: skip

    def snapshots(self) -> None:
        """Write the groups at the end of each month of the last two years, and of the running month as it stands."""
        import numpy as np

        from loyalty.estimators import rfm
        from loyalty.estimators.base import summarise

        running = _month_end(self.as_of)
        newest = Snapshot.objects.aggregate(newest=Max("month"))["newest"]
        if newest and newest > running:
            return  # a look back: what was written of these months stands
        ends = [(running, self.summary, self.grades)]
        month = running.replace(day=1) - dt.timedelta(days=1)
        light = self.past.without_lines()
        first = date_of(self.past.first_day)
        while len(ends) <= MONTHS_BACK and month >= first:
            summary = summarise(light.upto(day_number(month)))
            ends.append((month, summary, rfm.grades(summary, self.horizon)))
            month = month.replace(day=1) - dt.timedelta(days=1)
        rows = []
        for month, summary, grades in ends:
            count = np.bincount(grades.group, minlength=len(rfm.GROUPS)).tolist()
            spent = np.bincount(grades.group, summary.spend, len(rfm.GROUPS)).round().tolist()
            rows += [
                Snapshot(month=month, group=name, customers=count[place], spent_minor=int(spent[place]))
                for place, name in enumerate(rfm.GROUPS)
            ]
        Snapshot.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["month", "group"], update_fields=["customers", "spent_minor"]
        )

    def keep_score(self) -> None:
        """Judge the promises whose days are over, and make this month's where this is its first run."""
        intent_days = self.intent.horizon if self.intent is not None else 0
        self.promises = scorecard.promises(
            run_id=self.run_id, as_of=self.as_of, now=self.now, horizon=self.horizon, intent_days=intent_days,
            champions=self.champions,
        )  # fmt: skip
        # Books that lag behind (a file once a week) say nothing of the days after their newest order.
        waiting = scorecard.due(min(self.as_of, date_of(self.past.last_day)))
        if waiting:
            self.verdicts = scorecard.judge(waiting, self.past, zone=Shop.current().timezone)

    def publish(self) -> None:
        from loyalty import publishing

        if Run.objects.filter(state=Run.State.DONE, as_of__gt=self.as_of).exists():
            self.stages["publish"] |= {"state": "skipped", "reason": "A run of a later day is on show."}
            return
        people = [
            publishing.Person(contact, group, stage, visits, round(spend), risk, stake, worth)
            for contact, group, stage, visits, spend, risk, stake, worth in self.told
        ]
        champion = next((card for card in self.cards if card.task == "churn" and card.is_champion), None)
        publishing.publish(
            people, as_of=self.as_of, horizon=self.horizon,
            card=champion.metrics | {
                "champion": champion.candidate, "baseline": "base_rate", "horizon_days": champion.horizon_days,
            } if champion else None,
            leave_alone=self.leave_alone, restock=self.restock(),
        )  # fmt: skip

    def restock(self):
        """Return the suggestion to order what runs out; the advice does without it where it cannot be told."""
        from loyalty import publishing

        found = self.found.get(restocking.DEMAND)
        return publishing.restock(Run.objects.get(pk=self.run_id), found) if found else None

    def finish(self) -> None:
        Run.objects.filter(pk=self.run_id).update(
            state=Run.State.DONE, customers=self.customers, orders=self.orders, horizon_days=self.horizon,
            intent_days=self.intent.horizon if self.intent is not None else 0,
            stages=self.stages, champions=self.champions, seconds=round(time.monotonic() - self.began, 3),
            peak_rss_mb=peak_rss_mb(), finished_at=self.moment(), heartbeat_at=self.moment(),
            inputs=self.inputs, cut_points=self.cut_points,
        )  # fmt: skip
        Promise.objects.bulk_create(self.promises, ignore_conflicts=True)
        for pk, came, verdict in self.verdicts:  # a run beside this one may have been quicker
            Promise.objects.filter(pk=pk, judged_on=None).update(came=came, verdict=verdict, judged_on=self.as_of)

    def fail(self, error: Exception) -> None:
        Score.objects.filter(run_id=self.run_id).delete()
        Forecast.objects.filter(run_id=self.run_id).delete()
        ReportCard.objects.filter(run_id=self.run_id).delete()
        Run.objects.filter(pk=self.run_id).update(
            state=Run.State.FAILED, error=str(error)[:500] or type(error).__name__, stages=self.stages,
            seconds=round(time.monotonic() - self.began, 3), peak_rss_mb=peak_rss_mb(), finished_at=self.moment(),
        )  # fmt: skip

    def prune(self) -> None:
        """Forget the scores of old runs: the newest 30 stay and each month's last; above 10,000 customers, 3."""
        small = self.customers <= 10_000
        runs = list(Run.objects.filter(state=Run.State.DONE).order_by("-as_of", "-id").values_list("id", "as_of"))
        kept = {pk for pk, _ in runs[: 30 if small else 3]} | {self.run_id}
        if small:
            months: dict[tuple, int] = {}
            for pk, as_of in runs:
                months.setdefault((as_of.year, as_of.month), pk)
            kept |= set(list(months.values())[:MONTHS_BACK])
        kept |= set(Promise.objects.filter(judged_on=None).values_list("run_id", flat=True))
        old = Score.objects.exclude(run_id__in=kept).order_by().values_list("run_id", flat=True).distinct()
        for pk in list(old):
            Score.objects.filter(run_id=pk, run__state__in=(Run.State.DONE, Run.State.FAILED)).delete()
        Found.objects.exclude(run_id__in=kept).delete()
        newest = {pk for pk, _ in runs[:KEPT_FORECASTS]} | {self.run_id}
        Forecast.objects.exclude(run_id__in=newest).delete()


def _minor(amounts) -> list[int]:
    return [min(round(amount), MONEY_LIMIT) for amount in amounts.tolist()]


def _with_names(reasons: list[dict]) -> list[dict]:
    """Add the other product's name to "bought with" reasons."""
    ids = {reason["product"] for reason in reasons if reason.get("code") == "bought_with"}
    names = dict(Product.objects.filter(id__in=bulk.among(ids)).values_list("id", "name")) if ids else {}
    return [
        reason | {"name": names.get(reason["product"], "")} if reason.get("code") == "bought_with" else reason
        for reason in reasons
    ]


def _month_end(date: dt.date) -> dt.date:
    return (date.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)


def peak_rss_mb() -> float:
    """Return the most memory this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
