"""Whole numbers in what a browser or a program sends as text."""


def fits(text: str) -> bool:
    """Tell whether a text is a whole number, not below zero, that a column of the database can hold."""
    return text.isascii() and text.isdigit() and len(text) < 19


def read(text: str | None) -> int | None:
    """Return the number a text is, None where it is none that fits or there is no text."""
    return int(text) if text and fits(text) else None
