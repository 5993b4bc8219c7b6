"""商户收付款 and 开发者: who sees what, what the buttons do, that secrets are shown once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from kernel.money import Money
from organizations.permissions import Actor
from settlement.merchant import services
from settlement.merchant.models import BankAccount, EventDelivery, Payout, WebhookEndpoint
from settlement.merchant.sealing import opened
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db


def of(who: Actor, *, is_confirmed: bool = True) -> Client:
    """A browser of that person, who has just entered the password again or not."""
    client = Client()
    assert who.user is not None
    client.force_login(who.user)
    if is_confirmed:
        confirm_identity(client)
    return client


def test_a_large_payout_goes_from_the_form_to_the_bank(settings: Any) -> None:
    shop.sale(9_000_000)
    lin = of(cast.lin())
    told = {"holder": "清蓝数据标注（示例）有限公司", "bank_name": "示例银行", "number": "6222000012345678"}
    assert lin.post("/merchant/payouts/account/", told).status_code == 302
    assert BankAccount.objects.get().last4 == "5678"
    asked = {"amount": "60000.00", "description": "三月回款", "idempotency_key": "a"}
    first, second = (lin.post("/merchant/payouts/", asked) for _time in range(2))
    assert first.status_code == 302
    assert first["Location"] == second["Location"]
    page = first["Location"]
    assert Payout.objects.count() == 1
    assert "请两位同事批准" in lin.get(page).content.decode()
    for who, state in ((shop.fang(), "pending"), (shop.bo(), "in_transit")):
        client = of(who)
        assert "批准提现" in client.get(page).content.decode()
        assert client.post(f"{page}approve/").status_code == 302
        assert Payout.objects.get().state == state
    qian = of(shop.qian())
    assert "登记到账" in qian.get(page).content.decode()
    assert qian.post(f"{page}fail/", {"reason": ""}).status_code == 422
    assert qian.post(f"{page}settle/").status_code == 302
    assert qian.post(f"{page}fail/", {"reason": "收款账户已销户，银行退汇"}).status_code == 302
    assert Payout.objects.get().state == "failed"
    assert shop.wallet() == 9_000_000


def test_money_moves_only_for_who_has_just_confirmed_who_they_are() -> None:
    shop.sale(9_000_000)
    shop.pay_account()
    payout = services.create_payout(by=cast.lin(), at=cast.NOON, amount=Money(6_000_000))
    for path, told in (
        ("/merchant/payouts/", {"amount": "1.00", "idempotency_key": "a"}),
        ("/merchant/payouts/account/", {"holder": "x", "bank_name": "y", "number": "12345678"}),
        (f"/merchant/payouts/{payout.pk}/approve/", {}),
    ):
        answer = of(shop.fang(), is_confirmed=False).post(path, told)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/")
    assert Payout.objects.get().approvals.count() == 0
    assert BankAccount.objects.count() == 1


def test_others_neither_see_nor_move() -> None:
    shop.sale(9_000_000)
    shop.pay_account()
    payout = services.create_payout(by=cast.lin(), at=cast.NOON, amount=Money(6_000_000))
    page = f"/merchant/payouts/{payout.pk}/"
    for who, seen, moved in ((cast.he(), 404, 404), (cast.mei(), 404, 404), (cast.yan(), 200, 403)):
        client = of(who)
        assert client.get(page).status_code == seen
        for verb in ("approve", "settle", "fail"):
            assert client.post(f"{page}{verb}/", {"reason": "x" * 9}).status_code in (moved, 403, 404)
    assert Payout.objects.get().state == "pending"
    assert of(cast.mei()).get("/merchant/").status_code == 403
    assert of(cast.yan()).get("/merchant/").status_code == 200


def test_an_endpoints_secret_is_shown_once_and_can_be_changed() -> None:
    lin = of(cast.lin())
    told = {
        "url": "https://hook.example.cn/",
        "enabled_events": ["*", "charge.failed"],
        "description": "财务",
    }
    shown = lin.post("/merchant/developers/", told).content.decode()
    row = WebhookEndpoint.objects.get()
    assert row.enabled_events == ["*"]
    secret = opened(row.secret_sealed)
    assert secret in shown
    assert secret not in lin.get("/merchant/developers/").content.decode()
    page = f"/merchant/developers/{row.pk}/"
    again = lin.post(f"{page}roll/").content.decode()
    row.refresh_from_db()
    fresh = opened(row.secret_sealed)
    assert fresh in again
    assert fresh != secret
    assert fresh not in lin.get(page).content.decode()
    assert lin.post("/merchant/developers/", {**told, "url": "http://10.0.0.1/"}).status_code == 422
    assert of(shop.fang()).get("/merchant/developers/").status_code == 403
    assert of(cast.he()).get(page).status_code == 404
    assert of(cast.he()).post(f"{page}delete/").status_code == 404


def test_deliveries_are_listed_and_replayed_from_the_page() -> None:
    made, _secret = services.create_endpoint(
        by=cast.lin(), at=cast.NOON, url="https://hook.example.cn/", enabled_events=["charge.succeeded"]
    )
    shop.sale(100)
    row = EventDelivery.objects.get()
    EventDelivery.objects.update(next_at=cast.NOON.replace(year=2030))
    lin = of(cast.lin())
    page = f"/merchant/developers/{made.pk}/"
    assert "charge.succeeded" in lin.get(page).content.decode()
    assert lin.post(f"{page}replay/{row.event_id}/").status_code == 302
    row.refresh_from_db()
    assert row.next_at.year < 2030
    assert lin.post(f"{page}switch/", {"enable": "0"}).status_code == 302
    assert WebhookEndpoint.objects.get().is_enabled is False
    assert lin.post(f"{page}delete/").status_code == 302
    row.refresh_from_db()
    assert row.state == "dropped"
