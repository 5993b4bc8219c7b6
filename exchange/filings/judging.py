"""Judging the rows of past trades: what each column takes, and what is wrong with a cell. No database, no clock.

Every fault has a stable code; `wording` has its sentence.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from stdnum.cn import uscc as stdnum_uscc
from stdnum.exceptions import ValidationError as StdnumError

from assets.registry.states import ProductKind
from kernel.money import Money

SHEET = "历史交易"
MOST_ROWS = 5_000
FIRST_DAY = date(2010, 1, 1)
LARGEST_FEN = 10**15  # ten trillion yuan
NAMESPACE = uuid.UUID("0d9f3a52-5f0c-5c0e-9b57-6d2f6f0c1a11")
KINDS: dict[str, str] = {
    "数据集": "dataset", "数据服务接口": "data_service", "数据指标": "indicator", "数据报告": "report",
    "数据模型算法": "model", "数据应用": "application", "标注服务": "annotation_service",
}  # fmt: skip
assert set(KINDS.values()) <= set(ProductKind.values)

_NUMBER = re.compile(r"[0-9A-Za-z\u4e00-\u9fff][-0-9A-Za-z/_.()（）〔〕\u4e00-\u9fff]*")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_YUAN = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?")
_SHOWN = 40
Cell = str | int | float | bool | date | datetime | None


class Wrong(ValueError):
    """What is wrong with one cell, by its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad cell: row as a spreadsheet counts, column (name), code, the value as it was found (cut)."""

    row: int
    column: str
    code: str
    value: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "code": self.code, "value": self.value}


@dataclass(frozen=True, slots=True)
class PastRow:
    """A row that holds: the values as the table keeps them (days as ISO text, amounts in fen)."""

    number: int
    values: dict[str, Any]

    @property
    def voucher_number(self) -> str:
        return str(self.values["voucher_number"])

    @property
    def id(self) -> uuid.UUID:
        """The same trade has the same id wherever it is imported."""
        return uuid.uuid5(NAMESPACE, self.voucher_number)

    @property
    def content_sha256(self) -> str:
        told = json.dumps(self.values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(slots=True)
class Judged:
    """What a file holds: how many rows, those that hold, and every fault."""

    row_count: int = 0
    rows: list[PastRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    known: list[PastRow] = field(default_factory=list)

    @property
    def faulty_count(self) -> int:
        """Rows with at least one fault."""
        return len({fault.row for fault in self.faults})


# --- one cell -----------------------------------------------------------------------------------


def _is_wide(text: str) -> bool:
    """Whether a digit, letter or sign stands in its full-width form."""
    return any("\uff01" <= letter <= "\uff5e" or letter == "\u3000" for letter in text)


def _plain(cell: Cell) -> str:
    """The cell as text; Wrong for kinds that no column takes."""
    if isinstance(cell, bool):
        raise Wrong("not_text")
    if isinstance(cell, str):
        text = cell.strip()
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Cn") for letter in text):
            raise Wrong("control_character")
        if any(unicodedata.category(letter) == "Cf" for letter in text):
            raise Wrong("invisible_character")
        return text
    if isinstance(cell, float):
        if not math.isfinite(cell):
            raise Wrong("not_text")
        return str(int(cell)) if cell.is_integer() and abs(cell) < 10**15 else repr(cell)
    if isinstance(cell, int):
        return str(cell)
    raise Wrong("not_text")


def _no_formula(text: str, signs: str = "=+-@＝＋－＠") -> None:
    if text[:1] in signs:
        raise Wrong("formula")
    if text.startswith("#") and text.rstrip("!?").isascii() and text.isupper():  # #REF!, #N/A, #NAME?
        raise Wrong("cell_error")


def _words(most: int) -> Callable[[Cell], str]:
    def judged(cell: Cell) -> str:
        if not isinstance(cell, str):
            raise Wrong("not_text")
        text = _plain(cell)
        _no_formula(text)
        if len(text) > most:
            raise Wrong("too_long")
        return text

    return judged


def _number(cell: Cell) -> str:
    text = _plain(cell)
    _no_formula(text)
    if len(text) > 64:
        raise Wrong("too_long")
    if _is_wide(text.replace("（", "").replace("）", "")):
        raise Wrong("full_width")
    if not _NUMBER.fullmatch(text):
        raise Wrong("number_form")
    return text


def _uscc(cell: Cell) -> str:
    text = _plain(cell)
    _no_formula(text)
    if _is_wide(text):
        raise Wrong("full_width")
    if len(text) != 18:
        raise Wrong("uscc_length")
    if not re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", text):
        raise Wrong("uscc_character")
    try:
        found: str = stdnum_uscc.validate(text)
    except StdnumError as wrong:
        raise Wrong("uscc_check") from wrong
    return found


def _kind(cell: Cell) -> str:
    text = _plain(cell)
    _no_formula(text)
    if text not in KINDS:
        raise Wrong("kind_unknown")
    return KINDS[text]


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str):
        raise Wrong("date_form")
    text = _plain(cell)
    _no_formula(text)
    if _is_wide(text):
        raise Wrong("full_width")
    parts = _DAY.fullmatch(text)
    if parts is None or not text.isascii():
        raise Wrong("date_form")
    try:
        return date(*(int(part) for part in parts.groups()))
    except ValueError as wrong:
        raise Wrong("date_impossible") from wrong


def _fen(cell: Cell) -> int:
    if isinstance(cell, bool | date):
        raise Wrong("amount_form")
    text = _plain(cell)
    if text.startswith(("=", "@", "＝", "＋", "－", "＠")):
        raise Wrong("formula")
    if _is_wide(text):
        raise Wrong("full_width")
    _no_formula(text, "=@")
    if isinstance(cell, str) and not (_YUAN.fullmatch(text) and text.isascii()):
        raise Wrong("amount_form")
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation as wrong:
        raise Wrong("amount_form") from wrong
    if len(amount.as_tuple().digits) > 26 or abs(amount) * 100 > LARGEST_FEN:
        raise Wrong("amount_too_large")
    if amount != amount.quantize(Decimal("0.01")):
        raise Wrong("amount_overprecise")
    return Money.from_yuan(amount.quantize(Decimal("0.01"))).fen


# For other tables whose cells are of the same kinds.
read_words, read_number, read_uscc, read_day, read_fen = _words, _number, _uscc, _day, _fen


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the template: name, heading, how a cell is read, and what its explanation says."""

    name: str
    heading: str
    read: Callable[[Cell], Any]
    advice: str
    is_required: bool = True


