"""Dated parameters: every number of a policy, with its article, unit and period, apart from the code.

A later version of the policy is a new set of rows, never an edit. Rows of one name may not overlap; a name
without a row on the day asked for is an error, never a zero.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from settlement.rewards.engine.texts import Text

ParameterValue = int | bool | str | date | Fraction | tuple[str, ...]
UNITS = ("fen", "ratio", "years", "count", "flag", "codes", "date", "rounding", "months")


class UndefinedParameter(LookupError):
    """No row of that name applies on that day."""


class OverlappingParameters(ValueError):
    """Two rows of one name apply on the same day."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row: a value in force from `effective_from` (inside) to `effective_to` (outside; None: open).

    `is_assumption` marks what the text does not say and this installation assumes; `note` says why.
    """

    name: str
    label: Text
    value: ParameterValue
    unit: str
    article: str
    effective_from: date
    effective_to: date | None
    promulgated: date | None
    is_assumption: bool
    note: Text

    def applies_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)

    def plain(self) -> dict[str, Any]:
        """As it is cited in a trace."""
        return {
            "name": self.name,
            "label": self.label.plain(),
            "value": plain_value(self.value),
            "unit": self.unit,
            "article": self.article,
            "effective_from": self.effective_from.isoformat(),
            "effective_to": self.effective_to.isoformat() if self.effective_to else None,
            "is_assumption": self.is_assumption,
        }


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the policy: its document and all its parameter rows."""

    name: str
    label: Text
    document: Text
    document_sha256: str
    status: Text
    parameters: tuple[Parameter, ...]

    @property
    def first_day(self) -> date:
        """The earliest day on which any row is in force."""
        return min(row.effective_from for row in self.parameters)

    def at(self, name: str, day: date) -> Parameter:
        """The row in force on `day`; UndefinedParameter when there is none."""
        for row in self.parameters:
            if row.name == name and row.applies_on(day):
                return row
        raise UndefinedParameter(f"{self.name}: no parameter {name} on {day}")

    def in_force(self, day: date) -> list[Parameter]:
        """All rows in force on `day`, in the order of the file."""
        return [row for row in self.parameters if row.applies_on(day)]

    def with_values(self, values: Mapping[str, ParameterValue]) -> PolicyVersion:
        """The same version with other values in the place of some; for comparing, never for a decision kept."""
        rows = tuple(replace(row, value=values.get(row.name, row.value)) for row in self.parameters)
        return replace(self, parameters=rows)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(row.name for row in self.parameters)


def plain_value(value: Any) -> Any:
    """A value as documents hold it."""
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def load(path: Path) -> PolicyVersion:
    """Read a version from its TOML file; OverlappingParameters or ValueError when it is not sound."""
    return read(table(path))


def table(path: Path) -> dict[str, Any]:
    """The parsed TOML of a measure, with what `shared` (a file beside it) says for all measures."""
    own = tomllib.loads(path.read_text(encoding="utf-8"))
    shared = own.pop("shared", None)
    if shared is None:
        return own
    common = tomllib.loads((path.parent / shared).read_text(encoding="utf-8"))
    return {**common, **own, "parameter": [*own.get("parameter", []), *common["parameter"]]}


def read(table: Mapping[str, Any]) -> PolicyVersion:
    """Build a version from the parsed TOML and refuse overlapping rows."""
    rows = tuple(_row(each) for each in table["parameter"])
    by_name: dict[str, list[Parameter]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    for name, found in by_name.items():
        ordered = sorted(found, key=lambda row: row.effective_from)
        for earlier, later in pairwise(ordered):
            if earlier.effective_to is None or later.effective_from < earlier.effective_to:
                raise OverlappingParameters(
                    f"{table['name']}: rows of {name} overlap on {later.effective_from}"
                )
    return PolicyVersion(
        name=table["name"],
        label=Text.read(table["label"]),
        document=Text.read(table["document"]["title"]),
        document_sha256=table["document"]["sha256"],
        status=Text.read(table["document"]["status"]),
        parameters=rows,
    )


def _row(row: Mapping[str, Any]) -> Parameter:
    start, end = row["effective_from"], row.get("effective_to")
    if end is not None and end <= start:
        raise ValueError(f"{row['name']}: ends before it starts")
    unit = "fen" if row["unit"] == "yuan" else row["unit"]
    if unit not in UNITS:
        raise ValueError(f"{row['name']}: unknown unit {row['unit']}")
    note = row.get("note")
    return Parameter(
        name=row["name"],
        label=Text.read(row["label"]),
        value=_value(row),
        unit=unit,
        article=row["article"],
        effective_from=start,
        effective_to=end,
        promulgated=row.get("promulgated"),
        is_assumption=row.get("assumption", False),
        note=Text.read(note) if note else Text("", ""),
    )


def _value(row: Mapping[str, Any]) -> ParameterValue:
    value, unit = row["value"], row["unit"]
    if unit == "yuan":
        whole, _dot, cents = str(value).replace(",", "").partition(".")
        if not (isinstance(value, str) and whole.isdigit() and len(cents) == 2 and cents.isdigit()):
            raise ValueError(f'{row["name"]}: yuan are written like "5,000,000.00"')
        return int(whole) * 100 + int(cents)
    if unit == "ratio":
        return Fraction(value)
    if unit == "codes":
        return tuple(value)
    kinds: dict[str, type] = {
        "years": int,
        "count": int,
        "months": int,
        "flag": bool,
        "date": date,
        "rounding": str,
    }
    if type(value) is not kinds.get(unit, object):
        raise ValueError(f"{row['name']}: {value!r} is not a value in {unit}")
    return cast(ParameterValue, value)
