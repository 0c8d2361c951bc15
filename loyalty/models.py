"""What the analyst found, night by night.

Run         one night: everything below belongs to one. Readers use Run.objects.latest_done() only, so nobody
            sees half a night. `as_of` is the date the numbers speak of: nothing later was looked at. `inputs` says what
            was read (loyalty.auditing), `cut_points` where the grades change (loyalty.freshness).
            A run that `is_look_back` was made up for afterwards: it keeps the scores and promises of its date, and is
            never on show.
Score       one person in one run: RFM grades (1 to 5), group, life-cycle stage, churn risk over `horizon_days`,
            money at stake, next best product, and the reasons in plain words' ingredients; what they will bring within
            `horizon_days` (the middle, and the ends between which 8 of 10 lie), and the chance of an order within
            `intent_days` of the run; the cheapest offer expected to work on them, and what it is expected to bring
            after all it costs.
ReportCard  how good a task's candidate was on this shop's past: metrics of a strict split in time.
Found       patterns of one run as lists to draw: what goes together, how long until it is bought again, which customers
            behave alike (loyalty.stages.patterns).
Forecast    one product in one run: units sold within the last weeks, and a year ago within the weeks ahead; the units
            expected within these (how many weeks stands in Found "demand") and the ends between which 8 of 10 lie.
            Units are net of returns. Only the newest runs keep theirs.
Snapshot    size and value of a group at the end of a month, for charts over time.
Promise     what the first run of a month told of one question, and, once its days are over, what came of it beside what
            a simple rule would have said: judged once, kept for ever (loyalty.stages.scorecard).
Written by: loyalty.pipeline; and between two nights by loyalty.freshness:
Stir        an order that was made, changed or given back, or a customer who visited the website, not looked at yet.
            Rows are only added, and removed by the worker once it has looked, so that nothing is lost while it looks.
Fresh       a customer whose orders changed, or who visited the website, since the latest run: grades, group and stage
            as they are now. Readers put it before the Score, whose chances the next night works out again.
By loyalty.sharing:
Disclosure  a report with noise that may be handed on, drawn once and kept as it was.
PrivacyYear how much of a calendar year's privacy budget such reports have used.
"""

from django.db import models


class RunQuerySet(models.QuerySet):
    def latest_done(self) -> "Run | None":
        return self.filter(state=Run.State.DONE, is_look_back=False).order_by("-as_of", "-id").first()


class Run(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    as_of = models.DateField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    night_of = models.DateField(null=True, unique=True)  # the local date of the scheduled run; null: asked for by hand
    is_look_back = models.BooleanField(default=False)
    customers = models.PositiveIntegerField(default=0)
    orders = models.PositiveIntegerField(default=0)
    horizon_days = models.PositiveSmallIntegerField(default=0)
    intent_days = models.PositiveSmallIntegerField(default=0)
    stages = models.JSONField(default=dict)  # name -> {state, seconds, reason}
    champions = models.JSONField(default=dict)  # task -> candidate
    inputs = models.JSONField(default=dict)  # counts, dates, hashes and versions: auditing.inputs
    cut_points = models.JSONField(default=dict)  # freshness.CutPoints
    error = models.CharField(max_length=500, blank=True)
    seconds = models.FloatField(default=0)
    peak_rss_mb = models.FloatField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()


class Score(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="scores")
    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="scores")
    recency_grade = models.PositiveSmallIntegerField()
    frequency_grade = models.PositiveSmallIntegerField()
    money_grade = models.PositiveSmallIntegerField()
    group = models.CharField(max_length=30)
    stage = models.CharField(max_length=20)
    churn_risk = models.FloatField(null=True)
    at_stake_minor = models.BigIntegerField(null=True)
    usual_gap_days = models.FloatField(null=True)
    expected_orders = models.FloatField(null=True)
    value_ahead_minor = models.BigIntegerField(null=True)
    value_low_minor = models.BigIntegerField(null=True)
    value_high_minor = models.BigIntegerField(null=True)
    intent = models.FloatField(null=True)  # 0 to 1
    reasons = models.JSONField(default=list)  # [{"code": "quiet_for", "days": 41, "usual": 18}, ...]
    next_product = models.ForeignKey("orders.Product", models.SET_NULL, null=True)
    next_product_reason = models.JSONField(default=dict)
    offer = models.CharField(max_length=20, blank=True)  # a rung of loyalty.estimators.rungs.RUNGS
    offer_gain_minor = models.BigIntegerField(null=True)
    offer_reason = models.JSONField(default=dict)  # {"code": "tested", "chance": 0.31, "more": 0.04}
    input_hash = models.BigIntegerField(null=True)  # of this customer's orders as known that day: loyalty.auditing

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "contact"], name="score_once_per_run")]
        indexes = [
            models.Index(fields=["run", "-at_stake_minor", "-id"], name="score_by_stake"),
            models.Index(fields=["run", "recency_grade", "frequency_grade"], name="score_by_grade"),
            models.Index(fields=["run", "-value_ahead_minor", "-id"], name="score_by_value"),
            models.Index(fields=["run", "offer", "-offer_gain_minor", "-id"], name="score_by_offer"),
        ]


