"""What an uploaded file holds: raw items of a project, or the reason why not. No database, no store."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.kinds import TEXT_FIELDS
from annotation.labelstudio.rules import ConfigRefused, LabelingConfig, parse_config
from annotation.projects.states import RECORD_TYPE, Modality
from kernel.errors import Refusal
from kernel.wording import listed

FILE_LIMIT = 10 * 1024 * 1024  # bytes of one uploaded file
TEXT_LIMIT = 20_000  # characters of one text item
LONGEST_CELL = 128 * 1024  # characters
ITEM_LIMIT = 5_000  # items of one import
PIXEL_LIMIT = 50_000_000  # pixels of one image
NAME_LIMIT = 200
IMAGE_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
TEXT_TYPE = "text/plain; charset=utf-8"


class UploadRefused(Refusal):
    """A file cannot be imported; `name` says which, `reason` why and what to do."""

    code = "upload_refused"
    message = gettext_lazy("“%(name)s”不能导入：%(reason)s")
    status = 422

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(field="uploads", name=name, reason=reason)


@dataclass(frozen=True, slots=True)
class QualityTerms:
    """What a project's work goes by; without a quality plan tasks have no lease and attempts no limit."""

    overlap: int = 1
    lease_minutes: int | None = None
    review_share_bp: int = 10_000
    has_second_review: bool = False
    review_firm_id: UUID | None = None
    attempt_limit: int | None = None
    idle_minutes: int = 5
    salt: str = ""


@dataclass(frozen=True)
class RawItem:
    """One raw item as it came: a name, its bytes, their media type."""

    name: str
    body: bytes
    media_type: str = TEXT_TYPE

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """A raw item found good: its text, or its size in pixels as people see it."""

    raw: RawItem
    text: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A checked item whose bytes lie at its content key in the project's place of the store already."""

    name: str
    media_type: str
    size: int
    sha256: str
    text: str = ""
    width: int | None = None
    height: int | None = None


def config_for(modality: str, xml: str) -> LabelingConfig:
    """The parsed config, if it shows what the project's items are; ConfigRefused otherwise."""
    config = parse_config(xml)
    shown = config.objects[0].kind
    if shown != modality:
        words = _("项目的数据形态是%(modality)s，配置中显示数据的标签应为 <%(tag)s>。")
        tag = Modality(modality).value.title()
        raise ConfigRefused(words % {"modality": Modality(modality).label, "tag": tag})
    return config


def is_storable(text: str) -> bool:
    """Whether the database can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def safe_name(name: str) -> str:
    """The file's own name without folders, control characters or excess length."""
    base = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(char for char in base if unicodedata.category(char)[0] != "C").strip(". ")
    return shown[-NAME_LIMIT:] or "item"


def check(item: RawItem, modality: str, fields: Sequence[str] = ()) -> CheckedItem:
    """The item, if a project of that modality can hold it; UploadRefused otherwise.

    `fields`: what the project's config shows; when there are several, an item is a JSON object that has them all.
    """
    if not item.body:
        raise UploadRefused(item.name, _("文件是空的（0 字节）。"))
    if len(item.body) > FILE_LIMIT:
        raise UploadRefused(
            item.name, _("超过 %(limit)s MB，请拆分或压缩后再传。") % {"limit": FILE_LIMIT >> 20}
        )
    if modality != Modality.TEXT:
        return _check_image(item)
    return _check_record(item, fields) if len(fields) > 1 else _check_text(item)


def _check_record(item: RawItem, fields: Sequence[str]) -> CheckedItem:
    """The item's texts under the config's fields, in canonical form."""
    try:
        told = json.loads(_decoded(item.name, item.body))
        texts = {name: told[name] for name in fields}
    except (ValueError, RecursionError, KeyError, TypeError) as wrong:
        words = _("应为含有字段 %(fields)s 的 JSON 对象。")
        raise UploadRefused(item.name, words % {"fields": listed(fields)}) from wrong
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip() or not is_storable(text):
            raise UploadRefused(item.name, _("字段 %(name)s 应有文字。") % {"name": name})
    text = json.dumps(texts, ensure_ascii=False, sort_keys=True)
    checked = _check_text(RawItem(item.name, text.encode(), RECORD_TYPE))
    return CheckedItem(checked.raw, text=text)


def _check_text(item: RawItem) -> CheckedItem:
    text = _decoded(item.name, item.body)
    if not text.strip():
        raise UploadRefused(item.name, _("内容全是空白。"))
    if len(text) > TEXT_LIMIT:
        words = _("文本有 %(length)s 个字符，单条最多 %(limit)s 个，请拆成多条。")
        raise UploadRefused(item.name, words % {"length": len(text), "limit": TEXT_LIMIT})
    return CheckedItem(item, text=text)


def _decoded(name: str, body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        words = _("不是 UTF-8 编码（第 %(place)s 个字节起无法读取），请另存为 UTF-8 后再传。")
        raise UploadRefused(name, words % {"place": wrong.start + 1}) from wrong
    if "\x00" in text:
        raise UploadRefused(name, _("含有空字符（U+0000），不是文本文件。"))
    return text


def _check_image(item: RawItem) -> CheckedItem:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(item.body), formats=tuple(IMAGE_TYPES)) as image:
                kind, size = image.format or "", image.size
                if size[0] * size[1] > PIXEL_LIMIT:
                    raise UploadRefused(item.name, _("图像过大，最多 5000 万像素。"))
                turned = ImageOps.exif_transpose(image).size
    except UploadRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as wrong:
        raise UploadRefused(item.name, _("图像过大，最多 5000 万像素。")) from wrong
    except Exception as wrong:  # decoders raise whatever a broken file makes them raise
        raise UploadRefused(item.name, _("不是完好的 PNG 或 JPEG 图像。")) from wrong
    checked = RawItem(item.name, item.body, IMAGE_TYPES[kind])
    return CheckedItem(checked, width=turned[0], height=turned[1])


