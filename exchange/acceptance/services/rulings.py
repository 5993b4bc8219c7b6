"""The exchange rules on a dispute; above a threshold a second operator confirms before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance import rules
from exchange.acceptance.events import RulingGiven, RulingProposed, RulingReturned
from exchange.acceptance.models import Complaint, Confirmation, Ruling
from exchange.acceptance.permissions import ANSWER, RULE
from exchange.acceptance.selectors import complaints_visible_to, pending_ruling, periods, stated_parties
from exchange.acceptance.services import outcomes
from exchange.acceptance.services.complaints import shanghai
from exchange.acceptance.services.ground import due, locked_complaint, told
from exchange.acceptance.states import COMPLAINT, Citation, Outcome
from exchange.delivery.models import Replacement
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import Party
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.models import Membership
from organizations.permissions import Actor


class EvidenceRunning(Refusal):
    """A side that has not spoken yet still has time."""

    code = "evidence_running"
    message = _("举证期限到 %(until)s。双方都已陈述，或期限届满后，才能裁决。")


class RulingPending(Refusal):
    """A proposed ruling waits for its confirmation."""

    code = "ruling_pending"
    message = _("裁决 %(number)s 正在等待第二人复核，不能另行裁决。")


class SecondPerson(Refusal):
    """Whoever ruled does not confirm."""

    code = "second_person"
    message = _("裁决须由另一位审核员复核，拟定人不能复核自己的裁决。")
    status = 403


class PersonNeeded(Refusal):
    """A program does not rule."""

    code = "person_needed"
    message = _("裁决和复核须由审核员本人登录后作出，不能使用 API 密钥。")
    status = 403


class NothingToConfirm(Refusal):
    """There is no ruling that waits for a second operator."""

    code = "nothing_to_confirm"
    message = _("没有等待复核的裁决。请刷新页面查看最新状态。")


def _require_independent(order: Order, complaint: Complaint, by: Actor) -> None:
    """404 when not visible, 403 without the right or for anybody who belongs to a side, whatever it acts for."""
    if not by.can(RULE):
        if not complaints_visible_to(by).filter(pk=complaint.pk).exists():
            raise NotFound
        by.require(RULE)
    if by.user is None or by.scopes is not None:
        raise PersonNeeded
    parties = [order.buyer_id, order.supplier_id]
    rows = Membership.objects.filter(user=by.user, organization__in=parties, ended_at=None)
    if by.organization_id in parties or rows.exists():
        raise SelfReview


def _cited(citations: Sequence[str]) -> list[str]:
    ordered = [each.value for each in Citation if each.value in citations]
    if not ordered or set(citations) - set(Citation.values):
        raise InvalidInput(
            field="citations", reason=gettext("请至少选择一条裁决所依据的合同条款或法律条文。")
        )
    return ordered


@transaction.atomic
def rule(
    *,
    by: Actor,
    at: datetime,
    complaint_id: UUID,
    outcome: str,
    text: str,
    citations: Sequence[str],
    amount: Money | None = None,
) -> Ruling:
    """Rule on a dispute: uphold the supplier, refund in part or in full, or order a replacement.

    Takes effect at once, or after a second operator's confirmation when the price is above the threshold.
    Raises SelfReview for anybody of either side, EvidenceRunning, RulingPending, BeyondPrice, MoveNotAllowed.
    """
    order, complaint = locked_complaint(complaint_id)
    _require_independent(order, complaint, by)
    COMPLAINT.check(complaint, "rule")
    standing = pending_ruling(complaint)
    if standing is not None:
        raise RulingPending(number=standing.number)
    have_spoken = stated_parties(complaint) >= {party.value for party in Party}
    if not have_spoken and not rules.is_over(complaint.evidence_until, at):
        raise EvidenceRunning(until=shanghai(complaint.evidence_until))
    if outcome not in Outcome.values:
        raise InvalidInput(field="outcome", reason=gettext("请选择裁决结果。"))
    is_partial = outcome == Outcome.PARTIAL_REFUND
    held = outcomes.require_partial(order, amount) if is_partial else None
    ruling = Ruling(
        number=new_number("CJ", at),
        complaint=complaint,
        outcome=outcome,
        amount_fen=held.fen if held else None,
        text=told("text", text),
        citations=_cited(citations),
        is_confirmation_needed=rules.needs_confirmation(
            outcome, gross=Money(order.amount_fen), threshold_fen=int(settings.RULING_CONFIRMATION_FEN)
        ),
        ruled_by=by.user,
        ruler_label=by.label[:200],
        ruled_at=at,
    )
    ruling.save(force_insert=True)
    record(
        by=by, at=at, action="disputes.rule", subject=ruling,
        detail={"complaint": complaint.number, "outcome": outcome, "amount_fen": ruling.amount_fen,
                "citations": ruling.citations, "is_confirmation_needed": ruling.is_confirmation_needed},
    )  # fmt: skip
    if ruling.is_confirmation_needed:
        announce(RulingProposed(at=at, ruling_id=ruling.pk, complaint_id=complaint.pk, by=by))
    else:
        _take_effect(order, complaint, ruling, by=by, at=at)
    return ruling


@transaction.atomic
def confirm(
    *, by: Actor, at: datetime, complaint_id: UUID, ruling_id: UUID, is_confirmed: bool, remark: str = ""
) -> Confirmation:
    """A second operator confirms a proposed ruling, which then takes effect, or sends it back with reasons.

    Raises SecondPerson for whoever ruled, SelfReview, NothingToConfirm.
    """
    order, complaint = locked_complaint(complaint_id)
    _require_independent(order, complaint, by)
    ruling = pending_ruling(complaint)
    if ruling is None or ruling.pk != ruling_id:
        raise NothingToConfirm
    if ruling.ruled_by_id == by.user_id:
        raise SecondPerson
    COMPLAINT.check(complaint, "rule")
    confirmation = Confirmation(
        ruling=ruling,
        is_confirmed=is_confirmed,
        remark=remark.strip() if is_confirmed else told("remark", remark),
        confirmed_by=by.user,
        confirmer_label=by.label[:200],
        confirmed_at=at,
    )
    confirmation.save(force_insert=True)
    record(
        by=by, at=at, action="disputes.confirm", subject=ruling,
        detail={"complaint": complaint.number, "is_confirmed": is_confirmed},
    )  # fmt: skip
    if is_confirmed:
        _take_effect(order, complaint, ruling, by=by, at=at)
    else:
        announce(RulingReturned(at=at, ruling_id=ruling.pk, complaint_id=complaint.pk, by=by))
    return confirmation


def _take_effect(order: Order, complaint: Complaint, ruling: Ruling, *, by: Actor, at: datetime) -> None:
    """Move complaint, order and money as the ruling says, and tell both sides."""
    reason = f"裁决 {ruling.number}"
    if ruling.outcome == Outcome.REPLACEMENT:
        complaint.due_at = due(at, periods().replacement)
        fields = ["due_at"]
        COMPLAINT.move(complaint, "order_replacement", by=by, at=at, reason=reason, update_fields=fields)
    else:
        complaint.closed_at = at
        COMPLAINT.move(complaint, "rule", by=by, at=at, reason=reason, update_fields=["closed_at"])
    if ruling.outcome == Outcome.UPHOLD:
        outcomes.accept_whole(order, by=by, at=at, reason=f"{reason}：支持供方，验收通过")
    elif ruling.outcome == Outcome.PARTIAL_REFUND:
        amount = Money(int(ruling.amount_fen or 0))
        outcomes.accept_reduced(
            order, complaint, amount, by=by, at=at, reason=f"{reason}：部分退款 {amount} 后验收"
        )
    elif ruling.outcome == Outcome.FULL_REFUND:
        outcomes.give_all_back(order, by=by, at=at, reason=f"{reason}：全额退款")
    announce(RulingGiven(at=at, ruling_id=ruling.pk, complaint_id=complaint.pk, by=by))


@transaction.atomic
def replace_as_ruled(*, by: Actor, at: datetime, complaint_id: UUID, version_id: UUID) -> Replacement:
    """The supplier delivers the newer version that a ruling ordered; the inspection period begins anew.

    Raises MoveNotAllowed, NotNewer, NotCertified.
    """
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.SUPPLIER, ANSWER)
    complaint_reason = "按裁决补交新版本"
    complaint.closed_at = at
    COMPLAINT.move(complaint, "replace", by=by, at=at, update_fields=["closed_at"])
    record(by=by, at=at, action="complaints.replace", subject=complaint, detail={"version": str(version_id)})
    return outcomes.replace(order, complaint, version_id, by=by, at=at, reason=complaint_reason)
