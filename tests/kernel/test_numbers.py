"""Public numbers are unique and notice one mistyped or two swapped characters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_2

from kernel.numbers import SERIES, is_valid, new_number
from tests.cast import NOON

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number(series: str, serial: int) -> str:
    body = f"{series}-2026-{serial:07d}"
    return f"{body}-{mod_37_2.calc_check_digit(body.replace('-', ''))}"


@pytest.mark.django_db
@pytest.mark.parametrize("series", sorted(SERIES))
def test_each_series_counts_up_by_itself(series: str) -> None:
    first, second = new_number(series, NOON), new_number(series, NOON)
    assert first.startswith(f"{series}-2026-")
    assert 1 <= int(second[8:15]) - int(first[8:15]) <= 2  # a serial whose check would be * is left out
    assert is_valid(first)
    assert is_valid(second.lower().replace("-", ""))


@pytest.mark.django_db
def test_the_year_is_that_of_shanghai() -> None:
    assert new_number("DD", datetime(2025, 12, 31, 15, 59, tzinfo=UTC)).startswith("DD-2025-")
    assert new_number("DD", datetime(2025, 12, 31, 16, 0, tzinfo=UTC)).startswith("DD-2026-")


def test_an_unknown_series_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        new_number("XX", NOON)
    assert not is_valid(number("XX", 1))
    assert not is_valid("")
    assert not is_valid("DD")


@given(
    st.sampled_from(sorted(SERIES)), st.integers(0, 9_999_999), st.integers(0, 13), st.sampled_from(ALPHABET)
)
def test_one_wrong_character_is_noticed(series: str, serial: int, place: int, wrong: str) -> None:
    right = number(series, serial).replace("-", "")
    assert is_valid(right)
    mistyped = right[:place] + wrong + right[place + 1 :]
    assert is_valid(mistyped) == (mistyped == right)


@given(st.sampled_from(sorted(SERIES)), st.integers(0, 9_999_999), st.integers(6, 11))
def test_two_swapped_digits_are_noticed(series: str, serial: int, place: int) -> None:
    right = number(series, serial).replace("-", "")
    swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    # Equal neighbours are no mistake.
    if swapped != right and {right[place], right[place + 1]} != {"0", "Z"}:
        assert not is_valid(swapped)
