"""Writing tables: the register as CSV, Excel and Parquet from the same JSON lines, and the import template.

No cell of a spreadsheet is ever a formula: texts that look like one get a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from assets.exports.formats import parquet
from exchange.filings import judging, rules
from exchange.filings.states import ExportFormat
from kernel.money import Money

MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}
STATUS_WORDS = {
    "filed": "已备案", "amended": "已更正", "voided": "已作废", "imported": "历史导入",
    rules.BY_BUYER: "需方验收", rules.BY_END_OF_INSPECTION: "验收期届满",
}  # fmt: skip
_WORDED = ("status", "source", "accepted_by")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_YEAR_ONE_OF_ZIP = datetime(2020, 1, 1, tzinfo=UTC)
_DUCKDB = {"text": "VARCHAR", "count": "INTEGER", "fen": "BIGINT"}


@contextmanager
def lines_to(path: Path) -> Iterator[Callable[[rules.Row], None]]:
    """A writer of rows as JSON lines."""
    with path.open("w", encoding="utf-8") as out:

        def write(row: rules.Row) -> None:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")

        yield write


def _rows(lines: Path) -> Iterator[rules.Row]:
    with lines.open(encoding="utf-8") as found:
        for line in found:
            yield json.loads(line)


def shown(row: rules.Row) -> list[str]:
    """A row as texts for people: Chinese words for codes, yuan with two decimals, nothing that would run."""
    cells = []
    for column in rules.COLUMNS:
        value: object = row[column.name]
        if column.name in _WORDED:
            value = STATUS_WORDS.get(str(value), value)
        # Numbers are ours, also negative ones: only what somebody wrote could be meant as a formula.
        if column.kind == "text":
            cells.append(rules.safe_cell(value))
        elif value is None:
            cells.append("")
        else:
            number = int(str(value))
            cells.append(Money(number).yuan if column.kind == "fen" else str(number))
    return cells


HEADINGS = tuple(column.heading for column in rules.COLUMNS)


class _Line:
    """A file for the CSV writer that hands each line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[rules.Row]) -> Iterator[str]:
    """The table as CSV, UTF-8 with its mark, so that Excel reads it."""
    writer = csv.writer(_Line())
    yield "\ufeff" + str(writer.writerow(HEADINGS))
    for row in rows:
        yield str(writer.writerow(shown(row)))


def write_csv(lines: Path, target: Path) -> None:
    """The rows as CSV."""
    with target.open("w", encoding="utf-8", newline="") as out:
        out.writelines(csv_lines(_rows(lines)))


def _text_cell(sheet: Any, text: str, *, is_bold: bool = False) -> Any:
    """A cell that holds text and nothing else, whatever it looks like."""
    cell = WriteOnlyCell(sheet, value=_FORBIDDEN.sub("", text)[:32_767])
    cell.data_type = "s"
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _book() -> Any:
    book = Workbook(write_only=True)
    book.properties.creator = "清数"
    book.properties.created = book.properties.modified = _YEAR_ONE_OF_ZIP.replace(tzinfo=None)
    return book


def _sheet(book: Any, title: str, headings: Sequence[str], widths: Sequence[int]) -> Any:
    sheet = book.create_sheet(title)
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.freeze_panes = "A2"
    sheet.append([_text_cell(sheet, heading, is_bold=True) for heading in headings])
    return sheet


def write_excel(lines: Path, target: Path) -> None:
    """The rows as an Excel workbook; amounts and counts are numbers, everything else is text."""
    book = _book()
    sheet = _sheet(
        book, "登记簿", HEADINGS, [24 if column.kind == "text" else 16 for column in rules.COLUMNS]
    )
    for row in _rows(lines):
        cells = []
        for column, text in zip(rules.COLUMNS, shown(row), strict=True):
            if column.kind == "text" or text == "":
                cells.append(_text_cell(sheet, text))
                continue
            cell = WriteOnlyCell(sheet, value=text)  # the decimal digits themselves, through no float
            cell.data_type = "n"
            cell.number_format = "#,##0.00" if column.kind == "fen" else "0"
            cells.append(cell)
        sheet.append(cells)
    book.save(target)


def write_parquet(lines: Path, target: Path) -> None:
    """The rows as Parquet: names for programs, amounts in whole fen."""
    parquet.write_columns(lines, target, {column.name: _DUCKDB[column.kind] for column in rules.COLUMNS})


WRITERS: dict[ExportFormat, Callable[[Path, Path], None]] = {
    ExportFormat.CSV: write_csv,
    ExportFormat.EXCEL: write_excel,
    ExportFormat.PARQUET: write_parquet,
}


# --- the template for past trades ---------------------------------------------------------------

SAMPLE = {
    "voucher_number": "GZ-2023-000001", "venue": "示例交易场所", "supplier_name": "清蓝数据标注（示例）有限公司",
    "supplier_uscc": "91441802MA5000001N", "buyer_name": "云山智能（示例）有限公司",
    "buyer_uscc": "91440101MA5000002T", "product_title": "商品评论情感标注数据集（示例）", "product_kind": "数据集",
    "contract_number": "HT-2023-0001", "traded_on": "2023-05-18", "delivered_on": "2023-05-20",
    "accepted_on": "2023-05-27", "amount": "68000.00", "tax": "3849.05", "remark": "示例行，上传前请删除",
}  # fmt: skip


def template_csv() -> bytes:
    """The template as CSV: headings and one sample row."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.heading for column in judging.COLUMNS])
    writer.writerow([SAMPLE[column.name] for column in judging.COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def template_excel() -> bytes:
    """The template as a workbook: the table with one sample row, and a sheet that explains every column."""
    book = _book()
    sheet = _sheet(
        book, judging.SHEET, [column.heading for column in judging.COLUMNS], [24] * len(judging.COLUMNS)
    )
    sheet.append([_text_cell(sheet, SAMPLE[column.name]) for column in judging.COLUMNS])
    words = _sheet(book, "填写说明", ["列", "是否必填", "怎么填"], [28, 12, 90])
    for column in judging.COLUMNS:
        must = "必填" if column.is_required else "选填"
        words.append([_text_cell(words, text) for text in (column.heading, must, column.advice)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
