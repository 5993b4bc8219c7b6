"""Reading a bank statement, which may be hostile: the template as CSV or Excel, MT940, CAMT.053.

Nothing is fetched, no entity is resolved. What is no statement at all is refused with one sentence; what is wrong in
a row becomes a fault.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import mt940
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.translation import gettext as _

from exchange.filings import reading as tables
from exchange.filings.judging import Cell, Fault, is_empty
from kernel.errors import InvalidInput
from kernel.money import Money
from settlement.banking.judging import BY_HEADING, COLUMNS, MOST_ROWS, BankRow, Statement, judge_row, shown
from settlement.banking.states import StatementFormat

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_FEN = 10**15
_NONE = ("", "NONREF", "NOTPROVIDED")
_NOT_BOOKED = ("PDNG", "FUTR", "INFO")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(field="file", reason=reason)


def read(body: bytes, file_name: str, form: str) -> Statement:
    """What the file of that format says. Raises InvalidInput (field "file")."""
    if not body:
        raise _refused(_("文件是空的。请从网上银行重新导出。"))
    if len(body) > LARGEST_FILE:
        raise _refused(_("文件超过 5 MB，请分几次导入。"))
    readers = {
        StatementFormat.TABLE: lambda: _table(body, file_name),
        StatementFormat.MT940: lambda: _mt940(body),
        StatementFormat.CAMT053: lambda: _camt053(body),
    }
    if form not in StatementFormat.values:
        raise InvalidInput(field="format", reason=_("请选择文件格式。"))
    statement = readers[StatementFormat(form)]()
    if statement.row_count > MOST_ROWS:
        raise _refused(_("文件超过 %(most)s 行，请分几次导入。") % {"most": f"{MOST_ROWS:,}"})
    if not statement.row_count:
        raise _refused(_("文件里没有流水。"))
    return statement


# --- the template ------------------------------------------------------------------------------


def _table(body: bytes, file_name: str) -> Statement:
    found, headings = Statement(), None
    try:
        for number, cells in tables.cells(body, file_name):
            kept = list(cells)
            while kept and is_empty(kept[-1]):
                kept.pop()
            if not kept:
                continue
            if headings is None:
                headings = _headings(kept)
                continue
            if len(kept) > len(headings):
                raise _refused(_("第 %(row)s 行的列数比表头多，请检查是否多了逗号。") % {"row": number})
            found.row_count += 1
            if found.row_count > MOST_ROWS:
                break
            row, faults = judge_row(number, dict(zip(headings, kept, strict=False)))
            found.faults += faults
            if row is not None:
                found.rows.append(row)
    except csv.Error as wrong:
        raise _refused(_("CSV 无法解析，请检查引号是否成对。")) from wrong
    if headings is None:
        raise _refused(_("文件里没有表头。请下载模板填写后再上传。"))
    return found


def _headings(cells: Sequence[Cell]) -> list[str]:
    names = [str(cell or "").strip().lstrip("\ufeff") for cell in cells]
    for name in names:
        if name not in BY_HEADING:
            raise _refused(
                _("表头“%(name)s”不是模板中的列，请使用模板的表头。") % {"name": (name or "—")[:40]}
            )
        if names.count(name) > 1:
            raise _refused(_("表头“%(name)s”出现了两次。") % {"name": name})
    for column in COLUMNS:
        if column.is_required and column.heading not in names:
            raise _refused(_("缺少列“%(name)s”，请使用模板的表头。") % {"name": column.heading})
    return [BY_HEADING[name].name for name in names]


# --- MT940 and CAMT.053 ------------------------------------------------------------------------


def _fen(amount: Decimal) -> int | None:
    """Yuan as fen; None for what is no amount of money."""
    if (
        not amount.is_finite()
        or abs(amount) * 100 > LARGEST_FEN
        or amount != amount.quantize(Decimal("0.01"))
    ):
        return None
    return Money.from_yuan(amount.quantize(Decimal("0.01"))).fen


class _Numbered:
    """References for lines whose bank gives none: from their content, counted where equal lines follow."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def reference(self, told: str, *content: object) -> str:
        told = "".join(told.split())
        if told.upper() not in _NONE:
            return told[:64]
        digest = hashlib.sha256("\n".join(str(part) for part in content).encode()).hexdigest()[:24]
        self._seen[digest] += 1
        return f"#{digest}-{self._seen[digest]}"


def _clean(text: object, most: int) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(text or "")).strip()[:most]


def _take(
    found: Statement,
    numbered: _Numbered,
    *,
    amount: Decimal,
    currency: str,
    on: date | None,
    told: str,
    **texts: Any,
) -> int:
    """Add one line; its fen, 0 when it is faulty."""
    found.row_count += 1
    number, fen = found.row_count, _fen(amount)
    if currency != "CNY":
        found.faults.append(Fault(number, "credit", "currency", shown(currency)))
    elif fen is None or fen == 0:
        found.faults.append(Fault(number, "credit", "amount_form", shown(str(amount))))
    elif on is None:
        found.faults.append(Fault(number, "booked_on", "date_form"))
    else:
        reference = numbered.reference(told, on, fen, *texts.values())
        found.rows.append(BankRow(number, reference, on, fen, **texts))
        return fen
    return 0


