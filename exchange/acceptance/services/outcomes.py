"""What the end of a complaint does to its order and its money; each exactly once, under the order's lock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance import rules
from exchange.acceptance.events import DeliveryReplaced, PriceReduced, WholePriceBack
from exchange.acceptance.models import Complaint, Reduction
from exchange.delivery import services as delivery
from exchange.delivery.models import Replacement
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.rules import inspection_end
from exchange.trading.states import OrderState
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce
from kernel.money import Money
from organizations.permissions import Actor


class BeyondPrice(Refusal):
    """A partial refund stays below the price that lies in escrow."""

    code = "refund_beyond_price"
    message = _("部分退款应低于托管的价款 %(left)s。要全部退回的，请选择全额退款。")
    status = 422


def require_partial(order: Order, amount: Money | None, *, field: str = "amount") -> Money:
    """The amount of a partial refund, when it is one: above zero, below the whole price."""
    if amount is None or amount.fen <= 0:
        raise InvalidInput(field=field, reason=_("请填写大于零的退款金额。"))
    if amount.fen >= order.amount_fen:
        raise BeyondPrice(field=field, left=Money(order.amount_fen))
    return amount


def accept_whole(order: Order, *, by: Actor, at: datetime, reason: str) -> None:
    """The order is accepted at its full price."""
    trading.accept_settled(order, by=by, at=at, reason=reason)


def accept_reduced(
    order: Order, complaint: Complaint, amount: Money, *, by: Actor, at: datetime, reason: str
) -> None:
    """The order is accepted with `amount` off its price: that goes back to the buyer, the rest is released."""
    require_partial(order, amount)
    tax = rules.tax_given_back(gross=Money(order.amount_fen), tax=Money(order.tax_fen), back=amount)
    Reduction(
        order=order,
        complaint=complaint,
        amount_fen=amount.fen,
        tax_fen=tax.fen,
        reason=reason[:300],
        reduced_at=at,
    ).save(force_insert=True)
    detail = {"complaint": complaint.number, "amount_fen": amount.fen, "tax_fen": tax.fen}
    record(by=by, at=at, action="orders.reduce", subject=order, detail=detail)
    announce(
        PriceReduced(
            at=at, order_id=order.pk, amount_fen=amount.fen, tax_fen=tax.fen, reason=reason[:300], by=by
        )
    )
    trading.accept_settled(order, by=by, at=at, reason=reason)


def give_all_back(order: Order, *, by: Actor, at: datetime, reason: str) -> None:
    """The whole price goes back to the buyer; whoever holds the money makes the order refunded."""
    announce(WholePriceBack(at=at, order_id=order.pk, reason=reason[:300], by=by))
    order.refresh_from_db(fields=["state"])
    assert order.state == OrderState.REFUNDED, "nobody gave the money back"


def replace(
    order: Order, complaint: Complaint, version_id: UUID, *, by: Actor, at: datetime, reason: str
) -> Replacement:
    """A newer version takes the place of what was delivered, and the inspection period begins anew."""
    done = delivery.replace(order, by=by, at=at, version_id=version_id)
    until = inspection_end(at, order.inspection_days)
    trading.resume_inspection(order, by=by, at=at, until=until, reason=reason)
    announce(DeliveryReplaced(at=at, order_id=order.pk, complaint_id=complaint.pk, by=by))
    return done
