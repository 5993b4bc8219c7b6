"""Money comes in: an intent to pay one order, and the payment itself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import OrderState, Party
from kernel.errors import InvalidInput, Refusal
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.payments.models import EscrowReturn, PaymentIntent, Release
from settlement.payments.permissions import PAY
from settlement.payments.states import BANK_TRANSFER, INTENT, Failure, IntentState, TestMethod

_PAID = (IntentState.REQUIRES_CAPTURE, IntentState.SUCCEEDED)


class OrderNotPayable(Refusal):
    """Only a contracted order can be paid."""

    code = "order_not_payable"
    message = _("订单 %(number)s 当前为“%(state)s”，不能付款。双方签约后才能付款到托管。")


class AlreadyPaid(Refusal):
    """The money of this order is in escrow or was released."""

    code = "already_paid"
    message = _("订单 %(number)s 已经付款，无需再付。")


class TestMethodsOff(Refusal):
    """A live installation takes real money only."""

    __test__ = False
    code = "test_methods_off"
    message = _(
        "本平台已启用真实收付款，测试付款方式不可用，款项没有转出。请按付款页面所列账号和附言向平台托管账户转账。"
    )


class PaymentDeclined(Refusal):
    """The payer's side said no; the intent waits for another payment method."""

    code = "payment_declined"
    message = _("%(reason)s，款项没有转出。请换一种付款方式重试。")
    status = 402


def locked_order(order_id: UUID) -> tuple[Order, PaymentIntent | None]:
    """The order under lock, and then its intent (with its release and escrow return) as it stands now.

    Two statements on purpose: rows joined to a locked one are those of before the wait.
    """
    order = trading.locked_order(order_id)
    intent = PaymentIntent.objects.select_related("release", "escrow_return").filter(order=order_id).first()
    if intent is not None:
        intent.order = order
    return order, intent


def release_of(intent: PaymentIntent | None) -> Release | None:
    """The release of an intent loaded by `locked_order`."""
    found: Release | None = getattr(intent, "release", None)
    return found


def escrow_return_of(intent: PaymentIntent | None) -> EscrowReturn | None:
    """What went back out of escrow, of an intent loaded by `locked_order`."""
    found: EscrowReturn | None = getattr(intent, "escrow_return", None)
    return found


@transaction.atomic
def open_intent(*, by: Actor, at: datetime, order_id: UUID) -> PaymentIntent:
    """The buyer's intent to pay a contracted order: opened once, the same one afterwards.

    Raises OrderNotPayable, and NotFound, WrongSide or NotAllowed for others than the buyer.
    """
    order, intent = locked_order(order_id)
    trading.require_side(order, by, Party.BUYER, PAY)
    return intent or _open(order, by, at)


def _open(order: Order, by: Actor, at: datetime) -> PaymentIntent:
    _require_payable(order)
    intent = PaymentIntent(
        number=new_number("ZF", at), order=order, amount_fen=order.amount_fen, created_at=at
    )
    intent.save(force_insert=True)
    return intent


def _require_payable(order: Order) -> None:
    if order.state != OrderState.CONTRACTED:
        raise OrderNotPayable(number=order.number, state=OrderState(order.state).label)


def pay_order(*, by: Actor, at: datetime, order_id: UUID, method: str = TestMethod.OK) -> PaymentIntent:
    """Pay an order's whole price into escrow with a test method; opens the intent when there is none.

    Raises AlreadyPaid, OrderNotPayable, TestMethodsOff in a live installation, and PaymentDeclined: then the attempt is kept (unless the caller's
    own transaction is undone) and the intent waits for another method.
    """
    intent = _attempt(by=by, at=at, order_id=order_id, method=method)
    if intent.failure:
        raise PaymentDeclined(field="method", reason=Failure(intent.failure).label)
    return intent


@transaction.atomic
def _attempt(*, by: Actor, at: datetime, order_id: UUID, method: str) -> PaymentIntent:
    order, intent = locked_order(order_id)
    trading.require_side(order, by, Party.BUYER, PAY)
    if settings.PAYMENTS_LIVE:
        raise TestMethodsOff(field="method")
    if method not in TestMethod.values:
        raise InvalidInput(field="method", reason=gettext("没有这种付款方式，请从列出的方式中选择。"))
    if intent and intent.state in _PAID:
        raise AlreadyPaid(number=order.number)
    _require_payable(order)
    intent = intent or _open(order, by, at)
    intent.method = method
    if method == TestMethod.DECLINED:
        intent.failure = Failure.DECLINED
        INTENT.walk(intent, ["choose_method", "decline"], by=by, at=at, update_fields=["method", "failure"])
        record(by=by, at=at, action="payments.decline", subject=intent, detail={"order": order.number})
        return intent
    _take_into_escrow(intent, order, by, at)
    trading.mark_paid(by=by, at=at, order_id=order.pk)
    return intent


def require_unpaid(order: Order) -> None:
    """Raise AlreadyPaid or OrderNotPayable unless the locked order waits for its payment."""
    if PaymentIntent.objects.filter(order=order, state__in=_PAID).exists():
        raise AlreadyPaid(number=order.number)
    _require_payable(order)


@transaction.atomic(savepoint=False)
def book_transfer(*, by: Actor, at: datetime, order_id: UUID) -> PaymentIntent:
    """The buyer's transfer of the whole price has arrived at the bank: it lies in escrow from now on, booked once.

    For who holds the bank's evidence under lock and has asked the permission. Raises AlreadyPaid, OrderNotPayable.
    """
    order, intent = locked_order(order_id)
    require_unpaid(order)
    intent = intent or _open(order, by, at)
    intent.method = BANK_TRANSFER
    _take_into_escrow(intent, order, by, at)
    trading.mark_paid(by=by, at=at, order_id=order.pk)
    return intent


@transaction.atomic(savepoint=False)
def cancel_with_order(*, by: Actor, at: datetime, order_id: UUID, reason: str) -> PaymentIntent | None:
    """End the open intent of an order that was cancelled unpaid; follows from the order, so it asks no permission."""
    _order, intent = locked_order(order_id)
    if intent is not None and intent.state == IntentState.REQUIRES_PAYMENT_METHOD:
        INTENT.move(intent, "cancel", by=by, at=at, reason=reason)
        record(by=by, at=at, action="payments.cancel", subject=intent, detail={"reason": reason})
    return intent


def _take_into_escrow(intent: PaymentIntent, order: Order, by: Actor, at: datetime) -> None:
    bank = ledger.Address.of_platform(Purpose.BANK, order.pk)
    escrow = ledger.Address(Purpose.ESCROW, order.buyer_id)
    found = ledger.accounts([bank, escrow])
    intent.escrow_entry = ledger.post(
        key=f"pay:{intent.pk}",
        kind="payment",
        fact=intent,
        transfers=[ledger.Transfer(found[bank], found[escrow], Money(intent.amount_fen))],
        at=at,
        memo=order.number,
    )
    intent.authorized_at, intent.failure = at, ""
    INTENT.walk(
        intent, ["choose_method", "confirm", "authorize"], by=by, at=at,
        update_fields=["method", "failure", "authorized_at", "escrow_entry"],
    )  # fmt: skip
    record(
        by=by, at=at, action="payments.pay", subject=intent,
        detail={"order": order.number, "amount_fen": intent.amount_fen, "entry": str(intent.escrow_entry.pk)},
    )  # fmt: skip