def read_upload(name: str, body: bytes, modality: str, fields: Sequence[str] = ()) -> list[RawItem]:
    """The items of one uploaded file: an image, or the texts of a TXT (one a line), CSV or JSONL.

    With several `fields` an item is a row with all of them, out of a CSV or JSONL.
    """
    shown = safe_name(name)
    if not body:
        raise UploadRefused(shown, _("文件是空的（0 字节）。"))
    if len(body) > FILE_LIMIT:
        raise UploadRefused(shown, _("超过 %(limit)s MB，请拆分或压缩后再传。") % {"limit": FILE_LIMIT >> 20})
    ending = shown.lower().rpartition(".")[2]
    if modality == Modality.IMAGE:
        if ending not in ("png", "jpg", "jpeg"):
            raise UploadRefused(shown, _("图像项目只接受 PNG、JPG 文件。"))
        return [RawItem(shown, body, "image/png" if ending == "png" else "image/jpeg")]
    if ending not in _READERS:
        raise UploadRefused(shown, _("文本项目只接受 TXT（一行一条）、CSV、JSONL 文件。"))
    if len(fields) > 1:
        texts = _records(shown, _decoded(shown, body), ending, fields)
    else:
        texts = _READERS[ending](shown, _decoded(shown, body))
    items = [RawItem(f"{shown}:{line}", text.encode()) for line, text in texts if text.strip()]
    if not items:
        raise UploadRefused(shown, _("没有读到任何文本。"))
    if len(items) > ITEM_LIMIT:
        raise UploadRefused(shown, _("一次最多导入 %(limit)s 条，请分批上传。") % {"limit": ITEM_LIMIT})
    return items


def _records(name: str, text: str, ending: str, fields: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each row's texts under the wanted fields, as JSON objects."""
    if ending == "txt":
        words = _("配置要显示字段 %(fields)s，请上传有这些列的 CSV，或有这些字段的 JSONL。")
        raise UploadRefused(name, words % {"fields": listed(fields)})
    rows = _named_rows(name, text, fields) if ending == "csv" else _parsed_lines(name, text)
    for number, row in rows:
        told = row.get("data", row) if isinstance(row, dict) else None
        if not isinstance(told, dict) or not all(isinstance(told.get(field), str) for field in fields):
            words = _("第 %(line)s 行缺少字段 %(fields)s，每个字段应为文字。")
            raise UploadRefused(name, words % {"line": number, "fields": listed(fields)})
        record = {field: told[field].strip() for field in fields}
        if any(record.values()):
            yield number, json.dumps(record, ensure_ascii=False, sort_keys=True)


def _named_rows(name: str, text: str, fields: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not set(fields) <= set(reader.fieldnames or ()):
            raise UploadRefused(name, _("CSV 首行应有列 %(fields)s。") % {"fields": listed(fields)})
        for row in reader:
            yield reader.line_num, row
    except csv.Error as wrong:
        words = _("第 %(line)s 行不是正确的 CSV，请检查引号和换行。")
        raise UploadRefused(name, words % {"line": reader.line_num}) from wrong


def _parsed_lines(name: str, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in _lines(name, text):
        if not line:
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as wrong:
            words = _("第 %(line)s 行不是正确的 JSON。")
            raise UploadRefused(name, words % {"line": number}) from wrong


def _lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.strip()


def _rows(name: str, text: str) -> Iterator[tuple[int, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [cell.strip().lower() for cell in next(reader, [])]
        column = _column(name, head)
        for row in reader:
            if any(len(cell) > LONGEST_CELL for cell in row):
                raise csv.Error("a cell without end: most likely a quotation mark is missing")
            if len(row) > column:
                yield reader.line_num, row[column].strip()
    except csv.Error as wrong:
        words = _("第 %(line)s 行不是正确的 CSV，请检查引号和换行。")
        raise UploadRefused(name, words % {"line": reader.line_num}) from wrong


def _column(name: str, head: Sequence[str]) -> int:
    found = next((head.index(wanted) for wanted in TEXT_FIELDS if wanted in head), None)
    if found is not None:
        return found
    raise UploadRefused(name, _("CSV 首行应有名为 text 或“文本”的列。"))


def _objects(name: str, text: str) -> Iterator[tuple[int, str]]:
    for number, line in _lines(name, text):
        if not line:
            continue
        try:
            found = _text_of(json.loads(line))
            found.encode()
        except (ValueError, RecursionError, KeyError, TypeError) as wrong:
            words = _("第 %(line)s 行应为含 text 字段的 JSON 对象。")
            raise UploadRefused(name, words % {"line": number}) from wrong
        if "\x00" in found:
            raise UploadRefused(name, _("含有空字符（U+0000），不是文本文件。"))
        yield number, found


def _text_of(row: Any) -> str:
    """The text of a JSON line: a string, {"text": …} or a Label Studio task {"data": {"text": …}}."""
    if isinstance(row, dict):
        fields = row["data"] if isinstance(row.get("data"), dict) else row
        row = next(fields[name] for name in TEXT_FIELDS if name in fields) if fields else None
    if not isinstance(row, str):
        raise TypeError("no text")
    return row


_READERS: dict[str, Callable[[str, str], Iterator[tuple[int, str]]]] = {
    "txt": _lines,
    "csv": _rows,
    "jsonl": _objects,
    "ndjson": _objects,
}
