from pathlib import Path

import pytest

from crm.imports import reading, surveying

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
DATA = SAMPLES.parent / "data"


@pytest.fixture
def write(tmp_path):
    """Write a file of text (or bytes) and return its path."""

    def write(content, name="file.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def take(write, now, shop):
    """Import a file to its end and return the Import."""

    def take(content, name="file.csv", **said):
        path = content if isinstance(content, Path) else write(content, name)
        options = {name: said.pop(name) for name in list(said) if name not in ("format", "now")}
        moment = said.pop("now", now)
        importing = reading.create(path, name=path.name, options=options, now=moment, state="reading", **said)
        assert importing.state == "reading", importing.state
        return reading.read(importing.pk, now=moment)

    return take


@pytest.fixture
def parse(write):
    """Read a file with its format, without a database, and return what came out of it."""

    def parse(content, currency="EUR", zone="UTC", format="", name="file.csv"):
        path = content if isinstance(content, Path) else write(content, name)
        looked = surveying.look(path, format=format)
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency=currency)
        warned = []
        options = surveying.options_for(
            looked,
            surveyed,
            mapping=looked.mapping,
            zone=zone,
            currency=currency,
            file_name=path.name,
            warn=lambda *what: warned.append(what),
        )
        groups = surveying.Groups(path, looked, surveyed, mapping=looked.mapping)
        items = list(looked.member.parse(iter(groups), options))
        parse.looked, parse.surveyed, parse.warned = looked, surveyed, warned
        return items + groups.bad

    return parse
