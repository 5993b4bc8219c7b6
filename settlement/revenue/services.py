"""Booking what was really received, and keeping each firm's year up to date under lock."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.delivery.selectors import replacement_of
from exchange.trading.models import Order
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from organizations.models import Membership
from organizations.permissions import Actor
from settlement.invoicing.models import Invoice
from settlement.payments.models import Refund
from settlement.revenue import selectors
from settlement.revenue.events import RevenueChanged
from settlement.revenue.models import RECEIPT, AnnualRevenue, RevenueLine, Ruling
from settlement.revenue.permissions import RULE_ON_TRADES
from settlement.revenue.rules import Amounts
from settlement.revenue.selectors import Recomputation, Trade
from settlement.revenue.states import Code


class NothingReceived(Refusal):
    """The order's escrow has not been released, so there is no revenue yet."""

    code = "nothing_received"
    message = _("订单 %(number)s 尚未放款，不能计入实际收入。")


class NotBooked(Refusal):
    """A ruling needs a booked receipt."""

    code = "receipt_not_booked"
    message = _("该订单尚未计入实际收入，无需认定。")


class PersonRules(Refusal):
    """A program finds no trade circular."""

    code = "person_needed"
    message = _("交易认定须由审核员本人登录后在风险案件中作出，不能使用 API 密钥。")
    status = 403


def locked_annual(firm_id: UUID, year: int) -> AnnualRevenue:
    """The kept totals of a firm's year, made if need be, locked until the transaction ends."""
    rows = AnnualRevenue.objects.select_for_update(of=("self",)).filter(firm=firm_id, year=year)
    found = rows.first()
    if found is None:
        AnnualRevenue.objects.bulk_create([AnnualRevenue(firm_id=firm_id, year=year)], ignore_conflicts=True)
        found = rows.get()
    return found


def _add(annual: AnnualRevenue, amounts: Amounts) -> None:
    names = [field.name for field in fields(Amounts)]
    for name in names:
        setattr(annual, name, getattr(annual, name) + getattr(amounts, name))
    annual.save(update_fields=names)


def _line_amounts(line: RevenueLine) -> Amounts:
    return Amounts.of_line(
        net_fen=line.net_fen,
        gross_fen=line.gross_fen,
        fee_fen=line.fee_fen,
        is_refund=line.is_off,
        counts=line.counts,
    )


@transaction.atomic
def book_receipt(*, by: Actor, at: datetime, order_id: UUID) -> RevenueLine:
    """Count what a completed order brought its supplier, in the business year of the release. Idempotent.

    Follows from the order's completion (after filing), so it asks for no permission of its own.
    Raises NothingReceived before the release, NotFound for an unknown order.
    """
    found = selectors.trades(Order.objects.filter(pk=order_id))
    if not found:
        order = Order.objects.filter(pk=order_id).first()
        raise NothingReceived(number=order.number) if order else NotFound()
    trade = found[0]
    annual = locked_annual(trade.order.supplier_id, trade.year)
    booked = RevenueLine.objects.filter(RECEIPT, order=order_id).first()
    if booked is not None:
        return booked
    line = RevenueLine(
        firm_id=trade.order.supplier_id,
        year=trade.year,
        order=trade.order,
        received_at=trade.release.released_at,
        gross_fen=trade.gross_fen,
        net_fen=trade.net_fen,
        fee_fen=trade.receipt_fee_fen,
        exclusions=trade.exclusions,
        evidence=_evidence(trade),
    )
    line.save(force_insert=True)
    _add(annual, _line_amounts(line))
    record(by=by, at=at, action="revenue.book_receipt", subject=line, detail=_told(line))
    if trade.credits:
        _book_credits(line, annual, by=by, at=at)
    _tell(line, f"订单 {trade.order.number} 到账", by=by, at=at)
    return line


@transaction.atomic
def book_commission(*, by: Actor, at: datetime, order_id: UUID) -> RevenueLine | None:
    """Add what the supplier paid brokers to the fees of a booked receipt. Idempotent.

    Follows from the commission's payment, so it asks for no permission of its own. None without a receipt: then
    `book_receipt` finds the commission itself.
    """
    receipt = RevenueLine.objects.filter(RECEIPT, order=order_id).first()
    if receipt is None:
        return None
    annual = locked_annual(receipt.firm_id, receipt.year)
    receipt = (
        RevenueLine.objects.select_for_update(of=("self",))
        .select_related("order__release")
        .get(pk=receipt.pk)
    )
    brokerage = selectors.brokerages_of([order_id]).get(order_id) or selectors.Brokerage()
    fee = -(receipt.order.release.fee_fen + brokerage.paid_fen)
    if receipt.fee_fen == fee:
        return receipt
    before = _line_amounts(receipt)
    receipt.fee_fen = fee
    receipt.save(update_fields=["fee_fen"])
    _add(annual, _line_amounts(receipt) - before)
    record(
        by=by, at=at, action="revenue.book_commission", subject=receipt,
        detail={**_told(receipt), "fee_fen": fee, "commission_fen": brokerage.paid_fen},
    )  # fmt: skip
    _tell(receipt, f"订单 {receipt.order.number} 经纪佣金", by=by, at=at)
    return receipt


