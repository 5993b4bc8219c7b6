"""Everybody of the cast is there: other parties are found by their USCC."""

from __future__ import annotations

import pytest

from tests import cast


@pytest.fixture(autouse=True)
def _everybody(db: None) -> None:
    for who in cast.EVERYONE:
        who()