_DAYS = "写作 2023-05-18；不能是将来的日子"
_CODE = "18 位，半角大写，末位校验正确"
COLUMNS: tuple[Column, ...] = (
    Column(
        "voucher_number", "原凭证编号", _number, "原交易场所出具的凭证编号，64 字以内；同一编号只导入一次"
    ),
    Column("venue", "交易场所", _words(60), "原交易场所的名称，60 字以内"),
    Column("supplier_name", "供方名称", _words(120), "与营业执照一致，120 字以内"),
    Column("supplier_uscc", "供方统一社会信用代码", _uscc, _CODE),
    Column("buyer_name", "需方名称", _words(120), "与营业执照一致，120 字以内"),
    Column("buyer_uscc", "需方统一社会信用代码", _uscc, f"{_CODE}；不能与供方相同"),
    Column("product_title", "产品名称", _words(200), "200 字以内"),
    Column("product_kind", "产品类型", _kind, "、".join(KINDS) + " 之一"),
    Column("contract_number", "合同编号", _number, "64 字以内", is_required=False),
    Column("traded_on", "成交日期", _day, f"{_DAYS}，不早于 2010-01-01"),
    Column("delivered_on", "交付日期", _day, f"{_DAYS}，不早于成交日期", is_required=False),
    Column("accepted_on", "验收日期", _day, f"{_DAYS}，不早于交付日期", is_required=False),
    Column("amount", "含税金额（元）", _fen, "大于 0，最多两位小数，例如 68000.00"),
    Column("tax", "其中税额（元）", _fen, "不小于 0，小于含税金额，最多两位小数", is_required=False),
    Column("remark", "备注", _words(300), "300 字以内", is_required=False),
)
BY_HEADING = {column.heading: column for column in COLUMNS}
BY_NAME = {column.name: column for column in COLUMNS}


