"""Judging a bank statement: what each column takes, what is wrong with a row. No database, no clock.

The formats end in the same `BankRow`s; every fault has a stable code, `wording` has its sentence.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from exchange.filings.judging import (
    Cell,
    Column,
    Fault,
    Wrong,
    is_empty,
    read_day,
    read_fen,
    read_uscc,
    read_words,
)

MOST_ROWS = 5_000
NAMESPACE = uuid.UUID("6f1b6b0e-6a57-5a0e-8f43-0d3f4f0b7c21")
_ACCOUNT = re.compile(r"[0-9A-Za-z][-0-9A-Za-z]{0,39}")


def _account(cell: Cell) -> str:
    text = str(read_words(40)(str(cell) if isinstance(cell, int) else cell)).replace(" ", "")
    if not _ACCOUNT.fullmatch(text):
        raise Wrong("number_form")
    return text


def _reference(cell: Cell) -> str:
    text = str(read_words(64)(str(cell) if isinstance(cell, int) else cell))
    if not text.isprintable() or " " in text:
        raise Wrong("number_form")
    return text


COLUMNS: tuple[Column, ...] = (
    Column("reference", "银行流水号", _reference, "银行给每笔流水的唯一编号，64 字以内，不含空格"),
    Column("booked_on", "记账日期", read_day, "写作 2026-03-02；不能是将来的日子"),
    Column("credit", "收入金额（元）", read_fen, "与支出二选一，大于 0，最多两位小数", is_required=False),
    Column("debit", "支出金额（元）", read_fen, "与收入二选一，大于 0，最多两位小数", is_required=False),
    Column("party_name", "对方户名", read_words(120), "120 字以内", is_required=False),
    Column("party_account", "对方账号", _account, "40 位以内的字母和数字", is_required=False),
    Column("party_uscc", "对方统一社会信用代码", read_uscc, "18 位，银行提供时填写", is_required=False),
    Column("virtual_account", "收款虚拟账号", _account, "汇入专属账号时填写", is_required=False),
    Column("balance", "余额（元）", read_fen, "记账后的余额", is_required=False),
    Column("text", "附言", read_words(300), "300 字以内", is_required=False),
)
BY_HEADING = {column.heading: column for column in COLUMNS}
_TOLD = (
    "booked_on", "amount_fen", "party_name", "party_account", "party_uscc", "virtual_account", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BankRow:
    """A row that holds; `amount_fen` is positive for money that came in."""

    number: int
    reference: str
    booked_on: date
    amount_fen: int
    party_name: str = ""
    party_account: str = ""
    party_uscc: str = ""
    virtual_account: str = ""
    balance_fen: int | None = None
    text: str = ""

    def id_in(self, account: str) -> uuid.UUID:
        """The same line of an account has the same id whichever file it comes in."""
        return uuid.uuid5(NAMESPACE, f"{account}\n{self.reference}")

    @property
    def content_sha256(self) -> str:
        told = {name: getattr(self, name) for name in _TOLD}
        plain = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(slots=True)
class Statement:
    """What a file says before it is compared with what is known: account (if it names one), rows, faults."""

    account: str = ""
    row_count: int = 0
    rows: list[BankRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Judged:
    """The statement against what is known: new rows, known rows, every fault."""

    account: str
    row_count: int
    new: list[BankRow]
    known: list[BankRow]
    faults: list[Fault]

    @property
    def faulty_count(self) -> int:
        return len({fault.row for fault in self.faults})


def shown(cell: Cell) -> str:
    """A cell as it may be told back: cut, nothing unprintable."""
    text = "" if cell is None else str(cell)
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:40]


def judge_row(number: int, cells: Mapping[str, Cell]) -> tuple[BankRow | None, list[Fault]]:
    """One row of the template: its values when it holds, else its faults."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in COLUMNS:
        cell = cells.get(column.name)
        if is_empty(cell):
            if column.is_required:
                faults.append(Fault(number, column.name, "missing"))
            continue
        try:
            values[column.name] = column.read(cell)
        except Wrong as wrong:
            faults.append(Fault(number, column.name, wrong.code, shown(cell)))
    bad = {fault.column for fault in faults}
    if not bad & {"credit", "debit"}:
        credit, debit = values.get("credit"), values.get("debit")
        if credit is None and debit is None:
            faults.append(Fault(number, "credit", "side_missing"))
        elif credit is not None and debit is not None:
            faults.append(Fault(number, "debit", "side_twice", shown(cells.get("debit"))))
        elif (debit if credit is None else credit) < 1:  # type: ignore[operator]
            side = "credit" if credit is not None else "debit"
            faults.append(Fault(number, side, "not_positive", shown(cells.get(side))))
    if faults:
        return None, faults
    amount = values["credit"] if values.get("credit") is not None else -values["debit"]
    texts = {name: values.get(name, "") for name in ("party_name", "party_account", "party_uscc", "virtual_account", "text")}  # fmt: skip
    return BankRow(
        number, values["reference"], values["booked_on"], amount, balance_fen=values.get("balance"), **texts
    ), []


def judge(
    statement: Statement,
    *,
    account: str,
    today: date,
    known: Callable[[Sequence[str]], Mapping[str, str]],
) -> Judged:
    """The statement against itself and against what was imported before (`known`: reference → content hash)."""
    faults = list(statement.faults)
    seen: dict[str, BankRow] = {}
    for row in statement.rows:
        if row.booked_on > today:
            faults.append(Fault(row.number, "booked_on", "date_future", row.booked_on.isoformat()))
        before = seen.setdefault(row.reference, row)
        if before is not row:
            code = "duplicate_in_file" if before.content_sha256 == row.content_sha256 else "reference_twice"
            faults.append(Fault(row.number, "reference", code, row.reference[:40]))
    held = known(list(seen))
    new, old = [], []
    for row in statement.rows:
        if row.reference not in held:
            new.append(row)
        elif held[row.reference] == row.content_sha256:
            old.append(row)
        else:
            faults.append(Fault(row.number, "reference", "reference_reused", row.reference[:40]))
    bad = {fault.row for fault in faults}
    return Judged(
        account,
        statement.row_count,
        [row for row in new if row.number not in bad],
        [row for row in old if row.number not in bad],
        sorted(faults, key=lambda fault: fault.row),
    )
