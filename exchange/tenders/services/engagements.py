"""An engagement from signing to its end: signatures, the project it opens, cancelling and ending early."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from annotation.projects import services as projects
from annotation.projects.plans import create_planned_project
from annotation.projects.rules import RawItem
from audit.services import record
from documents import objects
from exchange.tenders import rules
from exchange.tenders.events import EngagementEnded, EngagementStarted, MilestoneReturned, TerminationAsked
from exchange.tenders.models import Engagement, Milestone, ServiceSignature, TenderItem
from exchange.tenders.permissions import POST_TENDERS
from exchange.tenders.selectors import engagements_visible_to
from exchange.tenders.services.refusals import (
    AlreadySigned,
    LotAwaitsInspection,
    NotLateEnough,
    OtherText,
    WrongSide,
)
from exchange.tenders.states import ENGAGEMENT, MILESTONE, EngagementState, MilestoneState
from exchange.trading.permissions import SIGN_AS_BUYER, SIGN_AS_SUPPLIER
from exchange.trading.states import Party
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor, Permission


def locked_engagement(engagement_id: UUID) -> Engagement:
    """The engagement under lock: the lock of all its lots and their money; NotFound when there is none."""
    rows = Engagement.objects.select_for_update(of=("self",), no_key=True).filter(pk=engagement_id)
    found = rows.select_related("tender", "bid", "buyer", "firm").first()
    if found is None:
        raise NotFound
    return found


def lots_under(engagement: Engagement) -> list[Milestone]:
    """The lots of a locked engagement, under lock."""
    rows = Milestone.objects.select_for_update(of=("self",), no_key=True).filter(engagement=engagement)
    found = sorted(rows.order_by("pk"), key=lambda lot: lot.ordinal)
    for lot in found:
        lot.engagement = engagement
    return found


def require_side(engagement: Engagement, by: Actor, party: Party, wanted: Permission) -> None:
    """404 unless the engagement is visible, 403 unless the actor stands on that side and holds the permission."""
    side = engagement.buyer_id if party is Party.BUYER else engagement.firm_id
    if by.belongs_to(side):
        by.require(wanted)
        return
    if not engagements_visible_to(by).filter(pk=engagement.pk).exists():
        raise NotFound
    raise WrongSide(side=party.label)


def require_signer(engagement: Engagement, by: Actor) -> Party:
    """The side for which the actor may sign; raises what `require_side` raises."""
    party = Party.SUPPLIER if by.organization_id == engagement.firm_id else Party.BUYER
    require_side(engagement, by, party, SIGN_AS_BUYER if party is Party.BUYER else SIGN_AS_SUPPLIER)
    return party


@transaction.atomic
def sign_contract(*, by: Actor, at: datetime, engagement_id: UUID, text_sha256: str = "") -> Engagement:
    """Sign for the actor's side; the second signature fixes the days, opens the firm's project and starts the work.

    `text_sha256`: hash of the text that the signer read, compared when given. Raises AlreadySigned, OtherText,
    MoveNotAllowed.
    """
    engagement = locked_engagement(engagement_id)
    party = require_signer(engagement, by)
    contract = engagement.contract
    signed = set(contract.signatures.values_list("party", flat=True))
    if party.value in signed:
        raise AlreadySigned(party=party.label)
    ENGAGEMENT.check(engagement, "start")
    if text_sha256 and text_sha256 != contract.text_sha256:
        raise OtherText(field="text_sha256")
    ServiceSignature(
        contract=contract,
        party=party,
        organization_id=engagement.buyer_id if party is Party.BUYER else engagement.firm_id,
        signed_by=by.user,
        signer_label=by.label[:200],
        text_sha256=contract.text_sha256,
        signed_at=at,
    ).save(force_insert=True)
    if signed:
        _start(engagement, by, at)
    detail = {"party": party.value, "text_sha256": contract.text_sha256}
    record(by=by, at=at, action="engagements.sign", subject=engagement, detail=detail)
    if signed:
        announce(EngagementStarted(at=at, engagement_id=engagement.pk, by=by))
    return engagement


def _for_firm(firm: Organization) -> Actor:
    """The platform acting for the firm, as the contract that both have signed says."""
    return Actor(organization=firm, name="标注服务合同", is_system=True)


def _start(engagement: Engagement, by: Actor, at: datetime) -> None:
    """Both have signed: fix the days and open the firm's project with what the tender and the bid say."""
    today = clock.business_date(at)
    lots = lots_under(engagement)
    for lot in lots:
        lot.due_on = today + timedelta(days=lot.due_days)
        lot.save(update_fields=["due_on"])
    tender, bid = engagement.tender, engagement.bid
    acting = _for_firm(engagement.firm)
    project = create_planned_project(
        by=acting,
        at=at,
        plan={"overlap": bid.overlap, "review_share_bp": bid.review_share_bp},
        title=tender.title,
        brief=tender.brief,
        modality=tender.modality,
        labeling_config=tender.labeling_config,
        task_price=Money(bid.task_pay_fen),
        due_on=lots[-1].due_on,
        client_id=engagement.buyer_id,
    )
    projects.publish_guideline(by=acting, at=at, project_id=project.pk, body=tender.guideline)
    engagement.started_at, engagement.project = at, project
    ENGAGEMENT.move(engagement, "start", by=by, at=at, update_fields=["started_at", "project"])


