"""Reading what really arrived: hash, sort and safety of one file, and what its rows are, in one pass.

Nothing is trusted: sizes inside archives and pictures are bounded before anything is expanded. Small files are
read in memory, the others from a temporary file where a format needs to be read from its end.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from assets.uploads import rules
from assets.uploads.rules import FileFault, Kind, Table
from kernel.columnar import columnar

csv.field_size_limit(rules.LONGEST_LINE)


@dataclass(slots=True)
class Reading:
    """What one pass over a file found: size, SHA-256 (hex), facts as plain JSON, or a fault's code and words.

    `head` are its first bytes; `body` all of them while they are few.
    """

    size: int = 0
    sha256: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    words: dict[str, Any] = field(default_factory=dict)
    head: bytes = b""
    body: bytes | None = None


def read(path: str, chunks: Iterable[bytes]) -> Reading:
    """Read the whole of one file; a fault in it is told in the reading, not raised."""
    kind, found, digest = rules.kind_of(path), Reading(), hashlib.sha256()
    kept: list[bytes] | None = []

    def watched() -> Iterator[bytes]:
        nonlocal kept
        for chunk in chunks:
            digest.update(chunk)
            found.size += len(chunk)
            if kept is not None:
                kept.append(chunk)
                if found.size > rules.WHOLE:
                    kept = None
            yield chunk

    stream = watched()
    try:
        found.head, whole = _headed(stream)
        rules.check_head(path, kind, found.head)
        found.facts = READERS[kind.reader](path, whole)
    except FileFault as fault:
        found.code, found.words = fault.code, {name: rules.plain(word) for name, word in fault.words.items()}
    for _rest in stream:
        pass
    found.sha256 = digest.hexdigest()
    found.body = b"".join(kept) if kept is not None else None
    return found


def _headed(stream: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and the stream from its beginning."""
    begun: list[bytes] = []
    while sum(map(len, begun)) < rules.HEAD and (chunk := next(stream, b"")):
        begun.append(chunk)

    def whole() -> Iterator[bytes]:
        yield from begun
        yield from stream

    return b"".join(begun)[: rules.HEAD], whole()


# --- text ---------------------------------------------------------------------------------------


def _decoded(path: str, stream: Iterator[bytes]) -> Iterator[str]:
    """The text in pieces, without a byte order mark; FileFault where it is not UTF-8."""
    decoder, line, is_first = codecs.getincrementaldecoder("utf-8")(), 1, True
    for chunk in _with_end(stream):
        try:
            text = decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise FileFault("not_utf8", path, line=line) from error
        if "\0" in text:
            raise FileFault("not_utf8", path, line=line + text[: text.index("\0")].count("\n"))
        line += text.count("\n")
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        yield text


def _with_end(stream: Iterator[bytes]) -> Iterator[bytes | None]:
    yield from stream
    yield None


def _lines(path: str, stream: Iterator[bytes], *, code: str) -> Iterator[str]:
    """Lines with their ends; a line of absurd length is a fault of that code."""
    rest, count = "", 0
    for text in _decoded(path, stream):
        pieces = (rest + text).split("\n")
        rest = pieces.pop()
        for piece in pieces:
            count += 1
            yield f"{piece}\n"
        if len(rest) > rules.LONGEST_LINE:
            raise FileFault(code, path, line=count + 1)
    if rest:
        yield rest


def _read_text(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    begun, line_count, ends_open = "", 0, False
    for text in _decoded(path, stream):
        begun = begun if len(begun) >= 400 else (begun + text)[:400]
        line_count += text.count("\n")
        ends_open = not text.endswith("\n") if text else ends_open
    return {"lines": line_count + ends_open, "text": rules.plain(begun.strip())}


# --- tables -------------------------------------------------------------------------------------


def _read_csv(path: str, stream: Iterator[bytes], delimiter: str = ",") -> dict[str, Any]:
    """Rows under their heads; cells that a spreadsheet would run are a fault."""
    rows = csv.reader(_lines(path, stream, code="csv_broken"), delimiter=delimiter, strict=False)
    formulas: list[str] = []
    table, heads, number = Table(path), list[str](), 0
    try:
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row, start=1):
                if cell and cell[0] in "=+-@\t\r" and rules.is_formula(cell):
                    formulas.append(rules.cell_name(number, column))
            if len(formulas) >= rules.SHOWN_CELLS:
                break
            if not heads:
                heads = _heads(row)
            elif row:
                cells = dict(zip(heads, row, strict=False))
                table.take(cells, {name: rules.type_of_cell(cell) for name, cell in cells.items()})
    except csv.Error as error:
        raise FileFault("csv_broken", path, line=number + 1) from error
    if formulas:
        raise FileFault("csv_formula", path, cells="、".join(formulas[: rules.SHOWN_CELLS]))
    return table.facts()


