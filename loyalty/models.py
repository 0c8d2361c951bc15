"""What the analyst found, night by night.

Run         one night: everything below belongs to one. Readers use Run.objects.latest_done() only, so nobody
            sees half a night. `as_of` is the date the numbers speak of: nothing later was looked at.
Score       one person in one run: RFM grades (1 to 5), group, life-cycle stage, churn risk over `horizon_days`,
            money at stake, next best product, and the reasons in plain words' ingredients; what they will bring within
            `horizon_days` (the middle, and the ends between which 8 of 10 lie), and the chance of an order within
            `intent_days` of the run.
ReportCard  how good a task's candidate was on this shop's past: metrics of a strict split in time.
Found       patterns of one run as lists to draw: what goes together, how long until it is bought again, which customers
            behave alike (loyalty.stages.patterns).
Snapshot    size and value of a group at the end of a month, for charts over time.
Written by: loyalty.pipeline.
"""

from django.db import models


class RunQuerySet(models.QuerySet):
    def latest_done(self) -> "Run | None":
        return self.filter(state=Run.State.DONE).order_by("-as_of", "-id").first()


class Run(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    as_of = models.DateField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    night_of = models.DateField(null=True, unique=True)  # the local date of the scheduled run; null: asked for by hand
    customers = models.PositiveIntegerField(default=0)
    orders = models.PositiveIntegerField(default=0)
    horizon_days = models.PositiveSmallIntegerField(default=0)
    intent_days = models.PositiveSmallIntegerField(default=0)
    stages = models.JSONField(default=dict)  # name -> {state, seconds, reason}
    champions = models.JSONField(default=dict)  # task -> candidate
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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "contact"], name="score_once_per_run")]
        indexes = [
            models.Index(fields=["run", "-at_stake_minor", "-id"], name="score_by_stake"),
            models.Index(fields=["run", "recency_grade", "frequency_grade"], name="score_by_grade"),
            models.Index(fields=["run", "-value_ahead_minor", "-id"], name="score_by_value"),
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
