"""Tables of past trades as people fill them in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from exchange.filings import judging
from exchange.filings import services as filings
from exchange.filings.models import PastTradeImport
from tests import cast
from tests.cast import NOON

HEADINGS = [column.heading for column in judging.COLUMNS]
GOOD: dict[str, Any] = {
    "voucher_number": "GZ-2023-000001", "venue": "示例交易场所", "supplier_name": "清蓝数据标注（示例）有限公司",
    "supplier_uscc": "91441802MA5000001N", "buyer_name": "云山智能（示例）有限公司",
    "buyer_uscc": "91440101MA5000002T", "product_title": "评论数据集（示例）", "product_kind": "数据集",
    "contract_number": "HT-1", "traded_on": "2023-05-18", "delivered_on": "2023-05-20",
    "accepted_on": "2023-05-27", "amount": "68000.00", "tax": "3849.05", "remark": "示例",
}  # fmt: skip


def row(**changes: Any) -> dict[str, Any]:
    """A good row with some cells changed."""
    return {**GOOD, **changes}


def csv_of(
    rows: Sequence[dict[str, Any]], *, encoding: str = "utf-8", headings: Sequence[str] = HEADINGS
) -> bytes:
    """The rows as CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows([each[name] for name in judging.BY_NAME] for each in rows)
    return out.getvalue().encode(encoding)


def excel_of(rows: Sequence[dict[str, Any]], *, title: str = judging.SHEET) -> bytes:
    """The rows as a workbook, cells as they are given (numbers, days, formulas)."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    sheet.append(HEADINGS)
    for each in rows:
        sheet.append([each[name] for name in judging.BY_NAME])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def checked(body: bytes, file_name: str = "past.csv") -> PastTradeImport:
    """A dry run by the operator."""
    return filings.check_file(by=cast.gu(), at=NOON, file_name=file_name, body=body)


def imported(*changes: dict[str, Any]) -> PastTradeImport:
    """Good rows with these changes, taken over."""
    found = checked(csv_of([row(**{"voucher_number": f"GZ-{i}", **each}) for i, each in enumerate(changes)]))
    assert found.faults == []
    return filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
