"""CSV for spreadsheets: UTF-8 with its mark, one row per sample, no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from assets.exports.formats.rows import AnnotatedRow

COLUMNS = ("id", "item", "item_name", "text", "labels", "guideline_version", "annotator")
SEPARATOR = "|"
_RUNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> str:
    """The cell as text; one that a spreadsheet would take for a formula gets an apostrophe in front.

    Wide forms of the signs count too: some spreadsheets read them as the narrow ones.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_RUNS) else text


def document(rows: Iterable[AnnotatedRow]) -> Iterator[bytes]:
    """The file in pieces."""
    yield "\ufeff".encode()
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {name: getattr(row, name) for name in COLUMNS} | {"labels": SEPARATOR.join(row.labels)}
        writer.writerow([safe_cell(cells[name]) for name in COLUMNS])
        if held.tell() >= 1 << 16:
            yield held.getvalue().encode()
            held.seek(0)
            held.truncate()
    yield held.getvalue().encode()
