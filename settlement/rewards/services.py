"""A claim's procedure: drafted by the system, confirmed by the firm, reviewed twice, announced, approved."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from kernel.events import announce as tell
from kernel.models import Transition
from kernel.numbers import new_number
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from settlement.rewards import measures, rules, selectors
from settlement.rewards.events import AwardGranted, ClaimReturned, StatementDrafted
from settlement.rewards.models import Award, Claim, Decision, Objection
from settlement.rewards.permissions import CLAIM_REWARDS, FIRST_REVIEW, REPLAY, SECOND_REVIEW
from settlement.rewards.rules import Replay
from settlement.rewards.states import CLAIM, ClaimState, Outcome

MEASURE = selectors.MEASURE


class YearNotOver(Refusal):
    """A year's revenue is final only when the year has ended."""

    code = "year_not_over"
    message = _("%(year)s 年度尚未结束，目前只是预测；年度结束后才能确认申报。")


class NothingToConfirm(Refusal):
    """The statement grants nothing, so there is nothing to review; the firm may object to it."""

    code = "nothing_to_confirm"
    message = _("测算结论为“%(outcome)s”，没有可申报的奖励。如认为事实有误，请逐项提出异议。")


class FactsChanged(Refusal):
    """The facts are no longer those of the decision: the statement must be drafted again."""

    code = "facts_changed"
    message = _("测算之后事实已有变化（如退款、认定或新的奖励登记），请退回并重新测算。")


class SameReviewer(Refusal):
    """First and second review need two people of two organizations."""

    code = "same_reviewer"
    message = _("初审与复审须由不同单位的不同人员办理，请转交其他审核人。")
    status = 403


class NoticeNotOver(Refusal):
    """The public notice still runs."""

    code = "notice_not_over"
    message = _("公示至 %(until)s 结束，次日起方可批准。")


def locked_claim(claim_id: UUID) -> Claim:
    """The claim, locked until the transaction ends; NotFound when there is none."""
    claim = (
        Claim.objects.select_for_update(of=("self",))
        .select_related("firm", "decision")
        .filter(pk=claim_id)
        .first()
    )
    if claim is None:
        raise NotFound
    return claim


def locked_claims_of_firm(firm_id: UUID, measure: str) -> list[Claim]:
    """All of a firm's claims to a measure, locked in order of id: what the three-year limit looks at."""
    claims = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    return list(claims.filter(firm=firm_id, measure=measure).order_by("pk"))


@transaction.atomic
def draft_claim(*, by: Actor, at: datetime, firm_id: UUID, year: int) -> Claim:
    """Work out a firm's statement for a year (免申即享): the claim with its present decision.

    Idempotent: the same facts give the same claim and decision. While the firm has not confirmed, changed
    facts give a new decision; once it has, the claim is returned as it stands.
    """
    if not (by.can(FIRST_REVIEW) or by.can(SECOND_REVIEW)):
        by.require(CLAIM_REWARDS)
        if not by.belongs_to(firm_id):
            raise NotFound
    firm = Organization.objects.filter(pk=firm_id).first()
    if firm is None:
        raise NotFound
    if not 2000 <= year <= clock.business_year(at):
        raise InvalidInput(field="year", reason=_("只能测算今年及以前的年度。"))
    claim = _claim_of(firm, year, at)
    if claim.decision is None:
        _decide(claim, by=by, at=at)
        record(by=by, at=at, action="rewards.draft", subject=claim, detail=_told(claim))
        tell(StatementDrafted(at=at, claim_id=claim.pk, firm_id=firm.pk, by=by))
    elif claim.state == ClaimState.DRAFTED and not selectors.facts_are_current(claim):
        _redraft(claim, by=by, at=at)
    return claim


def _claim_of(firm: Organization, year: int, at: datetime) -> Claim:
    """The one claim of firm, measure and year, made if need be, and locked."""
    rows = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    wanted = rows.filter(firm=firm, measure=MEASURE, year=year)
    found = wanted.first()
    if found is None:
        fresh = Claim(firm=firm, measure=MEASURE, year=year, number=new_number("JL", at), drafted_at=at)
        Claim.objects.bulk_create([fresh], ignore_conflicts=True)
        found = wanted.get()
    return found


