"""Hand rows from one customer to another, and back: what the movers of contacts.merging are made of.

What a mover did is kept as JSON, so that an undo finds each row it took, and puts back what it had to put away.
"""

import datetime as dt
from collections.abc import Iterable

from django.db import models

from crm.lib import bulk


class Mover:
    """Hands over what one floor keeps about a customer. All acts run inside the transaction of the merge."""

    def lock(self, contact_ids: list[int]) -> None:
        """Lock rows that others hold while they change this floor, without waiting; most floors have none."""

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        """Hand everything over; return what `back` needs, as JSON keeps it."""
        raise NotImplementedError

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        """Give it back, as far as nobody changed it since."""
        raise NotImplementedError


class Rows(Mover):
    """A mover of rows that point at a customer.

    `once_in`: a customer may stand only once beside each value of this column; the double of the dropped one is put
    away.
    """

    def __init__(self, model: type[models.Model], field: str = "contact", *, once_in: str = ""):
        self.model, self.field, self.once_in = model, field, once_in

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        rows, away = self._of(drop_id), []
        if self.once_in:
            doubles = rows.filter(**{f"{self.once_in}__in": self._of(keep_id).values(self.once_in)})
            away = put_away(doubles)
        moved = list(rows.order_by("pk").values_list("pk", flat=True))
        rows.update(**{self.field: keep_id})
        return {"moved": moved, "away": away}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        self._of(keep_id).filter(pk__in=bulk.among(said["moved"])).update(**{self.field: drop_id})
        bring_back(self.model, said["away"])

    def _of(self, contact_id: int) -> models.QuerySet:
        return self.model._base_manager.filter(**{self.field: contact_id})


class Away(Mover):
    """A mover of what is said about the dropped customer alone: it is put away until an undo."""

    def __init__(self, *kinds: type[models.Model]):
        self.kinds = {kind._meta.label: kind for kind in kinds}

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        return {label: put_away(kind._base_manager.filter(contact=drop_id)) for label, kind in self.kinds.items()}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        for label, rows in said.items():
            bring_back(self.kinds[label], rows)


class Stays(Mover):
    """A mover of what keeps the number of the dropped customer for ever."""

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        return {}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        pass


def put_away(rows: models.QuerySet) -> list[dict]:
    """Delete rows, and return them as JSON keeps them."""
    kept = written(rows)
    rows._raw_delete(using=rows.db)  # nothing may hang on them: then the database refuses
    return kept


def written(rows: models.QuerySet) -> list[dict]:
    """Return rows as JSON keeps them, all columns by name."""
    return [
        {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}
        for row in rows.order_by("pk").values(*(field.attname for field in rows.model._meta.concrete_fields))
    ]


def bring_back(model: type[models.Model], kept: Iterable[dict]) -> int:
    """Insert rows that were put away, except those that belong to something that is gone by now; return how many."""
    fields = model._meta.concrete_fields
    rows = [{field.attname: read(model, field.attname, row[field.attname]) for field in fields} for row in kept]
    for field in fields:
        if not isinstance(field, models.ForeignKey):
            continue
        wanted = {row[field.attname] for row in rows} - {None}
        there = set(
            field.related_model._base_manager.filter(pk__in=bulk.among(sorted(wanted))).values_list("pk", flat=True)
        )
        if gone := wanted - there:
            if field.null:
                for row in rows:
                    row[field.attname] = None if row[field.attname] in gone else row[field.attname]
            else:
                rows = [row for row in rows if row[field.attname] not in gone]
    return bulk.insert(model, list(rows[0]), [tuple(row.values()) for row in rows]) if rows else 0


def read(model: type[models.Model], name: str, value):
    """Return a column's value from what JSON kept of it."""
    field = model._meta.get_field(name)
    return value if isinstance(field, models.ForeignKey | models.JSONField) else field.to_python(value)
