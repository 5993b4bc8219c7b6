"""What is wrong with the value of one region, kind by kind; each reason says what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.labelstudio.geometry import (
    corners,
    crosses_itself,
    is_inside,
    is_number,
    is_whole,
    twice_the_area,
)
from annotation.labelstudio.kinds import (
    CHOICES,
    LABELLED,
    LABELS,
    PAIRWISE,
    POLYGONS,
    RATING,
    RECTANGLES,
    REGION_LIMIT,
    SHAPES,
    SIDES,
    TEXT_AREA,
    TEXT_AREA_LIMIT,
    Control,
    Problem,
    fault,
)
from kernel.wording import listed

SHOWN_LABELS = 10
LONGEST_SIDE = 1_000_000  # pixels
Size = tuple[int, int]


def value_problem(
    control: Control, region: Mapping[str, Any], shown: Any, size: Size | None
) -> Problem | None:
    """The first thing wrong with a region's value. `shown`: the field's content; `size`: the image's pixels."""
    found = labels_problem(control, region["value"])
    if not found and control.kind in SHAPES:
        found = _size_problem(region, size)
    return found or _CHECKS[control.kind](control, region, shown)


def labels_problem(  # noqa: PLR0911 - one return per reason
    control: Control, value: Mapping[str, Any]
) -> Problem | None:
    """What is wrong with the labels a value names; nothing for kinds without labels."""
    other = next((kind for kind in sorted(LABELLED) if kind in value and kind != control.kind), None)
    if other:
        words = _("value 中有另一种问题的字段 %(other)s，请删去，或改用相应的问题提交。")
        return fault("value_of_other_kind", words, other=other)
    if control.kind not in LABELLED:
        return None
    chosen = value.get(control.kind)
    if not isinstance(chosen, list) or not all(isinstance(label, str) for label in chosen):
        return fault("labels_not_list", _("value.%(kind)s 应为文字的列表。"), kind=control.kind)
    if not chosen:
        words = _("“%(name)s”没有选择标签，请从 %(labels)s 中选择。")
        return fault("label_missing", words, name=control.title, labels=_offered(control.labels))
    for label in chosen:
        if label not in control.labels:
            words = _("“%(label)s”不是“%(name)s”的选项，请从 %(labels)s 中选择。")
            offered = _offered(control.labels)
            return fault("unknown_label", words, label=label[:50], name=control.title, labels=offered)
    if len(set(chosen)) < len(chosen):
        words = _("“%(name)s”重复选择了同一个标签，请只留一个。")
        return fault("label_twice", words, name=control.title)
    if len(chosen) > 1 and not control.is_multiple:
        return fault("two_on_single", _("“%(name)s”只能选择一个，请只留一个。"), name=control.title)
    return None


def _offered(labels: tuple[str, ...]) -> str:
    return listed(labels[:SHOWN_LABELS]) + ("…" if len(labels) > SHOWN_LABELS else "")


def _size_problem(region: Mapping[str, Any], size: Size | None) -> Problem | None:
    """Sizes a shape claims for its image; those of another image mean that the shape is another's."""
    told = (region.get("original_width"), region.get("original_height"))
    if told != (None, None):
        if not all(is_whole(part) and 0 < (part or 0) <= LONGEST_SIDE for part in told):
            return fault("size_invalid", _("original_width 和 original_height 应为大于 0 的整数（像素）。"))
        if size is not None and told != size:
            words = _("图像是 %(own)s 像素，区域写的是 %(told)s 像素，请核对是否为同一张图。")
            own, claimed = (f"{wide} × {high}" for wide, high in (size, told))
            return fault("size_mismatch", words, own=own, told=claimed)
    if region.get("image_rotation", 0) not in (0, None):
        return fault("image_turned", _("image_rotation 应为 0，请把图像转回原来的方向再标注。"))
    return None


def _nothing_more(control: Control, region: Mapping[str, Any], shown: Any) -> Problem | None:
    return None


def _text_area_problem(control: Control, region: Mapping[str, Any], shown: Any) -> Problem | None:
    lines = region["value"].get("text")
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        return fault("text_missing", _("value.text 应为文字或文字的列表。"))
    if not any(line.strip() for line in lines):
        return fault("text_blank", _("填写的文字不能全为空白。"))
    if sum(map(len, lines)) > TEXT_AREA_LIMIT:
        return fault("text_too_long", _("填写的文字最多 %(limit)s 个字符。"), limit=TEXT_AREA_LIMIT)
    return None


