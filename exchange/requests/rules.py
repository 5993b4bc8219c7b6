"""Pure rules of requests: when a word given lapses, and how one offer differs from the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

LEAST_REASON, MOST_REASON = 4, 500
LONGEST_TERM = 3_650
MOST_PEOPLE = 100_000
MOST_PRICE_FEN = 10**13
COMPARED = (
    "plan",
    "price_fen",
    "licence",
    "template",
    "territory",
    "term_days",
    "user_count",
    "inspection_days",
    "is_exclusive",
    "clauses",
)


def lapses_at(given_at: datetime, days: int) -> datetime:
    """The first moment at which a word given no longer holds (half-open period of `days` × 24 h)."""
    return given_at + timedelta(days=days)


def is_over(until: datetime | None, at: datetime) -> bool:
    """Whether the period that ends at `until` has ended; one without end never does."""
    return until is not None and at >= until


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What changed from one version to the next, in the order of COMPARED: name, value before, value after."""
    return [
        {"name": name, "before": before[name], "after": after[name]}
        for name in COMPARED
        if before[name] != after[name]
    ]


def in_order(chosen: Sequence[str], known: Sequence[str]) -> list[str]:
    """The chosen codes once each, in the order of the closed list; ValueError for one that is not on it."""
    unknown = set(chosen) - set(known)
    if unknown:
        raise ValueError(f"not on the list: {sorted(unknown)}")
    return [code for code in known if code in chosen]
