"""What the files of our own export have in common (keeping.tables): the guard of a cell, taken off exactly."""

from crm.lib.csvio import safe_cell

BEFORE = "regulars-"  # an order typed in another shop is not the one typed here under the same number


def said(text: str) -> str:
    """Return a cell as it was before it was guarded against being run as a formula."""
    return text[1:] if text[:1] == "'" and safe_cell(text[1:]) == text else text


def source_of(text: str, own: str) -> str:
    """Return whose number it is; what was typed by hand gets a name that no form here uses."""
    source = said(text)[:30] or own
    return (BEFORE + source)[:30] if source == "typed" else source