class ReportCard(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="report_cards")
    task = models.CharField(max_length=30)
    candidate = models.CharField(max_length=40)
    is_baseline = models.BooleanField(default=False)
    is_champion = models.BooleanField(default=False)
    cut_date = models.DateField()
    horizon_days = models.PositiveSmallIntegerField()
    customers = models.PositiveIntegerField()
    positives = models.PositiveIntegerField()
    metrics = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "task", "candidate"], name="card_once_per_candidate")]


class Snapshot(models.Model):
    month = models.DateField()  # its last day
    group = models.CharField(max_length=30)
    customers = models.PositiveIntegerField()
    spent_minor = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "group"], name="snapshot_once_a_month")]


class Found(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="found")
    kind = models.CharField(max_length=20)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="found_once_per_kind")]


class Forecast(models.Model):
    class Note(models.TextChoices):
        FEW = "few"  # too few sales for more than a span
        SEASON = "season"  # sells in one season only: told by its own last year
        NEW = "new"  # on sale for less than the weeks ahead
        STOPPED = "stopped"  # quiet for longer than its own gaps explain: nothing is expected

    run = models.ForeignKey(Run, models.CASCADE, related_name="forecasts")
    product = models.ForeignKey("orders.Product", models.CASCADE, related_name="forecasts")
    sold = models.FloatField()
    last_year = models.FloatField(null=True)  # null: the shop's books do not reach back that far
    expected = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    note = models.CharField(max_length=8, choices=Note, blank=True)
    last_sold = models.DateField()
    since_stock = models.FloatField(null=True)  # units sold since the stock was counted, up to the run's date
    weeks = models.JSONField(default=list)  # units of each of the last 52 weeks, the oldest first

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "product"], name="forecast_once_per_run")]
        indexes = [
            models.Index(fields=["run", "-expected", "-id"], name="forecast_by_expected"),
            models.Index(fields=["run", "note", "product"], name="forecast_by_note"),  # counts read it alone
        ]


class Promise(models.Model):
    class Verdict(models.TextChoices):
        AHEAD = "ahead"  # of the simple rule, by more than chance explains
        LEVEL = "level"
        BEHIND = "behind"
        ALONE = "alone"  # there was nothing to compare: the rule itself spoke, or nobody was named

    run = models.ForeignKey(Run, models.CASCADE, related_name="promises")
    task = models.CharField(max_length=30)
    month = models.DateField()  # its first day
    made_on = models.DateField()  # the date the numbers spoke of
    made_at = models.DateTimeField()  # when they were worked out
    horizon_days = models.PositiveSmallIntegerField()
    due_on = models.DateField()  # the last day it speaks of
    method = models.CharField(max_length=40)
    told = models.JSONField(default=dict)
    came = models.JSONField(default=dict)
    verdict = models.CharField(max_length=6, choices=Verdict, blank=True)
    judged_on = models.DateField(null=True)  # the date of the run that judged it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "month"], name="promise_once_a_month")]


class Stir(models.Model):
    order_id = models.BigIntegerField(null=True)  # no foreign key: an order that was removed meanwhile is passed over
    contact_id = models.BigIntegerField(null=True)  # of a visit
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(order_id=None) ^ models.Q(contact_id=None), name="stir_by_an_order_or_a_visit"
            )
        ]


class Fresh(models.Model):
    contact = models.OneToOneField("contacts.Contact", models.CASCADE, primary_key=True, related_name="fresh")
    run = models.ForeignKey(Run, models.CASCADE, related_name="fresh")  # whose cut points were used
    at = models.DateTimeField()
    first_date = models.DateField(null=True)  # null, and grades of 0: no order counts any more
    last_date = models.DateField(null=True)  # of the newest order that counts
    is_back = models.BooleanField()  # bought since the run
    visited_at = models.DateTimeField(null=True)  # the website, since the run
    visits = models.PositiveIntegerField()  # days with an order
    spent_minor = models.BigIntegerField()
    recency_grade = models.PositiveSmallIntegerField()
    frequency_grade = models.PositiveSmallIntegerField()
    money_grade = models.PositiveSmallIntegerField()
    group = models.CharField(max_length=30, blank=True)
    stage = models.CharField(max_length=20)
    usual_gap_days = models.FloatField(null=True)


class PrivacyYear(models.Model):
    BUDGET_MILLI = 2_000

    year = models.PositiveSmallIntegerField(primary_key=True)
    spent_milli = models.PositiveIntegerField(default=0)  # thousandths of epsilon

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(spent_milli__lte=2_000), name="privacy_year_within_its_budget")
        ]


class Disclosure(models.Model):
    form_key = models.CharField(max_length=64, unique=True)
    as_of = models.DateField()
    epsilon_milli = models.PositiveIntegerField()
    most_each = models.PositiveIntegerField()  # whole units of the currency one customer counts for
    currency = models.CharField(max_length=3)
    tables = models.JSONField()  # name -> {"margin": 12, "rows": [[what, noisy count]]}
    made_at = models.DateTimeField()
