"""Whatever happens to a firm's trades in whatever order, what is kept equals its recomputation from raw rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.trading.models import Order
from kernel.money import Money
from settlement.payments.models import Refund
from settlement.revenue import services
from settlement.revenue.models import AnnualRevenue
from tests import cast
from tests.settlement import trades

pytestmark = pytest.mark.django_db
SPRING, WINTER = datetime(2025, 4, 1, 4, 0, tzinfo=UTC), datetime(2025, 12, 31, 15, 0, tzinfo=UTC)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("sale"), st.sampled_from((SPRING, WINTER)), st.sampled_from((1_00, 33_33, 68_000_00))
        ),
        st.tuples(st.just("refund"), st.integers(0, 3), st.sampled_from((1, 7, 11_11, 10**9))),
        st.tuples(st.just("exclude"), st.integers(0, 3), st.sampled_from(("circular", "related_party"))),
        st.tuples(st.just("include"), st.integers(0, 3), st.sampled_from(("circular", "related_party"))),
    ),
    min_size=2,
    max_size=7,
)


def left_of(order: Order) -> int:
    refunded = sum(Refund.objects.filter(order=order).values_list("amount_fen", flat=True))
    return order.amount_fen - refunded


def act(orders: list[Order], step: tuple[str, object, object], at: datetime) -> None:
    kind, which, what = step
    if kind == "sale":
        assert isinstance(which, datetime)
        assert isinstance(what, int)
        orders.append(trades.sale(Money(what).yuan, at=which + timedelta(minutes=len(orders))))
        return
    if not orders:
        return
    assert isinstance(which, int)
    order = orders[which % len(orders)]
    if kind == "refund":
        assert isinstance(what, int)
        net = min(what, int(left_of(order) * 100 / 106))
        if net > 0:
            trades.refund(order, Money(net).yuan, at=at)
        return
    services.rule_on_trade(
        by=cast.gu(), at=at, order_id=order.pk, code=str(what), is_excluded=kind == "exclude", reason="核查"
    )


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_what_is_kept_equals_the_recomputation_after_any_sequence(
    steps: list[tuple[str, object, object]],
) -> None:
    with transaction.atomic():
        orders: list[Order] = []
        firm = cast.organization(cast.QINGLAN).pk
        for number, step in enumerate([("sale", SPRING, 68_000_00), *steps]):
            act(orders, step, datetime(2026, 2, 1, 4, 0, tzinfo=UTC) + timedelta(hours=number))
            for year in (2025, 2026):
                assert services.recompute(firm, year).differences == []
        assert AnnualRevenue.objects.filter(firm=firm).exists()
        call_command("revenue_check", verbosity=0)
        transaction.set_rollback(True)
