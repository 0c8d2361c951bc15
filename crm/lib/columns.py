"""Many plain values of one dataclass, kept column by column.

Of a hundred thousand orders nearly every step looks at one or two attributes of all. Making an object of each,
sending it to another process and reading it back would take most of the time. So they are columns, and one of
them becomes an object only where somebody asks for it; a change to that object changes nothing here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from operator import attrgetter
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Columns(Sequence, Generic[T]):
    """A list of objects of the dataclass `KIND`; some may be None."""

    KIND: type[T]

    def __init__(self, columns: Mapping[str, Sequence], count: int):
        self._count = count
        self._columns = {
            name: column if len(column) == count else column * count for name, column in columns.items()
        }

    @classmethod
    def of(cls, objects: Iterable[T | None]) -> Self:
        """Return these objects as columns."""
        if isinstance(objects, cls):
            return objects
        names, read = _reader(cls.KIND)
        nothing = (None,) * len(names)
        rows = [nothing if one is None else read(one) for one in objects]
        return cls(dict(zip(names, zip(*rows))) if rows else dict.fromkeys(names, ()), len(rows))

    @classmethod
    def told(cls, count: int, **columns: Sequence) -> Self:
        """Return so many objects of which these columns are known, each as long as that or 1; the rest says nothing."""
        return cls({part.name: [_default(part)] for part in fields(cls.KIND)} | columns, count)

    def column(self, name: str) -> Sequence:
        """Return what this attribute says in each."""
        return self._columns[name]

    def columns(self, *names: str) -> list[Sequence]:
        """Return several columns, to be walked along together."""
        return [self._columns[name] for name in names]

    def pick(self, positions: Sequence[int]) -> Self:
        """Return those at these positions, which rise."""
        if len(positions) == self._count:
            return self
        return type(self)({name: _at(column, positions) for name, column in self._columns.items()}, len(positions))

    def having(self, **columns: Sequence) -> Self:
        """Return the same with other columns in the place of some."""
        return type(self)(self._columns | columns, self._count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> T | None:
        return self._made([column[position] for column in self._columns.values()])

    def __iter__(self) -> Iterator[T | None]:
        return map(self._made, zip(*self._columns.values()))

    def _made(self, values: Sequence) -> T | None:
        return None if values[0] is None else self.KIND(*values)

    def __reduce__(self):
        """Travel with what is the same in all of them once."""
        return type(self), ({name: _shortened(column) for name, column in self._columns.items()}, self._count)


@cache
def _reader(kind: type) -> tuple[tuple[str, ...], attrgetter]:
    names = tuple(part.name for part in fields(kind))
    return names, attrgetter(*names)


def _default(part: Field):
    if part.default_factory is not MISSING:
        return part.default_factory()
    return None if part.default is MISSING else part.default


def _at(column: Sequence, positions: Sequence[int]) -> Sequence:
    return column.pick(positions) if isinstance(column, Columns) else [column[position] for position in positions]


def _shortened(column: Sequence) -> Sequence:
    if len(column) < 2 or isinstance(column, Columns) or not isinstance(column[0], str | int | None):
        return column
    return column[:1] if column.count(column[0]) == len(column) else column
