"""Half-open periods of time: the start belongs, the end does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from kernel import clock


@dataclass(frozen=True, slots=True)
class Period:
    """The moments from `start` (inside) to `end` (outside), both aware datetimes in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("a period ends after it starts")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    @classmethod
    def of_year(cls, year: int) -> Period:
        """The business year (Asia/Shanghai)."""
        return cls(clock.start_of(date(year, 1, 1)), clock.start_of(date(year + 1, 1, 1)))

    @classmethod
    def of_days(cls, first: date, final: date) -> Period:
        """All of both business days and what lies between."""
        return cls(clock.start_of(first), clock.end_of(final))
