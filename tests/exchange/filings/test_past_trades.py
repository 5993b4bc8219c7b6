"""Past trades from a file: every bad cell is named, and either all of it is imported or nothing."""

from __future__ import annotations

import io
import threading
import uuid
import zipfile
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, close_old_connections, connection, transaction

from exchange.filings import judging, reading, spreadsheets, wording
from exchange.filings import services as filings
from exchange.filings.models import PastTrade, PastTradeImport
from exchange.filings.selectors import past_total_of, past_trades, register, total_of
from exchange.filings.services import imports
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from tests import cast
from tests.cast import NOON
from tests.exchange.filings.scenes import client_of, filed
from tests.exchange.filings.tables import GOOD, HEADINGS, checked, csv_of, excel_of, imported, row

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)
TEXTS = {"venue": 60, "supplier_name": 120, "buyer_name": 120, "product_title": 200, "remark": 300}
DAYS = ("traded_on", "delivered_on", "accepted_on")
USCCS = ("supplier_uscc", "buyer_uscc")
NUMBERS = ("voucher_number", "contract_number")
REQUIRED = tuple(column.name for column in judging.COLUMNS if column.is_required)

BAD: list[tuple[str, Any, str]] = [
    *((name, "", "missing") for name in REQUIRED),
    *((name, "\u3000 ", "missing") for name in ("venue", "amount", "traded_on", "supplier_uscc")),
    *((name, "长" * (most + 1), "too_long") for name, most in TEXTS.items()),
    *((name, "N" * 65, "too_long") for name in NUMBERS),
    *((name, sign + "1+1", "formula") for name in TEXTS for sign in "=+-@＝＋－＠"),
    *((name, '=HYPERLINK("http://x","y")', "formula") for name in (*NUMBERS, *USCCS, *DAYS, "product_kind")),
    *((name, "=1+1", "formula") for name in ("amount", "tax")),
    *((name, "甲\n乙", "control_character") for name in TEXTS),
    *((name, "甲\u200b乙", "invisible_character") for name in ("venue", "supplier_name")),
    *((name, "#REF!", "cell_error") for name in ("venue", "product_title", "voucher_number")),
    *((name, "９１441802MA5000001N", "full_width") for name in USCCS),
    *((name, "91441802MA500000N", "uscc_length") for name in USCCS),
    *((name, "91441802MA5000001NN", "uscc_length") for name in USCCS),
    *((name, "91441802MA500O001N", "uscc_character") for name in USCCS),
    *((name, "91441802ma5000001n", "uscc_character") for name in USCCS),
    *((name, "91441802MA5000001P", "uscc_check") for name in USCCS),
    *((name, "91441802MA5000010N", "uscc_check") for name in USCCS),
    ("buyer_uscc", GOOD["supplier_uscc"], "same_parties"),
    *((name, "２０２３-05-18", "full_width") for name in DAYS),
    *((name, "18.05.2023", "date_form") for name in DAYS),
    *((name, "昨天", "date_form") for name in DAYS),
    *((name, "2023-5", "date_form") for name in DAYS),
    *((name, "2023-02-30", "date_impossible") for name in DAYS),
    *((name, "2023-13-01", "date_impossible") for name in DAYS),
    *((name, "0000-01-01", "date_impossible") for name in DAYS),
    *((name, "2026-03-03", "date_future") for name in DAYS),
    ("traded_on", "2009-12-31", "date_too_early"),
    ("delivered_on", "2023-05-17", "date_order"),
    ("accepted_on", "2023-05-19", "date_order"),
    *((name, "六万八", "amount_form") for name in ("amount", "tax")),
    *((name, "68 000", "amount_form") for name in ("amount", "tax")),
    *((name, "1e5", "amount_form") for name in ("amount", "tax")),
    *((name, "68,00.00", "amount_form") for name in ("amount", "tax")),
    *((name, "NaN", "amount_form") for name in ("amount", "tax")),
    *((name, "６８０００", "full_width") for name in ("amount", "tax")),
    *((name, "10.001", "amount_overprecise") for name in ("amount", "tax")),
    *((name, "10000000000000.01", "amount_too_large") for name in ("amount", "tax")),
    *((name, "9" * 40, "amount_too_large") for name in ("amount", "tax")),
    ("amount", "0", "amount_not_positive"),
    ("amount", "0.00", "amount_not_positive"),
    ("amount", "-1.00", "amount_not_positive"),
    ("tax", "-0.01", "tax_negative"),
    ("tax", "68000.00", "tax_not_below_amount"),
    ("product_kind", "数据", "kind_unknown"),
    ("product_kind", "dataset", "kind_unknown"),
    ("voucher_number", "有 空格", "number_form"),
    ("voucher_number", "ＧＺ-1", "full_width"),
    ("contract_number", "!!", "number_form"),
]  # fmt: skip


