"""Pure parts of sealing: the canonical manifest, a row of data, what the labels and fields look like.

Manifest, format `qingshu-manifest/1`: one JSON object in canonical form, that is UTF-8, keys sorted, no
spaces, no escapes beyond those JSON demands:

    {"entries":[{"path":"README.md","sha256":"…","size":812},…],"format":"qingshu-manifest/1"}

Entries are sorted by the UTF-8 bytes of `path` (relative, `/` between parts, Unicode NFC); `size` is in
bytes, `sha256` lower-case hex over the file. The **root hash** of a version is the SHA-256 of these bytes.
It depends on the content alone (no version number, no date), so equal content has the same root hash.

A version made of annotations has format `qingshu-manifest/2`: the same with one more member, the root of the tree of
its annotations (`trees.py`), so that the root hash, and with it a certificate, covers every single label:

    "annotations":{"count":240,"path":"annotations.leaves","root":"…"}
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MANIFEST_FORMAT, TREE_FORMAT = "qingshu-manifest/1", "qingshu-manifest/2"
MANIFEST_FORMATS = (MANIFEST_FORMAT, TREE_FORMAT)
LEAVES_PATH = "annotations.leaves"
ROWS_PATH = "rows.jsonl"
CARD_PATH = "README.md"
CONFUSION_PATH = "confusion.json"
SAMPLE_ROWS = 5
SAMPLE_TEXT_LENGTH = 400
SAMPLE_REGIONS = 60
_DRAWN: Mapping[str, tuple[str, ...]] = {
    "labels": ("start", "end"),
    "rectanglelabels": ("x", "y", "width", "height"),
    "choices": (),
}

Row = dict[str, Any]


class ManifestUnreadable(ValueError):
    """The bytes are not a manifest in our format."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a version: its path, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class AnnotationTree:
    """Where the leaves of a version's annotations lie, how many there are, and the root (hex) over them."""

    path: str
    count: int
    root: str


def canonical(value: object) -> bytes:
    """JSON in canonical form: UTF-8, sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


_LEADING = frozenset({"", ".", ".."})


def is_safe_path(path: str) -> bool:
    """Whether a path stays inside the version's folder on any system."""
    parts = path.split("/")
    stays_inside = "\\" not in path and ":" not in parts[0] and not _LEADING.intersection(parts)
    return stays_inside and path.isprintable() and (path.isascii() or unicodedata.is_normalized("NFC", path))


def manifest(entries: Iterable[Entry], annotations: AnnotationTree | None = None) -> bytes:
    """The canonical manifest of some files; paths must be safe and unique. `annotations` if they came of any."""
    listed = sorted(entries, key=lambda entry: entry.path.encode())
    paths = [entry.path for entry in listed]
    assert all(map(is_safe_path, paths)), "a path leads out of the version"
    assert len(set(paths)) == len(paths), "a path stands twice in the manifest"
    told: dict[str, Any] = {
        "format": TREE_FORMAT if annotations else MANIFEST_FORMAT,
        "entries": [{"path": e.path, "sha256": e.sha256, "size": e.size} for e in listed],
    }
    return canonical(told | ({"annotations": asdict(annotations)} if annotations else {}))


def root_hash(manifest_bytes: bytes) -> str:
    """SHA-256 (hex) of a canonical manifest."""
    return hashlib.sha256(manifest_bytes).hexdigest()


