"""Lots of an engagement: funded, delivered, inspected, accepted. Each acceptance is news once, and money follows it.

Whoever inspects elsewhere tells how many items of the project were accepted so far (`note_accepted_items`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from audit.services import record
from exchange.tenders import rules
from exchange.tenders.events import EngagementEnded, LotDelivered, LotRejected, MilestoneAccepted
from exchange.tenders.models import Engagement, LotInspection, Milestone
from exchange.tenders.permissions import DELIVER_LOTS, INSPECT_LOTS
from exchange.tenders.services.engagements import locked_engagement, lots_under, require_side
from exchange.tenders.services.refusals import TooEarly
from exchange.tenders.states import ENGAGEMENT, IN_ESCROW, MILESTONE, EngagementState, MilestoneState
from exchange.trading.states import Party
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from organizations.permissions import Actor


def _locked(milestone_id: UUID) -> tuple[Engagement, list[Milestone], Milestone]:
    """The engagement, its lots and the one meant, under lock; NotFound when there is none."""
    engagement_id = Milestone.objects.filter(pk=milestone_id).values_list("engagement_id", flat=True).first()
    if engagement_id is None:
        raise NotFound
    engagement = locked_engagement(engagement_id)
    lots = lots_under(engagement)
    return engagement, lots, next(lot for lot in lots if lot.pk == milestone_id)


@transaction.atomic(savepoint=False)
def mark_funded(*, by: Actor, at: datetime, milestone_id: UUID) -> Milestone:
    """A lot's price lies in escrow (called by settlement.milestones in its own transaction only).

    Work that was accepted before it was paid for counts at once.
    """
    engagement, lots, lot = _locked(milestone_id)
    ENGAGEMENT.check(engagement, "complete")
    MILESTONE.move(lot, "fund", by=by, at=at)
    record(by=by, at=at, action="lots.fund", subject=lot, detail={"amount_fen": lot.amount_fen})
    _accept_reached(engagement, lots, by, at)
    return lot


@transaction.atomic
def deliver_lot(*, by: Actor, at: datetime, milestone_id: UUID) -> Milestone:
    """The firm hands a funded lot over; the buyer's time to inspect begins."""
    engagement, _lots, lot = _locked(milestone_id)
    require_side(engagement, by, Party.SUPPLIER, DELIVER_LOTS)
    MILESTONE.check(lot, "deliver")
    lot.delivered_at = at
    MILESTONE.move(lot, "deliver", by=by, at=at, update_fields=["delivered_at"])
    record(by=by, at=at, action="lots.deliver", subject=lot, detail={"items": lot.item_count})
    announce(LotDelivered(at=at, milestone_id=lot.pk, by=by))
    return lot


@transaction.atomic
def inspect_lot(
    *, by: Actor, at: datetime, milestone_id: UUID, defect_count: int, words: str = ""
) -> LotInspection:
    """The buyer tells how many items of the sample were wrong; the plan of the contract decides.

    Accepted: the money goes to the firm. Not accepted: it stays in escrow, the lot goes back with `words`.
    """
    engagement, lots, lot = _locked(milestone_id)
    require_side(engagement, by, Party.BUYER, INSPECT_LOTS)
    MILESTONE.check(lot, "reject")
    tender = engagement.tender
    plan = rules.inspection_plan(lot.item_count, tender.aql_percent, tender.limiting_percent)
    said = words.strip()
    if not 0 <= defect_count <= plan.sample_size:
        reason = gettext("不合格数应在 0 到样本量 %(size)s 之间。") % {"size": plan.sample_size}
        raise InvalidInput(field="defect_count", reason=reason)
    is_accepted = defect_count <= plan.accept
    if len(said) > 1_000 or (not is_accepted and len(said) < 2):
        raise InvalidInput(field="words", reason=gettext("不接收时请写明哪里不合格，最多 1000 个字。"))
    found = LotInspection.objects.create(
        milestone=lot,
        sample_size=plan.sample_size,
        accept_at_most=plan.accept,
        defect_count=defect_count,
        is_accepted=is_accepted,
        words=said,
        inspected_by=by.user,
        inspected_at=at,
    )
    detail = {"sample": plan.sample_size, "accept": plan.accept, "defects": defect_count}
    if is_accepted:
        _accept(lot, by, at)
        record(by=by, at=at, action="lots.accept", subject=lot, detail=detail)
        _complete_if_done(engagement, lots, by, at)
    else:
        MILESTONE.move(lot, "reject", by=by, at=at, reason=said)
        record(by=by, at=at, action="lots.reject", subject=lot, detail={**detail, "words": said})
        announce(LotRejected(at=at, milestone_id=lot.pk, words=said, by=by))
    return found


