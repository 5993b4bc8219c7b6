"""By when a review is to be decided: in the queue, on the desk, told once before the day and once after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from audit.models import AuditEvent
from config import wiring
from kernel import events
from notifications.models import Notification
from organizations.permissions import Actor
from settlement.rewards import procedure, selectors, services
from settlement.rewards.events import ReviewDue
from settlement.rewards.models import Claim, ReviewReminder
from settlement.rewards.states import ReminderKind
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED

pytestmark = pytest.mark.django_db
DUE = date(2026, 1, 19)  # five working days after Monday, 12 January


def confirmed() -> Claim:
    trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    system = Actor.system("奖励测算")
    claim = services.draft_claim(by=system, at=DRAFTED, firm_id=firm.pk, year=2025)
    steps.notice(year=claim.year)
    return services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)


def on(day: date) -> datetime:
    return DRAFTED + (day - DRAFTED.date())


def test_each_stage_has_five_working_days_and_a_hold_makes_them_later() -> None:
    claim = confirmed()
    assert claim.review_due_on == DUE
    claim = services.first_review(by=cast.gu(), at=on(date(2026, 1, 14)), claim_id=claim.pk, opinion="相符")
    assert claim.review_due_on == date(2026, 1, 21)
    held = {"by": cast.shen(), "at": on(date(2026, 1, 15)), "claim_id": claim.pk}
    services.hold(**held, reason="等待税务局回函", until=date(2026, 1, 20))
    claim.refresh_from_db()
    assert claim.review_due_on == date(2026, 1, 26)
    services.resume(by=cast.shen(), at=on(date(2026, 1, 16)), claim_id=claim.pk)
    claim.refresh_from_db()
    assert claim.review_due_on == date(2026, 1, 22)


def test_a_changed_period_counts_for_stages_that_begin_from_its_first_day_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        replace(row, effective_to=date(2026, 1, 13)) if row.name == "second_review" else row
        for row in procedure.PERIODS.parameters
    ]
    [kept] = [row for row in rows if row.name == "second_review"]
    rows.append(replace(kept, value=3, effective_from=date(2026, 1, 13), effective_to=None))
    monkeypatch.setattr(procedure, "PERIODS", replace(procedure.PERIODS, parameters=tuple(rows)))
    claim = confirmed()
    assert claim.review_due_on == DUE
    claim = services.first_review(by=cast.gu(), at=on(date(2026, 1, 14)), claim_id=claim.pk, opinion="相符")
    assert claim.review_due_on == date(2026, 1, 19)


def test_every_period_says_that_it_is_the_platforms_own_and_why() -> None:
    rows = procedure.in_force(date(2026, 1, 12))
    assert [row.name for row in rows] == [
        "first_review",
        "second_review",
        "announcement",
        "notice",
        "reminder",
    ]
    assert all(row.is_assumption and row.note.plain() and row.label.plain() for row in rows)


def test_the_queue_shows_the_nearest_deadline_first_and_marks_what_is_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = confirmed()
    [found] = selectors.queue(cast.gu())
    assert selectors.due_day_of(found) == DUE
    [todo] = [each for each in selectors.todos(cast.gu()) if each.detail == claim.number]
    assert todo.due_at == DUE
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(cast.gu().user)
    monkeypatch.setattr("kernel.clock.now", lambda: on(DUE))
    page = client.get("/rewards/review/").content.decode()
    assert "2026-01-19" in page
    assert "已逾期" not in page
    monkeypatch.setattr("kernel.clock.now", lambda: on(DUE) + timedelta(days=1))
    for sort in ("due", "latest_due", "oldest", "nonsense"):
        assert "已逾期" in client.get(f"/rewards/review/?sort={sort}").content.decode()


def test_reviewers_are_told_once_before_the_day_and_once_after_it() -> None:
    confirmed()
    news: list[bool] = []
    events.wire({ReviewDue: [lambda event: news.append(event.is_overdue)]})
    days = [
        date(2026, 1, 15),
        date(2026, 1, 16),
        date(2026, 1, 17),
        DUE,
        date(2026, 1, 20),
        date(2026, 1, 21),
    ]
    counts = [services.watch_deadlines(at=on(day)) for day in days for _twice in range(2)]
    assert counts == [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert news == [False, True]
    told = ReviewReminder.objects.order_by("pk").values_list("due_on", "kind")
    assert list(told) == [(DUE, ReminderKind.SOON), (DUE, ReminderKind.OVERDUE)]
    assert AuditEvent.objects.filter(action="rewards.remind_review").count() == 2


def test_nobody_is_reminded_of_what_is_on_hold_or_decided() -> None:
    claim = confirmed()
    services.hold(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="等待回函", until=date(2026, 1, 30))
    assert services.watch_deadlines(at=on(date(2026, 1, 20))) == 0
    services.resume(by=cast.gu(), at=on(date(2026, 1, 13)), claim_id=claim.pk)
    services.return_(by=cast.gu(), at=on(date(2026, 1, 13)), claim_id=claim.pk, reason="请补证书")
    assert services.watch_deadlines(at=on(date(2026, 3, 20))) == 0


def test_a_claim_from_before_deadlines_were_kept_gets_its_own() -> None:
    claim = confirmed()
    Claim.objects.update(review_due_on=None)
    services.watch_deadlines(at=DRAFTED)
    claim.refresh_from_db()
    assert claim.review_due_on == DUE


def test_the_notice_reaches_the_assignee_or_the_office_and_nobody_else() -> None:
    from settlement.rewards import referrals

    claim = confirmed()
    second = cast.person("xu", cast.BASE, cast.Role.FIRST_REVIEWER)
    cast.shen()
    assert {each.pk for each in referrals.reviewers_of(claim)} == {cast.gu().user_id, second.user_id}
    assert second.user_id is not None
    services.assign(
        by=cast.gu(), at=DRAFTED, claim_id=claim.pk, assignee_id=second.user_id, reason="本人休假"
    )
    assert [each.pk for each in referrals.reviewers_of(claim)] == [second.user_id]


def test_the_delivered_notice_names_the_claim_and_only_the_overdue_one_is_mailed() -> None:
    events.wire(wiring.handlers())
    claim = confirmed()
    Notification.objects.all().delete()
    services.watch_deadlines(at=on(date(2026, 1, 16)))
    services.watch_deadlines(at=on(date(2026, 1, 20)))
    found = Notification.objects.filter(user=cast.gu().user_id).order_by("created_at", "pk")
    assert [(each.title, each.url) for each in found] == [
        (f"奖励申报 {claim.number} 的办理期限将到，请及时办理", f"/rewards/{claim.number}/"),
        (f"奖励申报 {claim.number} 已超过办理期限，请尽快办理", f"/rewards/{claim.number}/"),
    ]
    assert not Notification.objects.filter(user__in=[cast.lin().user_id, cast.shen().user_id]).exists()
