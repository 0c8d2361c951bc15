"""Take an import back: what it changed is put back, what it made is removed, the points follow.

Piece by piece, each in a transaction of its own, so that an interrupted undo can be begun again. A row
that somebody changed since is not ours any more: it stays as it is and is listed.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from crm.campaigns import attribution
from crm.campaigns.models import Message
from crm.contacts.models import Consent, Contact, ContactKey, Note
from crm.imports.models import Change, Import
from crm.lib import bulk
from crm.orders import returning, standing
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.rewards import ledger, settling
from crm.rewards.models import Account, Entry

PIECE = 500
_LISTED = 1_000  # conflicts that are named one by one
_MODELS = {"contact": Contact, "order": Order, "product": Product}
_LINE = ("order_id", "position", "product_id", "name", "sku", "quantity", "unit_price_minor", "total_minor")
_REFUND = ("order_id", "key", "amount_minor", "at", "reason", "quantities")


class NotUndoable(ValueError):
    """The import cannot be undone in its state; the text says why."""


class _Undo:
    """One undo: what it did so far."""

    def __init__(self, import_id: int, now: dt.datetime):
        self.import_id, self.now = import_id, now
        self.counts = {name: {"removed": 0, "restored": 0, "kept": 0} for name in ("orders", "contacts", "products")}
        self.restored: dict[str, set[int]] = defaultdict(set)
        self.conflicts: list[dict] = []

    def conflict(self, table: str, row_id: int, label: str, reason: str) -> None:
        self.counts[table + "s"]["kept"] += 1
        if len(self.conflicts) < _LISTED:
            self.conflicts.append({"table": table, "id": row_id, "label": label, "reason": reason})

    # ---- what was changed

    def restore(self, changes_of: models.Q) -> None:
        """Put changed rows back, newest change first. A change dealt with is forgotten: nothing is done twice."""
        refused: set[tuple[str, int]] = set()
        waiting = Change.objects.filter(changes_of, importing=self.import_id).order_by("-id")
        while changes := list(waiting[:PIECE]):
            with transaction.atomic():
                touched = []
                for change in changes:
                    row = change.table, change.row_id
                    if row not in refused and self._restore(change):
                        touched.append(change)
                    else:
                        refused.add(row)
                for change in touched:
                    self.restored[change.table].add(change.row_id)
                self._after({change.row_id for change in touched if change.table == "order"})
                Change.objects.filter(id__in=[change.id for change in changes]).delete()
        for table, ids in self.restored.items():
            self.counts[table + "s"]["restored"] = len(ids)

    def _restore(self, change: Change) -> bool:
        model = _MODELS[change.table]
        row = model.objects.filter(pk=change.row_id).first()
        if row is None:
            return True  # removed since: nothing is left to put back
        if change.version_after:
            is_ours = row.version == change.version_after
        else:
            is_ours = all(getattr(row, name) == _read(model, name, value) for name, value in change.after.items())
        if not is_ours:
            if change.version_after or change.table == "product":
                self.conflict(change.table, row.pk, str(row), _("changed since the import"))
            return False
        columns = {
            name: _read(model, name, value) for name, value in change.before.items() if name not in ("lines", "refunds")
        }
        if change.version_after:
            columns["version"] = row.version - 1  # what the change before this one left behind
            columns["updated_at"] = self.now
        try:
            with transaction.atomic():
                model.objects.filter(pk=row.pk).update(**columns)
        except IntegrityError:
            self.conflict(change.table, row.pk, str(row), _("another customer has this e-mail by now"))
            return False
        if "lines" in change.before:
            OrderLine.objects.filter(order=row.pk).delete()
            bulk.insert(OrderLine, _LINE, _still_sold(change.before["lines"]))
        if "refunds" in change.before:
            Refund.objects.filter(order=row.pk).delete()
            refunds = [
                [*refund[:3], dt.datetime.fromisoformat(refund[3]), *refund[4:]] for refund in change.before["refunds"]
            ]
            bulk.insert(Refund, _REFUND, refunds)
        if "consent" in columns:
            Consent.objects.create(
                contact_id=row.pk, state=columns["consent"], source=Consent.Source.IMPORT, at=self.now,
                detail=_("Import %(number)s was undone") % {"number": self.import_id},
            )  # fmt: skip
        return True

    # ---- what was made

    def remove_orders(self) -> None:
        for ids in _pieces(Order.objects.filter(created_by_import=self.import_id)):
            with transaction.atomic():
                orders = Order.objects.filter(id__in=ids)
                for order in orders.filter(version__gt=1).order_by("id"):
                    self.conflict("order", order.pk, order.number, _("changed since the import"))
                going = list(orders.filter(version=1).values_list("id", "contact_id", "kind"))
                gone = [order_id for order_id, _contact, _kind in going]
                slips = [order_id for order_id, _contact, kind in going if kind == Order.Kind.RETURN]
                originals, _changes = returning.unmatch(slips, now=self.now, import_id=self.import_id)
                people = {contact_id for _order, contact_id, _kind in going if contact_id}
                OrderLine.objects.filter(order__in=gone)._raw_delete(using=OrderLine.objects.db)
                Order.objects.filter(id__in=gone).delete()
                orders.update(created_by_import=None)  # those that stay belong to whoever changed them
                self._after({*gone, *originals}, people)
                self.counts["orders"]["removed"] += len(gone)

    def remove_contacts(self) -> None:
        ContactKey.objects.filter(created_by_import=self.import_id).exclude(
            contact__created_by_import=self.import_id
        ).delete()
        for ids in _pieces(Contact.objects.filter(created_by_import=self.import_id)):
            with transaction.atomic():
                people = Contact.objects.filter(id__in=ids)
                self._take_gifts_back(ids)
                staying = self._reasons_to_stay(ids)
                for person in people.filter(id__in=list(staying)).order_by("id"):
                    self.conflict("contact", person.pk, person.display_name, staying[person.pk])
                gone = [contact_id for contact_id in ids if contact_id not in staying]
                people.filter(id__in=gone).delete()
                people.update(created_by_import=None)
                self.counts["contacts"]["removed"] += len(gone)

    def _take_gifts_back(self, ids: Sequence[int]) -> None:
        """Take welcome gifts back: the people they greeted were never here."""
        gifts = Entry.objects.filter(account__contact__in=ids, kind=Entry.Kind.WELCOME, points__gt=0)
        given = gifts.values_list("account__contact_id", "points", "source", "rule_id")
        reason = _("Import %(number)s was undone") % {"number": self.import_id}
        ledger.post(
            [
                ledger.Posting(
                    contact_id=contact_id,
                    points=-points,
                    kind=Entry.Kind.WELCOME,
                    source=f"undo:{self.import_id}:{source}",
                    at=self.now,
                    rule_id=rule_id,
                    reason=reason,
                )
                for contact_id, points, source, rule_id in given
            ],
            now=self.now,
        )

    def _reasons_to_stay(self, ids: Sequence[int]) -> dict[int, str]:
        reasons: dict[int, str] = {}

        def stay(rows: Iterable[int], reason: str) -> None:
            for contact_id in rows:
                reasons.setdefault(contact_id, reason)

        stay(
            Contact.objects.filter(id__in=ids, version__gt=1).values_list("id", flat=True),
            _("changed since the import"),
        )
        stay(Order.objects.filter(contact__in=ids).values_list("contact_id", flat=True), _("has other orders"))
        stay(Message.objects.filter(contact__in=ids).values_list("contact_id", flat=True), _("was written to"))
        stay(Note.objects.filter(contact__in=ids).values_list("contact_id", flat=True), _("has notes"))
        accounts = Account.objects.filter(contact__in=ids)
        stay(accounts.exclude(balance=0).values_list("contact_id", flat=True), _("has points"))
        by_hand = Entry.objects.filter(kind__in=[Entry.Kind.ADJUST, Entry.Kind.CAMPAIGN], account__contact__in=ids)
        stay(by_hand.values_list("account__contact_id", flat=True), _("was given points"))
        return reasons

    def remove_products(self) -> None:
        for ids in _pieces(Product.objects.filter(created_by_import=self.import_id)):
            with transaction.atomic():
                sold = set(OrderLine.objects.filter(product__in=ids).values_list("product_id", flat=True))
                gone = [product_id for product_id in ids if product_id not in sold]
                Product.objects.filter(id__in=gone).delete()
                Product.objects.filter(id__in=sold).update(created_by_import=None)
                self.counts["products"]["removed"] += len(gone)
                self.counts["products"]["kept"] += len(sold)

    def _after(self, order_ids: set[int], people: set[int] = frozenset()) -> None:
        """Bring points, standing and campaign results in line with orders that changed or went."""
        if not order_ids:
            return
        settling.settle(order_ids, now=self.now)
        attribution.attribute(order_ids, now=self.now)
        buyers = Order.objects.filter(id__in=bulk.among(order_ids), contact__isnull=False)
        standing.refresh({*buyers.values_list("contact_id", flat=True), *people})


def undo(import_id: int, *, now: dt.datetime) -> dict:
    """Undo an import and return what was removed, restored and kept; raise NotUndoable."""
    importing = Import.objects.filter(pk=import_id).first()
    if importing is None:
        raise NotUndoable(_("There is no import %(number)s.") % {"number": import_id})
    if importing.state == Import.State.UNDONE:
        raise NotUndoable(_("Import %(number)s was undone already.") % {"number": import_id})
    ended = [Import.State.DONE, Import.State.STOPPED, Import.State.FAILED]
    if importing.state not in ended:
        raise NotUndoable(_("Import %(number)s is not finished; stop it first.") % {"number": import_id})
    work = _Undo(import_id, now)
    beginnings = models.Q(table="contact", version_after=0)
    work.restore(~beginnings)
    work.remove_orders()
    work.restore(beginnings)  # when people joined follows their orders, so it waits until these are gone
    work.remove_contacts()
    work.remove_products()
    Import.objects.filter(pk=import_id, state__in=ended).update(state=Import.State.UNDONE, undone_at=now)
    return {"import_id": import_id, **work.counts, "conflicts": work.conflicts}


def _pieces(rows: models.QuerySet) -> Iterator[list[int]]:
    """Yield the rows' ids in pieces; those of a piece must be gone, or match no longer, before the next."""
    while ids := list(rows.order_by("id").values_list("id", flat=True)[:PIECE]):
        yield ids


def _read(model: type[models.Model], name: str, value):
    """Return a column's value from what JSON kept of it."""
    field = next(field for field in model._meta.concrete_fields if name in (field.attname, field.name))
    if isinstance(field, models.ForeignKey | models.JSONField):
        return value
    return field.to_python(value)


def _still_sold(lines: Sequence[Sequence]) -> list[list]:
    """Return lines as they stood, without products that are gone by now."""
    there = set(
        Product.objects.filter(id__in=bulk.among([line[2] for line in lines if line[2]])).values_list("id", flat=True)
    )
    return [[*line[:2], line[2] if line[2] in there else None, *line[3:]] for line in lines]
