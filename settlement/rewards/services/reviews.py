"""Two reviews by two offices, the public notice, and turning a claim away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import funds, rules, selectors
from settlement.rewards.events import ClaimRejected, ClaimReturned
from settlement.rewards.models import ApprovalBatch, Claim, Decision
from settlement.rewards.permissions import REPLAY, SECOND_REVIEW
from settlement.rewards.rules import Replay
from settlement.rewards.services.guards import (
    locked_claim,
    require_current,
    require_in_charge,
    require_stranger,
    require_unblocked,
    told,
)
from settlement.rewards.services.turns import keep_deadline, require_opinions, require_turn
from settlement.rewards.states import CLAIM, BatchState, ClaimState


class SameReviewer(Refusal):
    """First and second review need two people of two organizations."""

    code = "same_reviewer"
    message = _("初审与复审须由不同单位的不同人员办理，请转交其他审核人。")
    status = 403


class NothingToSupplement(Refusal):
    """A reopened claim goes to notice again only when it is worth more than was granted."""

    code = "nothing_to_supplement"
    message = _("重新核定的金额没有增加，不需要公示。请维持原金额或启动追回。")


class RecoveryOutstanding(Refusal):
    """What is still owed is lifted before anything is added: no money goes out while some is asked back."""

    code = "recovery_outstanding"
    message = _("该申报尚有 %(amount)s 待企业缴回。请先提出撤销追回并由另一人核定，再公示补发。")


class AwardStands(Refusal):
    """A claim that has an award is worked out anew, never turned away."""

    code = "award_stands"
    message = _("该申报已有奖励登记，不能退回或驳回；请启动重新核定。")


class InOpenBatch(Refusal):
    """A claim that stands in a proposed batch is not turned away under it."""

    code = "claim_in_open_batch"
    message = _("该申报在待批准的批次中，请先撤回批次。")


@transaction.atomic
def first_review(*, by: Actor, at: datetime, claim_id: UUID, opinion: str = "") -> Claim:
    """The exchange operator's reviewer agrees with the statement; a department's, where the operator itself claims.

    Raises SelfReview, FactsChanged.
    """
    claim = locked_claim(claim_id)
    by.require(selectors.first_review_of(claim.firm))
    CLAIM.check(claim, "first_review")
    require_stranger(by, claim.firm_id)
    require_turn(by, at, claim)
    require_opinions(claim)
    require_current(claim)
    claim.first_reviewer = by.user
    CLAIM.move(claim, "first_review", by=by, at=at, reason=opinion, update_fields=["first_reviewer"])
    keep_deadline(claim)
    record(
        by=by,
        at=at,
        action="rewards.first_review",
        subject=claim,
        detail={**told(claim), "opinion": opinion},
    )
    return claim


@transaction.atomic
def second_review(*, by: Actor, at: datetime, claim_id: UUID, opinion: str = "") -> Claim:
    """The department's reviewer agrees; never the person or the organization of the first review.

    Raises SameReviewer, SelfReview, FactsChanged, and ReviewBlocked while something (a risk finding) is open.
    """
    claim = locked_claim(claim_id)
    by.require(SECOND_REVIEW)
    CLAIM.check(claim, "second_review")
    require_stranger(by, claim.firm_id)
    first = Transition.objects.filter(subject_id=claim.pk, move="first_review").order_by("-at", "-pk").first()
    assert first is not None, "a first-reviewed claim has its transition"
    is_same_person = by.user_id is not None and by.user_id == first.user_id
    is_same_office = by.organization_id is not None and by.organization_id == first.organization_id
    if is_same_person or is_same_office:
        raise SameReviewer
    require_in_charge(by, claim)
    require_turn(by, at, claim)
    require_opinions(claim)
    require_current(claim)
    require_unblocked(claim)
    claim.second_reviewer = by.user
    CLAIM.move(claim, "second_review", by=by, at=at, reason=opinion, update_fields=["second_reviewer"])
    keep_deadline(claim)
    record(
        by=by,
        at=at,
        action="rewards.second_review",
        subject=claim,
        detail={**told(claim), "opinion": opinion},
    )
    return claim


@transaction.atomic
def announce(*, by: Actor, at: datetime, claim_id: UUID) -> Claim:
    """Open the public notice of five working days; for a reopened claim when it is worth more than was granted.

    Raises ReviewBlocked, FactsChanged, NothingToSupplement, RecoveryOutstanding.
    """
    claim = locked_claim(claim_id)
    by.require(SECOND_REVIEW)
    require_in_charge(by, claim)
    CLAIM.check(claim, "announce")
    require_stranger(by, claim.firm_id)
    require_turn(by, at, claim)
    if claim.state == ClaimState.REOPENED:
        require_current(claim)
        standing = funds.standing_of(claim)
        if standing.difference_fen <= 0:
            raise NothingToSupplement
        if standing.outstanding_fen:
            raise RecoveryOutstanding(amount=Money(standing.outstanding_fen))
    require_unblocked(claim)
    claim.notice_until = rules.notice_end(clock.business_date(at))
    is_provisional = rules.is_provisional(claim.notice_until)
    reason = f"{claim.notice_until.year} 年放假安排尚未公布，截止日为暂定，只会顺延" if is_provisional else ""
    CLAIM.move(claim, "announce", by=by, at=at, reason=reason, update_fields=["notice_until"])
    detail = {
        "until": claim.notice_until.isoformat(),
        "is_provisional": is_provisional,
    }
    record(by=by, at=at, action="rewards.announce", subject=claim, detail=detail)
    return claim


@transaction.atomic
def return_(*, by: Actor, at: datetime, claim_id: UUID, reason: str) -> Claim:
    """Send the claim back to the firm, saying once and completely what is to be mended."""
    claim = _turned_away(by=by, at=at, claim_id=claim_id, reason=reason, move="return")
    tell(ClaimReturned(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return claim


@transaction.atomic
def reject(*, by: Actor, at: datetime, claim_id: UUID, reason: str) -> Claim:
    """Refuse the claim, with the reason that the firm may contest."""
    claim = _turned_away(by=by, at=at, claim_id=claim_id, reason=reason, move="reject")
    tell(ClaimRejected(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return claim


def _turned_away(*, by: Actor, at: datetime, claim_id: UUID, reason: str, move: str) -> Claim:
    claim = locked_claim(claim_id)
    is_second = claim.state in (ClaimState.FIRST_REVIEWED, ClaimState.IN_NOTICE)
    by.require(SECOND_REVIEW if is_second else selectors.first_review_of(claim.firm))
    if is_second:
        require_in_charge(by, claim)
    CLAIM.check(claim, move)
    if ApprovalBatch.objects.filter(state=BatchState.PROPOSED, items__claim=claim).exists():
        raise InOpenBatch
    if claim.awards.exists():
        raise AwardStands
    require_stranger(by, claim.firm_id)
    require_turn(by, at, claim)
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明理由，企业会看到。"))
    CLAIM.move(claim, move, by=by, at=at, reason=reason.strip())
    record(
        by=by,
        at=at,
        action=f"rewards.{move}",
        subject=claim,
        detail={**told(claim), "reason": reason.strip()},
    )
    return claim


@transaction.atomic
def replay(*, by: Actor, at: datetime, decision_id: UUID) -> Replay:
    """Compute a stored decision again; true when every byte is the same. The replay itself is recorded."""
    decision = Decision.objects.select_related("claim").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound
    by.require(REPLAY)
    found = selectors.replay(decision_id)
    detail = {"decision": str(decision_id), "is_same": found.is_same, "sha256": found.replayed_sha256}
    record(by=by, at=at, action="rewards.replay", subject=decision.claim, detail=detail)
    return found
