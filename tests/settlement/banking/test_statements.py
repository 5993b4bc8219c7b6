"""Statements are imported whole, once, whoever tries; matches are evidence that is never changed."""

from __future__ import annotations

from datetime import date
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test import Client

from kernel.errors import InvalidInput, NotAllowed, Refusal
from kernel.money import Money
from settlement.banking import reading, selectors, services, spreadsheets
from settlement.banking.models import BankImport, BankLine, Match, MatchEnd
from settlement.banking.states import Gap, StatementFormat
from settlement.merchant import services as merchant
from settlement.merchant.models import CashMove
from settlement.payruns import services as payruns
from tests import cast
from tests.exchange import market
from tests.settlement.banking.statements import ACCOUNT, AT, checked, csv_of, imported, qian, row
from tests.settlement.invoicing.sheets import invoiced
from tests.settlement.merchant import shop
from tests.settlement.payments.deals import refund, sold
from tests.settlement.payruns import runs

MT940 = """:20:STMT1
:25:44180100000001
:28C:1/1
:60F:C260301CNY1000,00
:61:2603020302C68000,00NTRFNONREF//B1
:86:{number} payment
:61:2603020302D10,50NMSCNONREF
:86:fee
:61:2603020302D10,50NMSCNONREF
:86:fee
:62F:C260302CNY{closing}
-
"""
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>
<Acct><Id><Othr><Id>44180100000001</Id></Othr></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="CNY">68000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-02</Dt></BookgDt>
<AcctSvcrRef>C1</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Nm>云山智能（示例）有限公司</Nm></Dbtr></RltdPties>
<RmtInf><Ustrd>DD-2026-0000001-X</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">8.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><Dt>2026-03-02</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


@pytest.mark.django_db
def test_every_bad_cell_is_told_and_nothing_is_imported() -> None:
    rows = [
        row(),
        row(credit="1.001"),
        row(debit="5"),
        row(credit=""),
        row(credit="-3"),
        row(booked_on="2027-01-01"),
        row(reference="", party_name="=1+1"),
        row(party_uscc="91440101MA5000002X"),
    ]
    rows.append({**rows[0], "credit": "1.00"})
    found = checked(csv_of(rows))
    assert [(each["row"], each["column"], each["code"]) for each in found.faults] == [
        (3, "credit", "amount_overprecise"),
        (4, "debit", "side_twice"),
        (5, "credit", "side_missing"),
        (6, "credit", "not_positive"),
        (7, "booked_on", "date_future"),
        (8, "reference", "missing"),
        (8, "party_name", "formula"),
        (9, "party_uscc", "uscc_check"),
        (10, "reference", "reference_twice"),
    ]
    assert (found.row_count, found.new_count, found.faulty_count) == (9, 1, 8)
    with pytest.raises(services.StatementFaulty):
        services.confirm(by=qian(), at=AT, import_id=found.pk)
    assert not BankLine.objects.exists()


@pytest.mark.django_db
def test_the_same_file_twice_imports_nothing_and_another_content_under_a_reference_is_told() -> None:
    rows = [row(), row(credit="", debit="10.50", text="手续费")]
    lines = imported(*rows)
    assert [line.amount_fen for line in lines] == [6_800_000, -1_050]
    again = checked(csv_of([*rows, row(credit="1.00")]))
    assert (again.new_count, again.known_count) == (1, 2)
    assert services.confirm(by=qian(), at=AT, import_id=again.pk).imported_count == 1
    assert services.confirm(by=qian(), at=AT, import_id=again.pk).imported_count == 1
    assert BankLine.objects.count() == 3
    other = checked(csv_of([{**rows[0], "credit": "68000.01"}]))
    assert [each["code"] for each in other.faults] == ["reference_reused"]


@pytest.mark.django_db
def test_a_file_that_was_right_when_looked_at_is_judged_again_when_imported() -> None:
    first = row()
    one, other = checked(csv_of([first])), checked(csv_of([row(), {**first, "credit": "5.00"}]))
    services.confirm(by=qian(), at=AT, import_id=one.pk)
    with pytest.raises(services.StatementFaulty):
        services.confirm(by=qian(), at=AT, import_id=other.pk)
    assert BankLine.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_people_import_the_same_file_and_every_line_is_there_once() -> None:
    body = csv_of([row() for _each in range(20)])
    by, start, counts = qian(), Barrier(16), []

    def run() -> None:
        try:
            found = checked(body, by=by)
            start.wait()
            counts.append(services.confirm(by=by, at=AT, import_id=found.pk).imported_count)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _each in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(counts) == [0] * 15 + [20]
    assert BankLine.objects.count() == 20


