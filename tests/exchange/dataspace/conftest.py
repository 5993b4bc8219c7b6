"""The data spaces' own tests: its events are heard; a test that needs the whole product wires it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel import events


@pytest.fixture
def product_wired(nobody_listens: list[events.Event]) -> Iterator[None]:
    """Every handler of the product, as in production."""
    from config.wiring import handlers

    events.wire(handlers())
    yield
    events._handlers.clear()
