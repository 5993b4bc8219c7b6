"""Labels made elsewhere, as tasks and results of a config: `read` walks them, `Report` tells faults and losses.

Nothing is stored here, and files of lines are never held whole. A row with a fault is left out and told with its
file, line and remedy; rows around it are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.importing.found import LOSSES, Fault, Files, Found, Held, Report, judged
from annotation.labelstudio.importing.pictures import coco, voc, yolo, yolo_obb
from annotation.labelstudio.importing.tasks import label_studio
from annotation.labelstudio.importing.texts import conll, table
from annotation.labelstudio.rules import LabelingConfig

__all__ = ["LOSSES", "SOURCES", "Fault", "Files", "Found", "Held", "Report", "Source", "read"]

Reader = Callable[[Files, LabelingConfig, Report], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Source:
    """One form that labels come in."""

    code: str
    title: str | Promise
    words: str | Promise
    reader: Reader


SOURCES: dict[str, Source] = {
    each.code: each
    for each in (
        Source(
            "label_studio",
            "Label Studio",
            _("任务 JSON 或 JSONL，含 annotations 或 predictions"),
            label_studio,
        ),
        Source("coco", "COCO", _("instances JSON 与图像，类别按其 categories"), coco),
        Source("yolo", "YOLO", _("labels、images 与 data.yaml 或 classes.txt，水平框或轮廓"), yolo),
        Source("yolo_obb", "YOLO-OBB", _("labels、images 与 data.yaml 或 classes.txt，旋转框四角"), yolo_obb),
        Source("voc", "Pascal VOC", _("每图一个 XML 与图像"), voc),
        Source("conll", "CoNLL", _("一字或一词一行，BIO 或 BIOES"), conll),
        Source("table", "CSV / JSONL", _("一行一条，文本列与标签列（或区间）"), table),
    )
}


def read(source: str, files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """The tasks in the files whose results answer the config; `report` grows on the way.

    Faults of whole files and of rows are in the report; an image or sample with a fault is not yielded.
    """
    yield from judged(config, SOURCES[source].reader(files, config, report), report)
