"""Periods are half-open, business days are those of Shanghai, and make-up days are worked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock, workdays
from kernel.periods import Period

DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))


def test_a_business_year_starts_and_ends_at_midnight_in_shanghai() -> None:
    year = Period.of_year(2026)
    assert year.start == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert year.end == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert year.start in year
    assert year.end not in year
    assert year.end - timedelta(microseconds=1) in year


def test_days_belong_whole() -> None:
    period = Period.of_days(date(2026, 3, 2), date(2026, 3, 3))
    assert period.end - period.start == timedelta(days=2)
    assert clock.start_of(date(2026, 3, 4)) not in period


@pytest.mark.parametrize("shift", [0, -1])
def test_a_period_ends_after_it_starts(shift: int) -> None:
    start = clock.start_of(date(2026, 1, 1))
    with pytest.raises(ValueError, match="ends after"):
        Period(start, start + timedelta(seconds=shift))


@given(DAYS)
def test_years_and_days_tile_without_gap_or_overlap(day: date) -> None:
    assert Period.of_year(day.year).end == Period.of_year(day.year + 1).start
    assert clock.end_of(day) == clock.start_of(day + timedelta(days=1))
    assert clock.business_date(clock.start_of(day)) == day
    assert clock.business_date(clock.end_of(day) - timedelta(microseconds=1)) == day


def test_the_clock_moves_in_a_block_only() -> None:
    then = datetime(2024, 5, 1, tzinfo=UTC)
    with clock.moved_to(then):
        assert clock.now() == then
        with clock.moved_to(then + timedelta(days=1)):
            assert clock.now() == then + timedelta(days=1)
        assert clock.now() == then
    assert clock.now() > then


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        (date(2025, 1, 26), True),  # Sunday before Spring Festival, made up
        (date(2025, 1, 28), False),  # New Year's Eve
        (date(2025, 4, 27), True),  # Sunday made up for Labour Day
        (date(2025, 5, 1), False),
        (date(2025, 9, 28), True),  # Sunday made up for National Day
        (date(2025, 10, 8), False),
        (date(2025, 10, 11), True),  # Saturday made up
        (date(2025, 10, 12), False),  # an ordinary Sunday
        (date(2025, 10, 13), True),
    ],
)
def test_holidays_and_make_up_days_are_those_announced(day: date, is_worked: bool) -> None:
    assert workdays.is_announced(day)
    assert workdays.is_working_day(day) is is_worked


def test_ten_working_days_over_national_day_2025() -> None:
    # From Friday 26 September: 28, 29, 30 September, then 9, 10, 11, 13, 14, 15, 16 October.
    assert workdays.add_working_days(date(2025, 9, 26), 10) == date(2025, 10, 16)


def test_a_year_not_announced_counts_monday_to_friday() -> None:
    friday = date(2060, 1, 2)
    assert not workdays.is_announced(friday)
    assert workdays.add_working_days(friday, 1) == date(2060, 1, 5)


def test_days_off_by_law_are_no_working_days_before_the_notice() -> None:
    assert not workdays.is_announced(date(2027, 1, 1))
    assert not workdays.is_working_day(date(2027, 1, 1))
    # Five working days after 25 December 2026: 28, 29, 30, 31, then not New Year's Day (a Friday) but Monday.
    assert workdays.add_working_days(date(2026, 12, 25), 5) == date(2027, 1, 4)


NOTICE = """
[announced.2027]
document = "国办发明电〔示例〕1 号"
announced_on = 2026-11-20
off = [2027-01-01, 2027-01-04]
worked = [2027-01-09]
"""


@pytest.fixture
def notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "notice.toml"
    path.write_text(NOTICE, encoding="utf-8")
    monkeypatch.setenv("WORKDAYS_FILE", str(path))
    workdays._calendar.cache_clear()
    yield path
    monkeypatch.delenv("WORKDAYS_FILE")
    workdays._calendar.cache_clear()


def test_a_notice_entered_in_a_file_counts(notice: Path) -> None:
    assert workdays.is_announced(date(2027, 1, 1))
    assert not workdays.is_working_day(date(2027, 1, 4))
    assert workdays.is_working_day(date(2027, 1, 9))
    assert workdays.is_working_day(date(2027, 4, 5)), "the notice says all of its year"
    assert workdays.add_working_days(date(2026, 12, 25), 5) == date(2027, 1, 5)
    told = workdays.announcement_of(2027)
    assert told is not None
    assert told.announced_on == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (NOTICE.replace("2027-01-04", "2028-01-04"), "year 2027, off"),
        (NOTICE.replace("announced_on = 2026-11-20", ""), "document and announced_on"),
        ("[announced", "notice.toml"),
    ],
)
def test_a_file_that_is_not_sound_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "notice.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(workdays.CalendarUnsound, match=wrong):
        workdays.read(path)


@given(DAYS, st.integers(0, 40))
def test_adding_and_counting_agree(start: date, count: int) -> None:
    end = workdays.add_working_days(start, count)
    assert workdays.working_days_between(start, end) == count
    assert count == 0 or workdays.is_working_day(end)


def test_days_are_not_taken_back() -> None:
    with pytest.raises(ValueError, match="negative"):
        workdays.add_working_days(date(2025, 1, 1), -1)
    assert workdays.working_days_between(date(2025, 1, 3), date(2025, 1, 2)) == 0
