"""Files of our own in the shape of a platform's: a header, and rows given as {column: value}."""

import csv
import io


def sheet(header, *rows, delimiter=","):
    """Return a file of these rows; cells are quoted where they need it."""
    names = next(csv.reader([header], delimiter=delimiter))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return text.getvalue()
