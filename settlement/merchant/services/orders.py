"""Orders' payments as both parties' accounts see them: the same moves told as events, the same verbs where they fit."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from settlement.merchant import shapes
from settlement.merchant.services.news import tell
from settlement.payments.models import PaymentIntent, Refund


def order_intent(order_id: UUID) -> PaymentIntent | None:
    """An order's payment with all that its shape needs."""
    rows = PaymentIntent.objects.select_related("order", "release", "escrow_return")
    return rows.filter(order=order_id).first()


def refunded_fen(order_id: UUID) -> int:
    """What went back of an order after release."""
    return int(Refund.objects.filter(order=order_id).aggregate(total=Sum("amount_fen"))["total"] or 0)


def note(order_id: UUID, kind: str, *, at: datetime) -> None:
    """Tell buyer and supplier that an order's payment changed; the caller holds the order's lock."""
    found = order_intent(order_id)
    if found is None:
        return
    told = shapes.order_intent(found)
    for organization_id in (found.order.buyer_id, found.order.supplier_id):
        tell(organization_id, kind, told, at=at)


def note_refund(refund_id: UUID, *, at: datetime) -> None:
    """Tell both that a part of an order's price went back."""
    refund = Refund.objects.select_related("order__payment").get(pk=refund_id)
    found = order_intent(refund.order_id)
    assert found is not None, "what was refunded was paid"
    told, charged = shapes.order_refund(refund), shapes.order_charge(found, refunded_fen(refund.order_id))
    for organization_id in (found.order.buyer_id, found.order.supplier_id):
        tell(organization_id, "refund.created", told, at=at)
        tell(organization_id, "charge.refunded", charged, at=at)
