"""Keep what a slow fixture wrote, so that the next test reads it back instead of working it out again."""

from dataclasses import dataclass

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models

from crm.lib import bulk
from crm.rewards import triggers


def _ours() -> list[type[models.Model]]:
    """Return our models but the owner and the shop, which tests make themselves."""
    return [
        model
        for model in apps.get_models()
        if not model._meta.app_config.name.startswith("django.") and model._meta.app_label != "accounts"
    ]


@dataclass(frozen=True)
class Frozen:
    """Every row of our tables but the owner's and the shop's."""

    rows: dict[type[models.Model], tuple[list[models.Field], list[tuple]]]

    def thaw(self) -> None:
        """Write the rows into empty tables; identities go on after them."""
        quote = connection.ops.quote_name
        with triggers.lifted(), connection.cursor() as cursor:
            for model, (fields, rows) in self.rows.items():
                names = ", ".join(quote(field.column) for field in fields)
                marks = ", ".join(["%s"] * len(fields))
                cursor.executemany(
                    f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})",
                    [[field.get_db_prep_save(value, connection) for field, value in zip(fields, row)] for row in rows],
                )
            for statement in connection.ops.sequence_reset_sql(no_style(), list(self.rows)):
                cursor.execute(statement)
        bulk.refresh_statistics(*self.rows)


def freeze() -> Frozen:
    """Return every row our tables hold now."""
    rows = {}
    for model in _ours():
        fields = list(model._meta.concrete_fields)
        if found := list(model._base_manager.values_list(*(field.attname for field in fields))):
            rows[model] = (fields, found)
    return Frozen(rows)
