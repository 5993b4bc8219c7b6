"""The wage floor as dated parameters: what an hour of labelling should earn at least."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("wages.toml")


@dataclass(frozen=True, slots=True)
class WageFloor:
    """Fen for one hour from a day on; `is_assumption`: that it applies here is ours to confirm."""

    effective_from: date
    hourly_fen: int
    source: str
    is_assumption: bool


@cache
def _floors() -> tuple[WageFloor, ...]:
    rows = [WageFloor(**row) for row in tomllib.loads(_FILE.read_text(encoding="utf-8"))["floor"]]
    days = [row.effective_from for row in rows]
    if len(set(days)) != len(days):
        raise ValueError("two wage floors begin on the same day")
    return tuple(sorted(rows, key=lambda row: row.effective_from))


def floor_on(day: date) -> WageFloor:
    """The floor in force on a day; LookupError before the first."""
    found = [row for row in _floors() if row.effective_from <= day]
    if not found:
        raise LookupError(f"no wage floor is in force on {day}")
    return found[-1]