@transaction.atomic
def book_refund(*, by: Actor, at: datetime, refund_id: UUID) -> RevenueLine:
    """Take a refund off the year in which the sale's money was received. Idempotent.

    Follows from the refund, so it asks for no permission of its own. The refund shares the fate of the
    receipt: where that does not count, neither does this.
    """
    refund = Refund.objects.select_related("order", "entry").filter(pk=refund_id).first()
    if refund is None:
        raise NotFound
    receipt = RevenueLine.objects.filter(RECEIPT, order=refund.order_id).first()
    if receipt is None:
        receipt = book_receipt(by=by, at=at, order_id=refund.order_id)
    annual = locked_annual(receipt.firm_id, receipt.year)
    booked = RevenueLine.objects.filter(refund=refund).first()
    if booked is not None:
        return booked
    receipt.refresh_from_db(fields=["exclusions"])
    brokerage = selectors.brokerages_of([refund.order_id]).get(refund.order_id) or selectors.Brokerage()
    line = RevenueLine(
        firm_id=receipt.firm_id,
        year=receipt.year,
        order=refund.order,
        refund=refund,
        received_at=refund.refunded_at,
        gross_fen=-refund.amount_fen,
        net_fen=refund.tax_fen - refund.amount_fen,
        fee_fen=refund.fee_fen + brokerage.returned.get(refund.pk, 0),
        exclusions=receipt.exclusions,
        evidence={
            **receipt.evidence,
            "refund": {"id": str(refund.pk), "number": refund.number, "entry": str(refund.entry_id)},
        },
    )
    line.save(force_insert=True)
    _add(annual, _line_amounts(line))
    record(by=by, at=at, action="revenue.book_refund", subject=line, detail=_told(line))
    _book_credits(receipt, annual, by=by, at=at)
    _tell(line, f"订单 {refund.order.number} 退款 {refund.number}", by=by, at=at)
    return line


@transaction.atomic
def book_credits(*, by: Actor, at: datetime, order_id: UUID) -> RevenueLine | None:
    """Take off what an order's credit invoices say beyond its refunds, in the year of the receipt. Idempotent.

    Follows from an invoice issued, credited or voided, so it asks for no permission of its own. None without a
    receipt (`book_receipt` looks at the invoices itself) or when nothing is taken off.
    """
    receipt = RevenueLine.objects.filter(RECEIPT, order=order_id).first()
    if receipt is None:
        return None
    annual = locked_annual(receipt.firm_id, receipt.year)
    receipt.refresh_from_db(fields=["exclusions"])
    line, has_changed = _book_credits(receipt, annual, by=by, at=at)
    if has_changed:
        _tell(receipt, f"订单 {receipt.evidence['order']['number']} 红字发票", by=by, at=at)
    return line


def _book_credits(
    receipt: RevenueLine, annual: AnnualRevenue, *, by: Actor, at: datetime
) -> tuple[RevenueLine | None, bool]:
    """Bring the order's credit line to what its raw rows say, under the lock of the year; whether it changed."""
    if not Invoice.objects.filter(order=receipt.order_id, credits__isnull=False).exists():
        return None, False
    (trade,) = selectors.trades(Order.objects.filter(pk=receipt.order_id))
    line = (
        RevenueLine.objects.select_for_update(of=("self",))
        .filter(order=receipt.order_id, is_credit=True)
        .first()
    )
    off = trade.credited
    before = (-line.gross_fen, -line.net_fen) if line else (0, 0)
    if before == (off.gross_fen, off.net_fen):
        return line, False
    if line is not None:
        _add(annual, Amounts() - _line_amounts(line))
    line = line or RevenueLine(
        firm_id=receipt.firm_id, year=receipt.year, order_id=receipt.order_id, is_credit=True
    )
    line.gross_fen, line.net_fen = -off.gross_fen, -off.net_fen
    line.exclusions = receipt.exclusions
    line.received_at = trade.credits[-1].issued_at if trade.credits else at
    numbers = [each.invoice_number for each in trade.credits]
    line.evidence = {**receipt.evidence, "credit_invoices": numbers}
    detail = {**_told(line), "former_net_fen": -before[1], "credit_invoices": numbers}
    record(by=by, at=at, action="revenue.book_credits", subject=receipt, detail=detail)
    if not off.gross_fen:  # the invoice was issued again, or the refund says it all
        line.delete()
        return None, True
    line.save()
    _add(annual, _line_amounts(line))
    return line, True


@transaction.atomic
def reassess(*, by: Actor, at: datetime, order_id: UUID) -> list[RevenueLine]:
    """Judge a booked trade again on its raw rows (after a ruling, a late filing or amendment); its lines.

    Changes nothing when the reasons are as they were.
    """
    receipt = RevenueLine.objects.filter(RECEIPT, order=order_id).first()
    if receipt is None:
        raise NotBooked
    annual = locked_annual(receipt.firm_id, receipt.year)
    (trade,) = selectors.trades(Order.objects.filter(pk=order_id))
    has_changed = False
    lines = list(RevenueLine.objects.select_for_update(of=("self",)).filter(order=order_id).order_by("pk"))
    for line in lines:
        if line.exclusions == trade.exclusions:
            continue
        before = _line_amounts(line)
        former, line.exclusions = line.exclusions, trade.exclusions
        line.save(update_fields=["exclusions"])
        _add(annual, _line_amounts(line) - before)
        detail = {**_told(line), "former": former}
        record(by=by, at=at, action="revenue.reassess", subject=line, detail=detail)
        has_changed = True
    if has_changed:
        _tell(receipt, f"订单 {trade.order.number} 重新认定", by=by, at=at)
    return lines


