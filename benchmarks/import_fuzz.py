"""Read generated and damaged files: none may crash or hang, and every row must be applied, rejected or left out.

    python benchmarks/import_fuzz.py [--files 100000] [--seed 1] [--workers 2] [--whole 100] [--keep FOLDER]

The files that are damaged are those the tests write, for every format, and ../shared/samples where it exists. A file is
changed in its bytes, cells, lines and encoding, or put into a workbook, a page or an archive and broken there; others
are drawn by hypothesis from the columns of all formats and cells nobody expects. Each is read up to what would be
written; one in `--whole` goes through the whole dry run with its database. What failed is kept in `--keep`.
"""

import argparse
import csv
import gc
import gzip
import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT.parent / "shared" / "samples"
LARGEST = 64 * 1024  # bytes of a file to damage; large ones add time, not variety
TIME_LIMIT = 10  # seconds of processor for one file, whatever else runs on the machine
NASTY = [
    "", " ", "\x00", '"', '""', "'", "=1+1", "-", "--", "NaN", "9" * 40, "-" + "9" * 20, "1e9", "1E+17", "1e-320", "0",
    "\ufeff", "\u200b", "\u2028", "\x85", "é", "，", "¥289.00", "1.234,56", "1,234", "٢٥٠", "($33.62)", "-CA$4.42", "0000-00-00",
    "31/12/2023 22:36", "12/31/23", "2024-02-30", "45384.34789", "1700000000", "Sep 4, 2026 1:05:07 AM PDT", "0001-01-01",
    "9999-12-31 23:59:59 +1400", "a@b", "A@Ünïcode.example", "a@b.c;d@e.f", "+49 30 5551234", "1******6198", "##密文", "EUR",
    "{}", "[[[[", "a:b|c:d;e:f", "x" * 5000, "\r", "\n", "\t", ";", "|", "\ud800", "👩‍👩‍👧", "ﷺ", "Ⅷ", "½", "²",
]  # fmt: skip


class TookTooLong(Exception):
    """A file was not read within the limit."""


# ---- what is damaged


def corpus(folder: Path) -> list[bytes]:
    """Return the files of the samples and of the tests; the tests are run once to learn what they write."""
    kept = folder / "corpus"
    if not kept.exists():
        kept.mkdir(parents=True)
        _run_tests(kept)
    files = {path.read_bytes() for path in kept.iterdir()}
    if SAMPLES.exists():
        files |= {path.read_bytes() for path in SAMPLES.rglob("*") if path.is_file() and path.suffix != ".md"}
    return sorted(content for content in files if 0 < len(content) <= LARGEST)


def _run_tests(kept: Path) -> None:
    import pytest

    class Recorder:
        def pytest_collection_finish(self, session):
            from crm.imports import surveying

            look = surveying.look

            def recording_look(path, **said):
                content = path.read_bytes()
                (kept / hashlib.sha256(content).hexdigest()[:20]).write_bytes(content)
                return look(path, **said)

            surveying.look = recording_look

    names = ["tests/imports/formats", "tests/imports/test_formats.py", "tests/imports/test_cataloguing.py"]
    arguments = [*names, "-q", "-p", "no:cacheprovider", "-k", "not damaged", "--no-header", "--tb=no"]
    child = multiprocessing.get_context("fork").Process(target=pytest.main, args=(arguments, [Recorder()]))
    child.start()  # Django is set up there for tests, here for measuring
    child.join()


