"""Whole numbers in what a browser or a program sends as text."""


def fits(text: str) -> bool:
    """Tell whether a text is a whole number, not below zero, that a column of the database can hold."""
    return text.isascii() and text.isdigit() and len(text) < 19
