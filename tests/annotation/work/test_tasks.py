"""Tasks from hand-out to acceptance."""

from __future__ import annotations

import pytest

from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import Task
from annotation.work.selectors import returned_because, review_queue, tasks_visible_to
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from tests.annotation import scenes
from tests.cast import NOON, gu, he, lin, mei, tao, yan, zhou

pytestmark = pytest.mark.django_db


def test_an_open_project_has_one_ready_task_for_each_item_at_its_price() -> None:
    project = scenes.opened()
    tasks = Task.objects.filter(project=project).order_by("pk")
    assert [(task.item.text, task.state, task.price_fen) for task in tasks] == [
        (text, "ready", 35) for text in scenes.REVIEWS
    ]


def test_items_that_come_later_become_tasks_too() -> None:
    project = scenes.opened()
    more = scenes.texts("再来一条。", scenes.REVIEWS[0])
    projects.import_items(
        by=scenes.qin(), at=NOON, project_id=project.pk, raw=more, source="补充", licence="CC0"
    )
    assert project.tasks.count() == 4


def test_the_first_hand_out_starts_the_project_and_takes_the_oldest_tasks() -> None:
    project = scenes.opened()
    tasks = scenes.assigned(project, count=2)
    assert [task.item.ordinal for task in tasks] == [1, 2]
    assert Project.objects.get(pk=project.pk).state == "in_progress"
    assert {task.annotator for task in tasks} == {mei().user}
    assert AuditEvent.objects.filter(action="tasks.assign", subject_id=project.pk).count() == 1


def test_only_annotators_of_the_firm_are_given_tasks() -> None:
    project = scenes.opened()
    for stranger in (tao(), zhou(), he()):
        with pytest.raises(InvalidInput) as refused:
            scenes.assigned(project, to=stranger)
        assert refused.value.field == "annotator"


@pytest.mark.parametrize("count", [0, -1, 1_001])
def test_the_number_of_tasks_of_one_assignment_has_bounds(count: int) -> None:
    with pytest.raises(InvalidInput):
        scenes.assigned(scenes.opened(), count=count)


def test_when_no_task_is_left_the_lead_is_told() -> None:
    project = scenes.opened()
    assert len(scenes.assigned(project, count=50)) == 3
    with pytest.raises(work.NothingReady):
        scenes.assigned(project)


def test_an_annotator_claims_one_task_and_gets_the_same_again_until_it_is_done() -> None:
    project = scenes.opened()
    first = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    assert work.claim_task(by=mei(), at=NOON, project_id=project.pk) == first
    assert work.claim_task(by=scenes.wen(), at=NOON, project_id=project.pk) != first
    work.submit(by=mei(), at=NOON, task_id=first.pk, result=scenes.sentiment())
    assert work.claim_task(by=mei(), at=NOON, project_id=project.pk) != first


def test_who_holds_twenty_tasks_elsewhere_claims_no_more() -> None:
    busy = scenes.opened([f"第 {n} 条" for n in range(20)], title="很多任务")
    scenes.assigned(busy, count=20)
    with pytest.raises(work.HandFull):
        work.claim_task(by=mei(), at=NOON, project_id=scenes.opened().pk)


def test_a_submission_keeps_the_result_its_hash_and_the_guideline_in_force() -> None:
    project = scenes.opened()
    (task,) = scenes.assigned(project)
    submission = work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert submission.result == scenes.sentiment()
    assert submission.guideline is not None
    assert (submission.ordinal, submission.guideline.version, len(submission.result_sha256)) == (1, 1, 64)
    assert Task.objects.get(pk=task.pk).state == "submitted"


def test_the_same_result_sent_twice_is_one_submission_and_another_is_refused() -> None:
    (task,) = scenes.submitted(scenes.opened())
    again = work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert again.ordinal == 1
    with pytest.raises(MoveNotAllowed):
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("负面"))
    assert task.submissions.count() == 1


def test_a_wrong_result_is_refused_with_every_reason_and_nothing_changes() -> None:
    (task,) = scenes.assigned(scenes.opened())
    wrong = [*scenes.sentiment("中性"), {"from_name": "aspect"}]
    with pytest.raises(work.ResultRefused) as refused:
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=wrong)
    assert [(found.code, found.region) for found in refused.value.problems] == [
        ("unknown_label", 0),
        ("region_field_missing", 1),
    ]
    assert "第 1 个区域：“中性”不是“sentiment”的选项，请从 正面、负面 中选择。" in str(refused.value)
    assert Task.objects.get(pk=task.pk).state == "assigned"


def test_nobody_submits_the_task_of_another_annotator() -> None:
    (task,) = scenes.assigned(scenes.opened())
    with pytest.raises(NotFound):
        work.submit(by=scenes.wen(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    with pytest.raises(work.NotYourTask):  # the administrator sees it, and may not either
        work.submit(by=lin(), at=NOON, task_id=task.pk, result=scenes.sentiment())


def test_a_returned_task_goes_back_to_the_same_annotator_with_the_comment() -> None:
    (task,) = scenes.submitted(scenes.opened())
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="漏看了后半句")
    task.refresh_from_db()
    assert (task.state, task.annotator) == ("returned", mei().user)
    assert returned_because(task) == "漏看了后半句"
    second = work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("负面"))
    assert second.ordinal == 2
    moves = Transition.objects.filter(subject_id=task.pk).order_by("pk").values_list("move", flat=True)
    assert list(moves) == ["assign", "submit", "return", "resume", "submit"]


