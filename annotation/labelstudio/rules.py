"""Label Studio labeling configs (XML) and results (a JSON list of regions): parsed and judged.

`label-studio-sdk` reads the config and judges the shape of each value; the rest of this file refuses what
the SDK lets through: boxes that leave the image, spans past the text, text that is not what its offsets say,
two answers to a single choice, missing required answers, crossing polygons, the same region twice.
Offsets count Unicode code points, end exclusive; image geometry is in per cent of the image.
Format: https://labelstud.io/guide/task_format and https://labelstud.io/tags
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kernel.errors import Refusal

CONFIG_LIMIT = 64_000  # characters
REGION_LIMIT = 2_000
RESULT_LIMIT = 1_000_000  # characters of canonical JSON
TEXT_AREA_LIMIT = 10_000  # characters of one transcription
NAME_LIMIT = 100  # characters of a label or a control's name

CHOICES, LABELS, RECTANGLES, POLYGONS, TEXT_AREA = (
    "choices", "labels", "rectanglelabels", "polygonlabels", "textarea",
)  # fmt: skip
CONTROL_OBJECTS: dict[str, frozenset[str]] = {
    CHOICES: frozenset({"text", "image"}),
    TEXT_AREA: frozenset({"text", "image"}),
    LABELS: frozenset({"text"}),
    RECTANGLES: frozenset({"image"}),
    POLYGONS: frozenset({"image"}),
}
OBJECTS = frozenset({"text", "image"})
LAYOUT = frozenset({"view", "header", "style", "label", "choice"})
CONDITIONAL = ("perRegion", "visibleWhen", "whenTagName", "whenLabelValue", "whenChoiceValue")
CHOICE_MODES = {"": False, "single": False, "single-radio": False, "multiple": True}
ROUNDING = 0.01  # per cent by which an editor's rounding may pass the edge of an image


class ConfigRefused(Refusal):
    """The labeling config cannot be used; `reasons` holds every fault in words."""

    code = "labeling_config_refused"
    message = gettext_lazy("标注配置不能使用：%(reason)s")
    status = 422

    def __init__(self, *reasons: str) -> None:
        super().__init__(field="labeling_config", reason=" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Control:
    """One question of a config: a named tag over an object, with its labels in config order.

    `title`: the nearest <Header> before it, or its name.
    """

    name: str
    kind: str
    to_name: str
    labels: tuple[str, ...]
    is_multiple: bool
    is_required: bool
    title: str


@dataclass(frozen=True, slots=True)
class ObjectField:
    """What is labelled: a tag (text, image) that shows one field of the task."""

    name: str
    kind: str
    field: str


@dataclass(frozen=True, slots=True)
class LabelingConfig:
    """A parsed config; `interface` is the SDK's own view of it, `digest` the SHA-256 of the XML."""

    xml: str
    digest: str
    controls: tuple[Control, ...]
    objects: tuple[ObjectField, ...]
    interface: Any = field(repr=False, compare=False)

    def control(self, name: str) -> Control | None:
        return next((control for control in self.controls if control.name == name), None)

    def object(self, name: str) -> ObjectField | None:
        return next((one for one in self.objects if one.name == name), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of every control, in config order."""
        return tuple(label for control in self.controls for label in control.labels)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a result: a stable code, the region's place in the list (None: the whole), words."""

    code: str
    message: str
    region: int | None = None


def _fault(code: str, words: str, **members: Any) -> Problem:
    return Problem(code, words % members if members else words)


def digest_of(result: Any) -> str:
    """SHA-256 (hex) of the result's canonical JSON."""
    return hashlib.sha256(canonical(result).encode()).hexdigest()


def canonical(result: Any) -> str:
    """JSON with sorted keys and no spaces; ValueError for what JSON cannot hold (NaN, infinity)."""
    return json.dumps(result, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# --- configs ------------------------------------------------------------------------------------


def parse_config(xml: str) -> LabelingConfig:
    """Read a config; ConfigRefused with every reason when it cannot be used. The 256 latest are kept."""
    return _parsed(xml.strip())


@lru_cache(maxsize=256)
def _parsed(xml: str) -> LabelingConfig:
    root = _tree(xml)
    faults = [*_tag_faults(root)]
    if faults:
        raise ConfigRefused(*faults)
    interface = _interface(xml)
    objects = tuple(
        ObjectField(name=one.name, kind=one.tag.lower(), field=(one.value or "")[1:])
        for one in interface.objects
    )
    titles = _titles(root)
    controls = tuple(_control(tag, titles.get(tag.name, tag.name)) for tag in interface.controls)
    faults = [*_structure_faults(root, controls, objects)]
    if faults:
        raise ConfigRefused(*faults)
    return LabelingConfig(xml, hashlib.sha256(xml.encode()).hexdigest(), controls, objects, interface)


def _tree(xml: str) -> ElementTree.Element:
    if not xml:
        raise ConfigRefused(_("请填写标注配置。"))
    if len(xml) > CONFIG_LIMIT:
        raise ConfigRefused(_("配置不能超过 %(limit)s 个字符。") % {"limit": CONFIG_LIMIT})
    if any("\ud800" <= char <= "\udfff" for char in xml):
        raise ConfigRefused(_("配置中有残缺的字符，请重新粘贴。"))
    if "<!DOCTYPE" in xml.upper() or "<!ENTITY" in xml.upper():
        raise ConfigRefused(_("配置中不能有 DOCTYPE 或实体定义，请删除。"))
    if xml.startswith("<?"):
        raise ConfigRefused(_("请去掉开头的 XML 声明，直接从 <View> 开始。"))
    try:
        root = ElementTree.fromstring(xml)  # no DOCTYPE gets here, so no entity can expand
    except (ElementTree.ParseError, ValueError) as wrong:
        line, column = getattr(wrong, "position", (1, 0))
        reason = _("第 %(line)s 行第 %(column)s 列不是正确的 XML，请检查标签是否成对。")
        raise ConfigRefused(reason % {"line": line, "column": column + 1}) from wrong
    if root.tag.lower() != "view":
        raise ConfigRefused(_("最外层标签应为 <View>。"))
    return root


def _interface(xml: str) -> Any:
    from label_studio_sdk.label_interface import LabelInterface

    try:
        interface = LabelInterface(xml)
        interface.validate()
    except Exception as wrong:  # the SDK raises bare and private exceptions alike
        words = _("Label Studio 不接受此配置（%(reason)s）。")
        raise ConfigRefused(words % {"reason": str(wrong)[:300]}) from wrong
    return interface


def _tag_faults(root: ElementTree.Element) -> Iterator[str]:
    """Tags and attributes whose results could not be judged here."""
    for tag in root.iter():
        kind = str(tag.tag).lower()
        if kind not in LAYOUT | OBJECTS | set(CONTROL_OBJECTS):
            yield _("暂不支持标签 <%(tag)s>。") % {"tag": tag.tag}
            continue
        for name in CONDITIONAL:
            if name in tag.attrib:
                yield _("<%(tag)s> 的属性 %(name)s 暂不支持。") % {"tag": tag.tag, "name": name}
        value = tag.get("value", "")
        if kind in OBJECTS and (not tag.get("name") or not value.startswith("$") or len(value) < 2):
            yield _('<%(tag)s> 应有 name，并以 value="$字段名" 指明显示的字段。') % {"tag": tag.tag}
        if kind in CONTROL_OBJECTS:
            if not tag.get("name") or not tag.get("toName"):
                yield _("<%(tag)s> 应有 name 和 toName。") % {"tag": tag.tag}
            if value.startswith("$") or tag.get("apiUrl"):
                yield _("<%(tag)s> 的选项应写在配置中，不能取自数据。") % {"tag": tag.tag}
            if kind in (CHOICES, LABELS) and tag.get("choice", "").lower() not in CHOICE_MODES:
                yield _("<%(tag)s> 的 choice 应为 single 或 multiple。") % {"tag": tag.tag}
        if kind in CONTROL_OBJECTS and kind != TEXT_AREA:
            yield from _label_faults(tag.get("name") or str(tag.tag), tag)
        if kind == "choice" and len(tag):
            yield _("暂不支持多级选项 <Choice>。")


def _titles(root: ElementTree.Element) -> dict[str, str]:
    """The heading over each control: a <Header> counts for the one control that follows it."""
    found, heading = {}, ""
    for tag in root.iter():
        kind = str(tag.tag).lower()
        if kind == "header":
            heading = (tag.get("value") or tag.text or "").strip()
        elif kind in CONTROL_OBJECTS:
            found[tag.attrib["name"]] = heading[:NAME_LIMIT] or tag.attrib["name"]
            heading = ""
    return found


def _control(tag: Any, title: str) -> Control:
    kind = tag.tag.lower()
    return Control(
        name=tag.name,
        kind=kind,
        to_name=tag.to_name[0],
        labels=tuple(tag.labels or ()),
        is_multiple=kind == TEXT_AREA or CHOICE_MODES.get(str(tag.attr.get("choice", "")).lower(), False),
        is_required=str(tag.attr.get("required", "")).lower() == "true",
        title=title,
    )


def _structure_faults(
    root: ElementTree.Element, controls: Sequence[Control], objects: Sequence[ObjectField]
) -> Iterator[str]:
    """What must hold between tags: unique names, known targets of the right kind, labels without doubles."""
    names = Counter(
        tag.attrib["name"] for tag in root.iter() if str(tag.tag).lower() in OBJECTS | set(CONTROL_OBJECTS)
    )
    for name, count in names.items():
        if count > 1:
            yield _("名称 %(name)s 重复，每个标签的 name 应唯一。") % {"name": name}
        if len(name) > NAME_LIMIT:
            yield _("名称 %(name)s 过长。") % {"name": name[:20]}
    if len(objects) != 1:
        yield _("配置应恰有一个 <Text> 或 <Image>。")
    if not controls:
        yield _("配置中没有要回答的问题，请加入 <Choices>、<Labels> 或 <RectangleLabels>。")
    by_name = {one.name: one for one in objects}
    for tag in root.iter():
        kind = str(tag.tag).lower()
        if kind not in CONTROL_OBJECTS:
            continue
        name, target = tag.attrib["name"], tag.attrib["toName"]
        if target not in by_name:
            yield _('%(name)s 的 toName="%(target)s" 没有对应的标签。') % {"name": name, "target": target}
        elif by_name[target].kind not in CONTROL_OBJECTS[kind]:
            shown = by_name[target].kind.title()
            yield _("<%(tag)s> 不能用于 <%(target)s>。") % {"tag": tag.tag, "target": shown}


def _label_faults(name: str, tag: ElementTree.Element) -> Iterator[str]:
    words = [child.get("alias") or child.get("value") or "" for child in tag.iter() if child is not tag]
    if not words:
        yield _("%(name)s 没有任何选项。") % {"name": name}
    for word, count in Counter(words).items():
        if not word.strip() or len(word) > NAME_LIMIT:
            yield _("%(name)s 有空白或过长的选项。") % {"name": name}
        elif count > 1:
            yield _("%(name)s 的选项“%(word)s”重复。") % {"name": name, "word": word}


# --- results ------------------------------------------------------------------------------------


def validate_result(config: LabelingConfig, task_data: Mapping[str, Any], result: Any) -> list[Problem]:
    """Every reason why `result` is not an answer to `config` over this task; none means it is good.

    `task_data`: the task's fields, with the text itself under the field a <Text> shows.
    """
    whole = _whole_problem(result)
    if whole:
        return [whole]
    problems: list[Problem] = []
    sound: list[tuple[int, Control, dict[str, Any]]] = []
    for place, region in enumerate(result):
        found = _region_problem(config, task_data, region)
        if found:
            problems.append(replace(found, region=place))
        else:
            control = config.control(region["from_name"])
            assert control is not None
            sound.append((place, control, region))
    problems += _between_regions(sound)
    answered = [region.get("from_name") for region in result if isinstance(region, dict)]
    for control in config.controls:
        if control.is_required and control.name not in answered:
            problems.append(_fault("required_missing", _("“%(name)s”必须填写。"), name=control.title))
    if not result and not problems:
        words = _("没有任何标注内容。没有可标的内容时，请跳过任务并说明原因。")
        problems.append(_fault("result_empty", words))
    return sorted(problems, key=lambda found: (found.region is None, found.region or 0))


def _whole_problem(result: Any) -> Problem | None:
    if not isinstance(result, list):
        return _fault("result_not_list", _("标注结果应为区域的列表（Label Studio 的 result）。"))
    if len(result) > REGION_LIMIT:
        return _fault("too_many_regions", _("一条任务最多 %(limit)s 个区域。"), limit=REGION_LIMIT)
    try:
        written = canonical(result)
        written.encode()
    except (ValueError, TypeError, RecursionError):
        return _fault("not_plain_json", _("标注结果中有 JSON 不能表示的数值或字符（如 NaN、残缺的字符）。"))
    if len(written) > RESULT_LIMIT:
        return _fault("result_too_large", _("标注结果过大，最多 %(limit)s 个字符。"), limit=RESULT_LIMIT)
    if "\\u0000" in written:
        return _fault("nul_character", _("标注结果中有空字符（U+0000），请删除。"))
    return None


def _region_problem(  # noqa: PLR0911 - one return per reason
    config: LabelingConfig, task: Mapping[str, Any], region: Any
) -> Problem | None:
    """The first thing wrong with one region by itself."""
    if not isinstance(region, dict):
        return _fault("region_not_object", _("区域应为 JSON 对象。"))
    for name in ("from_name", "to_name", "type", "value"):
        if name not in region:
            return _fault("region_field_missing", _("区域缺少 %(name)s。"), name=name)
    asked, value = region["from_name"], region["value"]
    control = config.control(asked) if isinstance(asked, str) else None
    if control is None:
        return _fault("unknown_control", _("配置中没有名为“%(name)s”的问题。"), name=str(asked)[:50])
    if region["to_name"] != control.to_name:
        words = _("“%(name)s”应标在 %(target)s 上。")
        return _fault("wrong_object", words, name=control.title, target=control.to_name)
    if region["type"] != control.kind:
        words = _("“%(name)s”的 type 应为 %(kind)s。")
        return _fault("wrong_type", words, name=control.title, kind=control.kind)
    if not isinstance(value, dict):
        return _fault("value_not_object", _("区域的 value 应为 JSON 对象。"))
    shown = config.object(control.to_name)
    assert shown is not None
    found = _labels_problem(control, value) or _VALUE_CHECKS[control.kind](region, task.get(shown.field))
    if found:
        return found
    refused = config.interface.validate_region(region, return_errors=True)
    if refused:
        words = _("Label Studio 不接受这个区域（%(reason)s）。")
        return _fault("sdk_refused", words, reason=str(refused[0])[:200])
    return None


def _labels_problem(  # noqa: PLR0911 - one return per reason
    control: Control, value: Mapping[str, Any]
) -> Problem | None:
    if control.kind == TEXT_AREA:
        return None
    chosen = value.get(control.kind)
    if not isinstance(chosen, list) or not all(isinstance(label, str) for label in chosen):
        return _fault("labels_not_list", _("value.%(kind)s 应为文字的列表。"), kind=control.kind)
    if not chosen:
        return _fault("label_missing", _("“%(name)s”没有选择标签。"), name=control.title)
    for label in chosen:
        if label not in control.labels:
            words = _("“%(label)s”不是“%(name)s”的选项。")
            return _fault("unknown_label", words, label=label[:50], name=control.title)
    if len(set(chosen)) < len(chosen):
        return _fault("label_twice", _("“%(name)s”重复选择了同一个标签。"), name=control.title)
    if len(chosen) > 1 and not control.is_multiple:
        return _fault("two_on_single", _("“%(name)s”只能选择一个。"), name=control.title)
    return None


def _nothing_more(region: Mapping[str, Any], shown: Any) -> Problem | None:
    return None


def _text_area_problem(region: Mapping[str, Any], shown: Any) -> Problem | None:
    lines = region["value"].get("text")
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        return _fault("text_missing", _("value.text 应为文字或文字的列表。"))
    if not any(line.strip() for line in lines):
        return _fault("text_blank", _("填写的文字不能全为空白。"))
    if sum(map(len, lines)) > TEXT_AREA_LIMIT:
        return _fault("text_too_long", _("填写的文字最多 %(limit)s 个字符。"), limit=TEXT_AREA_LIMIT)
    return None


def _span_problem(  # noqa: PLR0911 - one return per reason
    region: Mapping[str, Any], shown: Any
) -> Problem | None:
    value, text = region["value"], shown if isinstance(shown, str) else ""
    start, end = value.get("start"), value.get("end")
    if not _is_whole(start) or not _is_whole(end):
        return _fault("span_not_whole", _("文本区间的 start 和 end 应为整数（按字符计）。"))
    if start < 0:
        return _fault("span_negative", _("文本区间的 start 不能小于 0。"))
    if end < start:
        return _fault(
            "span_reversed", _("文本区间的 end（%(end)s）小于 start（%(start)s）。"), start=start, end=end
        )
    if end == start:
        return _fault("span_empty", _("文本区间是空的，end 应大于 start。"))
    if end > len(text):
        words = _("文本区间到 %(end)s，超出全文 %(length)s 个字符。")
        return _fault("span_past_text", words, end=end, length=len(text))
    if value.get("text") != text[start:end]:
        words = _("区间 %(start)s–%(end)s 的原文是“%(text)s”，与提交的文字不一致。")
        return _fault("text_mismatch", words, start=start, end=end, text=text[start:end][:50])
    return None


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _is_number(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def _rectangle_problem(region: Mapping[str, Any], shown: Any) -> Problem | None:
    value = region["value"]
    parts = [value.get(name) for name in ("x", "y", "width", "height")]
    if not all(_is_number(part) for part in parts):
        return _fault("box_not_number", _("矩形的 x、y、width、height 应为数字（图像的百分比）。"))
    x, y, width, height = parts
    if width <= 0 or height <= 0:
        return _fault("box_without_area", _("矩形的宽和高应大于 0。"))
    turn = value.get("rotation", 0)
    if not _is_number(turn) or not -360 <= turn <= 360:
        return _fault("rotation_invalid", _("矩形的 rotation 应为 −360 到 360 的度数。"))
    if turn % 360:
        wide, high = region.get("original_width"), region.get("original_height")
        if not isinstance(wide, int) or not isinstance(high, int) or wide < 1 or high < 1:
            return _fault("rotation_needs_size", _("有旋转的矩形应给出 original_width 和 original_height。"))
        corners = _corners((x, y, width, height), turn, wide / high)
    else:
        corners = [(x, y), (x + width, y + height)]
    if not all(_is_inside(point) for point in corners):
        return _fault("box_outside", _("矩形超出图像：x、y 不能小于 0，x+width、y+height 不能大于 100。"))
    return None


def _corners(box: Sequence[float], turn: float, aspect: float) -> list[tuple[float, float]]:
    """Corners in per cent of a box turned clockwise about its upper left corner (degrees), in pixel space."""
    x, y, width, height = box
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    sides = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return [(x + dx * cos - dy / aspect * sin, y + dx * aspect * sin + dy * cos) for dx, dy in sides]


def _is_inside(point: tuple[float, float]) -> bool:
    return all(-ROUNDING <= part <= 100 + ROUNDING for part in point)


def _polygon_problem(  # noqa: PLR0911 - one return per reason
    region: Mapping[str, Any], shown: Any
) -> Problem | None:
    points = region["value"].get("points")
    is_list = isinstance(points, list) and all(
        isinstance(point, list) and len(point) == 2 for point in points
    )
    if not is_list or not all(_is_number(part) for point in points for part in point):
        return _fault("points_invalid", _("多边形的 points 应为 [x, y] 的列表（图像的百分比）。"))
    if len(points) < 3:
        return _fault("too_few_points", _("多边形至少要有 3 个顶点。"))
    if len(points) > REGION_LIMIT:
        return _fault("too_many_points", _("多边形最多 %(limit)s 个顶点。"), limit=REGION_LIMIT)
    if not all(_is_inside((x, y)) for x, y in points):
        return _fault("polygon_outside", _("多边形有顶点超出图像。"))
    if len({(x, y) for x, y in points}) < len(points):
        return _fault("point_twice", _("多边形有重复的顶点。"))
    if _crosses_itself([(x, y) for x, y in points]):
        return _fault("polygon_crosses", _("多边形的边相互交叉，请按轮廓顺序标点。"))
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], points[0]], strict=True))
    if abs(twice) < 1e-9:
        return _fault("polygon_without_area", _("多边形没有面积。"))
    return None


