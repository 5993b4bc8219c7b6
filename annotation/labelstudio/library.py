"""Configs to begin with, one for each usual kind of work: what each is for, a task, and a result that answers it.

The forms and the labels in them are examples; a project's lead changes them before publishing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import LabelingConfig, parse_config

Text = str | Promise
IMAGE_SIZE = (800, 600)
"""Pixels of the image that the examples over images are drawn on."""


@dataclass(frozen=True)
class Template:
    """One entry of the library. `modality`: text or image; `is_on_page`: whether our own form can answer it."""

    code: str
    title: Text
    purpose: Text
    modality: str
    xml: str
    task: Mapping[str, str]
    result: Sequence[dict[str, Any]] = field(repr=False)
    is_on_page: bool = True

    @cached_property
    def config(self) -> LabelingConfig:
        return parse_config(self.xml)


def _region(name: str, kind: str, value: dict[str, Any], to: str = "text", **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": kind, "value": value, **more}


def _span(text: str, piece: str, label: str, name: str) -> dict[str, Any]:
    start = text.index(piece)
    value = {"start": start, "end": start + len(piece), "text": piece, "labels": [label]}
    return _region("entity", "labels", value, id=name)


def _shape(name: str, kind: str, value: dict[str, Any], place: str = "") -> dict[str, Any]:
    size = {"original_width": IMAGE_SIZE[0], "original_height": IMAGE_SIZE[1], "image_rotation": 0}
    return _region(name, kind, value, to="image", **size, **({"id": place} if place else {}))


def _box(x: float, y: float, width: float, height: float, label: str, turn: float = 0) -> dict[str, Any]:
    area = {"x": x, "y": y, "width": width, "height": height, "rotation": turn}
    return _shape("box", "rectanglelabels", {**area, "rectanglelabels": [label]})


def _line(place: str, y: float, words: str, label: str) -> list[dict[str, Any]]:
    area = {"x": 12, "y": y, "width": 60, "height": 9, "rotation": 0}
    return [
        _shape("line", "rectanglelabels", {**area, "rectanglelabels": [label]}, place),
        _shape("words", "textarea", {**area, "text": [words]}, place),
    ]


REVIEW = "房间很干净，前台服务也热情，就是早餐种类少了些。"
NEWS = "示例科技公司在清远市设立了数据标注基地，由林示例担任负责人。"

SENTIMENT = Template(
    "choices",
    _("文本单选分类"),
    _("一段文本归入一类：情感、意图、是否合规。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="整体情感"/>
  <Choices name="sentiment" toName="text" choice="single" required="true">
    <Choice value="正面"/>
    <Choice value="负面"/>
    <Choice value="中性"/>
  </Choices>
</View>""",
    {"text": REVIEW},
    [_region("sentiment", "choices", {"choices": ["正面"]})],
)
TOPICS = Template(
    "topics",
    _("文本多选分类"),
    _("一段文本可属于几类：主题、标签、涉及的方面。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="提到了哪些方面"/>
  <Choices name="topics" toName="text" choice="multiple" required="true">
    <Choice value="卫生"/>
    <Choice value="服务"/>
    <Choice value="餐饮"/>
    <Choice value="价格"/>
  </Choices>
</View>""",
    {"text": REVIEW},
    [_region("topics", "choices", {"choices": ["卫生", "服务", "餐饮"]})],
)
ENTITIES = Template(
    "labels",
    _("文本区间（实体）"),
    _("在文本中圈出人名、地名、机构、术语；区间可以嵌套。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="实体"/>
  <Labels name="entity" toName="text">
    <Label value="人名"/>
    <Label value="地名"/>
    <Label value="机构"/>
  </Labels>
</View>""",
    {"text": NEWS},
    [
        _span(NEWS, "示例科技公司", "机构", "e1"),
        _span(NEWS, "清远市", "地名", "e2"),
        _span(NEWS, "林示例", "人名", "e3"),
    ],
)
RELATIONS = Template(
    "relations",
    _("实体关系"),
    _("先圈出实体，再连出它们之间的关系，用于知识图谱。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="实体"/>
  <Labels name="entity" toName="text">
    <Label value="人名"/>
    <Label value="地名"/>
    <Label value="机构"/>
  </Labels>
  <Relations>
    <Relation value="位于"/>
    <Relation value="任职于"/>
  </Relations>
</View>""",
    {"text": NEWS},
    [
        *ENTITIES.result,
        {"type": "relation", "from_id": "e1", "to_id": "e2", "direction": "right", "labels": ["位于"]},
        {"type": "relation", "from_id": "e3", "to_id": "e1", "direction": "right", "labels": ["任职于"]},
    ],
    is_on_page=False,
)
PREFERENCE = Template(
    "preference",
    _("成对比较（偏好）"),
    _("两段回答中选出更好的一段，用于大模型对齐；数据要有 answer_a、answer_b 两列。"),
    "text",
    """<View>
  <Text name="first" value="$answer_a"/>
  <Text name="second" value="$answer_b"/>
  <Header value="哪一段回答更好"/>
  <Pairwise name="better" toName="first,second" required="true"/>
  <Header value="理由"/>
  <TextArea name="why" toName="first"/>
</View>""",
    {
        "answer_a": "热水器不出热水，先看电源和水压，再看设定温度。",
        "answer_b": "请联系售后。",
    },
    [
        _region("better", "pairwise", {"selected": "left"}, to="better"),
        _region("why", "textarea", {"text": ["给出了可以照做的步骤。"]}, to="first"),
    ],
)
RATING = Template(
    "rating",
    _("文本评分"),
    _("给一段文本打分：通顺、有用、难度。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="通顺程度"/>
  <Rating name="fluency" toName="text" maxRating="5" required="true"/>
  <Header value="说明"/>
  <TextArea name="remark" toName="text"/>
</View>""",
    {"text": "这款台灯亮度三档可调，看书不刺眼。"},
    [_region("fluency", "rating", {"rating": 5})],
)
REWRITING = Template(
    "rewriting",
    _("文本改写、摘要"),
    _("看一段文本，写出摘要、译文或改写。"),
    "text",
    """<View>
  <Text name="text" value="$text"/>
  <Header value="一句话摘要"/>
  <TextArea name="summary" toName="text" required="true"/>
</View>""",
    {"text": REVIEW},
    [_region("summary", "textarea", {"text": ["干净热情，早餐偏少。"]})],
)
TRANSCRIPTION = Template(
    "transcription",
    _("图像文字转录"),
    _("照图像写出全部文字：手写稿、票据、铭牌。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="图中文字"/>
  <TextArea name="words" toName="image" required="true"/>
</View>""",
    {"image": ""},
    [_region("words", "textarea", {"text": ["清远示例仓库\n三号门"]}, to="image")],
)
PICTURES = Template(
    "pictures",
    _("图像分类"),
    _("一张图像归入一类：场景、缺陷、是否可用。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="路面状况"/>
  <Choices name="surface" toName="image" choice="single" required="true">
    <Choice value="完好"/>
    <Choice value="裂缝"/>
    <Choice value="坑槽"/>
  </Choices>
</View>""",
    {"image": ""},
    [_region("surface", "choices", {"choices": ["裂缝"]}, to="image")],
)
BOXES = Template(
    "boxes",
    _("图像矩形框"),
    _("用水平矩形框出目标：车辆、行人、零件。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="目标"/>
  <RectangleLabels name="box" toName="image" canRotate="false">
    <Label value="车"/>
    <Label value="人"/>
  </RectangleLabels>
</View>""",
    {"image": ""},
    [_box(8, 48, 34, 30, "车"), _box(58, 36, 9, 40, "人"), _box(70, 38, 9, 38, "人")],
)
TURNED = Template(
    "turned",
    _("图像旋转框"),
    _("用可旋转的矩形框出斜放的目标：航拍车辆、船只、货架。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="目标"/>
  <RectangleLabels name="box" toName="image" canRotate="true">
    <Label value="货车"/>
    <Label value="轿车"/>
  </RectangleLabels>
</View>""",
    {"image": ""},
    [_box(28, 20, 38, 14, "货车", 30), _box(60, 60, 20, 12, "轿车", 345)],
)
OUTLINES = Template(
    "outlines",
    _("图像多边形"),
    _("沿轮廓勾出区域：路面、地块、病灶。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="区域"/>
  <PolygonLabels name="area" toName="image">
    <Label value="路面"/>
    <Label value="绿地"/>
  </PolygonLabels>
</View>""",
    {"image": ""},
    [
        _shape("area", "polygonlabels", {
            "points": [[36, 30], [58, 30], [92, 96], [6, 96]], "closed": True, "polygonlabels": ["路面"],
        }),
        _shape("area", "polygonlabels", {
            "points": [[64, 32], [96, 34], [96, 84]], "closed": True, "polygonlabels": ["绿地"],
        }),
    ],
    is_on_page=False,
)  # fmt: skip
OCR = Template(
    "ocr",
    _("文字框与内容（OCR）"),
    _("框出每行文字并照写内容：票据、铭牌、文档。"),
    "image",
    """<View>
  <Image name="image" value="$image"/>
  <Header value="文字行"/>
  <RectangleLabels name="line" toName="image" canRotate="false">
    <Label value="印刷"/>
    <Label value="手写"/>
  </RectangleLabels>
  <Header value="内容"/>
  <TextArea name="words" toName="image" perRegion="true" required="true"/>
</View>""",
    {"image": ""},
    [*_line("l1", 18, "示例送货单", "印刷"), *_line("l2", 42, "纸箱 12 件", "手写")],
)

TEMPLATES: dict[str, Template] = {
    each.code: each
    for each in (
        SENTIMENT, TOPICS, ENTITIES, RELATIONS, PREFERENCE, RATING, REWRITING,
        TRANSCRIPTION, PICTURES, BOXES, TURNED, OUTLINES, OCR,
    )
}  # fmt: skip
"""The library, texts first."""
