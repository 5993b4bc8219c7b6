"""Chinese working days: public holidays off, make-up days on.

Source: the State Council's yearly holiday notices, as kept in the `chinesecalendar` package; later notices are entered in
`workdays.toml` or in the file that WORKDAYS_FILE names. A year that is not announced yet counts Monday to Friday less
the days off that are certain by law; `is_announced` tells, and what was counted so is counted anew after the notice.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import chinese_calendar

_KEPT = Path(__file__).with_suffix(".toml")


class CalendarUnsound(Exception):
    """A file of working days says something that cannot be; the sentence names file, year and remedy."""


@dataclass(frozen=True, slots=True)
class Announced:
    """One year's notice: its number, and what it changes about the week."""

    document: str
    announced_on: date
    off: frozenset[date]
    worked: frozenset[date]


@dataclass(frozen=True, slots=True)
class Calendar:
    """What files say beyond the package: `announced` years whole, `statutory` days off of years without notice."""

    announced: dict[int, Announced] = field(default_factory=dict)
    statutory: frozenset[date] = frozenset()


def read(*paths: Path) -> Calendar:
    """The calendars of the files, the later overriding the earlier; CalendarUnsound names what is wrong."""
    announced: dict[int, Announced] = {}
    statutory: set[date] = set()
    for path in paths:
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise CalendarUnsound(f"{path}: {problem}") from problem
        for year, told in found.get("announced", {}).items():
            days = {name: _days(path, year, told, name) for name in ("off", "worked")}
            document, on = told.get("document"), told.get("announced_on")
            if not document or type(on) is not date:
                raise CalendarUnsound(f"{path}: year {year} needs document and announced_on")
            announced[int(year)] = Announced(document, on, days["off"], days["worked"])
        for year, told in found.get("statutory", {}).items():
            statutory |= _days(path, year, told, "off")
    return Calendar(announced, frozenset(statutory))


def _days(path: Path, year: str, told: dict[str, Any], name: str) -> frozenset[date]:
    days = told.get(name, [])
    if not year.isdecimal() or any(type(day) is not date or day.year != int(year) for day in days):
        raise CalendarUnsound(f"{path}: year {year}, {name}: write days of that year as {year}-01-01")
    return frozenset(days)


@cache
def _calendar() -> Calendar:
    named = os.environ.get("WORKDAYS_FILE", "")
    return read(_KEPT, *([Path(named)] if named else []))


def announcement_of(year: int) -> Announced | None:
    """The notice of the year that a file holds; None when the package holds it, or nobody does."""
    return _calendar().announced.get(year)


def is_announced(day: date) -> bool:
    """Whether the holiday notice covering this day is known."""
    if day.year in _calendar().announced:
        return True
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def is_working_day(day: date) -> bool:
    """Whether people work on this day (make-up weekends included)."""
    if (told := _calendar().announced.get(day.year)) is not None:
        return day in told.worked or (day.weekday() < 5 and day not in told.off)
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5 and day not in _calendar().statutory


def add_working_days(start: date, count: int) -> date:
    """The `count`-th working day after `start`; the start itself never counts (count ≥ 0)."""
    if count < 0:
        raise ValueError("count must not be negative")
    day = start
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


def working_days_between(start: date, end: date) -> int:
    """Working days after `start` up to and including `end`; zero when `end` is not later."""
    days = (end - start).days
    return sum(is_working_day(start + timedelta(days=i)) for i in range(1, days + 1))
