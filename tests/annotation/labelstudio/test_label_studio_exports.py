"""What Label Studio's own converter writes, read back: the boxes and spans are where its annotators put them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.labelstudio.importing import Held, Report, read
from annotation.labelstudio.library import BOXES, ENTITIES
from annotation.labelstudio.rules import parse_config

SIZE = (200, 100)
CARS = [(10.0, 20.0, 30.0, 40.0, "车"), (50.0, 50.0, 10.0, 10.0, "人"), (0.5, 1.0, 2.0, 3.0, "车")]


def converted(
    folder: Path, xml: str, data: dict[str, str], result: list[dict[str, Any]], kind: str
) -> dict[str, bytes]:
    """The files that the converter makes of one task."""
    from label_studio_sdk.converter import Converter

    who = {"id": 1, "email": "someone@example.com"}
    annotations = [{"id": 1, "completed_by": who, "result": result}]
    tasks, out = folder / "tasks.json", folder / "out"
    tasks.write_text(json.dumps([{"id": 1, "data": data, "annotations": annotations}]))
    out.mkdir()
    writer = Converter(config=xml, project_dir=str(folder))
    getattr(writer, f"convert_to_{kind}")(str(tasks), str(out), is_dir=False)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_boxes_of_label_studio_come_back_to_the_pixel_with_their_labels(tmp_path: Path, kind: str) -> None:
    Image.new("RGB", SIZE).save(tmp_path / "1.jpg")
    names = ("x", "y", "width", "height")
    result = [
        {
            "id": f"r{number}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
            "original_width": SIZE[0], "original_height": SIZE[1], "image_rotation": 0,
            "value": {**dict(zip(names, box[:4], strict=True)), "rotation": 0, "rectanglelabels": [box[4]]},
        }
        for number, box in enumerate(CARS)
    ]  # fmt: skip
    files = converted(tmp_path, BOXES.xml, {"image": str(tmp_path / "1.jpg")}, result, kind)
    report = Report()
    (found,) = read(kind, Held(files, {"images/1.jpg": SIZE}), BOXES.config, report)
    assert (found.key, report.faults) == ("images/1.jpg", [])
    told = [
        (*(region["value"][name] for name in names), region["value"]["rectanglelabels"][0])
        for region in found.result
    ]
    assert [box[4] for box in told] == ["车", "人", "车"]
    for own, wanted in zip(told, CARS, strict=True):
        assert own[:4] == pytest.approx(wanted[:4], abs=1e-6)


def test_words_and_tags_of_label_studio_come_back_without_the_white_space_it_drops(tmp_path: Path) -> None:
    text = "清远 Hello World 很好"
    span = {"start": 0, "end": 2, "text": "清远", "labels": ["地名"]}
    result = [{"id": "r1", "from_name": "entity", "to_name": "text", "type": "labels", "value": span}]
    files = converted(tmp_path, ENTITIES.xml, {"text": text}, result, "conll2003")
    report = Report()
    (found,) = read("conll", Held(files), parse_config(ENTITIES.xml), report)
    assert report.faults == []
    assert found.task == {"text": "清远Hello World很好"}
    assert [region["value"] for region in found.result] == [span]
    assert (report.losses["spaces"], report.losses["columns"]) == (1, 4)
