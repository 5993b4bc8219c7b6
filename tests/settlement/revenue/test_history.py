"""A year as it stood on a past day, and where the present one leads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from assets.registry.models import Certificate
from assets.registry.states import CERTIFICATE
from kernel import clock
from organizations.permissions import Actor
from settlement.revenue import history, rules, selectors, services
from settlement.revenue.rules import forecast
from tests import cast
from tests.settlement import trades
from tests.settlement.trades import MARCH_2025

GOAL = 500_000_000
PAID_ON = date(2025, 3, 4)


def firm_id():  # type: ignore[no-untyped-def]
    return cast.organization(cast.QINGLAN).pk


def counted(day: date) -> tuple[int, int, list[int]]:
    found = history.standing(firm_id(), 2025, day)
    effects = [change.effect_fen for change in found.changes]
    assert found.then.counted_fen + sum(effects) == found.now.counted_fen
    return found.then.counted_fen, found.now.counted_fen, effects


@pytest.fixture
def wired() -> Iterator[None]:
    with trades.wired():
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_a_year_is_told_as_it_stood_at_the_end_of_a_day() -> None:
    order = trades.sale("68000.00")
    trades.sale("32000.00", at=MARCH_2025 + timedelta(days=30))
    trades.refund(order, "8000.00", at=MARCH_2025 + timedelta(days=60))
    assert counted(PAID_ON - timedelta(days=1)) == (0, 9_200_000, [6_000_000, 3_200_000])
    assert counted(PAID_ON) == (6_800_000, 9_200_000, [3_200_000, -800_000])
    assert counted(PAID_ON + timedelta(days=30)) == (10_000_000, 9_200_000, [-800_000])
    assert counted(date(2025, 12, 31)) == (9_200_000, 9_200_000, [])


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_a_later_ruling_is_told_as_what_changed_since() -> None:
    order = trades.sale("68000.00")
    ruled_at = MARCH_2025 + timedelta(days=90)
    services.rule_on_trade(
        by=cast.gu(), at=ruled_at, order_id=order.pk, code="circular", is_excluded=True, reason="资金当日回流"
    )
    before = clock.business_date(ruled_at) - timedelta(days=1)
    assert counted(before) == (6_800_000, 0, [-6_800_000])
    assert counted(clock.business_date(ruled_at)) == (0, 0, [])


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_a_day_before_a_revocation_counts_what_was_known_and_the_revocation_is_told_since() -> None:
    order = trades.sale("68000.00")
    revoked_at = MARCH_2025 + timedelta(days=90)
    certificate = Certificate.objects.get(pk=order.certificate_id)
    CERTIFICATE.move(certificate, "revoke", by=Actor.system("登记机构"), at=revoked_at)
    services.reassess_certificate(by=Actor.system("登记机构"), at=revoked_at, certificate_id=certificate.pk)
    before = clock.business_date(revoked_at) - timedelta(days=1)
    assert counted(before) == (6_800_000, 0, [-6_800_000])
    (change,) = history.standing(firm_id(), 2025, before).changes
    assert (change.label, change.at) == ("登记证书撤销", revoked_at)
    assert counted(clock.business_date(revoked_at)) == (0, 0, [])


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_a_whole_refund_voids_the_filing_and_the_earlier_day_still_counts() -> None:
    order = trades.sale("68000.00")
    trades.refund(order, "68000.00", at=MARCH_2025 + timedelta(days=10))
    assert counted(PAID_ON) == (6_800_000, 0, [-6_800_000])


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_today_is_what_is_kept_and_the_statements_do_not_grow(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    for number in range(3):
        trades.sale("10000.00", at=MARCH_2025 + timedelta(days=number))
    kept = selectors.annual(firm_id(), 2025)
    with django_assert_max_num_queries(10):
        found = history.standing(firm_id(), 2025, date(2025, 12, 31))
    assert found.then.counted_fen == found.now.counted_fen == kept.counted_fen == 3_000_000


@pytest.mark.django_db
@pytest.mark.usefixtures("wired")
def test_page_and_api_tell_the_past_day() -> None:
    trades.sale("68000.00")
    client = Client()
    client.force_login(cast.lin().user)
    page = client.get("/revenue/", {"year": 2025, "as_of": "2025-03-03"}).content.decode()
    assert "截至 2025-03-03" in page
    assert "其后 1 项变化" in page
    wrong = client.get("/revenue/", {"year": 2025, "as_of": "2025-13-03"})
    assert (wrong.status_code, "id_as_of_error" in wrong.content.decode()) == (200, True)
    told = client.get("/api/revenue/standing", {"year": 2025, "day": "2025-03-03"}).json()
    assert (told["then_counted_fen"], told["now_counted_fen"], len(told["changes"])) == (0, 6_800_000, 1)
    with clock.moved_to(clock.start_of(date(2025, 6, 2))):
        led = client.get("/api/revenue/forecast").json()
    assert (led["year"], led["days"]) == (2025, 90)
    stranger = Client()
    stranger.force_login(cast.tao().user)
    assert stranger.get("/api/revenue/standing", {"year": 2025, "day": "2025-03-03"}).status_code == 403


def test_a_steady_pace_leads_straight_to_the_end_of_the_year() -> None:
    found = forecast([1_000_000] * 100, date(2026, 4, 11), GOAL)
    assert found is not None
    assert (found.low_fen, found.expected_fen, found.high_fen) == (365_000_000,) * 3
    assert (found.days, found.reached_on) == (90, None)


def test_the_day_of_reaching_the_goal_is_the_first_on_which_it_is_passed() -> None:
    found = forecast([2_000_000] * 100, date(2026, 4, 11), GOAL)
    assert found is not None
    # 200 M so far; 150 more days at 2 M: 11 April is the first of them, 7 September the 150th.
    assert found.reached_on == date(2026, 9, 7)
    short = forecast([2_000_000] * 100, date(2026, 4, 11), GOAL + 1)
    assert short is not None
    assert short.reached_on == date(2026, 9, 8)


def test_what_is_reached_already_and_what_cannot_be_told_have_no_day() -> None:
    reached = forecast([10_000_000] * 100, date(2026, 4, 11), GOAL)
    assert reached is not None
    assert reached.reached_on is None
    assert forecast([1] * 29, date(2026, 1, 30), GOAL) is None
    assert forecast([1] * 31, date(2026, 2, 1), GOAL) is not None
    assert forecast([1] * 31, date(2026, 2, 2), GOAL) is None, "days are missing"


@given(st.lists(st.integers(-(10**9), 10**9), min_size=30, max_size=364))
def test_a_forecast_lies_between_its_bounds_and_never_below_what_is_there(daily: list[int]) -> None:
    on = date(2026, 1, 1) + timedelta(days=len(daily))
    found = rules.forecast(daily, on, GOAL)
    assert found is not None
    assert sum(daily) <= found.low_fen <= found.high_fen
    if found.reached_on is not None:
        assert on <= found.reached_on <= date(2026, 12, 31)
        assert found.expected_fen >= GOAL - 1
