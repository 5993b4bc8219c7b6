"""Chinese working days: public holidays off, make-up days on.

Source: the State Council's yearly holiday notices, as kept in the `chinesecalendar` package.
A year that has not been announced yet counts Monday to Friday; `is_announced` tells.
"""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar


def is_announced(day: date) -> bool:
    """Whether the holiday notice covering this day is known."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def is_working_day(day: date) -> bool:
    """Whether people work on this day (make-up weekends included)."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


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
