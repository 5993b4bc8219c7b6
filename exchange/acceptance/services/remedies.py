"""The supplier answers with a remedy or a rejection; the buyer accepts it or asks again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.events import ComplaintAnswered, ComplaintSettled, OfferDeclined
from exchange.acceptance.models import Complaint, Offer
from exchange.acceptance.permissions import ANSWER, COMPLAIN
from exchange.acceptance.selectors import periods
from exchange.acceptance.services import outcomes
from exchange.acceptance.services.ground import attach, due, locked_complaint, own_documents, told
from exchange.acceptance.states import COMPLAINT, Remedy
from exchange.delivery.services import require_fit
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import Party
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce
from kernel.money import Money
from organizations.permissions import Actor


class OfferOutdated(Refusal):
    """Only the supplier's latest answer can be accepted."""

    code = "offer_outdated"
    message = _("供方已有新的答复。请刷新页面，看过最新答复后再决定。")


@transaction.atomic
def answer(
    *,
    by: Actor,
    at: datetime,
    complaint_id: UUID,
    kind: str,
    text: str,
    amount: Money | None = None,
    version_id: UUID | None = None,
    document_ids: Sequence[UUID] = (),
) -> Offer:
    """Offer a replacement, a partial or full refund, or reject with reasons; then it is the buyer's turn.

    Raises MoveNotAllowed when it is not the supplier's turn, BeyondPrice, NotNewer, NotCertified, InvalidInput.
    """
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.SUPPLIER, ANSWER)
    COMPLAINT.check(complaint, "answer")
    if kind not in Remedy.values:
        raise InvalidInput(field="kind", reason=gettext("请选择答复的方式。"))
    if kind == Remedy.PARTIAL_REFUND:
        amount = outcomes.require_partial(order, amount)
    if kind == Remedy.REPLACEMENT:
        if version_id is None:
            raise InvalidInput(field="version", reason=gettext("请选择要补交的版本。"))
        require_fit(order, version_id=version_id, at=at)
    documents = own_documents(by, document_ids)
    offer = Offer(
        complaint=complaint,
        ordinal=complaint.offers.count() + 1,
        kind=kind,
        amount_fen=amount.fen if amount and kind == Remedy.PARTIAL_REFUND else None,
        version_id=version_id if kind == Remedy.REPLACEMENT else None,
        text=told("text", text),
        offered_by=by.user,
        offerer_label=by.label[:200],
        offered_at=at,
    )
    offer.save(force_insert=True)
    attach(complaint, documents, offer=offer)
    complaint.due_at = due(at, periods().reply)
    COMPLAINT.move(complaint, "answer", by=by, at=at, reason=_words(offer), update_fields=["due_at"])
    record(
        by=by, at=at, action="complaints.answer", subject=complaint,
        detail={"kind": kind, "amount_fen": offer.amount_fen, "version": str(version_id or "")},
    )  # fmt: skip
    announce(ComplaintAnswered(at=at, complaint_id=complaint.pk, by=by))
    return offer


def _words(offer: Offer) -> str:
    """The offer in a few Chinese words, for the records."""
    if offer.kind == Remedy.PARTIAL_REFUND:
        return f"部分退款 {Money(int(offer.amount_fen or 0))}"
    return {
        Remedy.REPLACEMENT.value: "补交新版本",
        Remedy.FULL_REFUND.value: "全额退款",
        Remedy.REJECTION.value: "不同意异议",
    }[offer.kind]


def _standing(complaint: Complaint, offer_id: UUID) -> Offer:
    latest: Offer | None = complaint.offers.order_by("-ordinal").first()
    if latest is None or latest.pk != offer_id:
        raise OfferOutdated
    return latest


@transaction.atomic
def accept_offer(*, by: Actor, at: datetime, complaint_id: UUID, offer_id: UUID) -> Complaint:
    """The buyer accepts the supplier's latest answer; order and money follow in the same transaction.

    Raises OfferOutdated for an earlier answer, MoveNotAllowed; NotCertified when the offered version's
    certificate has lapsed meanwhile.
    """
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.BUYER, COMPLAIN)
    COMPLAINT.check(complaint, "settle")
    offer = _standing(complaint, offer_id)
    complaint.closed_at = at
    COMPLAINT.move(complaint, "settle", by=by, at=at, reason=_words(offer), update_fields=["closed_at"])
    record(
        by=by, at=at, action="complaints.settle", subject=complaint,
        detail={"order": order.number, "kind": offer.kind, "amount_fen": offer.amount_fen},
    )  # fmt: skip
    _carry_out(order, complaint, offer, by=by, at=at)
    announce(ComplaintSettled(at=at, complaint_id=complaint.pk, by=by))
    return complaint


def _carry_out(order: Order, complaint: Complaint, offer: Offer, *, by: Actor, at: datetime) -> None:
    reason = f"异议 {complaint.number} 协商了结：{_words(offer)}"
    if offer.kind == Remedy.REPLACEMENT:
        assert offer.version_id is not None, "a constraint holds that"
        outcomes.replace(order, complaint, offer.version_id, by=by, at=at, reason=reason)
    elif offer.kind == Remedy.PARTIAL_REFUND:
        amount = Money(int(offer.amount_fen or 0))
        outcomes.accept_reduced(order, complaint, amount, by=by, at=at, reason=reason)
    elif offer.kind == Remedy.FULL_REFUND:
        outcomes.give_all_back(order, by=by, at=at, reason=reason)
    else:
        outcomes.accept_whole(
            order, by=by, at=at, reason=f"异议 {complaint.number} 协商了结：需方认可供方说明"
        )


@transaction.atomic
def decline_offer(*, by: Actor, at: datetime, complaint_id: UUID, offer_id: UUID, reason: str) -> Complaint:
    """The buyer does not accept and says why; the supplier may answer anew."""
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.BUYER, COMPLAIN)
    COMPLAINT.check(complaint, "decline")
    _standing(complaint, offer_id)
    words = told("reason", reason)
    complaint.due_at = due(at, periods().answer)
    COMPLAINT.move(complaint, "decline", by=by, at=at, reason=words, update_fields=["due_at"])
    record(by=by, at=at, action="complaints.decline", subject=complaint, detail={"order": order.number})
    announce(OfferDeclined(at=at, complaint_id=complaint.pk, by=by))
    return complaint
