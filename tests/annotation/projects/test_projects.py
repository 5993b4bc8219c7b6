"""Projects from the draft to the acceptance."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from annotation.labelstudio.rules import ConfigRefused
from annotation.projects import services as projects
from annotation.projects.models import Batch, Item, Project
from annotation.projects.rules import RawItem, UploadRefused, read_upload, safe_name
from annotation.projects.selectors import find_projects, projects_visible_to
from annotation.work import services as work
from annotation.work.models import Task
from annotation.work.selectors import figures, todos
from documents import objects
from kernel import numbers
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.models import Transition
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from organizations.states import Role
from tests.annotation import scenes
from tests.cast import NOON, QINGLAN, gu, he, lin, mei, person, tao, yan, zhou

pytestmark = pytest.mark.django_db


def bring(project: Project, raw: list[RawItem], **more: Any) -> Batch:
    terms: dict[str, Any] = {"source": "示例", "licence": "CC0", "by": scenes.qin(), **more}
    return projects.import_items(at=NOON, project_id=project.pk, raw=raw, **terms)


def test_a_draft_carries_a_valid_number_and_its_firm() -> None:
    project = scenes.draft()
    assert numbers.is_valid(project.number)
    assert (project.state, project.firm, project.task_price_fen) == ("draft", lin().organization, 35)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "长" * 121}, "title"),
        ({"title": "空\x00"}, "title"),
        ({"title": "半\ud800"}, "title"),
        ({"price": "-0.01"}, "task_price"),
        ({"price": "10000.01"}, "task_price"),
        ({"due_on": date(2026, 3, 1)}, "due_on"),
        ({"modality": "audio"}, "modality"),
    ],
)
def test_a_draft_with_wrong_terms_is_refused_at_its_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        scenes.draft(**terms)
    assert refused.value.field == field
    assert not Project.objects.exists()


def test_the_config_must_show_what_the_items_are() -> None:
    with pytest.raises(ConfigRefused):
        scenes.draft(modality="image")


def test_a_firm_is_not_its_own_client() -> None:
    with pytest.raises(InvalidInput) as refused:
        projects.create_project(
            by=lin(), at=NOON, title="自托", brief="", modality="text", labeling_config=scenes.SENTIMENT,
            task_price=Money(1), client_id=lin().organization_id,
        )  # fmt: skip
    assert refused.value.field == "client"


@pytest.mark.parametrize("who", [mei, tao, zhou, gu, yan])
def test_only_leads_of_annotation_firms_make_projects(who: Any) -> None:
    with pytest.raises(NotAllowed):
        projects.create_project(
            by=who(), at=NOON, title="不行", brief="", modality="text", labeling_config=scenes.SENTIMENT,
            task_price=Money(1),
        )  # fmt: skip


def test_guideline_versions_count_up_and_the_same_text_is_one_version() -> None:
    project = scenes.draft()
    body = [
        projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body=text).version
        for text in ("甲", "甲\n", "乙")
    ]
    assert body == [1, 1, 2]
    with pytest.raises(DatabaseError), transaction.atomic():
        project.guidelines.update(body="改")


def test_imported_items_lie_in_the_store_under_their_hash() -> None:
    project = scenes.draft()
    batch = bring(project, scenes.texts("一", "二"))
    first, second = Item.objects.filter(batch=batch).order_by("ordinal")
    assert [(item.ordinal, item.text, item.size) for item in (first, second)] == [(1, "一", 3), (2, "二", 3)]
    assert objects.get(first.object_key) == "一".encode()
    assert first.object_key.endswith(first.sha256)


def test_content_that_is_there_is_skipped_and_a_repeated_import_changes_nothing() -> None:
    project = scenes.draft()
    first = bring(project, scenes.texts("一", "二", "一"))
    assert bring(project, scenes.texts("二", "一")) == first
    second = bring(project, scenes.texts("二", "三"))
    assert (second.ordinal, [item.text for item in second.items.all()]) == (2, ["三"])
    assert project.items.count() == 3
    other = scenes.draft(title="另一个项目")
    bring(other, scenes.texts("一"))
    assert other.items.count() == 1


def test_an_image_is_measured_as_people_see_it() -> None:
    project = scenes.draft(config=scenes.BOXES, modality="image")
    bring(project, [RawItem("a.jpg", scenes.picture(64, 48, "JPEG"), "image/jpeg")])
    item = project.items.get()
    assert (item.width, item.height, item.media_type, item.text) == (64, 48, "image/jpeg", "")


@pytest.mark.parametrize(
    ("modality", "name", "body", "words"),
    [
        ("text", "a.txt", b"", "0 字节"),
        ("text", "a.txt", b"\xff\xfe\x00", "不是 UTF-8"),
        ("text", "a.txt", b" \n ", "全是空白"),
        ("text", "a.txt", b"a\x00", "空字符"),
        ("text", "a.txt", "长".encode() * 20_001, "最多 20000 个"),
        ("text", "a.txt", b"x" * (10 * 1024 * 1024 + 1), "超过 10 MB"),
        ("image", "a.png", b"", "0 字节"),
        ("image", "a.png", b"not an image", "不是完好的"),
        ("image", "a.png", scenes.picture()[:40], "不是完好的"),
        ("image", "a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "不是完好的"),
        ("image", "a.gif", scenes.picture(kind="GIF"), "不是完好的"),
        ("image", "a.png", scenes.picture(9_000, 6_000), "5000 万像素"),
    ],
)
def test_a_hostile_item_is_refused_with_its_reason_and_nothing_is_imported(
    modality: str, name: str, body: bytes, words: str
) -> None:
    config = scenes.BOXES if modality == "image" else scenes.SENTIMENT
    project = scenes.draft(config=config, modality=modality)
    good = RawItem("好", scenes.picture() if modality == "image" else "好".encode())
    with pytest.raises(projects.UploadsRefused) as refused:
        bring(project, [good, RawItem(name, body)])
    assert words in str(refused.value)
    assert not project.items.exists()


@pytest.mark.parametrize(
    ("name", "body", "texts"),
    [
        ("a.txt", "\ufeff一\r\n\r\n 二 \n".encode(), ["一", "二"]),
        ("a.csv", '编号,文本\n1,"一,\n行"\n2,二\n3\n'.encode(), ["一,\n行", "二"]),
        ("a.CSV", b"text\n=1+1\n", ["=1+1"]),
        ("a.jsonl", '{"text": "一"}\n\n"二"\n{"data": {"text": "三"}}\n'.encode(), ["一", "二", "三"]),
    ],
)
def test_a_text_file_becomes_one_item_a_line(name: str, body: bytes, texts: list[str]) -> None:
    assert [item.body.decode() for item in read_upload(name, body, "text")] == texts


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a.zip", b"PK\x03\x04", "只接受 TXT"),
        ("a", b"text", "只接受 TXT"),
        ("a.csv", b"number\n1\n", "首行应有名为 text"),
        ("a.csv", b'text\n"' + b"x" * 200_000 + b'"\n', "不是正确的 CSV"),
        ("a.jsonl", b"{}", "第 1 行"),
        ("a.jsonl", b"[" * 100_000, "第 1 行"),
        ("a.jsonl", b'{"text": "\\ud800"}', "第 1 行"),
        ("a.jsonl", b'{"text": "\\u0000"}', "空字符"),
        ("a.txt", b"\n\n", "没有读到任何文本"),
        ("a.txt", b"a\n" * 5_001, "最多导入 5000 条"),
    ],
)
def test_a_text_file_that_cannot_be_read_is_refused(name: str, body: bytes, words: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        read_upload(name, body, "text")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\假\\路径.txt", "路径.txt"),
        ("a\x00\u202eb.txt", "ab.txt"),
        ("..", "item"),
    ],
)
def test_file_names_lose_folders_and_control_characters(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_source_and_licence_must_be_told() -> None:
    for missing in ("source", "licence"):
        with pytest.raises(InvalidInput) as refused:
            bring(scenes.draft(), scenes.texts("一"), **{missing: " "})
        assert refused.value.field == missing


def test_a_project_opens_only_with_guideline_and_items() -> None:
    project = scenes.draft()
    for step in (
        lambda: projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="规范"),
        lambda: bring(project, scenes.texts("一")),
    ):
        with pytest.raises(projects.NotReady):
            projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
        step()
    opened = projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert (opened.state, opened.opened_at) == ("open", NOON)
    with pytest.raises(MoveNotAllowed):
        projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert Task.objects.count() == 1


def test_an_open_project_keeps_its_config_and_a_cancelled_one_takes_no_items() -> None:
    project = scenes.opened()
    with pytest.raises(projects.NotEditable):
        projects.edit_project(
            by=scenes.qin(), at=NOON, project_id=project.pk, title="改名", brief="",
            labeling_config=scenes.SENTIMENT, task_price=Money(1),
        )  # fmt: skip
    projects.cancel_project(by=scenes.qin(), at=NOON, project_id=project.pk, reason="客户撤回")
    with pytest.raises(projects.NotFeedable):
        bring(project, scenes.texts("新的"))
    with pytest.raises(NotFound):
        work.claim_task(by=mei(), at=NOON, project_id=project.pk)


def test_a_project_with_unfinished_tasks_is_not_delivered() -> None:
    project = scenes.opened()
    scenes.accepted(project, count=2)
    with pytest.raises(work.TasksUnfinished) as refused:
        projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert "还有 1 条" in str(refused.value)
    project.refresh_from_db()
    assert (project.state, project.delivered_at) == ("in_progress", None)


def test_a_project_of_skipped_tasks_only_is_not_delivered() -> None:
    project = scenes.opened(["乱码"])
    (task,) = scenes.assigned(project)
    work.skip(by=mei(), at=NOON, task_id=task.pk, reason="乱码")
    with pytest.raises(work.NothingAccepted):
        projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)


def test_the_client_accepts_and_nobody_else() -> None:
    project = scenes.delivered(client=True)
    for who, refusal in (
        (he(), NotFound),
        (mei(), NotFound),
        (lin(), NotAllowed),
        (scenes.qin(), NotAllowed),
    ):
        with pytest.raises(refusal):
            projects.accept_project(by=who, at=NOON, project_id=project.pk)
    accepted = projects.accept_project(by=zhou(), at=NOON, project_id=project.pk)
    assert (accepted.state, accepted.accepted_at) == ("accepted", NOON)
    with pytest.raises(MoveNotAllowed):
        projects.accept_project(by=zhou(), at=NOON, project_id=project.pk)


def test_without_a_client_a_colleague_of_who_delivered_accepts() -> None:
    project, finance = scenes.delivered(client=False), person("jin", QINGLAN, Role.FINANCE)
    with pytest.raises(projects.OwnDelivery):
        projects.accept_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    with pytest.raises(NotAllowed):
        projects.accept_project(by=finance, at=NOON, project_id=project.pk)
    assert projects.accept_project(by=lin(), at=NOON, project_id=project.pk).state == "accepted"


def test_sent_back_items_return_to_their_annotators_with_the_reason() -> None:
    project = scenes.delivered()
    first, *_others = project.items.order_by("ordinal")
    projects.send_back(by=zhou(), at=NOON, project_id=project.pk, reason="第一条标错", item_ids=[first.pk])
    states = project.tasks.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["returned", "accepted", "accepted"]
    task = project.tasks.get(state="returned")
    assert (task.annotator, task.accepted_at) == (mei().user, None)
    move = Transition.objects.filter(subject_id=task.pk).order_by("pk").last()
    assert move is not None
    assert (move.move, move.reason) == ("reopen", "第一条标错")
    with pytest.raises(work.TasksUnfinished):
        projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)


def test_items_of_another_project_are_not_sent_back() -> None:
    project, other = scenes.delivered(), scenes.opened(title="另一个")
    stranger = other.items.first()
    assert stranger is not None
    with pytest.raises(InvalidInput):
        projects.send_back(by=zhou(), at=NOON, project_id=project.pk, reason="错", item_ids=[stranger.pk])


def test_each_party_sees_its_own_projects() -> None:
    own, commissioned = scenes.opened(), scenes.opened(client=True, title="代客标注")
    scenes.draft(client=True, title="还没发布")

    def seen(who: Actor) -> list[str]:
        return sorted(project.title for project in projects_visible_to(who))

    assert seen(scenes.qin()) == seen(yan()) == sorted([own.title, commissioned.title, "还没发布"])
    assert seen(zhou()) == ["代客标注"]
    assert [seen(who()) for who in (mei, he, gu)] == [[], [], []]


def test_the_search_jumps_to_the_exact_number() -> None:
    project = scenes.draft()
    (hit,) = find_projects(scenes.qin(), project.number.lower())
    assert hit.is_exact
    assert find_projects(scenes.qin(), "情感")[0].number == project.number
    assert find_projects(zhou(), project.number) == []


def test_the_desk_tells_each_role_what_waits() -> None:
    project = scenes.opened(client=True)
    scenes.submitted(project)
    (task,) = scenes.assigned(project)
    finance = person("jin", QINGLAN, Role.FINANCE)

    def said(who: Actor) -> list[str]:
        return [str(todo.title) for todo in todos(who)]

    assert said(mei()) == ["标注任务：1 条待标注"]
    assert said(tao()) == ["1 条标注结果待质检"]
    assert said(scenes.qin()) == ["1 条任务待分配"]
    assert said(finance) == said(zhou()) == []
    assert [str(figure.value) for figure in figures(scenes.qin())] == ["1"]
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert said(mei()) == []
    delivered = scenes.delivered(title="交付给客户")
    assert said(zhou()) == ["标注项目已交付，待验收"]
    assert todos(zhou())[0].detail == delivered.title


def test_raw_items_cannot_be_changed_behind_the_services() -> None:
    project = scenes.opened()
    for table in ("projects_item", "projects_batch", "projects_guidelineversion"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
    assert project.items.count() == 3