@transaction.atomic
def reassess_certificate(*, by: Actor, at: datetime, certificate_id: UUID) -> int:
    """Judge every booked trade under a certificate again (after its revocation); how many there are.

    Follows from the revocation, so it asks for no permission of its own.
    """
    booked = RevenueLine.objects.filter(RECEIPT, order__certificate=certificate_id)
    orders = list(booked.order_by("order_id").values_list("order_id", flat=True))
    for order_id in orders:
        reassess(by=by, at=at, order_id=order_id)
    return len(orders)


@transaction.atomic
def rule_on_trade(
    *, by: Actor, at: datetime, order_id: UUID, code: str, is_excluded: bool, reason: str
) -> Ruling:
    """Find that a trade is (or is not, after all) related-party or circular, with the reason recorded.

    Only a decided case of settlement/risk calls it: there the firm is heard first and two people act. Nobody with a
    place in a party to the trade rules on it, whatever organization they act for, and no program does. Raises
    NotBooked, SelfReview, PersonRules, InvalidInput.
    """
    receipt = RevenueLine.objects.select_related("order").filter(RECEIPT, order=order_id).first()
    if receipt is None:
        raise NotBooked
    locked_annual(receipt.firm_id, receipt.year)
    by.require(RULE_ON_TRADES)
    _require_person_without_part(by, receipt)
    if code not in {each.value for each in Code.reviewed()}:
        raise InvalidInput(field="code", reason=_("只能认定关联交易或循环交易。"))
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明认定理由和依据。"))
    ruling = Ruling.objects.create(
        order=receipt.order,
        code=code,
        is_excluded=is_excluded,
        reason=reason.strip(),
        ruled_by=by.user,
        ruler_label=by.label[:200],
        ruled_at=at,
    )
    detail = {"code": code, "is_excluded": is_excluded, "reason": ruling.reason}
    record(by=by, at=at, action="revenue.rule", subject=receipt, detail=detail)
    reassess(by=by, at=at, order_id=order_id)
    return ruling


def _require_person_without_part(by: Actor, receipt: RevenueLine) -> None:
    if by.is_system:
        return
    if by.user is None or by.scopes is not None:
        raise PersonRules
    parties = [receipt.firm_id, receipt.order.buyer_id]
    places = Membership.objects.filter(user=by.user, organization__in=parties, ended_at=None)
    if by.organization_id in parties or places.exists():
        raise SelfReview


def recompute(firm_id: UUID, year: int) -> Recomputation:
    """The firm's year from raw rows with every difference to the kept figures; changes nothing."""
    return selectors.recomputation(firm_id, year)


def _tell(line: RevenueLine, cause: str, *, by: Actor, at: datetime) -> None:
    announce(RevenueChanged(at=at, firm_id=line.firm_id, year=line.year, cause=cause, by=by))


def _told(line: RevenueLine) -> dict[str, Any]:
    return {
        "order": line.evidence["order"]["number"],
        "year": line.year,
        "net_fen": line.net_fen,
        "gross_fen": line.gross_fen,
        "exclusions": line.exclusions,
    }


def _evidence(trade: Trade) -> dict[str, Any]:
    """Ids and public numbers of all that the receipt rests on."""
    order, release = trade.order, trade.release
    contract, filing = getattr(order, "contract", None), getattr(order, "filing", None)
    delivery, payment = getattr(order, "delivery", None), getattr(order, "payment", None)
    version, replaced = order.version, replacement_of(order) if delivery else None
    found = {
        "order": {"id": str(order.pk), "number": order.number},
        "contract": {"number": contract.number, "sha256": contract.text_sha256} if contract else None,
        "voucher": {"id": str(filing.pk), "number": filing.voucher_number} if filing else None,
        "delivery": {"id": str(delivery.pk), "root_hash": delivery.root_hash} if delivery else None,
        "acceptance": order.accepted_at.isoformat() if order.accepted_at else None,
        "certificate": {"id": str(order.certificate_id), "number": order.certificate.number},
        "version": {
            "id": str(version.pk),
            "dataset": version.dataset.number,
            "version": version.version,
            "root_hash": version.root_hash,
        },
        "project": version.project.number if version.project else None,
        "entries": {
            "escrow": str(payment.escrow_entry_id) if payment and payment.escrow_entry_id else None,
            "release": str(release.entry_id),
        },
    }
    if replaced is not None:
        found["replacement"] = {
            "id": str(replaced.pk),
            "version": replaced.version.version,
            "root_hash": replaced.root_hash,
            "certificate": replaced.certificate.number,
        }
    return found