def test_mt940_is_read_with_its_balance_and_lines_without_reference_are_told_apart() -> None:
    body = MT940.format(number="DD-2026-0000001-X", closing="68979,00").encode()
    found = reading.read(body, "a.sta", StatementFormat.MT940)
    assert (found.account, found.row_count, found.faults) == (ACCOUNT, 3, [])
    assert [each.amount_fen for each in found.rows] == [6_800_000, -1_050, -1_050]
    assert found.rows[0].reference == "B1"
    assert found.rows[0].booked_on == date(2026, 3, 2)
    assert "DD-2026-0000001-X" in found.rows[0].text
    references = [each.reference for each in found.rows[1:]]
    assert references[0] != references[1]
    assert reading.read(body, "b.sta", StatementFormat.MT940).rows == found.rows
    short = reading.read(MT940.format(number="x", closing="1,00").encode(), "a.sta", StatementFormat.MT940)
    assert [fault.code for fault in short.faults] == ["balance_broken"]


@pytest.mark.parametrize("status", ["<Sts>PDNG</Sts>", "<Sts><Cd>INFO</Cd></Sts>", "<Sts> FUTR </Sts>"])
def test_what_the_bank_only_expects_is_no_money_received(status: str) -> None:
    expected = CAMT.replace("<AcctSvcrRef>C1", f"{status}<AcctSvcrRef>C1").format(closing="-8.00")
    found = reading.read(expected.encode(), "a.xml", StatementFormat.CAMT053)
    assert ([row.amount_fen for row in found.rows], found.faults) == ([-800], [])
    booked = CAMT.replace("<AcctSvcrRef>C1", "<Sts>BOOK</Sts><AcctSvcrRef>C1").format(closing="67992.00")
    assert len(reading.read(booked.encode(), "a.xml", StatementFormat.CAMT053).rows) == 2


def test_an_entry_of_many_payments_is_not_taken_for_the_first_ones() -> None:
    many = CAMT.replace("</TxDtls>", "</TxDtls><TxDtls><RmtInf><Ustrd>x</Ustrd></RmtInf></TxDtls>")
    line = reading.read(many.format(closing="67992.00").encode(), "a.xml", StatementFormat.CAMT053).rows[0]
    assert (line.amount_fen, line.party_name, line.text) == (6_800_000, "", "")


