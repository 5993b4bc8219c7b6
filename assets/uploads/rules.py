"""Which files a dataset takes: their paths, their kinds, and what is said of those it does not take.

Every fault has a stable code; its sentence names the file and the remedy, in the reader's language.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MOST_ENTRIES = 1_000  # in one announcement
MOST_LINKS = 2_000  # in one answer; files without one ask again
WHOLE = 16 * 1024 * 1024  # bytes up to which a file travels in one piece
MOST_PARTS = 320
LONGEST_PATH, LONGEST_PART = 400, 255  # characters; bytes of one part of the path
HEAD = 4096  # bytes that are looked at
PIXEL_LIMIT = 100_000_000
ARCHIVE_ENTRIES, ARCHIVE_RATIO, ARCHIVE_BYTES = 10_000, 100, 20 * 1024**3
ARCHIVE_SMALL = 64 * 1024 * 1024
"""Expanded bytes below which no ratio counts: a file of blanks packs well and harms nobody."""
LONGEST_LINE = 16 * 1024 * 1024  # bytes
LARGEST_JSON = 64 * 1024 * 1024  # bytes that are parsed as one value
SHOWN_CELLS = 3
SHA256 = re.compile(r"[0-9a-f]{64}")

FAULTS: dict[str, str | Promise] = {
    "path_unsafe": _("“%(path)s”：路径会指向数据集之外。请用不含 ..、盘符、反斜杠的相对路径。"),
    "path_control": _("“%(path)s”：路径中有控制字符或不可见字符。请改名后再传。"),
    "path_reserved": _("“%(path)s”：“%(part)s”在部分系统上不能作为文件名。请改名后再传。"),
    "path_too_long": _("“%(path)s”：路径超过 400 个字符，或某一级名称超过 255 字节。请缩短后再传。"),
    "path_clash": _(
        "“%(path)s”与“%(other)s”只差大小写或字符写法，在部分系统上会互相覆盖。请改其中一个的名称。"
    ),
    "digest_missing": _("“%(path)s”：sha256 应为 64 位小写十六进制。请重新计算后申报。"),
    "empty_file": _("“%(path)s”是空文件（0 字节）。请补上内容，或不要上传它。"),
    "too_large": _("“%(path)s”超过单个文件 %(limit)s GB 的上限。请拆分后再传。"),
    "executable": _("“%(path)s”是可执行程序，数据集不接受。请移除后再传。"),
    "archive_kind": _("“%(path)s”是不接受的压缩格式。请解压后上传整个文件夹，或改用 zip、gz。"),
    "archive_bomb": _(
        "“%(path)s”解压后过大（超过 %(ratio)s 倍、%(entries)s 个文件或 20 GB）。请解压后上传整个文件夹。"
    ),
    "archive_nested": _("“%(path)s”里还有压缩包“%(part)s”。请解压后上传整个文件夹。"),
    "archive_path": _("“%(path)s”里的“%(part)s”会解压到文件夹之外。请重新打包，或解压后上传整个文件夹。"),
    "archive_encrypted": _("“%(path)s”有密码，无法核验内容。请去掉密码，或解压后上传整个文件夹。"),
    "archive_broken": _("“%(path)s”不是完好的压缩文件。请重新打包后再传。"),
    "wrong_type": _("“%(path)s”的内容与扩展名不符（内容像 %(found)s）。请改正扩展名，或换成正确的文件。"),
    "not_utf8": _("“%(path)s”第 %(line)s 行起不是 UTF-8 文字。请另存为 UTF-8 编码后再传。"),
    "csv_formula": _(
        "“%(path)s”有会被表格软件当作公式执行的单元格：%(cells)s。请在这些单元格前加英文单引号，或存为文本后再传。"
    ),
    "csv_broken": _("“%(path)s”第 %(line)s 行无法按表格读取。请检查引号和分隔符后再传。"),
    "json_broken": _("“%(path)s”第 %(line)s 行不是合法的 JSON。请修正后再传。"),
    "image_bomb": _("“%(path)s”的像素过多，最多 1 亿像素。请缩小后再传。"),
    "image_broken": _("“%(path)s”不是完好的图像。请重新导出后再传。"),
    "table_broken": _("“%(path)s”无法按 Parquet 表格读取。请重新导出后再传。"),
    "altered": _("“%(path)s”传到的内容与申报的 SHA-256 不符。请重新上传这个文件。"),
    "missing": _("“%(path)s”没有传到。请重新上传这个文件。"),
}


class FileFault(Exception):
    """A file that is not taken: `code` is a key of FAULTS, the rest fills its sentence."""

    def __init__(self, code: str, path: str, **words: Any) -> None:
        self.code, self.path = code, path
        self.words = {"path": shown_path(path), **words}
        super().__init__(code)

    def __str__(self) -> str:
        return sentence(self.code, self.words)


def sentence(code: str, words: dict[str, Any]) -> str:
    """What is wrong with a file and what to do, in the reader's language; empty for no code."""
    return str(FAULTS[code]) % words if code in FAULTS else ""


