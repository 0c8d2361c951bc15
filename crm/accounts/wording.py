"""What points are called: a café gives stamps, a studio credits. Sentences are written once, about points.

The other words are put in afterwards, in the reader's language, so that one page speaks of one thing throughout.
"""

import re
from functools import lru_cache

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.models import Shop

# Addresses, names of fields and what somebody has typed stay as they are.
_NOT_SPOKEN = re.compile(r"(<(textarea|script|style)\b.*?</\2>|<[^>]*>|\{\{.*?\}\})", re.DOTALL | re.IGNORECASE)


def counted(text: str, kind: str) -> str:
    """Say "points" the way this kind of business does, in a text or between the tags of a page."""
    words = _words(kind, get_language() or "")
    if not words:
        return str(text)
    parts = _NOT_SPOKEN.split(str(text))  # what is said, a tag, the tag's name, and so on
    parts[::3] = [_pattern(*words).sub(lambda found: words[found[0]], said) for said in parts[::3]]
    del parts[2::3]
    return "".join(parts)


@lru_cache(maxsize=32)
def _pattern(*words: str) -> re.Pattern:
    either = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z])(?:{either})(?![A-Za-z])")


@lru_cache(maxsize=32)
def _words(kind: str, language: str) -> dict[str, str]:
    """Return what to write in place of what, in the language that is being spoken."""
    match kind:
        case Shop.Kind.CAFE:
            one, many = _("stamp"), _("stamps")
        case Shop.Kind.STUDIO:
            one, many = _("credit"), _("credits")
        case _other:
            return {}
    point, points = _("point"), _("points")
    return {_first_up(point): _first_up(one), _first_up(points): _first_up(many), point: one, points: many}


def _first_up(word: str) -> str:
    return word[:1].upper() + word[1:]