def test_a_return_without_a_comment_is_refused() -> None:
    (task,) = scenes.submitted(scenes.opened())
    with pytest.raises(InvalidInput) as refused:
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="  ")
    assert refused.value.field == "comment"


def test_nobody_reviews_their_own_work_not_even_the_administrator() -> None:
    project = scenes.opened()
    (task,) = scenes.assigned(project, to=lin())
    work.submit(by=lin(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert task not in review_queue(lin())
    assert task in review_queue(tao())
    with pytest.raises(work.OwnWork):
        work.review(by=lin(), at=NOON, task_id=task.pk, verdict="accept")


def test_an_accepted_task_is_not_reviewed_again() -> None:
    (task,) = scenes.accepted(scenes.opened())
    assert task.accepted_at == NOON
    with pytest.raises(MoveNotAllowed):
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="反悔")


def test_a_dispute_is_judged_by_another_reviewer() -> None:
    (task,) = scenes.submitted(scenes.opened())
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="不对")
    work.dispute(by=mei(), at=NOON, task_id=task.pk, reason="规范第 3 条说可以")
    assert task not in review_queue(tao())
    assert task in review_queue(scenes.ouyang())
    with pytest.raises(work.SameReviewer):
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    second = work.review(by=scenes.ouyang(), at=NOON, task_id=task.pk, verdict="accept")
    assert second.ordinal == 2
    assert Task.objects.get(pk=task.pk).state == "accepted"


def test_a_skipped_task_leaves_the_hand_and_can_be_assigned_again() -> None:
    project = scenes.opened(["只有一条"])
    (task,) = scenes.assigned(project)
    with pytest.raises(InvalidInput):
        work.skip(by=mei(), at=NOON, task_id=task.pk, reason=" ")
    skipped = work.skip(by=mei(), at=NOON, task_id=task.pk, reason="乱码")
    assert (skipped.state, skipped.annotator) == ("skipped", None)
    with pytest.raises(work.NothingReady):
        work.claim_task(by=scenes.wen(), at=NOON, project_id=project.pk)
    assert scenes.assigned(project, to=scenes.wen()) == [task]


def test_a_task_in_hand_can_be_released_by_its_annotator_or_the_lead() -> None:
    project = scenes.opened()
    mine, other = scenes.assigned(project, count=2)
    work.release(by=mei(), at=NOON, task_id=mine.pk)
    work.release(by=scenes.qin(), at=NOON, task_id=other.pk)
    assert project.tasks.filter(state="ready", annotator=None).count() == 3
    (third,) = scenes.assigned(project)
    with pytest.raises(NotAllowed):
        work.release(by=tao(), at=NOON, task_id=third.pk)


def test_a_later_check_returns_an_accepted_task() -> None:
    (task,) = scenes.accepted(scenes.opened())
    work.reopen(by=tao(), at=NOON, task_id=task.pk, reason="抽检发现错误")
    task.refresh_from_db()
    assert (task.state, task.accepted_at, returned_because(task)) == ("returned", None, "抽检发现错误")


def test_each_party_sees_the_tasks_that_are_theirs() -> None:
    project = scenes.opened(client=True)
    (task,) = scenes.assigned(project)
    seen = {
        who.__name__: tasks_visible_to(who()).count() for who in (mei, scenes.wen, tao, scenes.qin, lin, yan)
    }
    assert seen == {"mei": 1, "wen": 0, "tao": 3, "qin": 3, "lin": 3, "yan": 3}
    assert [tasks_visible_to(who()).count() for who in (zhou, he, gu)] == [0, 0, 0]
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    assert tasks_visible_to(zhou()).count() == 0  # the client waits for the delivery


def test_the_client_sees_results_once_the_project_is_handed_over() -> None:
    scenes.delivered()
    assert tasks_visible_to(zhou()).count() == 3


def test_another_role_or_firm_cannot_assign_claim_or_review() -> None:
    project = scenes.opened(client=True)
    (task,) = scenes.submitted(project)
    user = mei().user
    assert user is not None
    for outsider, refusal in ((he(), NotFound), (mei(), NotFound), (tao(), NotAllowed), (zhou(), NotAllowed)):
        with pytest.raises(refusal):
            work.assign_tasks(by=outsider, at=NOON, project_id=project.pk, annotator_id=user.pk, count=1)
    for outsider, refusal in ((he(), NotFound), (tao(), NotAllowed), (zhou(), NotAllowed)):
        with pytest.raises(refusal):
            work.claim_task(by=outsider, at=NOON, project_id=project.pk)
    for outsider, refusal in (
        (he(), NotFound),
        (zhou(), NotFound),
        (mei(), NotAllowed),
        (scenes.qin(), NotAllowed),
    ):
        with pytest.raises(refusal):
            work.review(by=outsider, at=NOON, task_id=task.pk, verdict="accept")
    assert Task.objects.get(pk=task.pk).state == "submitted"
