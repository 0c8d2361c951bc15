"""Files that came in, and what they changed.

Import       one file. waiting -> (mapping: the owner must say what the columns mean) -> reading -> done | failed
             | stopped; undone. The worker claims a waiting row with a conditional UPDATE and shows it is alive
             by `heartbeat_at`; a reading row whose heartbeat is old is taken up again from its beginning, which
             is safe because the same file twice changes nothing.
RejectedRow  a row we could not use, as it stood, with its line number and the reason.
Change       what a row held before this import changed it (fields that changed only), for undo. Undo puts it
             back only while the row is still at `version_after`, or, where that is 0, still holds `after`.
             Rows that the import created carry its id in their own `created_by_import`.
TypedOrder   one order form that was sent. Its key is unique, so that a form sent twice is one order, and its own
             number makes the order's: T-1001, T-1002, ... Written by: imports.typed.
The file itself is kept under MEDIA_ROOT/imports. Written by: imports.reading, imports.undoing.
"""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Import(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAPPING = "mapping", _("Columns to match")
        READING = "reading", _("Reading")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        UNDONE = "undone", _("Undone")

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    file_name = models.CharField(max_length=250)
    path = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    format = models.CharField(max_length=40, blank=True)  # a key of imports.formats.FORMATS
    kind = models.CharField(max_length=20, blank=True)  # orders, contacts, products
    options = models.JSONField(default=dict)  # currency, timezone, encoding, delimiter, dayfirst, award_points
    mapping = models.JSONField(default=dict)  # field -> column index, for files that need it
    rows_total = models.PositiveIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)  # counts and totals, the shape import_shop --json prints
    error = models.CharField(max_length=500, blank=True)
    stop_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    def __str__(self):
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("imports:detail", args=[self.pk])


class RejectedRow(models.Model):
    importing = models.ForeignKey(Import, models.CASCADE, related_name="rejected_rows")
    line_number = models.PositiveIntegerField()
    cells = models.JSONField()  # secrets already dropped
    reason = models.CharField(max_length=250)


class Change(models.Model):
    importing = models.ForeignKey(Import, models.CASCADE, related_name="changes")
    table = models.CharField(max_length=20)  # contact, order, product
    row_id = models.BigIntegerField()
    before = models.JSONField()
    after = models.JSONField(default=dict)  # what we set, for rows without a version (version_after = 0)
    version_after = models.PositiveIntegerField(default=0)


class TypedOrder(models.Model):
    form_key = models.CharField(max_length=64, unique=True)
    order = models.ForeignKey("orders.Order", models.SET_NULL, null=True, related_name="+")
