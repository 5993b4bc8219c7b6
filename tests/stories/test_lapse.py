"""A certificate runs out in the middle of trades: everybody is told before, and only what was signed goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from assets.registry import services as registry
from exchange.catalogue.services import CertificateNotInForce
from exchange.delivery import services as delivery
from exchange.requests import services as requests
from exchange.trading import services as trading
from kernel import clock
from notifications.models import Notification
from organizations.permissions import Actor
from settlement.payments import services as payments
from tests import cast
from tests.exchange import deals, market
from tests.stories.test_registrations import on_sale

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def told(actor: Actor, since: datetime) -> list[str]:
    rows = Notification.objects.filter(user=actor.user, created_at__gte=since).order_by("pk")
    return list(rows.values_list("title", flat=True))


def test_before_the_end_everybody_is_told_and_after_it_only_signed_contracts_go_on() -> None:
    lin, zhou, he, gu = cast.lin(), cast.zhou(), cast.he(), cast.gu()
    certificate, product, plan = on_sale()
    before = clock.start_of(certificate.valid_until) - 25 * DAY
    contract = market.contracted(product, at=before)
    unsigned = market.placed(product, by=he, at=before)
    request = deals.asked(product, by=he, at=before)
    payments.pay_order(by=zhou, at=before, order_id=contract.pk)

    at, number, title = before + DAY, certificate.number, product.title
    assert registry.watch(at) == 1
    assert registry.watch(at) == 0
    assert told(zhou, at) == [f"您购买的“{title}”的证书 {number} 将在 30 日内届满，已签的合同继续履行"]
    unsigned_words = (
        f"订单 {unsigned.number} 还没有签约，证书 {number} 将在 30 日内届满，届满后不能签约，请尽快签署"
    )
    asking_words = f"“{title}”的证书 {number} 将在 30 日内届满，届满后暂停交易，请在此之前谈定并下单"
    assert sorted(told(he, at)) == sorted([unsigned_words, asking_words])
    assert told(lin, at) == [
        f"证书 {number} 将在 30 日内届满，请及时续展",
        f"“{title}”的证书 {number} 将在 30 日内届满，届满后自动暂停交易，请及时续展",
        unsigned_words,
    ]
    assert told(gu, at) == [f"在售产品“{title}”的证书 {number} 将在 30 日内届满"]

    last = clock.end_of(certificate.valid_until) - timedelta(seconds=1)
    assert registry.expire_due(last) == 0
    trading.sign_contract(by=he, at=last, order_id=unsigned.pk)
    after = last + DAY
    assert registry.expire_due(after) == 1
    product.refresh_from_db()
    assert product.state == "suspended"
    with pytest.raises(CertificateNotInForce):
        trading.sign_contract(by=lin, at=after, order_id=unsigned.pk)
    with pytest.raises(trading.NotOnSale):
        trading.place_order(by=he, at=after, plan_id=plan.pk, use_statement="训练本公司的客服质检模型")
    requests.approve(by=lin, at=after, request_id=request.pk)
    with pytest.raises(trading.NotOnSale):
        requests.order_as_listed(by=he, at=after, request_id=request.pk)

    delivery.deliver(by=lin, at=after, order_id=contract.pk)
    trading.accept_order(by=zhou, at=after + DAY, order_id=contract.pk)
    contract.refresh_from_db()
    assert contract.state == "completed"
    assert contract.filing.claims["certificate"] == number
