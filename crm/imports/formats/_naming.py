"""What columns mean by their names alone, in the languages shops write them: of files no platform wrote."""

from collections.abc import Mapping

from crm.imports import values
from crm.imports.formats.base import Header


def vocabulary(names: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """Return what each word means and how telling it is, the best first, of {meaning: its words, the best first}.

    A word that two meanings have is the first one's.
    """
    known: dict[str, tuple[int, str]] = {}
    for meaning, words in names.items():
        for rank, word in enumerate(words.split()):
            known.setdefault(word, (rank, meaning))
    return known


def guess(header: Header, known: Mapping[str, tuple[int, str]]) -> dict[str, int]:
    """Return the column of each meaning; of several the one with the most telling name, else the first."""
    found: dict[str, tuple[int, int]] = {}
    for index, name in enumerate(header.names):
        rank, meaning = known.get(values.squeezed(name), (0, ""))
        if meaning and (meaning not in found or rank < found[meaning][0]):
            found[meaning] = rank, index
    return {meaning: index for meaning, (_rank, index) in found.items()}