def _decide(claim: Claim, *, by: Actor, at: datetime) -> Decision:
    """Gather the facts, decide, and make it the claim's present decision."""
    facts = selectors.gather_facts(claim.firm, claim.year)
    found = rules.decide(claim.measure, facts)
    decision = Decision.objects.create(
        claim=claim,
        decided_at=at,
        policy_version=measures.CURRENT_VERSION,
        code_version=measures.CODE_VERSION,
        interpretation=found.document["interpretation"],
        facts=dict(facts.document),
        facts_sha256=facts.sha256,
        outcome=found.outcome.value,
        amount_fen=found.amount_fen,
        trace=dict(found.document),
        decision_sha256=found.sha256,
    )
    claim.decision, claim.drafted_at = decision, at
    claim.save(update_fields=["decision", "drafted_at"])
    return decision


def _redraft(claim: Claim, *, by: Actor, at: datetime, reason: str = "") -> None:
    CLAIM.check(claim, "redraft")
    _decide(claim, by=by, at=at)
    claim.first_reviewer = claim.second_reviewer = None
    CLAIM.move(
        claim, "redraft", by=by, at=at, reason=reason, update_fields=["first_reviewer", "second_reviewer"]
    )
    record(by=by, at=at, action="rewards.redraft", subject=claim, detail=_told(claim))
    tell(StatementDrafted(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))


@transaction.atomic
def redraft_claim(*, by: Actor, at: datetime, claim_id: UUID, reason: str = "") -> Claim:
    """Work the statement out anew after an objection, a return, or changed facts; a new decision is kept."""
    claim = locked_claim(claim_id)
    if not (by.can(FIRST_REVIEW) or by.can(SECOND_REVIEW)):
        _require_firm(by, claim)
    _redraft(claim, by=by, at=at, reason=reason)
    return claim


@transaction.atomic
def confirm(*, by: Actor, at: datetime, claim_id: UUID) -> Claim:
    """The firm takes the statement as right and hands it in for review.

    Raises YearNotOver, NothingToConfirm, FactsChanged.
    """
    claim = locked_claim(claim_id)
    _require_firm(by, claim)
    CLAIM.check(claim, "confirm")
    if clock.business_year(at) <= claim.year:
        raise YearNotOver(year=claim.year)
    decision = _decision_of(claim)
    if decision.outcome != Outcome.GRANTED:
        raise NothingToConfirm(outcome=decision.get_outcome_display())
    _require_current(claim)
    CLAIM.move(claim, "confirm", by=by, at=at)
    record(by=by, at=at, action="rewards.confirm", subject=claim, detail=_told(claim))
    return claim


@transaction.atomic
def object_(*, by: Actor, at: datetime, claim_id: UUID, item: str, statement: str) -> Objection:
    """The firm objects to one item of its statement (a step of the trace), with its reason."""
    claim = locked_claim(claim_id)
    _require_firm(by, claim)
    CLAIM.check(claim, "object")
    decision = _decision_of(claim)
    if item not in {step["key"] for step in decision.trace["steps"]}:
        raise InvalidInput(field="item", reason=_("请选择测算中的一个事项。"))
    if not statement.strip():
        raise InvalidInput(field="statement", reason=_("请写明异议理由。"))
    objection = Objection.objects.create(
        claim=claim,
        decision=decision,
        item=item,
        statement=statement.strip(),
        raised_by=by.user,
        raised_at=at,
    )
    CLAIM.move(claim, "object", by=by, at=at, reason=objection.statement)
    record(
        by=by, at=at, action="rewards.object", subject=claim, detail={"item": item, "statement": statement}
    )
    return objection


@transaction.atomic
def first_review(*, by: Actor, at: datetime, claim_id: UUID, opinion: str = "") -> Claim:
    """The exchange operator's reviewer agrees with the statement. Raises SelfReview, FactsChanged."""
    claim = locked_claim(claim_id)
    by.require(FIRST_REVIEW)
    CLAIM.check(claim, "first_review")
    _require_stranger(by, claim)
    _require_current(claim)
    claim.first_reviewer = by.user
    CLAIM.move(claim, "first_review", by=by, at=at, reason=opinion, update_fields=["first_reviewer"])
    record(
        by=by,
        at=at,
        action="rewards.first_review",
        subject=claim,
        detail={**_told(claim), "opinion": opinion},
    )
    return claim


@transaction.atomic
def second_review(*, by: Actor, at: datetime, claim_id: UUID, opinion: str = "") -> Claim:
    """The department's reviewer agrees; never the person or the organization of the first review."""
    claim = locked_claim(claim_id)
    by.require(SECOND_REVIEW)
    CLAIM.check(claim, "second_review")
    _require_stranger(by, claim)
    first = Transition.objects.filter(subject_id=claim.pk, move="first_review").order_by("-at", "-pk").first()
    assert first is not None, "a first-reviewed claim has its transition"
    is_same_person = by.user_id is not None and by.user_id == first.user_id
    is_same_office = by.organization_id is not None and by.organization_id == first.organization_id
    if is_same_person or is_same_office:
        raise SameReviewer
    _require_current(claim)
    claim.second_reviewer = by.user
    CLAIM.move(claim, "second_review", by=by, at=at, reason=opinion, update_fields=["second_reviewer"])
    record(
        by=by,
        at=at,
        action="rewards.second_review",
        subject=claim,
        detail={**_told(claim), "opinion": opinion},
    )
    return claim


