"""Money never loses a fen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money


def test_yuan_are_read_exactly() -> None:
    assert Money.from_yuan("4,999,999.99") == Money(499_999_999)
    assert str(Money(499_999_999)) == "¥4,999,999.99"
    assert Money(-1).yuan == "-0.01"


@pytest.mark.parametrize("wrong", ["1.234", "", "abc", "1e3", "--2"])
def test_what_is_not_an_amount_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.from_yuan(wrong)


def test_a_float_never_enters() -> None:
    with pytest.raises(TypeError):
        Money(1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money.from_yuan(0.1)  # type: ignore[arg-type]


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_a_split_adds_up_to_the_whole(fen: int, weights: list[int]) -> None:
    parts = Money(fen).split(weights)
    assert Money.sum(parts) == Money(fen)
    for part, weight in zip(parts, weights, strict=True):
        exact = fen * weight // sum(weights)
        assert exact <= part.fen <= exact + 1