def codes(found: PastTradeImport) -> list[tuple[int, str, str]]:
    return [(each["row"], each["column"], each["code"]) for each in found.faults]


# --- what is wrong with a cell ------------------------------------------------------------------


def test_there_are_more_than_a_hundred_kinds_of_bad_rows() -> None:
    assert len({(name, value) for name, value, _code in BAD}) == len(BAD) > 100
    assert {code for _name, _value, code in BAD} | {
        "not_text", "duplicate_in_file", "other_content_known",
    } == set(wording.FAULTS)  # fmt: skip


@pytest.mark.parametrize(("column", "value", "code"), BAD)
def test_a_bad_cell_is_named_by_row_column_and_reason(column: str, value: str, code: str) -> None:
    cells = row(**{column: value})
    found, faults = judging.judge_row(7, cells, today=TODAY)
    assert found is None
    assert (7, column, code) in [(fault.row, fault.column, fault.code) for fault in faults]
    assert {fault.column for fault in faults} <= {column, "buyer_uscc", "delivered_on", "accepted_on"}


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        *((name, 12, "not_text") for name in TEXTS),
        *((name, True, "not_text") for name in ("venue", "voucher_number", "supplier_uscc")),
        *((name, datetime(2023, 5, 18), "not_text") for name in ("venue", "contract_number")),  # noqa: DTZ001
        *((name, 45064, "date_form") for name in DAYS),
        *((name, datetime(2023, 5, 18), "amount_form") for name in ("amount", "tax")),  # noqa: DTZ001
        ("amount", True, "amount_form"),
        ("amount", 0.1 + 0.2, "amount_overprecise"),
        ("amount", 1e300, "amount_too_large"),
        ("amount", float("nan"), "not_text"),
        ("amount", -5, "amount_not_positive"),
        ("supplier_uscc", 914418020000000000, "uscc_check"),
    ],
)  # fmt: skip
def test_a_cell_of_a_wrong_kind_is_named_too(column: str, value: Any, code: str) -> None:
    _found, faults = judging.judge_row(7, row(**{column: value}), today=TODAY)
    assert (column, code) in [(fault.column, fault.code) for fault in faults]


@pytest.mark.parametrize(
    ("column", "value", "name", "kept"),
    [
        ("amount", 68000.5, "amount_fen", 6_800_050),
        ("amount", 12.34, "amount_fen", 1_234),
        ("amount", "68,000.5", "amount_fen", 6_800_050),
        ("amount", "1.10000", "amount_fen", 110),
        ("amount", 10**13, "amount_fen", 10**15),
        ("tax", "", "tax_fen", None),
        ("tax", 0, "tax_fen", 0),
        ("traded_on", datetime(2023, 5, 18, 13), "traded_on", "2023-05-18"),  # noqa: DTZ001
        ("traded_on", "2023/5/8", "traded_on", "2023-05-08"),
        ("accepted_on", "2026-03-02", "accepted_on", "2026-03-02"),
        ("delivered_on", None, "delivered_on", None),
        ("venue", "  广州（示例） ", "venue", "广州（示例）"),
        ("venue", "长" * 60, "venue", "长" * 60),
        ("product_kind", "标注服务", "product_kind", "annotation_service"),
        ("contract_number", "粤数〔2023〕1 号".replace(" ", ""), "contract_number", "粤数〔2023〕1号"),
        ("voucher_number", 20230001, "voucher_number", "20230001"),
        ("remark", None, "remark", ""),
    ],
)
def test_a_good_cell_is_kept_as_the_table_has_it(column: str, value: Any, name: str, kept: Any) -> None:
    found, faults = judging.judge_row(2, row(**{"tax": "0.01", column: value}), today=TODAY)
    assert faults == []
    assert found is not None
    assert found.values[name] == kept


