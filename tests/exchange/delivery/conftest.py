"""Deliveries' tests: certificates made short of registration have nothing to tell in metadata."""

from __future__ import annotations

import pytest

from assets.exports import facts


@pytest.fixture(autouse=True)
def nothing_known_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_provider", [])
