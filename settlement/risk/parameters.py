"""Dated thresholds of the signals: every number with its label, unit, period, basis and reason, apart from the code.

A calibrated threshold is a new row, never an edit. Rows of one name may not overlap; a name without a row on
the day asked for is an error, never a zero.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.utils import translation

FILE = Path(__file__).with_name("parameters.toml")
UNITS = ("yuan", "ratio", "days", "count")


class UndefinedParameter(LookupError):
    """No row of that name applies on that day."""


class OverlappingParameters(ValueError):
    """Two rows of one name apply on the same day."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row: in force from `effective_from` (inside) to `effective_to` (outside; None: open).

    `value` is fen for "yuan", a fraction for "ratio", a whole number for "days" and "count".
    """

    name: str
    signal: str
    label: Mapping[str, str]
    value: int | Fraction
    unit: str
    basis: str
    effective_from: date
    effective_to: date | None
    note: Mapping[str, str]

    def applies_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)

    @property
    def shown_label(self) -> str:
        return _in_language(self.label)

    @property
    def shown_note(self) -> str:
        return _in_language(self.note)


def _in_language(text: Mapping[str, str]) -> str:
    return text["en" if (translation.get_language() or "").startswith("en") else "zh"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The thresholds in force on one day."""

    version: str
    rows: Mapping[str, Parameter]

    def _row(self, name: str, unit: str) -> Parameter:
        row = self.rows.get(name)
        if row is None:
            raise UndefinedParameter(f"{self.version}: no parameter {name}")
        assert row.unit == unit, f"{name} is in {row.unit}, not in {unit}"
        return row

    def fen(self, name: str) -> int:
        return int(self._row(name, "yuan").value)

    def ratio(self, name: str) -> Fraction:
        return Fraction(self._row(name, "ratio").value)

    def days(self, name: str) -> int:
        return int(self._row(name, "days").value)

    def count(self, name: str) -> int:
        return int(self._row(name, "count").value)


@cache
def _file() -> tuple[str, tuple[Parameter, ...]]:
    return read(tomllib.loads(FILE.read_text(encoding="utf-8")))


def read(table: Mapping[str, Any]) -> tuple[str, tuple[Parameter, ...]]:
    """Name and rows of a parsed file; refuses overlapping rows, unknown units and periods that end before they start."""
    rows = tuple(_row(each) for each in table["parameter"])
    by_name: dict[str, list[Parameter]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    for name, found in by_name.items():
        for earlier, later in pairwise(sorted(found, key=lambda row: row.effective_from)):
            if earlier.effective_to is None or later.effective_from < earlier.effective_to:
                raise OverlappingParameters(f"rows of {name} overlap on {later.effective_from}")
    return table["name"], rows


def _row(row: Mapping[str, Any]) -> Parameter:
    start, end, unit = row["effective_from"], row.get("effective_to"), row["unit"]
    if unit not in UNITS:
        raise ValueError(f"{row['name']}: unknown unit {unit}")
    if end is not None and end <= start:
        raise ValueError(f"{row['name']}: ends before it starts")
    return Parameter(
        name=row["name"],
        signal=row["signal"],
        label=row["label"],
        value=_value(row["name"], row["value"], unit),
        unit=unit,
        basis=row["basis"],
        effective_from=start,
        effective_to=end,
        note=row["note"],
    )


def _value(name: str, value: Any, unit: str) -> int | Fraction:
    if unit == "yuan":
        whole, _dot, cents = str(value).replace(",", "").partition(".")
        if not (isinstance(value, str) and whole.isdigit() and len(cents) == 2 and cents.isdigit()):
            raise ValueError(f'{name}: yuan are written like "5,000,000.00"')
        return int(whole) * 100 + int(cents)
    if unit == "ratio":
        return Fraction(value)
    if type(value) is not int:
        raise ValueError(f"{name}: {value!r} is not a whole number")
    return value


def all_rows() -> tuple[Parameter, ...]:
    """Every row of the file, past and future ones too, in its order."""
    return _file()[1]


def in_force(day: date) -> Parameters:
    """The thresholds that apply on `day`."""
    version, rows = _file()
    return Parameters(version, {row.name: row for row in rows if row.applies_on(day)})
