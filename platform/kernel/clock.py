"""The one place that reads the system clock, and the business time zone.

Storage is UTC; business days and years are those of Asia/Shanghai. Only the edges (pages,
API, tasks, command line) call `now()`; services are given `at`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_fixed: ContextVar[datetime | None] = ContextVar("fixed_clock", default=None)


def now() -> datetime:
    """The present moment in UTC, or the moment set by `moved_to`."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def moved_to(at: datetime) -> Iterator[None]:
    """Let `now()` answer `at` inside the block (demo city and tests)."""
    token = _fixed.set(at)
    try:
        yield
    finally:
        _fixed.reset(token)


def business_date(at: datetime) -> date:
    """The calendar day in Asia/Shanghai on which `at` falls."""
    return at.astimezone(SHANGHAI).date()


def business_year(at: datetime) -> int:
    """The calendar year in Asia/Shanghai in which `at` falls."""
    return business_date(at).year


def start_of(day: date) -> datetime:
    """The first moment of `day` in Asia/Shanghai, in UTC."""
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The first moment after `day` in Asia/Shanghai, in UTC (half-open end)."""
    return start_of(day + timedelta(days=1))
