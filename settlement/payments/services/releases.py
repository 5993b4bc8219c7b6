"""Money leaves escrow: to the supplier and the exchange on acceptance, or back to the buyer in a dispute."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.events import PriceReduced, WholePriceBack
from exchange.acceptance.rules import exchange_fee
from exchange.trading import services as trading
from exchange.trading.events import OrderAccepted
from exchange.trading.models import Order
from exchange.trading.states import ORDER
from kernel.errors import Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments.events import EscrowReleased
from settlement.payments.models import EscrowReturn, PaymentIntent, Release
from settlement.payments.services.intents import escrow_return_of, locked_order, release_of
from settlement.payments.states import INTENT, IntentState


class EscrowNotHeld(Refusal):
    """There is no money of this order in escrow."""

    code = "escrow_not_held"
    message = _("订单 %(number)s 没有托管中的款项，不能放款或退回。")


def _held(order: Order, intent: PaymentIntent | None) -> PaymentIntent:
    if intent is None or intent.state != IntentState.REQUIRES_CAPTURE:
        raise EscrowNotHeld(number=order.number)
    return intent


@transaction.atomic(savepoint=False)
def release_escrow(*, by: Actor, at: datetime, order_id: UUID) -> Release:
    """Pay an accepted order's escrow out, once: the fee to the exchange, the rest to the supplier's balance.

    What went back to the buyer before (see `return_part`) is not there any more: fee and rest are those of
    the remainder.

    Follows from the acceptance (news of exchange.trading), so it asks no permission of its own; asking again
    gives the release that is there. Raises EscrowNotHeld, MoveNotAllowed when the order is not accepted.
    """
    order, found = locked_order(order_id)
    done = release_of(found)
    if done is not None:
        return done
    intent = _held(order, found)
    ORDER.check(order, "complete")
    returned = escrow_return_of(found)
    gross = Money(intent.amount_fen) - Money(returned.amount_fen if returned else 0)
    fee_bp = int(settings.EXCHANGE_FEE_BP)
    fee = exchange_fee(gross, fee_bp)
    release = Release(
        intent=intent,
        order=order,
        gross_fen=gross.fen,
        fee_bp=fee_bp,
        fee_fen=fee.fen,
        seller_fen=(gross - fee).fen,
        released_at=at,
    )
    release.entry = _post_release(release, order, at)
    release.save(force_insert=True)
    INTENT.move(intent, "capture", by=by, at=at)
    record(
        by=by, at=at, action="payments.release", subject=intent,
        detail={"order": order.number, "gross_fen": gross.fen, "fee_fen": fee.fen, "fee_bp": fee_bp,
                "entry": str(release.entry_id)},
    )  # fmt: skip
    trading.complete_order(by=by, at=at, order_id=order.pk)
    announce(EscrowReleased(at=at, order_id=order.pk, by=by))
    return release


def release_accepted(event: OrderAccepted) -> None:
    """Handler of the news that a delivery was accepted."""
    release_escrow(by=event.by, at=event.at, order_id=event.order_id)


def _post_release(release: Release, order: Order, at: datetime) -> Entry:
    escrow = ledger.Address(Purpose.ESCROW, order.buyer_id)
    wallet = ledger.Address(Purpose.WALLET, order.supplier_id)
    fees = ledger.Address.of_platform(Purpose.FEES, order.pk)
    found = ledger.accounts([escrow, wallet, fees])
    parts = [(fees, release.fee_fen), (wallet, release.seller_fen)]
    return ledger.post(
        key=f"release:{release.intent_id}",
        kind="release",
        fact=release,
        transfers=[ledger.Transfer(found[escrow], found[to], Money(fen)) for to, fen in parts if fen],
        at=at,
        memo=order.number,
    )


@transaction.atomic(savepoint=False)
def return_part(
    *, by: Actor, at: datetime, order_id: UUID, amount: Money, tax: Money, reason: str
) -> EscrowReturn:
    """Give a part of a disputed order's escrow back to the buyer, once; the release that follows pays the rest.

    Follows from a settlement or ruling (news of exchange.acceptance), so it asks no permission of its own;
    asking again gives the return that is there. Raises EscrowNotHeld; the database refuses any other amount
    than the order's reduction.
    """
    order, found = locked_order(order_id)
    done = escrow_return_of(found)
    if done is not None:
        return done
    intent = _held(order, found)
    ORDER.check(order, "settle")
    return _give_back(intent, order, amount, tax, reason, by=by, at=at)


@transaction.atomic(savepoint=False)
def return_escrow(*, by: Actor, at: datetime, order_id: UUID, reason: str) -> EscrowReturn:
    """Give a disputed order's whole escrow back to the buyer, once: the intent is canceled, the order refunded.

    Follows from a settlement or ruling (news of exchange.acceptance), so it asks no permission of its own;
    asking again gives the return that is there. Nothing was released, so there is nothing to file.
    Raises EscrowNotHeld, MoveNotAllowed unless the order is disputed.
    """
    order, found = locked_order(order_id)
    done = escrow_return_of(found)
    if done is not None:
        return done
    intent = _held(order, found)
    ORDER.check(order, "refund")
    amount, tax = Money(intent.amount_fen), Money(order.tax_fen)
    returned = _give_back(intent, order, amount, tax, reason, by=by, at=at)
    INTENT.move(intent, "cancel", by=by, at=at, reason=reason)
    trading.refund_in_full(by=by, at=at, order_id=order.pk, reason=reason)
    return returned


def return_reduced(event: PriceReduced) -> None:
    """Handler of the news that a price was reduced before release."""
    return_part(
        by=event.by,
        at=event.at,
        order_id=event.order_id,
        amount=Money(event.amount_fen),
        tax=Money(event.tax_fen),
        reason=event.reason,
    )


def return_whole(event: WholePriceBack) -> None:
    """Handler of the news that the whole price goes back."""
    return_escrow(by=event.by, at=event.at, order_id=event.order_id, reason=event.reason)


def _give_back(
    intent: PaymentIntent, order: Order, amount: Money, tax: Money, reason: str, *, by: Actor, at: datetime
) -> EscrowReturn:
    escrow = ledger.Address(Purpose.ESCROW, order.buyer_id)
    bank = ledger.Address.of_platform(Purpose.BANK, order.pk)
    accounts = ledger.accounts([escrow, bank])
    returned = EscrowReturn(
        id=new_id(),
        intent=intent,
        order=order,
        amount_fen=amount.fen,
        tax_fen=tax.fen,
        reason=reason[:300],
        returned_at=at,
    )
    returned.entry = ledger.post(
        key=f"return:{intent.pk}",
        kind="escrow_return",
        fact=returned,
        transfers=[ledger.Transfer(accounts[escrow], accounts[bank], amount)],
        at=at,
        memo=order.number,
    )
    returned.save(force_insert=True)
    record(
        by=by, at=at, action="payments.return_escrow", subject=intent,
        detail={"order": order.number, "amount_fen": amount.fen, "tax_fen": tax.fen,
                "entry": str(returned.entry_id), "reason": reason},
    )  # fmt: skip
    return returned
