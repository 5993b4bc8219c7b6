"""对账, 发票 and 报酬 in a real browser: both languages, desk and phone, free of axe findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from settlement.banking import services
from settlement.invoicing import services as invoicing
from settlement.ledger import closing
from settlement.payruns import services as payruns
from tests import cast
from tests.exchange import market
from tests.settlement.banking.statements import AT, checked, csv_of, imported, qian, row
from tests.settlement.invoicing.sheets import ISSUED, credited, invoiced
from tests.settlement.payments.deals import refund, sold
from tests.settlement.payruns.runs import APRIL, approved, earned, told_account

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 390)])
def test_the_pages_of_reconciliation_are_accessible(
    live_chromium: Visit, language: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settlement.payruns.services.runs._queue", lambda run: None)
    order, open_order, bare = sold(), market.contracted(), sold()
    invoice = invoiced(order, 6_000_000)
    credited(invoice, 1_000)
    refund(order, 68_000)
    invoicing.wish_invoice(by=cast.zhou(), at=ISSUED, order_id=bare.pk, kind="special", note="寄财务部")
    line, _fee = imported(row(text=order.number), row(credit="", debit="10.50", text="手续费", party_name=""))
    match = services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    services.end_match(by=qian(), at=AT, match_id=match.pk, reason="认错了订单")
    bad, good = checked(csv_of([row(credit="x")])), checked(csv_of([row()]))
    earned(200_000, mei=1)
    told_account("mei")
    run = payruns.pay(at=APRIL, run_id=approved().pk)
    closing.close_day(at=AT)
    closing.record_proof(at=AT, by="测试")
    at = "/reconciliation/"
    visits = {
        cast.lin: [at, f"{at}orders/{order.pk}/", f"{at}orders/{open_order.pk}/", "/invoices/",
                   f"/invoices/orders/{bare.pk}/", f"/invoices/orders/{bare.pk}/issue/", f"/invoices/{invoice.pk}/",
                   f"/invoices/{invoice.pk}/credit/", "/payruns/", f"/payruns/{run.pk}/"],
        cast.zhou: ["/invoices/wishes/", f"/invoices/orders/{order.pk}/"],
        cast.mei: ["/payruns/slips/", f"/payruns/slips/{run.items.get().pk}/", "/payruns/account/"],
        qian: [f"{at}lines/", f"{at}lines/{line.pk}/", f"{at}imports/", f"{at}imports/{bad.pk}/",
               f"{at}imports/{good.pk}/"],
        cast.yan: [at, "/ledger/", "/ledger/closes/"],
    }  # fmt: skip
    faults = []
    for who, addresses in visits.items():
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, who().user)
        for address in addresses:
            faults += live_chromium.faults(page, address, widths=(width,))
    assert faults == []


def test_a_person_confirms_a_suggestion_without_scripts(live_chromium: Visit) -> None:
    order = sold()
    [line] = imported(row(text=order.number))
    page = live_chromium.page(scripts=False)
    live_chromium.sign_in(page, qian().user)
    page.goto(f"/reconciliation/lines/{line.pk}/")
    page.get_by_role("button", name=f"确认匹配 {order.number}").click()
    assert page.get_by_text("匹配记录").first.is_visible()
    page.goto(f"/reconciliation/orders/{order.pk}/")
    assert page.get_by_text(line.reference).is_visible()