# ---- how it is damaged


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return a file changed in a few places."""
    if content[:2] in (b"PK", b"\xd0\xcf", b"\x1f\x8b") or draw.random() < 0.4:
        return _bytes_changed(content, draw)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _bytes_changed(content, draw)
    text = draw.choice((_cells_changed, _lines_changed, _cells_changed))(text, draw)
    encoding = draw.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-16-le", "cp1252", "gb18030"))
    content = text.encode(encoding, "replace")
    if draw.random() < 0.12:
        content = _contained(text, draw)
        if draw.random() < 0.5:
            content = _bytes_changed(content, draw)
    return content


def _bytes_changed(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        place, length = draw.randint(0, len(changed)), draw.choice((0, 1, 1, 2, 8, 40))
        new = draw.choice((b"", draw.randbytes(draw.randint(1, 4)), draw.choice(NASTY).encode("utf-8", "replace")))
        changed[place : place + length] = new
    if draw.random() < 0.15:
        del changed[draw.randint(0, len(changed)) :]
    return bytes(changed)


def _cells_changed(text: str, draw: random.Random) -> str:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter_of(text)))
    except csv.Error:
        return text
    for _ in range(draw.randint(1, 8)):
        row = draw.choice(rows) if rows else []
        if row:
            row[draw.randrange(len(row))] = draw.choice(NASTY)
    if draw.random() < 0.3 and rows:
        column = draw.randrange(max(len(rows[0]), 1))
        for row in rows:
            if column < len(row):
                draw.choice((row.pop, lambda at, row=row: row.insert(at, "")))(column)
    return _written(rows, draw.choice((",", ",", ";", "\t", "|")))


def _lines_changed(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(lines) + 1)
        match draw.randrange(6):
            case 0:
                lines[at:at] = lines[at : at + draw.randint(1, 3)]
            case 1:
                del lines[at : at + draw.randint(1, 2)]
            case 2:
                lines[1:] = draw.sample(lines[1:], len(lines[1:]))
            case 3:
                lines[at:at] = ["\n"] * draw.randint(1, 3)
            case 4:
                lines[at:at] = [draw.choice(("Report,,\n", "Total,,1\n", "sep=;\n", "合计,3\n", '"', "a" * 300 + "\n"))]
            case 5:
                lines = [line.rstrip("\r\n") + draw.choice(("\n", "\r\n", "\r")) for line in lines]
    return "".join(lines)


def _contained(text: str, draw: random.Random) -> bytes:
    from tests.imports.workbooks import packed, xlsx

    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter_of(text)))
    except csv.Error:
        rows = [[text[:100]]]
    clean = [["".join(char for char in cell if char.isprintable()) for cell in row] for row in rows]
    match draw.randrange(4):
        case 0:
            return xlsx({"Notes": [["Read me"]], "Orders": clean})
        case 1:
            cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in clean)
            return f"<html><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table></html>".encode()
        case 2:
            return packed({"orders.csv": text.encode("utf-8", "replace")})
        case _:
            return gzip.compress(text.encode("utf-8", "replace"))


def _delimiter_of(text: str) -> str:
    return max(",;\t|", key=text.partition("\n")[0].count)


def _written(rows: list[list[str]], delimiter: str) -> str:
    target = io.StringIO()
    try:
        csv.writer(target, delimiter=delimiter).writerows(rows)
    except csv.Error:
        return ""
    return target.getvalue()


def generated(count: int, headers: list[list[str]], seed_number: int) -> Iterator[bytes]:
    """Yield tables drawn by hypothesis: columns of the formats, cells nobody expects."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    amounts = st.decimals(-1000, 100_000, places=2, allow_nan=False).map(str)
    cells = st.one_of(
        st.sampled_from(NASTY), st.text(max_size=12), st.integers(-3, 10**9).map(str), amounts,
        st.datetimes().map(lambda moment: moment.isoformat(" ")[:19]), st.sampled_from(["paid", "yes", "no", "refunded", "a@b.example"]),
    )  # fmt: skip
    tables = st.tuples(
        st.sampled_from(headers), st.lists(st.lists(cells, max_size=12), max_size=8), st.sampled_from([",", ";", "\t"]),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]), st.integers(0, 5),
    )  # fmt: skip
    drawn: list[bytes] = []

    @seed(seed_number)
    @settings(
        max_examples=count, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(tables)
    def draw(table) -> None:
        header, rows, delimiter, encoding, shift = table
        wide = [(row * (len(header) // max(len(row), 1) + 1))[: len(header) + (shift == 5)] for row in rows]
        drawn.append(_written([header[shift and 0 :], *wide], delimiter).encode(encoding, "replace"))

    draw()
    yield from drawn


# ---- how it is read


def read(path: Path) -> Counter:
    """Read a file up to what would be written, and account for each of its rows; nothing if it is refused."""
    from crm.imports import skipping, surveying
    from crm.imports.formats.base import BadRow
    from crm.imports.refusals import NotReadable
    from crm.imports.surveying import FormatUnknown

    said, warned = Counter(), set()
    try:
        looked = surveying.look(path)
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency="EUR")
        options = surveying.options_for(
            looked, surveyed, mapping=looked.mapping, zone="Europe/Berlin", currency="EUR",
            warn=lambda code, line: code.startswith(skipping.PREFIX) and warned.add(line),
        )  # fmt: skip
        groups = surveying.Groups(path, looked, surveyed, mapping=looked.mapping)
        seen: list[list[int]] = []
        items: list = []

        def watched():
            for group in groups:
                seen.append([line for line, _cells in group])
                yield group

        for item in looked.member.parse(watched(), options):
            items.append(item)
    except (NotReadable, FormatUnknown):
        return Counter(refused=1)
    rejected = {item.line_number for item in items if isinstance(item, BadRow)}
    applied = len(items) - sum(isinstance(item, BadRow) for item in items)
    left = 0
    for lines in seen:
        bad, skipped = sum(line in rejected for line in lines), sum(line in warned for line in lines)
        said.update(rows=len(lines), rejected=bad, skipped=skipped, applied=len(lines) - bad - skipped)
        left += bad + skipped < len(lines)
    if surveyed.rows_total != said["rows"]:
        raise AssertionError(f"{surveyed.rows_total} rows were counted, {said['rows']} read")
    said.update(rows=len(groups.bad), rejected=len(groups.bad), read=1)  # those that do not fit the header
    if applied < left:
        raise AssertionError(f"{looked.format}: {left} groups of rows were neither rejected nor left out, {applied} came in")
    return said


def read_whole(path: Path) -> Counter:
    """Let a file through the whole dry run."""
    from crm.imports import reading
    from crm.imports.refusals import NotReadable
    from crm.imports.surveying import FormatUnknown
    from crm.lib import clock

    try:
        result, rejected = reading.check(path, name="file.csv", options={}, now=clock.now())
    except (NotReadable, FormatUnknown):
        return Counter(refused=1)
    if len(rejected) != result["rejected"]:
        raise AssertionError(f"{result['rejected']} rows are said to be rejected, {len(rejected)} are")
    return Counter(read=1, rows=result["rows"], rejected=result["rejected"], skipped=result["skipped"])


def work(number: int, share: int, options: argparse.Namespace, folder: Path) -> None:
    """Read a share of the files and write down what came of them."""
    os.environ["DATA_DIR"] = str(folder / f"data-{number}")
    os.environ.setdefault("SECRET_KEY", "fuzz")
    os.environ.pop("DATABASE_URL", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "crm.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from crm.accounts import setup

    call_command("migrate", verbosity=0)
    setup.ensure_shop(currency="EUR", timezone="Europe/Berlin")
    bases = corpus(folder)
    headers = [header for content in bases if (header := _header_of(content))]
    started = time.monotonic()
    draw = random.Random(options.seed * 1000 + number)
    drawn = share // 5
    files = [("drawn", content) for content in generated(drawn, headers, options.seed * 1000 + number)]
    counts: dict[str, Counter] = {}
    path = folder / f"file-{number}"
    gc.freeze()  # the files drawn are no garbage to look through again and again
    signal.signal(signal.SIGPROF, _too_long)
    for index in range(share):
        kind, content = files[index] if index < len(files) else ("damaged", damaged(draw.choice(bases), draw))
        path.write_bytes(content)
        _one(kind, read, path, content, counts, options)
        if index % options.whole == 0:
            _one("whole dry run", read_whole, path, content, counts, options)
        if time.monotonic() - started > options.minutes * 60:
            break
    (folder / f"counts-{number}.json").write_text(json.dumps(counts))


def _one(kind: str, reader, path: Path, content: bytes, counts: dict[str, Counter], options) -> None:
    said = counts.setdefault(kind, Counter())
    said["files"] += 1
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT, 1)  # again each second: Python swallows what some callbacks raise
    try:
        said.update(reader(path))
    except TookTooLong:
        said["hangs"] += 1
        _keep("hang", content, traceback.format_exc(), options)
    except Exception:
        said["crashes"] += 1
        _keep("crash", content, traceback.format_exc(), options)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    spent = time.process_time() - began
    said["milliseconds"] += round(spent * 1000)
    said["slowest"] = max(said["slowest"], round(spent * 1000))


def _too_long(*_signal) -> None:
    raise TookTooLong


def _keep(why: str, content: bytes, trace: str, options) -> None:
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        name = options.keep / f"{why}-{hashlib.sha256(trace.encode()).hexdigest()[:8]}"
        if not name.exists():
            name.write_bytes(content)
            name.with_suffix(".txt").write_text(trace)


def _header_of(content: bytes) -> list[str]:
    try:
        line = content.decode("utf-8-sig").lstrip().partition("\n")[0]
        return next(csv.reader([line], delimiter=_delimiter_of(line)), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60, help="stop after so long")
    parser.add_argument("--whole", type=int, default=100, help="one file in so many goes through the whole dry run")
    parser.add_argument("--keep", type=Path, help="a folder for the files that failed")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="regulars-fuzz-") as name:
        folder = Path(name)
        print(f"{len(corpus(folder))} files to damage, {options.files} to read")
        started = time.monotonic()
        share = -(-options.files // options.workers)
        workers = [
            multiprocessing.Process(target=work, args=(number, share, options, folder)) for number in range(options.workers)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        counts: dict[str, Counter] = {}
        for number in range(options.workers):
            told = folder / f"counts-{number}.json"
            for kind, said in (json.loads(told.read_text()) if told.exists() else {"a worker died": {"crashes": 1}}).items():
                slowest = max(counts.get(kind, Counter())["slowest"], said.get("slowest", 0))
                counts.setdefault(kind, Counter()).update(said)
                counts[kind]["slowest"] = slowest
        _print(counts, time.monotonic() - started)
    return int(any(said["crashes"] or said["hangs"] for said in counts.values()))


def _print(counts: dict[str, Counter], seconds: float) -> None:
    columns = ("files", "read", "refused", "rows", "applied", "rejected", "skipped", "crashes", "hangs")
    print(f"{'':16}" + "".join(f"{name:>10}" for name in (*columns, "ms/file", "slowest")))
    for kind, said in sorted(counts.items()):
        each = said["milliseconds"] / max(said["files"], 1)
        print(f"{kind:16}" + "".join(f"{said[name]:>10,}" for name in columns) + f"{each:>10.1f}{said['slowest']:>10,}")
    print(f"{seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