def shown_path(path: str) -> str:
    """A path as it may stand in a sentence: nothing invisible, not too long."""
    shown = "".join(mark if mark.isprintable() else "�" for mark in path)
    return shown if len(shown) <= 120 else f"{shown[:60]}…{shown[-59:]}"


# --- paths --------------------------------------------------------------------------------------

_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"
}
_FORBIDDEN = set('<>"|?*')
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_path(path: str) -> str:
    """The path as it is kept: NFC, `/` between parts; FileFault when it could lead out or hide something."""
    cleaned = unicodedata.normalize("NFC", path)
    if any(unicodedata.category(mark) in _HIDDEN for mark in cleaned):
        raise FileFault("path_control", path)
    parts = cleaned.split("/")
    leads_out = "\\" in cleaned or cleaned.startswith(("/", "~")) or ":" in parts[0]
    if leads_out or any(part in ("", ".", "..") for part in parts):
        raise FileFault("path_unsafe", path)
    if len(cleaned) > LONGEST_PATH or any(len(part.encode()) > LONGEST_PART for part in parts):
        raise FileFault("path_too_long", path)
    for part in parts:
        stem = part.split(".")[0].strip().lower()
        if (
            stem in _RESERVED
            or part != part.strip(" ")
            or part.endswith(".")
            or _FORBIDDEN & set(part)
            or ":" in part
        ):
            raise FileFault("path_reserved", path, part=part)
    if not cleaned.isprintable():
        raise FileFault("path_control", path)
    return cleaned


def path_key(path: str) -> str:
    """What two paths share that some system would take for one: a digest, so that no writing grows too long."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
    return hashlib.sha256(folded.encode()).hexdigest()


# --- kinds --------------------------------------------------------------------------------------


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _any(_head: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one sort: media type, endings, what the first bytes must be, and how they are read.

    `reader`: text, csv, tsv, json, jsonl, image, zip, gzip, parquet, or empty for bytes nobody looks into.
    """

    name: str
    media_type: str
    endings: tuple[str, ...]
    reader: str = ""
    fits: Callable[[bytes], bool] = field(default=_any)


