"""Sentences in Chinese and English, side by side, and how values are shown in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_NAMES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """The same sentence in both languages; `{name}` stands for a value."""

    zh: str
    en: str

    def filled(self, find: Callable[[str], Text]) -> Text:
        """Both sentences with the values that `find` gives for the names in braces."""
        return Text(
            _NAMES.sub(lambda found: find(found[1]).zh, self.zh),
            _NAMES.sub(lambda found: find(found[1]).en, self.en),
        )

    def plain(self) -> dict[str, str]:
        """As it stands in a document."""
        return {"zh": self.zh, "en": self.en}

    @classmethod
    def read(cls, table: Mapping[str, str]) -> Text:
        """From a TOML table or a document: both languages must be there."""
        return cls(table["zh"], table["en"])


NONE = Text("--", "--")
EMPTY = Text("", "")


def yuan(fen: int) -> str:
    """Fen as `¥1,234.56`, with a real minus sign."""
    sign = "−" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def percent(ratio: Fraction) -> str:
    """An exact ratio for people: 1/100 → 1%, others as a fraction."""
    hundredths = ratio * 100
    return (
        f"{hundredths.numerator}%"
        if hundredths.denominator == 1
        else f"{ratio.numerator}/{ratio.denominator}"
    )


def shown(value: Any, unit: str) -> Text:
    """A value as both languages write it; `unit` is one of `parameters.UNITS` or `facts.FACT_UNITS`."""
    if value is None:
        return NONE
    if unit == "flag":
        return Text("是", "yes") if value else Text("否", "no")
    if unit == "codes":
        return Text("、".join(value), ", ".join(value))
    if unit == "awards":
        return Text(f"{len(value)} 次", str(len(value)))
    if unit in ("rows", "readings"):
        return Text(f"{len(value)} 条", str(len(value)))
    text = str(value)
    if unit == "fen":
        text = yuan(int(value // 1))
    elif unit == "ratio":
        text = percent(value)
    elif unit == "count":
        text = f"{value:,}"
    return Text(text, text)
