"""Exports of the register: each day once, three formats with the same figures, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import ProgrammingError, transaction
from openpyxl import load_workbook

from audit.models import AuditEvent
from documents import objects
from exchange.filings import rules, spreadsheets
from exchange.filings import services as filings
from exchange.filings.models import RegisterExport, RegisterFile
from exchange.filings.selectors import exports_visible_to
from exchange.filings.services import registers
from exchange.filings.tasks import export_days
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests import cast
from tests.exchange import market
from tests.exchange.filings.scenes import FILED, client_of, filed, refunded
from tests.exchange.filings.tables import imported

pytestmark = pytest.mark.django_db

DAY = clock.business_date(FILED)
REFUND_DAY = DAY + timedelta(days=5)
NEXT_DAY = clock.start_of(DAY + timedelta(days=1))
MUCH_LATER = FILED + timedelta(days=20)


def stored(export: RegisterExport, code: str) -> bytes:
    file = export.files.get(format=code)
    body = objects.get(file.object_key)
    assert (len(body), hashlib.sha256(body).hexdigest()) == (file.size, file.sha256)
    return body


def csv_rows(export: RegisterExport) -> list[dict[str, str]]:
    text = stored(export, "csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def excel_rows(export: RegisterExport) -> list[dict[str, Any]]:
    sheet = load_workbook(io.BytesIO(stored(export, "xlsx")), read_only=True)["登记簿"]
    headings, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, headings), row, strict=True)) for row in rows]


def parquet_rows(export: RegisterExport) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        Path(file.name).write_bytes(stored(export, "parquet"))
        with duckdb.connect() as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [file.name])
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def whole(**changes: Any) -> RegisterExport:
    values = {"by": cast.gu(), "at": MUCH_LATER, "first": DAY, "final": REFUND_DAY, **changes}
    return filings.produce(**values)


# --- the same in three forms --------------------------------------------------------------------


def test_the_three_formats_tell_the_same_figures() -> None:
    for yuan in ("8000.00", "68000.00", ""):
        filing = filed()
        if yuan:
            refunded(filing, yuan)
    export = whole()
    assert (export.row_count, export.amount_fen) == (5, 3 * 6_800_000 - 800_000 - 6_800_000)
    by_csv, by_excel, by_parquet = csv_rows(export), excel_rows(export), parquet_rows(export)
    assert len(by_csv) == len(by_excel) == len(by_parquet) == 5
    for column in rules.COLUMNS:
        programs = [row[column.name] for row in by_parquet]
        if column.kind == "fen":
            assert [int(Decimal(row[column.heading]) * 100) for row in by_csv] == programs
            assert [round(row[column.heading] * 100) for row in by_excel] == programs
        elif column.kind == "count":
            assert [int(row[column.heading]) for row in by_csv] == programs
            assert [row[column.heading] for row in by_excel] == programs
        else:
            assert [row[column.heading] for row in by_csv] == [row[column.heading] or "" for row in by_excel]
    assert [row["status"] for row in by_parquet] == ["filed"] * 3 + ["amended", "voided"]
    assert [row["状态"] for row in by_csv] == ["已备案"] * 3 + ["已更正", "已作废"]
    assert sum(row["change_fen"] for row in by_parquet) == export.amount_fen
    assert [row["change_fen"] for row in by_parquet if row["sequence"] == 2] == [-800_000, -6_800_000]


def test_amounts_in_excel_are_numbers_and_texts_are_never_formulas() -> None:
    product = market.listed(title="=HYPERLINK(1)")
    filings.file_trade(by=market.SYSTEM, at=FILED, order_id=market.completed(product).pk)
    export = whole()
    book = load_workbook(io.BytesIO(stored(export, "xlsx")))
    row = list(book["登记簿"].iter_rows())[1]
    cells = dict(zip(spreadsheets.HEADINGS, row, strict=True))
    assert (cells["产品名称"].value, cells["产品名称"].data_type) == ("'=HYPERLINK(1)", "s")
    assert (cells["备案金额（元）"].value, cells["备案金额（元）"].data_type) == (68_000, "n")
    assert csv_rows(export)[0]["产品名称"] == "'=HYPERLINK(1)"
    assert parquet_rows(export)[0]["product_title"] == "=HYPERLINK(1)"
    assert not any(cell.data_type == "f" for line in book["登记簿"].iter_rows() for cell in line)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "＝1", "a\x07b", "\x00", "x" * 40_000])
def test_no_text_breaks_or_runs_in_a_workbook(text: str, tmp_path: Path) -> None:
    row = {column.name: text if column.kind == "text" else -1 for column in rules.COLUMNS}
    with spreadsheets.lines_to(tmp_path / "rows") as write:
        write(row)  # type: ignore[arg-type]
    for format_, writer in spreadsheets.WRITERS.items():
        writer(tmp_path / "rows", tmp_path / f"register.{format_.value}")
    sheet = load_workbook(tmp_path / "register.xlsx")["登记簿"]
    cells = list(sheet.iter_rows())[1]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert cells[-1].value == -0.01
    assert str(cells[0].value)[:1] not in ("=", "+", "-", "@", "\t", "＝")


# --- each day once ------------------------------------------------------------------------------


def test_a_day_is_exported_once_when_it_is_over() -> None:
    filing = filed()
    system = market.SYSTEM
    with pytest.raises(filings.DayNotOver):
        filings.produce(by=system, at=NEXT_DAY - timedelta(seconds=1), first=DAY, final=DAY, is_daily=True)
    assert filings.days_to_export(FILED) == []
    assert filings.days_to_export(NEXT_DAY) == [DAY]
    assert filings.export_days(NEXT_DAY) == 1
    first = RegisterExport.objects.get()
    assert (first.is_daily, first.first_day, first.row_count, first.amount_fen) == (True, DAY, 1, 6_800_000)
    assert filings.export_days(NEXT_DAY) == 0
    again = filings.produce(by=system, at=MUCH_LATER, first=DAY, final=DAY, is_daily=True)
    assert again.pk == first.pk
    refunded(filing, "8000.00")
    with clock.moved_to(MUCH_LATER):
        assert export_days() == 1
    second = RegisterExport.objects.get(first_day=REFUND_DAY)
    assert (second.row_count, second.amount_fen) == (1, -800_000)
    assert RegisterFile.objects.count() == 6
    assert AuditEvent.objects.filter(action="filings.export_made").count() == 2


def test_the_issues_of_a_day_stay_what_they_were() -> None:
    filing = filed()
    before = filings.produce(by=market.SYSTEM, at=NEXT_DAY, first=DAY, final=DAY, is_daily=True)
    refunded(filing, "68000.00")
    after = whole(final=DAY)
    assert stored(before, "csv") == stored(after, "csv")
    assert (before.row_count, before.amount_fen) == (after.row_count, after.amount_fen)


def test_of_two_daily_exports_at_once_the_first_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    filed()
    real = registers._walk

    def slow(export: RegisterExport, *arguments: Any) -> None:
        real(export, *arguments)
        if not RegisterExport.objects.exists():
            RegisterExport.objects.create(
                is_daily=True, first_day=DAY, final_day=DAY, row_count=1, amount_fen=1,
                made_by="x", made_at=NEXT_DAY,
            )  # fmt: skip

    monkeypatch.setattr(registers, "_walk", slow)
    found = filings.produce(by=market.SYSTEM, at=NEXT_DAY, first=DAY, final=DAY, is_daily=True)
    assert found.made_by == "x"
    assert not RegisterFile.objects.exists()


def test_exports_never_change() -> None:
    filed()
    whole()
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        RegisterExport.objects.update(row_count=0)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        RegisterFile.objects.all().delete()


# --- on demand ----------------------------------------------------------------------------------


def test_a_side_exports_its_own_trades_and_sees_only_those() -> None:
    filed()
    mine, theirs, all_of_it = whole(by=cast.lin()), whole(by=cast.he()), whole()
    assert [each.row_count for each in (mine, theirs, all_of_it)] == [1, 0, 1]
    assert set(exports_visible_to(cast.lin())) == {mine}
    assert set(exports_visible_to(cast.yan())) == {all_of_it} == set(exports_visible_to(cast.gu()))
    assert not exports_visible_to(cast.mei()).exists()
    with pytest.raises(NotFound):
        filings.hand_out_export(by=cast.zhou(), at=MUCH_LATER, export_id=mine.pk, format_="csv")
    with pytest.raises(NotFound):
        filings.hand_out_export(by=cast.lin(), at=MUCH_LATER, export_id=mine.pk, format_="pdf")
    with pytest.raises(NotAllowed):
        whole(by=cast.mei())


def test_imported_trades_come_along_only_when_asked_for_and_are_added_up_apart() -> None:
    filed()
    imported(
        {"traded_on": "2026-03-02", "delivered_on": "", "accepted_on": "", "amount": "100.50", "tax": ""}
    )
    eve = DAY - timedelta(days=1)
    assert whole(first=eve).imported_count == 0
    export = whole(first=eve, has_imported=True)
    assert (export.row_count, export.amount_fen) == (1, 6_800_000)
    assert (export.imported_count, export.imported_fen) == (1, 10_050)
    row = csv_rows(export)[1]
    assert (row["来源"], row["备案金额（元）"], row["合同含税金额（元）"]) == ("历史导入", "", "100.50")
    assert len(row["导入文件 SHA-256"]) == 64
    assert parquet_rows(export)[1]["filed_fen"] is None


@pytest.mark.parametrize(
    ("first", "final"),
    [
        (date(2026, 3, 2), date(2026, 3, 1)),
        (date(2025, 1, 1), date(2026, 1, 2)),
        (date(2026, 3, 1), date(2027, 1, 1)),
    ],
)
def test_a_period_out_of_order_too_long_or_to_come_is_refused(first: date, final: date) -> None:
    with pytest.raises(InvalidInput) as refused:
        filings.queue_export(by=cast.gu(), at=MUCH_LATER, first=first, final=final)
    assert refused.value.field == "final"


def test_the_page_makes_lists_and_hands_out(django_capture_on_commit_callbacks: Any) -> None:
    filed()
    client = client_of(cast.yan())
    form = {"first": DAY.isoformat(), "final": DAY.isoformat(), "idempotency_key": "k"}
    with clock.moved_to(MUCH_LATER):
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post("/filings/exports/make/", form).status_code == 302
        client.post("/filings/exports/make/", form)
        assert (
            client.post(
                "/filings/exports/make/", {**form, "final": "2020-01-01", "idempotency_key": "l"}
            ).status_code
            == 422
        )
        export = RegisterExport.objects.get()
        page = client.get("/filings/exports/").content.decode()
        assert f"SHA-256 {export.files.get(format='parquet').sha256}" in page
        answer = client.post(f"/filings/exports/{export.pk}/xlsx/")
    assert answer.status_code == 302
    assert AuditEvent.objects.filter(action="filings.export_download").count() == 1
    assert client_of(cast.lin()).post(f"/filings/exports/{export.pk}/xlsx/").status_code == 404
    assert client_of(cast.mei()).get("/filings/exports/").status_code == 403
