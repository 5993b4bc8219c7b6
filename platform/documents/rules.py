"""Which files are taken, judged by name, size and first bytes; no store, no database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LARGEST = 200 * 1024 * 1024  # bytes
LONGEST_NAME = 120  # characters
HEAD = 4096  # bytes that are looked at
SHA256 = re.compile(r"[0-9a-f]{64}")
_FORBIDDEN = set('/\\:*?"<>|')
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, direction overrides, line breaks

PURPOSES: dict[str, str | Promise] = {
    "business_licence": _("营业执照"),
    "authorisation": _("授权书"),
    "source_statement": _("数据来源说明"),
    "legal_opinion": _("法律意见"),
    "contract": _("合同附件"),
    "invoice": _("发票"),
    "evidence": _("证明材料"),
    "other": _("其他"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type with its file name endings and what its first bytes must look like."""

    media_type: str
    endings: tuple[str, ...]
    fits: Callable[[bytes], bool]


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _is_text(head: bytes) -> bool:
    """UTF-8 without NUL; the cut at HEAD may halve the final character."""
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) == HEAD and error.start >= HEAD - 3
    return True


def _is_riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


KINDS = {
    kind.media_type: kind
    for kind in (
        Kind("application/pdf", (".pdf",), _starts(b"%PDF-")),
        Kind("image/png", (".png",), _starts(b"\x89PNG\r\n\x1a\n")),
        Kind("image/jpeg", (".jpg", ".jpeg"), _starts(b"\xff\xd8\xff")),
        Kind("image/webp", (".webp",), _is_riff(b"WEBP")),
        Kind("audio/wav", (".wav",), _is_riff(b"WAVE")),
        Kind("audio/mpeg", (".mp3",), _starts(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
        Kind("video/mp4", (".mp4",), lambda head: head[4:8] == b"ftyp"),
        Kind("text/plain", (".txt", ".md"), _is_text),
        Kind("text/csv", (".csv",), _is_text),
        Kind("application/json", (".json", ".jsonl"), _is_text),
        Kind("application/zip", (".zip",), _starts(b"PK\x03\x04", b"PK\x05\x06")),
        Kind(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            (".docx",),
            _starts(b"PK\x03\x04"),
        ),
        Kind(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            (".xlsx",),
            _starts(b"PK\x03\x04"),
        ),
    )
}
ENDINGS = {ending: kind for kind in KINDS.values() for ending in kind.endings}


def clean_name(name: str) -> str:
    """The file name, composed and trimmed; ValueError when it could hide or reach something."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    is_hostile = any(
        mark in _FORBIDDEN or unicodedata.category(mark) in _HIDDEN_CATEGORIES for mark in cleaned
    )
    if is_hostile or not cleaned.strip(". ") or cleaned.startswith(".") or len(cleaned) > LONGEST_NAME:
        raise ValueError(name)
    return cleaned


def kind_of(name: str) -> Kind | None:
    """The kind that the name's ending stands for, if it is taken."""
    _stem, dot, ending = name.rpartition(".")
    return ENDINGS.get(f"{dot}{ending}".lower()) if dot else None


def fits(media_type: str, head: bytes) -> bool:
    """Whether the first bytes are those of the media type."""
    kind = KINDS.get(media_type)
    return kind is not None and bool(head) and kind.fits(head[:HEAD])
