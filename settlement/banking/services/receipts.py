"""A buyer's transfer becomes the order's payment: the bank's lines are the evidence, a second person books it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import services as trading
from kernel.errors import NotFound, Refusal
from kernel.wording import listed
from organizations.permissions import Actor
from settlement.banking import selectors
from settlement.banking.models import Match
from settlement.banking.permissions import BOOK_RECEIPTS
from settlement.banking.selectors import Receipt
from settlement.banking.states import MatchKind
from settlement.payments import services as payments
from settlement.payments.models import PaymentIntent


class ReceiptShort(Refusal):
    """Escrow holds the whole price or nothing."""

    code = "receipt_short"
    message = _(
        "银行已到账 %(received)s，还差 %(missing)s，不能登记入账。请先导入并匹配其余流水，或请买方补足。"
    )


class PayerNotBuyer(Refusal):
    """The money of somebody else is not the buyer's payment."""

    code = "payer_not_buyer"
    message = _(
        "付款方“%(payer)s”不是买方“%(buyer)s”，不能登记入账。请撤销匹配并原路退回，由买方用本单位账户重新付款。"
    )


class SameHand(Refusal):
    """Who brought the evidence does not book on it."""

    code = "receipt_same_person"
    message = _("您导入或匹配了这些流水，不能自己登记入账，请交另一位财务办理。")
    status = 403


class PersonBooks(Refusal):
    """Two people are two people."""

    code = "person_books"
    message = _("登记入账须由人员登录后办理，不能用 API 密钥。")
    status = 403


def _require_second_person(by: Actor, receipt: Receipt) -> None:
    if by.user_id is None or by.scopes is not None:
        raise PersonBooks
    if by.user_id in receipt.hands:
        raise SameHand


def require_bookable(by: Actor, receipt: Receipt, buyer: str) -> None:
    """The whole price has come, from the buyer, through other hands than these."""
    if receipt.missing:
        raise ReceiptShort(received=receipt.received, missing=receipt.missing)
    if receipt.strangers:
        raise PayerNotBuyer(payer=listed(receipt.strangers), buyer=buyer)
    _require_second_person(by, receipt)


@transaction.atomic
def book_receipt(*, by: Actor, at: datetime, order_id: UUID) -> PaymentIntent:
    """Book the transfer of an order's price into escrow, once; the order is paid and goes on.

    A surplus stays with the bank's lines until it is given back (`MatchKind.SURPLUS`). Raises ReceiptShort,
    PayerNotBuyer, SameHand, PersonBooks, AlreadyPaid, OrderNotPayable, NotFound, NotAllowed.
    """
    order = trading.locked_order(order_id)
    matches = Match.objects.select_for_update(of=("self",)).filter(order=order_id, kind=MatchKind.RECEIPT)
    locked = list(matches.order_by("pk"))  # against their end; how they stand is read after the wait
    by.require(BOOK_RECEIPTS)
    if not selectors.orders_visible_to(by).filter(pk=order_id).exists():
        raise NotFound
    payments.require_unpaid(order)
    receipt = selectors.receipt_of(order)
    require_bookable(by, receipt, order.buyer.name)
    intent = payments.book_transfer(by=by, at=at, order_id=order_id)
    record(
        by=by, at=at, action="bank.book_receipt", subject=intent,
        detail={"order": order.number, "lines": list(receipt.lines), "matches": [str(m.pk) for m in locked],
                "received_fen": receipt.received.fen, "surplus_fen": receipt.surplus.fen},
    )  # fmt: skip
    return intent
