"""Money in integer fen (1 yuan = 100 fen); no floats come near it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models

_YUAN = re.compile(r"-?\d{1,15}(?:\.\d{1,2})?")


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount of renminbi, held as a whole number of fen.

    Unit: fen. Raises TypeError for anything but int, so a float can never enter.
    """

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            raise TypeError(f"Money takes a whole number of fen, not {type(self.fen).__name__}")

    @classmethod
    def from_yuan(cls, text: str | int | Decimal) -> Money:
        """Read yuan with at most two decimals ("12.34", 12, Decimal); ValueError otherwise."""
        if isinstance(text, float):
            raise TypeError("Money.from_yuan takes text, int or Decimal, never a float")
        written = f"{text:f}" if isinstance(text, Decimal) else str(text).strip().replace(",", "")
        if not _YUAN.fullmatch(written):
            raise ValueError(f"not an amount in yuan with at most two decimals: {text!r}")
        return cls(int(Decimal(written).scaleb(2)))

    @classmethod
    def sum(cls, amounts: Iterable[Money]) -> Money:
        """Add up any number of amounts; nothing at all is zero."""
        return cls(sum(amount.fen for amount in amounts))

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __mul__(self, times: int) -> Money:
        return Money(self.fen * times)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __bool__(self) -> bool:
        return self.fen != 0

    def share(self, numerator: int, denominator: int) -> Money:
        """The exact ratio numerator/denominator of this amount, floored to the fen."""
        return Money(self.fen * numerator // denominator)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Divide by whole-number weights without losing a fen (largest remainders first).

        Raises ValueError when no weight is positive or one is negative.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        parts = [self.fen * weight // total for weight in weights]
        remainders = [self.fen * weight % total for weight in weights]
        order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
        for i in order[: self.fen - sum(parts)]:
            parts[i] += 1
        return [Money(part) for part in parts]

    @property
    def yuan(self) -> str:
        """Plain yuan with two decimals and no separators, as machines read it: "-1234.50"."""
        sign = "-" if self.fen < 0 else ""
        return f"{sign}{abs(self.fen) // 100}.{abs(self.fen) % 100:02d}"

    def __str__(self) -> str:
        sign = "-" if self.fen < 0 else ""
        return f"{sign}¥{abs(self.fen) // 100:,}.{abs(self.fen) % 100:02d}"


class FenField(models.BigIntegerField):  # type: ignore[type-arg]
    """A BIGINT column holding fen; name it `…_fen`. The Python value is a plain int."""

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Money):
            return value.fen
        if isinstance(value, float):
            raise TypeError("fen columns take whole numbers, never a float")
        return super().get_prep_value(value)
