"""Merchants' own fixtures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.settlement.merchant import shop


@pytest.fixture(autouse=True)
def no_line_stays_open() -> Iterator[None]:
    """The official client keeps its connections; a test leaves none behind."""
    yield
    shop.hang_up()
