"""Whole trades for tests of revenue and rewards, made by the product's own services."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import Sum

from assets.registry.models import Certificate
from exchange.catalogue.models import Plan
from exchange.delivery import services as delivery
from exchange.filings import services as filings
from exchange.trading import services as trading
from exchange.trading.events import OrderAccepted, OrderCompleted
from exchange.trading.models import Order
from kernel import events
from kernel.money import Money
from organizations.permissions import Actor
from settlement.invoicing.events import InvoiceIssued, InvoiceVoided
from settlement.invoicing.models import Invoice
from settlement.payments import services as payments
from settlement.payments.events import OrderRefunded
from settlement.payments.models import Refund
from settlement.revenue import services as revenue
from tests import cast
from tests.exchange import market

MARCH_2025 = datetime(2025, 3, 3, 4, 0, tzinfo=UTC)
JANUARY_2026 = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)
_serial = count(1)


def refunded_total(order_id: Any) -> Money:
    """All refunds of an order so far."""
    total = Refund.objects.filter(order=order_id).aggregate(total=Sum("amount_fen", default=0))["total"]
    return Money(int(total))


def book_credits(event: InvoiceIssued | InvoiceVoided) -> None:
    """What wiring does when an invoice was issued, credited or voided."""
    order_id = Invoice.objects.values_list("order_id", flat=True).get(pk=event.invoice_id)
    revenue.book_credits(by=event.by, at=event.at, order_id=order_id)


WIRED: dict[type[events.Event], list[Callable[[Any], Any]]] = {
    OrderAccepted: [lambda e: payments.release_escrow(by=e.by, at=e.at, order_id=e.order_id)],
    OrderCompleted: [
        lambda e: filings.file_trade(by=e.by, at=e.at, order_id=e.order_id),
        lambda e: revenue.book_receipt(by=e.by, at=e.at, order_id=e.order_id),
    ],
    OrderRefunded: [
        lambda e: filings.amend_after_refund(
            by=e.by, at=e.at, order_id=e.order_id, refunded_total=refunded_total(e.order_id)
        ),
        lambda e: revenue.book_refund(by=e.by, at=e.at, refund_id=e.refund_id),
    ],
    InvoiceIssued: [book_credits],
    InvoiceVoided: [book_credits],
}


@contextmanager
def wired() -> Any:
    """The trade events reach their handlers inside the block."""
    before = dict(events._handlers)
    events.wire(WIRED)
    try:
        yield
    finally:
        events._handlers.clear()
        events._handlers.update(before)


def gross_of(net: Money) -> Money:
    """The price with 6 % VAT whose amount without VAT is exactly `net`."""
    guess = net.fen * 106 // 100
    for gross in (guess, guess + 1, guess - 1, guess + 2, guess - 2):
        if gross - trading_tax(gross) == net.fen:
            return Money(gross)
    raise AssertionError(f"no price gives {net} without VAT")


def trading_tax(gross_fen: int) -> int:
    """The VAT inside a price, as orders compute it."""
    from exchange.trading.rules import tax_within

    return tax_within(Money(gross_fen), 600).fen


def sale(
    net: str,
    *,
    seller: Callable[[], Actor] = cast.lin,
    buyer: Callable[[], Actor] = cast.zhou,
    at: datetime = MARCH_2025,
    certificate: Certificate | None = None,
    completes: bool = True,
) -> Order:
    """A completed sale whose amount without VAT is `net` yuan; accepted and released a day after `at`."""
    product = market.listed(
        by=seller(),
        at=at,
        price=gross_of(Money.from_yuan(net)),
        name=f"商品评论情感标注 {next(_serial)}",
        **({"certificate": certificate} if certificate else {}),
    )
    plan = Plan.objects.get(product=product)
    order = trading.place_order(by=buyer(), at=at, plan_id=plan.pk, use_statement="训练本公司的客服质检模型")
    trading.sign_contract(by=buyer(), at=at, order_id=order.pk)
    trading.sign_contract(by=seller(), at=at, order_id=order.pk)
    payments.open_intent(by=buyer(), at=at, order_id=order.pk)
    payments.pay_order(by=buyer(), at=at, order_id=order.pk)
    delivery.deliver(by=seller(), at=at, order_id=order.pk)
    if completes:
        trading.accept_order(by=buyer(), at=at + timedelta(days=1), order_id=order.pk)
    order.refresh_from_db()
    return order


def refund(order: Order, net: str, *, at: datetime) -> Refund:
    """Give back `net` yuan (and its VAT) of an order of 清蓝."""
    return refund_by(cast.lin(), order, net, at=at)


def refund_by(seller: Actor, order: Order, net: str, *, at: datetime) -> Refund:
    """The same for any seller."""
    return payments.refund_order(
        by=seller, at=at, order_id=order.pk, amount=gross_of(Money.from_yuan(net)), reason="部分样本重复"
    )