def _heads(row: list[str]) -> list[str]:
    """Names of the columns; doubled and empty ones get their place."""
    named: list[str] = []
    for place, cell in enumerate(row[: rules.MOST_FIELDS], start=1):
        name = cell.strip() or f"column_{place}"
        named.append(f"{name}_{place}" if name in named else name)
    return named


def _read_tsv(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    return _read_csv(path, stream, "\t")


def _parsed(path: str, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        at = line + (error.lineno - 1 if isinstance(error, json.JSONDecodeError) else 0)
        raise FileFault("json_broken", path, line=at) from error


def _take_value(table: Table, value: Any) -> None:
    row = value if isinstance(value, dict) else {"value": value}
    table.take(row, {str(name): rules.type_of(each) for name, each in row.items()})


def _read_jsonl(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    table = Table(path)
    for number, line in enumerate(_lines(path, stream, code="json_broken"), start=1):
        if line.strip():
            _take_value(table, _parsed(path, line, number))
    return table.facts()


def _read_json(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    """One value; a list of objects counts as rows. A very large one is only read as text."""
    pieces: list[str] = []
    size = 0
    for text in _decoded(path, stream):
        size += len(text)
        if size <= rules.LARGEST_JSON:
            pieces.append(text)
        else:
            pieces.clear()
    if size > rules.LARGEST_JSON:
        return {}
    value = _parsed(path, "".join(pieces), 1)
    if not (isinstance(value, list) and value and all(isinstance(each, dict) for each in value)):
        return {}
    table = Table(path)
    for each in value:
        _take_value(table, each)
    return table.facts()


def _read_parquet(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    import duckdb

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        _pour(stream, file)
        try:
            with columnar() as base:
                held: Any = base.read_parquet(file.name)
                names, rows = held.columns, held.shape[0]
                filled = held.aggregate(", ".join(f"count({_quoted(name)})" for name in names)).fetchall()[0]
                table = Table(path)
                for row in held.limit(rules.SAMPLE_ROWS).fetchall():
                    _take_value(table, dict(zip(names, row, strict=True)))
                facts = table.facts()
                facts["labels"] = _parquet_labels(held, names)
                types = [str(kind) for kind in held.types]
        except duckdb.Error as error:
            raise FileFault("table_broken", path) from error
    facts["rows"] = rows
    facts["fields"] = [
        {"name": rules.plain(name, length=200), "type": kind.lower()[:60], "filled": count}
        for name, kind, count in zip(names, types, filled, strict=True)
    ][: rules.MOST_FIELDS]
    return facts


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _parquet_labels(held: Any, names: list[str]) -> dict[str, int]:
    found = next((name for name in names if rules.labels_of({name: "x"})), None)
    if found is None:
        return {}
    column = _quoted(found)
    counted: Any = held.aggregate(f"{column}::varchar AS label, count(*) AS count", column).filter(
        "label IS NOT NULL"
    )
    rows = counted.limit(rules.MOST_LABELS + 1).fetchall()
    return (
        {rules.plain(label, length=80): count for label, count in rows}
        if len(rows) <= rules.MOST_LABELS
        else {}
    )


# --- pictures -----------------------------------------------------------------------------------


def _pour(stream: Iterator[bytes], file: IO[bytes]) -> None:
    for chunk in stream:
        file.write(chunk)
    file.flush()
    file.seek(0)


@contextmanager
def _spooled(stream: Iterator[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=rules.WHOLE) as file:
        _pour(stream, file)
        yield file


def _read_image(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    """Its size from the head alone; the pixels are never expanded."""
    from PIL import Image

    with _spooled(stream) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file) as image:
                width, height = image.size
                if width * height > rules.PIXEL_LIMIT:
                    raise FileFault("image_bomb", path)
                if image.format in ("PNG", "GIF", "BMP"):
                    image.verify()
        except FileFault:
            raise
        except Image.DecompressionBombError as error:
            raise FileFault("image_bomb", path) from error
        except Exception as error:  # decoders raise whatever a broken file makes them raise
            raise FileFault("image_broken", path) from error
    return {"width": width, "height": height}


# --- archives -----------------------------------------------------------------------------------


def _bomb(path: str) -> FileFault:
    return FileFault("archive_bomb", path, ratio=rules.ARCHIVE_RATIO, entries=rules.ARCHIVE_ENTRIES)


def _read_zip(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    """Bounds and names from its directory, then every entry is really expanded, never beyond the bounds."""
    with _spooled(stream) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                _check_directory(path, entries)
                allowance = _allowance(sum(entry.compress_size for entry in entries))
                expanded = 0
                for entry in entries:
                    expanded += _expand(path, archive, entry, allowance - expanded)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            EOFError,
            RuntimeError,
            OSError,
            ValueError,
        ) as error:
            raise FileFault("archive_broken", path) from error
    return {"entries": len(entries), "expanded": expanded}


def _allowance(packed: int) -> int:
    return min(rules.ARCHIVE_BYTES, max(rules.ARCHIVE_SMALL, packed * rules.ARCHIVE_RATIO))


def _check_directory(path: str, entries: list[zipfile.ZipInfo]) -> None:
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > rules.ARCHIVE_ENTRIES or sum(entry.file_size for entry in entries) > _allowance(packed):
        raise _bomb(path)
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise FileFault("archive_encrypted", path)
        name = entry.filename
        if (
            name.startswith(("/", "\\"))
            or ".." in name.replace("\\", "/").split("/")
            or ":" in name.split("/")[0]
        ):
            raise FileFault("archive_path", path, part=rules.shown_path(name))
        if name.lower().endswith(rules.ARCHIVE_ENDINGS):
            raise FileFault("archive_nested", path, part=rules.shown_path(name))


def _expand(path: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, allowance: int) -> int:
    """Expand one entry and forget it; how many bytes came out."""
    size, head = 0, b""
    with archive.open(entry) as file:
        while chunk := file.read(1 << 20):
            head = head or chunk[: rules.HEAD]
            size += len(chunk)
            if size > allowance:
                raise _bomb(path)
    if rules.is_program(head):
        raise FileFault("executable", path)
    if rules.sight(head) in rules.PACKED:
        raise FileFault("archive_nested", path, part=rules.shown_path(entry.filename))
    return size


def _read_gzip(path: str, stream: Iterator[bytes]) -> dict[str, Any]:
    """Expanded piece by piece and forgotten, never beyond the bounds."""
    packer, packed, expanded, head = zlib.decompressobj(31), 0, 0, b""
    try:
        for chunk in stream:
            packed += len(chunk)
            waiting = chunk
            while waiting:
                if packer.eof:  # several members may follow one another
                    packer = zlib.decompressobj(31)
                piece = packer.decompress(waiting, 1 << 20)
                head = head if len(head) >= rules.HEAD else (head + piece)[: rules.HEAD]
                expanded += len(piece)
                if expanded > _allowance(packed):
                    raise _bomb(path)
                waiting = packer.unused_data if packer.eof else packer.unconsumed_tail
    except zlib.error as error:
        raise FileFault("archive_broken", path) from error
    if not packer.eof:
        raise FileFault("archive_broken", path)
    if rules.is_program(head):
        raise FileFault("executable", path)
    if rules.sight(head) in rules.PACKED:
        raise FileFault("archive_nested", path, part=rules.sight(head).lower())
    return {"expanded": expanded}


def _read_bytes(_path: str, _stream: Iterator[bytes]) -> dict[str, Any]:
    return {}


READERS: dict[str, Callable[[str, Iterator[bytes]], dict[str, Any]]] = {
    "": _read_bytes,
    "text": _read_text,
    "csv": _read_csv,
    "tsv": _read_tsv,
    "jsonl": _read_jsonl,
    "json": _read_json,
    "parquet": _read_parquet,
    "image": _read_image,
    "zip": _read_zip,
    "gzip": _read_gzip,
}


def reader_of(path: str) -> str:
    """Under which name the reading of such a file is kept with its content."""
    kind: Kind = rules.kind_of(path)
    return kind.name
