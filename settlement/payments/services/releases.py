"""Money leaves escrow: to the supplier and the exchange on acceptance, or back to the buyer in a dispute."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import services as trading
from exchange.trading.events import OrderAccepted
from exchange.trading.models import Order
from exchange.trading.states import ORDER
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments import rules
from settlement.payments.events import EscrowReleased
from settlement.payments.models import PaymentIntent, Release
from settlement.payments.permissions import REFUND_ANY
from settlement.payments.services.intents import locked_order, release_of
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

    Follows from the acceptance (news of exchange.trading), so it asks no permission of its own; asking again
    gives the release that is there. Raises EscrowNotHeld, MoveNotAllowed when the order is not accepted.
    """
    order, found = locked_order(order_id)
    done = release_of(found)
    if done is not None:
        return done
    intent = _held(order, found)
    ORDER.check(order, "complete")
    gross, fee_bp = Money(intent.amount_fen), int(settings.EXCHANGE_FEE_BP)
    fee = rules.exchange_fee(gross, fee_bp)
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


@transaction.atomic
def return_escrow(*, by: Actor, at: datetime, order_id: UUID, reason: str) -> PaymentIntent:
    """Give a disputed order's whole escrow back to the buyer; the operator decides.

    Nothing was released, so there is no refund to file: the intent is canceled and the order refunded.
    Raises EscrowNotHeld, MoveNotAllowed unless the order is disputed, InvalidInput without a reason.
    """
    order, found = locked_order(order_id)
    by.require(REFUND_ANY)
    intent = _held(order, found)
    ORDER.check(order, "refund")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_now("请写明退回的理由，双方都能看到。"))
    escrow = ledger.Address(Purpose.ESCROW, order.buyer_id)
    bank = ledger.Address.of_platform(Purpose.BANK, order.pk)
    accounts = ledger.accounts([escrow, bank])
    entry = ledger.post(
        key=f"return:{intent.pk}",
        kind="escrow_return",
        fact=intent,
        transfers=[ledger.Transfer(accounts[escrow], accounts[bank], Money(intent.amount_fen))],
        at=at,
        memo=order.number,
    )
    INTENT.move(intent, "cancel", by=by, at=at, reason=reason.strip())
    record(
        by=by, at=at, action="payments.return_escrow", subject=intent,
        detail={"order": order.number, "amount_fen": intent.amount_fen, "entry": str(entry.pk),
                "reason": reason},
    )  # fmt: skip
    trading.refund_in_full(by=by, at=at, order_id=order.pk, reason=reason.strip())
    return intent
