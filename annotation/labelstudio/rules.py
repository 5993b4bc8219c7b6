"""Label Studio labeling configs (XML) and results (a JSON list of regions): parsed and judged.

`label-studio-sdk` reads the config and judges the shape of each value; this package refuses what the SDK lets
through: boxes that leave the image, spans past the text, text that is not what its offsets say, two answers to a
single choice, missing required answers, crossing polygons, the same region twice, relations to nowhere.
Offsets count Unicode code points, end exclusive; image geometry is in per cent of the image.
Format: https://labelstud.io/guide/task_format and https://labelstud.io/tags
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.geometry import is_number
from annotation.labelstudio.kinds import (
    CHOICES,
    LABELLED,
    LABELS,
    NAME_LIMIT,
    PAIRWISE,
    POLYGONS,
    RATING,
    RATING_LIMIT,
    RECTANGLES,
    REGION_LIMIT,
    RELATION,
    SHAPES,
    TEXT_AREA,
    Control,
    ObjectField,
    Problem,
    fault,
)
from annotation.labelstudio.values import Size, value_problem
from kernel.errors import Refusal
from kernel.wording import listed

__all__ = [
    "CHOICES", "LABELS", "PAIRWISE", "POLYGONS", "RATING", "RECTANGLES", "RELATION", "TEXT_AREA",
    "ConfigRefused", "Control", "LabelingConfig", "ObjectField", "Problem",
    "canonical", "digest_of", "parse_config", "validate_result",
]  # fmt: skip

CONFIG_LIMIT = 64_000  # characters
RESULT_LIMIT = 1_000_000  # characters of canonical JSON
POINT_LIMIT = 20_000  # vertices of all polygons of one result

CONTROL_OBJECTS: dict[str, frozenset[str]] = {
    CHOICES: frozenset({"text", "image"}),
    TEXT_AREA: frozenset({"text", "image"}),
    RATING: frozenset({"text", "image"}),
    PAIRWISE: frozenset({"text"}),
    LABELS: frozenset({"text"}),
    RECTANGLES: frozenset({"image"}),
    POLYGONS: frozenset({"image"}),
}
OBJECTS = frozenset({"text", "image"})
LAYOUT = frozenset({"view", "header", "style", "label", "choice", "relations", "relation"})
CONDITIONAL = ("perRegion", "visibleWhen", "whenTagName", "whenLabelValue", "whenChoiceValue")
CHOICE_MODES = {"": False, "single": False, "single-radio": False, "multiple": True}
DIRECTIONS = ("left", "right", "bi")


class ConfigRefused(Refusal):
    """The labeling config cannot be used; `reasons` holds every fault in words."""

    code = "labeling_config_refused"
    message = gettext_lazy("标注配置不能使用：%(reason)s")
    status = 422

    def __init__(self, *reasons: str) -> None:
        super().__init__(field="labeling_config", reason=" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class LabelingConfig:
    """A parsed config; `interface` is the SDK's own view of it, `digest` the SHA-256 of the XML.

    `relations`: the labels of relations between regions (none: a relation needs no label); None: not asked for.
    """

    xml: str
    digest: str
    controls: tuple[Control, ...]
    objects: tuple[ObjectField, ...]
    interface: Any = field(repr=False, compare=False)
    relations: tuple[str, ...] | None = None

    def control(self, name: str) -> Control | None:
        return next((control for control in self.controls if control.name == name), None)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a task that the config shows."""
        return tuple(one.field for one in self.objects)

    def object(self, name: str) -> ObjectField | None:
        return next((one for one in self.objects if one.name == name), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of every control, in config order."""
        return tuple(label for control in self.controls for label in control.labels)


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
    digest = hashlib.sha256(xml.encode()).hexdigest()
    return LabelingConfig(xml, digest, controls, objects, interface, _relations(root))


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
            if name in tag.attrib and (name, kind) != ("perRegion", TEXT_AREA):
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
        if kind == RATING and not _most(tag.get("maxRating", "")):
            yield _("<%(tag)s> 的 maxRating 应为 2 到 %(limit)s 的整数。") % {
                "tag": tag.tag,
                "limit": RATING_LIMIT,
            }
        if kind in LABELLED:
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


def _most(written: str) -> int:
    """The best rating a <Rating> offers (5 unless told); 0 when it cannot be used."""
    most = int(written) if written.isascii() and written.isdigit() and len(written) < 3 else 0
    return 5 if not written else (most if 2 <= most <= RATING_LIMIT else 0)


def _relations(root: ElementTree.Element) -> tuple[str, ...] | None:
    """The labels that <Relations> offers; None without the tag."""
    if not any(str(tag.tag).lower() == "relations" for tag in root.iter()):
        return None
    return tuple(tag.get("value", "") for tag in root.iter() if str(tag.tag).lower() == "relation")


def _control(tag: Any, title: str) -> Control:
    kind = tag.tag.lower()
    return Control(
        name=tag.name,
        kind=kind,
        to_name=tag.name if kind == PAIRWISE else tag.to_name[0],
        targets=tuple(tag.to_name),
        is_per_region=str(tag.attr.get("perRegion", "")).lower() == "true",
        most=_most(str(tag.attr.get("maxRating", ""))) if kind == RATING else 0,
        labels=tuple(tag.labels or ()) if kind in LABELLED else (),
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
    yield from _together_faults(root, controls, objects)
    if not controls:
        yield _("配置中没有要回答的问题，请加入 <Choices>、<Labels> 或 <RectangleLabels>。")
    by_name = {one.name: one for one in objects}
    for tag in root.iter():
        if str(tag.tag).lower() in CONTROL_OBJECTS:
            yield from _target_faults(tag, by_name)


def _together_faults(
    root: ElementTree.Element, controls: Sequence[Control], objects: Sequence[ObjectField]
) -> Iterator[str]:
    """Tags that need each other."""
    pairs = [control for control in controls if control.kind == PAIRWISE]
    if len(objects) != (2 if pairs else 1):
        yield _("配置应恰有一个 <Text> 或 <Image>；成对比较（<Pairwise>）应恰有两个 <Text>。")
    if pairs and any(control.kind == LABELS for control in controls):
        yield _("成对比较的配置中不能有 <Labels>，请另建一个项目标注区间。")
    if len({one.field for one in objects}) < len(objects):
        yield _("两个 <Text> 应显示不同的字段。")
    if any(control.is_per_region for control in controls) and not any(
        control.kind in SHAPES for control in controls
    ):
        yield _("perRegion 的 <TextArea> 要与 <RectangleLabels> 或 <PolygonLabels> 一起使用。")
    offered = _relations(root)
    if offered is not None:
        if not any(control.kind in SHAPES | {LABELS} for control in controls):
            yield _("<Relations> 要与 <Labels>、<RectangleLabels> 或 <PolygonLabels> 一起使用。")
        yield from _word_faults("Relations", offered)


def _target_faults(tag: ElementTree.Element, by_name: Mapping[str, ObjectField]) -> Iterator[str]:
    """Whether what a question is about is there and of the right kind."""
    kind, name, targets = str(tag.tag).lower(), tag.attrib["name"], [tag.attrib["toName"]]
    if kind == PAIRWISE:
        targets = targets[0].split(",")
        if len(set(targets)) != 2:
            yield _('<Pairwise> 的 toName 应为两个 <Text> 的 name，以逗号分隔，如 "text1,text2"。')
    for target in targets:
        if target not in by_name:
            yield _('%(name)s 的 toName="%(target)s" 没有对应的标签。') % {"name": name, "target": target}
        elif by_name[target].kind not in CONTROL_OBJECTS[kind]:
            shown = by_name[target].kind.title()
            yield _("<%(tag)s> 不能用于 <%(target)s>。") % {"tag": tag.tag, "target": shown}


def _label_faults(name: str, tag: ElementTree.Element) -> Iterator[str]:
    words = [child.get("alias") or child.get("value") or "" for child in tag.iter() if child is not tag]
    if not words:
        yield _("%(name)s 没有任何选项。") % {"name": name}
    yield from _word_faults(name, words)


def _word_faults(name: str, words: Sequence[str]) -> Iterator[str]:
    for word, count in Counter(words).items():
        if not word.strip() or len(word) > NAME_LIMIT:
            yield _("%(name)s 有空白或过长的选项。") % {"name": name}
        elif count > 1:
            yield _("%(name)s 的选项“%(word)s”重复。") % {"name": name, "word": word}


# --- results ------------------------------------------------------------------------------------


def validate_result(
    config: LabelingConfig, task_data: Mapping[str, Any], result: Any, size: Size | None = None
) -> list[Problem]:
    """Every reason why `result` is not an answer to `config` over this task; none means it is good.

    `task_data`: the task's fields, with the text itself under the field a <Text> shows. `size`: width and height of
    the task's image in pixels, when they are known.
    """
    whole = _whole_problem(result)
    if whole:
        return [whole]
    problems: list[Problem] = []
    sound: list[_Sound] = []
    for place, region in enumerate(result):
        if isinstance(region, dict) and region.get("type") == RELATION:
            continue
        found = _region_problem(config, task_data, region, size)
        if found:
            problems.append(replace(found, region=place))
        else:
            control = config.control(region["from_name"])
            assert control is not None
            sound.append(_Sound(place, control, region))
    problems += _between_regions(sound)
    problems += _relation_problems(config, result)
    problems += _missing_answers(config, result, sound)
    if not result and not problems:
        words = _("没有任何标注内容。没有可标的内容时，请跳过任务并说明原因。")
        problems.append(fault("result_empty", words))
    return sorted(problems, key=lambda found: (found.region is None, found.region or 0))


@dataclass(frozen=True, slots=True)
class _Sound:
    """A region with nothing wrong by itself."""

    place: int
    control: Control
    region: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.region.get("id") or "")


def _whole_problem(result: Any) -> Problem | None:  # noqa: PLR0911 - one return per reason
    if not isinstance(result, list):
        return fault("result_not_list", _("标注结果应为区域的列表（Label Studio 的 result）。"))
    if len(result) > REGION_LIMIT:
        return fault("too_many_regions", _("一条任务最多 %(limit)s 个区域。"), limit=REGION_LIMIT)
    try:
        written = canonical(result)
        written.encode()
    except (ValueError, TypeError, RecursionError):
        return fault(
            "not_plain_json", _("标注结果中有 JSON 不能表示的数值或字符（如 NaN、残缺的字符），请改正。")
        )
    if len(written) > RESULT_LIMIT:
        return fault("result_too_large", _("标注结果过大，最多 %(limit)s 个字符。"), limit=RESULT_LIMIT)
    if "\\u0000" in written:
        return fault("nul_character", _("标注结果中有空字符（U+0000），请删除。"))
    if _point_count(result) > POINT_LIMIT:
        words = _("全部多边形最多 %(limit)s 个顶点，请简化轮廓。")
        return fault("too_many_points", words, limit=POINT_LIMIT)
    return None


def _point_count(result: Sequence[Any]) -> int:
    values = [region.get("value") for region in result if isinstance(region, dict)]
    points = [value.get("points") for value in values if isinstance(value, dict)]
    return sum(len(each) for each in points if isinstance(each, list))


def _region_problem(  # noqa: PLR0911 - one return per reason
    config: LabelingConfig, task: Mapping[str, Any], region: Any, size: Size | None
) -> Problem | None:
    """The first thing wrong with one region by itself."""
    if not isinstance(region, dict):
        return fault("region_not_object", _("区域应为 JSON 对象。"))
    for name in ("from_name", "to_name", "type", "value"):
        if name not in region:
            return fault("region_field_missing", _("区域缺少 %(name)s，请补上。"), name=name)
    asked, value = region["from_name"], region["value"]
    control = config.control(asked) if isinstance(asked, str) else None
    if control is None:
        words = _("配置中没有名为“%(name)s”的问题，from_name 应为 %(names)s 之一。")
        names = listed([one.name for one in config.controls][:10])
        return fault("unknown_control", words, name=str(asked)[:50], names=names)
    if region["to_name"] not in _ways_to_name(control):
        words = _("“%(name)s”应标在 %(target)s 上，请改 to_name。")
        return fault("wrong_object", words, name=control.title, target=control.to_name)
    if region["type"] != control.kind:
        words = _("“%(name)s”的 type 应为 %(kind)s。")
        return fault("wrong_type", words, name=control.title, kind=control.kind)
    if not isinstance(value, dict):
        return fault("value_not_object", _("区域的 value 应为 JSON 对象。"))
    own = region.get("id")
    if own is not None and (not isinstance(own, str) or not own or len(own) > NAME_LIMIT):
        return fault("id_invalid", _("区域的 id 应为不超过 100 个字符的文字。"))
    score = region.get("score")
    if score is not None and not is_number(score):
        return fault("score_invalid", _("区域的 score 应为数字，或不写。"))
    shown = config.object(control.targets[0])
    assert shown is not None
    found = value_problem(control, region, task.get(shown.field), size)
    if found or control.kind == PAIRWISE:  # the SDK knows no result of a <Pairwise> as its editor writes it
        return found
    refused = config.interface.validate_region(region, return_errors=True)
    if refused:
        words = _("Label Studio 不接受这个区域（%(reason)s），请照配置重新标注。")
        return fault("sdk_refused", words, reason=str(refused[0])[:200])
    return None


def _ways_to_name(control: Control) -> tuple[str, ...]:
    """What a region of the control may say in `to_name`."""
    if control.kind == PAIRWISE:
        return (control.to_name, ",".join(control.targets), control.targets[0])
    return (control.to_name,)


def _between_regions(regions: Sequence[_Sound]) -> Iterator[Problem]:
    """What is wrong between regions that are sound by themselves."""
    ids: set[str] = set()
    answered: set[tuple[str, str]] = set()
    known: set[str] = set()
    shapes = {one.id: one for one in regions if one.control.kind in SHAPES and one.id}
    sizes: set[tuple[int, int]] = set()
    for one in regions:
        place, control, region = one.place, one.control, one.region
        if control.is_per_region:
            if one.id not in shapes:
                words = _("“%(name)s”要写明是哪个框的，id 应与那个框相同。")
                yield replace(fault("answer_without_region", words, name=control.title), region=place)
        elif one.id and one.id in ids:
            yield Problem("id_twice", _("区域的 id“%(id)s”重复，请换一个。") % {"id": one.id}, place)
        else:
            ids.add(one.id)
        if control.kind not in SHAPES | {LABELS}:
            key = (control.name, one.id if control.is_per_region else "")
            if key in answered:
                words = _("“%(name)s”回答了不止一次，请只留一个。")
                yield replace(fault("answered_twice", words, name=control.title), region=place)
            answered.add(key)
            continue
        content = canonical([control.name, region["value"]])
        if content in known:
            yield Problem("region_twice", _("与前面的区域完全相同，请删除一个。"), place)
        known.add(content)
        if control.kind in SHAPES and region.get("original_width") is not None:
            sizes.add((region["original_width"], region["original_height"]))
            if len(sizes) > 1:
                sizes.pop()
                words = _("同一张图的区域写了不同的 original_width、original_height，请改为图像的实际尺寸。")
                yield Problem("sizes_differ", words, place)


def _missing_answers(
    config: LabelingConfig, result: Sequence[Any], regions: Sequence[_Sound]
) -> Iterator[Problem]:
    """Required questions without an answer: of the whole task, or of each shape."""
    answered = [region.get("from_name") for region in result if isinstance(region, dict)]
    shapes = [one for one in regions if one.control.kind in SHAPES]
    for control in config.controls:
        if not control.is_required:
            continue
        if not control.is_per_region:
            if control.name not in answered:
                yield fault("required_missing", _("“%(name)s”必须填写。"), name=control.title)
            continue
        told = {one.id for one in regions if one.control == control}
        for shape in shapes:
            if shape.id not in told:
                words = _("这个框还没有填写“%(name)s”，请补上（id 与框相同）。")
                yield replace(fault("region_answer_missing", words, name=control.title), region=shape.place)


def _relation_problems(config: LabelingConfig, result: Sequence[Any]) -> Iterator[Problem]:
    """What is wrong with the relations between regions."""
    ends = {
        region["id"]
        for region in result
        if isinstance(region, dict)
        and isinstance(region.get("id"), str)
        and any(region.get("type") == kind for kind in (LABELS, *SHAPES))
    }
    known: set[str] = set()
    for place, region in enumerate(result):
        if not isinstance(region, dict) or region.get("type") != RELATION:
            continue
        found = _relation_problem(config, region, ends)
        if found is None:
            content = canonical([region["from_id"], region["to_id"], region.get("labels")])
            if content in known:
                found = fault("relation_twice", _("与前面的关系完全相同，请删除一个。"))
            known.add(content)
        if found:
            yield replace(found, region=place)


def _relation_problem(  # noqa: PLR0911 - one return per reason
    config: LabelingConfig, region: Mapping[str, Any], ends: set[str]
) -> Problem | None:
    if config.relations is None:
        words = _("配置没有要求标注关系，请删去关系，或在配置中加入 <Relations>。")
        return fault("relation_not_asked", words)
    for name in ("from_id", "to_id"):
        told = region.get(name)
        if not isinstance(told, str) or told not in ends:
            words = _("关系的 %(name)s（%(id)s）没有对应的区域，请填写一个区域的 id。")
            return fault("relation_nowhere", words, name=name, id=str(told)[:50])
    if region["from_id"] == region["to_id"]:
        return fault("relation_to_itself", _("关系的两端是同一个区域，请另选一端。"))
    if region.get("direction") not in DIRECTIONS:
        return fault("relation_direction", _("关系的 direction 应为 right、left 或 bi。"))
    chosen = region.get("labels") or []
    if not isinstance(chosen, list) or not all(isinstance(label, str) for label in chosen):
        return fault("labels_not_list", _("关系的 labels 应为文字的列表。"))
    offered = listed(config.relations[:10])
    if config.relations and not chosen:
        return fault("label_missing", _("关系没有选择标签，请从 %(labels)s 中选择。"), labels=offered)
    if len(set(chosen)) < len(chosen):
        return fault("label_twice", _("关系重复选择了同一个标签，请只留一个。"))
    for label in chosen:
        if label not in config.relations:
            words = _("“%(label)s”不是关系的选项，请从 %(labels)s 中选择。")
            return fault("unknown_label", words, label=label[:50], labels=offered or "--")
    return None
