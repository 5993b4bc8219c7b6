"""An import: a dry run that tells, a decision that is recorded, then all of it or nothing, once."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from PIL import Image

from annotation.intake import services
from annotation.intake.models import Intake, IntakeRow, Proposal
from annotation.intake.selectors import outlook_of, pairs_of, proposal_for
from annotation.projects import services as projects
from annotation.projects.models import Item
from annotation.work.models import Submission, Task
from audit.models import AuditEvent
from documents import objects
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from kernel.states import MoveNotAllowed
from tests.annotation import scenes
from tests.annotation.intake.imports import Counted, brought, checked, decided, gathered, lines, zipped
from tests.cast import NOON, he, mei, tao, yan, zhou

pytestmark = pytest.mark.django_db

LONG = "清远的英德红茶以香气高锐著称，汤色红艳明亮，滋味浓醇，常与牛奶同饮，今年春茶上市比往年早了十天。"


def texts() -> list[str]:
    return list(Item.objects.order_by("ordinal").values_list("text", flat=True))


def test_a_dry_run_counts_and_prices_and_brings_nothing() -> None:
    project = scenes.opened()
    found = checked(
        project, {"一.txt": "很好\n很差\n很好\n\n".encode(), "二.jsonl": lines({"text": scenes.REVIEWS[0]})}
    )
    told = found.found
    assert found.state == "checked"
    assert (told["rows"], told["repeats"], told["known"], told["fresh"]) == (4, 1, 1, 2)
    assert (told["near"], told["personal_rows"], told["fault_count"]) == (0, 0, 0)
    assert outlook_of(found).cost.total == Money.from_yuan("0.70")
    assert texts() == list(scenes.REVIEWS)


def test_what_was_decided_comes_in_at_once_and_becomes_tasks() -> None:
    project = scenes.opened()
    done = brought(checked(project, {"一.txt": "很好\n很差\n很好\n".encode()}))
    assert done.state == "imported"
    assert done.found["brought"] == {"added": 2, "there": 0, "proposals": 0, "proposals_refused": 0}
    assert texts()[3:] == ["很好", "很差"]
    assert Task.objects.filter(item__batch=done.batch).count() == 2
    assert done.batch is not None
    assert (done.batch.source, done.batch.licence, done.batch.imported_by) == (
        "示例来源",
        "CC0",
        scenes.qin().user,
    )
    item = Item.objects.get(text="很差")
    assert (item.name, objects.get(item.object_key)) == ("一.txt:2", "很差".encode())


def test_the_same_file_twice_gives_the_same_items_and_says_so() -> None:
    project = scenes.draft()
    first = brought(checked(project, {"一.txt": "很好\n很差\n".encode()}))
    again = checked(project, {"改名.txt": "很好\n很差\n".encode()})
    assert (again.found["known"], again.found["fresh"]) == (2, 0)
    second = brought(again)
    assert second.found["brought"]["added"] == 0
    assert (second.batch, Item.objects.count()) == (None, 2)
    ours = [set(each.rows.values_list("item", flat=True)) for each in (first, second)]
    assert ours[0] == ours[1]


def test_masked_content_is_known_again_by_what_it_was() -> None:
    project = scenes.draft()
    body = "请致电 13812345678 联系\n".encode()
    brought(checked(project, {"一.txt": body}), personal="mask")
    assert texts() == ["请致电 138******78 联系"]
    assert checked(project, {"二.txt": body}).found["known"] == 1


def test_rows_that_are_equal_under_the_mask_are_one_item() -> None:
    done = brought(
        checked(scenes.draft(), {"一.txt": "电话 13812345678\n电话 13899999978\n".encode()}), personal="mask"
    )
    assert (done.found["brought"]["added"], done.found["brought"]["there"]) == (1, 1)
    assert texts() == ["电话 138******78"]


@pytest.mark.parametrize(
    ("choice", "ground", "expected"),
    [
        ("mask", "", ["电话 138******78", "天气很好"]),
        ("leave_out", "", ["天气很好"]),
        ("keep", "个人信息保护法第十三条第一款第一项，已取得同意", ["电话 13812345678", "天气很好"]),
    ],
)
def test_the_lead_decides_about_personal_information(choice: str, ground: str, expected: list[str]) -> None:
    found = checked(scenes.draft(), {"一.txt": "电话 13812345678\n天气很好\n".encode()})
    assert found.found["personal"] == [{"kind": "phone", "count": 1, "rows": 1, "examples": ["138******78"]}]
    brought(found, personal=choice, legal_ground=ground)
    assert texts() == expected


def test_personal_information_is_kept_only_with_a_legal_ground_and_that_is_recorded() -> None:
    found = checked(scenes.draft(), {"一.txt": "电话 13812345678\n".encode()})
    with pytest.raises(InvalidInput, match="法律依据") as refused:
        decided(found, personal="keep")
    assert refused.value.field == "legal_ground"
    decided(found, personal="keep", legal_ground="第十三条第一款第一项")
    entry = AuditEvent.objects.get(action="intake.decide")
    assert entry.detail["legal_ground"] == "第十三条第一款第一项"
    assert entry.detail["personal_rows"] == 1


def test_nothing_personal_lies_about_after_an_import() -> None:
    done = brought(checked(scenes.draft(), {"一.txt": "电话 13812345678\n".encode()}), personal="mask")
    assert set(IntakeRow.objects.values_list("text", flat=True)) == {""}
    assert objects.sizes_under(f"intake/{done.pk}/") == {}
    assert done.files.count() == 0


def test_near_duplicates_are_paired_and_may_be_left_out() -> None:
    body = f"{LONG}\n{LONG.replace('十天', '九天')}\n{LONG.replace('今年', '去年')}\n完全不同的另一段话，说的是北江的渔火和候鸟。\n"
    found = checked(scenes.draft(), {"一.txt": body.encode()})
    assert (found.found["fresh"], found.found["near"]) == (4, 2)
    assert [pair.other for pair in pairs_of(found)] == [LONG, LONG]
    assert all(80 <= pair.percent < 100 for pair in pairs_of(found))
    costs = outlook_of(found)
    assert (costs.cost.total, costs.without_near.total) == (Money.from_yuan("1.40"), Money.from_yuan("0.70"))
    brought(found, near="leave_out")
    assert len(texts()) == 2


def test_near_duplicates_of_an_earlier_import_are_found() -> None:
    project = scenes.draft()
    brought(checked(project, {"一.txt": LONG.encode()}))
    found = checked(project, {"二.txt": LONG.replace("十天", "九天").encode()})
    assert found.found["near"] == 1
    assert pairs_of(found)[0].other == LONG


def picture(shift: int = 0, size: tuple[int, int] = (160, 120), **more: Any) -> bytes:
    """A drawn picture; a small shift of colours is nearly the same picture."""
    image = Image.new("RGB", size, "#ddeeff")
    for number in range(12):
        colour = (30 * number % 255, (60 * number + shift) % 255, 90)
        image.paste(colour, (number * 11, number * 7, number * 11 + 40, number * 7 + 25))
    out = io.BytesIO()
    image.save(out, more.pop("kind", "PNG"), **more)
    return out.getvalue()


def other_picture() -> bytes:
    image = Image.linear_gradient("L").rotate(90).resize((160, 120)).convert("RGB")
    image.paste((250, 10, 10), (5, 80, 60, 110))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_images_in_a_zip_are_checked_and_near_duplicates_told() -> None:
    project = scenes.draft(config=scenes.BOXES, modality="image")
    body = zipped(
        {
            "路口/1.png": picture(),
            "路口/2.png": picture(3),
            "路口/3.png": other_picture(),
            "路口/坏.png": b"no",
            "说明.md": b"x",
        }
    )
    found = checked(project, {"图.zip": body})
    told = found.found
    assert (told["rows"], told["fresh"], told["near"], told["unused"]) == (3, 3, 1, ["说明.md"])
    assert [(each["file"], each["line"]) for each in told["faults"]] == [("路口/坏.png", 0)]
    with pytest.raises(services.BadRowsRemain):
        decided(found)
    assert brought(found, near="leave_out", is_skipping_bad=True).found["brought"]["added"] == 2


def test_the_place_of_a_photograph_is_found_and_masked() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (23.0, 41.0, 0.0)
    body = picture(kind="JPEG", exif=exif.tobytes())
    found = checked(scenes.draft(config=scenes.BOXES, modality="image"), {"照片.jpg": body})
    assert [each["kind"] for each in found.found["personal"]] == ["image_place"]
    brought(found, personal="mask")
    item = Item.objects.get()
    with Image.open(io.BytesIO(objects.get(item.object_key))) as image:
        assert not image.getexif().get_ifd(0x8825)
        assert image.getexif()[0x0112] == 6
        with Image.open(io.BytesIO(body)) as before:
            assert image.tobytes() == before.tobytes()
    assert (item.width, item.height) == (120, 160)


def test_rows_of_every_table_come_in() -> None:
    project = scenes.draft()
    base = duckdb.connect()
    path = f"/tmp/{uuid4().hex}.parquet"
    base.execute(
        f"COPY (SELECT '镶木 ' || i AS text, i AS n FROM range(3) r(i)) TO '{path}' (FORMAT parquet)"
    )
    base.close()
    with open(path, "rb") as file:
        parquet = file.read()
    import os

    os.unlink(path)
    files = {
        "甲.csv": '文本,编号\n"逗号, 和\n换行",1\n第二,2\n'.encode(),
        "乙.tsv": "id\ttext\n1\t制表\n".encode(),
        "丙.jsonl": lines({"text": "对象"}, "字符串", {"data": {"text": "任务"}}),
        "丁.parquet": parquet,
        "戊.txt": "\ufeff一行\r\n".encode(),
    }
    done = brought(
        checked(
            project, {**files, "庚.zip": zipped({"内/己.txt": "包内".encode(), "内/辛.parquet": parquet})}
        )
    )
    assert done.found["fault_count"] == 0
    assert sorted(texts()) == sorted(
        [
            "逗号, 和\n换行",
            "第二",
            "制表",
            "对象",
            "字符串",
            "任务",
            "镶木 0",
            "镶木 1",
            "镶木 2",
            "一行",
            "包内",
        ]
    )
    assert done.found["repeats"] == 3


@pytest.mark.parametrize(
    ("name", "body", "line", "code"),
    [
        ("甲.txt", b"\xe5\xa5\xbd\n\xff\xfe\n", 2, "not_utf8"),
        ("甲.csv", "编号,标题\n1,二\n".encode(), 1, "column_missing"),
        ("甲.csv", "id,text\n1,好\n2\n".encode(), 3, "cell_missing"),
        ("甲.csv", 'text\n"没有收尾\n'.encode(), 2, "not_csv"),
        ("甲.jsonl", '{"text": "好"}\n{"text": }\n'.encode(), 2, "not_json"),
        ("甲.jsonl", b"[1]\n", 1, "not_an_object"),
        ("甲.jsonl", b'{"text": 3}\n', 1, "field_missing"),
        ("甲.txt", ("长" * 20_001).encode(), 1, "item_refused"),
        ("甲.jsonl", b'{"text": "a\\u0000b"}\n', 1, "item_refused"),
        ("甲.parquet", b"PAR1 no", 0, "parquet_broken"),
        ("甲.zip", b"PK no", 0, "zip_broken"),
        ("甲.zip", zipped({"内.zip": b"x"}), 0, "zip_nested"),
        ("甲.zip", zipped({"../外.txt": b"x"}), 0, "unsafe_path"),
    ],
)  # fmt: skip
def test_faults_name_file_line_and_remedy(name: str, body: bytes, line: int, code: str) -> None:
    found = checked(scenes.draft(), {name: body})
    assert [(fault["line"], fault["code"]) for fault in found.found["faults"]] == [(line, code)]
    fault = found.found["faults"][0]
    assert fault["file"].startswith(("甲.", "../外"))
    assert len(fault["message"]) > 5


def test_an_archive_that_swells_is_not_read() -> None:
    body = zipped({"大.txt": b"0" * (101 * 1024**2)})
    found = checked(scenes.draft(), {"弹.zip": body})
    assert [fault["code"] for fault in found.found["faults"]] == ["zip_too_large"]
    assert found.found["rows"] == 0


def test_an_import_is_whole_unless_the_lead_skips_bad_rows() -> None:
    project = scenes.draft()
    found = checked(project, {"一.jsonl": b'{"text": "ok"}\nno\n{"text": "fine"}\n'})
    with pytest.raises(services.BadRowsRemain, match="有 1 处问题"):
        decided(found)
    assert Item.objects.count() == 0
    brought(found, is_skipping_bad=True)
    assert texts() == ["ok", "fine"]


def test_texts_to_be_compared_need_every_field() -> None:
    config = (
        '<View><Text name="a" value="$left"/><Text name="b" value="$right"/>'
        '<Pairwise name="better" toName="a,b"/></View>'
    )
    project = scenes.draft(config=config)
    found = checked(project, {"一.jsonl": lines({"left": "甲", "right": "乙 13812345678"}, {"left": "甲"})})
    assert [fault["code"] for fault in found.found["faults"]] == ["field_missing"]
    brought(found, is_skipping_bad=True)
    assert json.loads(texts()[0]) == {"left": "甲", "right": "乙 138******78"}


# --- who, when ------------------------------------------------------------------------------------------


def test_only_the_project_s_lead_imports() -> None:
    project = scenes.opened(client=True)
    made = gathered(project, {"一.txt": b"x"})
    for stranger in (mei, he):
        with pytest.raises(NotFound):
            services.start_check(by=stranger(), at=NOON, intake_id=made.pk)
        with pytest.raises(NotFound):
            services.begin(by=stranger(), at=NOON, project_id=project.pk, source="x", licence="x")
    for looker in (tao, yan):
        with pytest.raises(NotAllowed):
            services.start_check(by=looker(), at=NOON, intake_id=made.pk)
    with pytest.raises(NotFound):  # the client sees the project, not its raw data
        services.start_check(by=zhou(), at=NOON, intake_id=made.pk)
    assert Intake.objects.get().state == "gathering"


def test_an_import_without_files_is_not_tried() -> None:
    made = gathered(scenes.draft(), {})
    with pytest.raises(services.NothingToCheck):
        services.start_check(by=scenes.qin(), at=NOON, intake_id=made.pk)


def test_files_are_mended_and_checked_again() -> None:
    project = scenes.draft()
    found = checked(project, {"一.jsonl": b'{"text": "ok"}\nno\n'})
    services.gather_again(by=scenes.qin(), at=NOON, intake_id=found.pk)
    services.add_file(
        by=scenes.qin(), at=NOON, intake_id=found.pk, path="一.jsonl", chunks=[lines("ok", "yes")]
    )
    services.start_check(by=scenes.qin(), at=NOON, intake_id=found.pk)
    services.check_intake(at=NOON, intake_id=found.pk, progress=Counted())
    found.refresh_from_db()
    assert (found.found["rows"], found.found["fault_count"]) == (2, 0)


def test_an_import_given_up_leaves_nothing(django_capture_on_commit_callbacks: Any) -> None:
    found = checked(scenes.draft(), {"一.txt": f"{LONG}\n{LONG}。\n".encode()})
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel(by=scenes.qin(), at=NOON, intake_id=found.pk)
    assert IntakeRow.objects.count() == 0
    assert objects.sizes_under(f"intake/{found.pk}/") == {}
    with pytest.raises(MoveNotAllowed):
        decided(found)


def test_a_file_beyond_the_bound_is_refused(settings: Any) -> None:
    settings.INTAKE_LARGEST_FILE = 1024**2
    with pytest.raises(services.FileTooLarge, match="最多 1 MB"):
        gathered(scenes.draft(), {"大.txt": b"0" * (1024**2 + 1)})


def test_a_project_that_was_handed_over_takes_no_more() -> None:
    project = scenes.opened()
    found = checked(project, {"一.txt": b"x"})
    scenes.accepted(project, count=3)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    with pytest.raises(projects.NotFeedable):
        decided(found)


# --- labels that come along ---------------------------------------------------------------------------


def test_labels_come_as_starting_points_and_never_as_submissions() -> None:
    project = scenes.opened()
    row = {
        "id": 7,
        "data": {"text": "价格很好"},
        "annotations": [{"result": [_choice("正面"), _span("价格", 0, 2)], "completed_by": 1}],
        "predictions": [{"result": [_choice("负面")], "score": 0.25, "model_version": "m1"}],
    }
    done = brought(checked(project, {"ls.json": json.dumps([row]).encode()}, form="label_studio"))
    item = Item.objects.get(text="价格很好")
    start = proposal_for(item)
    assert start is not None
    assert (start.source, [each["type"] for each in start.result]) == ("labels", ["choices", "labels"])
    model = Proposal.objects.get(source="predictions")
    assert (model.score, model.model_version) == (0.25, "m1")
    assert done.found["brought"]["proposals"] == 2
    assert done.found["losses"] == {"people": 1}
    assert Submission.objects.count() == 0
    assert Task.objects.get(item=item).state == "ready"


def _choice(word: str) -> dict[str, Any]:
    return {**scenes.sentiment(word)[0], "id": f"c{word}"}


def _span(text: str, start: int, end: int) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, "labels": ["价格"]}
    return {"id": "s1", "from_name": "aspect", "to_name": "text", "type": "labels", "value": value}


def test_labels_that_do_not_answer_the_config_are_refused_with_the_reason() -> None:
    row = {"data": {"text": "价格很好"}, "annotations": [{"result": [_choice("中性")]}]}
    found = checked(scenes.draft(), {"ls.jsonl": lines(row)}, form="label_studio")
    assert [(fault["line"], fault["code"]) for fault in found.found["faults"]] == [(1, "unknown_label")]


def test_spans_over_masked_text_quote_the_mask() -> None:
    text = "价格见 13812345678"
    row = {"data": {"text": text}, "annotations": [{"result": [_choice("正面"), _span(text[4:], 4, 15)]}]}
    brought(checked(scenes.draft(), {"ls.jsonl": lines(row)}, form="label_studio"), personal="mask")
    item = Item.objects.get()
    start = proposal_for(item)
    assert item.text == "价格见 138******78"
    assert start is not None
    assert start.result[1]["value"]["text"] == "138******78"


def test_labels_of_content_that_is_there_go_to_the_item_that_is_there() -> None:
    project = scenes.opened()
    row = {"data": {"text": scenes.REVIEWS[0]}, "annotations": [{"result": [_choice("正面")]}]}
    done = brought(checked(project, {"ls.jsonl": lines(row)}, form="label_studio"))
    assert (done.found["brought"]["added"], done.found["brought"]["proposals"]) == (0, 1)
    assert proposal_for(Item.objects.get(text=scenes.REVIEWS[0])) is not None
    again = brought(checked(project, {"ls.jsonl": lines(row)}, form="label_studio"))
    assert again.found["brought"]["proposals"] == 0


def test_boxes_come_with_their_images_and_without_them_are_refused() -> None:
    project = scenes.draft(config=scenes.BOXES, modality="image")
    body = zipped(
        {
            "images/a/1.png": picture(),
            "images/b/1.png": other_picture(),
            "labels/a/1.txt": b"0 0.5 0.5 0.2 0.2\n",
            "labels/b/1.txt": b"1 0.25 0.25 0.1 0.1 0.9\n",
            "data.yaml": "names: [车, 人]\n".encode(),
        }
    )
    done = brought(checked(project, {"yolo.zip": body}, form="yolo"))
    items = [proposal_for(item) for item in Item.objects.order_by("ordinal")]
    assert done.found["fault_count"] == 0
    kinds = sorted(each.source for each in items if each)
    assert (done.found["brought"]["proposals"], kinds) == (2, ["labels", "predictions"])
    assert Proposal.objects.get(source="predictions").score == 0.9
    coco = {
        "images": [{"id": 1, "file_name": "没有.png", "width": 10, "height": 10}],
        "categories": [{"id": 1, "name": "车"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
    }
    found = checked(project, {"c.json": json.dumps(coco).encode()}, form="coco")
    assert [fault["code"] for fault in found.found["faults"]] == ["image_absent"]