def _span_problem(  # noqa: PLR0911 - one return per reason
    control: Control, region: Mapping[str, Any], shown: Any
) -> Problem | None:
    value, text = region["value"], shown if isinstance(shown, str) else ""
    start, end = value.get("start"), value.get("end")
    if not is_whole(start) or not is_whole(end):
        return fault("span_not_whole", _("文本区间的 start 和 end 应为整数（按字符计）。"))
    if start < 0:
        return fault("span_negative", _("文本区间的 start 不能小于 0，请从 0 数起。"))
    if end < start:
        words = _("文本区间的 end（%(end)s）小于 start（%(start)s），请对调或重新选择。")
        return fault("span_reversed", words, start=_short(start), end=_short(end))
    if end == start:
        return fault("span_empty", _("文本区间是空的，end 应大于 start。"))
    if end > len(text):
        words = _("文本区间到 %(end)s，超出全文 %(length)s 个字符，请按字符（不是字节）计算。")
        return fault("span_past_text", words, end=_short(end), length=len(text))
    if value.get("text") != text[start:end]:
        words = _("区间 %(start)s–%(end)s 的原文是“%(text)s”，与提交的文字不一致，请照原文填写。")
        return fault("text_mismatch", words, start=start, end=end, text=text[start:end][:50])
    if not text[start:end].strip():
        words = _("区间 %(start)s–%(end)s 全是空白，请选择有字的一段。")
        return fault("span_blank", words, start=start, end=end)
    return None


def _short(number: int) -> str:
    """A number for people, also when it has hundreds of digits."""
    return str(number) if abs(number) < 10**12 else "…"


def _rectangle_problem(control: Control, region: Mapping[str, Any], shown: Any) -> Problem | None:
    value = region["value"]
    parts = [value.get(name) for name in ("x", "y", "width", "height")]
    if not all(is_number(part) for part in parts):
        return fault("box_not_number", _("矩形的 x、y、width、height 应为数字（图像的百分比）。"))
    x, y, width, height = parts
    if width <= 0 or height <= 0:
        return fault("box_without_area", _("矩形的宽和高应大于 0。"))
    turn = value.get("rotation", 0)
    if not is_number(turn) or not -360 <= turn <= 360:
        return fault("rotation_invalid", _("矩形的 rotation 应为 −360 到 360 的度数。"))
    if turn % 360:
        wide, high = region.get("original_width"), region.get("original_height")
        if wide is None or high is None:
            return fault("rotation_needs_size", _("有旋转的矩形应给出 original_width 和 original_height。"))
        edges = corners((x, y, width, height), turn, wide / high)
    else:
        edges = [(x, y), (x + width, y + height)]
    if not all(is_inside(point) for point in edges):
        words = _(
            "矩形超出图像，请移回图内：x、y 不小于 0，x+width、y+height 不大于 100，旋转后四角也在图内。"
        )
        return fault("box_outside", words)
    return None


def _polygon_problem(  # noqa: PLR0911 - one return per reason
    control: Control, region: Mapping[str, Any], shown: Any
) -> Problem | None:
    points = region["value"].get("points")
    is_list = isinstance(points, list) and all(
        isinstance(point, list) and len(point) == 2 for point in points
    )
    if not is_list or not all(is_number(part) for point in points for part in point):
        return fault("points_invalid", _("多边形的 points 应为 [x, y] 的列表（图像的百分比）。"))
    if region["value"].get("closed", True) is not True:
        return fault("polygon_open", _("多边形没有闭合，请点回第一个顶点。"))
    if len(points) < 3:
        return fault("too_few_points", _("多边形至少要有 3 个顶点。"))
    if len(points) > REGION_LIMIT:
        return fault("too_many_points", _("多边形最多 %(limit)s 个顶点。"), limit=REGION_LIMIT)
    if not all(is_inside((x, y)) for x, y in points):
        return fault("polygon_outside", _("多边形有顶点超出图像，请移回图内（0 到 100）。"))
    if len({(x, y) for x, y in points}) < len(points):
        return fault("point_twice", _("多边形有重复的顶点，请删去一个；首尾不必重复。"))
    outline = [(x, y) for x, y in points]
    if crosses_itself(outline):
        return fault("polygon_crosses", _("多边形的边相互交叉，请按轮廓顺序标点。"))
    if abs(twice_the_area(outline)) < 1e-9:
        return fault("polygon_without_area", _("多边形没有面积，请不要把顶点标在一条线上。"))
    return None


def _rating_problem(control: Control, region: Mapping[str, Any], shown: Any) -> Problem | None:
    given = region["value"].get("rating")
    if not is_whole(given):
        return fault("rating_not_whole", _("评分应为整数。"))
    if not 1 <= given <= control.most:
        words = _("“%(name)s”的评分应在 1 到 %(most)s 之间。")
        return fault("rating_outside", words, name=control.title, most=control.most)
    return None


def _pairwise_problem(control: Control, region: Mapping[str, Any], shown: Any) -> Problem | None:
    if region["value"].get("selected") not in SIDES:
        words = _("“%(name)s”应选择 left（第一项）或 right（第二项）。")
        return fault("side_unknown", words, name=control.title)
    return None


_CHECKS: dict[str, Callable[[Control, Mapping[str, Any], Any], Problem | None]] = {
    CHOICES: _nothing_more,
    LABELS: _span_problem,
    RECTANGLES: _rectangle_problem,
    POLYGONS: _polygon_problem,
    TEXT_AREA: _text_area_problem,
    RATING: _rating_problem,
    PAIRWISE: _pairwise_problem,
}
