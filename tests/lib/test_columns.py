"""Objects kept column by column come back as they were."""

import pickle
from dataclasses import dataclass

import pytest

from crm.lib.columns import Columns


@dataclass
class Shoe:
    name: str
    size: int = 40
    colours: tuple = ()


class Shoes(Columns[Shoe]):
    KIND = Shoe


SHOES = [Shoe("boot", 41, ("red",)), None, Shoe("clog"), Shoe("boot", 41)]


@pytest.mark.parametrize("shoes", [[], SHOES[:1], [None], SHOES, [Shoe("clog")] * 3])
def test_objects_come_back_as_they_were_also_from_another_process(shoes):
    columns = Shoes.of(shoes)
    assert list(columns) == list(pickle.loads(pickle.dumps(columns))) == shoes
    assert [columns[position] for position in range(len(columns))] == shoes


def test_what_is_the_same_in_all_of_them_travels_once():
    (_kind, (columns, count)) = Shoes.of([Shoe("boot", size) for size in (40, 41, 42)]).__reduce__()
    assert ([len(column) for column in columns.values()], count) == ([1, 3, 3], 3)


def test_columns_and_some_of_the_rows():
    shoes = Shoes.of(SHOES)
    assert shoes.columns("name", "size") == [("boot", None, "clog", "boot"), (41, None, 40, 41)]
    assert list(shoes.pick([0, 2])) == [SHOES[0], SHOES[2]]
    assert list(shoes.having(size=[1, None, 2, 3]).column("size")) == [1, None, 2, 3]
    assert shoes.column("size")[0] == 41
    assert Shoes.of(shoes) is shoes
