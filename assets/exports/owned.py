"""A version of a firm's own files on its way to an export: which are tables, and which hold annotations."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.rules import canonical
from assets.exports.formats.results import LARGEST_JSON, Reader, RowBroken
from assets.exports.formats.rowfile import RowFile
from assets.exports.formats.rows import Shape, Size, shape_of
from assets.exports.formats.tables import LINES, OneTable, TableFile, TableUnfit, ending_of, one_table
from documents import objects

MOST_TABLES, MOST_DOCUMENTS = 2_000, 200
_HEAD = 1 << 20
_TURNED = (5, 6, 7, 8)
_ORIENTATION = 0x0112

Fetch = Callable[[DatasetFile], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Holding:
    """The files that an export may be made from, by path: tables and JSON documents; how many images there are."""

    tables: Sequence[DatasetFile]
    documents: Sequence[DatasetFile]
    image_count: int

    @property
    def byte_count(self) -> int:
        return sum(file.size for file in (*self.tables, *self.documents))


def holding_of(version: DatasetVersion) -> Holding:
    """What a version holds by the names of its files; nothing is read."""
    rows = version.files.order_by("path")
    tables = rows.filter(path__iregex=r"\.(csv|tsv|jsonl|ndjson|parquet)$")[:MOST_TABLES]
    documents = list(rows.filter(path__iendswith=".json")[: MOST_DOCUMENTS + 1])
    images = rows.filter(media_type__startswith="image/").count()
    return Holding(list(tables), documents if len(documents) <= MOST_DOCUMENTS else [], images)


@dataclass(slots=True)
class Brought:
    """The files of a holding on this machine, in a folder of their own; `rows` are their annotations as rows of ours."""

    tables: list[TableFile]
    rows: Path
    sizes: dict[str, Size] = field(default_factory=dict)
    row_fault: str = ""
    row_names: str = ""


def bring(version: DatasetVersion, holding: Holding, folder: Path, fetch: Fetch) -> Brought:
    """Fetch the tables and documents and write the rows that carry annotations."""
    found = Brought([], folder / "rows.jsonl")
    for number, file in enumerate(holding.tables, start=1):
        path = folder / f"{number:06d}{ending_of(file.path)}"
        with path.open("wb") as out:
            out.writelines(fetch(file))
        found.tables.append(TableFile(file.path, path))
    images = version.files.filter(media_type__startswith="image/")
    reader = Reader(images.values_list("path", flat=True))
    with found.rows.open("wb") as out:
        try:
            for table in found.tables:
                if table.ending in LINES:
                    with table.path.open("rb") as lines:
                        out.writelines(canonical(row) + b"\n" for row in reader.of_lines(lines, table.name))
            for file in holding.documents if not reader.count else ():
                if file.size > LARGEST_JSON:
                    found.row_fault, found.row_names = "results_too_large", file.path
                    continue
                body = b"".join(fetch(file))
                out.writelines(canonical(row) + b"\n" for row in reader.of_document(body, file.path))
        except RowBroken as broken:
            found.row_fault, found.row_names = "rows_broken", broken.place
    if found.row_fault == "rows_broken":
        found.rows.write_bytes(b"")
    return found


def unsized(brought: Brought) -> list[str]:
    """Images that rows speak of and whose size no region tells, by path."""
    known, wanted = set[str](), dict[str, None]()
    for row in RowFile(brought.rows, "").rows():
        if row.size is not None:
            known.add(row.item)
        elif row.text is None:
            wanted[row.item] = None
    return [path for path in wanted if path not in known]


def measure_images(version: DatasetVersion, paths: Sequence[str]) -> dict[str, Size]:
    """Width and height of images as they are shown (after their EXIF turn), from the beginning of each file."""
    found: dict[str, Size] = {}
    for start in range(0, len(paths), 500):
        for file in version.files.filter(
            path__in=paths[start : start + 500], media_type__startswith="image/"
        ):
            size = _size_of(file)
            if size is not None:
                found[file.path] = size
    return found


def _size_of(file: DatasetFile) -> Size | None:
    head = b""
    for chunk in objects.stream(file.object_key):
        head += chunk
        if len(head) >= _HEAD:
            break
    try:
        with Image.open(io.BytesIO(head)) as image:
            wide, high = image.size
            is_turned = image.getexif().get(_ORIENTATION) in _TURNED
    except Exception:  # decoders raise whatever a broken file makes them raise
        return None
    return (high, wide) if is_turned else (wide, high)


def measured(version: DatasetVersion, holding: Holding, brought: Brought) -> Shape:
    """What can be made of it: annotated rows and tables, counted, or why not."""
    rows = RowFile(brought.rows, "", sizes=brought.sizes).rows()
    shape = replace(
        shape_of(rows, byte_count=version.byte_count),
        is_own=True,
        image_count=holding.image_count,
        table_count=len(brought.tables),
        row_fault=brought.row_fault,
        row_names=brought.row_names,
    )
    if not brought.tables:
        return shape
    try:
        with one_table(brought.tables) as table:
            return replace(shape, table_rows=table.row_count())
    except TableUnfit as unfit:
        return replace(shape, table_fault=unfit.code, table_names=unfit.names)


def write_table(table: OneTable, code: str, target: Path) -> None:
    """Write one of the three formats of rows."""
    {"parquet": table.write_parquet, "csv": table.write_csv, "jsonl": table.write_lines}[code](target)
