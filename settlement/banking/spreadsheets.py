"""Writing tables: the statement's template, and reconciliation as CSV. No cell is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from exchange.filings.rules import safe_cell
from kernel.money import Money
from settlement.banking import judging, wording
from settlement.banking.selectors import Row

CSV_TYPE = "text/csv; charset=utf-8"
EXCEL_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SAMPLE = {
    "reference": "20260302000001", "booked_on": "2026-03-02", "credit": "68000.00", "debit": "",
    "party_name": "云山智能（示例）有限公司", "party_account": "44180100000002", "party_uscc": "91440101MA5000002T",
    "virtual_account": "", "balance": "68000.00", "text": "示例行，上传前请删除",
}  # fmt: skip
HEADINGS = (
    "订单", "供方", "需方", "状态", "付款（元）", "银行到账（元）", "托管退回（元）", "退款（元）", "银行付出（元）",
    "放款（元）", "已开票（元）", "红冲（元）", "问题", "差额（元）", "怎么办", "由谁办",
)  # fmt: skip


class _Line:
    """A file for the CSV writer that hands each line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """One line for each thing that does not match, one for an order that does; UTF-8 with its mark."""
    writer = csv.writer(_Line())
    yield "\ufeff" + str(writer.writerow(HEADINGS))
    for row in rows:
        f, order = row.facts, row.order
        told = [
            order.number, safe_cell(order.supplier.name), safe_cell(order.buyer.name), str(row.standing.label),
            *(Money(fen).yuan for fen in (f.booked, f.received, f.returned, f.refunded, f.paid_back, f.released, f.invoiced, f.credited)),
        ]  # fmt: skip
        if not row.gaps:
            yield str(writer.writerow([*told, "", "", "", ""]))
        for gap, fen in row.gaps:
            remedy, who = wording.REMEDIES[gap]
            yield str(writer.writerow([*told, str(gap.label), Money(fen).yuan, str(remedy), str(who)]))


def template_csv() -> bytes:
    """The template as CSV: headings and one sample row."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.heading for column in judging.COLUMNS])
    writer.writerow([SAMPLE[column.name] for column in judging.COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def template_excel() -> bytes:
    """The template as a workbook: the table with one sample row, and a sheet that explains every column."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "银行流水"
    sheet.append([column.heading for column in judging.COLUMNS])
    sheet.append([SAMPLE[column.name] for column in judging.COLUMNS])
    words: Any = book.create_sheet("填写说明")
    words.append(["列", "是否必填", "怎么填"])
    for column in judging.COLUMNS:
        words.append([column.heading, "必填" if column.is_required else "选填", column.advice])
    for each, widths in ((sheet, [22] * len(judging.COLUMNS)), (words, [28, 12, 80])):
        each.freeze_panes = "A2"
        for index, width in enumerate(widths, 1):
            each.column_dimensions[get_column_letter(index)].width = width
            each.cell(1, index).font = Font(bold=True)
        for cells in each.iter_rows():
            for cell in cells:
                cell.number_format = "@"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
