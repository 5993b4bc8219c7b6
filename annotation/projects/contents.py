"""What one item holds, in the names of the project's config."""

from __future__ import annotations

import json
from typing import Protocol

from annotation.labelstudio.rules import LabelingConfig
from annotation.projects.states import RECORD_TYPE


class Shown(Protocol):
    """What of an item is read: a project's, or a sample of a tender."""

    @property
    def media_type(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...


def task_fields(config: LabelingConfig, item: Shown, address: str = "") -> dict[str, str]:
    """The task's fields as Label Studio names them: the text, several texts, or the image's address."""
    shown = config.objects[0]
    if item.media_type == RECORD_TYPE:
        told = json.loads(item.text)
        return {one.field: told.get(one.field, "") for one in config.objects}
    return {shown.field: item.text if shown.kind == "text" else address}


def image_size(item: Shown) -> tuple[int, int] | None:
    """Width and height of an image in pixels; None for text."""
    return (item.width, item.height) if item.width and item.height else None
