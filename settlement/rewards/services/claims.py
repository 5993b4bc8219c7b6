"""A firm's statement: worked out by the system, confirmed by the firm or objected to item by item, answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.money import Money
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.rewards import measures, rules, selectors
from settlement.rewards.events import ObjectionAnswered, StatementDrafted
from settlement.rewards.models import Claim, Decision, Objection, ObjectionAnswer
from settlement.rewards.permissions import CLAIM_REWARDS, FIRST_REVIEW, SECOND_REVIEW
from settlement.rewards.services.guards import (
    decision_of,
    locked_claim,
    require_current,
    require_firm,
    require_stranger,
    told,
)
from settlement.rewards.services.turns import keep_deadline
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


class NoNoticeOpen(Refusal):
    """A firm confirms or objects within the window of an application notice."""

    code = "no_notice_open"
    message = _("%(year)s 年度本项奖励目前不在申报期内。请在主管部门发布的申报通知期限内办理。")


class RulesChanged(Refusal):
    """Rules were released after the statement was worked out: the firm confirms what they say, not what it saw before."""

    code = "rules_changed"
    message = _(
        "测算之后发布了规则 %(release)s（原测算依据 %(former)s）：奖励由 %(before)s 变为 %(now)s，相差 %(difference)s。"
        "请重新测算，核对后再确认。"
    )


class StatementChanged(Refusal):
    """The statement is no longer the one that was on the screen."""

    code = "statement_changed"
    message = _("测算书在您查看后已重新测算，请核对现在的金额和依据后再确认。")


class ObjectionsOpen(Refusal):
    """Every item of an objection is answered before the statement is worked out anew."""

    code = "objections_open"
    message = _("还有 %(count)s 项企业异议没有答复，请逐项答复；全部答复后自动进入下一步。")


class AlreadyAnswered(Refusal):
    """An objection is answered once."""

    code = "objection_answered"
    message = _("该项异议已经答复。企业仍不同意的，可再次提出异议。")


@transaction.atomic
def draft_claim(*, by: Actor, at: datetime, firm_id: UUID, year: int, measure: str = MEASURE) -> Claim:
    """Work out a firm's statement for a measure and year (免申即享): the claim with its present decision.

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
    if measure not in measures.CARDS:
        raise InvalidInput(field="measure", reason=_("请选择一项奖励措施。"))
    if not 2000 <= year <= clock.business_year(at):
        raise InvalidInput(field="year", reason=_("只能测算今年及以前的年度。"))
    claim = _claim_of(firm, measure, year, at)
    if claim.decision is None:
        decide(claim, by=by, at=at)
        record(by=by, at=at, action="rewards.draft", subject=claim, detail=told(claim))
        tell(StatementDrafted(at=at, claim_id=claim.pk, firm_id=firm.pk, by=by))
    elif claim.state == ClaimState.DRAFTED and not selectors.facts_are_current(claim):
        _redraft(claim, by=by, at=at)
    return claim


def _claim_of(firm: Organization, measure: str, year: int, at: datetime) -> Claim:
    """The one claim of firm, measure and year, made if need be, and locked."""
    rows = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    wanted = rows.filter(firm=firm, measure=measure, year=year)
    found = wanted.first()
    if found is None:
        fresh = Claim(firm=firm, measure=measure, year=year, number=new_number("JL", at), drafted_at=at)
        Claim.objects.bulk_create([fresh], ignore_conflicts=True)
        found = wanted.get()
    return found


