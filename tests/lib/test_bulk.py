"""Many rows in few statements, the same on both databases as Django would write them one by one."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Max, Sum

from crm.accounts.models import User
from crm.home.models import Action, Dismissal
from crm.lib import bulk

pytestmark = pytest.mark.django_db

WORDS = {"en": "Özlem \"quoted\" \\ back", "zh-hans": "陈若兰"}
COLUMNS = ["key", "kind", "icon", "title", "evidence", "why", "button", "url", "gain_low_minor", "rank", "as_of"]
UNTIL = dt.datetime(2026, 11, 20, 23, 30, 15, 250, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def _action(key: str) -> tuple:
    return (key, "write", "mail", WORDS, {}, [], {"en": ""}, "/x/", None, 7, dt.date(2026, 11, 20))


def _values(model, key: str) -> dict:
    row = model.objects.filter(key=key).values().get()
    del row["id"], row["key"]
    return row


def test_rows_are_written_as_django_writes_them():
    assert bulk.insert(Action, COLUMNS, [_action("bulk"), _action("other")]) == 2
    Action.objects.create(**dict(zip(COLUMNS, _action("django"))))
    assert _values(Action, "bulk") == _values(Action, "django")
    with connection.cursor() as cursor:  # and byte for byte, so that comparisons in SQL agree
        cursor.execute("SELECT title, evidence, as_of FROM home_action WHERE key IN ('bulk', 'django') ORDER BY key")
        first, second = cursor.fetchall()
    assert (first[2], first[1]) == (second[2], second[1])


@pytest.mark.parametrize("until", [UNTIL, UNTIL.replace(microsecond=0), UNTIL.astimezone(dt.UTC)])
def test_moments_are_kept_and_found_again(until):
    bulk.insert(Dismissal, ["key", "until"], [("bulk", until)])
    Dismissal.objects.create(key="django", until=until)
    assert [row.until for row in Dismissal.objects.order_by("key")] == [until, until]
    assert Dismissal.objects.filter(until=until).count() == 2
    assert Dismissal.objects.filter(until__lt=until).count() == 0


def test_a_column_of_moments_is_written_as_django_writes_each():
    utc = UNTIL.astimezone(dt.UTC)
    whole = [utc.replace(microsecond=0), dt.datetime(999, 1, 2, 3, 4, 5, tzinfo=dt.UTC)]
    for moments in (whole, [*whole, UNTIL], [utc, *whole], [dt.datetime.max.replace(tzinfo=dt.UTC, microsecond=0), *whole]):
        Dismissal.objects.all().delete()
        bulk.insert(Dismissal, ["key", "until"], [(f"bulk{n}", moment) for n, moment in enumerate(moments)])
        for n, moment in enumerate(moments):
            Dismissal.objects.create(key=f"django{n}", until=moment)
        with connection.cursor() as cursor:
            cursor.execute("SELECT until FROM home_dismissal ORDER BY id")
            written = [row[0] for row in cursor.fetchall()]
        assert written[: len(moments)] == written[len(moments) :]


def test_nothing_to_insert_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert bulk.insert(Dismissal, ["key", "until"], []) == 0
        assert bulk.update(Dismissal, ["until"], iter(())) == 0
        assert bulk.reserve_ids(Dismissal, 0) == []


def test_a_conflict_is_an_error_or_left_alone_as_asked():
    bulk.insert(Dismissal, ["key", "until"], [("a", UNTIL)])
    later = UNTIL + dt.timedelta(days=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(Dismissal, ["key", "until"], [("a", later)])
    bulk.insert(Dismissal, ["key", "until"], [("a", later), ("b", later)], ignore_conflicts=True)
    assert list(Dismissal.objects.order_by("key").values_list("key", "until")) == [("a", UNTIL), ("b", later)]


def test_rows_are_updated_by_their_key():
    bulk.insert(Action, COLUMNS, [_action(key) for key in "abc"])
    a, b, c = Action.objects.order_by("key").values_list("pk", flat=True)
    sent = bulk.update(
        Action, ["title", "as_of", "gain_low_minor"],
        [({"en": "new"}, dt.date(2026, 1, 2), 5, a), (WORDS, dt.date(2026, 1, 3), None, c)],
    )  # fmt: skip
    assert sent == 2
    assert list(Action.objects.order_by("key").values_list("pk", "title", "as_of", "gain_low_minor")) == [
        (a, {"en": "new"}, dt.date(2026, 1, 2), 5),
        (b, WORDS, dt.date(2026, 11, 20), None),
        (c, WORDS, dt.date(2026, 1, 3), None),
    ]


def test_reserved_keys_are_nobody_elses():
    first = bulk.reserve_ids(Dismissal, 3)
    assert first == list(range(first[0], first[0] + 3))
    bulk.insert(Dismissal, ["id", "key", "until"], [(pk, f"r{pk}", UNTIL) for pk in first])
    ordinary = Dismissal.objects.create(key="ordinary", until=UNTIL).pk
    second = bulk.reserve_ids(Dismissal, 2)
    assert len({*first, ordinary, *second}) == 6


def test_reserved_keys_are_not_those_of_deleted_rows():
    gone = Dismissal.objects.create(key="gone", until=UNTIL)
    last = gone.pk
    gone.delete()
    assert min(bulk.reserve_ids(Dismissal, 2)) > last


@pytest.mark.parametrize("count", [0, 1, 3, 40_000])
def test_among_takes_any_number_of_values(count):
    bulk.insert(Dismissal, ["key", "until"], [(f"k{n}", UNTIL) for n in range(5)])
    keys = [f"k{n}" for n in range(count)]
    assert Dismissal.objects.filter(key__in=bulk.among(keys)).count() == min(count, 5)
    ids = list(Dismissal.objects.values_list("pk", flat=True))[:count]
    assert Dismissal.objects.filter(pk__in=bulk.among(ids)).count() == min(count, 5)


def test_among_nothing_is_nothing_and_its_opposite_everything():
    bulk.insert(Dismissal, ["key", "until"], [("a", UNTIL)])
    assert list(Dismissal.objects.filter(key__in=bulk.among([]))) == []
    assert Dismissal.objects.exclude(pk__in=bulk.among([])).count() == 1
    assert Dismissal.objects.filter(pk__in=bulk.among([])).update(until=UNTIL) == 0


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Action, ("key", "title", "evidence", "why", "gain_low_minor", "as_of")),
        (Dismissal, ("key", "until")),
        (User, ("email", "is_superuser", "last_login", "created_at")),
    ],
)
def test_rows_are_read_as_values_list_reads_them(owner, model, fields):
    bulk.insert(Action, COLUMNS, [_action(key) for key in "ab"])
    bulk.insert(Dismissal, ["key", "until"], [("a", UNTIL), ("b", UNTIL.replace(microsecond=0))])
    found = bulk.rows(model.objects.order_by("pk").values_list(*fields))
    assert found == list(model.objects.order_by("pk").values_list(*fields))
    assert [list(map(type, row)) for row in found] == [
        list(map(type, row)) for row in model.objects.order_by("pk").values_list(*fields)
    ]
    assert len(found) > 0


def test_rows_of_nothing_are_none():
    assert bulk.rows(Action.objects.none().values_list("key")) == []
    assert bulk.rows(Action.objects.values_list("key", "as_of")) == []


def test_rows_reads_what_values_list_reads():
    bulk.insert(Action, COLUMNS, [_action("a"), _action("b")])
    bulk.insert(Dismissal, ["key", "until"], [("a", UNTIL), ("b", UNTIL.replace(microsecond=0))])
    for queryset in (
        Action.objects.order_by("key").values_list("key", "title", "evidence", "gain_low_minor", "rank", "as_of"),
        Dismissal.objects.order_by("key").values_list("until", "key"),
        Dismissal.objects.order_by().values_list(Max("until"), Count("id")),
        Action.objects.order_by().values_list(Sum("rank"), Sum("gain_low_minor")),
        User.objects.values_list("is_superuser", "id"),
        Action.objects.none().values_list("key"),
        Action.objects.filter(key__in=bulk.among(["b", "c"])).values_list("key", "rank"),
        Action.objects.filter(rank__in=bulk.among([])).values_list("key"),
    ):
        found = bulk.rows(queryset)
        assert found == list(queryset)
        assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in queryset]


@pytest.mark.parametrize(
    "text", ["plain", "", "it's", 'say "hi"', "50% off %s", "a;b", "two\nlines", "back\\slash", "陈若兰", "{}", "[]", "x" * 30]
)
@pytest.mark.parametrize("gain", [None, 0, -7, 2**40])
def test_what_all_rows_say_is_written_as_it_is(text, gain):
    """On SQLite a column that is the same in every row stands in the statement, where it must not be taken for SQL."""
    rows = [(f"k{n}", text, "mail", WORDS, {}, [], {}, "/x/", gain, 7, dt.date(2026, 11, 20)) for n in range(3)]
    assert bulk.insert(Action, COLUMNS, rows) == 3
    found = Action.objects.order_by("key").values_list("key", "kind", "gain_low_minor", "rank", "as_of")
    assert list(found) == [(f"k{n}", text, gain, 7, dt.date(2026, 11, 20)) for n in range(3)]


def test_columns_are_written_like_rows():
    columns = dict(zip(COLUMNS, zip(*[_action("a"), _action("b")])))
    assert bulk.insert_columns(Action, columns) == 2
    bulk.insert(Action, COLUMNS, [_action("c")])
    assert _values(Action, "a") == _values(Action, "b") == _values(Action, "c")
