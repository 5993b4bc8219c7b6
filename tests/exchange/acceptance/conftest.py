"""Disputes move money: here every event reaches the handlers of the real wiring."""

from __future__ import annotations

import pytest

from config import wiring
from kernel import events


@pytest.fixture(autouse=True)
def everybody_listens(nobody_listens: list[events.Event]) -> list[events.Event]:
    events.wire(wiring.handlers())
    return nobody_listens
