"""Write CSV that a spreadsheet opens as text and numbers, never as formulas."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

_STARTS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_SKIPPED = " \"'\u00a0\u200b\ufeff"  # what may stand before a formula without stopping it
_NUMBER_OR_PHONE = re.compile(r"-?\d+(\.\d+)?|\+\d{6,15}")


def safe_cell(value) -> str:
    """Return the cell's text, guarded with an apostrophe where a spreadsheet would run it."""
    if value is None or value == "":
        return ""
    text = str(value)
    if text[0].isalnum():  # nearly always
        return text
    if text.lstrip(_SKIPPED).startswith(_STARTS_FORMULA) and not _NUMBER_OR_PHONE.fullmatch(text):
        return "'" + text
    return text


class _Echo:
    def write(self, value: str) -> str:
        return value


def lines(header: Sequence[str], rows: Iterable[Sequence]) -> Iterator[str]:
    """Yield a CSV file line by line, with a byte order mark for Excel."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_MINIMAL)
    yield "\ufeff" + writer.writerow([safe_cell(cell) for cell in header])
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def download(filename: str, header: Sequence[str], rows: Iterable[Sequence]) -> StreamingHttpResponse:
    """Return a CSV download that is written while it is read."""
    response = StreamingHttpResponse(lines(header, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = content_disposition_header(True, filename)
    return response