# --- a row, a file ------------------------------------------------------------------------------


def _shown(cell: Cell) -> str:
    text = "" if cell is None else str(cell)
    text = "".join(letter if letter.isprintable() else "�" for letter in text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip().strip("\ufeff"))


def judge_row(number: int, cells: Mapping[str, Cell], *, today: date) -> tuple[PastRow | None, list[Fault]]:
    """One row: its values when it holds, else its faults, in the order of the columns."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in COLUMNS:
        cell = cells.get(column.name)
        if is_empty(cell):
            values[column.name] = None
            if column.is_required:
                faults.append(Fault(number, column.name, "missing"))
            continue
        try:
            values[column.name] = column.read(cell)
        except Wrong as wrong:
            faults.append(Fault(number, column.name, wrong.code, _shown(cell)))
    for name, code in _against_each_other(values, today):
        faults.append(Fault(number, name, code, _shown(cells.get(name))))
    if faults:
        order = [column.name for column in COLUMNS]
        return None, sorted(faults, key=lambda fault: order.index(fault.column))
    return PastRow(number, _kept(values)), []


def _against_each_other(values: Mapping[str, Any], today: date) -> list[tuple[str, str]]:
    """What only shows when cells are read together; cells that are faulty by themselves are left out."""
    found = []
    before: date | None = None
    for name in ("traded_on", "delivered_on", "accepted_on"):
        day = values.get(name)
        if day is None:
            continue
        if day > today:
            found.append((name, "date_future"))
        elif day < FIRST_DAY:
            found.append((name, "date_too_early"))
        elif before is not None and day < before:
            found.append((name, "date_order"))
        before = day
    amount, tax = values.get("amount"), values.get("tax")
    if amount is not None and amount <= 0:
        found.append(("amount", "amount_not_positive"))
    if tax is not None and tax < 0:
        found.append(("tax", "tax_negative"))
    elif tax is not None and amount is not None and 0 < amount <= tax:
        found.append(("tax", "tax_not_below_amount"))
    if values.get("buyer_uscc") and values.get("buyer_uscc") == values.get("supplier_uscc"):
        found.append(("buyer_uscc", "same_parties"))
    return found


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the table has its columns; plain JSON, so that their hash is one of content."""
    days = {
        name: values[name].isoformat() if values[name] else None
        for name in ("traded_on", "delivered_on", "accepted_on")
    }
    told = {name: value or "" for name, value in values.items() if name not in ("amount", "tax", *days)}
    return {**told, **days, "amount_fen": values["amount"], "tax_fen": values["tax"]}


def judge(
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    *,
    today: date,
    known: Callable[[Sequence[str]], Mapping[str, str]],
) -> Judged:
    """A whole file. `known`: of some voucher numbers, those already imported with the hash of their content.

    A number twice in the file is a fault of the later row, whatever it says; a number already imported with the
    same content is skipped, with other content it is a fault.
    """
    judged = Judged()
    sound: list[PastRow] = []
    seen: set[str] = set()
    for number, cells in rows:
        judged.row_count += 1
        row, faults = judge_row(number, cells, today=today)
        judged.faults += faults
        given = cells.get("voucher_number")
        key = given.strip() if isinstance(given, str) else str(given or "")
        if key and key in seen:
            judged.faults.append(Fault(number, "voucher_number", "duplicate_in_file", _shown(given)))
        elif row is not None:
            sound.append(row)
        seen.add(key)
    there = known([row.voucher_number for row in sound])
    for row in sound:
        content = there.get(row.voucher_number)
        if content is None:
            judged.rows.append(row)
        elif content == row.content_sha256:
            judged.known.append(row)
        else:
            judged.faults.append(
                Fault(row.number, "voucher_number", "other_content_known", _shown(row.voucher_number))
            )
    judged.faults.sort(key=lambda fault: fault.row)
    return judged
