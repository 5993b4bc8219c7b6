"""The exchange's invoices for its fee: never above what it keeps, credited after refunds, seen in reconciliation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from exchange.trading.models import Order
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from settlement.invoicing import fees, selectors, services
from settlement.invoicing.models import FeeInvoice
from tests import cast
from tests.settlement.banking.statements import qian
from tests.settlement.invoicing import sheets
from tests.settlement.payments.deals import refund, sold

pytestmark = pytest.mark.django_db
AT = sheets.ISSUED + timedelta(days=10)


def issued(order: Order, gross: int, **told: Any) -> FeeInvoice:
    sheet = sheets.sheet(gross, on=AT.date(), **told)
    return fees.issue_fee_invoice(by=qian(), at=AT, order_id=order.pk, kind="special", sheet=sheet)


def credited(invoice: FeeInvoice, gross: int, **told: Any) -> FeeInvoice:
    return fees.credit_fee_invoice(
        by=qian(),
        at=AT,
        invoice_id=invoice.pk,
        sheet=sheets.sheet(gross, on=AT.date(), **told),
        reason="退款",
    )


def stands(order: Order) -> tuple[int, int, int]:
    """What is kept, what may still be invoiced, what is to be credited."""
    found = selectors.fee_standing_of(order.pk)
    return found.keeps, found.to_invoice, found.to_credit


def test_the_fee_of_a_sale_is_invoiced_in_parts_and_never_above_what_is_kept() -> None:
    order = sold()  # a fee of 1,360.00
    assert stands(order) == (136_000, 136_000, 0)
    part = issued(order, 100_000)
    assert (part.issuer_uscc, part.recipient_uscc) == (cast.BASE[1], order.supplier.uscc)
    with pytest.raises(services.InvoiceTooLarge):
        issued(order, 36_001)
    issued(order, 36_000)
    assert stands(order) == (136_000, 0, 0)
    with pytest.raises(fees.NoFee):
        issued(order, 1)
    values = {
        field.attname: getattr(part, field.attname)
        for field in FeeInvoice._meta.concrete_fields
        if field.attname not in ("id", "number", "invoice_number")
    }
    with pytest.raises(DatabaseError, match="exceed its fee"), transaction.atomic():
        FeeInvoice.objects.create(**values, number="FF-RAW", invoice_number="9" * 20)


def test_a_refund_gives_back_a_part_of_the_fee_which_is_to_be_credited() -> None:
    order = sold()
    whole = issued(order, 136_000)
    refund(order, 1_700_000)  # a quarter: 340.00 of the fee go back
    assert stands(order) == (102_000, 0, 34_000)
    with pytest.raises(services.CreditTooLarge):
        credited(whole, 136_001)
    red = credited(whole, 34_000)
    assert (red.credits, red.signed_gross_fen, stands(order)) == (whole, -34_000, (102_000, 0, 0))
    with pytest.raises(services.NotCreditable):
        credited(red, 1)
    with pytest.raises(services.VoidCredited):
        fees.void_fee_invoice(by=qian(), at=AT, invoice_id=whole.pk, reason="开错抬头")


def test_the_same_invoice_again_is_the_one_that_is_there_and_another_under_its_number_is_refused() -> None:
    order, number = sold(), sheets.number()
    first = issued(order, 50_000, no=number)
    assert issued(order, 50_000, no=number) == first
    with pytest.raises(services.InvoiceNumberUsed):
        issued(order, 50_001, no=number)
    assert FeeInvoice.objects.count() == 1


def test_a_void_invoice_counts_no_more_and_only_within_its_month() -> None:
    order = sold()
    found = issued(order, 136_000)
    with pytest.raises(services.VoidTooLate):
        fees.void_fee_invoice(by=qian(), at=AT + timedelta(days=31), invoice_id=found.pk, reason="开错抬头")
    for _twice in range(2):
        gone = fees.void_fee_invoice(by=qian(), at=AT, invoice_id=found.pk, reason="开错抬头")
        assert gone.state == "voided"
    assert stands(order) == (136_000, 136_000, 0)
    with pytest.raises(DatabaseError), transaction.atomic():
        FeeInvoice.objects.update(state="issued", voided_at=None)


def test_only_the_exchanges_finance_writes_and_only_the_supplier_reads() -> None:
    order = sold()
    sheet = sheets.sheet(100, on=AT.date())
    with pytest.raises(NotAllowed):
        fees.issue_fee_invoice(by=cast.lin(), at=AT, order_id=order.pk, kind="special", sheet=sheet)
    with pytest.raises(InvalidInput):
        fees.issue_fee_invoice(by=qian(), at=AT, order_id=order.pk, kind="other", sheet=sheet)
    found = issued(order, 100)
    assert selectors.fee_invoice_visible_to(cast.lin(), found.pk) == found
    for stranger in (cast.he(), cast.zhou()):
        with pytest.raises(NotFound):
            selectors.fee_invoice_visible_to(stranger, found.pk)
        assert not selectors.fee_orders_visible_to(stranger).exists()


def test_the_pages_show_what_waits_and_reconciliation_names_it() -> None:
    order = sold()
    client, seller, buyer = Client(), Client(), Client()
    client.force_login(qian().user)
    seller.force_login(cast.lin().user)
    buyer.force_login(cast.zhou().user)
    with clock.moved_to(AT):
        page = client.get("/invoices/fees/?show=due").content.decode()
        assert order.number in page
        assert "待开票" in page
        assert "待开票 ¥1,360.00" in client.get(f"/reconciliation/orders/{order.pk}/").content.decode()
        assert "交易服务费待开票" in str([todo.title for todo in selectors.todos(qian())])
        form = {
            "kind": "special", "invoice_number": sheets.number(), "rate": "600", "gross": "1360.00",
            "tax": "76.98", "issued_on": AT.date().isoformat(),
        }  # fmt: skip
        wrong = client.post(f"/invoices/fees/orders/{order.pk}/issue/", {**form, "gross": "1360.01"})
        assert wrong.status_code == 422
        assert client.get(f"/invoices/fees/orders/{order.pk}/issue/").status_code == 200
        done = client.post(f"/invoices/fees/orders/{order.pk}/issue/", form, follow=True)
        assert "服务费发票已登记" in done.content.decode()
        found = FeeInvoice.objects.get()
        assert order.number not in client.get("/invoices/fees/?show=due").content.decode()
        assert found.invoice_number in seller.get(f"/invoices/fees/orders/{order.pk}/").content.decode()
        assert seller.get(f"/invoices/fees/{found.pk}/credit/").status_code == 403
        assert buyer.get(f"/invoices/fees/orders/{order.pk}/").status_code == 404
        assert "交易服务费" not in buyer.get(f"/reconciliation/orders/{order.pk}/").content.decode()
        assert client.get(f"/invoices/fees/{found.pk}/credit/").status_code == 200
        assert client.post(f"/invoices/fees/{found.pk}/void/", {"reason": ""}).status_code == 422
        client.post(f"/invoices/fees/{found.pk}/void/", {"reason": "开错抬头"})
    assert FeeInvoice.objects.get().state == "voided"


def test_a_credit_within_the_tolerance_of_tax_takes_no_more_net_than_is_left() -> None:
    whole = issued(sold(), 136_000)  # 1,283.02 and 76.98 of tax
    with pytest.raises(services.CreditTooLarge):
        credited(whole, 136_000, tax=7_693)
    assert credited(whole, 136_000).net_fen == whole.net_fen
