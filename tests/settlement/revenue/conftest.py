"""Trades reach revenue as they do in the product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.settlement import trades


@pytest.fixture(autouse=True)
def trade_is_wired() -> Iterator[None]:
    with trades.wired():
        yield
