"""Budgets and approval batches: append-only amounts, a rule for when they do not suffice, two people per batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.rewards import funds, selectors
from settlement.rewards import measures as cards
from settlement.rewards.blocks import blocks_of
from settlement.rewards.events import AwardGranted
from settlement.rewards.models import ApprovalBatch, Award, BatchItem, BudgetChange, BudgetLine, Claim
from settlement.rewards.permissions import APPROVE_AWARDS, MANAGE_BUDGET
from settlement.rewards.services.guards import (
    decision_of,
    locked_claims_of_firms,
    locked_line,
    require_department,
    require_lead,
    require_other_person,
    require_stranger,
    told,
)
from settlement.rewards.services.recoveries import review_beside
from settlement.rewards.states import BATCH, CLAIM, AwardKind, BatchState, ClaimState, ShortfallRule


class BudgetOverspent(Refusal):
    """A budget never falls below what was granted from it."""

    code = "budget_overspent"
    message = _("调减后预算低于已批准金额，最多可调减 %(left)s。")


class BatchOpen(Refusal):
    """A budget has one proposed batch at a time."""

    code = "batch_open"
    message = _("该预算已有待批准的批次 %(number)s，请先批准或撤回。")


class NothingReady(Refusal):
    """No claim can be granted now."""

    code = "nothing_ready"
    message = _("没有可批准的申报：公示期满、没有未处理异议的申报才能进入批次，且预算须够用。")


class BatchStale(Refusal):
    """Something changed since the batch was proposed."""

    code = "batch_stale"
    message = _("提出批次之后情况有变（%(what)s），请撤回后重新提出。")


@transaction.atomic
def make_budget(
    *,
    by: Actor,
    at: datetime,
    title: str,
    measures: Sequence[str],
    year: int,
    fiscal_year: int,
    rule: str,
    amount: Money,
    source: str,
    reason: str,
    document_id: UUID | None = None,
) -> BudgetLine:
    """Set up the money of a fiscal year for measures and a benefit year, with the document it rests on.

    By the department that leads the measures. Raises InvalidInput, LeadMissing, OtherLead.
    """
    by.require(MANAGE_BUDGET)
    wanted = sorted(set(measures))
    if not wanted or any(name not in cards.CARDS for name in wanted):
        raise InvalidInput(field="measures", reason=_("请至少选择一项奖励措施。"))
    if not title.strip():
        raise InvalidInput(field="title", reason=_("请填写名称。"))
    if rule not in ShortfallRule.values:
        raise InvalidInput(field="rule", reason=_("请选择预算不足时的处理方式。"))
    if not 2000 <= year <= fiscal_year <= clock.business_year(at) + 1:
        raise InvalidInput(field="fiscal_year", reason=_("预算年度不能早于奖励年度，也不能晚于明年。"))
    if amount.fen <= 0:
        raise InvalidInput(field="amount", reason=_("金额须大于零。"))
    require_lead(by, wanted)
    assert by.organization is not None, "a department sets up budgets"
    line = BudgetLine.objects.create(
        number=new_number("YS", at),
        title=title.strip(),
        organization=by.organization,
        measures=wanted,
        year=year,
        fiscal_year=fiscal_year,
        rule=rule,
        made_at=at,
    )
    _change(line, by=by, at=at, amount=amount, source=source, reason=reason, document_id=document_id)
    return line


def _change(
    line: BudgetLine,
    *,
    by: Actor,
    at: datetime,
    amount: Money,
    source: str,
    reason: str,
    document_id: UUID | None,
) -> BudgetChange:
    if not source.strip():
        raise InvalidInput(field="source", reason=_("请写明依据文件的文号或名称。"))
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明理由。"))
    document = None
    if document_id is not None:
        stored = Document.objects.filter(organization=by.organization, state=DocumentState.STORED)
        document = stored.filter(pk=document_id).first()
        if document is None:
            raise InvalidInput(field="document", reason=_("没有找到该文件，请重新上传。"))
    change = BudgetChange.objects.create(
        line=line,
        amount_fen=amount.fen,
        source=source.strip(),
        reason=reason.strip(),
        document=document,
        made_by=by.user,
        maker_label=by.label[:200],
        made_at=at,
    )
    detail = {"line": line.number, "amount_fen": amount.fen, "source": change.source, "reason": change.reason}
    record(by=by, at=at, action="rewards.change_budget", subject=line, detail=detail)
    return change


@transaction.atomic
def change_budget(
    *,
    by: Actor,
    at: datetime,
    line_id: UUID,
    amount: Money,
    source: str,
    reason: str,
    document_id: UUID | None = None,
) -> BudgetChange:
    """Raise or cut (negative) a budget, never below what was granted. Raises BudgetOverspent, InvalidInput."""
    line = locked_line(line_id)
    by.require(MANAGE_BUDGET)
    require_department(by, line.organization)
    left = funds.left_in(line)
    if not amount:
        raise InvalidInput(field="amount", reason=_("变动金额不能为零。"))
    if left + amount.fen < 0:
        raise BudgetOverspent(field="amount", left=Money(max(left, 0)))
    return _change(line, by=by, at=at, amount=amount, source=source, reason=reason, document_id=document_id)


@transaction.atomic
def change_rule(*, by: Actor, at: datetime, line_id: UUID, rule: str, reason: str) -> BudgetLine:
    """Choose another rule for when the budget does not suffice; not while a batch is proposed."""
    line = locked_line(line_id)
    by.require(MANAGE_BUDGET)
    require_department(by, line.organization)
    _require_no_open_batch(line)
    if rule not in ShortfallRule.values:
        raise InvalidInput(field="rule", reason=_("请选择预算不足时的处理方式。"))
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明理由。"))
    former, line.rule = line.rule, rule
    line.save(update_fields=["rule"])
    detail = {"former": former, "rule": rule, "reason": reason.strip()}
    record(by=by, at=at, action="rewards.change_rule", subject=line, detail=detail)
    return line


def _require_no_open_batch(line: BudgetLine) -> None:
    known = ApprovalBatch.objects.filter(line=line, state=BatchState.PROPOSED).first()
    if known is not None:
        raise BatchOpen(number=known.number)


@transaction.atomic
def propose_batch(*, by: Actor, at: datetime, line_id: UUID) -> ApprovalBatch:
    """Put every claim past its notice into a batch, with what the budget's rule gives each.

    Raises BatchOpen, NothingReady, SelfReview. Nothing is granted before another person approves.
    """
    line = locked_line(line_id)
    by.require(APPROVE_AWARDS)
    require_department(by, line.organization)
    _require_no_open_batch(line)
    found = funds.preview(line, at)
    if not found.granted_fen:
        raise NothingReady
    require_stranger(by, *(item.claim.firm_id for item in found.items))
    batch = ApprovalBatch.objects.create(
        number=new_number("PC", at),
        line=line,
        rule=line.rule,
        due_fen=found.due_fen,
        available_fen=found.available_fen,
        granted_fen=found.granted_fen,
        proposed_by=by.user,
        proposer_label=by.label[:200],
        proposed_at=at,
    )
    BatchItem.objects.bulk_create(
        [
            BatchItem(
                batch=batch, claim=item.claim, decision=item.claim.decision, position=position,
                due_fen=item.due_fen, granted_fen=item.granted_fen,
            )
            for position, item in enumerate(found.items, 1)
        ]
    )  # fmt: skip
    record(by=by, at=at, action="rewards.propose_batch", subject=batch, detail=_told(batch))
    return batch


def _locked_batch(batch_id: UUID) -> ApprovalBatch:
    """The batch with its budget, both locked, the budget first."""
    line_id = ApprovalBatch.objects.filter(pk=batch_id).values_list("line_id", flat=True).first()
    if line_id is None:
        raise NotFound
    line = locked_line(line_id)
    batch = ApprovalBatch.objects.select_for_update(of=("self",)).get(pk=batch_id)
    batch.line = line
    return batch


@transaction.atomic
def withdraw_batch(*, by: Actor, at: datetime, batch_id: UUID, reason: str = "") -> ApprovalBatch:
    """Take a proposed batch back; its claims may stand in another one."""
    batch = _locked_batch(batch_id)
    by.require(APPROVE_AWARDS)
    require_department(by, batch.line.organization)
    BATCH.move(batch, "withdraw", by=by, at=at, reason=reason)
    record(by=by, at=at, action="rewards.withdraw_batch", subject=batch, detail={"reason": reason})
    return batch


@transaction.atomic
def approve_batch(*, by: Actor, at: datetime, batch_id: UUID) -> ApprovalBatch:
    """Another person approves: the awards of all granted claims are written into the register, all or none.

    Budget and all claims of the firms are locked, so that neither two batches nor two years at once can pass a
    limit. Raises SamePerson, SelfReview, BatchStale.
    """
    batch = _locked_batch(batch_id)
    items = funds.items_of(batch)
    claims = locked_claims_of_firms(item.claim.firm_id for item in items)
    by.require(APPROVE_AWARDS)
    require_department(by, batch.line.organization)
    BATCH.check(batch, "approve")
    require_other_person(by, batch.proposed_by_id)
    require_stranger(by, *(item.claim.firm_id for item in items))
    if funds.left_in(batch.line) != batch.available_fen:
        raise BatchStale(what=_("预算余额已变"))
    standings = funds.standings_of([claims[item.claim_id] for item in items])
    resting = set(funds.resting_claims(batch.line).values_list("pk", flat=True))
    for item in items:
        claim = claims[item.claim_id]
        if claim.state != ClaimState.IN_NOTICE and claim.pk not in resting:
            raise BatchStale(what=_("%(number)s 的状态或测算已变") % {"number": claim.number})
        _require_unchanged(claim, item, standings[claim.pk].difference_fen)
        if item.granted_fen:
            is_first = standings[claim.pk].is_first
            _grant(
                claim,
                item,
                batch,
                by=by,
                at=at,
                kind=AwardKind.INITIAL if is_first else AwardKind.SUPPLEMENTARY,
            )
    batch.approved_by, batch.approver_label, batch.approved_at = by.user, by.label[:200], at
    BATCH.move(batch, "approve", by=by, at=at, update_fields=["approved_by", "approver_label", "approved_at"])
    record(by=by, at=at, action="rewards.approve_batch", subject=batch, detail=_told(batch))
    return batch


def _require_unchanged(claim: Claim, item: BatchItem, due_fen: int) -> None:
    if claim.decision_id != item.decision_id or due_fen != item.due_fen:
        raise BatchStale(what=_("%(number)s 的状态或测算已变") % {"number": claim.number})
    if not selectors.facts_are_current(claim):
        raise BatchStale(what=_("%(number)s 的事实已变") % {"number": claim.number})
    if blocks_of(claim):
        raise BatchStale(what=_("%(number)s 有须先办结的事项") % {"number": claim.number})
    if selectors.open_public_objections(claim).exists():
        raise BatchStale(what=_("%(number)s 有未处理的公示异议") % {"number": claim.number})


def _grant(
    claim: Claim, item: BatchItem, batch: ApprovalBatch, *, by: Actor, at: datetime, kind: AwardKind
) -> None:
    award = Award.objects.create(
        claim=claim,
        decision=decision_of(claim),
        kind=kind,
        line=batch.line,
        batch=batch,
        firm=claim.firm,
        measure=claim.measure,
        year=claim.year,
        due_fen=item.due_fen,
        amount_fen=item.granted_fen,
        granted_at=at,
    )
    if claim.state != ClaimState.APPROVED:  # the rest of a supplement whose first part is still to be paid
        move = "top_up" if claim.state == ClaimState.DISBURSED else "approve"
        CLAIM.move(claim, move, by=by, at=at, reason=batch.number)
    detail = {**told(claim), "batch": batch.number, "kind": kind.value, "granted_fen": item.granted_fen}
    record(by=by, at=at, action="rewards.approve", subject=claim, detail=detail)
    tell(AwardGranted(at=at, claim_id=claim.pk, award_id=award.pk, firm_id=claim.firm_id, by=by))
    if kind == AwardKind.SUPPLEMENTARY:
        review_beside(claim, by=by, at=at, cause=f"{claim.number} 已补发奖励")


def _told(batch: ApprovalBatch) -> dict[str, object]:
    return {
        "number": batch.number,
        "line": batch.line.number,
        "rule": batch.rule,
        "due_fen": batch.due_fen,
        "available_fen": batch.available_fen,
        "granted_fen": batch.granted_fen,
    }