def _crosses_itself(points: Sequence[tuple[float, float]]) -> bool:
    """Whether two sides that are not neighbours meet."""

    def turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> int:
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        return 0 if abs(area) < 1e-12 else (1 if area > 0 else -1)

    def lies_on(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
        return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])

    sides = list(zip(points, [*points[1:], points[0]], strict=True))
    for i, (a, b) in enumerate(sides):
        for j in range(i + 2, len(sides)):
            if i == 0 and j == len(sides) - 1:
                continue
            c, d = sides[j]
            turns = turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
            if turns[0] != turns[1] and turns[2] != turns[3]:
                return True
            touching = zip(turns, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
            if any(side == 0 and lies_on(*ends) for side, ends in touching):
                return True
    return False


_VALUE_CHECKS: dict[str, Callable[[Mapping[str, Any], Any], Problem | None]] = {
    CHOICES: _nothing_more,
    LABELS: _span_problem,
    RECTANGLES: _rectangle_problem,
    POLYGONS: _polygon_problem,
    TEXT_AREA: _text_area_problem,
}


def _between_regions(regions: Sequence[tuple[int, Control, dict[str, Any]]]) -> Iterator[Problem]:
    """What is wrong between regions that are sound by themselves."""
    ids: set[str] = set()
    answered: set[str] = set()
    known: set[str] = set()
    for place, control, region in regions:
        own = region.get("id")
        if own is not None and (not isinstance(own, str) or not own or len(own) > NAME_LIMIT):
            yield Problem("id_invalid", _("区域的 id 应为不超过 100 个字符的文字。"), place)
        elif own is not None and own in ids:
            yield Problem("id_twice", _("区域的 id“%(id)s”重复。") % {"id": own}, place)
        ids.add(str(own))
        if control.kind in (CHOICES, TEXT_AREA):
            if control.name in answered:
                again = _fault("answered_twice", _("“%(name)s”回答了不止一次。"), name=control.title)
                yield replace(again, region=place)
            answered.add(control.name)
            continue
        content = canonical([control.name, region["value"]])
        if content in known:
            yield Problem("region_twice", _("与前面的区域完全相同，请删除一个。"), place)
        known.add(content)
