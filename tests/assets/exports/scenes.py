"""Sealed versions to export: boxes on images, spans in texts, with one annotator or two."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PIL import Image

from annotation.projects.models import Batch, GuidelineVersion, Item, Project
from annotation.quality.services.merging import measure
from annotation.work.models import Review, Submission, Task
from assets.datasets.models import DatasetVersion
from assets.datasets.services import create_dataset, seal_from_project
from documents import objects
from kernel.numbers import new_number
from tests import cast
from tests.cast import NOON

BOXES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="车"/><Label value="人"/></RectangleLabels></View>'
)
OUTLINES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="车"/>'
    '</RectangleLabels><PolygonLabels name="outline" toName="image"><Label value="路面"/></PolygonLabels></View>'
)
SPANS = (
    '<View><Text name="text" value="$text"/><Labels name="entity" toName="text">'
    '<Label value="机构"/><Label value="地名"/></Labels></View>'
)

Result = list[dict[str, Any]]


def box(
    label: str,
    x: float,
    y: float,
    width: float,
    height: float,
    rotation: float = 0,
    size: tuple[int, int] = (200, 100),
) -> dict[str, Any]:
    """A rectangle in Label Studio JSON, in per cent of an image of that size."""
    value = {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "rotation": rotation,
        "rectanglelabels": [label],
    }
    return {
        "id": "b", "from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": value,
        "original_width": size[0], "original_height": size[1], "image_rotation": 0,
    }  # fmt: skip


def outline(label: str, *points: tuple[float, float], size: tuple[int, int] = (200, 100)) -> dict[str, Any]:
    """A polygon in Label Studio JSON."""
    value = {"points": [list(point) for point in points], "polygonlabels": [label]}
    return {
        "id": "p", "from_name": "outline", "to_name": "image", "type": "polygonlabels", "value": value,
        "original_width": size[0], "original_height": size[1], "image_rotation": 0,
    }  # fmt: skip


def span(label: str, start: int, end: int, text: str) -> dict[str, Any]:
    """A span in Label Studio JSON."""
    value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
    return {"id": "s", "from_name": "entity", "to_name": "text", "type": "labels", "value": value}


def picture(number: int, size: tuple[int, int] = (200, 100)) -> bytes:
    """A small PNG, each number another one."""
    out = io.BytesIO()
    Image.new("RGB", size, (number * 40 % 256, 120, 200)).save(out, "PNG")
    return out.getvalue()


def sealed(
    config: str,
    items: Sequence[tuple[bytes, str]],
    results: Sequence[Sequence[Result]],
    *,
    modality: str,
    at: datetime = NOON,
) -> DatasetVersion:
    """A version of 清蓝 over these items (bytes, media type); several annotators' results of one are merged."""
    lin, tao = cast.lin(), cast.tao()
    people = [cast.mei(), cast.person("ning", cast.QINGLAN, cast.Role.ANNOTATOR)]
    project = Project.objects.create(
        number=new_number("BZ", at), firm=lin.organization, title="导出示例", modality=modality,
        labeling_config=config, task_price_fen=50, created_by=lin.user, created_at=at, opened_at=at,
        delivered_at=at, accepted_at=at, state="accepted",
    )  # fmt: skip
    guideline = GuidelineVersion.objects.create(
        project=project, version=1, body="按规范标注。", published_by=lin.user, published_at=at
    )
    batch = Batch.objects.create(
        project=project,
        ordinal=1,
        source="自采样例（示例）",
        licence="CC BY 4.0",
        imported_by=lin.user,
        imported_at=at,
    )
    for ordinal, ((body, media_type), copies) in enumerate(zip(items, results, strict=True), start=1):
        stored = objects.put("items", body, media_type)
        width, height = Image.open(io.BytesIO(body)).size if media_type.startswith("image/") else (None, None)
        item = Item.objects.create(
            project=project, batch=batch, ordinal=ordinal, name=f"样例{ordinal}", media_type=media_type,
            size=stored.size, sha256=stored.sha256, object_key=stored.key, width=width, height=height,
            text=body.decode() if media_type.startswith("text/") else "",
        )  # fmt: skip
        for copy, result in enumerate(copies):
            person = people[copy].user
            task = Task.objects.create(
                project=project,
                item=item,
                copy=copy,
                annotator=person,
                price_fen=50,
                accepted_at=at,
                state="accepted",
            )
            submission = Submission.objects.create(
                task=task, ordinal=1, annotator=person, guideline=guideline, result=result,
                result_sha256=hashlib.sha256(json.dumps(result).encode()).hexdigest(), submitted_at=at,
            )  # fmt: skip
            Review.objects.create(submission=submission, verdict="accept", reviewer=tao.user, reviewed_at=at)
    if any(len(copies) > 1 for copies in results):
        measure(by=lin, at=at, project_id=project.pk)
    dataset = create_dataset(
        by=lin,
        at=at,
        name="导出示例（示例）",
        name_en="Export demo",
        description="示例数据。",
        modality=modality,
    )
    return seal_from_project(by=lin, at=at, dataset_id=dataset.pk, project_id=project.pk)


def street(*, is_turned: bool = True) -> DatasetVersion:
    """Two images of 200 × 100: the first with the same two boxes by both annotators, the second empty."""
    seen = [box("人", 10, 20, 30, 40, 90 if is_turned else 0), box("车", 0, 0, 50, 50)]
    first = [seen, seen]
    items = [(picture(1), "image/png"), (picture(2), "image/png")]
    return sealed(BOXES, items, [first, [[]]], modality="image")


NEWS = "清远市清新区政府\n公布名单"


def news() -> DatasetVersion:
    """One text with a place inside an institution."""
    result = [span("机构", 0, 8, NEWS), span("地名", 0, 3, NEWS), span("地名", 3, 6, NEWS)]
    return sealed(SPANS, [(NEWS.encode(), "text/plain")], [[result]], modality="text")
