"""Why a file is not read."""


class NotReadable(ValueError):
    """The file is not a table we can read; the text says why and what to do, for the owner."""
