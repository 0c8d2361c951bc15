"""What somebody is known by in plain text, to find them where no key points: in files, reports, and other rows."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_SPACING = re.compile(r"[\s()./+\-]+")
_SHORTEST, _SHORTEST_CJK, _PHONE_END = 5, 2, 9  # shorter words stand in the text of others too


@dataclass(frozen=True)
class Traces:
    """Folded texts, and the ends of phone numbers: national and international writing share them."""

    texts: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str], phones: Iterable[str]) -> Self:
        """Return those of these texts and numbers that tell one person from others."""
        folded = {_folded(text) for text in texts if text}
        ends = {digits[-_PHONE_END:] for text in phones if text and len(digits := re.sub(r"\D", "", text)) >= 8}
        return cls(frozenset(filter(_is_telling, folded)), frozenset(ends))

    @classmethod
    def read(cls, kept: Iterable[dict]) -> Self:
        """Return what several people are known by, from what was kept as JSON."""
        kept = [one for one in kept if one]
        texts, phones = ({text for one in kept for text in one[name]} for name in ("texts", "phones"))
        return cls(frozenset(texts), frozenset(phones))

    def as_json(self) -> dict:
        """Return it as JSON keeps it."""
        return {"texts": sorted(self.texts), "phones": sorted(self.phones)}

    def __bool__(self) -> bool:
        return bool(self.texts or self.phones)

    def are_in(self, value) -> bool:
        """Tell whether a text, or the texts of a JSON value, name one of these people."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        folded = _folded(text)
        if any(one in folded for one in self.texts):
            return True
        close = _SPACING.sub("", text) if self.phones else ""
        return any(end in close for end in self.phones)

    def redacted(self, value, by: str):
        """Return a JSON value with another word in the place of each text that names one of these people."""
        match value:
            case str():
                return by if self.are_in(value) else value
            case list():
                return [self.redacted(one, by) for one in value]
            case dict():
                return {self.redacted(name, by): self.redacted(one, by) for name, one in value.items()}
        return value


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_telling(text: str) -> bool:
    """Tell whether a text stands for one person: no mere number, nor a word so short that it is in any text."""
    is_cjk = any("\u3400" <= char <= "\u9fff" for char in text)
    return any(char.isalpha() for char in text) and len(text) >= (_SHORTEST_CJK if is_cjk else _SHORTEST)
