"""Give orders of files without numbers the numbers the same files give them now: of customer and moment, not day.

Such an order was made of a customer's whole day and stood at the day's first moment. Under that moment's number, the
file read again changes it to what was bought then, and adds what was bought later that day.
"""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from django.db import migrations

OF_A_DAY = re.compile(r":(\d{8})$")
AT_ONCE = 5_000


def forwards(apps, schema_editor):
    Order, Import, Shop = (
        apps.get_model(*name) for name in (("orders", "Order"), ("imports", "Import"), ("accounts", "Shop"))
    )
    own = ZoneInfo(Shop.objects.values_list("timezone", flat=True).first() or "UTC")
    options = Import.objects.values_list("id", "options")
    said = {pk: ZoneInfo(told["timezone"]) for pk, told in options if told.get("timezone")}
    found = Order.objects.filter(source__startswith="file-", number__contains=":").order_by("id")
    found = found.values_list("id", "number", "placed_at", "created_by_import")
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while rows := list(found.filter(id__gt=last)[:AT_ONCE]):
            last = rows[-1][0]
            renamed = []
            for pk, number, placed_at, import_id in rows:
                of_a_day, local = OF_A_DAY.search(number), placed_at.astimezone(said.get(import_id, own))
                if of_a_day and f"{local:%Y%m%d}" == of_a_day[1] and local.time() != dt.time():
                    parts = "%H%M%S%f" if local.microsecond else "%H%M%S"
                    renamed.append((f"{number}T{local:{parts}}", pk))
            cursor.executemany(f"UPDATE {Order._meta.db_table} SET number = %s WHERE id = %s", renamed)


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0002_check_before_saving"),
        ("orders", "0003_takings_by_date"),
        ("accounts", "0001_initial"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=True)]
