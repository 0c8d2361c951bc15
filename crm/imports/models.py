"""Files that came in, and what they changed.

Import       one file. From the browser: (mapping: the owner must say what the file leaves open) -> checking -> checked
             -> waiting -> reading -> done | failed | stopped; then undoing -> undone. The command line and the API
             begin with waiting. The worker claims a checking, waiting or undoing row with a conditional UPDATE and
             shows that it is alive by `heartbeat_at` (null: nobody has begun). A row whose heartbeat is old is taken
             up again from its beginning, which is safe: a check saves nothing, the same file twice changes nothing,
             and an undo forgets each change it has put back. A stopped or failed row may be set to waiting again.
             Nothing of a file is in the books before it is reading: until then it can be thrown away.
RejectedRow  a row we could not use, as it stood, with its line number and the reason.
Finding      one thing a check found that the owner may want to see: a new or changed row with what would change, a
             possible double, a consent. The first few hundred of a kind; `Import.preview` holds how many there are.
KnownHeader  what the owner said a header means, so that the next file with it is not asked about again.
Change       what a row held before this import changed it (fields that changed only), for undo. Undo puts it
             back only while the row is still at `version_after`, or, where that is 0, still holds `after`.
             Rows that the import created carry its id in their own `created_by_import`.
TypedOrder   one order form that was sent. Its key is unique, so that a form sent twice is one order, and its own
             number makes the order's: T-1001, T-1002, ... Written by: imports.typed.
The file itself is kept under MEDIA_ROOT/imports. Written by: imports.reading, imports.checking, imports.undoing,
imports.remembering.
"""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Import(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAPPING = "mapping", _("Needs your answer")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked, nothing saved")
        READING = "reading", _("Reading")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        UNDOING = "undoing", _("Being taken back")
        UNDONE = "undone", _("Taken back")

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    file_name = models.CharField(max_length=250)
    path = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    format = models.CharField(max_length=40, blank=True)  # a key of imports.formats.FORMATS
    kind = models.CharField(max_length=20, blank=True)  # orders, contacts, products
    # currency, timezone, encoding, delimiter, dayfirst, decimal; award_points: "older" gives points for orders from
    # before the programme too; unasked: read at once if the check finds nothing doubtful
    options = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)  # field -> column index, for files that need it
    rows_total = models.PositiveIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)  # counts and totals, the shape import_shop --json prints
    preview = models.JSONField(default=dict)  # what the check found: the same shape, and `check` beside it
    undo = models.JSONField(default=dict)  # how far an undo is: counts, and the rows it had to leave
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

    def words(self) -> list[str]:
        """Return what stands in the row."""
        return [cell for cell in self.cells if cell.strip()]


class Finding(models.Model):
    class Kind(models.TextChoices):
        ORDER_NEW = "order_new"
        ORDER_CHANGED = "order_changed"
        ORDER_DOUBLE = "order_double"
        CONTACT_NEW = "contact_new"
        CONTACT_CHANGED = "contact_changed"
        CONTACT_DOUBLE = "contact_double"
        CONSENT = "consent"
        PRODUCT_CHANGED = "product_changed"
        REFUND = "refund"

    importing = models.ForeignKey(Import, models.CASCADE, related_name="findings", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind)
    label = models.CharField(max_length=300)
    row_id = models.BigIntegerField(null=True)  # of the row in the books it speaks of; null: there is none yet
    details = models.JSONField(default=dict)  # see imports.checking

    class Meta:
        indexes = [models.Index(fields=["importing", "kind", "id"], name="finding_of_import")]


class KnownHeader(models.Model):
    fingerprint = models.CharField(max_length=64, unique=True)  # of the columns' names in their order
    format = models.CharField(max_length=40)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)  # what the owner was asked: currency, timezone, dayfirst, ...
    said_at = models.DateTimeField()


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