def decide(
    claim: Claim,
    *,
    by: Actor,
    at: datetime,
    readings: Mapping[str, str] | None = None,
    keeps_rules: bool = False,
) -> Decision:
    """Gather the facts, decide, and make it the claim's present decision; the claim is locked by the caller.

    `readings` come on top of those that reviewers agreed to for the claim before. `keeps_rules`: by the version that the
    present decision follows, which is the one the firm confirmed, instead of the release in force.
    """
    if keeps_rules and claim.decision is not None:
        version = claim.decision.policy_version
        release = selectors.release_of(version)
    else:
        release = selectors.running_release()
        version = release.version if release else measures.CURRENT_VERSION
    facts = selectors.gather_facts(claim.firm, claim.year, measure=claim.measure, version=version)
    wanted = {**selectors.readings_agreed(claim), **(readings or {})}
    found = rules.decide(claim.measure, facts, version=version, interpretation=wanted)
    decision = Decision.objects.create(
        claim=claim,
        decided_at=at,
        policy_version=version,
        release=release,
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
    decide(claim, by=by, at=at)
    claim.first_reviewer = claim.second_reviewer = None
    CLAIM.move(
        claim, "redraft", by=by, at=at, reason=reason, update_fields=["first_reviewer", "second_reviewer"]
    )
    record(by=by, at=at, action="rewards.redraft", subject=claim, detail=told(claim))
    tell(StatementDrafted(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))


@transaction.atomic
def redraft_claim(*, by: Actor, at: datetime, claim_id: UUID, reason: str = "") -> Claim:
    """Work the statement out anew after a return or changed facts; a new decision is kept.

    Raises ObjectionsOpen: an objection is answered, and that leads on.
    """
    claim = locked_claim(claim_id)
    if not (by.can(FIRST_REVIEW) or by.can(SECOND_REVIEW)):
        require_firm(by, claim)
    CLAIM.check(claim, "redraft")
    open_count = selectors.open_objections(claim).count()
    if open_count:
        raise ObjectionsOpen(count=open_count)
    _redraft(claim, by=by, at=at, reason=reason)
    return claim


def refresh_draft(claim: Claim, *, by: Actor, at: datetime) -> bool:
    """Work a locked claim that still lies with the firm out anew when its facts changed; whether it was."""
    if claim.state not in selectors.WITH_FIRM or selectors.facts_are_current(claim):
        return False
    _redraft(claim, by=by, at=at)
    return True


def _enter_window(claim: Claim, at: datetime) -> list[str]:
    """Tie the claim to the notice in whose window the firm acts; once it was in time it stays so."""
    if claim.application_notice_id is not None:
        return []
    claim.application_notice = selectors.open_notice(claim.measure, claim.year, at)
    if claim.application_notice is None:
        raise NoNoticeOpen(year=claim.year)
    return ["application_notice"]


def _require_same_rules(claim: Claim) -> None:
    """The text in force is the one that the firm has before it; else it is told what changes, in yuan."""
    change = selectors.rules_change_of(claim)
    if change is not None:
        raise RulesChanged(
            release=change.release.number, former=change.former, before=Money(change.former_fen),
            now=Money(change.now_fen), difference=Money(change.difference_fen),
        )  # fmt: skip


@transaction.atomic
def confirm(*, by: Actor, at: datetime, claim_id: UUID, shown: str = "") -> Claim:
    """The firm takes the statement as right and hands it in for review; objections it once had stay on record.

    `shown`: the SHA-256 of the decision that the firm saw, where it says so. Raises YearNotOver, NothingToConfirm,
    FactsChanged, RulesChanged, StatementChanged, NoNoticeOpen.
    """
    claim = locked_claim(claim_id)
    require_firm(by, claim)
    CLAIM.check(claim, "confirm")
    if clock.business_year(at) <= claim.year:
        raise YearNotOver(year=claim.year)
    decision = decision_of(claim)
    if shown and shown != decision.decision_sha256:
        raise StatementChanged
    _require_same_rules(claim)
    if decision.outcome != Outcome.GRANTED:
        raise NothingToConfirm(outcome=decision.get_outcome_display())
    changed = _enter_window(claim, at)
    require_current(claim)
    claim.confirmed_at = at
    CLAIM.move(claim, "confirm", by=by, at=at, update_fields=["confirmed_at", *changed])
    keep_deadline(claim)
    record(by=by, at=at, action="rewards.confirm", subject=claim, detail=told(claim))
    return claim


@transaction.atomic
def object_(*, by: Actor, at: datetime, claim_id: UUID, item: str, statement: str) -> Objection:
    """The firm objects to one item of its statement (a step of the trace), with its reason.

    More items may follow until the first answer closes the round. Raises NoNoticeOpen, InvalidInput.
    """
    claim = locked_claim(claim_id)
    require_firm(by, claim)
    is_first = claim.state != ClaimState.OBJECTED
    if is_first:
        CLAIM.check(claim, "object")
    decision = decision_of(claim)
    if item not in {step["key"] for step in decision.trace["steps"]}:
        raise InvalidInput(field="item", reason=_("请选择测算中的一个事项。"))
    if not statement.strip():
        raise InvalidInput(field="statement", reason=_("请写明异议理由。"))
    if selectors.open_objections(claim).filter(item=item).exists():
        raise InvalidInput(field="item", reason=_("该事项的异议正在处理，请等待答复。"))
    changed = _enter_window(claim, at)
    objection = Objection.objects.create(
        claim=claim,
        decision=decision,
        item=item,
        statement=statement.strip(),
        raised_by=by.user,
        raised_at=at,
    )
    if is_first:
        CLAIM.move(claim, "object", by=by, at=at, reason=objection.statement, update_fields=changed)
    record(
        by=by, at=at, action="rewards.object", subject=claim, detail={"item": item, "statement": statement}
    )
    return objection


@transaction.atomic
def answer_objection(
    *, by: Actor, at: datetime, objection_id: UUID, is_accepted: bool, reasons: str
) -> ObjectionAnswer:
    """The exchange answers one item, with reasons. With the final answer the statement goes back to the firm:

    worked out anew when an item was accepted, as it stands (the dissent kept) when none was.
    """
    wanted = Objection.objects.filter(pk=objection_id).values_list("claim_id", flat=True).first()
    if wanted is None:
        raise NotFound
    claim = locked_claim(wanted)
    objection = Objection.objects.select_related("decision").get(pk=objection_id)
    by.require(selectors.first_review_of(claim.firm))
    if ObjectionAnswer.objects.filter(objection=objection).exists():
        raise AlreadyAnswered
    CLAIM.check(claim, "answer")
    require_stranger(by, claim.firm_id)
    if not reasons.strip():
        raise InvalidInput(field="reasons", reason=_("请写明答复理由，企业会看到。"))
    answer = ObjectionAnswer.objects.create(
        objection=objection,
        is_accepted=is_accepted,
        reasons=reasons.strip(),
        answered_by=by.user,
        answerer_label=by.label[:200],
        answered_at=at,
    )
    detail = {"item": objection.item, "is_accepted": is_accepted, "reasons": answer.reasons}
    record(by=by, at=at, action="rewards.answer_objection", subject=claim, detail=detail)
    if not selectors.open_objections(claim).exists():
        _close_round(claim, by=by, at=at)
    return answer


def _close_round(claim: Claim, *, by: Actor, at: datetime) -> None:
    """All items are answered: on to the firm, with a new statement if one was accepted."""
    answers = ObjectionAnswer.objects.filter(objection__claim=claim, objection__decision=claim.decision)
    if answers.filter(is_accepted=True).exists():
        _redraft(claim, by=by, at=at, reason="异议成立，按最新事实重新测算")
    else:
        CLAIM.move(claim, "answer", by=by, at=at, reason="异议均不成立，请企业核对答复")
    tell(ObjectionAnswered(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
