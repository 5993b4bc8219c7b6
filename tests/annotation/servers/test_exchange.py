"""Two-way exchange with a Label Studio server: nothing is lost, nothing comes twice, everything is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.servers import services
from annotation.servers.models import Chunk, Issue, Link, RemoteAnnotation, Server
from annotation.servers.remote import RemoteFault
from annotation.servers.rules import NOTE_MARK, TASK_MARK
from annotation.servers.selectors import counters_for, reasons_of
from annotation.servers.services.reading import SYNC
from annotation.servers.services.sending import TAKEN_FOR
from annotation.work import services as work
from annotation.work.models import Submission, Task
from notifications.models import Notification
from organizations.models import Membership
from organizations.states import Role
from tests.annotation import scenes
from tests.annotation.servers.standin import MEI, NOBODY, WEN, StandIn, a_link, a_server
from tests.cast import NOON, QINGLAN, lin, mei, organization, person, tao, yan, zhou

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def issued(link: Link, count: int = 3, at: datetime = NOON) -> list[Issue]:
    """Tasks of the link that stand on the server."""
    services.issue_tasks(by=scenes.qin(), at=at, link_id=link.pk, count=count)
    services.send_due(by=SYNC, at=at, link_id=link.pk)
    return list(link.issues.filter(state="open").order_by("pk"))


def pulled(link: Link, at: datetime = LATER) -> None:
    assert services.pull(by=SYNC, at=at, link_id=link.pk) is None


def swept(link: Link, at: datetime = LATER) -> None:
    assert services.sweep(by=SYNC, at=at, link_id=link.pk)


def sums(link: Link) -> tuple[int, int, int, int, int]:
    """Issued, submitted, open, expired, gap."""
    found = counters_for(link)
    return found.issued, found.submitted, found.open, found.expired, found.gap


def kept(link: Link) -> list[str]:
    return list(link.annotations.filter(outcome="aside").order_by("pk").values_list("aside", flat=True))


# --- sending ------------------------------------------------------------------------------------------


def test_a_task_carries_its_fields_and_our_marks_and_nothing_else(there: StandIn) -> None:
    (issue,) = issued(a_link(1))
    (task,) = there.tasks.values()
    assert task["data"] == {
        "text": "第 0 条评论，很好。", "qingshu_task": str(issue.pk), "qingshu_chunk": str(issue.chunk_id),
    }  # fmt: skip
    assert (issue.remote_task_id, issue.issued_at) == (task["id"], NOON)


def test_issued_tasks_are_in_the_holders_hand_and_nobody_else_gets_them(there: StandIn) -> None:
    link = a_link(2)
    issued(link, 2)
    assert {task.annotator_id for task in Task.objects.all()} == {mei().user_id}
    with pytest.raises(work.NothingReady):
        work.claim_task(by=scenes.wen(), at=NOON, project_id=link.project_id)


def test_a_chunk_that_arrived_before_the_sender_died_is_found_and_not_sent_again(there: StandIn) -> None:
    link = a_link(3)
    services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=3)
    there.fails = [("send_tasks", "after", "unreachable")]
    with pytest.raises(RemoteFault):
        services.send_due(by=SYNC, at=NOON, link_id=link.pk)
    assert (len(there.tasks), sums(link)) == (3, (0, 0, 0, 0, 0))

    services.send_due(by=SYNC, at=NOON + TAKEN_FOR, link_id=link.pk)  # it may still be under way
    assert Chunk.objects.get().state == "sending"
    services.send_due(by=SYNC, at=NOON + TAKEN_FOR + timedelta(seconds=1), link_id=link.pk)
    assert (len(there.tasks), sums(link)) == (3, (3, 0, 3, 0, 0))
    assert Chunk.objects.get().attempts == 2


def test_a_chunk_that_never_arrived_is_sent_at_the_next_try(there: StandIn) -> None:
    link = a_link(2)
    services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=2)
    there.fails = [("send_tasks", "before", "token_refused")]
    with pytest.raises(RemoteFault):
        services.send_due(by=SYNC, at=NOON, link_id=link.pk)
    assert Chunk.objects.get().state == "pending"
    assert (Server.objects.get().state, Server.objects.get().fault) == ("failing", "token_refused")
    services.send_due(by=SYNC, at=NOON, link_id=link.pk)
    assert (len(there.tasks), sums(link)) == (2, (2, 0, 2, 0, 0))


def test_a_returned_result_is_written_beside_its_task_once(there: StandIn) -> None:
    project = scenes.opened(bodies=["很好。"])
    (task,) = scenes.submitted(project)
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="再看一遍")
    user = mei().user
    assert user is not None
    link = services.connect_project(
        by=scenes.qin(), at=NOON, server_id=a_server().pk, project_id=project.pk, holder_id=user.pk
    )
    there.fails = [("write_annotation", "after", "unreachable")]
    with pytest.raises(RemoteFault):
        issued(link, 1)
    services.send_due(by=SYNC, at=LATER, link_id=link.pk)
    (remote,) = there.tasks.values()
    assert [told["result"] for told in remote["annotations"]] == [scenes.sentiment()]
    pulled(link)
    assert RemoteAnnotation.objects.get().outcome == "same"
    assert (Submission.objects.count(), sums(link)) == (1, (1, 0, 1, 0, 0))

    there.change(remote["annotations"][0]["id"], scenes.sentiment("负面"))
    pulled(link)
    assert [each.ordinal for each in Submission.objects.order_by("ordinal")] == [1, 2]
    assert sums(link) == (1, 1, 0, 0, 0)


def test_two_copies_of_an_item_never_stand_on_one_server(there: StandIn) -> None:
    link = a_link(1)
    first = Task.objects.get()
    Task.objects.create(project=first.project, item=first.item, copy=1, price_fen=first.price_fen)
    issued(link, 2)
    assert len(there.tasks) == 1


# --- reading ------------------------------------------------------------------------------------------


def test_a_result_is_submitted_as_the_person_who_made_it_and_counted(there: StandIn) -> None:
    link = a_link(3)
    first, second, _third = issued(link)
    there.annotate(there.of(first.pk), scenes.sentiment(), MEI)
    there.annotate(there.of(second.pk), scenes.sentiment("负面"), WEN)
    pulled(link)
    assert {(each.task_id, each.annotator.email) for each in Submission.objects.all()} == {
        (first.task_id, "mei@example.cn"),
        (second.task_id, "wen@example.cn"),
    }
    assert sums(link) == (3, 2, 1, 0, 0)
    pulled(link)
    swept(link)
    assert (Submission.objects.count(), RemoteAnnotation.objects.count()) == (2, 2)


def test_the_cursor_moves_only_after_what_was_read_is_stored(
    there: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment())

    def died(*_args: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("annotation.servers.services.reading.submit", died)
        with pytest.raises(KeyboardInterrupt):
            services.pull(by=SYNC, at=LATER, link_id=link.pk)
    link.refresh_from_db()
    assert (link.cursor_at, RemoteAnnotation.objects.count()) == (None, 0)
    pulled(link)
    link.refresh_from_db()
    assert (link.cursor_at, Submission.objects.count()) == (there.clock, 1)


def test_what_is_stamped_a_little_before_the_cursor_is_still_read(there: StandIn) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    there.clock += timedelta(minutes=30)
    there.annotate(there.of(first.pk), scenes.sentiment())
    pulled(link)
    there.clock -= timedelta(minutes=4)
    there.annotate(there.of(second.pk), scenes.sentiment())
    pulled(link)
    assert Submission.objects.count() == 2


def test_a_result_that_no_pull_saw_is_found_by_the_sweep(there: StandIn) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    there.clock += timedelta(days=1)
    there.annotate(there.of(first.pk), scenes.sentiment())
    pulled(link)
    there.clock -= timedelta(hours=20)
    there.annotate(there.of(second.pk), scenes.sentiment())
    pulled(link)
    assert Submission.objects.count() == 1
    swept(link)
    assert (Submission.objects.count(), sums(link)) == (2, (2, 2, 0, 0, 0))


def test_an_invalid_result_is_kept_aside_with_its_reasons_and_counts_when_mended(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    number = there.annotate(there.of(issue.pk), scenes.sentiment("中性"))
    pulled(link)
    assert (kept(link), sums(link)) == (["invalid"], (1, 0, 1, 0, 0))
    (reason,) = reasons_of(link, RemoteAnnotation.objects.get())
    assert "中性" in reason
    there.change(number, scenes.sentiment())
    pulled(link)
    assert (kept(link), sums(link)) == ([], (1, 1, 0, 0, 0))
    outcomes = RemoteAnnotation.objects.order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == ["superseded", "submitted"]


@pytest.mark.parametrize("result", [float("nan"), "\x00", [{"value": {"text": "\ud800"}}], None, 7, {"a": 1}])
def test_what_no_database_can_hold_is_kept_aside_and_stops_nothing(there: StandIn, result: Any) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    there.annotate(there.of(first.pk), result)
    there.annotate(there.of(second.pk), scenes.sentiment())
    pulled(link)
    assert (kept(link), Submission.objects.get().task_id) == (["invalid"], second.task_id)


def test_an_unknown_person_is_kept_aside_and_submitted_once_a_member(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment(), NOBODY)
    pulled(link)
    assert (kept(link), Submission.objects.count()) == (["unknown_person"], 0)
    joined = person("nobody", QINGLAN, Role.ANNOTATOR).user
    assert joined is not None
    joined.email = "Nobody@elsewhere.cn"
    joined.save()
    swept(link)
    assert (kept(link), Submission.objects.get().annotator) == ([], joined)


def test_a_former_member_and_a_member_who_does_not_label_are_kept_aside(there: StandIn) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    Membership.objects.filter(user=scenes.wen().user).update(ended_at=NOON)
    there.annotate(there.of(first.pk), scenes.sentiment(), WEN)
    mine = Membership.objects.filter(user=mei().user)
    mine.update(roles=[Role.QUALITY_REVIEWER.value])
    there.annotate(there.of(second.pk), scenes.sentiment(), MEI)
    pulled(link)
    assert kept(link) == ["unknown_person", "not_labeller"]


def test_a_change_after_submission_is_kept_and_told_and_the_submission_stays(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    number = there.annotate(there.of(issue.pk), scenes.sentiment())
    pulled(link)
    there.change(number, scenes.sentiment("负面"))
    pulled(link)
    assert kept(link) == ["after_submission"]
    assert Submission.objects.get().result == scenes.sentiment()
    told = Notification.objects.filter(user=scenes.qin().user, title__contains="未能提交")
    assert told.count() == 1
    pulled(link)
    assert told.count() == 1


def test_a_change_after_a_return_is_the_next_attempt_and_going_back_is_one_too(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    number = there.annotate(there.of(issue.pk), scenes.sentiment())
    for word in ("负面", "正面"):
        pulled(link)
        work.review(by=tao(), at=LATER, task_id=issue.task_id, verdict="return", comment="请改")
        services.send_due(by=SYNC, at=LATER, link_id=link.pk)
        assert there.tasks[there.of(issue.pk)]["data"][NOTE_MARK] == "请改"
        there.change(number, scenes.sentiment(word))
    pulled(link)
    results = [each.result for each in Submission.objects.order_by("ordinal")]
    assert results == [scenes.sentiment(), scenes.sentiment("负面"), scenes.sentiment()]
    assert sums(link) == (1, 1, 0, 0, 0)


def test_a_skip_there_is_a_skip_here(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), [], WEN, skip=True)
    pulled(link)
    assert (Task.objects.get().state, RemoteAnnotation.objects.get().outcome) == ("skipped", "skipped")
    assert sums(link) == (1, 0, 0, 1, 0)


def test_a_second_result_of_another_person_is_kept_aside(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment(), MEI)
    there.annotate(there.of(issue.pk), scenes.sentiment(), WEN)
    pulled(link)
    assert (kept(link), Submission.objects.get().annotator) == (["after_submission"], mei().user)


def test_a_released_task_is_called_back_and_a_late_result_is_taken_while_nobody_has_it(
    there: StandIn,
) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    for issue in (first, second):
        work.release(by=mei(), at=NOON, task_id=issue.task_id)
    services.send_due(by=SYNC, at=LATER, link_id=link.pk)
    assert sums(link) == (2, 0, 0, 2, 0)
    (taken,) = scenes.assigned(link.project, scenes.wen())
    other = second if taken.pk == first.task_id else first
    there.annotate(there.of(first.pk), scenes.sentiment(), MEI)
    there.annotate(there.of(second.pk), scenes.sentiment(), MEI)
    pulled(link)
    assert (kept(link), Submission.objects.get().task_id) == (["other_hands"], other.task_id)
    assert sums(link) == (2, 1, 0, 1, 0)


def test_a_called_back_task_on_which_nobody_worked_is_taken_away_there(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    work.release(by=mei(), at=NOON, task_id=issue.task_id)
    services.send_due(by=SYNC, at=LATER, link_id=link.pk)
    swept(link)
    assert there.tasks == {}
    assert sums(link) == (1, 0, 0, 1, 0)


def test_a_task_made_there_by_hand_is_kept_aside(there: StandIn) -> None:
    link = a_link(1)
    there.tasks[99] = {"id": 99, "data": {"text": "x", TASK_MARK: "?"}, "annotations": [], "updated_at": ""}
    there.annotate(99, scenes.sentiment())
    pulled(link)
    assert kept(link) == ["unknown_task"]


# --- deletions, gaps, doubles ---------------------------------------------------------------------------


def test_a_deletion_there_never_removes_our_submission(there: StandIn) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    number = there.annotate(there.of(first.pk), scenes.sentiment())
    there.annotate(there.of(second.pk), scenes.sentiment())
    pulled(link)
    there.delete(number)
    there.remove_task(there.of(second.pk))
    swept(link, LATER + timedelta(hours=1))
    assert Submission.objects.count() == 2
    assert counters_for(link).gone == 2
    assert sums(link) == (2, 2, 0, 0, 0)


def test_a_task_that_is_gone_is_a_gap_with_an_alarm_until_it_is_sent_again(there: StandIn) -> None:
    link = a_link(2)
    first, _second = issued(link, 2)
    there.remove_task(there.of(first.pk))
    swept(link)
    assert sums(link) == (2, 0, 1, 0, 1)
    alarms = Notification.objects.filter(user=scenes.qin().user, title__contains="告警")
    assert [alarm.title for alarm in alarms] == ["告警：“评论情感标注”发到 Label Studio 的任务缺 1 条"]
    swept(link, LATER + timedelta(hours=1))
    assert alarms.count() == 1

    assert services.resend_missing(by=scenes.qin(), at=LATER, link_id=link.pk) == 1
    services.send_due(by=SYNC, at=LATER, link_id=link.pk)
    assert (len(there.tasks), sums(link)) == (2, (2, 0, 2, 0, 0))
    there.annotate(there.of(first.pk), scenes.sentiment())
    pulled(link)
    assert sums(link) == (2, 1, 1, 0, 0)


def test_a_missing_task_can_be_called_back_and_done_here(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.remove_task(there.of(issue.pk))
    swept(link)
    assert services.expire_missing(by=scenes.qin(), at=LATER, link_id=link.pk) == 1
    assert sums(link) == (1, 0, 0, 1, 0)
    work.submit(by=mei(), at=LATER, task_id=issue.task_id, result=scenes.sentiment())


def test_a_task_sent_while_the_list_was_read_is_no_gap(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1, at=LATER)
    there.tasks.clear()
    swept(link, LATER + timedelta(minutes=5))
    assert (sums(link), Issue.objects.get(pk=issue.pk).state) == ((1, 0, 1, 0, 0), "open")


def test_a_double_on_which_nobody_worked_is_taken_away_and_one_that_counts_stays(there: StandIn) -> None:
    link = a_link(2)
    first, second = issued(link, 2)
    for issue in (first, second):
        original = there.tasks[there.of(issue.pk)]
        double = there._next()
        there.tasks[double] = {**original, "id": double, "annotations": []}
    doubled = [n for n, task in there.tasks.items() if task["data"][TASK_MARK] == str(second.pk)]
    there.annotate(doubled[1], scenes.sentiment())
    swept(link)
    left = [task["data"][TASK_MARK] for task in there.tasks.values()]
    assert (left.count(str(first.pk)), left.count(str(second.pk))) == (1, 2)
    assert (Submission.objects.get().task_id, sums(link)) == (second.task_id, (2, 1, 1, 0, 0))


def test_when_only_the_double_is_left_it_is_the_task(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.tasks[500] = {**there.tasks.pop(there.of(issue.pk)), "id": 500}
    swept(link)
    assert (Issue.objects.get().remote_task_id, list(there.tasks), sums(link)) == (
        500,
        [500],
        (1, 0, 1, 0, 0),
    )


def test_a_sweep_in_parts_finds_the_same(there: StandIn) -> None:
    link = a_link(3)
    first, *_rest = issued(link, 3)
    there.remove_task(there.of(first.pk))
    runs = 1
    while not services.sweep(by=SYNC, at=LATER, link_id=link.pk, most_pages=1):
        runs += 1
    assert (runs, sums(link)) == (3, (3, 0, 2, 0, 1))


# --- faults and the life of a link ----------------------------------------------------------------------


def test_a_lost_server_is_told_once_and_found_again_by_itself(there: StandIn) -> None:
    link = a_link(1)
    there.fails = [("people", "before", "unreachable"), ("people", "before", "unreachable")]
    for _attempt in range(2):
        with pytest.raises(RemoteFault):
            services.pull(by=SYNC, at=LATER, link_id=link.pk)
    assert (Server.objects.get().state, Link.objects.get().fault) == ("failing", "unreachable")
    assert Notification.objects.filter(user=scenes.qin().user, title__contains="连接失败").count() == 1
    pulled(link)
    assert (Server.objects.get().state, Link.objects.get().fault) == ("ready", "")


def test_a_paused_link_neither_sends_nor_reads_and_catches_up(there: StandIn) -> None:
    link = a_link(2)
    (issue,) = issued(link, 1)
    services.pause_link(by=scenes.qin(), at=NOON, link_id=link.pk)
    there.annotate(there.of(issue.pk), scenes.sentiment())
    pulled(link)
    assert Submission.objects.count() == 0
    with pytest.raises(services.LinkNotActive):
        services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=1)
    services.resume_link(by=scenes.qin(), at=NOON, link_id=link.pk)
    pulled(link)
    assert Submission.objects.count() == 1


def test_closing_calls_back_what_is_not_done_and_keeps_what_is(there: StandIn) -> None:
    link = a_link(3)
    first, *_rest = issued(link, 2)
    services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=1)
    there.annotate(there.of(first.pk), scenes.sentiment())
    pulled(link)
    services.close_link(by=scenes.qin(), at=LATER, link_id=link.pk)
    assert sums(link) == (3, 1, 0, 2, 0)
    assert sorted(Chunk.objects.values_list("state", flat=True)) == ["dropped", "sent"]
    again = services.connect_project(
        by=scenes.qin(), at=LATER, server_id=link.server_id, project_id=link.project_id,
        holder_id=link.holder_id,
    )  # fmt: skip
    assert again.remote_project_id == link.remote_project_id


def test_a_project_left_there_by_a_broken_try_is_used_and_not_made_twice(there: StandIn) -> None:
    there.fails = [("new_project", "after", "unreachable")]
    with pytest.raises(services.ServerUnreachable):
        a_link(1)
    user = mei().user
    assert user is not None
    link = services.connect_project(
        by=scenes.qin(), at=NOON, server_id=Server.objects.get().pk,
        project_id=scenes.Project.objects.get().pk, holder_id=user.pk,
    )  # fmt: skip
    assert (len(there.made), link.remote_project_id) == (1, 7)


@given(plan=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(
    ["good", "bad", "change", "delete", "vanish", "skip", "accept", "return", "release", "pull", "sweep", "resend"]
)), max_size=25))  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_counters_add_up_after_a_sweep_and_no_submission_goes(
    there: StandIn, django_db_blocker: Any, plan: list[tuple[int, str]]
) -> None:
    from django.db import transaction

    with transaction.atomic():
        there.__init__()  # type: ignore[misc]
        link = a_link(4)
        issues, at, most = issued(link, 4), LATER, 0
        for place, deed in plan:
            at += timedelta(hours=1)
            _do(there, link, issues[place], deed, at)
            count = Submission.objects.count()
            assert count >= most
            most = count
        swept(link, at + timedelta(hours=1))
        found = counters_for(link)
        missing = link.issues.filter(state="missing").count()
        assert (found.gap, found.issued) == (missing, 4)
        transaction.set_rollback(True)


def _do(there: StandIn, link: Link, issue: Issue, deed: str, at: datetime) -> None:
    numbers = [n for n, task in there.tasks.items() if task["data"][TASK_MARK] == str(issue.pk)]
    told = [each["id"] for n in numbers for each in there.tasks[n]["annotations"]]
    if deed in ("good", "bad", "skip") and numbers:
        there.annotate(numbers[0], scenes.sentiment("中性" if deed == "bad" else "正面"), skip=deed == "skip")
    elif deed == "change" and told:
        there.change(told[-1], scenes.sentiment("负面"))
    elif deed == "delete" and told:
        there.delete(told[0])
    elif deed == "vanish" and numbers:
        there.remove_task(numbers[0])
    elif deed in ("accept", "return"):
        _quietly(work.review, by=tao(), at=at, task_id=issue.task_id, verdict=deed, comment="看过")
    elif deed == "release":
        _quietly(work.release, by=scenes.qin(), at=at, task_id=issue.task_id)
    elif deed == "pull":
        pulled(link, at)
    elif deed == "sweep":
        swept(link, at)
    elif deed == "resend":
        services.resend_missing(by=scenes.qin(), at=at, link_id=link.pk)
        services.send_due(by=SYNC, at=at, link_id=link.pk)


def _quietly(service: Any, **given: Any) -> None:
    from kernel.errors import Refusal

    try:
        service(**given)
    except Refusal:
        return


# --- who may -------------------------------------------------------------------------------------------


def test_only_the_firms_leads_connect_and_others_do_not_see_it(there: StandIn) -> None:
    from kernel.errors import NotAllowed, NotFound

    link = a_link(1)
    for stranger in (zhou, yan):
        with pytest.raises(NotFound):
            services.pause_link(by=stranger(), at=NOON, link_id=link.pk)
    with pytest.raises(NotAllowed):
        services.pause_link(by=tao(), at=NOON, link_id=link.pk)
    with pytest.raises(NotAllowed):
        services.add_server(by=mei(), at=NOON, name="x", address="http://127.0.0.1:1", token="12345678")
    services.pause_link(by=lin(), at=NOON, link_id=link.pk)


def test_the_token_is_sealed_and_forgotten_when_the_server_is_retired(there: StandIn) -> None:
    server = a_server()
    assert "secret-token-1" not in server.token_sealed
    from annotation.servers.services.connecting import BOX

    assert BOX.opened(server.token_sealed) == "secret-token-1"
    services.retire_server(by=scenes.qin(), at=NOON, server_id=server.pk)
    assert Server.objects.get().token_sealed == ""


def test_a_server_in_use_is_not_retired_and_an_address_is_known_once(there: StandIn) -> None:
    from annotation.servers.services.connecting import AddressTaken, ServerInUse

    link = a_link(1)
    with pytest.raises(ServerInUse):
        services.retire_server(by=scenes.qin(), at=NOON, server_id=link.server_id)
    with pytest.raises(AddressTaken):
        a_server()
    assert organization(QINGLAN).label_servers.count() == 1
