"""Which formats there are, which of them fit a version, and why another does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.exports.formats.rows import Shape

FILES_LIMIT = 2 * 1024**3
"""Bytes of a version up to which its raw files travel inside an archive; larger ones go file by file."""

Text = str | Promise

REASONS: dict[str, Text] = {
    "no_rows": _("这个版本没有标注行（rows.jsonl），按原文件交付。"),
    "no_tables": _("这个版本没有表格（CSV、TSV、JSONL、Parquet），按原文件交付。"),
    "images_only": _("这个版本只有 %(count)s 张图像，没有表格，按原文件交付。"),
    "tables_empty": _("表格里没有数据行。"),
    "tables_differ": _("几个表的列不同（%(names)s），不能合成一个表。请分成几个数据集，或下载完整目录。"),
    "table_unreadable": _(
        "“%(names)s”不能按表格读出。请检查分隔符、引号与表头后封版新版本，或下载完整目录。"
    ),
    "images_unannotated": _("这个版本有 %(count)s 张图像，但没有框、多边形等标注结果。"),
    "unannotated": _("这个版本的文件里没有标注结果（rows.jsonl 或 Label Studio 导出的 JSON）。"),
    "rows_broken": _("标注结果“%(names)s”不完整，读不出标注。请修正后封版新版本。"),
    "results_too_large": _("标注结果“%(names)s”超过 64 MB。请改存为每行一个任务的 JSONL 后封版新版本。"),
    "no_boxes": _("无框标注。"),
    "no_shapes": _("无框、无多边形标注。"),
    "no_polygons": _("无多边形标注。"),
    "no_spans": _("无文本片段标注。"),
    "has_rotated": _("有 %(count)s 个旋转框，请用 YOLO-OBB。"),
    "has_polygons": _("有 %(count)s 个多边形，请用 COCO 或 YOLO 分割。"),
    "unsized": _("有 %(count)s 张图像尺寸不明，请先补全图像的宽高。"),
    "too_large": _("整个版本超过 2 GB，请逐个文件下载。"),
}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a format does not fit; `code` is a key of REASONS."""

    code: str
    count: int = 0
    names: str = ""

    @property
    def words(self) -> str:
        return str(REASONS[self.code]) % {"count": f"{self.count:,}", "names": self.names}


@dataclass(frozen=True, slots=True)
class Format:
    """One form to hand a version out in. `format_version` grows when the same version would give other bytes."""

    code: str
    title: Text
    words: Text
    ending: str
    media_type: str
    unfit: Callable[[Shape], Unfit | None]
    format_version: int = 1


def _table(shape: Shape) -> Unfit | None:
    """Formats of rows: the rows of annotation, or a firm's own tables; failing tables, its own annotated rows."""
    if not shape.is_own:
        return _rows(shape)
    if shape.table_fault:
        return Unfit(shape.table_fault, names=shape.table_names)
    if shape.table_rows or (shape.row_count and not shape.table_count):
        return None
    if shape.table_count:
        return Unfit("tables_empty")
    return Unfit("images_only", shape.image_count) if shape.image_count else Unfit("no_tables")


def _rows(shape: Shape) -> Unfit | None:
    """Formats of annotations need annotated rows."""
    if shape.row_count:
        return None
    if not shape.is_own:
        return Unfit("no_rows")
    if shape.row_fault:
        return Unfit(shape.row_fault, names=shape.row_names)
    return Unfit("images_unannotated", shape.image_count) if shape.image_count else Unfit("unannotated")


def _sized(shape: Shape) -> Unfit | None:
    return Unfit("unsized", shape.unsized_count) if shape.unsized_count else None


def _small(shape: Shape) -> Unfit | None:
    return Unfit("too_large") if shape.byte_count > FILES_LIMIT else None


def _coco(shape: Shape) -> Unfit | None:
    if not shape.box_count + shape.polygon_count:
        return _rows(shape) or Unfit("no_shapes")
    return _sized(shape)


def _boxes(shape: Shape) -> Unfit | None:
    if shape.polygon_count:
        return Unfit("has_polygons", shape.polygon_count)
    return _rows(shape) or (None if shape.box_count else Unfit("no_boxes"))


def _upright(shape: Shape) -> Unfit | None:
    return _boxes(shape) or (Unfit("has_rotated", shape.rotated_count) if shape.rotated_count else None)


def _oriented(shape: Shape) -> Unfit | None:
    return _boxes(shape) or (_sized(shape) if shape.rotated_count else None)


def _outlines(shape: Shape) -> Unfit | None:
    if not shape.polygon_count:
        return _rows(shape) or Unfit("no_polygons")
    return _sized(shape) if shape.rotated_count else None


def _voc(shape: Shape) -> Unfit | None:
    return _boxes(shape) or _sized(shape)


def _spans(shape: Shape) -> Unfit | None:
    return _rows(shape) or (None if shape.span_count else Unfit("no_spans"))


_ZIP = ("zip", "application/zip")

FORMATS: dict[str, Format] = {
    each.code: each
    for each in (
        Format("folder", _("完整目录"), _("全部文件与元数据，解压即可用 mlcroissant 载入"), *_ZIP, _small),
        Format("jsonl", "JSONL", _("每行一个样本，含完整标注结果"), "jsonl", "application/x-ndjson", _table),
        Format("parquet", "Parquet", _("列式，供 DuckDB、Spark、pandas"), "parquet", "application/vnd.apache.parquet", _table),
        Format("label_studio", "Label Studio JSON", _("任务列表，可再导入 Label Studio"), "json", "application/json", _rows),
        Format("csv", "CSV", _("供电子表格查看，不含几何信息"), "csv", "text/csv", _table),
        Format("coco", "COCO", _("目标检测与分割，像素坐标"), *_ZIP, _coco, 2),
        Format("yolo", "YOLO", _("目标检测，水平框"), *_ZIP, _upright, 2),
        Format("yolo_obb", "YOLO-OBB", _("目标检测，旋转框四角"), *_ZIP, _oriented, 2),
        Format("yolo_seg", _("YOLO 分割"), _("多边形轮廓，框作四点轮廓"), *_ZIP, _outlines, 2),
        Format("voc", "Pascal VOC", _("每图一个 XML"), *_ZIP, _voc, 2),
        Format("conll", "CoNLL", _("序列标注，一字一行，BIO 与 BIOES"), *_ZIP, _spans, 2),
    )
}  # fmt: skip


def kinds_for(shape: Shape) -> dict[str, Unfit | None]:
    """Every format, with None when it fits a version of this shape and the reason otherwise."""
    return {code: each.unfit(shape) for code, each in FORMATS.items()}