def test_all_faults_of_a_row_are_told_at_once() -> None:
    found = checked(
        csv_of([row(), row(voucher_number="B", venue="", amount="-1", tax="x", product_kind="?")])
    )
    assert codes(found) == [
        (3, "venue", "missing"),
        (3, "product_kind", "kind_unknown"),
        (3, "amount", "amount_not_positive"),
        (3, "tax", "amount_form"),
    ]
    assert (found.row_count, found.new_count, found.faulty_count) == (2, 1, 1)


# --- again, otherwise, at once ------------------------------------------------------------------


def test_a_file_is_imported_whole_with_ids_that_follow_from_the_number() -> None:
    found = checked(csv_of([row(), row(voucher_number="B", amount="100.50", tax="")]))
    assert (found.state, found.new_count, found.amount_fen) == ("checked", 2, 6_810_050)
    assert not PastTrade.objects.exists()
    done = filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
    assert (done.state, done.imported_count, done.imported_at) == ("imported", 2, NOON)
    trade = PastTrade.objects.get(voucher_number="GZ-2023-000001")
    assert trade.pk == uuid.uuid5(judging.NAMESPACE, "GZ-2023-000001")
    assert (trade.row_number, trade.amount_fen, trade.tax_fen) == (2, 6_800_000, 384_905)
    assert trade.source.sha256 == found.sha256
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        PastTrade.objects.update(amount_fen=1)


def test_the_same_rows_again_are_skipped_and_said() -> None:
    imported({}, {})
    found = checked(csv_of([row(voucher_number=f"GZ-{i}") for i in range(3)]))
    assert (found.new_count, found.known_count, found.faulty_count) == (1, 2, 0)
    filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
    again = filings.confirm(by=cast.gu(), at=NOON + timedelta(days=1), import_id=found.pk)
    assert (again.imported_count, again.imported_at) == (1, NOON)
    assert PastTrade.objects.count() == 3


def test_another_content_under_a_known_number_is_a_bad_row() -> None:
    imported({})
    found = checked(csv_of([row(voucher_number="GZ-0", amount="1.00", tax="")]))
    assert codes(found) == [(2, "voucher_number", "other_content_known")]


def test_a_number_twice_in_a_file_is_a_bad_row_whatever_it_says() -> None:
    found = checked(csv_of([row(), row(), row(venue="")]))
    assert codes(found) == [
        (3, "voucher_number", "duplicate_in_file"),
        (4, "venue", "missing"),
        (4, "voucher_number", "duplicate_in_file"),
    ]


def test_one_bad_row_keeps_the_whole_file_out() -> None:
    found = checked(csv_of([row(), row(voucher_number="B", amount="0")]))
    with pytest.raises(filings.ImportFaulty) as refused, transaction.atomic():
        filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
    assert "1 行" in str(refused.value)
    assert not PastTrade.objects.exists()


def test_what_others_imported_since_is_judged_again() -> None:
    found = checked(csv_of([row(voucher_number="GZ-0", amount="1.00", tax=""), row(voucher_number="Z")]))
    assert found.faulty_count == 0
    imported({})
    with pytest.raises(filings.ImportFaulty), transaction.atomic():
        filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
    assert PastTrade.objects.count() == 1


