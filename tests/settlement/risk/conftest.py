"""Trades reach revenue as they do in the product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from settlement.revenue import selectors as revenue
from settlement.rewards.selectors import revenue_goal
from tests.settlement import trades


@pytest.fixture(autouse=True)
def trade_is_wired() -> Iterator[None]:
    revenue.register_goal(revenue_goal)
    with trades.wired():
        yield
