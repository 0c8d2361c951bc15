"""The table of quirks in the reference names tests; each of them must be there."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
REFERENCE = TESTS.parent / "docs" / "reference" / "imports.md"


def test_every_quirk_of_the_reference_has_the_tests_it_names():
    _above, section = REFERENCE.read_text().split("\n## Quirks\n")
    rows = [line for line in section.split("\n## ")[0].splitlines() if re.match(r"\| \d+ \|", line)]
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert ([int(row.split("|")[1]) for row in rows], all(named)) == (list(range(1, 27)), True)
    written = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    assert {name for names in named for name in names} - written == set()