@transaction.atomic
def announce(*, by: Actor, at: datetime, claim_id: UUID) -> Claim:
    """Open the public notice of five working days."""
    claim = locked_claim(claim_id)
    by.require(SECOND_REVIEW)
    CLAIM.check(claim, "announce")
    claim.notice_until = rules.notice_end(clock.business_date(at))
    CLAIM.move(claim, "announce", by=by, at=at, update_fields=["notice_until"])
    detail = {"until": claim.notice_until.isoformat()}
    record(by=by, at=at, action="rewards.announce", subject=claim, detail=detail)
    return claim


@transaction.atomic
def approve(*, by: Actor, at: datetime, claim_id: UUID) -> Claim:
    """After the notice: write the award into the register. Raises NoticeNotOver, FactsChanged.

    All claims of the firm are locked, so that two years approved at once cannot pass the three-year limit.
    """
    wanted = Claim.objects.filter(pk=claim_id).first()
    if wanted is None:
        raise NotFound
    claim = next(c for c in locked_claims_of_firm(wanted.firm_id, wanted.measure) if c.pk == claim_id)
    by.require(SECOND_REVIEW)
    CLAIM.check(claim, "approve")
    _require_stranger(by, claim)
    assert claim.notice_until is not None, "a claim in notice has its end"
    if clock.business_date(at) <= claim.notice_until:
        raise NoticeNotOver(until=claim.notice_until.isoformat())
    _require_current(claim)
    decision = _decision_of(claim)
    award = Award.objects.create(
        claim=claim,
        decision=decision,
        firm=claim.firm,
        measure=claim.measure,
        year=claim.year,
        amount_fen=decision.amount_fen,
        granted_at=at,
    )
    CLAIM.move(claim, "approve", by=by, at=at)
    record(by=by, at=at, action="rewards.approve", subject=claim, detail=_told(claim))
    tell(AwardGranted(at=at, claim_id=claim.pk, award_id=award.pk, firm_id=claim.firm_id, by=by))
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
    return _turned_away(by=by, at=at, claim_id=claim_id, reason=reason, move="reject")


def _turned_away(*, by: Actor, at: datetime, claim_id: UUID, reason: str, move: str) -> Claim:
    claim = locked_claim(claim_id)
    by.require(SECOND_REVIEW if claim.state == ClaimState.FIRST_REVIEWED else FIRST_REVIEW)
    CLAIM.check(claim, move)
    _require_stranger(by, claim)
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明理由，企业会看到。"))
    CLAIM.move(claim, move, by=by, at=at, reason=reason.strip())
    record(
        by=by,
        at=at,
        action=f"rewards.{move}",
        subject=claim,
        detail={**_told(claim), "reason": reason.strip()},
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


def _decision_of(claim: Claim) -> Decision:
    assert claim.decision is not None, "a drafted claim has a decision"
    return claim.decision


def _require_firm(by: Actor, claim: Claim) -> None:
    """Only the firm itself, with the right to claim; other firms do not see the claim at all."""
    if by.belongs_to(claim.firm_id):
        by.require(CLAIM_REWARDS)
        return
    if by.can(FIRST_REVIEW) or by.can(SECOND_REVIEW):
        raise NotAllowed(permission=CLAIM_REWARDS.label, organization=str(by.organization or "—"))
    raise NotFound


def _require_stranger(by: Actor, claim: Claim) -> None:
    """No reviewer has a place in the firm under review."""
    if by.is_system:
        return
    is_member = Membership.objects.filter(user=by.user_id, organization=claim.firm_id, ended_at=None).exists()
    if by.belongs_to(claim.firm_id) or is_member:
        raise SelfReview


def _require_current(claim: Claim) -> None:
    if not selectors.facts_are_current(claim):
        raise FactsChanged


def _told(claim: Claim) -> dict[str, object]:
    decision = _decision_of(claim)
    return {
        "number": claim.number,
        "year": claim.year,
        "outcome": decision.outcome,
        "amount_fen": decision.amount_fen,
        "decision_sha256": decision.decision_sha256,
    }
