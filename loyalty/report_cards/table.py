"""How well a yes or no can be told of people in a table, such as subscribers who left."""

import csv
import time
from pathlib import Path


def card(path: str | None, target: str | None) -> dict:
    """Return the report card of a table of people: five folds, every figure told of people not learned from.

    Without a file the table is the custom fields of the shop's customers.
    """
    from loyalty import dataset
    from loyalty.estimators import tabular

    rows = _rows_of(path) if path else dataset.people()[1]
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    target = target or next((name for name in names if name.strip().lower() in tabular.NAMES), None)
    if target not in names:
        raise ValueError(f"--target: say which of these columns tells who left: {', '.join(names)}")
    yes, told = tabular.yes_or_no([row.get(target) for row in rows])
    if not told.any():
        raise ValueError(f"--target {target}: no row says yes or no")
    kept = [row for row, known in zip(rows, told) if known]
    columns = {name: [row.get(name) for row in kept] for name in names if name != target}
    label = yes[told]
    began = time.perf_counter()
    found = tabular.report(columns, label)
    champions = found["champions"]
    return {
        "task": "churn", "table": Path(path).name if path else "custom fields", "target": target,
        "customers": len(label), "positives": int(label.sum()), "skipped": int((~told).sum()), "baseline": "base_rate",
        "champion": max(set(champions), key=champions.count), "folds": tabular.FOLDS,
        "seconds": round(time.perf_counter() - began, 3), "candidates": found["candidates"],
    }  # fmt: skip


def _rows_of(path: str) -> list[dict]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "this is not a CSV in UTF-8"
        raise ValueError(f"--table {path}: {reason}") from None
