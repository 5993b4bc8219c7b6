"""Pure reckoning over an import: forms of files, what it costs, results whose text is masked. No database, no store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.intake.sensitive import Hit, hits_in, is_name_header, masked_text
from annotation.labelstudio.importing import SOURCES
from annotation.labelstudio.kinds import LABELS, TEXT_AREA
from annotation.labelstudio.rules import LabelingConfig
from annotation.projects.states import RECORD_TYPE
from kernel.money import Money

PLAIN = "items"
FORMS: dict[str, tuple[str | Promise, str | Promise]] = {
    PLAIN: (
        _("只有原始数据"),
        _("文本：TXT（一行一条）、CSV、JSONL、Parquet；图像：PNG、JPG；都可装在 zip 里"),
    ),
    **{code: (source.title, source.words) for code, source in SOURCES.items()},
}
"""How files may be read: title and what they hold, by code; all but the first bring labels along."""
EXAMPLES = 3
"""Masked examples of each kind of personal information that are shown."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What labelling so many items pays its annotators."""

    item_count: int
    copies: int
    price: Money

    @property
    def total(self) -> Money:
        return Money(self.item_count * self.copies * self.price.fen)


def storable(text: str) -> str:
    """The text without what the database cannot hold: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def fields_in(text: str, media_type: str, field: str) -> dict[str, str]:
    """The texts of an item by field: one, or the several of a JSON object."""
    return dict(json.loads(text)) if media_type == RECORD_TYPE else {field: text}


def personal_in(texts: Mapping[str, str]) -> list[Hit]:
    """All personal information in an item's texts."""
    return [hit for name, text in texts.items() for hit in hits_in(text, in_name_field=is_name_header(name))]


def counted(hits: Sequence[Hit]) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(hit.kind.value for hit in hits))


def masked_item(text: str, media_type: str, field: str) -> str:
    """The item's text with personal information masked in place; several texts stay a JSON object."""
    texts = fields_in(text, media_type, field)
    shown = {name: masked_text(each, in_name_field=is_name_header(name)) for name, each in texts.items()}
    return (
        json.dumps(shown, ensure_ascii=False, sort_keys=True) if media_type == RECORD_TYPE else shown[field]
    )


def masked_result(
    config: LabelingConfig, result: Sequence[Mapping[str, Any]], shown: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A result over the masked texts `shown` (by field): masks keep lengths, so spans only quote anew."""
    found = []
    for region in result:
        value, about = dict(region.get("value") or {}), config.object(str(region.get("to_name")))
        if region.get("type") == LABELS and "text" in value and about is not None:
            value["text"] = shown.get(about.field, "")[value["start"] : value["end"]]
        elif region.get("type") == TEXT_AREA:
            value["text"] = [masked_text(str(each)) for each in value.get("text", [])]
        found.append({**region, **({"value": value} if "value" in region else {})})
    return found