def read_manifest(body: bytes) -> list[Entry]:
    """The entries of a manifest; ManifestUnreadable when it is not one of ours."""
    try:
        found = json.loads(body)
        if found["format"] not in MANIFEST_FORMATS:
            raise ManifestUnreadable(found["format"])
        return [Entry(str(e["path"]), int(e["size"]), str(e["sha256"])) for e in found["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestUnreadable(str(error)) from error


def annotations_in(body: bytes) -> AnnotationTree | None:
    """What a manifest says of its annotations; None when it has none, ManifestUnreadable when it is not one of ours."""
    try:
        found = json.loads(body)
        if found["format"] != TREE_FORMAT:
            return None
        told = found["annotations"]
        return AnnotationTree(str(told["path"]), int(told["count"]), str(told["root"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestUnreadable(str(error)) from error


# --- rows ---------------------------------------------------------------------------------------

_EXTENSIONS = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif",
    "image/bmp": ".bmp", "text/plain": ".txt", "application/json": ".json",
}  # fmt: skip
_NOT_LABELS = frozenset({"textarea", "number", "datetime"})


def item_path(ordinal: int, media_type: str) -> str:
    """Where a raw item lies in the version; never made from a name somebody typed."""
    return f"items/{ordinal:06d}{_EXTENSIONS.get(media_type, '.bin')}"


def labels_in(result: Sequence[Mapping[str, Any]]) -> list[str]:
    """The labels of one result in Label Studio JSON, in order, as often as they were given.

    Choices, region labels, ratings and the side of a comparison count; nested choices (taxonomy) are joined by `/`; free text does not.
    """
    found: list[str] = []
    for region in result:
        kind, value = str(region.get("type", "")), region.get("value") or {}
        asked = "selected" if kind == "pairwise" else kind
        given = value.get(asked) if isinstance(value, Mapping) else None
        if kind in _NOT_LABELS or given is None:
            continue
        for label in given if isinstance(given, list) else [given]:
            found.append("/".join(map(str, label)) if isinstance(label, list) else str(label))
    return found


def row_of(
    *,
    ordinal: int,
    path: str,
    name: str,
    sha256: str,
    text: str | None,
    result: Sequence[Mapping[str, Any]],
    guideline_version: int | None,
    annotator: str,
) -> Row:
    """One row of `rows.jsonl`: an item with its accepted labels. No names of people are in it."""
    row: Row = {
        "id": f"r{ordinal:06d}",
        "item": path,
        "item_name": name,
        "item_sha256": sha256,
        "labels": labels_in(result),
        "result": list(result),
        "guideline_version": guideline_version,
        "annotator": annotator,
    }
    if text is not None:
        row["text"] = text
    return row


def jsonl(rows: Iterable[Row]) -> bytes:
    """Rows as JSON lines in canonical form, each ended by a newline."""
    return b"".join(canonical(row) + b"\n" for row in rows)


def count_labels(rows: Iterable[Row]) -> dict[str, int]:
    """How often each label was given, the most frequent first, equal ones by name."""
    counts = Counter(label for row in rows for label in row["labels"])
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def drawn(result: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Of a result in Label Studio JSON what can be drawn on a sample: spans, boxes and choices with their labels.

    Nothing written by people (transcriptions, quotations) is kept, and at most SAMPLE_REGIONS regions; nothing at all
    where there is neither a span nor a box, since the labels stand in the row already.
    """
    found: list[Row] = []
    for region in result:
        kind, value = str(region.get("type", "")), region.get("value")
        if kind not in _DRAWN or not isinstance(value, Mapping):
            continue
        kept = {name: value[name] for name in (kind, *_DRAWN[kind]) if name in value}
        if isinstance(kept.get(kind), list) and len(kept) == 1 + len(_DRAWN[kind]):
            found.append({"type": kind, "value": kept})
    return found[:SAMPLE_REGIONS] if any(_DRAWN[region["type"]] for region in found) else []


def sample_of(rows: Sequence[Row]) -> list[Row]:
    """A few rows spread evenly over the version, texts cut short; of the result what can be drawn."""
    step = max(1, len(rows) // SAMPLE_ROWS)
    chosen = rows[::step][:SAMPLE_ROWS]
    shown = []
    for row in chosen:
        kept = {key: value for key, value in row.items() if key not in ("result", "annotator")}
        if "text" in kept:
            kept["text"] = kept["text"][:SAMPLE_TEXT_LENGTH]
        regions = drawn(row.get("result", ()))
        if regions:
            kept["result"] = regions
        shown.append(kept)
    return shown


# name → (JSON type, Chinese, English); kept with the version, so not by gettext
_FIELDS: dict[str, tuple[str, str, str]] = {
    "id": ("string", "行号", "Row number"),
    "item": ("string", "原始文件在本数据集中的路径", "Path of the raw file in this dataset"),
    "item_name": ("string", "原始文件导入时的名称", "Name of the raw file when it was imported"),
    "item_sha256": ("string", "原始文件的 SHA-256", "SHA-256 of the raw file"),
    "text": ("string", "文本内容", "Text"),
    "labels": ("array<string>", "标签", "Labels"),
    "result": ("array<object>", "完整标注结果（Label Studio JSON）", "Whole result (Label Studio JSON)"),
    "guideline_version": (
        "integer",
        "标注时所依据的标注规范版本",
        "Version of the guideline that was followed",
    ),
    "annotator": ("string", "标注员代号（不含姓名）", "Pseudonym of the annotator"),
    "consensus": (
        "object",
        "多人标注的合并方法、把握与依据",
        "How several answers were merged, and how sure",
    ),
    "judgements": (
        "list",
        "每份标注：标注员代号、标签、是否与交付结果相同",
        "Each answer: pseudonym, labels, whether it is the delivered result",
    ),
}


def dictionary_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The fields with type, description and completeness: `filled` of `rows`, in basis points too."""
    present = [name for name in _FIELDS if any(name in row for row in rows)]
    found = []
    for name in present:
        filled = sum(1 for row in rows if row.get(name) not in (None, "", []))
        kind, description, description_en = _FIELDS[name]
        found.append(
            {
                "name": name,
                "type": kind,
                "description": description,
                "description_en": description_en,
                "filled": filled,
                "rows": len(rows),
                "completeness_bp": filled * 10_000 // len(rows) if rows else 0,
            }
        )
    return found


# --- card ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the dataset card tells besides rows and labels."""

    name: str
    name_en: str
    number: str
    description: str
    modality: str
    project_number: str
    guideline_versions: Sequence[int]
    sources: Sequence[tuple[str, str]]  # source, licence


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def card(facts: CardFacts, rows: Sequence[Row]) -> bytes:
    """README.md of a version, in Chinese and English; the same content gives the same bytes."""
    versions = "、".join(f"v{number}" for number in facts.guideline_versions) or "--"
    lines = [f"# {facts.name}", ""]
    lines += [f"*{facts.name_en}*", ""] if facts.name_en else []
    lines += [facts.description, ""] if facts.description else []
    lines += [
        f"- 数据集编号 / Dataset: {facts.number}",
        f"- 数据形态 / Modality: {facts.modality}",
        f"- 样本数 / Rows: {len(rows)}",
        f"- 标注项目 / Annotation project: {facts.project_number}",
        f"- 标注规范 / Guideline: {versions}",
        "",
        "## 来源与许可 / Sources",
        "",
        *(f"- {_cell(source)}（{_cell(licence)}）" for source, licence in facts.sources),
        "",
        "## 标签分布 / Labels",
        "",
        "| 标签 / Label | 数量 / Count |",
        "|---|---:|",
        *(f"| {_cell(label)} | {count} |" for label, count in count_labels(rows).items()),
        "",
        "## 字段 / Fields",
        "",
        "| 字段 / Field | 类型 / Type | 说明 / Description | 非空 / Filled |",
        "|---|---|---|---:|",
        *(
            f"| {f['name']} | {_cell(f['type'])} | {f['description']} {f['description_en']} | {f['filled']} |"
            for f in dictionary_of(rows)
        ),
        "",
        "## 文件 / Files",
        "",
        f"- `{ROWS_PATH}`: 每行一个样本，UTF-8 / one sample per line, JSON lines, UTF-8",
        "- `items/`: 原始文件 / raw files",
        "",
    ]
    return "\n".join(lines).encode()


# --- checking -----------------------------------------------------------------------------------

MISMATCHES: dict[str, str | Promise] = {
    "manifest_missing": _("存储中找不到清单文件。"),
    "manifest_altered": _("清单文件的哈希与封版时的根哈希不一致。"),
    "missing": _("存储中找不到这个文件。"),
    "altered": _("文件内容的哈希与清单不一致。"),
    "size": _("文件大小与清单不一致。"),
    "not_listed": _("平台登记了这个文件，但清单中没有。"),
    "not_recorded": _("清单中有这个文件，但平台没有登记。"),
    "record_differs": _("平台登记的哈希与清单不一致。"),
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as it was sealed; `code` is a key of MISMATCHES."""

    path: str
    code: str

    @property
    def words(self) -> str:
        return str(MISMATCHES[self.code])


def compare(listed: Iterable[Entry], recorded: Iterable[Entry]) -> list[Mismatch]:
    """Where the manifest and the platform's own rows differ, by path."""
    by_path, rows = {e.path: e for e in listed}, {e.path: e for e in recorded}
    found = [Mismatch(path, "not_recorded") for path in by_path.keys() - rows.keys()]
    found += [Mismatch(path, "not_listed") for path in rows.keys() - by_path.keys()]
    found += [
        Mismatch(path, "record_differs")
        for path in by_path.keys() & rows.keys()
        if by_path[path] != rows[path]
    ]
    return sorted(found, key=lambda mismatch: mismatch.path)


# --- what changed between two versions ----------------------------------------------------------

SHOWN_CHANGES = 200
FILE_CHANGES: dict[str, str | Promise] = {
    "added": _("新增"),
    "removed": _("移除"),
    "changed": _("改动"),
    "moved": _("移动"),
}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs: `kind` is added, removed, changed or moved (`other` is where it was before)."""

    kind: str
    path: str
    size: int
    other: str = ""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """How often a label stands in either version."""

    label: str
    before: int
    after: int

    @property
    def delta(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The files of two versions side by side."""

    changes: Sequence[FileChange]
    same: int

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)


@dataclass(frozen=True, slots=True)
class RowDiff:
    """How many rows came, went and stayed, by their content and not by their order."""

    added: int
    removed: int
    same: int


def diff_files(before: Iterable[Entry], after: Iterable[Entry]) -> FileDiff:
    """What happened to the files: by path and hash; equal content under another path has moved."""
    old, new = {e.path: e for e in before}, {e.path: e for e in after}
    changes = [
        FileChange("changed", path, new[path].size)
        for path in old.keys() & new.keys()
        if old[path].sha256 != new[path].sha256
    ]
    gone: dict[str, list[str]] = {}
    for path in sorted(old.keys() - new.keys()):
        gone.setdefault(old[path].sha256, []).append(path)
    for path in sorted(new.keys() - old.keys()):
        origins = gone.get(new[path].sha256)
        if origins:
            changes.append(FileChange("moved", path, new[path].size, origins.pop(0)))
        else:
            changes.append(FileChange("added", path, new[path].size))
    changes += [FileChange("removed", path, old[path].size) for paths in gone.values() for path in paths]
    same = sum(1 for path in old.keys() & new.keys() if old[path].sha256 == new[path].sha256)
    return FileDiff(sorted(changes, key=lambda change: change.path), same)


def diff_rows(before: Mapping[str, int], after: Mapping[str, int]) -> RowDiff:
    """Rows by digest, each as often as it stands: how many came, went and stayed."""
    old, new = Counter(before), Counter(after)
    return RowDiff((new - old).total(), (old - new).total(), (old & new).total())


def diff_labels(before: Mapping[str, int], after: Mapping[str, int]) -> list[LabelChange]:
    """Every label of either version, the greatest change first."""
    found = [
        LabelChange(label, before.get(label, 0), after.get(label, 0))
        for label in before.keys() | after.keys()
    ]
    return sorted(found, key=lambda change: (-abs(change.delta), change.label))


_PLACE_FIELDS = frozenset({"id", "item", "item_name"})


def row_digest(line: bytes) -> str:
    """What a row of JSON lines is, whatever its number and its place in the version; other lines as they are."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return hashlib.sha256(line.strip()).hexdigest()
    if isinstance(row, dict) and "item_sha256" in row:
        row = {name: value for name, value in row.items() if name not in _PLACE_FIELDS}
    try:
        return hashlib.sha256(canonical(row)).hexdigest()
    except UnicodeEncodeError:  # halves of characters
        return hashlib.sha256(line.strip()).hexdigest()


def cells_digest(cells: Sequence[str]) -> str:
    """What a row of a CSV file is, however it was quoted."""
    return hashlib.sha256(canonical(list(cells))).hexdigest()
