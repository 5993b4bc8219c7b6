"""A review that takes another way: passed on, a second opinion, on hold, taken back, agreed with an adjustment."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce as tell
from kernel.models import Transition
from organizations.permissions import Actor
from settlement.rewards import measures, referrals
from settlement.rewards.events import StatementDrafted
from settlement.rewards.models import Adjustment, Assignment, Claim, Consultation, ConsultationAnswer, Hold
from settlement.rewards.permissions import FIRST_REVIEW, SECOND_REVIEW, SEE_ALL_CLAIMS
from settlement.rewards.services.claims import decide
from settlement.rewards.services.guards import (
    decision_of,
    locked_claim,
    require_current,
    require_in_charge,
    require_stranger,
    told,
)
from settlement.rewards.services.turns import keep_deadline, require_opinions, require_turn
from settlement.rewards.states import CLAIM, ClaimState

LONGEST_HOLD = timedelta(days=60)


class NotUnderReview(Refusal):
    """Only a claim that waits for a reviewer is passed on, held or talked over."""

    code = "not_under_review"
    message = _("该申报当前为“%(state)s”，不在审核环节。请刷新页面查看最新状态。")


class NotYourReview(Refusal):
    """A review is taken back by the person who gave it."""

    code = "not_your_review"
    message = _("只有作出该审核意见的本人可以撤回。")
    status = 403


class NextStepBegun(Refusal):
    """A review is taken back before anybody works on the next step."""

    code = "next_step_begun"
    message = _("下一环节已开始办理（加签或挂起），不能撤回；请联系下一环节退回。")


class NotAsked(Refusal):
    """An opinion is given by the colleague it was asked of."""

    code = "not_asked"
    message = _("没有等待您答复的加签。")


class NotOnHold(Refusal):
    """There is no hold to end."""

    code = "not_on_hold"
    message = _("该申报没有挂起。")


def _reviewed_claim(by: Actor, claim_id: UUID) -> Claim:
    """The locked claim, when the actor's office reviews it now."""
    claim = locked_claim(claim_id)
    by.require(SEE_ALL_CLAIMS)
    wanted = referrals.permission_of_stage(claim)
    if wanted is None:
        raise NotUnderReview(state=claim.get_state_display())
    by.require(wanted)
    if claim.state != ClaimState.CONFIRMED:
        require_in_charge(by, claim)
    require_stranger(by, claim.firm_id)
    return claim


def _colleague(by: Actor, claim: Claim, user_id: UUID | None) -> UUID:
    if user_id not in {each.pk for each in referrals.colleagues(by, claim)}:
        raise InvalidInput(field="colleague", reason=_("请选择本单位有该环节审核权限的人员。"))
    assert user_id is not None
    return user_id


def _said(text: str, field: str, missing: object) -> str:
    if not text.strip():
        raise InvalidInput(field=field, reason=missing)
    return text.strip()


@transaction.atomic
def assign(*, by: Actor, at: datetime, claim_id: UUID, assignee_id: UUID, reason: str) -> Assignment:
    """转交: from now on this stage is decided by another reviewer of the office (or by oneself again)."""
    claim = _reviewed_claim(by, claim_id)
    assignee = _colleague(by, claim, assignee_id)
    assignment = Assignment.objects.create(
        claim=claim, stage=claim.state, assignee_id=assignee,
        reason=_said(reason, "reason", _("请写明转交理由。")),
        assigned_by=by.user, assigner_label=by.label[:200], assigned_at=at,
    )  # fmt: skip
    detail = {"number": claim.number, "assignee": str(assignee), "reason": assignment.reason}
    record(by=by, at=at, action="rewards.assign", subject=claim, detail=detail)
    return assignment


@transaction.atomic
def consult(*, by: Actor, at: datetime, claim_id: UUID, colleague_id: UUID, question: str) -> Consultation:
    """加签: ask a colleague for a second opinion; nobody agrees at this stage before it is there."""
    claim = _reviewed_claim(by, claim_id)
    require_turn(by, at, claim)
    colleague = _colleague(by, claim, colleague_id)
    if colleague == by.user_id:
        raise InvalidInput(field="colleague", reason=_("请选择本人以外的人员加签。"))
    if any(each.asked_of_id == colleague for each in referrals.open_consultations(claim)):
        raise InvalidInput(field="colleague", reason=_("已向该人员征求意见，请等待答复。"))
    consultation = Consultation.objects.create(
        claim=claim, stage=claim.state, asked_of_id=colleague,
        question=_said(question, "question", _("请写明需要对方判断的问题。")),
        asked_by=by.user, asker_label=by.label[:200], asked_at=at,
    )  # fmt: skip
    detail = {"number": claim.number, "asked_of": str(colleague), "question": consultation.question}
    record(by=by, at=at, action="rewards.consult", subject=claim, detail=detail)
    return consultation


@transaction.atomic
def give_opinion(
    *, by: Actor, at: datetime, claim_id: UUID, is_in_favour: bool, opinion: str
) -> ConsultationAnswer:
    """The colleague's opinion on what was asked; the reviewer still decides. Raises NotAsked."""
    claim = _reviewed_claim(by, claim_id)
    mine = [each for each in referrals.open_consultations(claim) if each.asked_of_id == by.user_id]
    if not mine:
        raise NotAsked
    answer = ConsultationAnswer.objects.create(
        consultation=mine[0], is_in_favour=is_in_favour,
        opinion=_said(opinion, "opinion", _("请写明加签意见。")),
        answered_by=by.user, answerer_label=by.label[:200], answered_at=at,
    )  # fmt: skip
    detail = {"number": claim.number, "is_in_favour": is_in_favour, "opinion": answer.opinion}
    record(by=by, at=at, action="rewards.give_opinion", subject=claim, detail=detail)
    return answer


