"""Raw items out of files without labels: lines of TXT, rows of CSV, TSV, JSON lines and Parquet; streamed, never held whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.labelstudio.importing import Files, Found, Report
from annotation.labelstudio.importing.found import Broken, ending
from annotation.labelstudio.importing.pictures import decoded_line
from annotation.labelstudio.kinds import TEXT_FIELDS
from annotation.projects.rules import LONGEST_CELL
from kernel.wording import listed

TABLES, OBJECTS = ("csv", "tsv"), ("jsonl", "ndjson")
READABLE = ("txt", *TABLES, *OBJECTS)


def plain(files: Files, fields: tuple[str, ...], report: Report) -> Iterator[Found]:
    """One item a line or row. `fields`: what the config shows; with several, a row needs them all."""
    for name in files.names():
        kind = ending(name)
        if kind not in READABLE:
            continue
        if kind == "txt":
            rows = _lines(files, name, fields, report)
        elif kind in TABLES:
            rows = _cells(files, name, fields, report)
        else:
            rows = _objects(files, name, fields, report)
        for line, task in rows:
            if any(text.strip() for text in task.values()):
                yield Found(name, line, f"{name}:{line}", task, [])


def _lines(
    files: Files, name: str, fields: tuple[str, ...], report: Report
) -> Iterator[tuple[int, dict[str, str]]]:
    if len(fields) > 1:
        words = _("配置要显示字段 %(fields)s，请上传有这些列的 CSV，或有这些字段的 JSONL。")
        report.refuse(name, 0, "fields_missing", words % {"fields": listed(fields)})
        return
    for number, line in enumerate(files.lines(name), 1):
        try:
            text = decoded_line(line).strip()
        except Broken as broken:
            report.refuse(name, number, broken.code, broken.message)
            continue
        yield number, {fields[0]: text}


def _cells(
    files: Files, name: str, fields: tuple[str, ...], report: Report
) -> Iterator[tuple[int, dict[str, str]]]:
    delimiter, last = "\t" if ending(name) == "tsv" else ",", 1
    try:
        lines = (decoded_line(line) + "\n" for line in files.lines(name))
        reader = csv.DictReader(lines, strict=True, delimiter=delimiter)
        columns = _columns([str(head or "") for head in reader.fieldnames or ()], fields)
        for row in reader:
            last = reader.line_num
            told = {field: row[column] for field, column in columns.items()}
            short = next((columns[field] for field, text in told.items() if text is None), None)
            if short is not None:
                words = _("列“%(column)s”没有值：这一行的列数不足，请补齐。")
                report.refuse(name, last, "cell_missing", words % {"column": short})
                continue
            if any(len(text) > LONGEST_CELL for text in told.values()):
                raise csv.Error("a cell without end: most likely a quotation mark is missing")
            yield last, {field: text.strip() for field, text in told.items()}
    except csv.Error:
        words = _("不是正确的表格，请检查引号和换行，自此行起没有读取。")
        report.refuse(name, last + 1, "not_csv", words)
    except Broken as broken:
        report.refuse(name, last + 1 if broken.code == "not_utf8" else 1, broken.code, broken.message)


def _columns(heads: list[str], fields: tuple[str, ...]) -> dict[str, str]:
    """The column of each field; for a single field also one with a usual name."""
    by_name = {head.strip().lower(): head for head in heads}
    if len(by_name) < len(heads):
        raise Broken("head_invalid", _("首行应为各列的名称，不能重复。"))
    if len(fields) == 1:
        for wanted in (fields[0].lower(), *TEXT_FIELDS):
            if wanted in by_name:
                return {fields[0]: by_name[wanted]}
    elif all(field.lower() in by_name for field in fields):
        return {field: by_name[field.lower()] for field in fields}
    raise Broken("column_missing", _("首行应有列 %(fields)s。") % {"fields": listed(fields)})


def _objects(
    files: Files, name: str, fields: tuple[str, ...], report: Report
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(files.lines(name), 1):
        if not line.strip():
            continue
        try:
            yield number, _object(json.loads(decoded_line(line)), fields)
        except Broken as broken:
            report.refuse(name, number, broken.code, broken.message)
        except (ValueError, RecursionError) as wrong:
            place = getattr(wrong, "colno", 0)
            words = _("不是正确的 JSON（第 %(column)s 个字符处），请检查引号和括号。")
            report.refuse(name, number, "not_json", words % {"column": place})


def _object(row: Any, fields: tuple[str, ...]) -> dict[str, str]:
    """The texts of a JSON line: a string, an object, or a Label Studio task with `data`."""
    if isinstance(row, str) and len(fields) == 1:
        return {fields[0]: row.strip()}
    if not isinstance(row, Mapping):
        raise Broken("not_an_object", _("应为一个 JSON 对象。"))
    told = row["data"] if isinstance(row.get("data"), Mapping) else row
    names = (fields[0], *TEXT_FIELDS) if len(fields) == 1 else ()
    if names:
        found = next((told[name] for name in names if name in told), None)
        texts = {fields[0]: found}
    else:
        texts = {field: told.get(field) for field in fields}
    for field, text in texts.items():
        if not isinstance(text, str):
            words = _("字段 %(field)s 应为文字。")
            raise Broken("field_missing", words % {"field": field})
    return {field: str(text).strip() for field, text in texts.items()}
