"""Pages of a long list that stay quick at any size, whatever the filter."""

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from crm.lib import bulk
from crm.lib.templatetags import say

MOST = 10_000  # a filter is counted up to here; beyond it the page says "10,000+"


class QuickPages(Paginator):
    """A paginator that reads the table once at most.

    A filter's matches are read once, as keys, which also counts them; the page is cut from these keys. Without a
    filter, or with more matches than are counted, the page is found along the index of the order asked for.
    """

    def __init__(
        self, rows: QuerySet, per_page: int, *, drawn: QuerySet, is_filtered: bool, empty_last: str | None = None
    ):
        """`rows` is filtered and ordered, `drawn` everything with what a row needs for drawing.

        `empty_last` names the column sorted by if it may be empty and such rows come last.
        """
        super().__init__(rows, per_page)
        self.drawn, self.is_filtered, self.empty_last = drawn, is_filtered, empty_last

    @cached_property
    def _keys(self) -> list[int]:
        return list(self.object_list.order_by().values_list("pk", flat=True)[: MOST + 1])

    @cached_property
    def count(self) -> int:
        return min(len(self._keys), MOST) if self.is_filtered else self.object_list.order_by().count()

    @property
    def is_cut(self) -> bool:
        """Tell whether there are more matches than were counted."""
        return self.is_filtered and len(self._keys) > MOST

    @property
    def shown(self) -> str:
        """Write the count as a reader sees it: 1,284, or 10,000+ where counting stopped."""
        return say.number(self.count) + ("+" if self.is_cut else "")

    def page(self, number):
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        last = min(first + self.per_page, self.count)
        if self.is_filtered and not self.is_cut:
            matches = self.drawn.filter(pk__in=bulk.among(self._keys)).order_by(*self.object_list.query.order_by)
            keys = _walk([matches], first, last)
        elif first > self.count // 2 and not self.is_cut:  # nearer from the end
            parts = [part.reverse() for part in reversed(self._parts())]
            keys = _walk(parts, self.count - last, self.count - first)[::-1]
        else:
            keys = _walk(self._parts(), first, last)
        found = {row.pk: row for row in self.drawn.filter(pk__in=keys)}
        return self._get_page([found[key] for key in keys if key in found], number, self)

    def _parts(self) -> list[QuerySet]:
        """Return the rows in pieces that lie in an index each: PostgreSQL's descending one has the empty rows first."""
        if not self.empty_last:
            return [self.object_list]
        ordering, *rest = self.object_list.query.order_by
        filled = self.object_list.filter(**{f"{self.empty_last}__isnull": False})
        empty = self.object_list.filter(**{f"{self.empty_last}__isnull": True})
        column = f"-{self.empty_last}" if ordering.descending else self.empty_last
        return [filled.order_by(column, *rest), empty.order_by(*rest)]


def _walk(parts: list[QuerySet], first: int, last: int) -> list[int]:
    """Return the keys from `first` to before `last` of several querysets laid end to end."""
    keys = []
    for part in parts:
        if last <= 0:
            break
        cut = list(part.values_list("pk", flat=True)[max(first, 0) : last])
        keys += cut
        if len(cut) == last - max(first, 0):
            break
        passed = max(first, 0) + len(cut) if cut else part.order_by().count()
        first, last = first - passed, last - passed
    return keys
