"""The pilot's own tests: events are heard, not handled."""

from __future__ import annotations

import pytest

from kernel import events


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch, nobody_listens: list[events.Event]) -> list[events.Event]:
    """The events that the pilot's services announce, in order."""
    found: list[events.Event] = []
    for room in ("rounds", "applications", "scoring", "results", "agreements", "assessments"):
        monkeypatch.setattr(f"exchange.pilots.services.{room}.announce", found.append, raising=False)
    return found