def _balanced(found: Statement, opening: int | None, closing: int | None, moved: int) -> None:
    if opening is not None and closing is not None and not found.faults and opening + moved != closing:
        found.faults.append(
            Fault(max(found.row_count, 1), "statement", "balance_broken", Money(closing).yuan)
        )


def _decoded(body: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused(_("无法识别文件的编码。请另存为 UTF-8 或 GB18030。"))


def _mt940(body: bytes) -> Statement:
    text = _decoded(body)
    if ":25:" not in text or ":61:" not in text:
        raise _refused(_("这不是 MT940 对账单：没有账户（:25:）或流水（:61:）。"))
    try:
        statements = mt940.parse_statements(io.StringIO(text))
    except Exception as wrong:  # the reader fails in many ways on what is no statement
        raise _refused(_("无法读取这份 MT940 对账单，请从银行重新导出。")) from wrong
    found, numbered = Statement(), _Numbered()
    for each in statements:
        data: dict[str, Any] = each.data
        _one_account(found, str(data.get("account_identification", "")))
        moved = sum(_mt940_line(found, numbered, transaction.data) for transaction in each)
        _balanced(
            found, _mt940_balance(data.get("final_opening_balance")), _mt940_balance(data.get("final_closing_balance")), moved,
        )  # fmt: skip
    return found


def _mt940_balance(balance: Any) -> int | None:
    return _fen(balance.amount.amount) if balance is not None else None


def _mt940_line(found: Statement, numbered: _Numbered, data: dict[str, Any]) -> int:
    on = data.get("entry_date") or data.get("date")
    remark = data.get("purpose") or data.get("transaction_details")
    told = str(data.get("bank_reference") or "")
    text = " ".join(
        part
        for part in (_clean(remark, 240), _clean(data.get("customer_reference"), 40))
        if part not in _NONE
    )
    return _take(
        found,
        numbered,
        amount=data["amount"].amount,
        currency=data["amount"].currency or "",
        on=date(on.year, on.month, on.day) if on else None,
        told=told,
        party_name=_clean(data.get("applicant_name"), 120),
        party_account=_clean(data.get("applicant_iban"), 40),
        text=text,
    )


def _one_account(found: Statement, account: str) -> None:
    account = "".join(account.split())
    if found.account and account != found.account:
        raise _refused(_("一份文件只能有一个账户的流水，请分开导入。"))
    found.account = account


def _camt053(body: bytes) -> Statement:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as wrong:
        raise _refused(_("这不是 CAMT.053 对账单，或含有不允许的声明。")) from wrong
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    statements = root.findall(".//Stmt")
    if not statements:
        raise _refused(_("这不是 CAMT.053 对账单，或含有不允许的声明。"))
    found, numbered = Statement(), _Numbered()
    for each in statements:
        _one_account(found, each.findtext("Acct/Id/Othr/Id") or each.findtext("Acct/Id/IBAN") or "")
        balances = {
            balance.findtext("Tp/CdOrPrtry/Cd"): _camt_fen(balance) for balance in each.findall("Bal")
        }
        moved = sum(_camt_line(found, numbered, entry) for entry in each.findall("Ntry") if _is_booked(entry))
        _balanced(found, balances.get("OPBD"), balances.get("CLBD"), moved)
    return found


def _camt_amount(element: Element) -> Decimal:
    try:
        amount = Decimal(element.findtext("Amt") or "")
    except InvalidOperation:
        return Decimal("NaN")
    return -amount if element.findtext("CdtDbtInd") == "DBIT" else amount


def _camt_fen(element: Element) -> int | None:
    return _fen(_camt_amount(element))


def _is_booked(entry: Element) -> bool:
    """What the bank only expects or reports is no money yet; an entry without a status is booked."""
    status = entry.findtext("Sts/Cd") or entry.findtext("Sts") or ""
    return status.strip() not in _NOT_BOOKED


def _camt_line(found: Statement, numbered: _Numbered, entry: Element) -> int:
    # An entry of many payments is nobody's in particular: a person tells whose it is.
    details = entry.findall("NtryDtls/TxDtls")
    detail = details[0] if len(details) == 1 else entry
    amount = entry.find("Amt")
    is_credit = entry.findtext("CdtDbtInd") != "DBIT"
    party = "Dbtr" if is_credit else "Cdtr"
    remarks = [part.text or "" for part in detail.findall("RmtInf/Ustrd")]
    remarks.append(detail.findtext("Refs/EndToEndId") or "")
    try:
        on = date.fromisoformat((entry.findtext("BookgDt/Dt") or entry.findtext("BookgDt/DtTm") or "")[:10])
    except ValueError:
        on = None
    return _take(
        found,
        numbered,
        amount=_camt_amount(entry),
        currency=amount.get("Ccy", "") if amount is not None else "",
        on=on,
        told=entry.findtext("AcctSvcrRef") or detail.findtext("Refs/AcctSvcrRef") or "",
        party_name=_clean(
            detail.findtext(f"RltdPties/{party}/Nm") or detail.findtext(f"RltdPties/{party}/Pty/Nm"), 120
        ),
        party_account=_clean(detail.findtext(f"RltdPties/{party}Acct/Id/Othr/Id"), 40),
        party_uscc=_clean(detail.findtext(f"RltdPties/{party}/Id/OrgId/Othr/Id"), 18),
        text=_clean(" ".join(part for part in remarks if part not in _NONE), 300),
    )