@transaction.atomic
def hold(*, by: Actor, at: datetime, claim_id: UUID, reason: str, until: date) -> Hold:
    """挂起: nothing is decided until the end of a day; the firm reads why, and the review's clock stands still."""
    claim = _reviewed_claim(by, claim_id)
    require_turn(by, at, claim)
    today = clock.business_date(at)
    if not today < until <= today + LONGEST_HOLD:
        raise InvalidInput(
            field="until", reason=_("挂起截止日须在明天之后、%(days)s 天之内。") % {"days": LONGEST_HOLD.days}
        )
    made = Hold.objects.create(
        claim=claim, reason=_said(reason, "reason", _("请写明挂起理由，企业会看到。")), until=until,
        held_by=by.user, holder_label=by.label[:200], held_at=at,
    )  # fmt: skip
    keep_deadline(claim)
    detail = {"number": claim.number, "until": until.isoformat(), "reason": made.reason}
    record(by=by, at=at, action="rewards.hold", subject=claim, detail=detail)
    return made


@transaction.atomic
def resume(*, by: Actor, at: datetime, claim_id: UUID) -> Hold:
    """End a hold before its day. Raises NotOnHold."""
    claim = _reviewed_claim(by, claim_id)
    standing = referrals.hold_of(claim, at)
    if standing is None:
        raise NotOnHold
    standing.ended_at, standing.ender_label = at, by.label[:200]
    standing.save(update_fields=["ended_at", "ender_label"])
    keep_deadline(claim)
    record(by=by, at=at, action="rewards.resume", subject=claim, detail={"number": claim.number})
    return standing


@transaction.atomic
def take_back(*, by: Actor, at: datetime, claim_id: UUID, reason: str) -> Claim:
    """撤回: a reviewer takes the own agreement back while nobody has worked on the next step.

    Raises NotYourReview, NextStepBegun.
    """
    claim = locked_claim(claim_id)
    if not by.can(SECOND_REVIEW):
        by.require(FIRST_REVIEW)
    is_first = claim.state == ClaimState.FIRST_REVIEWED
    move = "take_back_first" if is_first else "take_back_second"
    CLAIM.check(claim, move)
    agreed = "first_review" if is_first else "second_review"
    last = Transition.objects.filter(subject_id=claim.pk, move=agreed).order_by("-at", "-pk").first()
    assert last is not None, "a reviewed claim has its transition"
    if by.user_id is None or by.user_id != last.user_id or not by.belongs_to(last.organization_id):
        raise NotYourReview
    if (
        referrals.hold_of(claim, at)
        or Consultation.objects.filter(claim=claim, stage=claim.state, asked_at__gte=last.at).exists()
    ):
        raise NextStepBegun
    said = _said(reason, "reason", _("请写明撤回理由。"))
    reviewer = "first_reviewer" if is_first else "second_reviewer"
    setattr(claim, reviewer, None)
    CLAIM.move(claim, move, by=by, at=at, reason=said, update_fields=[reviewer])
    keep_deadline(claim)
    record(by=by, at=at, action="rewards.take_back", subject=claim, detail={**told(claim), "reason": said})
    return claim


@transaction.atomic
def adjust(
    *, by: Actor, at: datetime, claim_id: UUID, question: str, reading: str, reason: str
) -> Adjustment:
    """调整后同意: agree under another reading of one open question; the firm confirms the new statement first.

    The amount comes from the rules under that reading, never from a hand-written number, so it replays. Trades are
    not taken out here but in a risk case. Both reviews follow the firm's new confirmation.
    """
    claim = _reviewed_claim(by, claim_id)
    CLAIM.check(claim, "adjust")
    require_turn(by, at, claim)
    require_opinions(claim)
    require_current(claim)
    card, before = measures.CARDS[claim.measure], decision_of(claim)
    known = next((each for each in card.questions if each.name == question), None)
    offered = {each.name for each in known.options if each.is_available} if known else set()
    if reading not in offered or before.interpretation.get(question) == reading:
        raise InvalidInput(field="reading", reason=_("请选择与现行测算不同的一种口径。"))
    said = _said(reason, "reason", _("请逐项说明与测算不同之处，企业会看到。"))
    decision = decide(claim, by=by, at=at, readings={question: reading})
    made = Adjustment.objects.create(
        claim=claim, decision=decision, question=question, reading=reading, reason=said,
        made_by=by.user, maker_label=by.label[:200], made_at=at,
    )  # fmt: skip
    claim.first_reviewer = claim.second_reviewer = None
    CLAIM.move(
        claim, "adjust", by=by, at=at, reason=said, update_fields=["first_reviewer", "second_reviewer"]
    )
    detail = {
        **told(claim),
        "question": question,
        "reading": reading,
        "before_fen": before.amount_fen,
        "reason": said,
    }
    record(by=by, at=at, action="rewards.adjust", subject=claim, detail=detail)
    tell(StatementDrafted(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return made
