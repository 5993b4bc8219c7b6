"""Reading an uploaded table, which may be hostile: CSV in UTF-8 or GB18030, or the first sheet of a workbook.

Nothing is unpacked beyond its limits, nothing is evaluated, no entity is resolved. What cannot be read as a whole
is refused with one sentence; what is in the cells is judged elsewhere.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from exchange.filings import judging
from exchange.filings.judging import Cell
from kernel.errors import InvalidInput

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_UNPACKED = 64 * 1024 * 1024
MOST_PARTS = 200
MOST_COLUMNS = 60
MOST_BLANK_ROWS = 1_000
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
Rows = list[tuple[int, Mapping[str, Cell]]]


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(field="file", reason=reason)


def read(body: bytes, file_name: str) -> Rows:
    """The rows of a file by column name, each with its number as a spreadsheet counts; blank rows are left out.

    Raises InvalidInput (field "file") when the file is not a table of the template's columns.
    """
    table = cells(body, file_name)
    try:
        return _named(table)
    except csv.Error as wrong:
        raise _refused(_("CSV 无法解析，请检查引号是否成对。")) from wrong


def cells(body: bytes, file_name: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The bare cells of a file of any columns, row by row; InvalidInput (field "file") when it is no table."""
    if not body:
        raise _refused(_("文件是空的。请下载模板填写后再上传。"))
    if len(body) > LARGEST_FILE:
        raise _refused(_("文件超过 5 MB，请分几次导入。"))
    ending = file_name.rpartition(".")[2].lower()
    is_zip = body.startswith(b"PK")
    if ending not in ("csv", "xlsx"):
        raise _refused(_("请上传 .csv 或 .xlsx 文件。"))
    if is_zip != (ending == "xlsx"):
        raise _refused(_("文件内容与扩展名不符，请用表格软件另存为 .csv 或 .xlsx。"))
    return _workbook(body) if is_zip else _csv(body)


def _too_many_rows() -> InvalidInput:
    return _refused(_("文件超过 %(most)s 行，请分几次导入。") % {"most": f"{judging.MOST_ROWS:,}"})


def _named(table: Iterator[tuple[int, Sequence[Cell]]]) -> Rows:
    """Give the cells their columns; the first row that is not blank holds the headings."""
    headings: list[judging.Column] | None = None
    found: Rows = []
    for number, cells in table:
        if number > judging.MOST_ROWS + MOST_BLANK_ROWS:
            raise _too_many_rows()
        kept = _without_blank_end(cells)
        if not kept:
            continue
        if headings is None:
            headings = _headings(kept)
            continue
        if len(kept) > len(headings):
            raise _refused(_("第 %(row)s 行的列数比表头多，请检查是否多了逗号。") % {"row": number})
        if len(found) >= judging.MOST_ROWS:
            raise _too_many_rows()
        found.append((number, {column.name: cell for column, cell in zip(headings, kept, strict=False)}))
    if headings is None:
        raise _refused(_("文件里没有表头。请下载模板填写后再上传。"))
    if not found:
        raise _refused(_("表头下面没有数据。"))
    return found


def _without_blank_end(cells: Sequence[Cell]) -> list[Cell]:
    kept = list(cells)
    while kept and judging.is_empty(kept[-1]):
        kept.pop()
    return kept


def _headings(cells: Sequence[Cell]) -> list[judging.Column]:
    """The columns in the file's order; all required ones have to be there, once each."""
    names = [str(cell or "").strip().lstrip("\ufeff") for cell in cells]
    unknown = [name or "—" for name in names if name not in judging.BY_HEADING]
    if unknown:
        raise _refused(_("表头“%(name)s”不是模板中的列，请使用模板的表头。") % {"name": unknown[0][:40]})
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _refused(_("表头“%(name)s”出现了两次。") % {"name": twice[0]})
    missing = [c.heading for c in judging.COLUMNS if c.is_required and c.heading not in names]
    if missing:
        raise _refused(_("缺少列“%(name)s”，请使用模板的表头。") % {"name": missing[0]})
    return [judging.BY_HEADING[name] for name in names]


def _csv(body: bytes) -> Iterator[tuple[int, Sequence[Cell]]]:
    if b"\x00" in body:
        raise _refused(_("这不是文本文件。请用表格软件另存为 CSV（UTF-8 或 GB18030）。"))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = body.decode("gb18030")
        except UnicodeDecodeError as wrong:
            raise _refused(_("无法识别文件的编码。请另存为 UTF-8 或 GB18030 的 CSV。")) from wrong
    return enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1)


def _workbook(body: bytes) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of the sheet named as in the template, else of the first one."""
    _check_archive(body)
    try:
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=False, keep_links=False)
        sheet = book[judging.SHEET] if judging.SHEET in book.sheetnames else book.worksheets[0]
        sheet.reset_dimensions()
        rows: Iterable[Any] = sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True)
        yield from enumerate(rows, 1)
    except InvalidInput:
        raise
    except Exception as wrong:  # the reader fails in many ways on what is not a workbook
        raise _refused(_("无法读取这个工作簿。请用表格软件重新另存为 .xlsx。")) from wrong


def _check_archive(body: bytes) -> None:
    """Refuse archives that would unpack beyond measure, and parts that declare entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_UNPACKED:
                raise _refused(_("工作簿解压后过大，已拒绝。请只保留需要导入的工作表。"))
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names:
                raise _refused(_("这不是 Excel 工作簿。请用表格软件另存为 .xlsx。"))
            if any(name.lower().endswith("vbaproject.bin") for name in names):
                raise _refused(_("工作簿含有宏，已拒绝。请另存为不含宏的 .xlsx。"))
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and _DOCTYPE.search(archive.read(part)):
                    raise _refused(_("工作簿含有不允许的声明，已拒绝。请用表格软件重新另存为 .xlsx。"))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as wrong:
        raise _refused(_("无法读取这个工作簿。请用表格软件重新另存为 .xlsx。")) from wrong
    except Exception as wrong:
        if isinstance(wrong, InvalidInput):
            raise
        raise _refused(_("无法读取这个工作簿。请用表格软件重新另存为 .xlsx。")) from wrong
