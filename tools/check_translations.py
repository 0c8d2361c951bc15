"""Fail unless every catalogue is complete: nothing empty or fuzzy, compiled, no string of the source missing.

The last part needs GNU gettext (`xgettext`); without it a catalogue is only compared with itself.
"""

import gettext
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message

ROOT = Path(__file__).resolve().parent.parent
READ_BY_GETTEXT = ["crm", "loyalty", "templates", "manage.py", "static/js"]
# What a translation must keep: %(name)s, %%, %{x} of a chart, {{ field of a message, tags.
MARKS = re.compile(r"%\(\w+\)[a-z]|%%|%\{\w+\}|\{\{\s*\w+|</?[a-z][^>]*>")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return pofile.read_po(file)


def language(path: Path) -> str:
    """Return the folder's name: zh_Hans for locale/zh_Hans/LC_MESSAGES/django.po."""
    return path.parent.parent.name


def key(message: Message) -> tuple[str, str | None]:
    """Return what a message is found by: its (singular) text and its context."""
    return (message.id[0] if isinstance(message.id, tuple | list) else message.id, message.context)


def texts(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [message.string]


def marks(text: str) -> set[str]:
    """Return the placeholders and tags of a text. How often one stands may differ between languages."""
    return set(MARKS.findall(text))


def marks_differ(message: Message) -> str:
    """Return what one text has and the other lacks, or nothing."""
    source = message.id[-1] if isinstance(message.id, tuple | list) else message.id  # the plural has them all
    apart = {mark for text in texts(message) for mark in marks(text) ^ marks(source)}
    return " ".join(sorted(apart))


def faults(path: Path) -> list[str]:
    """Return what is wrong with one catalogue and its compiled form."""
    compiled = path.with_suffix(".mo")
    if not compiled.exists():
        return [f"{compiled.name} is missing: run manage.py compilemessages"]
    with compiled.open("rb") as file:
        known = gettext.GNUTranslations(file)._catalog
    found = []
    for message in read(path):
        if not message.id:
            continue
        text, context = key(message)
        name = repr(text[:70])
        if message.fuzzy:
            found.append(f"fuzzy: {name}")
        elif not all(texts(message)):
            found.append(f"not translated: {name}")
        else:
            found += [f"{error}: {name}" for error in message.check()]
            if apart := marks_differ(message):
                found.append(f"placeholders differ ({apart}): {name}")
            lookup = f"{context}\x04{text}" if context else text
            plural = (lookup, 0) if isinstance(message.id, tuple | list) else lookup
            if known.get(plural) != texts(message)[0]:
                found.append(f"{compiled.name} is older than the catalogue (manage.py compilemessages): {name}")
    return found


def missing(catalogues: list[Path]) -> list[str]:
    """Return the strings of the source that no catalogue has, as gettext finds them today."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in READ_BY_GETTEXT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
            elif source.exists():
                shutil.copy(source, copy / name)
        found = []
        for path in catalogues:
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            subprocess.run(
                [sys.executable, "-m", "django", "makemessages", "--locale", language(path), "--domain", path.stem,
                 "--no-obsolete", "--no-location", "--verbosity", "0"],
                cwd=copy, check=True, env={**os.environ, "PYTHONPATH": str(copy)},
            )  # fmt: skip
            known = {key(message) for message in read(path)}
            found += [f"missing from {language(path)} {path.name}: {text[:70]!r}" for text, context in
                      (key(message) for message in read(target)) if (text, context) not in known]  # fmt: skip
    return found


def main() -> int:
    catalogues = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
    if not catalogues:
        print("There is no catalogue in locale/.", file=sys.stderr)
        return 1
    found = [f"{language(path)} {path.name}: {fault}" for path in catalogues for fault in faults(path)]
    if shutil.which("xgettext"):
        found += missing(catalogues)
    for fault in found:
        print(fault, file=sys.stderr)
    total = sum(len(read(path)) for path in catalogues)
    languages = ", ".join(sorted({language(path) for path in catalogues}))
    print(f"{languages}: {total} strings, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
