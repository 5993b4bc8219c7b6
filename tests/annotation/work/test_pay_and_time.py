"""Working time by the server's clock, pay by item or hour, where it stands, and whether it is fair."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import PayCheck, Task
from annotation.work.rules import hourly_earning, pay_of, seconds_worked
from annotation.work.selectors import my_paces, paces_of, pay_under_way, statement_of
from annotation.work.shown import moment_of, shown_note
from annotation.work.wages import floor_on
from kernel.errors import InvalidInput, NotAllowed
from kernel.money import Money
from settlement.payments import selectors as payments
from tests.annotation import scenes
from tests.cast import NOON, lin, mei, tao

db = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def later(seconds: int) -> datetime:
    return NOON + seconds * SECOND


# --- time ---------------------------------------------------------------------------------------------


def test_pauses_are_cut_and_work_elsewhere_is_not_counted_twice() -> None:
    seen = [NOON, later(40), later(40 + 3_600), later(40 + 3_700)]
    assert seconds_worked(seen, [], idle_minutes=5) == 40 + 300 + 100
    assert seconds_worked(seen, [later(30)], idle_minutes=5) == 10 + 300 + 100
    assert seconds_worked([NOON], [], idle_minutes=5) == 0
    assert seconds_worked([], [], idle_minutes=5) == 0


@given(st.lists(st.integers(0, 100_000), max_size=30), st.lists(st.integers(0, 100_000), max_size=10))
def test_time_worked_is_never_more_than_the_clock_or_the_pauses_allow(
    seen: list[int], other: list[int]
) -> None:
    found = seconds_worked(map(later, seen), map(later, other), idle_minutes=5)
    most = max(seen) - min(seen) if seen else 0
    assert 0 <= found <= min(most, max(0, len(seen) - 1) * 300)


@db
def test_a_submission_keeps_the_time_between_the_servers_moments() -> None:
    project = scenes.planned(["甲", "乙"], idle_minutes=5)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.extend(by=mei(), at=later(60), task_id=task.pk)
    sent = work.submit(by=mei(), at=later(90), task_id=task.pk, result=scenes.sentiment())
    assert sent.work_seconds == 90
    following = work.claim_task(by=mei(), at=later(90), project_id=project.pk)
    sent = work.submit(
        by=mei(), at=later(2_000), task_id=following.pk, result=scenes.sentiment(), shown_at=later(1_950)
    )
    assert sent.work_seconds == 300 + 50
    paces = paces_of([project.pk])
    assert [(paces[key].seconds, paces[key].task_count) for key in (None, mei().user_id)] == [(90, 2)] * 2
    assert [(found.number, pace.minutes) for found, pace in my_paces(mei())] == [(project.number, "1:30")]


@db
def test_a_clock_set_back_and_work_done_elsewhere_count_no_time() -> None:
    project = scenes.planned(["甲", "乙"], idle_minutes=5)
    task = work.claim_task(by=mei(), at=later(60), project_id=project.pk)
    sent = work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert sent.work_seconds == 0
    following = work.claim_task(by=mei(), at=later(90), project_id=project.pk)
    sent = work.submit(
        by=mei(), at=later(130), task_id=following.pk, result=scenes.sentiment(), is_timed=False
    )
    assert (sent.work_seconds, paces_of([project.pk])) == (0, {})


def test_the_note_of_when_a_task_was_shown_is_good_for_that_task_and_person_only() -> None:
    from uuid import uuid4

    from organizations.permissions import Actor

    class Somebody:
        pk = uuid4()

    here = Actor(user=Somebody())  # type: ignore[arg-type]
    task = uuid4()
    note = shown_note(here, task)
    assert moment_of(here, task, note) is not None
    assert moment_of(here, uuid4(), note) is None
    assert moment_of(Actor(), task, note) is None
    assert moment_of(here, task, note + "x") is None
    assert moment_of(here, task, "") is None


# --- pay ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "rate", "seconds", "pays"),
    [
        (35, None, 9_999, 35),
        (100, 1_800, 90, 45),
        (100, 1_800, 91, 45),
        (40, 1_800, 90, 40),
        (100, 1_800, 0, 0),
    ],
)
def test_a_task_pays_its_price_or_its_time_at_most_its_price(
    most: int, rate: int | None, seconds: int, pays: int
) -> None:
    assert pay_of(most, rate, seconds) == pays


def test_an_hours_earning_is_what_tasks_of_that_length_pay() -> None:
    assert hourly_earning(35, None, 90) == 1_400
    assert hourly_earning(100, 1_800, 90) == 1_800
    assert hourly_earning(35, None, 0) == 126_000


@db
def test_by_the_hour_the_accepted_task_pays_its_time() -> None:
    project = scenes.planned(["甲"], project={"price": "2.00", "hourly": "36.00"})
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.submit(by=mei(), at=later(100), task_id=task.pk, result=scenes.sentiment())
    assert pay_under_way(mei()).held_fen == 200
    work.review(by=tao(), at=later(200), task_id=task.pk, verdict="accept")
    assert Task.objects.get(pk=task.pk).price_fen == 100
    assert (pay_under_way(mei()).held_fen, pay_under_way(mei()).earned_fen) == (0, 100)


@db
def test_pay_goes_from_held_to_earned_to_payable() -> None:
    project = scenes.opened(client=True)
    scenes.submitted(project, count=3)

    def stands() -> tuple[int, int, int, int]:
        found = payments.earnings_of(mei())
        return found.under_way.held_fen, found.under_way.earned_fen, found.balance.fen, found.paid.fen

    assert stands() == (105, 0, 0, 0)
    for task in project.tasks.all():
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    assert stands() == (0, 105, 0, 0)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    projects.accept_project(by=scenes.buyer(), at=NOON, project_id=project.pk)
    assert stands() == (0, 0, 105, 0)


@db
def test_the_firms_statement_tells_tasks_hours_and_pay_of_a_month() -> None:
    project = scenes.planned(["甲", "乙"])
    for second in (0, 1_000):
        task = work.claim_task(by=mei(), at=later(second), project_id=project.pk)
        work.submit(by=mei(), at=later(second + 90), task_id=task.pk, result=scenes.sentiment())
        work.review(by=tao(), at=later(second + 200), task_id=task.pk, verdict="accept")
    (line,) = statement_of(lin(), date(2026, 3, 1), date(2026, 4, 1))
    assert (line.annotator, line.task_count, line.seconds, line.hours, line.amount_fen) == (
        "Mei",
        2,
        180,
        "0.05",
        70,
    )
    assert statement_of(lin(), date(2026, 2, 1), date(2026, 3, 1)) == []
    for who in (mei(), tao()):
        with pytest.raises(NotAllowed):
            statement_of(who, date(2026, 3, 1), date(2026, 4, 1))
    with pytest.raises(InvalidInput):
        statement_of(lin(), date.min, date.max)
    client = scenes.signed_in(lin())
    page = client.get("/tasks/statement/?month=2026-03")
    assert "Mei" in page.content.decode()
    table = client.get("/tasks/statement/?month=2026-03&format=csv").content.decode("utf-8-sig").splitlines()
    assert table[1] == f"Mei,{project.number},评论情感标注,2,0.05,0.70,0.00,0.00"
    assert client.get("/tasks/statement/?month=9999-12").status_code == 200
    assert (
        client.get("/api/tasks/statement?first_on=2026-03-01&until_on=2026-04-01").json()[0]["seconds"] == 180
    )


# --- fair pay -----------------------------------------------------------------------------------------


def piloted(seconds: int) -> Project:
    """A project of which ten tasks took so long each."""
    project = scenes.planned([f"试标第 {number} 条" for number in range(10)], review_share_bp=0)
    for number in range(10):
        begun = later(number * 1_000)
        task = work.claim_task(by=mei(), at=begun, project_id=project.pk)
        work.submit(by=mei(), at=begun + seconds * SECOND, task_id=task.pk, result=scenes.sentiment())
    return project


def ready(price: str) -> Project:
    project = scenes.draft(title="正式标注", price=price)
    projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="规范")
    projects.import_items(
        by=scenes.qin(),
        at=NOON,
        project_id=project.pk,
        raw=scenes.texts("一", "二"),
        source="示例",
        licence="CC0",
    )
    return project


def test_the_floor_is_the_one_in_force_on_the_day() -> None:
    assert [floor_on(day).hourly_fen for day in (date(2025, 2, 28), date(2025, 3, 1))] == [1_610, 1_740]
    assert floor_on(date(2026, 1, 1)).is_assumption
    with pytest.raises(LookupError):
        floor_on(date(2021, 11, 30))


@db
def test_a_project_that_a_pilot_shows_to_pay_too_little_is_published_with_a_reason_only() -> None:
    piloted(90)
    project = ready("0.35")  # 40 tasks an hour: 14.00, below 17.40
    with pytest.raises(work.PayBelowFloor) as refused:
        projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert "折合每小时 ¥14.00，低于下限 ¥17.40" in str(refused.value)
    assert PayCheck.objects.filter(project=project).count() == 0
    client = scenes.signed_in(scenes.qin())
    assert "仍要发布的理由" in client.get(f"/projects/{project.pk}/").content.decode()
    assert client.post(f"/projects/{project.pk}/open/").headers["Location"] == f"/projects/{project.pk}/"
    projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk, pay_reason="公益项目，另有补贴")
    check = PayCheck.objects.get(project=project)
    assert (check.task_count, check.median_seconds, check.hourly_fen, check.floor_fen) == (
        10,
        90,
        1_400,
        1_740,
    )
    assert check.reason == "公益项目，另有补贴"


@db
def test_a_project_that_pays_enough_is_published_and_the_figures_are_kept() -> None:
    piloted(90)
    project = ready("0.44")  # 17.60 an hour
    projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert PayCheck.objects.values_list("hourly_fen", "reason").get(project=project) == (1_760, "")


@db
def test_the_hourly_rate_has_bounds_and_the_draft_keeps_it() -> None:
    project = scenes.draft(hourly="36.00")
    assert project.hourly_rate_fen == 3_600
    with pytest.raises(InvalidInput) as refused:
        scenes.draft(hourly="1000.01")
    assert refused.value.field == "hourly_rate"
    assert Money(3_600) == Money.from_yuan("36.00")
