"""Print the rows of a workbook as JSON, one to a line; run by spreadsheets.py as a program of its own.

calamine_rows.py FILE          [name, first rows] of each visible sheet
calamine_rows.py FILE SHEET    [row number, cells] of each row that holds something

Numbers are numbers, everything else is text. Ends with 2 for a locked workbook, 3 for a damaged one; a file that asks
for more memory or time than it may have kills it, and only it.
"""

import datetime as dt
import json
import mmap
import resource
import sys

MAX_MEMORY, MAX_SECONDS = 1024**3, 300
HEAD_ROWS, MAX_COLUMNS = 60, 2_000
LOCKED, DAMAGED, TOO_LARGE = 2, 3, 4
OLE, ENCRYPTED = b"\xd0\xcf\x11\xe0", "EncryptedPackage".encode("utf-16-le")


def main(path: str, sheet: str = "") -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[:4] == OLE and content.find(ENCRYPTED) >= 0:
                return LOCKED  # an XLSX in a locked box
            book = CalamineWorkbook.from_filelike(file)  # not from_path, which believes the end of the name
        if sheet:
            for row in rows(book.get_sheet_by_name(sheet)):
                print(json.dumps(row, ensure_ascii=True))
            return 0
        tables = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        for table in [one for one in tables if one.visible == SheetVisibleEnum.Visible] or tables:
            head = [row for row, _count in zip(rows(book.get_sheet_by_name(table.name)), range(HEAD_ROWS))]
            print(json.dumps([table.name, head], ensure_ascii=True))
    except PasswordError:
        return LOCKED
    except CalamineError as error:
        return LOCKED if "password" in str(error).lower() or "encrypt" in str(error).lower() else DAMAGED
    except MemoryError:
        return TOO_LARGE
    except BrokenPipeError:
        return 0
    except Exception:  # of its own for every format; none may reach the owner
        return DAMAGED
    return 0


def rows(sheet):
    """Yield [row number, cells] of the rows that hold something."""
    if sheet.start is None:
        return
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [text_of(value) for value in values[:MAX_COLUMNS]]
        while cells and cells[-1] == "":
            cells.pop()
        if cells:
            yield [number, cells]


def text_of(value):
    """Return a cell as a number, or as the text a person would see."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, dt.datetime):
        return value.replace(microsecond=0).isoformat(" ")
    if isinstance(value, dt.time):
        return value.replace(microsecond=0).isoformat()
    return "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
