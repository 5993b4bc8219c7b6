"""Guideline versions: examples, questions and answers, and the accepted work that a change touches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotation.projects import guidelines
from annotation.projects import services as projects
from annotation.projects.events import QuestionAnswered, QuestionAsked
from annotation.projects.models import GuidelineVersion, Project
from annotation.projects.selectors import examples_of, latest_guideline
from annotation.work import services as work
from annotation.work.models import ReworkPay, Task
from annotation.work.selectors import returned_because, touched_tasks
from kernel.errors import InvalidInput, NotAllowed, NotFound
from notifications.models import Notification
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.annotation.scenes import hears
from tests.cast import NOON, he, lin, mei, tao, yan

pytestmark = pytest.mark.django_db


def changed(project: Project, **change: Any) -> GuidelineVersion:
    return projects.publish_guideline(
        by=scenes.qin(), at=NOON, project_id=project.pk, body="好评正面，差评负面；反语按实际态度。", **change
    )


def labelled(*words: str) -> Project:
    """A project with an accepted task for each of these sentiments."""
    project = scenes.opened([f"第 {number} 条" for number in range(len(words))], client=True)
    for task, word in zip(scenes.assigned(project, count=len(words)), words, strict=True):
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment(word))
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    return project


# --- examples -----------------------------------------------------------------------------------------


def test_an_example_is_an_item_with_a_valid_result_and_goes_along_to_the_next_version() -> None:
    project = scenes.opened()
    item = project.items.get(ordinal=1)
    with pytest.raises(InvalidInput) as refused:
        guidelines.add_example(
            by=scenes.qin(), at=NOON, project_id=project.pk, item_id=item.pk, kind="right",
            result=scenes.sentiment("中性"), note="不在选项里",
        )  # fmt: skip
    assert refused.value.field == "result"
    for kind, word in (("right", "正面"), ("wrong", "负面")):
        guidelines.add_example(
            by=scenes.qin(), at=NOON, project_id=project.pk, item_id=item.pk, kind=kind,
            result=scenes.sentiment(word), note=f"整体是{word}",
        )  # fmt: skip
    version = changed(project)
    assert [(each.ordinal, each.kind, each.note) for each in examples_of(version)] == [
        (1, "right", "整体是正面"),
        (2, "wrong", "整体是负面"),
    ]


def test_examples_are_the_leads() -> None:
    project = scenes.opened()
    item = project.items.get(ordinal=1)
    for who, refusal in ((mei(), NotFound), (he(), NotFound), (tao(), NotAllowed), (yan(), NotAllowed)):
        with pytest.raises(refusal):
            guidelines.add_example(
                by=who, at=NOON, project_id=project.pk, item_id=item.pk, kind="right",
                result=scenes.sentiment(), note="好",
            )  # fmt: skip


def test_a_result_becomes_an_example_from_its_page_and_annotators_read_it() -> None:
    project = scenes.opened()
    (task,) = scenes.accepted(project)
    client = scenes.signed_in(lin())
    assert "用作规范示例" in client.get(f"/tasks/{task.pk}/").content.decode()
    done = client.post(f"/tasks/{task.pk}/example/", {"kind": "right", "note": "价格便宜算正面"})
    assert done.headers["Location"] == f"/projects/{project.pk}/guideline/"
    assert "价格便宜算正面" in client.get(f"/projects/{project.pk}/guideline/").content.decode()
    client = scenes.signed_in(mei())
    assert "价格便宜算正面" in client.get(f"/tasks/{task.pk}/guideline/").content.decode()


# --- questions ----------------------------------------------------------------------------------------


def test_a_question_is_answered_for_everybody_and_may_become_part_of_the_next_version() -> None:
    project = scenes.opened()
    task, other = scenes.assigned(project), scenes.assigned(project, to=scenes.wen())
    with hears(QuestionAsked, QuestionAnswered) as ear:
        asked = work.ask(by=mei(), at=NOON, task_id=task[0].pk, question="反语算哪一类？")
        guidelines.answer_question(
            by=scenes.qin(), at=NOON, project_id=project.pk, question_id=asked.pk, answer="按实际态度。"
        )
    assert ear.names == ["QuestionAsked", "QuestionAnswered"]
    assert Notification.objects.filter(user=mei().user, title__contains="已答复").count() == 1
    client = scenes.signed_in(scenes.wen())
    assert "按实际态度。" in client.get(f"/tasks/{other[0].pk}/guideline/").content.decode()
    with pytest.raises(guidelines.AlreadyAnswered):
        guidelines.answer_question(
            by=scenes.qin(), at=NOON, project_id=project.pk, question_id=asked.pk, answer="改主意了"
        )
    version = changed(project, question_ids=[asked.pk])
    asked.refresh_from_db()
    assert asked.included_in == version


def test_nobody_asks_at_the_task_of_another_and_only_the_lead_answers() -> None:
    project = scenes.opened()
    (task,) = scenes.assigned(project)
    with pytest.raises(NotFound):
        work.ask(by=scenes.wen(), at=NOON, task_id=task.pk, question="？")
    asked = work.ask(by=mei(), at=NOON, task_id=task.pk, question="？")
    for who, refusal in ((mei(), NotFound), (he(), NotFound), (tao(), NotAllowed)):
        with pytest.raises(refusal):
            guidelines.answer_question(
                by=who, at=NOON, project_id=project.pk, question_id=asked.pk, answer="。"
            )
    with pytest.raises(InvalidInput):
        changed(project, question_ids=[asked.pk])


# --- what a change touches ----------------------------------------------------------------------------


def test_a_change_touches_the_accepted_results_that_use_its_labels() -> None:
    project = labelled("正面", "负面", "负面")
    changed(project, touched_labels=["负面"], rework_payer="firm", change_note="反语按实际态度")
    found = touched_tasks(project)
    assert sorted(Task.objects.get(pk=key).item.ordinal for key in found) == [2, 3]
    assert set(map(tuple, found.values())) == {("负面",)}


def test_a_change_that_names_no_label_touches_all_and_one_without_rework_none() -> None:
    project = labelled("正面", "负面")
    changed(project)
    assert touched_tasks(project) == {}
    with pytest.raises(work.NothingTouched):
        work.reopen_touched(by=scenes.qin(), at=NOON, project_id=project.pk)
    projects.publish_guideline(
        by=scenes.qin(), at=NOON, project_id=project.pk, body="第三版", rework_payer="none"
    )
    assert list(touched_tasks(project).values()) == [[], []]


@pytest.mark.parametrize(("payer", "pays"), [("firm", 70), ("client", 70), ("none", 35)])
def test_touched_work_is_reopened_and_who_pays_is_written_down(payer: str, pays: int) -> None:
    project = labelled("负面", "正面")
    version = changed(project, touched_labels=["负面"], rework_payer=payer, change_note="反语按实际态度")
    (task,) = work.reopen_touched(by=scenes.qin(), at=NOON, project_id=project.pk)
    task.refresh_from_db()
    assert (task.state, returned_because(task)) == ("returned", "反语按实际态度")
    written = ReworkPay.objects.get()
    assert (written.payer, written.amount_fen, written.guideline) == (payer, pays - 35, version)
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("正面"))
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    task.refresh_from_db()
    assert (task.price_fen, touched_tasks(project)) == (pays, {})
    with pytest.raises(work.NothingTouched):
        work.reopen_touched(by=scenes.qin(), at=NOON, project_id=project.pk)


def test_strange_labels_and_payers_are_refused_and_nothing_is_published() -> None:
    project = scenes.opened()
    for change, field in (
        ({"touched_labels": ["中性"]}, "touched_labels"),
        ({"rework_payer": "nobody"}, "rework_payer"),
        ({"rework_payer": "client"}, "rework_payer"),
    ):
        with pytest.raises(InvalidInput) as refused:
            changed(project, **change)
        assert refused.value.field == field
    found = latest_guideline(project)
    assert found is not None
    assert found.version == 1


def test_the_lead_publishes_a_change_sees_what_it_touches_and_reopens_it_on_the_page() -> None:
    project = labelled("负面", "正面")
    client = scenes.signed_in(scenes.qin())
    form = {"body": "第二版", "touched_labels": ["负面"], "rework_payer": "client", "change_note": "改了"}
    done = client.post(f"/projects/{project.pk}/guideline/", form)
    assert done.headers["Location"] == f"/projects/{project.pk}/rework/"
    page = client.get(f"/projects/{project.pk}/rework/").content.decode()
    assert "重开 1 条返工" in page
    assert "委托方承担" in page
    client.post(f"/projects/{project.pk}/rework/")
    assert project.tasks.filter(state="returned").count() == 1


def test_the_api_knows_plans_examples_and_questions() -> None:
    project = scenes.opened()
    (task,) = scenes.assigned(project)
    client = scenes.signed_in(scenes.qin())

    def post(who: Actor, path: str, body: object, key: str) -> dict[str, object]:
        answer = scenes.signed_in(who).post(
            path, json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
        )
        assert answer.status_code in (200, 201), answer.content
        found: dict[str, object] = answer.json()
        return found

    base = f"/api/annotation/projects/{project.pk}"
    asked = post(mei(), f"/api/tasks/{task.pk}/questions", {"question": "反语？"}, "q1")
    done = post(scenes.qin(), f"{base}/questions/{asked['id']}/answer", {"answer": "按态度"}, "q2")
    assert done["answer"] == "按态度"
    given = {"item_id": str(task.item_id), "kind": "right", "result": scenes.sentiment(), "note": "好"}
    assert post(scenes.qin(), f"{base}/examples", given, "q3")["ordinal"] == 1
    assert post(scenes.qin(), f"{base}/quality-plans", {"overlap": 2}, "q4")["version"] == 1
    assert client.get(f"{base}/quality-plans").json()[0]["overlap"] == 2
    assert client.get(f"{base}/questions").json()[0]["question"] == "反语？"
    assert client.get(f"{base}/examples").json()[0]["note"] == "好"
    assert project.tasks.count() == 6


def test_the_project_form_asks_for_the_plan_and_the_tab_changes_it() -> None:
    client = scenes.signed_in(scenes.qin())
    assert "每条标注份数" in client.get("/projects/new/").content.decode()
    plan = {
        "overlap": 3, "lease_minutes": 45, "review_percent": "12.5", "attempt_limit": 2, "idle_minutes": 4,
        "has_second_review": "on",
    }  # fmt: skip
    terms = {
        "title": "三人标注",
        "modality": "text",
        "labeling_config": scenes.SENTIMENT,
        "task_price": "0.50",
    }
    client.post("/projects/new/", {**terms, **plan})
    project = Project.objects.get(title="三人标注")
    first = project.quality_plans.get()
    assert (first.overlap, first.review_share_bp, first.has_second_review) == (3, 1_250, True)
    client.post(f"/projects/{project.pk}/plan/", {**plan, "overlap": 2})
    assert list(project.quality_plans.order_by("version").values_list("version", "overlap")) == [
        (1, 3),
        (2, 2),
    ]
    refused = client.post(f"/projects/{project.pk}/plan/", {**plan, "overlap": 10})
    assert refused.status_code == 422
