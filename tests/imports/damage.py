"""Damage files, and read what is left of them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from crm.imports import skipping, surveying
from crm.imports.formats.base import Addition, BadRow
from crm.imports.refusals import NotReadable
from crm.imports.surveying import FormatUnknown

REFUSED = (NotReadable, FormatUnknown)
NASTY = [
    "", "\x00", '"', '""', "'", "=1+1", "١٢", "1e9", "-", "--", "9" * 40, "\ufeff", "é", "，", "0000-00-00", "1,2.3,4",
    "\u2028", "[[", "a:b|c", "²", "NaN", "*", "\n", ",",
]  # fmt: skip


@dataclass
class Read:
    """What came of a file: rows counted, the lines of each group, items, and the lines that were left out."""

    rows: int
    groups: list[set[int]]
    items: list
    left_out: set[int]

    @property
    def taken(self) -> list:
        kept = (item for item in self.items if not isinstance(item, BadRow))
        return [item.purchase if isinstance(item, Addition) else item for item in kept]

    @property
    def rejected(self) -> set[int]:
        return {item.line_number for item in self.items if isinstance(item, BadRow)}

    @property
    def applied(self) -> list[set[int]]:
        """Return the groups of which something should have been taken: neither rejected nor wholly left out."""
        return [lines for lines in self.groups if lines - self.left_out - self.rejected]


def damaged(draw, text: str) -> bytes:
    """Overwrite a few stretches of a file with what nobody expects; `draw` is that of hypothesis."""
    content = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        content[start : start + length] = draw(
            st.one_of(st.sampled_from(NASTY).map(str.encode), st.binary(max_size=4))
        )
    return bytes(content)


def read_all(content: bytes, format: str) -> Read:
    """Read bytes as a format, up to what would be written; every row must be accounted for."""
    groups: list[Sequence[int]] = []
    left_out: set[int] = set()
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        path = Path(file.name)
        looked = surveying.look(path, format=format)
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency="EUR")
        options = surveying.options_for(
            looked, surveyed, mapping=looked.mapping, zone="Europe/Berlin", currency="EUR",
            warn=lambda code, line: code.startswith(skipping.PREFIX) and left_out.add(line),
        )  # fmt: skip

        def watched():
            for group in surveying.Groups(path, looked, surveyed, mapping=looked.mapping):
                groups.append({line for line, _cells in group})
                yield group

        items = list(looked.member.parse(watched(), options))
    read = Read(surveyed.rows_total, groups, items, left_out)
    assert not read.rejected & left_out
    assert all(not lines & read.rejected for lines in read.applied)
    assert read.rows == sum(map(len, groups))
    return read
