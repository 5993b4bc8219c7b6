"""Working time by the server's clock, pay by item or hour, where it stands, and whether it is fair."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import PayCheck, Task, WageSetting
from annotation.work.rules import hourly_earning, pay_of, seconds_worked
from annotation.work.selectors import floor_for, my_paces, paces_of, pay_under_way, statement_of
from annotation.work.shown import moment_of, shown_note
from annotation.work.wages import WageFloor, floor_on
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import Role
from settlement.ledger.models import Purpose
from settlement.ledger.selectors import balance_of
from settlement.payments import selectors as payments
from tests.annotation import scenes
from tests.cast import BASE, NOON, lin, mei, person, tao

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
    assert "format=pdf" in page.content.decode()
    sheet = client.get("/tasks/statement/?month=2026-03&format=pdf")
    assert (sheet["Content-Type"], sheet.content[:5]) == ("application/pdf", b"%PDF-")
    said = "".join(read.extract_text() for read in PdfReader(io.BytesIO(sheet.content)).pages)
    for words in ("作业结算单", project.number, "评论情感标注", "Mei", "2026-03-01 至 2026-03-31", "¥0.70"):
        assert words in said, words
    assert client.get("/tasks/statement/?month=2026-03&format=pdf").content == sheet.content
    assert scenes.signed_in(mei()).get("/tasks/statement/?format=pdf").status_code == 403
    assert table[1] == f"Mei,{project.number},评论情感标注,2,0.05,0.70,0.00,0.00"
    assert client.get("/tasks/statement/?month=9999-12").status_code == 200
    assert (
        client.get("/api/tasks/statement?first_on=2026-03-01&until_on=2026-04-01").json()[0]["seconds"] == 180
    )


@db
def test_the_statement_and_the_ledger_tell_the_same_pay() -> None:
    project = scenes.planned(["甲", "乙", "丙"])
    for number, who in enumerate((mei, scenes.wen, mei)):
        task = work.claim_task(by=who(), at=later(number * 1_000), project_id=project.pk)
        work.submit(by=who(), at=later(number * 1_000 + 60), task_id=task.pk, result=scenes.sentiment())
        work.review(by=tao(), at=later(number * 1_000 + 90), task_id=task.pk, verdict="accept")
    projects.deliver_project(by=scenes.qin(), at=later(5_000), project_id=project.pk)
    projects.accept_project(by=lin(), at=later(6_000), project_id=project.pk)
    told = {
        line.annotator: line.amount_fen for line in statement_of(lin(), date(2026, 3, 1), date(2026, 4, 1))
    }
    booked = {
        str(who.user): balance_of(user=who.user, purpose=Purpose.EARNINGS).fen
        for who in (mei(), scenes.wen())
    }
    assert told == booked == {"Mei": 70, "Wen": 35}
    cost = balance_of(organization=lin().organization, purpose=Purpose.LABOUR_COST)
    assert abs(cost.fen) == sum(told.values())
    sheet = scenes.signed_in(lin()).get("/tasks/statement/?month=2026-03&format=pdf").content
    said = "".join(read.extract_text() for read in PdfReader(io.BytesIO(sheet)).pages)
    assert [words in said for words in ("¥0.70", "¥0.35", "¥1.05")] == [True, True, True]


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


def operator() -> Actor:
    """Finance of the exchange operator."""
    return person("jin", BASE, Role.FINANCE)


def floor_set(
    by: Actor, hourly: str, day: date = date(2026, 1, 1), place: str = "", **more: Any
) -> WageSetting:
    terms = {
        "source": "关于调整最低工资标准的通知",
        "notice": "示例〔2026〕1 号",
        "is_assumption": False,
        **more,
    }
    return work.set_wage_floor(
        by=by, at=NOON, effective_from=day, hourly=Money.from_yuan(hourly), place=place, **terms
    )


@db
def test_the_operator_sets_a_places_floor_and_a_firm_a_higher_one_for_itself() -> None:
    firm, today = lin().organization, date(2026, 3, 2)
    assert firm is not None
    assert (floor_for(firm, today).hourly_fen, floor_for(firm, today).place) == (1_740, "441800")
    floor_set(operator(), "18.20", place="441800")
    floor_set(operator(), "30.00", date(2026, 3, 3), place="441800")  # from tomorrow on
    floor_set(operator(), "25.00", place="440100")  # another city's
    floor = floor_for(firm, today)
    assert (floor.hourly_fen, floor.notice, floor.is_assumption) == (1_820, "示例〔2026〕1 号", False)
    floor_set(operator(), "19.00", place="441802")  # the firm's own district
    floor_set(lin(), "18.00")
    assert floor_for(firm, today).hourly_fen == 1_900  # a firm's own counts only where it is higher
    floor_set(lin(), "20.00")
    floor_set(lin(), "21.00")  # the later row of the day counts
    assert (floor_for(firm, today).hourly_fen, floor_for(firm, today).place) == (2_100, "")
    assert floor_for(firm, date(2026, 3, 3)).hourly_fen == 2_100
    other = scenes.buyer().organization  # in the same district: the firm's own floor is not theirs
    assert other is not None
    assert floor_for(other, today).hourly_fen == 1_900


def test_a_place_without_a_floor_borrows_qingyuans_and_says_so() -> None:
    floor = floor_on(date(2026, 1, 1), "110101")
    assert (floor.hourly_fen, floor.is_borrowed, floor.is_assumption) == (1_740, True, True)
    own = WageFloor(date(2026, 1, 1), 2_640, "北京市通知", False, "2025 年", "110000")
    found = floor_on(date(2026, 1, 1), "110101", more=[own])
    assert (found.hourly_fen, found.is_borrowed) == (2_640, False)


@db
def test_the_guard_holds_a_project_to_the_floor_that_was_set() -> None:
    piloted(90)
    floor_set(operator(), "18.20", place="441802")
    project = ready("0.44")  # 17.60 an hour: above the shipped floor, below the new one
    with pytest.raises(work.PayBelowFloor) as refused:
        projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert "低于下限 ¥18.20（关于调整最低工资标准的通知，示例〔2026〕1 号）" in str(refused.value)
    page = scenes.signed_in(scenes.qin()).get(f"/projects/{project.pk}/").content.decode()
    for words in ("10", "90 秒", "¥17.60", "¥18.20", "清城区", "2026-01-01", "示例〔2026〕1 号"):
        assert words in page, words


@db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hourly": "0.99"}, "hourly"), ({"hourly": "1000.01"}, "hourly"), ({"place": "999999"}, "place"),
        ({"day": date(1999, 12, 31)}, "effective_from"), ({"source": " "}, "source"), ({"notice": "x" * 91}, "notice"),
    ],
)  # fmt: skip
def test_a_floor_that_says_too_little_or_too_much_is_refused(wrong: dict[str, Any], field: str) -> None:
    terms = {"hourly": "18.00", "place": "441800", **wrong}
    with pytest.raises(InvalidInput) as refused:
        floor_set(operator(), **terms)
    assert refused.value.field == field
    assert not WageSetting.objects.exists()


@db
def test_who_may_set_which_floor_and_that_none_is_changed() -> None:
    for by, place in ((lin(), "441800"), (mei(), ""), (scenes.qin(), ""), (operator(), "")):
        with pytest.raises(NotAllowed):
            floor_set(by, "18.00", place=place)
    made = floor_set(lin(), "18.00")
    assert floor_set(lin(), "18.00") == made
    assert WageSetting.objects.count() == 1
    with pytest.raises(ProgrammingError), transaction.atomic():
        WageSetting.objects.update(hourly_fen=1)
    assert AuditEvent.objects.filter(action="tasks.set_wage_floor").count() == 1


@db
def test_the_floors_page_tells_parameters_and_assumptions_and_takes_a_new_one() -> None:
    given = {
        "effective_from": "2026-04-01", "hourly": "18.50", "source": "示例通知", "notice": "第 2 条",
        "is_assumption": "on",
    }  # fmt: skip
    client = scenes.signed_in(lin())
    page = client.get("/tasks/wage-floors/").content.decode()
    for words in ("17.40", "2025-03-01", "清远市", "假设：", "停顿不计", "设定本单位的下限"):
        assert words in page, words
    assert client.post("/tasks/wage-floors/", given).status_code == 302
    row = WageSetting.objects.get()
    assert (row.firm, row.hourly_fen, row.is_assumption) == (lin().organization, 1_850, True)
    assert client.post("/tasks/wage-floors/", {**given, "hourly": "0"}).status_code == 422
    exchange = scenes.signed_in(operator())
    assert "示例通知" not in exchange.get("/tasks/wage-floors/").content.decode()
    assert exchange.post("/tasks/wage-floors/", given | {"place": "441800"}).status_code == 302
    assert (
        "设定本单位的下限" not in scenes.signed_in(scenes.qin()).get("/tasks/wage-floors/").content.decode()
    )
    assert scenes.signed_in(scenes.qin()).post("/tasks/wage-floors/", given).status_code == 403
    assert scenes.signed_in(mei()).get("/tasks/wage-floors/").status_code == 403


@db
def test_floors_are_read_and_set_over_the_api_once_per_key() -> None:
    client = scenes.signed_in(operator())
    body = {
        "place": "441800", "effective_from": "2026-04-01", "hourly_fen": 1_850, "source": "示例通知",
        "notice": "第 2 条", "is_assumption": False,
    }  # fmt: skip
    for _time in range(2):
        answer = client.post(
            "/api/tasks/wage-floors",
            body,
            content_type="application/json",
            headers={"Idempotency-Key": "floor-1"},
        )
        assert (answer.status_code, answer.json()["hourly_fen"]) == (201, 1_850)
    listed = client.get("/api/tasks/wage-floors").json()
    assert [row["hourly_fen"] for row in listed] == [1_850, 1_740, 1_610]


@db
def test_the_hourly_rate_has_bounds_and_the_draft_keeps_it() -> None:
    project = scenes.draft(hourly="36.00")
    assert project.hourly_rate_fen == 3_600
    with pytest.raises(InvalidInput) as refused:
        scenes.draft(hourly="1000.01")
    assert refused.value.field == "hourly_rate"
    assert Money(3_600) == Money.from_yuan("36.00")
