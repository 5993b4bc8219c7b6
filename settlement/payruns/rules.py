"""Pure arithmetic of pay: what is withheld, by dated tables; bank account numbers. Integer fen, floored to the fen."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("withholding.toml")


@dataclass(frozen=True, slots=True)
class Bracket:
    """Taxable income up to `to_fen` (None: no end) is taxed at `rate_bp` less `quick_deduction_fen`."""

    to_fen: int | None
    rate_bp: int
    quick_deduction_fen: int


@dataclass(frozen=True, slots=True)
class Table:
    """One dated withholding table; `source` is its article, `is_assumption` that its application is our assumption."""

    effective_from: date
    source: str
    is_assumption: bool
    small_income_fen: int
    small_deduction_fen: int
    deduction_bp: int
    brackets: Sequence[Bracket]


@dataclass(frozen=True, slots=True)
class Withheld:
    """The line of a slip: income, deduction, taxable, rate, quick deduction, tax; all of the month."""

    income: int
    deduction: int
    taxable: int
    rate_bp: int
    quick_deduction: int
    tax: int


@cache
def tables() -> tuple[Table, ...]:
    """All tables, the oldest first; ValueError when they overlap or a table's brackets do not rise."""
    found = []
    for each in tomllib.loads(_FILE.read_text())["tables"]:
        brackets = [
            Bracket(b.get("to_fen"), b["rate_bp"], b["quick_deduction_fen"]) for b in each.pop("brackets")
        ]
        ends = [b.to_fen for b in brackets]
        if ends[-1] is not None or None in ends[:-1] or sorted(e for e in ends if e) != ends[:-1]:
            raise ValueError("brackets rise and the last has no end")
        found.append(Table(**each, brackets=tuple(brackets)))
    if sorted({table.effective_from for table in found}) != [table.effective_from for table in found]:
        raise ValueError("each table has a day of its own, the oldest first")
    return tuple(found)


def table_on(day: date) -> Table:
    """The table in force on a day; ValueError before the first."""
    held = [table for table in tables() if table.effective_from <= day]
    if not held:
        raise ValueError(f"no withholding table is in force on {day}")
    return held[-1]


def withheld(income: int, table: Table) -> Withheld:
    """What is withheld of a month's income of one person from one payer, in fen."""
    assert income >= 0, "income is never negative"
    if income <= table.small_income_fen:
        deduction = min(table.small_deduction_fen, income)
    else:
        deduction = -(-income * table.deduction_bp // 10_000)
    taxable = income - deduction
    bracket = next(b for b in table.brackets if b.to_fen is None or taxable <= b.to_fen)
    tax = max(taxable * bracket.rate_bp // 10_000 - bracket.quick_deduction_fen, 0)
    return Withheld(income, deduction, taxable, bracket.rate_bp, bracket.quick_deduction_fen, tax)


def tax_of_part(*, before: int, amount: int, already: int, table: Table) -> Withheld:
    """The line for `amount` paid after `before` in the same month of which `already` was withheld.

    The tax is that of the whole month less what was withheld, never below zero and never above the amount.
    """
    month = withheld(before + amount, table)
    tax = min(max(month.tax - already, 0), amount)
    return Withheld(month.income, month.deduction, month.taxable, month.rate_bp, month.quick_deduction, tax)


def is_card_number(number: str) -> bool:
    """12 to 19 digits; numbers of 16 and more with their Luhn check digit right."""
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    if len(number) < 16:
        return True
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
