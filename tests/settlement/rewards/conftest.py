"""Trades reach revenue as they do in the product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from settlement.revenue import selectors as revenue
from settlement.rewards.selectors import revenue_goal
from tests.settlement import trades
from tests.settlement.rewards import steps


@pytest.fixture(autouse=True)
def trade_is_wired() -> Iterator[None]:
    revenue.register_goal(revenue_goal)
    with trades.wired():
        yield


@pytest.fixture(autouse=True)
def the_bureau_verifies(request: pytest.FixtureRequest) -> None:
    """The operator has named the bureau for every department of the rule cards."""
    if request.node.get_closest_marker("django_db") is None:
        return
    request.getfixturevalue("db")
    steps.bureau_named()
