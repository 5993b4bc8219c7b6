"""Tasks as Label Studio exports them, and rows as this platform does, with their annotations or predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils.translation import gettext as _

from annotation.labelstudio.geometry import is_whole
from annotation.labelstudio.importing.found import (
    Broken,
    Files,
    Found,
    Report,
    Size,
    decoded,
    ending,
    is_safe,
    whole_text,
)
from annotation.labelstudio.importing.pictures import Images
from annotation.labelstudio.rules import LabelingConfig


def label_studio(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """Tasks with `data`, `annotations`, `predictions`: a JSON list, or one a line; rows with `item` and `result`.

    Every annotation and every prediction becomes a result of its own; one that was given up is left out.
    """
    images = Images(files)
    for name in files.names():
        kind = ending(name)
        if kind == "json":
            rows = _of_document(files, name, report)
        elif kind in ("jsonl", "ndjson"):
            rows = _of_lines(files, name, report)
        else:
            continue
        for number, row in rows:
            try:
                yield from _task(name, number, row, images, config, report)
            except Broken as broken:
                report.refuse(name, number, broken.code, broken.message)


def _of_document(files: Files, name: str, report: Report) -> Iterator[tuple[int, Any]]:
    try:
        told = json.loads(whole_text(files, name))
    except Broken as broken:
        report.refuse(name, 0, broken.code, broken.message)
    except (ValueError, RecursionError):
        report.refuse(name, 0, "not_json", _("不是正确的 JSON，请检查引号和括号。"))
    else:
        yield from enumerate(told if isinstance(told, list) else [told], 1)


def _of_lines(files: Files, name: str, report: Report) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(files.lines(name), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(decoded(line))
        except Broken as broken:
            report.refuse(name, number, broken.code, broken.message)
        except (ValueError, RecursionError):
            report.refuse(name, number, "not_json", _("应为一个 JSON 对象，请检查引号和括号。"))


def _task(
    name: str, number: int, row: Any, images: Images, config: LabelingConfig, report: Report
) -> Iterator[Found]:
    if not isinstance(row, dict):
        raise Broken("not_a_task", _("每一项应为任务对象，含 data 和 annotations。"))
    if isinstance(row.get("result"), list) and ("item" in row or "text" in row):
        row = {
            "id": row.get("id"),
            "data": _data_of_row(row, config),
            "annotations": [{"result": row["result"]}],
        }
    data = row.get("data")
    if not isinstance(data, dict):
        raise Broken("not_a_task", _("每一项应为任务对象，含 data 和 annotations。"))
    task = _fields(data, images, config)
    key = task[config.objects[0].field] if config.objects[0].kind == "image" else str(row.get("id") or "")
    told = 0
    for kind in ("annotations", "predictions"):
        given = row.get(kind) or []
        if not isinstance(given, list):
            raise Broken("not_a_task", _("%(kind)s 应为列表。") % {"kind": kind})
        for each in given:
            result = _result(each, kind, report)
            if result is None:
                continue
            told += 1
            size = images.sizes.get(key) or _claimed(result)
            is_prediction = kind == "predictions"
            score, version = _told_by_model(each) if is_prediction else (None, "")
            place = key or f"{name}:{number}"
            yield Found(name, number, place, task, result, size, is_prediction, score, version)
    if row.get("drafts"):
        report.lose("drafts")
    if not told:
        yield Found(name, number, key or f"{name}:{number}", task, [], images.sizes.get(key))


def _told_by_model(prediction: Mapping[str, Any]) -> tuple[float | None, str]:
    """How sure a model was (a share), and which version of it."""
    score = prediction.get("score")
    is_share = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
    return float(score) if is_share and score is not None else None, str(
        prediction.get("model_version") or ""
    )[:100]


def _data_of_row(row: Mapping[str, Any], config: LabelingConfig) -> dict[str, Any]:
    shown = config.objects[0]
    if len(config.objects) > 1:
        try:
            told = json.loads(str(row.get("text")))
        except (ValueError, RecursionError):
            told = None
        return told if isinstance(told, dict) else {}
    return {shown.field: row.get("item" if shown.kind == "image" else "text")}


def _fields(data: Mapping[str, Any], images: Images, config: LabelingConfig) -> dict[str, str]:
    """The fields that the config shows."""
    found = {}
    for shown in config.objects:
        value = data.get(shown.field)
        if not isinstance(value, str) or not value.strip():
            raise Broken(
                "field_missing", _("data 中没有字段 %(field)s，或不是文字。") % {"field": shown.field}
            )
        if shown.kind == "image":
            value = images.meant(_image_path(value))
            if not is_safe(value):
                raise Broken("unsafe_path", _("图像应写相对路径，不含“..”。"))
        found[shown.field] = value
    return found


def _image_path(address: str) -> str:
    """The path in an address of Label Studio: of local files (`?d=…`), of its uploads, or the path itself."""
    if "://" not in address and not address.startswith("/"):
        return address
    try:
        told = urlsplit(address)
    except ValueError:
        return address
    path = (parse_qs(told.query).get("d") or [unquote(told.path)])[0]
    return path.lstrip("/")


def _result(each: Any, kind: str, report: Report) -> list[dict[str, Any]] | None:
    if not isinstance(each, dict) or not isinstance(each.get("result"), list):
        words = _("%(kind)s 的每一项应为含 result 列表的对象。")
        raise Broken("result_not_list", words % {"kind": kind})
    if each.get("was_cancelled"):
        report.lose("given_up")
        return None
    if each.get("completed_by") or each.get("created_username"):
        report.lose("people")
    result: list[dict[str, Any]] = each["result"]
    return result


def _claimed(result: list[dict[str, Any]]) -> Size | None:
    """The image's size as the regions tell it, when the image itself is not there."""
    for region in result:
        told = region if isinstance(region, dict) else {}
        wide, high = told.get("original_width"), told.get("original_height")
        if is_whole(wide) and is_whole(high) and min(wide, high) > 0:
            return (wide, high)
    return None
