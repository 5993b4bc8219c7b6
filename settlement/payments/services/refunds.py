"""Money goes back to the buyer after release: from the supplier's balance and the exchange's fee."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import Party
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments import rules
from settlement.payments.events import OrderRefunded
from settlement.payments.models import Refund
from settlement.payments.permissions import REFUND_ANY, REFUND_SALES
from settlement.payments.services import commissions
from settlement.payments.services.intents import escrow_return_of, locked_order, release_of


class NothingReleased(Refusal):
    """Money that was not released cannot be refunded."""

    code = "nothing_released"
    message = _("订单 %(number)s 尚未放款，没有可退的款项。托管中的款项请通过争议程序退回。")


class RefundTooLarge(Refusal):
    """More than what is left of the released amount."""

    code = "refund_too_large"
    message = _("最多还能退 %(left)s。请减少退款金额。")
    status = 422


class WalletTooLow(Refusal):
    """The supplier's balance does not cover its part of the refund."""

    code = "wallet_too_low"
    message = _("供方可用余额 %(balance)s，不足以承担退款 %(needed)s。请供方先补足余额。")


class RefundKeyReused(Refusal):
    """The idempotency key belongs to another refund."""

    code = "refund_key_reused"
    message = _("这次提交与先前的退款内容不同。请刷新页面后重新填写。")


@transaction.atomic
def refund_order(
    *, by: Actor, at: datetime, order_id: UUID, amount: Money, reason: str, key: str = ""
) -> Refund:
    """Give part or all of a released order's price back to the buyer; all of it makes the order refunded.

    The supplier's finance or the operator may; the supplier's balance never falls below zero, whoever acts.
    The exchange gives its fee back in proportion, and a broker its commission. With `key`, asking again gives the refund that is there.
    Raises NothingReleased, RefundTooLarge, WalletTooLow, BrokerBalanceTooLow, InvalidInput; announces OrderRefunded.
    """
    order, intent = locked_order(order_id)
    _require_allowed(order, by)
    reason = reason.strip()
    if key and (known := Refund.objects.filter(order=order, entry__key=_entry_key(order, key)).first()):
        if (known.amount_fen, known.reason) != (amount.fen, reason):
            raise RefundKeyReused
        return known
    release = release_of(intent)
    if release is None:
        raise NothingReleased(number=order.number)
    returned = escrow_return_of(intent)
    refunded = Money(int(order.refunds.aggregate(total=Sum("amount_fen"))["total"] or 0))
    left = Money(release.gross_fen) - refunded
    _require_sound(amount, left, reason)
    parts = rules.refund_parts(
        gross=Money(release.gross_fen),
        tax=Money(order.tax_fen) - Money(returned.tax_fen if returned else 0),
        fee=Money(release.fee_fen),
        refunded=refunded,
        amount=amount,
    )
    refund = Refund(
        id=new_id(),
        number=new_number("TK", at),
        order=order,
        amount_fen=amount.fen,
        tax_fen=parts.tax.fen,
        fee_fen=parts.fee.fen,
        reason=reason,
        refunded_at=at,
    )
    returns = commissions.give_back(refund, order, refunded + amount, by=by, at=at)
    refund.entry = _post_refund(refund, order, parts, key, at)
    refund.save(force_insert=True)
    commissions.keep_returns(returns)
    record(
        by=by, at=at, action="payments.refund", subject=refund,
        detail={"order": order.number, "amount_fen": amount.fen, "tax_fen": parts.tax.fen,
                "fee_fen": parts.fee.fen, "entry": str(refund.entry_id), "reason": reason},
    )  # fmt: skip
    if amount == left:
        trading.refund_in_full(by=by, at=at, order_id=order.pk, reason=reason)
    announce(OrderRefunded(at=at, order_id=order.pk, refund_id=refund.pk, by=by))
    return refund


def _require_allowed(order: Order, by: Actor) -> None:
    if not by.belongs_to(order.supplier_id) and by.can(REFUND_ANY):
        return
    trading.require_side(order, by, Party.SUPPLIER, REFUND_SALES)


def _require_sound(amount: Money, left: Money, reason: str) -> None:
    if amount.fen <= 0:
        raise InvalidInput(field="amount", reason=gettext("退款金额应大于零。"))
    if amount > left:
        raise RefundTooLarge(field="amount", left=left)
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明退款原因，双方都能看到。"))


def _entry_key(order: Order, key: str) -> str:
    return f"refund:{order.pk}:{key}"


def _post_refund(refund: Refund, order: Order, parts: rules.RefundParts, key: str, at: datetime) -> Entry:
    wallet = ledger.Address(Purpose.WALLET, order.supplier_id)
    fees = ledger.Address.of_platform(Purpose.FEES, order.pk)
    bank = ledger.Address.of_platform(Purpose.BANK, order.pk)
    found = ledger.accounts([wallet, fees, bank])
    sources = [(wallet, parts.seller), (fees, parts.fee)]
    balance = Money(found[wallet].available_fen)
    try:
        return ledger.post(
            key=_entry_key(order, key or str(refund.pk)),
            kind="refund",
            fact=refund,
            transfers=[ledger.Transfer(found[at_], found[bank], part) for at_, part in sources if part],
            at=at,
            memo=f"{refund.number} · {order.number}",
        )
    except ledger.InsufficientBalance as short:
        raise WalletTooLow(field="amount", balance=balance, needed=parts.seller) from short
