"""Notices whose end falls into a year that is not announced: said in record, page and API; firms are told of more days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.test import Client

from audit.models import AuditEvent
from config import wiring
from kernel import clock, events, workdays
from kernel.models import Transition
from notifications.models import Notification
from organizations.permissions import Actor
from settlement.rewards import rules, services
from settlement.rewards.models import Claim
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED

pytestmark = pytest.mark.django_db
CHRISTMAS = datetime(2026, 12, 25, 4, 0, tzinfo=UTC)  # a Friday
AFTER = datetime(2026, 12, 29, 4, 0, tzinfo=UTC)
DAYS_OFF = frozenset({date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 5)})


@pytest.fixture(autouse=True)
def everybody_listens() -> Iterator[None]:
    before = dict(events._handlers)
    events.wire(wiring.handlers())
    yield
    events._handlers.clear()
    events._handlers.update(before)


def announced() -> Claim:
    trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=Actor.system("奖励测算"), at=DRAFTED, firm_id=firm.pk, year=2025)
    steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, opinion="相符")
    services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, opinion="同意")
    return services.announce(by=cast.shen(), at=CHRISTMAS, claim_id=claim.pk)


def test_a_notice_into_an_unannounced_year_says_so_and_its_firm_hears_of_more_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = announced()
    assert claim.notice_until == date(2027, 1, 4)  # New Year's Day is off by law
    assert rules.is_provisional(claim.notice_until)
    told = AuditEvent.objects.get(action="rewards.announce").detail
    assert told == {"until": "2027-01-04", "is_provisional": True}
    move = Transition.objects.get(subject_id=claim.pk, move="announce")
    assert move.reason == "2027 年放假安排尚未公布，截止日为暂定，只会顺延"
    client = Client(headers={"accept-language": "zh-hans"})
    lin = Client(headers={"accept-language": "zh-hans"})
    assert cast.lin().user is not None
    lin.force_login(cast.lin().user)
    note = "2027 年放假安排尚未公布，截止日为暂定；公布后如需顺延会自动顺延，不会缩短。"
    with clock.moved_to(CHRISTMAS):
        assert note in client.get(f"/rewards/announced/{claim.number}/").content.decode()
        assert note in lin.get(f"/rewards/{claim.number}/").content.decode()
        (shown,) = client.get("/api/rewards/announced").json()
        assert shown["is_provisional"] is True
    services.watch_deadlines(at=AFTER)
    assert not AuditEvent.objects.filter(action="rewards.lengthen_notice").exists()
    entered = workdays.Announced("示例", date(2026, 12, 28), DAYS_OFF, frozenset())
    monkeypatch.setattr(workdays, "_calendar", lambda: workdays.Calendar({2027: entered}))
    for _twice in range(2):
        services.watch_deadlines(at=AFTER)
    claim.refresh_from_db()
    assert claim.notice_until == date(2027, 1, 6)
    letter = Notification.objects.get(user=cast.lin().user_id, title__contains="顺延")
    assert letter.title == f"奖励申报 {claim.number} 的公示期因放假安排公布顺延至 2027-01-06"
    with clock.moved_to(AFTER):
        assert note not in client.get(f"/rewards/announced/{claim.number}/").content.decode()


def test_a_notice_that_is_over_is_not_lengthened(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = announced()
    entered = workdays.Announced("示例", date(2026, 12, 28), DAYS_OFF, frozenset())
    monkeypatch.setattr(workdays, "_calendar", lambda: workdays.Calendar({2027: entered}))
    services.watch_deadlines(at=datetime(2027, 1, 5, 4, 0, tzinfo=UTC))  # the day after its last
    claim.refresh_from_db()
    assert claim.notice_until == date(2027, 1, 4)
    services.watch_deadlines(at=datetime(2027, 1, 4, 4, 0, tzinfo=UTC))  # its last day is still its own
    claim.refresh_from_db()
    assert claim.notice_until == date(2027, 1, 6)