def test_an_import_that_dies_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(csv_of([row(voucher_number=f"N{i}") for i in range(3)]))

    def die(**_arguments: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(imports, "record", die)
    with pytest.raises(RuntimeError):
        filings.confirm(by=cast.gu(), at=NOON, import_id=found.pk)
    found.refresh_from_db()
    assert (found.state, PastTrade.objects.count()) == ("checked", 0)


@pytest.mark.django_db(transaction=True)
def test_confirmations_at_once_import_once() -> None:
    twice = checked(csv_of([row(), row(voucher_number="B")]))
    same = checked(csv_of([row(), row(voucher_number="C")]))
    gate, told = threading.Barrier(4), []

    def confirm(import_id: uuid.UUID) -> None:
        gate.wait()
        told.append(filings.confirm(by=cast.gu(), at=NOON, import_id=import_id).imported_count)
        close_old_connections()
        connection.close()

    threads = [threading.Thread(target=confirm, args=(pk,)) for pk in (twice.pk, twice.pk, same.pk, same.pk)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [1, 1, 2, 2]
    assert sorted(PastTrade.objects.values_list("voucher_number", flat=True)) == ["B", "C", "GZ-2023-000001"]


def test_only_the_operator_imports_and_only_what_is_there() -> None:
    found = checked(csv_of([row()]))
    for who in (cast.lin, cast.yan, cast.shen):
        with pytest.raises(NotAllowed):
            filings.check_file(by=who(), at=NOON, file_name="a.csv", body=csv_of([row()]))
        with pytest.raises(NotAllowed):
            filings.confirm(by=who(), at=NOON, import_id=found.pk)
    with pytest.raises(NotFound):
        filings.confirm(by=cast.gu(), at=NOON, import_id=uuid.UUID(int=7))


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_csv_is_read_in_both_usual_encodings(encoding: str) -> None:
    found = checked(csv_of([row()], encoding=encoding))
    assert (found.new_count, found.faults) == (1, [])


def test_a_workbook_is_read_with_its_own_kinds_of_cells() -> None:
    cells = row(traded_on=datetime(2023, 5, 18), amount=68000.5, tax=0, remark=None)  # noqa: DTZ001
    found = checked(excel_of([cells]), "past.xlsx")
    assert (found.new_count, found.faults, found.amount_fen) == (1, [], 6_800_050)
    assert checked(excel_of([row()], title="Sheet1"), "past.XLSX").new_count == 1


def test_formulas_in_a_workbook_are_named() -> None:
    found = checked(excel_of([row(amount="=1+1", venue="=A1")]), "past.xlsx")
    assert codes(found) == [(2, "venue", "formula"), (2, "amount", "formula")]


def test_the_templates_can_be_filled_in_and_read_back() -> None:
    for body, name in ((spreadsheets.template_csv(), "t.csv"), (spreadsheets.template_excel(), "t.xlsx")):
        found = checked(body, name)
        assert (found.row_count, found.new_count, found.faults) == (1, 1, []), name
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(spreadsheets.template_excel()))
    assert book.sheetnames == ["历史交易", "填写说明"]
    assert [cell.value for cell in book["填写说明"]["A"]][1:] == HEADINGS


def test_columns_may_stand_in_any_order_and_blank_rows_are_passed_over() -> None:
    lines = csv_of([row()]).decode().splitlines()
    turned = "\r\n".join(",".join(reversed(line.split(","))) for line in lines)
    assert checked(turned.encode()).new_count == 1
    spaced = "\r\n".join([lines[0], "", ",,,", lines[1].replace("68000.00", "-1")])
    assert codes(checked(spaced.encode()))[0][:2] == (4, "amount")


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


def with_part(name: str, body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(excel_of([row()]))) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    return packed({**parts, name: body})


ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("file_name", "body", "words"),
    [
        ("a.csv", b"", "文件是空的"),
        ("a.csv", b"x" * (reading.LARGEST_FILE + 1), "超过 5 MB"),
        ("a.pdf", b"%PDF-1.7", "请上传 .csv 或 .xlsx"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "请上传 .csv 或 .xlsx"),
        ("a.xlsx", b"not a zip", "与扩展名不符"),
        ("a.csv", excel_of([row()]), "与扩展名不符"),
        ("a.xlsx", b"PK\x03\x04 broken", "无法读取这个工作簿"),
        ("a.xlsx", packed({"a.txt": b"x"}), "不是 Excel 工作簿"),
        ("a.xlsx", packed({"xl/workbook.xml": b"<x/>"}), "无法读取这个工作簿"),
        ("a.xlsx", packed({"xl/workbook.xml": b"0" * (reading.LARGEST_UNPACKED + 1)}), "解压后过大"),
        ("a.xlsx", packed({f"xl/{i}": b"" for i in range(reading.MOST_PARTS + 1)}), "解压后过大"),
        ("a.xlsx", with_part("xl/worksheets/sheet1.xml", ENTITY), "不允许的声明"),
        ("a.xlsx", with_part("xl/vbaProject.bin", b"x"), "含有宏"),
        ("a.csv", b"\x00\x01\x02", "不是文本文件"),
        ("a.csv", b"\xff\xff\xff", "编码"),
        ("a.csv", b"\n\n", "没有表头"),
        ("a.csv", ",".join(HEADINGS).encode(), "没有数据"),
        ("a.csv", csv_of([row()], headings=["别的", *HEADINGS[1:]]), "“别的”不是模板中的列"),
        ("a.csv", csv_of([row()], headings=[HEADINGS[1], *HEADINGS[1:]]), "出现了两次"),
        ("a.csv", ",".join(HEADINGS[1:]).encode(), "缺少列“原凭证编号”"),
        ("a.csv", csv_of([row()]) + b",".join([b"x"] * 16), "列数比表头多"),
        ("a.csv", csv_of([row()]) + b'"abc', "引号"),
        ("a.csv", csv_of([row()]) + b"\r\n".join([b"x"] * judging.MOST_ROWS), "超过 5,000 行"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_hostile_or_broken_file_is_refused_with_a_sentence(file_name: str, body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused, transaction.atomic():
        checked(body, file_name)
    assert words in str(refused.value)
    assert refused.value.field == "file"
    assert not PastTradeImport.objects.exists()


def test_a_far_away_cell_costs_no_million_rows() -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADINGS)
    sheet["A1048576"] = "x"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(InvalidInput) as refused:
        checked(out.getvalue(), "far.xlsx")
    assert "超过 5,000 行" in str(refused.value)


# --- on the register ----------------------------------------------------------------------------


def test_imported_trades_stand_apart_from_filed_ones_in_every_total() -> None:
    filed()
    imported({}, {"amount": "100.50", "tax": ""})
    assert total_of(register(cast.gu())) == (1, Money(6_800_000))
    assert past_total_of(past_trades(cast.gu())) == (2, Money(6_810_050))
    client = client_of(cast.gu())
    page = client.get("/filings/").content.decode()
    assert "共 1 笔，备案金额合计 ¥68,000.00" in page
    assert "GZ-0" not in page
    past = client.get("/filings/?source=imported").content.decode()
    assert "含税金额合计 ¥68,100.50；未计入备案合计" in past
    assert PastTradeImport.objects.get().sha256 in past
    together = client.get("/filings/?source=all").content.decode()
    assert "备案与历史导入合并 3 笔，¥136,100.50，其中备案 ¥68,000.00、历史导入 ¥68,100.50。" in together


def test_a_firm_sees_the_past_trades_that_name_it() -> None:
    imported({})
    sees = {
        who.__name__: past_total_of(past_trades(who()))[0] for who in (cast.lin, cast.zhou, cast.he, cast.yan)
    }
    assert sees == {"lin": 1, "zhou": 1, "he": 0, "yan": 1}
    with pytest.raises(NotAllowed):
        past_trades(cast.mei())


def test_the_pages_lead_from_template_to_import() -> None:
    client = client_of(cast.gu())
    template = client.get("/filings/past/template.xlsx")
    assert template["Content-Disposition"] == 'attachment; filename="past-trades.xlsx"'
    assert client.get("/filings/past/template.exe").status_code == 404
    bad = SimpleUploadedFile("past.csv", csv_of([row(amount="0"), row(voucher_number="B", venue="=x")]))
    answer = client.post("/filings/past/", {"file": bad})
    page = client.get(answer["Location"]).content.decode()
    assert "含税金额应大于 0。" in page
    assert "会被表格当作公式" in page
    assert "确认导入" not in page
    good = SimpleUploadedFile("past.csv", csv_of([row()]))
    location = client.post("/filings/past/", {"file": good})["Location"]
    assert "确认导入 1 笔" in client.get(location).content.decode()
    assert client.post(f"{location}confirm/", {"idempotency_key": "k"}).status_code == 302
    assert "导入 1 笔" in client.get(location).content.decode()
    again = SimpleUploadedFile("past.csv", csv_of([row()]))
    page = client.get(client.post("/filings/past/", {"file": again})["Location"]).content.decode()
    assert ("每一行都已经导入过" in page, "确认导入" in page, "重新上传" in page) == (True, False, True)
    assert client.post("/filings/past/", {"file": SimpleUploadedFile("x.pdf", b"%PDF")}).status_code == 422
    assert client.post("/filings/past/").status_code == 422
    assert PastTrade.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "status"), [(cast.gu, 200), (cast.yan, 200), (cast.lin, 403), (cast.shen, 403)]
)
def test_imports_are_for_operator_and_auditor(who: Any, status: int) -> None:
    found = checked(csv_of([row()]))
    client = client_of(who())
    paths = ("/filings/past/", f"/filings/past/{found.pk}/", "/filings/past/template.csv")
    assert {client.get(path).status_code for path in paths} == {status}
    if who is not cast.gu:
        assert client.post(f"/filings/past/{found.pk}/confirm/", {"idempotency_key": "k"}).status_code == 403
