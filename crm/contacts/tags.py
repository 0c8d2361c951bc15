"""Ask the database whether a person carries a tag, and give or take one from many people at once."""

import datetime as dt
import json
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import F, Func

from crm.contacts.forms import MAX_TAGS
from crm.contacts.models import Contact
from crm.lib import bulk, tokens

CHUNK = 2000
_PURPOSE = "contacts.tagging"


class HasTag(Func):
    """True where the JSON list holds exactly this text, on both databases."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, column: str, tag: str):
        super().__init__(F(column))
        self.tag = tag

    def as_sql(self, compiler, connection):
        column, params = compiler.compile(self.source_expressions[0])
        return f"{column} @> %s::jsonb", [*params, json.dumps([self.tag])]

    def as_sqlite(self, compiler, connection):
        column, params = compiler.compile(self.source_expressions[0])
        return (
            f"({column} <> '[]' AND EXISTS (SELECT 1 FROM json_each({column}) WHERE value = %s))",
            [*params, *params, self.tag],
        )


@dataclass(frozen=True)
class Tagged:
    changed: int
    undo: str  # a token for `undo`; empty when nothing changed


@transaction.atomic
def tag(contact_ids: list[int], *, tag: str, give: bool, now: dt.datetime) -> Tagged:
    """Give everybody the tag, or take it; people who are already so stay untouched.

    The changed rows are told apart afterwards by this act's exact moment in `updated_at`.
    """
    changed = 0
    for start in range(0, len(contact_ids), CHUNK):
        people = Contact.objects.alive().select_for_update().filter(pk__in=contact_ids[start : start + CHUNK])
        rows = []
        for pk, tags, version in people.values_list("pk", "tags", "version"):
            if give == (tag in tags) or (give and len(tags) >= MAX_TAGS):
                continue
            rows.append(([*tags, tag] if give else [kept for kept in tags if kept != tag], now, version + 1, pk))
        changed += bulk.update(Contact, ("tags", "updated_at", "version"), rows)
    token = tokens.sign(_PURPOSE, json.dumps([tag, give, now.isoformat()])) if changed else ""
    return Tagged(changed, token)


class BadUndo(ValueError):
    """The undo token is not one of ours."""


def undo(token: str, *, now: dt.datetime) -> int:
    """Take back one act of tagging, except where the person was changed since; return how many went back."""
    text = tokens.read(_PURPOSE, token)
    if text is None:
        raise BadUndo(token)
    name, gave, moment = json.loads(text)
    people = Contact.objects.alive().filter(updated_at=dt.datetime.fromisoformat(moment))
    return tag(list(people.values_list("pk", flat=True)), tag=name, give=not gave, now=now).changed
