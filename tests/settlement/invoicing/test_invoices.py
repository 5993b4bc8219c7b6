"""Invoices add up, never exceed what is left, are recorded once, and end only as the law lets them."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client

from documents import services as documents
from exchange.trading.services import WrongSide
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.money import Money
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from settlement.invoicing import selectors, services
from settlement.invoicing.models import Invoice, Wish
from tests import cast
from tests.exchange import market
from tests.settlement.invoicing.sheets import ISSUED, credited, invoiced, number, sheet
from tests.settlement.payments.deals import NOON, refund, sold

WHOLE = 6_800_000  # ¥68,000.00, of which tax ¥3,849.05


@pytest.mark.django_db
def test_an_invoice_adds_up_and_names_both_parties() -> None:
    order = sold()
    invoice = invoiced(order)
    assert (invoice.net_fen, invoice.tax_fen, invoice.gross_fen) == (6_415_095, 384_905, WHOLE)
    assert (invoice.issuer_name, invoice.recipient_uscc) == (cast.QINGLAN[0], cast.YUNSHAN[1])
    stands = selectors.standing_of(order.pk)
    assert (stands.keeps, stands.stands, stands.to_invoice, stands.is_due) == (WHOLE, WHOLE, 0, False)
    with pytest.raises(DatabaseError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(net_fen=1)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE invoicing_invoice SET gross_fen = gross_fen + 1, tax_fen = tax_fen + 1")


@pytest.mark.django_db
def test_parts_may_be_invoiced_until_the_price_is_reached() -> None:
    order = sold()
    invoiced(order, 2_000_000)
    invoiced(order, 4_800_000)
    with pytest.raises(services.NothingToInvoice):
        invoiced(order, 1)
    assert selectors.standing_of(order.pk).stands == WHOLE


@pytest.mark.django_db
def test_more_than_is_left_is_refused_with_what_is_left() -> None:
    order = sold()
    invoiced(order, 6_000_000)
    with pytest.raises(services.InvoiceTooLarge) as refused:
        invoiced(order, 800_001)
    assert "¥8,000.00" in str(refused.value)
    assert Invoice.objects.count() == 1


@pytest.mark.django_db
def test_the_same_invoice_again_is_the_one_that_is_there_and_another_under_its_number_is_refused() -> None:
    order, no = sold(), number()
    first = invoiced(order, 1_000_000, no=no)
    assert invoiced(order, 1_000_000, no=no).pk == first.pk
    with pytest.raises(services.InvoiceNumberUsed):
        invoiced(order, 1_000_001, no=no)
    assert Invoice.objects.count() == 1


@pytest.mark.django_db
def test_an_unpaid_order_has_nothing_to_invoice() -> None:
    with pytest.raises(services.NothingToInvoice):
        invoiced(market.contracted())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("invoice_number", {"no": "123"}),
        ("tax", {"tax": 384_912}),
        ("tax", {"rate_bp": 1300, "tax": 384_905}),
        ("rate", {"rate_bp": 700}),
        ("issued_on", {"on": date(2026, 3, 5)}),
        ("issued_on", {"on": date(2026, 3, 1)}),
        ("gross", {"tax": WHOLE}),
    ],
)
def test_a_bad_sheet_is_refused_at_its_field(field: str, told: dict[str, Any]) -> None:
    order = sold()
    with pytest.raises(InvalidInput) as refused:
        services.issue_invoice(
            by=cast.lin(), at=ISSUED, order_id=order.pk, kind="special", sheet=sheet(WHOLE, **told)
        )
    assert refused.value.field == field
    assert not Invoice.objects.exists()


@pytest.mark.django_db
def test_only_the_supplier_issues_and_strangers_find_nothing() -> None:
    order = sold()
    with pytest.raises(WrongSide):
        invoiced(order, by=cast.zhou())
    with pytest.raises(NotFound):
        invoiced(order, by=cast.he())
    with pytest.raises(NotAllowed):
        invoiced(order, by=cast.mei())
    invoice = invoiced(order)
    assert selectors.invoice_visible_to(cast.zhou(), invoice.pk) == invoice
    assert selectors.invoice_visible_to(cast.yan(), invoice.pk) == invoice
    with pytest.raises(NotFound):
        selectors.invoice_visible_to(cast.he(), invoice.pk)


@pytest.mark.django_db
def test_a_credit_invoice_follows_a_refund_and_never_exceeds_it() -> None:
    order = sold()
    invoice, back = invoiced(order), refund(order, 68_000)
    assert selectors.standing_of(order.pk).to_credit == 68_000
    later = NOON + timedelta(days=9)
    with pytest.raises(services.CreditTooLarge):
        credited(invoice, 68_001, at=later, cause=back.pk)
    credit = credited(invoice, 68_000, at=later, cause=back.pk)
    assert (credit.signed_gross_fen, credit.refund_id, credit.kind) == (-68_000, back.pk, "special")
    stands = selectors.standing_of(order.pk)
    assert (stands.keeps, stands.stands, stands.to_credit, stands.to_invoice) == (
        6_732_000, 6_732_000, 0, 0,
    )  # fmt: skip
    with pytest.raises(services.CreditTooLarge):
        credited(invoice, 1, tax=0, rate_bp=600, at=later, cause=back.pk)


@pytest.mark.django_db
def test_credit_invoices_never_exceed_their_invoice_even_by_raw_sql() -> None:
    order = sold()
    invoice = invoiced(order, 1_000_000)
    credited(invoice, 900_000)
    with pytest.raises(services.CreditTooLarge):
        credited(invoice, 100_001)
    with pytest.raises(DatabaseError, match="exceed what is left"), transaction.atomic():
        Invoice.objects.create(
            number="x", order=order, credits=invoice, kind="special", invoice_number=number(), rate_bp=600,
            net_fen=100_001, tax_fen=0, gross_fen=100_001, issued_on=ISSUED.date(), issuer_id=order.supplier_id,
            recipient_id=order.buyer_id, reason="x", issued_at=ISSUED,
        )  # fmt: skip
    with pytest.raises(services.NotCreditable):
        credited(Invoice.objects.get(credits=invoice), 1)


@pytest.mark.django_db
def test_a_credited_mistake_may_be_invoiced_anew() -> None:
    order = sold()
    credited(invoiced(order), WHOLE)
    assert invoiced(order).gross_fen == WHOLE


@pytest.mark.django_db
def test_an_invoice_is_void_only_within_its_month_and_without_credit_invoices() -> None:
    order = sold()
    invoice = invoiced(order, 1_000_000)
    with pytest.raises(services.VoidTooLate):
        services.void_invoice(
            by=cast.lin(), at=ISSUED + timedelta(days=40), invoice_id=invoice.pk, reason="开票有误"
        )
    other = invoiced(order, 1_000_000)
    credited(other, 10_000)
    with pytest.raises(services.VoidCredited):
        services.void_invoice(by=cast.lin(), at=ISSUED, invoice_id=other.pk, reason="开票有误")
    for _twice in range(2):
        voided = services.void_invoice(by=cast.lin(), at=ISSUED, invoice_id=invoice.pk, reason="开票有误")
    assert voided.state == "voided"
    assert selectors.standing_of(order.pk).stands == 990_000
    with pytest.raises(DatabaseError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(state="issued", voided_at=None)


@pytest.mark.django_db
def test_a_wish_is_told_to_the_supplier_and_fulfilled_by_its_invoice() -> None:
    order = sold()
    for _twice in range(2):
        wish = services.wish_invoice(
            by=cast.zhou(), at=ISSUED, order_id=order.pk, kind="special", note="寄财务部"
        )
    assert Wish.objects.count() == 1
    with pytest.raises(services.WishOpen):
        services.wish_invoice(by=cast.zhou(), at=ISSUED, order_id=order.pk, kind="ordinary")
    with pytest.raises(WrongSide):
        services.wish_invoice(by=cast.lin(), at=ISSUED, order_id=order.pk, kind="special")
    assert [todo.title for todo in selectors.todos(cast.lin())] == [f"订单 {order.number} 待开发票"]
    invoice = invoiced(order)
    wish.refresh_from_db()
    assert (wish.state, wish.invoice_id) == ("fulfilled", invoice.pk)
    assert selectors.todos(cast.lin()) == []
    with pytest.raises(MoveNotAllowed):
        services.withdraw_wish(by=cast.zhou(), at=ISSUED, wish_id=wish.pk)


@pytest.mark.django_db
def test_wish_and_invoice_are_told_to_the_other_side() -> None:
    from config import wiring
    from kernel import events

    order = sold()
    before = dict(events._handlers)
    events.wire(wiring.handlers())
    try:
        services.wish_invoice(by=cast.zhou(), at=ISSUED, order_id=order.pk, kind="special")
        credited(invoiced(order), 1_000)
    finally:
        events._handlers.clear()
        events._handlers.update(before)
    told = list(Notification.objects.order_by("pk").values_list("user__email", "title"))
    assert [who for who, _title in told] == ["lin@example.cn", "zhou@example.cn", "zhou@example.cn"]
    assert f"订单 {order.number} 的买方申请开票" == told[0][1]
    assert told[2][1].startswith(f"收到订单 {order.number} 的红字发票")


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_invoice_no_more_than_the_price() -> None:
    order, start, answers = sold(), Barrier(16), []
    by = cast.lin()

    def issue() -> None:
        start.wait()
        try:
            invoiced(order, 1_000_000, by=by)
            answers.append("issued")
        except Refusal as refusal:
            answers.append(refusal.code)
        finally:
            connections.close_all()

    threads = [Thread(target=issue) for _each in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answers) == ["invoice_too_large"] * 10 + ["issued"] * 6
    assert selectors.standing_of(order.pk).stands == 6_000_000


# --- pages, API --------------------------------------------------------------------------------


def _client(actor: Any) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.mark.django_db
def test_the_supplier_issues_credits_and_voids_on_the_pages(settings: Any) -> None:
    order, seller, buyer = sold(), _client(cast.lin()), _client(cast.zhou())
    page = f"/invoices/orders/{order.pk}/"
    assert buyer.post(f"{page}wish/", {"kind": "special", "note": ""}).status_code == 302
    assert "撤回申请" in buyer.get(page).content.decode()
    told = {"kind": "special", "invoice_number": number(), "code": "", "rate": "600", "gross": "68000.00",
            "tax": "3849.05", "issued_on": "2026-03-04"}  # fmt: skip
    assert seller.post(f"{page}issue/", {**told, "tax": "1.00"}).status_code == 422
    assert buyer.post(f"{page}issue/", told).status_code == 403
    answer = seller.post(f"{page}issue/", told)
    assert answer.status_code == 302
    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/invoices/{invoice.pk}/"
    assert seller.post(f"/invoices/{invoice.pk}/void/", {"reason": "开票有误"}).status_code == 422
    told = {"cause": "", "reason": "开票有误", "invoice_number": number(), "code": "", "gross": "68000.00",
            "tax": "3849.05", "issued_on": "2026-03-04"}  # fmt: skip
    assert seller.post(f"/invoices/{invoice.pk}/credit/", told).status_code == 302
    assert "−¥68,000.00" in buyer.get("/invoices/?show=red").content.decode()
    assert _client(cast.he()).get(page).status_code == 404
    assert _client(cast.he()).get(f"/invoices/{invoice.pk}/").status_code == 404


@pytest.mark.django_db
def test_both_parties_download_the_file_by_a_recorded_link() -> None:
    import io

    order = sold()
    document = documents.store_upload(
        by=cast.lin(), at=ISSUED, purpose="invoice", name="发票.pdf", file=io.BytesIO(b"%PDF-1.7 x")
    )
    told = sheet(WHOLE)
    kept = services.Sheet(
        invoice_number=told.invoice_number, rate_bp=600, net=told.net, tax=told.tax, issued_on=told.issued_on,
        document_id=document.pk,
    )  # fmt: skip
    invoice = services.issue_invoice(by=cast.lin(), at=ISSUED, order_id=order.pk, kind="ordinary", sheet=kept)
    assert _client(cast.zhou()).post(f"/invoices/{invoice.pk}/file/").status_code == 302
    assert _client(cast.he()).post(f"/invoices/{invoice.pk}/file/").status_code == 404


@pytest.mark.django_db
def test_the_api_issues_once_per_key() -> None:
    order, client = sold(), _client(cast.lin())
    body = {"kind": "special", "rate_bp": 600, "invoice_number": number(), "net_fen": 6_415_095,
            "tax_fen": 384_905, "issued_on": "2026-03-04"}  # fmt: skip
    answers = [
        client.post(
            f"/api/invoices/orders/{order.pk}", body, content_type="application/json",
            headers={"Idempotency-Key": "a"},
        )
        for _twice in range(2)
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert client.get("/api/invoices").json()["items"][0]["gross_fen"] == WHOLE
    assert Money(Invoice.objects.get().gross_fen) == Money(WHOLE)