def test_camt053_is_read_and_declarations_are_refused() -> None:
    found = reading.read(CAMT.format(closing="67992.00").encode(), "a.xml", StatementFormat.CAMT053)
    assert (found.account, found.faults) == (ACCOUNT, [])
    first = found.rows[0]
    assert (first.amount_fen, first.party_name, first.reference) == (6_800_000, cast.YUNSHAN[0], "C1")
    assert found.rows[1].amount_fen == -800
    broken = reading.read(CAMT.format(closing="1.00").encode(), "a.xml", StatementFormat.CAMT053)
    assert [fault.code for fault in broken.faults] == ["balance_broken"]
    dollars = CAMT.replace("CNY", "USD").format(closing="67992.00").encode()
    assert {fault.code for fault in reading.read(dollars, "a.xml", StatementFormat.CAMT053).faults} == {
        "currency"
    }
    bomb = b'<!DOCTYPE a [<!ENTITY b "x">]><Document>&b;</Document>'
    for bad in (bomb, bomb.decode().encode("utf-16"), b"<a/>", b"x"):
        with pytest.raises(InvalidInput):
            reading.read(bad, "a.xml", StatementFormat.CAMT053)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", "table"),
        (b"a,b\n1,2", "table"),
        (b"\x00\x01", "table"),
        (b"x", "mt940"),
        (b":25:1\n:61:x", "mt940"),
        (b"PK\x03\x04x", "table"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_sentence(body: bytes, form: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reading.read(body, "a.csv", form)
    assert refused.value.field == "file"


def test_the_templates_are_statements_themselves() -> None:
    for body, name in ((spreadsheets.template_csv(), "a.csv"), (spreadsheets.template_excel(), "a.xlsx")):
        found = reading.read(body, name, StatementFormat.TABLE)
        assert ([each.amount_fen for each in found.rows], found.faults) == ([6_800_000], [])


@pytest.mark.django_db
def test_only_the_operators_finance_imports_and_matches() -> None:
    for who in (cast.lin, cast.zhou, cast.gu, cast.yan, cast.he):
        with pytest.raises(NotAllowed):
            checked(csv_of([row()]), by=who())
    order = sold()
    [line] = imported(row())
    for who in (cast.lin, cast.zhou, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.match_line(by=who(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    assert BankImport.objects.count() == 1
    assert not Match.objects.exists()


@pytest.mark.django_db
def test_a_matched_line_closes_the_gap_and_unmatching_opens_it_again_with_its_reason() -> None:
    order = sold()
    invoiced(order)
    [line] = imported(row(text=order.number))
    assert [gap for gap, _fen in selectors.order_visible_to(cast.lin(), order.pk).gaps] == [
        Gap.RECEIPT_MISSING
    ]
    [best] = selectors.suggestions_for(line)
    assert (best.score, best.is_exact, best.expected.target_id) == (90, True, order.pk)
    match = services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    assert (match.amount_fen, match.score, match.is_automatic) == (6_800_000, 90, False)
    assert selectors.order_visible_to(cast.lin(), order.pk).gaps == []
    with pytest.raises(services.LineUsed):
        services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    with pytest.raises(InvalidInput):
        services.end_match(by=qian(), at=AT, match_id=match.pk, reason=" ")
    for _twice in range(2):
        services.end_match(by=qian(), at=AT, match_id=match.pk, reason="认错了订单")
    assert MatchEnd.objects.count() == 1
    assert [gap for gap, _fen in selectors.order_visible_to(cast.zhou(), order.pk).gaps] == [
        Gap.RECEIPT_MISSING
    ]


@pytest.mark.django_db
def test_partial_and_over_payments_are_told_to_the_fen() -> None:
    order = sold()
    invoiced(order)
    part, rest = imported(row(credit="60000.00"), row(credit="8000.01", text=order.number))
    services.match_line(by=qian(), at=AT, line_id=part.pk, kind="receipt", target_id=order.pk)
    assert selectors.order_visible_to(cast.lin(), order.pk).gaps == [(Gap.RECEIPT_SHORT, 800_000)]
    services.match_line(by=qian(), at=AT, line_id=rest.pk, kind="receipt", target_id=order.pk)
    assert selectors.order_visible_to(cast.lin(), order.pk).gaps == [(Gap.OVERPAID, 1)]
    [back] = imported(row(credit="", debit="0.01"))
    services.match_line(by=qian(), at=AT, line_id=back.pk, kind="surplus", target_id=order.pk)
    assert selectors.order_visible_to(cast.lin(), order.pk).gaps == []


@pytest.mark.django_db
def test_a_refund_is_matched_to_money_that_went_out_only() -> None:
    order = sold()
    back = refund(order, 100_000)
    came, went = imported(row(credit="1000.00"), row(credit="", debit="1000.00", text=f"退款 {back.number}"))
    with pytest.raises(services.WrongDirection):
        services.match_line(by=qian(), at=AT, line_id=came.pk, kind="refund", target_id=back.pk)
    [best] = selectors.suggestions_for(went)
    assert (best.expected.kind, best.expected.target_id, best.score) == ("refund", back.pk, 90)
    services.match_line(by=qian(), at=AT, line_id=went.pk, kind="refund", target_id=back.pk)
    gaps = {gap for gap, _fen in selectors.order_visible_to(cast.lin(), order.pk).gaps}
    assert Gap.REFUND_UNPAID not in gaps


@pytest.mark.django_db
def test_lines_and_matches_are_never_changed_and_never_exceeded_by_raw_sql() -> None:
    order = sold()
    [line] = imported(row())
    match = services.match_line(
        by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk, amount=Money(6_000_000)
    )
    for change in (
        lambda: BankLine.objects.update(amount_fen=1),
        lambda: BankLine.objects.all().delete(),
        lambda: Match.objects.update(amount_fen=1),
        lambda: Match.objects.create(
            line=line, kind="receipt", order=order, amount_fen=800_001, matched_by="x", matched_at=AT
        ),
        lambda: Match.objects.create(line=line, kind="surplus", order=order, amount_fen=1, matched_by="x", matched_at=AT),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    match.refresh_from_db()
    assert match.amount_fen == 6_000_000


@pytest.mark.django_db(transaction=True)
def test_sixteen_people_match_the_same_line_and_one_does() -> None:
    order = sold()
    [line] = imported(row())
    by, start, answers = qian(), Barrier(16), []

    def run() -> None:
        start.wait()
        try:
            services.match_line(by=by, at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
            answers.append("matched")
        except Refusal as refusal:
            answers.append(refusal.code)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _each in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answers) == ["bank_line_used"] * 15 + ["matched"]


@pytest.mark.django_db(transaction=True)
def test_exact_lines_match_by_themselves_only_when_the_setting_allows(settings: Any) -> None:
    settings.BANK_VIRTUAL_PREFIX = "4400"
    one, two, other = sold(), sold(), sold()
    year, serial = one.number.split("-")[1:3]
    imported(row(text=two.number))
    assert not Match.objects.exists()
    settings.BANK_AUTO_MATCH = True
    imported(row(virtual_account=f"4400{year}{serial}"), row(), row(text=other.number, credit="67999.99"))
    [match] = Match.objects.all()
    assert (match.order_id, match.is_automatic, match.matched_by) == (one.pk, True, "系统 · 银行对账")
    assert set(match.reasons) == {"amount", "virtual_account", "name"}


@pytest.mark.django_db
def test_a_line_on_a_customers_account_is_credited_to_that_customer_once() -> None:
    customer = merchant.create_customer(by=cast.lin(), at=AT, name="云山（示例）")
    account = merchant.open_virtual_account(by=cast.lin(), at=AT, customer_id=customer.pk).number
    [line, other] = imported(
        row(virtual_account=account, credit="8.00"), row(virtual_account="4400202600000001")
    )
    assert services.book_arrivals(at=AT) == 1
    assert services.book_arrivals(at=AT) == 0
    [move] = CashMove.objects.all()
    assert (move.customer_id, move.amount_fen) == (customer.pk, 800)
    assert move.reference.startswith(f"{line.reference}/")
    [match] = Match.objects.all()
    assert (match.line_id, match.kind, match.cash_move_id, match.order_id) == (
        line.pk, "arrival", move.pk, None,
    )  # fmt: skip
    assert (selectors.left_of(line), selectors.left_of(other)) == (Money(0), Money(6_800_000))
    services.end_match(by=qian(), at=AT, match_id=match.pk, reason="核对")
    assert services.book_arrivals(at=AT) == 0  # credited money is not credited again
    [told] = selectors.suggestions_for(line)
    assert (told.expected.kind, told.expected.target_id, told.reasons) == (
        "arrival", move.pk, ("amount", "virtual_account"),
    )  # fmt: skip
    again = {"by": qian(), "at": AT, "kind": "arrival", "target_id": move.pk}
    services.match_line(line_id=line.pk, **again)
    with pytest.raises(InvalidInput):
        services.match_line(line_id=other.pk, **again)
    assert CashMove.objects.count() == 1


@pytest.mark.django_db
def test_a_line_that_a_person_took_for_an_order_is_credited_to_nobody() -> None:
    customer = merchant.create_customer(by=cast.lin(), at=AT, name="云山（示例）")
    account = merchant.open_virtual_account(by=cast.lin(), at=AT, customer_id=customer.pk).number
    order = sold()
    [line] = imported(row(virtual_account=account))
    services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    assert services.book_arrivals(at=AT) == 0
    assert not CashMove.objects.exists()


@pytest.mark.django_db
def test_pay_and_payouts_are_found_by_account_and_matched_once() -> None:
    shop.sale(1_050)
    runs.told_account("mei")
    runs.earned(mei=3)
    run = runs.approved()
    payruns.pay(at=runs.APRIL, run_id=run.pk)
    item = run.items.select_related("account").get()
    shop.pay_account()
    payout = merchant.create_payout(by=cast.lin(), at=AT, amount=Money(900))
    wage, same, sent = imported(
        row(credit="", debit=Money(item.net_fen).yuan, party_name="Mei", party_account=item.account.account),
        row(credit="", debit=Money(item.net_fen).yuan, party_name="Mei", party_account=item.account.account),
        row(
            credit="",
            debit="9.00",
            party_name="清蓝数据标注（示例）有限公司",
            party_account="6222000012345678",
        ),
    )
    [told] = selectors.suggestions_for(wage)
    assert (told.expected.target_id, told.is_exact, told.reasons) == (
        item.pk, True, ("amount", "party_account", "name"),
    )  # fmt: skip
    services.match_line(by=qian(), at=AT, line_id=wage.pk, kind="wage", target_id=item.pk)
    assert selectors.suggestions_for(same) == []
    for kind, wrong in (("wage", item.pk), ("payout", item.pk), ("wage", payout.pk)):
        with pytest.raises(InvalidInput):
            services.match_line(by=qian(), at=AT, line_id=same.pk, kind=kind, target_id=wrong)
    [told] = selectors.suggestions_for(sent)
    assert (told.expected.kind, told.expected.target_id, told.is_exact) == ("payout", payout.pk, True)
    match = services.match_line(by=qian(), at=AT, line_id=sent.pk, kind="payout", target_id=payout.pk)
    page = client_of(qian()).get(f"/reconciliation/lines/{sent.pk}/")
    assert (page.status_code, match.label in page.content.decode()) == (200, True)
    assert (selectors.left_of(wage), selectors.left_of(sent)) == (Money(0), Money(0))


@pytest.mark.django_db
def test_the_watch_counts_every_line_without_a_payment() -> None:
    order = sold()
    matched, _left = imported(row(), row(credit="", debit="10.50"))
    services.match_line(
        by=qian(), at=AT, line_id=matched.pk, kind="receipt", target_id=order.pk, amount=Money(6_000_000)
    )
    told = selectors.watch()
    assert (told.line_count, told.unmatched_count, told.unmatched_fen, told.overmatched_count) == (
        2, 2, 801_050, 0,
    )  # fmt: skip


# --- pages, API --------------------------------------------------------------------------------


def client_of(actor: Any) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.mark.django_db
def test_the_unmatched_stand_first_and_filters_and_export_tell_the_same() -> None:
    done, open_order = sold(), market.contracted()
    invoiced(done)
    [line] = imported(row())
    services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=done.pk)
    bad = sold()
    client = client_of(cast.lin())
    page = client.get("/reconciliation/").content.decode()
    assert page.index(bad.number) < page.index(open_order.number) < page.index(done.number)
    assert "导入到账日的银行流水" in page
    only = client.get("/reconciliation/?gap=not_invoiced").content.decode()
    assert bad.number in only
    assert done.number not in only
    lines = b"".join(client.get("/reconciliation/export/?standing=unmatched")).decode().splitlines()  # type: ignore[arg-type]
    assert [each.split(",")[12] for each in lines[1:]] == ["系统已记付款，银行没有到账", "已放款未开票"]
    assert bad.number not in client_of(cast.he()).get("/reconciliation/").content.decode()
    assert client_of(cast.he()).get(f"/reconciliation/orders/{bad.pk}/").status_code == 404
    assert client_of(cast.lin()).get("/reconciliation/lines/").status_code == 403


@pytest.mark.django_db
def test_a_person_uploads_confirms_and_matches_on_the_pages() -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    order, client = sold(), client_of(qian())
    told = {
        "format": "table", "account": ACCOUNT, "file": SimpleUploadedFile("a.csv", csv_of([row(text=order.number)])),
    }  # fmt: skip
    answer = client.post("/reconciliation/imports/", told)
    assert answer.status_code == 302
    address = answer["Location"]
    assert "确认导入 1 笔" in client.get(address).content.decode()
    assert client_of(cast.yan()).post(f"{address}confirm/", {"idempotency_key": "b"}).status_code == 403
    assert client.post(f"{address}confirm/", {"idempotency_key": "a"}).status_code == 302
    line = BankLine.objects.get()
    page = f"/reconciliation/lines/{line.pk}/"
    assert "附言中有编号" in client.get(page).content.decode()
    wrong = client.post(
        f"{page}match/", {"idempotency_key": "c", "number": "DD-2026-9999999-X", "amount": "1"}
    )
    assert wrong.status_code == 422
    again = {"idempotency_key": "d", "number": order.number, "amount": "100.00"}
    for _twice in range(2):
        assert client.post(f"{page}match/", again).status_code == 302
    assert Match.objects.get().amount_fen == 10_000
    answer = client.post(f"/reconciliation/matches/{Match.objects.get().pk}/end/", {"reason": "金额写错"})
    assert answer["Location"] == page
    assert "金额写错" in client.get(page).content.decode()


@pytest.mark.django_db
def test_the_api_tells_gaps_and_takes_a_match_once_per_key() -> None:
    order, client = sold(), client_of(qian())
    [line] = imported(row(text=order.number))
    told = client.get(f"/api/reconciliation/orders/{order.pk}").json()
    assert [each["code"] for each in told["gaps"]] == ["receipt_missing", "not_invoiced"]
    [suggested] = client.get(f"/api/reconciliation/lines/{line.pk}/suggestions").json()
    body = {"kind": suggested["kind"], "target": suggested["target"]}
    for _twice in range(2):
        answer = client.post(
            f"/api/reconciliation/lines/{line.pk}/matches", body, content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )  # fmt: skip
        assert answer.status_code == 200
    assert Match.objects.get().amount_fen == 6_800_000
    assert client.get("/api/reconciliation/lines?is_open=true").json()["items"] == []
