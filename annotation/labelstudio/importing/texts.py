"""Labels over texts: CoNLL with one character or word a line, tables with a column of labels."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from annotation.labelstudio.geometry import is_whole
from annotation.labelstudio.importing.found import Broken, Files, Found, Report, control_of, ending, region
from annotation.labelstudio.importing.pictures import decoded_line
from annotation.labelstudio.kinds import CHOICES, LABELS, RATING, TEXT_FIELDS, Control
from annotation.labelstudio.rules import LabelingConfig

CONLL_ENDINGS = ("conll", "bio", "bioes", "txt", "tsv")
LABEL_FIELDS = ("label", "labels", "标签", "类别", "category", "sentiment", "rating", "评分")
SPAN_FIELDS = ("label", "labels", "entities", "spans", "实体")
KEY_FIELDS = ("id", "编号", "external_id")
LONGEST_CELL = 128 * 1024  # characters
_TAG = re.compile(r"O|[BIES]-.+")
_PARTED = re.compile(r"\s*[;；|、,，]\s*")


def _text_field(config: LabelingConfig) -> str:
    if len(config.objects) > 1 or config.objects[0].kind != "text":
        raise Broken(
            "config_shows_no_text", _("项目的配置应恰好显示一段文本，请选择相应的格式，或另建文本项目。")
        )
    return config.objects[0].field


# --- CoNLL ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sentence:
    """Tokens with their tags, one list of tags per column; `text` when the file tells it."""

    first: int = 0
    tokens: list[str] = field(default_factory=list)
    columns: list[list[str]] = field(default_factory=list)
    text: str | None = None
    key: str = ""
    fault: Broken | None = None
    fault_line: int = 0


def conll(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """One token a line with its tags behind (BIO or BIOES), an empty line between samples.

    A line `# text = "…"` tells the text with its white space; without it the tokens stand side by side, words of
    Latin letters with a space between. Several columns of tags are layers of nested spans.
    """
    control = control_of(config, LABELS)
    for name in files.names():
        if ending(name) not in CONLL_ENDINGS or name.endswith("labels.txt"):
            continue
        try:
            shown = _text_field(config)
            if control is None:
                raise Broken("no_place_for_spans", _("配置中没有 <Labels>，请先在项目的标注配置中加入。"))
        except Broken as broken:
            report.refuse(name, 0, broken.code, broken.message)
            return
        for sentence in _sentences(files, name, report):
            try:
                if sentence.fault:
                    raise sentence.fault
                text, places = _placed(sentence, report)
                result = _spans(sentence, text, places, control, report)
            except Broken as broken:
                report.refuse(name, sentence.fault_line or sentence.first, broken.code, broken.message)
                continue
            key = sentence.key or f"{name}:{sentence.first}"
            yield Found(name, sentence.first, key, {shown: text}, result)


def _sentences(files: Files, name: str, report: Report) -> Iterator[_Sentence]:
    current = _Sentence()
    for number, raw in enumerate(files.lines(name), 1):
        try:
            line = decoded_line(raw)
            if not line.strip():
                if current.tokens or current.fault:
                    yield current
                current = _Sentence()
                continue
            if line.startswith("-DOCSTART-"):
                continue
            current.first = current.first or number
            if line.startswith("# ") and not current.tokens:
                _comment(line, current)
            else:
                _token(line, current, report)
        except Broken as broken:
            if current.fault is None:
                current.fault, current.fault_line = broken, number
    if current.tokens or current.fault:
        yield current


def _comment(line: str, sentence: _Sentence) -> None:
    name, _sign, told = line[2:].partition("=")
    if name.strip() == "text":
        try:
            text = json.loads(told)
        except ValueError:
            text = told.strip()  # CoNLL-U writes it plainly
        sentence.text = text if isinstance(text, str) else told.strip()
    elif name.strip() in ("id", "sent_id"):
        sentence.key = told.strip()[:200]


def _token(line: str, sentence: _Sentence, report: Report) -> None:
    cells = line.split("\t") if "\t" in line else line.split()
    token, tags = cells[0], cells[1:]
    found = [tag for tag in tags if _TAG.fullmatch(tag)]
    if not token or not found:
        words = _("每行应为字和标签，如“清 B-地名”，以制表符或空格分隔；标签为 O、B-、I-、E-、S-。")
        raise Broken("tag_invalid", words)
    if len(found) < len(tags):
        report.losses["columns"] += 1
    if sentence.columns and len(found) != len(sentence.columns):
        raise Broken("columns_differ", _("这一行的列数与上一行不同，请补齐。"))
    if not sentence.columns:
        sentence.columns = [[] for _tag in found]
    sentence.tokens.append(token)
    for column, tag in zip(sentence.columns, found, strict=True):
        column.append(tag)


def _placed(sentence: _Sentence, report: Report) -> tuple[str, list[tuple[int, int]]]:
    """The text, and where each token stands in it."""
    if sentence.text is None:
        return _joined(sentence.tokens, report)
    text, places, at = sentence.text, [], 0
    for token in sentence.tokens:
        start = text.find(token, at)
        if start < 0 or text[at:start].strip():
            words = _("“%(token)s”与 # text 的原文对不上，请核对。")
            raise Broken("text_mismatch", words % {"token": token[:20]})
        at = start + len(token)
        places.append((start, at))
    if text[at:].strip():
        raise Broken("text_mismatch", _("# text 的原文比各行的字长，请补齐。"))
    return text, places


def _joined(tokens: Sequence[str], report: Report) -> tuple[str, list[tuple[int, int]]]:
    report.lose("spaces")
    text, places = "", []
    for token in tokens:
        if text and text[-1].isascii() and text[-1].isalnum() and token[0].isascii() and token[0].isalnum():
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def _spans(
    sentence: _Sentence, text: str, places: Sequence[tuple[int, int]], control: Control, report: Report
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for tags in sentence.columns:
        for first, last, label in _runs(tags, report):
            start, end = places[first][0], places[last][1]
            value = {"start": start, "end": end, "text": text[start:end], LABELS: [label]}
            found.append(region(control, len(found) + 1, value))
    return found


def _runs(tags: Sequence[str], report: Report) -> Iterator[tuple[int, int, str]]:
    """First token, last token and label of every span of a column."""
    start, label = -1, ""
    for place, tag in enumerate([*tags, "O"]):
        mark, _dash, said = tag.partition("-")
        goes_on = start >= 0 and mark in "IE" and said == label
        if start >= 0 and not goes_on:
            yield start, place - 1, label
            start = -1
        if mark != "O" and not goes_on:
            if mark in "IE":
                report.lose("loose_tags")
            start, label = place, said
        if start >= 0 and mark in "ES":
            yield start, place, label
            start = -1


# --- tables -----------------------------------------------------------------------------------------


def table(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """CSV, TSV and JSON lines with a text and its label: a choice, several, a rating, or spans with offsets."""
    for name in files.names():
        kind = ending(name)
        if kind not in ("csv", "tsv", "jsonl", "ndjson"):
            continue
        try:
            shown = _text_field(config)
        except Broken as broken:
            report.refuse(name, 0, broken.code, broken.message)
            continue
        rows = _cells(files, name, report) if kind in ("csv", "tsv") else _objects(files, name, report)
        for number, row in rows:
            try:
                yield _row(name, number, row, shown, config)
            except Broken as broken:
                report.refuse(name, number, broken.code, broken.message)


def _row(name: str, number: int, row: Mapping[str, Any], shown: str, config: LabelingConfig) -> Found:
    held = {str(key).strip().lower(): value for key, value in row.items() if key is not None}
    text = next((held[key] for key in (shown.lower(), *TEXT_FIELDS) if key in held), None)
    if not isinstance(text, str) or not text.strip():
        words = _("没有文本，应有名为 %(field)s 的列（或 text、文本）。")
        raise Broken("text_missing", words % {"field": shown})
    key = next((str(held[name]) for name in KEY_FIELDS if held.get(name) not in (None, "")), "")
    result = _labels(held, text, config)
    return Found(name, number, key[:200] or f"{name}:{number}", {shown: text}, result)


def _labels(row: Mapping[str, Any], text: str, config: LabelingConfig) -> list[dict[str, Any]]:
    spans = control_of(config, LABELS)
    told = next((row[key] for key in SPAN_FIELDS if isinstance(row.get(key), list) and row[key]), None)
    if spans is not None and told is not None and not isinstance(told[0], str):
        return [region(spans, n, _span_value(each, text)) for n, each in enumerate(told, 1)]
    control = control_of(config, CHOICES, RATING)
    if control is None:
        raise Broken(
            "no_place_for_labels", _("配置中没有 <Choices>、<Rating> 或 <Labels> 可放标签，请先加入。")
        )
    names = (control.name.lower(), control.title.lower(), *LABEL_FIELDS)
    given = next((row[key] for key in names if row.get(key) not in (None, "", [])), None)
    if given is None:
        return []
    if control.kind == RATING:
        written = str(given).strip()
        value: Any = int(written) if written.isascii() and written.isdigit() and len(written) < 3 else given
        return [region(control, 1, {RATING: value})]
    if isinstance(given, list):
        chosen = [str(each).strip() for each in given]
    elif control.is_multiple and str(given).strip() not in control.labels:
        chosen = [part for part in _PARTED.split(str(given).strip()) if part]
    else:
        chosen = [str(given).strip()]
    return [region(control, 1, {CHOICES: chosen})]


def _span_value(each: Any, text: str) -> dict[str, Any]:
    """A span as `[start, end, label]` or as an object with these members; offsets count characters."""
    if isinstance(each, list) and len(each) == 3:
        start, end, label = each
    elif isinstance(each, dict):
        start, end = each.get("start", each.get("start_offset")), each.get("end", each.get("end_offset"))
        label = each.get("label", each.get("entity", each.get("type")))
    else:
        start = end = label = None
    if not is_whole(start) or not is_whole(end) or not isinstance(label, str):
        raise Broken(
            "span_invalid", _("区间应为 [起, 止, 标签]，或含 start、end、label 的对象（按字符计，止不含）。")
        )
    said = text[start:end] if 0 <= start <= end else ""
    return {"start": start, "end": end, "text": said, LABELS: [label]}


def _cells(files: Files, name: str, report: Report) -> Iterator[tuple[int, Mapping[str, Any]]]:
    delimiter, last = "\t" if ending(name) == "tsv" else ",", 1
    try:
        lines = (decoded_line(line) + "\n" for line in files.lines(name))
        reader = csv.DictReader(lines, strict=True, delimiter=delimiter)
        if reader.fieldnames is None or len(set(reader.fieldnames)) < len(reader.fieldnames):
            raise Broken("head_invalid", _("首行应为各列的名称，不能重复。"))
        for row in reader:
            if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in row.values()):
                raise csv.Error("a cell without end: most likely a quotation mark is missing")
            last = reader.line_num
            yield last, row
    except csv.Error:
        words = _("不是正确的表格，请检查引号和换行，自此行起没有读取。")
        report.refuse(name, last + 1, "not_csv", words)
    except Broken as broken:
        report.refuse(name, 0, broken.code, broken.message)


def _objects(files: Files, name: str, report: Report) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(files.lines(name), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(decoded_line(line))
            if not isinstance(row, dict):
                raise TypeError
        except Broken as broken:
            report.refuse(name, number, broken.code, broken.message)
        except (ValueError, RecursionError, TypeError):
            report.refuse(name, number, "not_json", _("应为一个 JSON 对象，请检查引号和括号。"))
        else:
            yield number, row
