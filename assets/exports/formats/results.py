"""Annotations in a firm's own files, as rows of ours: JSON lines with `result`, or tasks as Label Studio exports them.

Read: `{"item": "images/1.jpg", "result": [region, …]}` or `{"text": "…", "result": […]}` (the form of `rows.jsonl`), and
`{"data": {…}, "annotations": [{"result": […]}]}`, one a line or as one JSON list. Who drew what is told by a pseudonym in
the order of appearance: the exports of Label Studio name people by their addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from annotation.labelstudio.rules import LABELS
from assets.datasets.rules import Row, is_safe_path, labels_in
from assets.exports.formats.rows import read_row

LARGEST_JSON = 64 * 1024 * 1024
"""Bytes of one JSON document that is read as a whole; JSON lines have no limit."""
_UPLOADED = re.compile(r"[0-9a-f]{8}-")


class RowBroken(Exception):
    """A row looks like an annotation and can't be read as one; `place` says which."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def is_row(value: object) -> bool:
    """Whether a value has the form of a row of ours."""
    if not isinstance(value, Mapping) or not isinstance(value.get("result"), list):
        return False
    return isinstance(value.get("item"), str) or isinstance(value.get("text"), str)


def is_task(value: object) -> bool:
    """Whether a value is a task of Label Studio with its annotations."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("data"), Mapping)
        and isinstance(value.get("annotations"), list)
    )


class Reader:
    """Values of some files as rows of ours; `images` are the paths of the version's images."""

    def __init__(self, images: Iterable[str]) -> None:
        self.images = set(images)
        self._by_name: dict[str, list[str]] = {}
        for path in self.images:
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)
        self._people: dict[str, str] = {}
        self.count = 0

    def of_lines(self, lines: Iterable[bytes], name: str) -> Iterator[Row]:
        """The rows of JSON lines; none when the first value is no annotation."""
        is_known = False
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if not (is_row(value) or is_task(value)):
                if is_known:
                    raise RowBroken(f"{name}:{number}")
                return
            is_known = True
            yield from self._rows(value, f"{name}:{number}", name)

    def of_document(self, body: bytes, name: str) -> Iterator[Row]:
        """The rows of one JSON document: a list of tasks, or a single one."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return
        values = found if isinstance(found, list) else [found]
        if not values or not all(is_task(value) for value in values):
            return
        for number, value in enumerate(values, start=1):
            yield from self._rows(value, f"{name}#{number}", name)

    def _rows(self, value: Mapping[str, Any], place: str, name: str) -> Iterator[Row]:
        rows = self._task(value, name) if is_task(value) else [self._own(value, name)]
        for row in rows:
            try:
                read_row(row)
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise RowBroken(place) from error
            yield row

    def _next(self) -> str:
        self.count += 1
        return f"r{self.count:06d}"

    def _own(self, value: Mapping[str, Any], name: str) -> Row:
        number = self._next()
        row: Row = {
            "id": str(value.get("id") or number),
            "item": self._placed(value.get("item"), number, name),
            "labels": self._labels(value),
            "result": value["result"],
            "annotator": str(value.get("annotator") or ""),
        }
        if isinstance(value.get("text"), str):
            row["text"] = value["text"]
        return row

    def _labels(self, value: Mapping[str, Any]) -> list[str]:
        told = value.get("labels")
        if isinstance(told, list):
            return [str(each) for each in told]
        regions = [region for region in value["result"] if isinstance(region, Mapping)]
        return labels_in(regions)

    def _task(self, task: Mapping[str, Any], name: str) -> Iterator[Row]:
        """One row for every annotation that was not given up; a task without any has none."""
        texts = {key: value for key, value in task["data"].items() if isinstance(value, str)}
        for annotation in task["annotations"]:
            if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
                continue
            result = annotation.get("result")
            regions = (
                [each for each in result if isinstance(each, Mapping)] if isinstance(result, list) else []
            )
            number = self._next()
            image = next((path for value in texts.values() if (path := self.found(value))), None)
            text = None if image else _text_of(texts, regions)
            item = image or ("" if text is not None else next(iter(texts.values()), ""))
            row: Row = {
                "id": f"{task.get('id', number)}-{annotation.get('id', number)}",
                "item": self._placed(item, number, name),
                "labels": labels_in(regions),
                "result": regions,
                "annotator": self._person(annotation.get("completed_by")),
            }
            if text is not None:
                row["text"] = text
            yield row

    def _person(self, told: object) -> str:
        who = told.get("id") or told.get("email") if isinstance(told, Mapping) else told
        return self._people.setdefault(str(who), f"A{len(self._people) + 1:03d}") if who else ""

    def found(self, value: str) -> str | None:
        """The version's image that an address of Label Studio means: by its path, else by its name alone."""
        if value in self.images:
            return value
        told = urlsplit(value)
        path = unquote((parse_qs(told.query).get("d") or [told.path])[0]).replace("\\", "/")
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):
            if (tail := "/".join(parts[start:])) in self.images:
                return tail
        for name in (parts[-1], _UPLOADED.sub("", parts[-1], count=1)) if parts else ():
            if len(named := self._by_name.get(name, [])) == 1:
                return named[0]
        return None

    def _placed(self, item: object, number: str, name: str) -> str:
        """Where a row's item lies; a row whose item is no safe path stands for itself."""
        told = item if isinstance(item, str) else ""
        if told in self.images or (told and (self.found(told) is None and is_safe_path(told))):
            return told
        return (self.found(told) if told else None) or f"{PurePosixPath(name).stem or 'rows'}/{number}"


def _text_of(texts: Mapping[str, str], regions: Iterable[Mapping[str, Any]]) -> str | None:
    """The text that was labelled: the one whose stretches the spans quote, else the one called `text`."""
    spans = [
        value
        for region in regions
        if region.get("type") == LABELS and isinstance(value := region.get("value"), Mapping)
    ]
    for text in texts.values() if spans else ():
        try:
            if all(text[int(s["start"]) : int(s["end"])] == s.get("text", "") for s in spans):
                return text
        except (KeyError, ValueError, TypeError):
            return texts.get("text")
    return texts.get("text")
