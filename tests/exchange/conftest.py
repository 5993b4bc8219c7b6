"""The exchange's own tests know nothing of settlement: no event reaches anybody unless a test wires it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel import events


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[events.Event]]:
    """Events are collected instead of handled; a test may wire its own handlers."""
    heard: list[events.Event] = []
    real = events.announce

    def hear(event: events.Event) -> None:
        heard.append(event)
        real(event)

    for module in (
        "exchange.catalogue.services.access",
        "exchange.catalogue.services.listings",
        "exchange.catalogue.services.questions",
        "exchange.catalogue.services.revisions",
        "exchange.reviews.services",
        "exchange.demands.services",
        "exchange.searches.services",
        "exchange.trading.services",
        "exchange.trading.supplements",
        "exchange.requests.services",
        "exchange.delivery.services.delivering",
        "exchange.delivery.services.entitlements",
        "exchange.filings.services.filing",
    ):
        monkeypatch.setattr(f"{module}.announce", hear)
    before = dict(events._handlers)
    events._handlers.clear()
    yield heard
    events._handlers.clear()
    events._handlers.update(before)
