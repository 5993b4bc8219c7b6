"""100,000 annotated rows handed out: our writers against the converters of Label Studio's SDK, in the same run.

The peer holds everything in memory and is measured on a tenth, as rows a second. Also: what a full loss report costs
beside the writing, the tree over 100,000 labels with one proof, and that memory does not grow with the rows.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assets.datasets import trees
from assets.exports.formats import coco, conll, yolo
from assets.exports.formats.archive import Part, write_zip
from assets.exports.formats.losses import measure as losses_of
from assets.exports.formats.rowfile import RowFile
from assets.exports.formats.rows import Source
from assets.transparency import rules as tree
from benchmarks import Row

ROWS, PART, TIMES = 100_000, 10_000, 3
CLASSES = ("车", "人", "路牌")
NAMES = ("机构", "地名")
TEXT = "清远市清新区政府公布名单，飞来峡镇与太平镇在列。"
BOXES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{name}"/>' for name in CLASSES)
    + "</RectangleLabels></View>"
)
SPANS = (
    '<View><Text name="text" value="$text"/><Labels name="entity" toName="text">'
    + "".join(f'<Label value="{name}"/>' for name in NAMES)
    + "</Labels></View>"
)


def boxes(number: int) -> list[dict[str, Any]]:
    """Three boxes on an image of 640 × 480."""
    return [
        {
            "id": f"b{place}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
            "original_width": 640, "original_height": 480, "image_rotation": 0,
            "value": {
                "x": (number * 7 + place * 13) % 60, "y": (number * 11 + place * 5) % 60, "width": 20.5,
                "height": 12.25, "rotation": 0, "rectanglelabels": [CLASSES[(number + place) % 3]],
            },
        }
        for place in range(3)
    ]  # fmt: skip


def spans(number: int) -> list[dict[str, Any]]:
    """Two spans of the text."""
    places = ((0, 8, "机构"), (number % 3 + 12, number % 3 + 16, "地名"))
    return [
        {
            "id": f"s{start}", "from_name": "entity", "to_name": "text", "type": "labels",
            "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]},
        }
        for start, end, label in places
    ]  # fmt: skip


def rows(count: int, *, is_text: bool) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        row: dict[str, Any] = {
            "id": f"r{number:06d}",
            "item": f"items/{number:06d}.{'txt' if is_text else 'png'}",
        }
        if is_text:
            row["text"] = TEXT
        yield {
            **row,
            "annotator": "A001",
            "labels": [],
            "result": spans(number) if is_text else boxes(number),
        }


def written(place: Path, count: int, *, is_text: bool) -> Path:
    """The rows as JSON lines."""
    path = place / f"{'text' if is_text else 'image'}-{count}.jsonl"
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(count, is_text=is_text))
    return path


def tasks(place: Path, count: int, *, is_text: bool) -> Path:
    """The same as an export of Label Studio."""
    path = place / f"{'text' if is_text else 'image'}-{count}.json"
    told = [
        {
            "id": number,
            "data": {"text": TEXT} if is_text else {"image": f"/data/{row['item']}"},
            "annotations": [{"id": number, "completed_by": 1, "result": row["result"]}],
        }
        for number, row in enumerate(rows(count, is_text=is_text), start=1)
    ]
    path.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    return path


def rate(count: int, work: Callable[[], object]) -> float:
    """Rows a second, the median of several times."""
    durations = []
    for _time in range(TIMES):
        begun = time.perf_counter()
        work()
        durations.append(time.perf_counter() - begun)
    return count / statistics.median(durations)


def zipped(
    path: Path, parts: Callable[[Source], Iterator[Part]], classes: tuple[str, ...]
) -> Callable[[], None]:
    """Our way: from the file of rows to the archive on disk."""

    def work() -> None:
        with path.with_suffix(".zip").open("wb") as out:
            write_zip(parts(RowFile(path, "示例", classes)), out)

    return work


def converted(config: str, method: str, given: Path, place: Path) -> Callable[[], None]:
    """The SDK's way: its converter over an export, images left where they are."""
    from label_studio_sdk.converter import Converter

    logging.disable(logging.CRITICAL)

    def work() -> None:
        made = Converter(config, str(place), download_resources=False)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            getattr(made, method)(str(given), str(place / method), is_dir=False)

    return work


def peak(work: Callable[[], object]) -> float:
    """The most memory the work holds at once, in MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


FORMATS: tuple[tuple[str, Callable[[Source], Iterator[Part]], str], ...] = (
    ("coco", coco.parts, "convert_to_coco"),
    ("yolo", yolo.detection, "convert_to_yolo"),
    ("conll", conll.parts, "convert_to_conll2003"),
)


def exports(place: Path) -> Iterator[Row]:
    for code, parts, method in FORMATS:
        is_text = code == "conll"
        classes, config = (NAMES, SPANS) if is_text else (CLASSES, BOXES)
        ours = rate(ROWS, zipped(written(place, ROWS, is_text=is_text), parts, classes))
        theirs = rate(PART, converted(config, method, tasks(place, PART, is_text=is_text), place))
        yield Row(f"{code} of {ROWS:,} rows", ours, "rows/s", f"SDK's converter, {PART:,} rows", theirs, 1.0)


def memory(place: Path) -> Iterator[Row]:
    few, many = (written(place, count, is_text=True) for count in (2_000, 20_000))
    small, large = (peak(zipped(path, conll.parts, NAMES)) for path in (few, many))
    yield Row(
        "memory of conll, 20,000 rows", large, "MB", "ours, 2,000 rows", small, 0.8, larger_is_better=False
    )


def losses(place: Path) -> Iterator[Row]:
    path = written(place, PART, is_text=False)

    def work() -> None:
        with path.open("rb") as lines:
            assert losses_of(lines, code="coco", classes=CLASSES).is_whole

    writing = rate(PART, zipped(path, coco.parts, CLASSES))
    yield Row(
        f"loss report of coco, {PART:,} rows", rate(PART, work), "rows/s", "the writing alone", writing, 0.2
    )


def proofs() -> Iterator[Row]:
    leaves = [
        trees.Leaf(1, 0, 1, f"items/{n:06d}.txt", "0" * 64, "BZ", "1" * 64, f"r{n:06d}", str(n), "2" * 64)
        for n in range(ROWS)
    ]
    body = trees.leaves_file(leaves)
    lines = body.splitlines()
    root = trees.tree_of(trees.hashes_of(lines)).root

    def naive() -> str:
        """The tree level by level, every node kept."""
        nodes = dict(tree.grow(0, {}, trees.hashes_of(lines)))
        return tree.fold([nodes[node] for node in tree.cover((0, ROWS))]).hex()

    if naive() != root:
        raise RuntimeError("the two trees differ")

    def ours() -> object:
        hashes = trees.hashes_of(lines)
        return trees.tree_of(hashes), trees.path_of(hashes, ROWS // 3)

    yield Row(
        f"tree and a proof of {ROWS:,} labels",
        rate(ROWS, ours),
        "labels/s",
        "the log's growth",
        rate(ROWS, naive),
        0.5,
    )


def measure() -> list[Row]:
    """Every comparison."""
    with tempfile.TemporaryDirectory(prefix="qingshu-bench-") as name:
        place = Path(name)
        return [*exports(place), *memory(place), *losses(place), *proofs()]
