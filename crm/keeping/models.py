"""What is kept for bad days.

Plan  how many backups are kept, and the passphrase they are encrypted with where the environment names none. It must be
      readable, because the night has nobody to ask; it protects the copies that leave the machine.
Job   one thing asked of the worker, and what came of it: a backup, a drill (a backup read back into a scratch place),
      an export of everything, a restore. It is also the log of all that was done. One of each kind waits or runs at a
      time; who runs it holds the lock of keeping.jobs, so that a job whose process died is taken up again.
      `name` is the file, `report` what was found: facts and findings of the books, what a restore carried over.
The backups themselves are files: the list is what lies in the folder (keeping.shelf), so that it survives the database.
Written by: keeping.jobs, keeping.views.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Plan(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    daily = models.PositiveSmallIntegerField(_("Days"), default=7)
    weekly = models.PositiveSmallIntegerField(_("Weeks"), default=4)
    monthly = models.PositiveSmallIntegerField(_("Months"), default=12)
    passphrase = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="plan_is_the_only_one"),
            models.CheckConstraint(condition=Q(daily__gte=1), name="plan_keeps_a_day"),
        ]

    @classmethod
    def current(cls) -> "Plan":
        """Return the shop's plan, as everybody begins with it where nothing was set."""
        return cls.objects.first() or cls()


class Job(models.Model):
    class Kind(models.TextChoices):
        BACKUP = "backup", _("Backup")
        DRILL = "drill", _("Trial restore")
        EXPORT = "export", _("Export of everything")
        RESTORE = "restore", _("Restore")

    class Why(models.TextChoices):
        NIGHT = "night", _("each night")
        ASKED = "asked", _("asked for")
        UPDATE = "update", _("before an update")

    kind = models.CharField(max_length=7, choices=Kind)
    why = models.CharField(max_length=6, choices=Why, default=Why.ASKED)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    name = models.CharField(max_length=120, blank=True)
    done = models.PositiveIntegerField(default=0)  # rows of an export so far
    total = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(finished_at=None), name="job_one_of_a_kind_waits"),
        ]
        indexes = [models.Index(fields=["kind", "-asked_at"], name="job_of_kind")]
