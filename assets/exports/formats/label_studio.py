"""Tasks as Label Studio exports and imports them: one JSON list, a task per row, its result untouched.

`data` holds the text, or the image's path in the dataset; who labelled is told by pseudonym. Streamed, one row at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assets.exports.formats.archive import joined

TEXT, IMAGE = "text", "image"


def task_of(row: Mapping[str, Any], number: int, field: str = "") -> dict[str, Any]:
    """One row as a task; `field` is what the config calls the shown text or image."""
    is_text = row.get("text") is not None
    shown = row["text"] if is_text else row["item"]
    annotation = {
        "result": row.get("result") or [],
        "was_cancelled": False,
        "ground_truth": False,
        "completed_by": str(row.get("annotator") or ""),
    }
    meta = {"row": row["id"], "item": row["item"], "guideline_version": row.get("guideline_version")}
    return {
        "id": number,
        "data": {field or (TEXT if is_text else IMAGE): shown},
        "meta": meta,
        "annotations": [annotation],
        "predictions": [],
    }


def _pieces(lines: Iterable[bytes | str], field: str) -> Iterator[str]:
    yield "["
    for number, line in enumerate(lines, start=1):
        told = task_of(json.loads(line), number, field)
        yield ("," if number > 1 else "") + json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
    yield "]\n"


def document(lines: Iterable[bytes | str], field: str = "") -> Iterator[bytes]:
    """The JSON list in pieces, from the rows as JSON lines."""
    yield from joined(_pieces(lines, field))
