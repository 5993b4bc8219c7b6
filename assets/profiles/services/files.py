"""Measuring the files of a version: fetched one after another into a folder, read there, and forgotten."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from minio.error import S3Error
from PIL import Image, UnidentifiedImageError

from annotation.intake import likeness
from annotation.intake.sensitive import MOST_MASKED, hits_in
from annotation.intake.states import FindingKind
from assets.datasets.models import DatasetFile
from assets.datasets.rules import ROWS_PATH
from assets.profiles.rules.facts import Candidate, Fault, Finding, ImageFacts, PartFacts, TextFacts, added
from assets.profiles.rules.texts import language_of
from assets.profiles.services import tables
from assets.profiles.states import FingerprintKind
from documents import objects

FILES_PER_STEP = 200
LARGEST_FILE = 4 * 1024**3
LARGEST_TEXT = 32 * 1024**2
MOST_PIXELS = 100_000_000
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_DOCUMENTS = (".md", ".pdf", ".html", ".xml", ".leaves")
_TURN, _PLACE = 0x0112, 0x8825  # EXIF: orientation, directory of the place
_CANDIDATES_PER_STEP = 10


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint to be stored."""

    kind: FingerprintKind
    path: str
    row: int
    digest: bytes
    bands: list[int]


@dataclass
class Step:
    """What one step found: facts for the part, fingerprints for their table."""

    part: PartFacts
    prints: list[Print] = field(default_factory=list)


def kind_of(path: str) -> str:
    """table, image, text, document or other; by the ending, which was checked when the file came in."""
    lowered = path.lower()
    if lowered.endswith(_TABLES):
        return "table"
    if lowered.endswith(_IMAGES):
        return "image"
    if lowered.endswith(".txt"):
        return "text"
    return "document" if lowered.endswith(_DOCUMENTS) else "other"


def steps_of(files: Sequence[DatasetFile]) -> list[list[DatasetFile]]:
    """The files in steps: every table alone, the others in groups; the same for the same version."""
    alone = [[file] for file in files if kind_of(file.path) == "table"]
    others = [file for file in files if kind_of(file.path) != "table"]
    return alone + [others[n : n + FILES_PER_STEP] for n in range(0, len(others), FILES_PER_STEP)]


def measure(files: Iterable[DatasetFile], folder: Path, *, at: datetime, is_annotated: bool) -> Step:
    """One step. `is_annotated`: raw texts are repeated in rows.jsonl and not measured twice."""
    work = _Work(folder, at, is_annotated)
    for file in files:
        work.take(file)
    return work.step()


class _Unreadable(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _fetch(file: DatasetFile, folder: Path, *, is_text: bool) -> Path:
    """The file's bytes in the folder; _Unreadable when they are not there, of another size, or not UTF-8."""
    target = folder / "file"
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, is_utf8 = 0, True
    try:
        with target.open("wb") as out:
            for chunk in objects.stream(file.object_key):
                size += len(chunk)
                out.write(chunk)
                if is_text and is_utf8:
                    is_utf8 = _decodes(decoder, chunk)
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            raise _Unreadable("missing") from error
        raise
    if size != file.size:
        raise _Unreadable("missing")
    if not size:
        raise _Unreadable("empty")
    if is_text and not (is_utf8 and _decodes(decoder, b"", is_final=True)):
        raise _Unreadable("not_utf8")
    return target


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, is_final: bool = False) -> bool:
    try:
        decoder.decode(chunk, is_final)
    except UnicodeDecodeError:
        return False
    return True


