"""Take an import back: what it changed is put back, what it made is removed, the points follow.

Piece by piece, each in a transaction of its own, so that an interrupted undo can be begun again; how far it is and
what it had to leave stands in `Import.undo`, written with each piece. A row that somebody changed since is not ours
any more: it stays as it is and is listed.
"""

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, models, transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import attribution
from crm.campaigns.models import Message
from crm.contacts import moving
from crm.contacts.models import Consent, Contact, ContactKey, Note
from crm.imports import crediting, opening
from crm.imports.models import Change, Import
from crm.lib import bulk
from crm.orders import returning, standing
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.rewards import ledger, settling
from crm.rewards.models import Account, Entry

PIECE = 500
_LISTED = 500  # conflicts that are named one by one
_FORESEEN = 50
_KINDS = ("orders", "contacts", "products")
_MODELS = {"contact": Contact, "order": Order, "product": Product}
_LINE = ("order_id", "position", "product_id", "name", "sku", "quantity", "unit_price_minor", "total_minor")
_REFUND = ("order_id", "key", "amount_minor", "at", "reason", "quantities")


class NotUndoable(ValueError):
    """The import cannot be undone in its state; the text says why."""


class _Undo:
    """One undo: what it did so far, by this process and by one that died before it."""

    def __init__(self, import_id: int, now: dt.datetime, so_far: dict):
        self.import_id, self.now = import_id, now
        self.counts = {kind: so_far.get(kind) or {"removed": 0, "restored": 0, "kept": 0} for kind in _KINDS}
        self.restored: dict[str, set[int]] = defaultdict(set)
        self.conflicts: list[dict] = so_far.get("conflicts", [])
        self.done, self.total = so_far.get("done", 0), so_far.get("total", 0)
        self.started = time.monotonic()

    def told(self) -> dict:
        """Return what the undo came to so far."""
        return {**self.counts, "conflicts": self.conflicts}

    def save(self, pieces: int = 0) -> None:
        """Write how far we are, inside the transaction of the piece that was done."""
        self.done += pieces
        alive = self.now + dt.timedelta(seconds=time.monotonic() - self.started)
        Import.objects.filter(pk=self.import_id).update(
            undo={**self.told(), "done": self.done, "total": self.total}, heartbeat_at=alive
        )

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
                    known = self.restored[change.table]
                    if change.version_after or change.table == "product":  # a beginning is standing, not an edit
                        self.counts[change.table + "s"]["restored"] += change.row_id not in known
                        known.add(change.row_id)
                self._after({change.row_id for change in touched if change.table == "order"})
                Change.objects.filter(id__in=[change.id for change in changes]).delete()
                self.save(len(changes))

    def _restore(self, change: Change) -> bool:
        model = _MODELS[change.table]
        row = model.objects.filter(pk=change.row_id).first()
        if row is None:
            return True  # removed since: nothing is left to put back
        if change.version_after:
            is_ours = row.version == change.version_after
        else:
            is_ours = all(getattr(row, name) == moving.read(model, name, value) for name, value in change.after.items())
        if not is_ours:
            if change.version_after or change.table == "product":
                self.conflict(change.table, row.pk, str(row), _("changed since the import"))
            return False
        columns = {
            name: moving.read(model, name, value)
            for name, value in change.before.items()
            if name not in ("lines", "refunds")
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
                detail=self._reason,
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
                crediting.take_back(gone, now=self.now, reason=self._reason)
                slips = [order_id for order_id, _contact, kind in going if kind == Order.Kind.RETURN]
                originals, _changes = returning.unmatch(slips, now=self.now, import_id=self.import_id)
                people = {contact_id for _order, contact_id, _kind in going if contact_id}
                OrderLine.objects.filter(order__in=gone)._raw_delete(using=OrderLine.objects.db)
                Order.objects.filter(id__in=gone).delete()
                orders.update(created_by_import=None)  # those that stay belong to whoever changed them
                self._after({*gone, *originals}, people)
                self.counts["orders"]["removed"] += len(gone)
                self.save(len(ids))

    def take_balances_back(self) -> None:
        """Take back the points that customers brought along in this import, also from those who stay."""
        last = 0
        while True:
            with transaction.atomic():
                last = opening.take_back(
                    self.import_id, after=last, most=PIECE, now=self.now, reason=self._reason
                )
                self.save()
            if not last:
                break

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
                self.save(len(ids))

    @property
    def _reason(self) -> str:
        return _("Import %(number)s was undone") % {"number": self.import_id}

    def _take_gifts_back(self, ids: Sequence[int]) -> None:
        """Take welcome gifts back: the people they greeted were never here."""
        gifts = Entry.objects.filter(account__contact__in=ids, kind=Entry.Kind.WELCOME, points__gt=0)
        given = gifts.values_list("account__contact_id", "points", "source", "rule_id")
        ledger.post(
            [
                ledger.Posting(
                    contact_id=contact_id,
                    points=-points,
                    kind=Entry.Kind.WELCOME,
                    source=f"undo:{self.import_id}:{source}",
                    at=self.now,
                    rule_id=rule_id,
                    reason=self._reason,
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
        stay(crediting.by_hand(ids), _("was given points"))
        return reasons

    def remove_products(self) -> None:
        for ids in _pieces(Product.objects.filter(created_by_import=self.import_id)):
            with transaction.atomic():
                sold = set(OrderLine.objects.filter(product__in=ids).values_list("product_id", flat=True))
                gone = [product_id for product_id in ids if product_id not in sold]
                Product.objects.filter(id__in=gone).delete()
                Product.objects.filter(id__in=sold).update(created_by_import=None)
                for product in Product.objects.filter(id__in=sold).order_by("id"):
                    self.conflict("product", product.pk, str(product), _("is part of orders that stay"))
                self.counts["products"]["removed"] += len(gone)
                self.save(len(ids))

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
    begin(import_id, now=now)
    Import.objects.filter(pk=import_id).update(heartbeat_at=now)
    return carry_on(import_id, now=now)


def begin(import_id: int, *, now: dt.datetime) -> None:
    """Let a worker undo an import; raise NotUndoable."""
    importing = Import.objects.filter(pk=import_id).first()
    if importing is None:
        raise NotUndoable(_("There is no import %(number)s.") % {"number": import_id})
    if importing.state == Import.State.UNDONE:
        raise NotUndoable(_("Import %(number)s was undone already.") % {"number": import_id})
    row = Import.objects.filter(pk=import_id)
    begun = {"state": Import.State.UNDOING, "started_at": now, "heartbeat_at": None, "error": ""}
    ended = row.filter(state__in=[Import.State.DONE, Import.State.STOPPED, Import.State.FAILED])
    broken_off = row.filter(state=Import.State.UNDOING, error__gt="")
    if not (ended.update(**begun, undo={"total": _rows_of(import_id)}) or broken_off.update(**begun)):
        raise NotUndoable(_("Import %(number)s is not finished; stop it first.") % {"number": import_id})


def carry_on(import_id: int, *, now: dt.datetime) -> dict:
    """Undo an import that was begun to be undone, or go on where that ended; return what came of it."""
    with translation.override(Shop.current().language), _saying_why(import_id):  # kept for the owner to read later
        work = _Undo(import_id, now, Import.objects.values_list("undo", flat=True).get(pk=import_id))
        beginnings = models.Q(table="contact", version_after=0)
        work.restore(~beginnings)
        work.remove_orders()
        work.take_balances_back()
        work.restore(beginnings)  # when people joined follows their orders, so it waits until these are gone
        work.remove_contacts()
        work.remove_products()
        with transaction.atomic():
            work.save()
            Import.objects.filter(pk=import_id, state=Import.State.UNDOING).update(
                state=Import.State.UNDONE, undone_at=now
            )
    return {"import_id": import_id, **work.told()}


@contextmanager
def _saying_why(import_id: int) -> Iterator[None]:
    """Note on the import what broke an undo off; it can be gone on with."""
    try:
        yield
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        said = _("We could not take it back to the end: %(reason)s") % {"reason": reason[:400]}
        Import.objects.filter(pk=import_id).update(error=said)
        raise


# ---- what would happen


def foresee(import_id: int) -> dict:
    """Return what an undo would remove, restore and leave, the points it would take, and the first rows it leaves."""
    orders = Order.objects.filter(created_by_import=import_id)
    people = Contact.objects.filter(created_by_import=import_id)
    leaving: list[dict] = []
    staying = _foreseen_to_stay(import_id)
    products = Product.objects.filter(created_by_import=import_id)
    sold = _foreseen_to_be_sold(import_id)
    counts = {
        "orders": {"removed": orders.filter(version=1).count(), "kept": orders.filter(version__gt=1).count()},
        "contacts": {"removed": people.count() - len(staying), "kept": len(staying)},
        "products": {"removed": products.count() - len(sold), "kept": len(sold)},
    }
    changed_since = _("changed since the import")
    for order in orders.filter(version__gt=1).order_by("id")[:_FORESEEN]:
        leaving.append({"table": "order", "id": order.pk, "label": order.number, "reason": changed_since})
    for table, model in _MODELS.items():
        changes = Change.objects.filter(importing=import_id, table=table)
        if table != "product":
            changes = changes.filter(version_after__gt=0)
        total = changes.values("row_id").distinct().count()
        kept = 0
        if table != "product":
            now_at = Subquery(model.objects.filter(pk=OuterRef("row_id")).values("version")[:1])
            untouched = changes.filter(version_after=now_at).values("row_id").distinct()
            kept = total - untouched.count()
            moved = model.objects.filter(id__in=changes.values("row_id")).exclude(id__in=untouched)
            for row in moved.order_by("id")[:_FORESEEN] if kept else ():
                leaving.append({"table": table, "id": row.pk, "label": str(row), "reason": changed_since})
        counts[table + "s"]["restored"] = total - kept
        counts[table + "s"]["kept"] += kept
    for person in people.filter(id__in=sorted(staying)[:_FORESEEN]).order_by("id"):
        leaving.append({"table": "contact", "id": person.pk, "label": str(person), "reason": staying[person.pk]})
    for product in products.filter(id__in=sold[:_FORESEEN]).order_by("id"):
        leaving.append(
            {"table": "product", "id": product.pk, "label": str(product), "reason": _("is part of orders that stay")}
        )
    gifts = Entry.objects.filter(kind=Entry.Kind.WELCOME, account__contact__created_by_import=import_id)
    points = crediting.points_of_orders(import_id) + (gifts.aggregate(sum=Sum("points"))["sum"] or 0)
    points += opening.of_import(import_id)["points"]
    return {**counts, "conflicts": leaving[:_FORESEEN], "points": int(points)}


def _foreseen_to_be_sold(import_id: int) -> list[int]:
    """Return the products of an import in lines that stay: of orders it neither made nor changed, or that moved on."""
    changed = Change.objects.filter(importing=import_id, table="order").values("row_id")
    lines = OrderLine.objects.filter(product__created_by_import=import_id)
    staying = lines.exclude(order__created_by_import=import_id, order__version=1).exclude(order__in=changed)
    return sorted(staying.values_list("product_id", flat=True).distinct())


def _foreseen_to_stay(import_id: int) -> dict[int, str]:
    """Return who of the people an import made would stay, and why."""
    mine = models.Q(contact__created_by_import=import_id)
    others = Order.objects.filter(mine).exclude(created_by_import=import_id, version=1)
    by_hand = Entry.objects.filter(
        kind__in=[Entry.Kind.ADJUST, Entry.Kind.CAMPAIGN], account__contact__created_by_import=import_id
    ).values_list("account__contact_id", flat=True)
    changed = Contact.objects.filter(created_by_import=import_id, version__gt=1)
    reasons: dict[int, str] = {}
    for rows, reason in (
        (changed.values_list("id", flat=True), _("changed since the import")),
        (others.values_list("contact_id", flat=True), _("has other orders")),
        (Message.objects.filter(mine).values_list("contact_id", flat=True), _("was written to")),
        (Note.objects.filter(mine).values_list("contact_id", flat=True), _("has notes")),
        (crediting.by_hand(list(by_hand.distinct())), _("was given points")),
    ):
        for contact_id in rows:
            reasons.setdefault(contact_id, reason)
    return reasons


def _rows_of(import_id: int) -> int:
    """Return how many rows an undo has to look at."""
    made = sum(model.objects.filter(created_by_import=import_id).count() for model in _MODELS.values())
    return made + Change.objects.filter(importing=import_id).count()


def _pieces(rows: models.QuerySet) -> Iterator[list[int]]:
    """Yield the rows' ids in pieces; those of a piece must be gone, or match no longer, before the next."""
    while ids := list(rows.order_by("id").values_list("id", flat=True)[:PIECE]):
        yield ids


def _still_sold(lines: Sequence[Sequence]) -> list[list]:
    """Return lines as they stood, without products that are gone by now."""
    there = set(
        Product.objects.filter(id__in=bulk.among([line[2] for line in lines if line[2]])).values_list("id", flat=True)
    )
    return [[*line[:2], line[2] if line[2] in there else None, *line[3:]] for line in lines]
