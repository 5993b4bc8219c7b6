"""Pure rules of the catalogue: what a listing still lacks, price bands, what each licence means in plain
words, and how a sealed version's sample is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.states import Licence
from kernel.wording import listed

Text = str | Promise


class Band(NamedTuple):
    """A price band of the facets: from `least` fen (inside) to `below` fen (outside; None: no end)."""

    code: str
    label: Text
    least: int
    below: int | None


PRICE_BANDS = (
    Band("to_1k", _("1 千元以下"), 0, 1_000_00),
    Band("to_1w", _("1 千–1 万元"), 1_000_00, 10_000_00),
    Band("to_10w", _("1 万–10 万元"), 10_000_00, 100_000_00),
    Band("to_100w", _("10 万–100 万元"), 100_000_00, 1_000_000_00),
    Band("above", _("100 万元及以上"), 1_000_000_00, None),
)


@dataclass(frozen=True, slots=True)
class LicenceTerms:
    """A licence in plain words: what the buyer may and may not do."""

    allowed: tuple[Text, ...]
    forbidden: tuple[Text, ...]


_NEVER = (
    _("转售、公开或再许可原始数据"),
    _("还原个人身份，或与其他数据拼接识别个人"),
    _("未经安全评估向境外提供"),
)
LICENCE_TERMS: Mapping[str, LicenceTerms] = {
    Licence.INTERNAL: LicenceTerms(
        (_("在本单位内部查询、统计和分析"), _("形成仅供内部使用的报告")),
        (_("用于训练对外提供的模型"), *_NEVER),
    ),
    Licence.TRAINING: LicenceTerms(
        (_("训练、微调和评测模型"), _("在本单位内部查询、统计和分析"), _("发布不含原始数据的评测结果")),
        (_("在商业产品中直接提供数据内容"), *_NEVER),
    ),
    Licence.COMMERCIAL: LicenceTerms(
        (_("训练、微调和评测模型"), _("模型与衍生成果随产品商用，不限销量"), _("本单位控股的公司共同使用")),
        _NEVER,
    ),
}


class Step(NamedTuple):
    """One line of the supplier's task list."""

    code: str
    label: Text
    detail: Text
    is_done: bool


def listing_steps(
    *, title: str, summary: str, description: str, licence: str, plan_count: int, sample_count: int,
    field_count: int, is_certified: bool,
) -> list[Step]:  # fmt: skip
    """The task list of a listing in order; every step must be done before it can be submitted."""
    return [
        Step("certificate", _("登记证书"), _("证书在有效期内，且正是登记该版本"), is_certified),
        Step(
            "sample",
            _("样例与字段字典"),
            _("封版时随数据版本生成，买方先看样例"),
            sample_count > 0 and field_count > 0,
        ),
        Step(
            "wording",
            _("名称与说明"),
            _("名称、一句话简介和产品说明"),
            bool(title and summary and description),
        ),
        Step("licence", _("使用许可"), _("买方可以怎么用、不可以怎么用"), licence in Licence.values),
        Step("plans", _("价格方案"), _("至少一个含税价格方案"), plan_count > 0),
    ]


class Mark(NamedTuple):
    """A piece of a sample's text: plain, or labelled."""

    text: str
    label: str


class Box(NamedTuple):
    """A labelled rectangle over an image; sides in per cent of the image, as decimal text."""

    x: str
    y: str
    width: str
    height: str
    label: str
    tone: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample row as the product page shows it: a text in marked pieces, a file (an image) with boxes, or
    the cells of a table's row.

    `path` is the raw file's place in the version; `cells` are column and value.
    """

    name: str
    path: str
    marks: tuple[Mark, ...]
    boxes: tuple[Box, ...]
    labels: tuple[str, ...]
    cells: tuple[tuple[str, str], ...] = ()


def _regions(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = row.get("result")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _names(region: Mapping[str, Any]) -> list[str]:
    """The label names of one Label Studio region, whatever its control is called."""
    value = region.get("value")
    if not isinstance(value, Mapping):
        return []
    kind = str(region.get("type", ""))
    named = value.get(kind) or value.get("choices") or value.get("labels") or []
    return [str(each) for each in named] if isinstance(named, list) else []


def _cut(text: str, spans: Sequence[tuple[int, int, str]]) -> tuple[Mark, ...]:
    """The text in pieces, labelled where a span lies; spans that overlap an earlier one are left out."""
    pieces: list[Mark] = []
    reached = 0
    for start, end, label in sorted(spans):
        if start < reached or end > len(text) or end <= start:
            continue
        if start > reached:
            pieces.append(Mark(text[reached:start], ""))
        pieces.append(Mark(text[start:end], label))
        reached = end
    if reached < len(text):
        pieces.append(Mark(text[reached:], ""))
    return tuple(pieces)


def read_sample(row: Mapping[str, Any]) -> Sample:
    """A sample row: name, item, text, labels, and the result when it is kept; or the columns of a table."""
    spans: list[tuple[int, int, str]] = []
    boxes: list[Box] = []
    labels: list[str] = []
    known: dict[str, int] = {}
    for region in _regions(row):
        value, names = region.get("value") or {}, _names(region)
        label = listed(names)
        if isinstance(value.get("start"), int) and isinstance(value.get("end"), int):
            spans.append((value["start"], value["end"], label))
        elif all(isinstance(value.get(side), int | float) for side in ("x", "y", "width", "height")):
            x, y, width, height = (f"{value[side]:.2f}" for side in ("x", "y", "width", "height"))
            boxes.append(Box(x, y, width, height, label, known.setdefault(label, len(known) % 6)))
        else:
            labels += names
    plain = row.get("labels")
    if not (labels or spans or boxes) and isinstance(plain, list):
        labels = [str(each) for each in plain]
    return Sample(
        name=str(row.get("item_name") or row.get("id") or ""),
        path=str(row.get("item") or ""),
        marks=_cut(str(row.get("text") or ""), spans),
        boxes=tuple(boxes),
        labels=tuple(dict.fromkeys(labels)),
        cells=()
        if {"item", "text"} & row.keys()
        else tuple((name, str(value)) for name, value in row.items()),
    )
