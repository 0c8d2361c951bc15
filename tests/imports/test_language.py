"""What an import keeps for the owner to read is written in the shop's language, whoever reads the file."""

from django.utils import translation

from crm.imports import reading

ROWS = "order,date,amount\nA1,2026-03-04,10.00\nA2,never,5.00\n"


def test_reasons_are_in_the_shops_language(write, shop, now):
    shop.language = "zh-hans"
    shop.save()
    kept = reading.create(write(ROWS), name="orders.csv", options={}, now=now, format="plain")
    reading.answer(kept.pk, format="plain", mapping={"invoice": 0, "date": 1, "amount": 2}, options={}, now=now)
    with translation.override("en"):
        assert reading.claim(kept.pk, now=now)
        reading.read(kept.pk, now=now)
    assert [row.reason for row in kept.rejected_rows.all()] == ["“never”不是能读懂的日期"]