class _Work:
    """Counts over the files of one step."""

    def __init__(self, folder: Path, at: datetime, is_annotated: bool) -> None:
        self.folder, self.at, self.is_annotated = folder, at, is_annotated
        self.file_count = self.read_count = self.item_count = self.turned = self.placed = 0
        self.faults: list[Fault] = []
        self.findings: list[Finding] = []
        self.candidates: list[Candidate] = []
        self.prints: list[Print] = []
        self.counts: dict[str, dict[str, int]] = {}
        self.table: PartFacts | None = None

    def take(self, file: DatasetFile) -> None:
        """Measure one file; what is wrong with it becomes a fault and stops nothing."""
        kind = kind_of(file.path)
        self.file_count += 1
        is_text = kind == "text" or (kind == "table" and not file.path.endswith(".parquet"))
        try:
            if file.size > LARGEST_FILE or (kind == "text" and file.size > LARGEST_TEXT):
                raise _Unreadable("too_large")
            source = _fetch(file, self.folder, is_text=is_text)
            self.read_count += 1
            self._read(kind, source, file.path)
        except _Unreadable as fault:
            self.read_count += fault.code in ("not_utf8", "empty")
            self.faults.append(Fault(file.path, fault.code))

    def _read(self, kind: str, source: Path, path: str) -> None:
        if kind == "table":
            self._read_table(source, path)
        elif kind == "image":
            self._read_image(source, path)
        elif kind == "text" and not (self.is_annotated and path.startswith("items/")):
            self._read_text(source.read_text("utf-8"), path)
        elif kind == "other":
            self.faults.append(Fault(path, "not_measured"))

    def _read_table(self, source: Path, path: str) -> None:
        try:
            found = tables.measure(source, path, self.folder, at=self.at)
        except tables.NotATable as fault:
            raise _Unreadable(fault.code) from fault
        self.table = found.part
        self.prints += [
            Print(FingerprintKind.TEXT, path, row, digest, bands) for row, digest, bands in found.fingerprints
        ]

    def _read_text(self, text: str, path: str) -> None:
        self.item_count += 1
        self._count("lengths", str(len(text)))
        self._count("languages", language_of(text))
        made = likeness.text_fingerprint(text)
        if made is not None:
            self.prints.append(Print(FingerprintKind.TEXT, path, 0, *made))
        per_kind: dict[str, list[str]] = {}
        values: dict[str, set[str]] = {}
        for hit in hits_in(text):
            per_kind.setdefault(hit.kind, []).append(hit.masked)
            values.setdefault(hit.kind, set()).add(hit.value)
        self.findings += [
            Finding(kind, path, "", len(masks), len(values[kind]), tuple(dict.fromkeys(masks))[:MOST_MASKED])
            for kind, masks in sorted(per_kind.items())
        ]
        if not per_kind and len(self.candidates) < _CANDIDATES_PER_STEP:
            self.candidates.append(Candidate(path, 0, "", {"text": text[: tables.SHOWN_TEXT_LENGTH]}))

    def _read_image(self, source: Path, path: str) -> None:
        try:
            with Image.open(source) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise _Unreadable("not_an_image")
                exif = image.getexif()
                image_format, mode, size = image.format or "", image.mode, image.size
                made = likeness.image_fingerprint(image)
        except (
            UnidentifiedImageError,
            Image.DecompressionBombError,
            OSError,
            SyntaxError,
            ValueError,
        ) as error:
            raise _Unreadable("not_an_image") from error
        self.item_count += 1
        self._count("formats", image_format)
        self._count("modes", mode)
        self._count("sizes", f"{size[0]}×{size[1]}")
        self.turned += exif.get(_TURN, 1) != 1
        if made is not None:
            self.prints.append(Print(FingerprintKind.IMAGE, path, 0, *made))
        if exif.get_ifd(_PLACE):
            self.placed += 1
            self.findings.append(Finding(FindingKind.IMAGE_PLACE, path, "EXIF GPS", 1, 1))
        elif not self.is_annotated and len(self.candidates) < _CANDIDATES_PER_STEP:
            self.candidates.append(Candidate(path, 0, "", {"item": path}))

    def _count(self, what: str, value: str) -> None:
        counts = self.counts.setdefault(what, {})
        counts[value] = counts.get(value, 0) + 1

    def step(self) -> Step:
        """All counts as one part; a step with a table holds that table alone."""
        if self.table is not None:
            return Step(self.table, self.prints)
        told: dict[str, dict[str, int]] = {what: added([counts]) for what, counts in self.counts.items()}
        part = PartFacts(
            file_count=self.file_count,
            read_count=self.read_count,
            texts=TextFacts(told.get("lengths", {}), told.get("languages", {})),
            images=ImageFacts(
                told.get("formats", {}),
                told.get("modes", {}),
                told.get("sizes", {}),
                self.turned,
                self.placed,
            ),
            findings=tuple(self.findings),
            faults=tuple(self.faults),
            candidates=tuple(self.candidates),
            fingerprint_count=len(self.prints),
            item_row_count=self.item_count,
        )
        return Step(part, self.prints)


def is_annotated(files: Sequence[DatasetFile]) -> bool:
    """Whether the version holds the rows of an annotation project."""
    return any(file.path == ROWS_PATH for file in files)


def engines() -> dict[str, Any]:
    """Which libraries count, with their versions."""
    import duckdb
    import numpy
    import PIL

    return {"duckdb": duckdb.__version__, "numpy": numpy.__version__, "pillow": PIL.__version__}