@transaction.atomic
def accept_uninspected(*, at: datetime, milestone_id: UUID) -> Milestone:
    """Accept a delivered lot whose time for inspection has run out; TooEarly before that."""
    engagement, lots, lot = _locked(milestone_id)
    MILESTONE.check(lot, "reject")
    assert lot.delivered_at is not None, "a delivered lot has its time"
    if at < rules.inspection_end(lot.delivered_at):
        raise TooEarly
    by = Actor.system("验收期届满")
    _accept(lot, by, at)
    record(by=by, at=at, action="lots.accept", subject=lot, detail={"reason": "验收期届满未验收"})
    _complete_if_done(engagement, lots, by, at)
    return lot


@transaction.atomic(savepoint=False)
def note_accepted_items(*, by: Actor, at: datetime, project_id: UUID, item_count: int) -> list[Milestone]:
    """So many items of a project were accepted so far (follows from who inspected, so it asks no permission).

    Every funded lot within them is accepted, once; a smaller number than before changes nothing. Projects without
    an engagement are none of ours. The lots that were accepted now.
    """
    rows = Engagement.objects.filter(project_id=project_id, state=EngagementState.ACTIVE)
    engagement_id = rows.values_list("pk", flat=True).first()
    if engagement_id is None:
        return []
    engagement = locked_engagement(engagement_id)
    if engagement.state != EngagementState.ACTIVE or item_count <= engagement.accepted_item_count:
        return []
    engagement.accepted_item_count = item_count
    engagement.save(update_fields=["accepted_item_count"])
    record(by=by, at=at, action="engagements.note_items", subject=engagement, detail={"items": item_count})
    return _accept_reached(engagement, lots_under(engagement), by, at)


def note_accepted_project(*, by: Actor, at: datetime, project_id: UUID) -> list[Milestone]:
    """The whole project was accepted: all items of its engagement count."""
    rows = Engagement.objects.filter(project_id=project_id)
    count = rows.values_list("tender__item_count", flat=True).first()
    if count is None:
        return []
    return note_accepted_items(by=by, at=at, project_id=project_id, item_count=count)


def _accept_reached(
    engagement: Engagement, lots: list[Milestone], by: Actor, at: datetime
) -> list[Milestone]:
    """Accept the funded lots whose items were all accepted."""
    found = [
        lot for lot in lots if lot.state in IN_ESCROW and lot.last_item <= engagement.accepted_item_count
    ]
    for lot in found:
        _accept(lot, by, at)
        record(by=by, at=at, action="lots.accept", subject=lot, detail={"items": lot.last_item})
    _complete_if_done(engagement, lots, by, at)
    return found


def _accept(lot: Milestone, by: Actor, at: datetime) -> None:
    lot.accepted_at = at
    lot.delivered_at = lot.delivered_at or at
    MILESTONE.move(lot, "accept", by=by, at=at, update_fields=["accepted_at", "delivered_at"])
    announce(MilestoneAccepted(at=at, milestone_id=lot.pk, by=by))


def _complete_if_done(engagement: Engagement, lots: list[Milestone], by: Actor, at: datetime) -> None:
    if any(lot.state != MilestoneState.ACCEPTED for lot in lots):
        return
    engagement.ended_at = at
    ENGAGEMENT.move(engagement, "complete", by=by, at=at, update_fields=["ended_at"])
    record(by=by, at=at, action="engagements.complete", subject=engagement)
    announce(EngagementEnded(at=at, engagement_id=engagement.pk, by=by))
