"""Filing completed trades and amending the filings after refunds; each issue is queued for the outside exchange."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.selectors import kept_of
from exchange.delivery.models import Access, Delivery
from exchange.delivery.selectors import replacement_of
from exchange.filings import rules
from exchange.filings.events import FilingAmended, TradeFiled
from exchange.filings.models import Filing, FormerVoucher
from exchange.filings.services.sending import queue_issue
from exchange.filings.states import FILING
from exchange.trading.models import Order
from exchange.trading.services import locked_order
from exchange.trading.states import ORDER, OrderState
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from kernel.models import Transition
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from signing.services import sign

_ALONG = ("product", "version__dataset", "certificate", "supplier", "buyer", "contract", "reduction")
_HEAVY = (
    "product__search",
    "product__description",
    "product__keywords",
    "version__sample",
    "version__dictionary",
    "version__label_counts",
    "certificate__claims",
    "certificate__token",
    "contract__text",
)


class NotCompleted(Refusal):
    """Only a completed trade is filed."""

    code = "trade_not_completed"
    message = _("订单 %(number)s 当前为“%(state)s”，完成结算后才能备案。")


class RefundBeyondAmount(Refusal):
    """Refunds never exceed the trade."""

    code = "refund_beyond_amount"
    message = _("退款合计超过了订单 %(number)s 的金额，备案不能更正。")


def _delivered(order: Order) -> rules.Delivered:
    """What was opened to the buyer, and how often it was taken, by whatever way, before acceptance."""
    delivery = Delivery.objects.get(order=order)
    given = replacement_of(order) or delivery
    before = Access.objects.filter(entitlement__order=order, accessed_at__lte=order.accepted_at)
    return rules.Delivered(
        root_hash=given.root_hash,
        file_count=given.file_count,
        byte_count=given.byte_count,
        access_count=before.count(),
    )


def _accepted(order: Order) -> rules.Accepted:
    """Who accepted: somebody of the buyer's, or nobody before the end of the inspection period."""
    move = Transition.objects.filter(
        machine=ORDER.name, subject_id=order.pk, move__in=("accept", "settle")
    ).latest("at", "pk")
    way = rules.BY_BUYER if move.user_id is not None else rules.BY_END_OF_INSPECTION
    return rules.Accepted(way=way, acceptor=move.actor_label)


def _trade(order: Order, receipt: rules.Receipt | None, invoices: Sequence[rules.Invoiced]) -> rules.Trade:
    assert order.delivered_at is not None
    assert order.accepted_at is not None
    kept, replaced = kept_of(order), replacement_of(order)
    version, certificate = (
        (replaced.version, replaced.certificate) if replaced else (order.version, order.certificate)
    )
    return rules.Trade(
        order_number=order.number,
        supplier=rules.Side(order.supplier.name, order.supplier.uscc),
        buyer=rules.Side(order.buyer.name, order.buyer.uscc),
        product_number=order.product.number,
        product_title=order.product.title,
        dataset_number=version.dataset.number,
        version=version.version,
        root_hash=version.root_hash,
        certificate_number=certificate.number,
        contract_number=order.contract.number,
        contract_sha256=order.contract.text_sha256,
        delivered_at=replaced.replaced_at if replaced else order.delivered_at,
        accepted_at=order.accepted_at,
        amount_fen=order.amount_fen,
        tax_fen=order.tax_fen,
        delivery=_delivered(order),
        acceptance=_accepted(order),
        receipt=receipt,
        invoices=tuple(invoices),
        is_demo=order.supplier.is_demo or order.buyer.is_demo,
        reduced_fen=kept.reduced.fen,
        reduced_tax_fen=kept.reduced_tax.fen,
    )


@transaction.atomic(savepoint=False)
def file_trade(
    *,
    by: Actor,
    at: datetime,
    order_id: UUID,
    receipt: rules.Receipt | None = None,
    invoices: Sequence[rules.Invoiced] = (),
) -> Filing:
    """File a completed trade at the amount really kept and sign its voucher; again: the same filing.

    `receipt`, `invoices`: what settlement, which stands above, knows of the money and the invoices so far. Raises
    NotCompleted. Runs in the transaction that completed the order, or in one of its own.
    """
    order = locked_order(order_id, *_ALONG, heavy=_HEAVY)
    existing = Filing.objects.filter(order=order).first()
    if existing is not None:
        return existing
    if order.state != OrderState.COMPLETED:
        raise NotCompleted(number=order.number, state=order.get_state_display())
    venue = str(getattr(settings, "EXCHANGE_VENUE", rules.QINGYUAN_BASE))
    number, trade = new_number("JY", at), _trade(order, receipt, invoices)
    claims = rules.voucher_claims(trade, voucher_number=number, venue=venue, filed_at=at)
    filing = Filing(order=order, venue=venue, amount_fen=claims["filed_fen"])
    filing.save(force_insert=True)
    filing.voucher_number, filing.filed_at, filing.issued_at = number, at, at
    filing.claims, filing.token = claims, sign(claims, type_=rules.VOUCHER_TYPE)
    changed = ["voucher_number", "filed_at", "issued_at", "claims", "token"]
    FILING.move(filing, "file", by=by, at=at, update_fields=changed)
    queue_issue(filing, at=at)
    record(
        by=by,
        at=at,
        action="filings.file",
        subject=filing,
        detail={"order": order.number, "filed_fen": filing.amount_fen},
    )
    announce(TradeFiled(at=at, filing_id=filing.pk, order_id=order.pk, by=by))
    return filing


def locked_filing(order_id: UUID) -> Filing:
    """The filing of an order under lock, with the order; NotFound when it was not filed."""
    rows = Filing.objects.select_for_update(of=("self",), no_key=True).select_related("order")
    found = rows.filter(order_id=order_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic(savepoint=False)
def amend_after_refund(*, by: Actor, at: datetime, order_id: UUID, refunded_total: Money) -> Filing:
    """Lower a filing to what is left after all refunds so far, or void it; the former voucher is kept.

    Again with the same total: nothing happens. Raises RefundBeyondAmount, MoveNotAllowed (already voided).
    """
    filing = locked_filing(order_id)
    order = filing.order
    left = kept_of(order).gross - refunded_total
    if left.fen < 0:
        raise RefundBeyondAmount(number=order.number)
    if left.fen == filing.amount_fen:
        return filing
    assert filing.issued_at is not None
    move = "void" if left.fen == 0 else "amend"
    FILING.check(filing, move)
    FormerVoucher.objects.create(
        filing=filing,
        sequence=filing.sequence,
        claims=filing.claims,
        token=filing.token,
        issued_at=filing.issued_at,
        replaced_at=at,
    )
    claims = rules.amended_claims(filing.claims, filing.token, refunded_fen=refunded_total.fen, amended_at=at)
    before, filing.amount_fen, filing.issued_at = filing.amount_fen, left.fen, at
    filing.claims, filing.token = claims, sign(claims, type_=rules.VOUCHER_TYPE)
    reason = f"退款合计 {refunded_total}"
    changed = ["amount_fen", "issued_at", "claims", "token"]
    FILING.move(filing, move, by=by, at=at, reason=reason, update_fields=changed)
    queue_issue(filing, at=at)
    record(
        by=by, at=at, action=f"filings.{move}", subject=filing,
        detail={"order": order.number, "from_fen": before, "to_fen": left.fen},
    )  # fmt: skip
    announce(FilingAmended(at=at, filing_id=filing.pk, order_id=order.pk, by=by))
    return filing
