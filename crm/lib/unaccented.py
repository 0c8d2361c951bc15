"""Find a name typed without its accents: `name__resembles="lopez"` matches López, `"gross"` and `"groß"` match Groß.

The lookup looks only at texts with a letter beyond ASCII and leaves the others to `icontains`, so that a list of a
hundred thousand names stays fast to search: ask for either, with `plain(word)`. No index and no extension of a database
is needed: SQLite compares by GLOB, PostgreSQL by a regular expression, both with the same sets of letters.
"""

import re
import unicodedata
from collections import defaultdict

from django.db.models import CharField, Lookup

_SPELT = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
_ONE_LETTER = {"ss": "ßẞ", "ae": "æÆäÄ", "oe": "œŒöÖøØ", "ue": "üÜ"}  # two letters that stand for one
_PAIRS = re.compile("|".join(_ONE_LETTER))
_LATIN = range(0xC0, 0x180)  # the letters of Latin-1 and Latin Extended-A; and those of Vietnamese
_VIETNAMESE = range(0x1EA0, 0x1EFA)


def plain(text: str) -> str:
    """Return a text in lower case without accents; what has no ASCII letter below its accents stays."""
    return "".join(_plain(char) for char in unicodedata.normalize("NFC", text).lower())


def _plain(char: str) -> str:
    if unicodedata.combining(char):
        return ""
    below = unicodedata.normalize("NFD", char)[0]
    return below if below.isascii() else _SPELT.get(char, char)


def _letters() -> dict[str, str]:
    """Return the letters whose plain form is each letter of ASCII."""
    found = defaultdict(str)
    for char in map(chr, (*_LATIN, *_VIETNAMESE)):
        if char.isalpha() and len(below := plain(char)) == 1 and below.isascii():
            found[below] += char
    return found


_MARKED = _letters()


def _sets(text: str) -> list[str]:
    """Return for each letter of a plain text every letter it may stand for."""
    return ["".join(dict.fromkeys((char, char.upper()[:1], *_MARKED.get(char, "")))) for char in text]


def _joined(text: str) -> list[str]:
    """Return the same with two letters that may be one taken for one."""
    sets, start = [], 0
    for pair in _PAIRS.finditer(text):
        sets += [*_sets(text[start : pair.start()]), _ONE_LETTER[pair.group()]]
        start = pair.end()
    return sets + _sets(text[start:])


def _patterns(text: str) -> list[list[str]]:
    return [_sets(text), _joined(text)] if _PAIRS.search(text) else [_sets(text)]


def globs(text: str) -> list[str]:
    """Return the patterns of SQLite's GLOB that find a plain text in another."""
    return [
        "*" + "".join(f"[{one}]" if len(one) > 1 or one in "*?[" else one for one in sets) + "*"
        for sets in _patterns(text)
    ]


def regex(text: str) -> str:
    """Return the regular expression that does the same."""
    return "|".join(
        "".join(f"[{one}]" if len(one) > 1 else re.escape(one) for one in sets) for sets in _patterns(text)
    )


@CharField.register_lookup
class Resembles(Lookup):
    """Match a text that holds a plain text, accents or not, where it has a letter beyond ASCII."""

    lookup_name = "resembles"

    def as_sql(self, compiler, connection):
        column, params = self.process_lhs(compiler, connection)
        patterns = globs(self.rhs)
        tests = " OR ".join([f"{column} GLOB %s"] * len(patterns))
        found = [value for pattern in patterns for value in (*params, pattern)]
        return f"(LENGTH(CAST({column} AS BLOB)) > LENGTH({column}) AND ({tests}))", [*params, *params, *found]

    def as_postgresql(self, compiler, connection):
        column, params = self.process_lhs(compiler, connection)
        return f"(OCTET_LENGTH({column}) > LENGTH({column}) AND {column} ~ %s)", [*params * 3, regex(self.rhs)]
