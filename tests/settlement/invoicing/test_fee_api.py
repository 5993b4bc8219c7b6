"""The exchange's fee invoices as JSON: recorded, credited, voided once per key; seen by the supplier that they bill."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from organizations.permissions import Actor
from settlement.invoicing.models import FeeInvoice
from settlement.payments.models import Release
from tests import cast
from tests.settlement.banking.statements import qian
from tests.settlement.payments.deals import sold

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_sale_was_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.clock.now", lambda: cast.NOON)


def client_of(who: Actor) -> Client:
    client = Client()
    assert who.user is not None
    client.force_login(who.user)
    return client


def ask(who: Actor, path: str, body: dict[str, Any], key: str) -> Any:
    headers = {"Idempotency-Key": key}
    return client_of(who).post(f"/api/invoices{path}", body, content_type="application/json", headers=headers)


def sheet(gross: int, number: str) -> dict[str, Any]:
    tax = gross * 6 // 106
    return {
        "invoice_number": number, "net_fen": gross - tax, "tax_fen": tax, "rate_bp": 600, "kind": "special",
        "issued_on": cast.NOON.date().isoformat(),
    }  # fmt: skip


def test_a_fee_is_invoiced_credited_and_voided_by_the_exchange_alone() -> None:
    order = sold()
    fee = int(Release.objects.get(order=order).fee_fen)
    body = sheet(fee, "24442000000000000001")
    for who, status in ((cast.lin(), 403), (cast.he(), 404), (cast.gu(), 403), (cast.yan(), 403)):
        assert ask(who, f"/fees/orders/{order.pk}", body, "i").status_code == status
    assert not FeeInvoice.objects.exists()
    for _twice in range(2):
        made = ask(qian(), f"/fees/orders/{order.pk}", body, "i")
        assert (made.status_code, made.json()["gross_fen"]) == (200, fee)
    found = made.json()["id"]
    again = ask(qian(), f"/fees/orders/{order.pk}", sheet(100, "24442000000000000002"), "j")
    assert again.json()["title"] == "no_fee_to_invoice"
    assert client_of(cast.lin()).get(f"/api/invoices/fees/{found}").json()["order"] == str(order.pk)
    assert client_of(cast.zhou()).get(f"/api/invoices/fees/{found}").status_code == 404
    assert [each["id"] for each in client_of(cast.lin()).get("/api/invoices/fees").json()["items"]] == [found]
    assert client_of(cast.zhou()).get("/api/invoices/fees").json()["items"] == []
    credit = {**sheet(fee, "24442000000000000003"), "reason": "税号写错"}
    assert ask(cast.lin(), f"/fees/{found}/credits", credit, "c").status_code == 403
    assert ask(cast.zhou(), f"/fees/{found}/void", {"reason": "税号写错"}, "v").status_code == 404
    for _twice in range(2):
        answer = ask(qian(), f"/fees/{found}/credits", credit, "c")
        assert (answer.status_code, answer.json()["credits"]) == (200, found)
    assert ask(qian(), f"/fees/{found}/void", {"reason": "税号写错"}, "v").status_code == 409
    voided = ask(qian(), f"/fees/{answer.json()['id']}/void", {"reason": "红字开错"}, "w")
    assert (voided.status_code, voided.json()["state"]) == (200, "voided")
    assert FeeInvoice.objects.count() == 2
