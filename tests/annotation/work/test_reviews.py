"""Who reviews what: drawn, taken, twice, by another firm; and disputes judged blind."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.work import services as work
from annotation.work.events import TaskConcluded, VerdictOverturned
from annotation.work.models import Review, Task
from annotation.work.rules import is_drawn
from annotation.work.selectors import (
    history_visible_to,
    review_queue,
    reviewers_of,
    submissions_visible_to,
    tasks_visible_to,
)
from annotation.work.states import TASK, TaskState
from kernel.errors import NotFound
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from organizations.states import Role
from tests.annotation import scenes
from tests.annotation.scenes import hears
from tests.cast import BEIJIANG, NOON, QINGLAN, lin, mei, organization, person, tao, yan

db = pytest.mark.django_db


def outside_reviewer() -> Actor:
    return person("xiang", BEIJIANG, Role.QUALITY_REVIEWER)


def sent(project: object, who: Actor | None = None) -> Task:
    who = who or mei()
    task = work.claim_task(by=who, at=NOON, project_id=project.pk)  # type: ignore[attr-defined]
    work.submit(by=who, at=NOON, task_id=task.pk, result=scenes.sentiment())
    return Task.objects.get(pk=task.pk)


# --- which are drawn ----------------------------------------------------------------------------------


@given(st.uuids(), st.integers(1, 9), st.integers(0, 10_000))
def test_a_draw_is_the_same_whenever_it_is_asked(task_id: UUID, ordinal: int, share: int) -> None:
    assert is_drawn("salt", task_id, ordinal, share) == is_drawn("salt", task_id, ordinal, share)
    assert is_drawn("salt", task_id, ordinal, 10_000)
    assert not is_drawn("salt", task_id, ordinal, 0)


def test_of_ten_thousand_submissions_about_the_planned_share_is_drawn() -> None:
    drawn = sum(is_drawn("plan", UUID(int=number), 1, 2_000) for number in range(10_000))
    assert drawn == 2_035


@db
def test_what_is_not_drawn_is_accepted_when_it_is_submitted() -> None:
    project = scenes.planned(["甲"], review_share_bp=0)
    with hears(TaskConcluded) as ear:
        task = sent(project)
    assert (task.state, task.accepted_at) == ("accepted", NOON)
    assert ear.names == ["TaskConcluded"]
    assert Review.objects.count() == 0
    assert not review_queue(tao()).exists()


@db
def test_rework_is_always_reviewed() -> None:
    project = scenes.planned(["甲"], review_share_bp=0)
    task = sent(project)
    work.reopen(by=tao(), at=NOON, task_id=task.pk, reason="抽查发现错误")
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("负面"))
    assert Task.objects.get(pk=task.pk).state == "submitted"


# --- taking -------------------------------------------------------------------------------------------


@db
def test_a_taken_submission_is_its_reviewers_alone_until_put_back() -> None:
    task = sent(scenes.planned(["甲"], lease_minutes=30))
    assert work.take(by=tao(), at=NOON, task_id=task.pk).state == "in_review"
    assert not review_queue(scenes.ouyang()).exists()
    for deed in (work.take, work.put_back):
        with pytest.raises(work.TakenByOther):
            deed(by=scenes.ouyang(), at=NOON, task_id=task.pk)
    with pytest.raises(work.TakenByOther):
        work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="accept")
    assert work.take(by=tao(), at=NOON, task_id=task.pk).reviewer == tao().user
    work.put_back(by=tao(), at=NOON, task_id=task.pk)
    assert work.take_next(by=scenes.ouyang(), at=NOON) == task


@db
def test_what_a_reviewer_leaves_lying_goes_back_to_the_queue() -> None:
    task = sent(scenes.planned(["甲"], lease_minutes=30))
    work.take(by=tao(), at=NOON, task_id=task.pk)
    assert work.lapse_leases(NOON + timedelta(minutes=30)) == 1
    task.refresh_from_db()
    assert (task.state, task.reviewer) == ("submitted", None)


@db
def test_when_nothing_waits_the_reviewer_is_told() -> None:
    with pytest.raises(work.NothingToReview):
        work.take_next(by=tao(), at=NOON)


# --- the second level ---------------------------------------------------------------------------------


@db
def test_a_second_reviewer_has_the_final_word_when_the_plan_says_so() -> None:
    task = sent(scenes.planned(["甲"], has_second_review=True))
    with hears(TaskConcluded) as ear:
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
        task.refresh_from_db()
        assert (task.state, task.review_level, ear.names) == ("submitted", 2, [])
        assert not review_queue(tao()).exists()
        with pytest.raises(work.SecondReviewByOther):
            work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
        work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="accept")
    assert ear.names == ["TaskConcluded"]
    assert list(Review.objects.order_by("ordinal").values_list("level", flat=True)) == [1, 2]
    assert Task.objects.get(pk=task.pk).state == "accepted"


@db
def test_a_return_at_the_second_level_begins_again_at_the_first() -> None:
    task = sent(scenes.planned(["甲"], has_second_review=True))
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="return", comment="看错了")
    task.refresh_from_db()
    assert (task.state, task.review_level) == ("returned", 1)


# --- reviewers of another firm ------------------------------------------------------------------------


@db
def test_the_named_firm_reviews_and_the_labelling_firm_does_not() -> None:
    firm = organization(BEIJIANG)
    project = scenes.planned(["甲", "乙"], review_firm_id=firm.pk)
    task = sent(project)
    assert list(review_queue(outside_reviewer())) == [task]
    assert not review_queue(tao()).exists()
    with pytest.raises(work.ReviewedElsewhere):
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    work.review(by=outside_reviewer(), at=NOON, task_id=task.pk, verdict="accept")
    assert Task.objects.get(pk=task.pk).state == "accepted"


@db
def test_reviewers_from_outside_see_what_was_submitted_there_and_nothing_else() -> None:
    scenes.submitted(scenes.opened())
    project = scenes.planned(
        ["甲", "乙"], review_firm_id=organization(BEIJIANG).pk, project={"title": "外检"}
    )
    task = sent(project)
    assert list(tasks_visible_to(outside_reviewer())) == [task]
    client = scenes.signed_in(outside_reviewer())
    assert client.get(f"/tasks/{task.pk}/").status_code == 200
    assert client.get(f"/projects/{project.pk}/").status_code == 404


# --- blind --------------------------------------------------------------------------------------------


@db
def test_while_a_copy_is_open_nobody_who_labels_it_reads_the_other_answer() -> None:
    project = scenes.planned(["甲"], overlap=2)
    task = sent(project)
    both = scenes.labelling_reviewer()
    mine = work.claim_task(by=both, at=NOON, project_id=project.pk)
    assert mine.item_id == task.item_id
    assert list(submissions_visible_to(both, task)) == []
    assert submissions_visible_to(tao(), task).count() == 1
    assert submissions_visible_to(scenes.qin(), task).count() == 1
    assert submissions_visible_to(person("cai", QINGLAN, Role.FINANCE), task).count() == 0
    assert submissions_visible_to(yan(), task).count() == 1
    client = scenes.signed_in(both)
    assert client.get(f"/api/tasks/{task.pk}/submissions").json() == []
    wen = scenes.wen()
    with pytest.raises(NotFound):
        work.extend(by=wen, at=NOON, task_id=task.pk)


@db
def test_who_takes_a_task_over_does_not_read_what_was_answered_before() -> None:
    project = scenes.planned(["甲"])
    task = sent(project)
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="不对")
    work.reassign(by=scenes.qin(), at=NOON, task_id=task.pk, reason="换人")
    work.claim_task(by=scenes.wen(), at=NOON + timedelta(minutes=1), project_id=project.pk)
    task.refresh_from_db()
    assert list(submissions_visible_to(scenes.wen(), task)) == []
    client = scenes.signed_in(scenes.wen())
    shown = client.get(f"/api/tasks/{task.pk}").json()
    assert (shown["returned_because"], shown["attempt"]) == ("", 1)
    assert "不对" not in client.get(f"/tasks/{task.pk}/").content.decode()


# --- disputes -----------------------------------------------------------------------------------------


def contested() -> Task:
    task = sent(scenes.planned(["甲"]))
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="第 2 条不对")
    work.dispute(by=mei(), at=NOON, task_id=task.pk, reason="规范第 3 条说可以")
    return Task.objects.get(pk=task.pk)


@db
def test_who_settles_a_dispute_sees_neither_the_verdict_nor_whose_it_was() -> None:
    task = contested()
    moves = [move.move for move in history_visible_to(scenes.ouyang(), task)]
    assert moves == ["assign", "submit", "dispute"]
    client = scenes.signed_in(scenes.ouyang())
    page = client.get(f"/tasks/{task.pk}/").content.decode()
    assert "第 2 条不对" not in page
    assert "Tao" not in page
    assert "规范第 3 条说可以" in page
    assert client.get(f"/api/tasks/{task.pk}").json()["returned_because"] == ""
    client = scenes.signed_in(mei())
    assert "第 2 条不对" in client.get(f"/tasks/{task.pk}/").content.decode()


@db
def test_an_overturned_verdict_pays_and_counts_in_the_first_reviewers_figures() -> None:
    task = contested()
    with hears(TaskConcluded, VerdictOverturned) as ear:
        second = work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="accept")
    assert ear.names == ["TaskConcluded", "VerdictOverturned"]
    assert second.settles is not None
    assert second.settles.reviewer == tao().user
    task.refresh_from_db()
    assert (task.state, task.price_fen) == ("accepted", 35)
    rows = {
        row.user.name: (row.reviewed, row.returned, row.overturned, row.upheld)
        for row in reviewers_of(task.project)
    }
    assert rows == {"Tao": (1, 1, 1, 0), "Ouyang": (1, 0, 0, 0)}


@db
def test_an_upheld_verdict_says_why_and_is_not_contested_again() -> None:
    task = contested()
    work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="return", comment="第 3 条不适用")
    assert [row.upheld for row in reviewers_of(task.project)] == [0, 1]
    with pytest.raises(work.DisputeSettled):
        work.dispute(by=mei(), at=NOON, task_id=task.pk, reason="还是不服")
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("负面"))


@db
def test_an_upheld_return_of_the_last_attempt_gives_the_task_to_another_at_once() -> None:
    task = sent(scenes.planned(["甲"], attempt_limit=1))
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="不对")
    work.dispute(by=mei(), at=NOON, task_id=task.pk, reason="没错")
    work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="return", comment="确实不对")
    task.refresh_from_db()
    assert (task.state, task.annotator) == ("ready", None)


# --- every state, every move --------------------------------------------------------------------------


@pytest.mark.parametrize("state", TaskState.values)
@pytest.mark.parametrize("move", sorted(TASK.moves))
def test_each_move_is_allowed_from_its_states_and_no_other(state: str, move: str) -> None:
    task = Task(state=state)
    if state in TASK.moves[move].from_:
        assert TASK.check(task, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            TASK.check(task, move)


@db
def test_the_api_takes_judges_and_puts_back() -> None:
    task = sent(scenes.planned(["甲"]))
    client = scenes.signed_in(lin())

    def post(path: str, body: object, key: str) -> tuple[int, str]:
        answer = client.post(
            f"/api/tasks/{path}", json.dumps(body), content_type="application/json",
            headers={"Idempotency-Key": key},
        )  # fmt: skip
        return answer.status_code, answer.json().get("state", answer.json().get("title"))

    assert post("reviews/next", {}, "k1") == (200, "in_review")
    assert post(f"{task.pk}/put-back", {}, "k2") == (200, "submitted")
    assert post(f"{task.pk}/take", {}, "k3") == (200, "in_review")
    assert post(f"{task.pk}/reassign", {"reason": "换人"}, "k4") == (409, "move_not_allowed")
