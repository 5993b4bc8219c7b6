"""The wage floor as dated parameters of a place: what an hour of labelling should earn at least."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from kernel.money import Money

_FILE = Path(__file__).with_name("wages.toml")
UNIT: Final = "yuan_per_hour"
HOME: Final = "441800"
"""The place whose floor stands in where a firm's own place has none."""


@dataclass(frozen=True, slots=True)
class WageFloor:
    """Fen for one hour from a day on, with the document it rests on and the article or number in it.

    `place`: six-digit code of the district, city or province, empty for a firm's own floor. `is_assumption`: that
    it applies here is ours to confirm. `is_borrowed`: another place's, for want of one of the firm's place.
    """

    effective_from: date
    hourly_fen: int
    source: str
    is_assumption: bool
    notice: str = ""
    place: str = ""
    is_borrowed: bool = False

    @property
    def hourly(self) -> Money:
        return Money(self.hourly_fen)

    @property
    def told(self) -> str:
        """Document and article in one line."""
        return f"{self.source}，{self.notice}" if self.notice else self.source


@cache
def shipped_floors() -> tuple[WageFloor, ...]:
    """The floors that come with the product, the earliest first."""
    told = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if told["unit"] != UNIT:
        raise ValueError(f"wage floors are given in {UNIT}")
    rows = [WageFloor(**row) for row in told["floor"]]
    days = [(row.place, row.effective_from) for row in rows]
    if len(set(days)) != len(days):
        raise ValueError("two wage floors of a place begin on the same day")
    return tuple(sorted(rows, key=lambda row: row.effective_from))


def _stem(code: str) -> str:
    """The part of a code that its districts share: 441800 is Qingyuan and begins 441802 as 4418."""
    while code.endswith("00"):
        code = code[:-2]
    return code


def in_force(floors: Iterable[WageFloor], day: date, place: str) -> WageFloor | None:
    """The floor of the narrowest place around `place`, of those the one that began last; later in the list wins ties."""
    found = [
        (len(_stem(floor.place)), floor.effective_from, number, floor)
        for number, floor in enumerate(floors)
        if floor.effective_from <= day and place.startswith(_stem(floor.place))
    ]
    return max(found, key=lambda row: row[:3])[3] if found else None


def floor_on(day: date, place: str = HOME, *, more: Iterable[WageFloor] = ()) -> WageFloor:
    """The floor in force at a place on a day, HOME's where it has none; `more`: what the operator set.

    LookupError before the first.
    """
    known = [*shipped_floors(), *more]
    found = in_force(known, day, place)
    if found is not None:
        return found
    found = in_force(known, day, HOME)
    if found is None:
        raise LookupError(f"no wage floor is in force on {day}")
    return replace(found, is_borrowed=True, is_assumption=True)
