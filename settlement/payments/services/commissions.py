"""Brokers' commissions: paid once when the deal is complete, given back with the buyer's refunds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.selectors import kept_of
from exchange.brokers import rules
from exchange.brokers.models import Commission, Deal
from exchange.brokers.states import DealState, Payer
from exchange.trading.models import Order
from kernel.errors import Refusal
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.payments.models import CommissionPayment, CommissionReturn, Refund
from settlement.payments.services.intents import locked_order


class BrokerBalanceTooLow(Refusal):
    """The broker's balance does not cover its part of a refund."""

    code = "broker_balance_too_low"
    message = _("经纪人可用余额不足以退还佣金 %(needed)s，退款没有发生。请经纪人先补足余额。")


def _paying(commission: Commission, order: Order) -> ledger.Address:
    """From where the payer pays: the supplier's balance, or the buyer's money at the bank."""
    if commission.payer == Payer.SUPPLIER:
        return ledger.Address(Purpose.WALLET, order.supplier_id)
    return ledger.Address.of_platform(Purpose.BANK, order.pk)


@transaction.atomic(savepoint=False)
def pay_commission(*, by: Actor, at: datetime, deal_id: UUID) -> list[CommissionPayment]:
    """Pay each commission of a completed deal to the broker's balance, once.

    Follows from the completed order, so it asks no permission; asking again gives the payments that are there.
    Of an order whose price was reduced before release the commission is reduced in proportion. The supplier's part
    comes out of what the same order brought it, so it is always covered.
    """
    order_id = Deal.objects.values_list("order_id", flat=True).get(pk=deal_id)
    locked_order(order_id)
    deal = Deal.objects.select_related("order__reduction").get(pk=deal_id)
    assert deal.state == DealState.COMPLETED, "a commission is earned with the completed deal"
    paid = []
    for commission in deal.commissions.order_by("pk"):
        known = CommissionPayment.objects.filter(commission=commission).first()
        amount = rules.earned(
            Money(commission.amount_fen), price=Money(deal.order.amount_fen), kept=kept_of(deal.order).gross
        )
        if known is None and amount:
            known = _pay(commission, deal, amount, by, at)
        if known is not None:
            paid.append(known)
    return paid


def _pay(commission: Commission, deal: Deal, amount: Money, by: Actor, at: datetime) -> CommissionPayment:
    source, wallet = _paying(commission, deal.order), ledger.Address(Purpose.WALLET, deal.broker_id)
    found = ledger.accounts([source, wallet])
    payment = CommissionPayment(
        id=new_id(), commission=commission, order=deal.order, amount_fen=amount.fen, paid_at=at
    )
    payment.entry = ledger.post(
        key=f"commission:{commission.pk}",
        kind="commission",
        fact=payment,
        transfers=[ledger.Transfer(found[source], found[wallet], amount)],
        at=at,
        memo=f"{deal.number} · {deal.order.number}",
    )
    payment.save(force_insert=True)
    record(
        by=by, at=at, action="payments.pay_commission", subject=deal,
        detail={"payer": commission.payer, "amount_fen": payment.amount_fen, "entry": str(payment.entry_id)},
    )  # fmt: skip
    return payment


def give_back(
    refund: Refund, order: Order, refunded: Money, *, by: Actor, at: datetime
) -> list[CommissionReturn]:
    """Post what the broker gives back with a refund, `refunded` of the order's price in all with this one.

    For refund_order, before the supplier pays: the supplier's own commission is then part of its balance again.
    The share is that of everything that left the price, floored, less what was not earned (a reduction before release)
    or went back before; refunds of all that is left give the whole commission back. The rows are kept with `keep_returns` once the refund's own row is there. Raises
    BrokerBalanceTooLow: then the refund does not happen either.
    """
    reduced = kept_of(order).reduced
    payments = CommissionPayment.objects.filter(order=order).select_related("commission__deal")
    given = []
    for payment in payments.order_by("pk"):
        before = payment.returns.aggregate(total=Sum("amount_fen"))["total"] or 0
        share = rules.given_back(
            Money(payment.commission.amount_fen),
            price=Money(order.amount_fen),
            refunded=reduced + refunded,
            returned=Money(payment.commission.amount_fen - payment.amount_fen + int(before)),
        )
        if share.fen > 0:
            given.append(_return(payment, refund, order, share, by, at))
    return given


def keep_returns(returns: list[CommissionReturn]) -> None:
    """Write down what `give_back` posted."""
    for each in returns:
        each.save(force_insert=True)


def _return(
    payment: CommissionPayment, refund: Refund, order: Order, share: Money, by: Actor, at: datetime
) -> CommissionReturn:
    deal = payment.commission.deal
    target, wallet = _paying(payment.commission, order), ledger.Address(Purpose.WALLET, deal.broker_id)
    found = ledger.accounts([target, wallet])
    made = CommissionReturn(id=new_id(), payment=payment, refund=refund, amount_fen=share.fen, returned_at=at)
    try:
        made.entry = ledger.post(
            key=f"commission-return:{payment.pk}:{refund.pk}",
            kind="commission_return",
            fact=made,
            transfers=[ledger.Transfer(found[wallet], found[target], share)],
            at=at,
            memo=f"{refund.number} · {deal.number}",
        )
    except ledger.InsufficientBalance as short:
        raise BrokerBalanceTooLow(field="amount", needed=share) from short
    record(
        by=by, at=at, action="payments.return_commission", subject=deal,
        detail={"refund": refund.number, "amount_fen": share.fen, "entry": str(made.entry_id)},
    )  # fmt: skip
    return made
