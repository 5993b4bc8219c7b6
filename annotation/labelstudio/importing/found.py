"""What reading labels of another tool gives: tasks with results, faults by file and line, and what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.kinds import Control
from annotation.labelstudio.rules import LabelingConfig, validate_result

WHOLE_LIMIT = 64 * 1024 * 1024
"""Bytes of a file that is read as a whole (one JSON or XML document); files of lines have no limit."""
FAULT_LIMIT = 1_000
"""Faults that are told; further ones are counted."""
Size = tuple[int, int]
Text = str | Promise

LOSSES: dict[str, Text] = {
    "given_up": gettext_lazy("标注员放弃的结果（was_cancelled），没有导入"),
    "drafts": gettext_lazy("未提交的草稿，没有导入"),
    "people": gettext_lazy("标注员姓名与时间，没有导入"),
    "crowds": gettext_lazy("成群标记（iscrowd），没有导入"),
    "masks": gettext_lazy("像素掩膜（RLE），只导入了外接矩形"),
    "keypoints": gettext_lazy("关键点，没有导入"),
    "outlines": gettext_lazy("轮廓，配置中没有 <PolygonLabels>，只导入了外接矩形"),
    "boxes": gettext_lazy("矩形框，配置中没有 <RectangleLabels>，改作四点轮廓"),
    "parts": gettext_lazy("一个目标分成几块的轮廓，每块各成一个区域"),
    "attributes": gettext_lazy("目标的其他属性（如 difficult、truncated、iscrowd 以外的属性），没有导入"),
    "whole_pixels": gettext_lazy("坐标只精确到整像素"),
    "from_zero": gettext_lazy("坐标从 0 起算的 VOC 文件，已按 0 起算读取"),
    "loose_tags": gettext_lazy("实体以 I 或 E 开头，已按 B 读取"),
    "spaces": gettext_lazy("原文的空白无从得知，各字直接相连"),
    "columns": gettext_lazy("不是实体标签的列（如词性），没有导入"),
    "unlabelled": gettext_lazy("没有标注的条目，只作为待标数据"),
}
"""What a format could not say, or the config has no place for, by code."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one row of one file is not taken: file, line (0: the whole file), stable code, words with the remedy."""

    file: str
    line: int
    code: str
    message: str

    @property
    def told(self) -> str:
        place = (
            _("%(file)s 第 %(line)s 行") % {"file": self.file, "line": self.line} if self.line else self.file
        )
        return _("%(place)s：%(reason)s") % {"place": place, "reason": self.message}


@dataclass(slots=True)
class Report:
    """What a reading told besides its tasks; grows while the tasks are walked."""

    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    task_count: int = 0
    region_count: int = 0

    def refuse(self, file: str, line: int, code: str, message: str) -> None:
        """Note a row that is not taken."""
        self.fault_count += 1
        if len(self.faults) < FAULT_LIMIT:
            self.faults.append(Fault(file, line, code, message))

    def lose(self, code: str, count: int = 1) -> None:
        """Note what a row had and its result has not."""
        assert code in LOSSES, code
        self.losses[code] += count

    @property
    def lost(self) -> list[tuple[str, int]]:
        """What was lost, in words, and how often; the most frequent first."""
        return [(str(LOSSES[code]), count) for code, count in self.losses.most_common()]


@dataclass(frozen=True, slots=True)
class Found:
    """One task with one result (none: it came without labels).

    `file`, `line`: where it stood (0: the whole file). `key`: what tells it from others (an image's path, a row's
    own number, else file and line). `is_prediction`: a model said so, nobody did; `score` and `version` as it told.
    """

    file: str
    line: int
    key: str
    task: Mapping[str, str]
    result: list[dict[str, Any]]
    size: Size | None = None
    is_prediction: bool = False
    score: float | None = None
    version: str = ""


class Files(Protocol):
    """Some uploaded files by path."""

    @property
    def sizes(self) -> Mapping[str, Size]:
        """Pixels of the images among them, as people see them."""

    def names(self) -> Sequence[str]:
        """Every path, sorted."""

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, walked once."""

    def whole(self, name: str) -> bytes:
        """A file as a whole; only ever asked for up to `WHOLE_LIMIT`."""

    def length(self, name: str) -> int:
        """Bytes of a file."""


@dataclass(frozen=True)
class Held:
    """Files in memory."""

    files: Mapping[str, bytes]
    sizes: Mapping[str, Size] = field(default_factory=dict)

    def names(self) -> Sequence[str]:
        return sorted({*self.files, *self.sizes})

    def lines(self, name: str) -> Iterator[bytes]:
        yield from self.files[name].split(b"\n")

    def whole(self, name: str) -> bytes:
        return self.files[name]

    def length(self, name: str) -> int:
        return len(self.files.get(name, b""))


class Broken(Exception):
    """A row cannot be read: a stable code, words with the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


def ending(name: str) -> str:
    """The ending of a file's name, in small letters, without the dot."""
    return PurePosixPath(name).suffix[1:].lower()


def is_safe(path: str) -> bool:
    """Whether a path told by a file stays where it is put."""
    pure = PurePosixPath(path)
    return (
        bool(path)
        and not pure.is_absolute()
        and ".." not in pure.parts
        and "\\" not in path
        and "\x00" not in path
    )


def decoded(body: bytes) -> str:
    """The text of a file; Broken when it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Broken("not_utf8", _("不是 UTF-8 编码，请另存为 UTF-8 后再传。")) from wrong


def whole_text(files: Files, name: str) -> str:
    """The text of a document; Broken when it is too long to be read as a whole."""
    if files.length(name) > WHOLE_LIMIT:
        raise Broken("too_large", _("超过 %(limit)s MB，请分成几个文件。") % {"limit": WHOLE_LIMIT >> 20})
    return decoded(files.whole(name))


def region(control: Control, number: int, value: dict[str, Any], size: Size | None = None) -> dict[str, Any]:
    """One region as Label Studio writes it; `number` makes its id."""
    told: dict[str, Any] = {
        "id": f"r{number}",
        "from_name": control.name,
        "to_name": control.to_name,
        "type": control.kind,
        "value": value,
    }
    if size:
        told |= {"original_width": size[0], "original_height": size[1], "image_rotation": 0}
    return told


def control_of(config: LabelingConfig, *kinds: str) -> Control | None:
    """The first question of the first of these kinds that the config asks, in the order of the kinds."""
    asked = (control for kind in kinds for control in config.controls if control.kind == kind)
    return next((control for control in asked if not control.is_per_region), None)


def judged(config: LabelingConfig, found: Iterator[Found], report: Report) -> Iterator[Found]:
    """The tasks whose results answer the config; the others become faults."""
    for one in found:
        problems = validate_result(config, one.task, one.result, one.size) if one.result else []
        for problem in problems:
            report.refuse(one.file, one.line, problem.code, problem.told)
        if problems:
            continue
        if not one.result:
            report.lose("unlabelled")
        report.task_count += 1
        report.region_count += len(one.result)
        yield one