def fill_project(*, at: datetime, engagement_id: UUID) -> int:
    """Put the tender's items into the engagement's project; what is there is skipped. How many were added now."""
    rows = Engagement.objects.select_related("firm", "tender")
    engagement = rows.filter(pk=engagement_id, state=EngagementState.ACTIVE).first()
    if engagement is None or engagement.project_id is None:
        return 0
    items = list(TenderItem.objects.filter(tender=engagement.tender_id).order_by("ordinal"))
    if not items:
        return 0
    raw = [
        RawItem(
            item.name,
            objects.get(item.object_key) if item.object_key else item.text.encode(),
            item.media_type,
        )
        for item in items
    ]
    outcome = projects.import_raw(
        by=_for_firm(engagement.firm),
        at=at,
        project_id=engagement.project_id,
        raw=raw,
        source=engagement.tender.source,
        licence=engagement.tender.licence,
    )
    return outcome.added_count


# --- ending -------------------------------------------------------------------------------------------


def _reason(text: str) -> str:
    words = text.strip()
    if not 4 <= len(words) <= 500:
        raise InvalidInput(field="reason", reason=gettext("请用 4 到 500 个字写明理由，对方能看到。"))
    return words


@transaction.atomic
def cancel_engagement(*, by: Actor, at: datetime, engagement_id: UUID, reason: str) -> Engagement:
    """End an engagement before both have signed: either side, with a reason. No money has moved."""
    engagement = locked_engagement(engagement_id)
    require_signer(engagement, by)
    ENGAGEMENT.check(engagement, "cancel")
    words = _reason(reason)
    for lot in lots_under(engagement):
        MILESTONE.move(lot, "drop", by=by, at=at, reason=words)
    engagement.ended_at = at
    ENGAGEMENT.move(engagement, "cancel", by=by, at=at, reason=words, update_fields=["ended_at"])
    record(by=by, at=at, action="engagements.cancel", subject=engagement, detail={"reason": words})
    announce(EngagementEnded(at=at, engagement_id=engagement.pk, by=by))
    return engagement


@transaction.atomic
def ask_termination(*, by: Actor, at: datetime, engagement_id: UUID, reason: str) -> Engagement:
    """Propose to the other side to end a running engagement; asking again replaces the reason."""
    engagement = locked_engagement(engagement_id)
    party = require_signer(engagement, by)
    ENGAGEMENT.check(engagement, "terminate")
    engagement.termination_asked_by, engagement.termination_reason = party.value, _reason(reason)
    engagement.save(update_fields=["termination_asked_by", "termination_reason"])
    detail = {"party": party.value, "reason": engagement.termination_reason}
    record(by=by, at=at, action="engagements.ask_termination", subject=engagement, detail=detail)
    announce(TerminationAsked(at=at, engagement_id=engagement.pk, by=by))
    return engagement


@transaction.atomic
def agree_termination(*, by: Actor, at: datetime, engagement_id: UUID) -> Engagement:
    """The other side agrees: what lies in escrow goes back, what was accepted stays. Raises LotAwaitsInspection."""
    engagement = locked_engagement(engagement_id)
    party = require_signer(engagement, by)
    ENGAGEMENT.check(engagement, "terminate")
    if not engagement.termination_asked_by:
        raise InvalidInput(field="reason", reason=gettext("对方还没有提出解除，请先写明理由提出。"))
    if engagement.termination_asked_by == party.value:
        other = Party.SUPPLIER if party is Party.BUYER else Party.BUYER
        raise WrongSide(side=other.label)
    return _terminate(engagement, by, at, engagement.termination_reason)


@transaction.atomic
def end_overdue(*, by: Actor, at: datetime, engagement_id: UUID, reason: str) -> Engagement:
    """The buyer ends an engagement alone: a funded lot is long overdue and not delivered. Raises NotLateEnough."""
    engagement = locked_engagement(engagement_id)
    require_side(engagement, by, Party.BUYER, POST_TENDERS)
    ENGAGEMENT.check(engagement, "terminate")
    today = clock.business_date(at)
    late = [
        lot
        for lot in lots_under(engagement)
        if lot.state == MilestoneState.FUNDED and rules.may_end_alone(lot.due_on, today)
    ]
    if not late:
        raise NotLateEnough(days=rules.GRACE_DAYS)
    return _terminate(engagement, by, at, _reason(reason))


def _terminate(engagement: Engagement, by: Actor, at: datetime, reason: str) -> Engagement:
    lots = lots_under(engagement)
    waiting = next((lot for lot in lots if lot.state == MilestoneState.DELIVERED), None)
    if waiting is not None:
        raise LotAwaitsInspection(ordinal=waiting.ordinal)
    returned = []
    for lot in lots:
        if lot.state == MilestoneState.FUNDED:
            MILESTONE.move(lot, "give_back", by=by, at=at, reason=reason)
            returned.append(lot)
        elif lot.state == MilestoneState.PLANNED:
            MILESTONE.move(lot, "drop", by=by, at=at, reason=reason)
    engagement.ended_at, engagement.termination_reason = at, reason
    ENGAGEMENT.move(
        engagement, "terminate", by=by, at=at, reason=reason, update_fields=["ended_at", "termination_reason"]
    )
    detail = {"reason": reason, "returned_fen": sum(lot.amount_fen for lot in returned)}
    record(by=by, at=at, action="engagements.terminate", subject=engagement, detail=detail)
    for lot in returned:
        announce(MilestoneReturned(at=at, milestone_id=lot.pk, reason=reason, by=by))
    announce(EngagementEnded(at=at, engagement_id=engagement.pk, by=by))
    return engagement