_ZIP = _starts(b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS = (
    Kind("csv", "text/csv", (".csv",), "csv"),
    Kind("tsv", "text/tab-separated-values", (".tsv", ".tab"), "tsv"),
    Kind("jsonl", "application/x-ndjson", (".jsonl", ".ndjson"), "jsonl"),
    Kind("json", "application/json", (".json", ".geojson"), "json"),
    Kind("text", "text/plain", (".txt", ".text", ".log"), "text"),
    Kind("markdown", "text/markdown", (".md",), "text"),
    Kind("markup", "text/plain", (".xml", ".html", ".htm", ".svg", ".yaml", ".yml", ".toml", ".ini", ".srt", ".vtt", ".conll"), "text"),
    Kind("code", "text/plain", (".py", ".js", ".ts", ".java", ".c", ".h", ".cpp", ".go", ".rs", ".r", ".sql", ".sh", ".ipynb", ".tex"), "text"),
    Kind("png", "image/png", (".png",), "image", _starts(b"\x89PNG\r\n\x1a\n")),
    Kind("jpeg", "image/jpeg", (".jpg", ".jpeg"), "image", _starts(b"\xff\xd8\xff")),
    Kind("gif", "image/gif", (".gif",), "image", _starts(b"GIF87a", b"GIF89a")),
    Kind("bmp", "image/bmp", (".bmp",), "image", _starts(b"BM")),
    Kind("webp", "image/webp", (".webp",), "image", _riff(b"WEBP")),
    Kind("tiff", "image/tiff", (".tif", ".tiff"), "image", _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Kind("wav", "audio/wav", (".wav",), "", _riff(b"WAVE")),
    Kind("mp3", "audio/mpeg", (".mp3",), "", lambda head: head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")),
    Kind("flac", "audio/flac", (".flac",), "", _starts(b"fLaC")),
    Kind("ogg", "audio/ogg", (".ogg", ".oga"), "", _starts(b"OggS")),
    Kind("mp4", "video/mp4", (".mp4", ".m4a", ".mov"), "", lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")),
    Kind("pdf", "application/pdf", (".pdf",), "", lambda head: b"%PDF-" in head[:1024]),
    Kind("parquet", "application/vnd.apache.parquet", (".parquet",), "parquet", _starts(b"PAR1")),
    Kind("zip", "application/zip", (".zip", ".npz"), "zip", _ZIP),
    Kind("word", f"{_OFFICE}.wordprocessingml.document", (".docx",), "zip", _ZIP),
    Kind("excel", f"{_OFFICE}.spreadsheetml.sheet", (".xlsx",), "zip", _ZIP),
    Kind("slides", f"{_OFFICE}.presentationml.presentation", (".pptx",), "zip", _ZIP),
    Kind("gzip", "application/gzip", (".gz",), "gzip", _starts(b"\x1f\x8b")),
)  # fmt: skip
OPAQUE = Kind("bytes", "application/octet-stream", ())
_BY_ENDING = {ending: kind for kind in KINDS for ending in kind.endings}
_PROGRAMS = {
    ".exe", ".dll", ".msi", ".com", ".scr", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".wsf", ".hta", ".lnk", ".jar",
    ".apk", ".app", ".dmg", ".pkg", ".deb", ".rpm", ".so", ".dylib", ".elf", ".sys", ".cpl", ".pif", ".reg",
}  # fmt: skip
_ARCHIVES = {".7z", ".rar", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".bz2", ".xz", ".zst", ".lz", ".lz4", ".lzma",
             ".cab", ".iso", ".arj", ".z"}  # fmt: skip
ARCHIVE_ENDINGS = tuple(sorted(_ARCHIVES | {".zip", ".gz"}))
TABLES = frozenset({"csv", "tsv", "jsonl", "json", "parquet"})
TEXTS = frozenset({"text", "csv", "tsv", "json", "jsonl"})
_PROGRAM_MARKS = (
    b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"dex\n03",
)  # fmt: skip
_SIGHTS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_starts(b"\x89PNG\r\n\x1a\n"), "PNG"),
    (_starts(b"\xff\xd8\xff"), "JPEG"),
    (_starts(b"GIF8"), "GIF"),
    (_starts(b"%PDF-"), "PDF"),
    (_starts(b"PK\x03\x04", b"PK\x05\x06"), "ZIP"),
    (_starts(b"\x1f\x8b"), "GZIP"),
    (_starts(b"7z\xbc\xaf\x27\x1c"), "7Z"),
    (_starts(b"Rar!\x1a\x07"), "RAR"),
    (_starts(b"BZh"), "BZIP2"),
    (_starts(b"\xfd7zXZ\0"), "XZ"),
    (_starts(b"\x28\xb5\x2f\xfd"), "ZSTD"),
    (lambda head: head[257:262] == b"ustar", "TAR"),
    (_starts(b"PAR1"), "PARQUET"),
    (lambda head: bool(re.match(rb"\s*(<!doctype html|<html)", head[:512], re.IGNORECASE)), "HTML"),
    (lambda head: b"\0" not in head and _is_text(head), "text"),
)
PACKED = frozenset({"ZIP", "GZIP", "7Z", "RAR", "BZIP2", "XZ", "ZSTD", "TAR"})


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) >= HEAD and error.start >= len(head) - 3
    return True


def kind_of(path: str) -> Kind:
    """The kind that the path's ending stands for; OPAQUE for one we do not know."""
    return _BY_ENDING.get(PurePosixPath(path).suffix.lower(), OPAQUE)


def sight(head: bytes) -> str:
    """What the first bytes look like, in one word."""
    return next((name for looks, name in _SIGHTS if looks(head)), "unknown")


def is_program(head: bytes) -> bool:
    """Whether the first bytes are those of a program for some system."""
    return head.startswith(_PROGRAM_MARKS) or (head.startswith(b"MZ") and b"\0" in head[:HEAD])


def check_announced(path: str, size: int, sha256: str, *, largest: int) -> str:
    """The clean path of a file about to come; FileFault when it can be seen already that it is not taken."""
    cleaned = clean_path(path)
    ending = PurePosixPath(cleaned).suffix.lower()
    if not SHA256.fullmatch(sha256):
        raise FileFault("digest_missing", path)
    if size <= 0:
        raise FileFault("empty_file", path)
    if size > largest:
        raise FileFault("too_large", path, limit=largest // 1024**3 or 1)
    if ending in _PROGRAMS:
        raise FileFault("executable", path)
    if ending in _ARCHIVES or cleaned.lower().endswith((".tar.gz", ".tar.zst")):
        raise FileFault("archive_kind", path)
    return cleaned


def check_head(path: str, kind: Kind, head: bytes) -> None:
    """Refuse programs, and contents that the ending does not announce."""
    if is_program(head):
        raise FileFault("executable", path)
    if not kind.fits(head):
        raise FileFault("wrong_type", path, found=sight(head))
    found = sight(head)
    if kind.reader in TEXTS and found not in ("text", "unknown", "HTML"):
        raise FileFault("wrong_type", path, found=found)
    if kind.reader in TABLES and found == "HTML":
        raise FileFault("wrong_type", path, found=found)
    if kind is OPAQUE and found in PACKED:
        raise FileFault("wrong_type", path, found=found)


# --- cells --------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(\d[\d,]*)?(\.\d+)?([eE][+-]?\d+)?%?")
_HARMLESS = frozenset({"-", "--", "---", "+", "++", "+-", "-∞", "+∞", "-inf", "+inf", "-Inf", "-nan", "-NaN"})
_STARTERS = "=+-@\t\r"


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run this cell instead of showing it (numbers and dashes are no formulas)."""
    if not cell or cell[0] not in _STARTERS:
        return False
    if cell[0] in "+-":
        return not (_NUMBER.fullmatch(cell) or cell.strip() in _HARMLESS)
    return bool(cell.strip())


def cell_name(row: int, column: int) -> str:
    """A cell as a spreadsheet names it, both counted from 1: row 3, column 28 is AB3."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


# --- parts --------------------------------------------------------------------------------------


def part_size(size: int) -> int:
    """Bytes of every part but the final one; whole MiB, at most MOST_PARTS of them."""
    least = -(-size // MOST_PARTS)
    return max(WHOLE, -(-least // (1 << 20)) * (1 << 20))


def part_sizes(size: int) -> dict[int, int]:
    """The size of each part of a file, by its number from 1."""
    step = part_size(size)
    return {n + 1: min(step, size - n * step) for n in range(-(-size // step))}


# --- what a version tells of its tables ---------------------------------------------------------

_LABEL_FIELDS = frozenset(
    {"label", "labels", "category", "class", "tag", "tags", "sentiment", "标签", "类别", "分类", "情感"}
)
_TEXT_FIELDS = ("text", "content", "sentence", "review", "question", "文本", "内容", "评论", "正文", "问题")
MOST_LABELS, MOST_FIELDS, SAMPLE_ROWS = 200, 300, 5
_SPLITS = frozenset({"train", "test", "val", "valid", "validation", "dev", "images", "image", "img", "data"})


def plain(value: Any, *, length: int = 400) -> Any:
    """A value that any JSON column takes: no NUL, no halves of characters, not too long or too deep."""
    if isinstance(value, str):
        return value[:length].encode("utf-8", "replace").decode().replace("\0", "�")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:length] if abs(value) < 10**300 else "…"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return plain(str(value), length=length)


def type_of(value: Any) -> str:
    """The JSON type of a value; empty for none."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "string"


_INTEGER, _DECIMAL = re.compile(r"[+-]?\d{1,18}"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def type_of_cell(cell: str) -> str:
    """The type that a cell of text reads as; empty for an empty cell."""
    if not cell:
        return ""
    if _INTEGER.fullmatch(cell):
        return "integer"
    if _DECIMAL.fullmatch(cell):
        return "number"
    return "boolean" if cell in ("true", "false", "True", "False", "TRUE", "FALSE") else "string"


def joined_type(first: str, second: str) -> str:
    """One type for values of both."""
    if first == second or not second:
        return first
    if not first:
        return second
    return "number" if {first, second} == {"integer", "number"} else "string"


class Table:
    """What is counted while the rows of a table pass: rows, fields, labels and a few samples."""

    def __init__(self, path: str) -> None:
        self.path, self.rows = path, 0
        self.types: dict[str, str] = {}
        self.filled: dict[str, int] = {}
        self.labels: dict[str, int] | None = {}
        self.sample: list[dict[str, Any]] = []

    def take(self, row: dict[str, Any], types: dict[str, str]) -> None:
        """Count one row; `types` are those of its values, empty for none."""
        self.rows += 1
        for name, kind in types.items():
            if name not in self.types and len(self.types) >= MOST_FIELDS:
                continue
            self.types[name] = joined_type(self.types.get(name, ""), kind)
            self.filled[name] = self.filled.get(name, 0) + bool(kind)
        labels = labels_of(row)
        if self.labels is not None:
            for label in labels:
                self.labels[label] = self.labels.get(label, 0) + 1
            if len(self.labels) > MOST_LABELS:
                self.labels = None  # so many different ones are no labels
        if len(self.sample) < SAMPLE_ROWS:
            self.sample.append(self._shown(row, labels))

    def _shown(self, row: dict[str, Any], labels: Sequence[str]) -> dict[str, Any]:
        text = next((str(row[name]) for name in row if str(name).lower() in _TEXT_FIELDS and row[name]), "")
        text = text or " · ".join(f"{name}: {value}" for name, value in list(row.items())[:8])
        return {
            "id": f"{self.rows}", "item": self.path, "text": plain(text), "labels": [plain(x) for x in labels[:20]],
        }  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """As plain JSON."""
        fields = [
            {"name": plain(name, length=200), "type": kind or "string", "filled": self.filled.get(name, 0)}
            for name, kind in self.types.items()
        ]
        return {"rows": self.rows, "fields": fields, "labels": self.labels or {}, "sample": self.sample}


def labels_of(row: dict[str, Any]) -> list[str]:
    """The labels of a row, from the first field that is named like one."""
    for name, value in row.items():
        if str(name).strip().lower() not in _LABEL_FIELDS or type_of(value) in ("", "object", "number"):
            continue
        given = value if isinstance(value, list) else [value]
        return [plain(str(each), length=80) for each in given if not isinstance(each, dict | list)]
    return []


def folder_labels(paths: Sequence[str]) -> dict[str, int]:
    """Labels of pictures that lie in one folder per class; empty when the folders are no classes."""
    found = Counter(PurePosixPath(path).parent.name for path in paths)
    if not 2 <= len(found) <= MOST_LABELS or "" in found or any(name.lower() in _SPLITS for name in found):
        return {}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
