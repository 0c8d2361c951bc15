"""What tells a changed order from an unchanged one must say the same in every version, alone and among others."""

import datetime as dt

from crm.contacts.identity import Person
from crm.orders.purchases import LINES, Purchase, PurchaseLine, Purchases

AT = dt.datetime(2024, 5, 1, 9, 58, 12, tzinfo=dt.UTC)
BARE = Purchase("file", "1", AT, "EUR", 1250)
FULL = Purchase(
    "shop%", "#2", AT, "EUR", 4900, lines=[PurchaseLine("Tee %s", "T-1", 2, 1000, 2000)], cancelled_at=AT, tells=LINES,
    person=Person("shop%", "7", name="Ann O'Neil", consent="yes"), refunds=(("r1", 500, AT),),
)  # fmt: skip
KEPT = ["10b0c5a00d4cd1637030820ffe517c40", "lines:7246a9ab24e685500c5c0964bb"]  # in the books of earlier versions


def hashes(*purchases: Purchase) -> list[str]:
    return list(Purchases.of(purchases).column("content_hash"))


def test_the_digest_is_the_one_in_the_books():
    assert hashes(BARE) + hashes(FULL) == KEPT


def test_it_does_not_depend_on_the_others():
    assert hashes(BARE, FULL, BARE) == [*KEPT, KEPT[0]]
    assert hashes(FULL, FULL) == [KEPT[1]] * 2
    assert hashes() == []


def test_purchases_come_back_with_their_people():
    told = Purchases.of([BARE, FULL])
    assert [purchase.number for purchase in told] == ["1", "#2"]
    assert list(told.people) == [None, FULL.person]
    assert told.pick([1])[0].person == FULL.person
    assert told.people.column("key") == (None, "7")
