"""Read JSON that others wrote, so that every database can keep what it says."""

import json
import re

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL keeps no NUL, no database half a character


def read(text: bytes | str):
    """Return what the text says, with characters no database keeps replaced; raise ValueError for what is no JSON."""
    try:
        return cleaned(json.loads(text, parse_constant=_refused))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def cleaned(value):
    """Return the value with characters no database keeps replaced, in all it holds."""
    if isinstance(value, str):
        return _UNKEEPABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {cleaned(name): cleaned(one) for name, one in value.items()}
    return value


def _refused(name: str):
    raise ValueError(f"{name} is no JSON")
