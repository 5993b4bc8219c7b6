"""Shapes of the rewards API; amounts are fen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from settlement.rewards.comparisons import Comparison, Total
from settlement.rewards.funds import Position
from settlement.rewards.measures import CURRENT_VERSION
from settlement.rewards.models import (
    ApplicationNotice,
    ApprovalBatch,
    Claim,
    Decision,
    Declaration,
    Disbursement,
    ParkRecognition,
    Payment,
    RecoveryCase,
    RuleRelease,
)
from settlement.rewards.rules import Replay
from settlement.rewards.selectors import MEASURE


class WayIn(Schema):
    """One way to decide a year: a version (the current one unless told), readings and values.

    `interpretation` tells `measure.question` → reading, `values` tell `measure.parameter` → what stands in its place:
    yuan ("1000000.00"), a share ("1.5%") or years ("3").
    """

    version: str = ""
    interpretation: dict[str, str] = {}
    values: dict[str, str] = {}


class ComparisonIn(Schema):
    """Two ways to decide all firms of a year."""

    year: int
    one: WayIn = WayIn()
    other: WayIn = WayIn()


class ComparedTotalOut(Schema):
    """What both ways come to, for one measure, or in all ("") where firms are counted once."""

    measure: str
    firm_count: int
    one_fen: int
    other_fen: int
    change_fen: int
    one_count: int
    other_count: int
    gaining_count: int
    losing_count: int
    undetermined_count: int


class ComparedBudgetOut(Schema):
    """A budget of the year beside what both ways would take from it."""

    number: str
    title: str
    amount_fen: int
    granted_fen: int
    one_fen: int
    other_fen: int


class ComparedFirmOut(Schema):
    """A firm that gains or loses by a measure, and why: the conclusion of either way in both languages."""

    firm: UUID
    firm_name: str
    measure: str
    one_fen: int
    other_fen: int
    change_fen: int
    one_why: dict[str, str]
    other_why: dict[str, str]


class ComparisonOut(Schema):
    """Two ways over all firms of a year; `changed` are the fifty rows that differ most."""

    year: int
    total: ComparedTotalOut
    by_measure: list[ComparedTotalOut]
    budgets: list[ComparedBudgetOut]
    changed: list[ComparedFirmOut]

    @classmethod
    def of(cls, found: Comparison) -> ComparisonOut:
        """A comparison as JSON."""
        return cls(
            year=found.year,
            total=_total_out(found.total),
            by_measure=[_total_out(total) for total in found.by_measure],
            budgets=[
                ComparedBudgetOut(
                    number=each.line.number,
                    title=each.line.title,
                    amount_fen=each.amount_fen,
                    granted_fen=each.granted_fen,
                    one_fen=each.one_fen,
                    other_fen=each.other_fen,
                )
                for each in found.budgets
            ],
            changed=[
                ComparedFirmOut(
                    firm=row.firm.pk,
                    firm_name=row.firm.name,
                    measure=row.measure,
                    one_fen=row.one_fen,
                    other_fen=row.other_fen,
                    change_fen=row.change_fen,
                    one_why=row.one_why.plain(),
                    other_why=row.other_why.plain(),
                )
                for row in found.changed
            ],
        )


def _total_out(total: Total) -> ComparedTotalOut:
    return ComparedTotalOut(**asdict(total), change_fen=total.change_fen)


class ClaimOut(Schema):
    """A claim with the conclusion of its present decision."""

    id: UUID
    number: str
    firm: UUID
    firm_name: str
    measure: str
    year: int
    state: str
    outcome: str
    amount_fen: int
    decision: UUID
    decision_sha256: str
    drafted_at: datetime
    notice_until: date | None

    @staticmethod
    def of(claim: Claim) -> ClaimOut:
        decision = claim.decision
        assert decision is not None, "a drafted claim has a decision"
        return ClaimOut(
            id=claim.pk,
            number=claim.number,
            firm=claim.firm_id,
            firm_name=claim.firm.name,
            measure=claim.measure,
            year=claim.year,
            state=claim.state,
            outcome=decision.outcome,
            amount_fen=decision.amount_fen,
            decision=decision.pk,
            decision_sha256=decision.decision_sha256,
            drafted_at=claim.drafted_at,
            notice_until=claim.notice_until,
        )


class DecisionOut(Schema):
    """A decision as stored: facts, trace (schema qingshu.decision/1) and their hashes."""

    id: UUID
    decided_at: datetime
    policy_version: str
    code_version: str
    interpretation: dict[str, str]
    facts: dict[str, Any]
    facts_sha256: str
    trace: dict[str, Any]
    decision_sha256: str

    @staticmethod
    def of(decision: Decision) -> DecisionOut:
        return DecisionOut(
            id=decision.pk,
            decided_at=decision.decided_at,
            policy_version=decision.policy_version,
            code_version=decision.code_version,
            interpretation=decision.interpretation,
            facts=decision.facts,
            facts_sha256=decision.facts_sha256,
            trace=decision.trace,
            decision_sha256=decision.decision_sha256,
        )


class DraftIn(Schema):
    """Which measure (article 3(1) by default) and year to work out; `firm` defaults to the caller's organization."""

    year: int
    measure: str = MEASURE
    firm: UUID | None = None


class ObjectionIn(Schema):
    """`item` is the key of a step of the trace."""

    item: str
    statement: str


class OpinionIn(Schema):
    """A reviewer's opinion; the reason when a claim is returned or rejected."""

    opinion: str = ""


_TEXT = r"^[^\x00]*$"


class AssignIn(Schema):
    """To whom a stage of the review is passed on, and why."""

    colleague: UUID
    reason: str = Field(max_length=2000, pattern=_TEXT)


class ConsultIn(Schema):
    """Whose second opinion is asked for, on what."""

    colleague: UUID
    question: str = Field(max_length=2000, pattern=_TEXT)


class SecondOpinionIn(Schema):
    """The opinion that the caller was asked for."""

    is_in_favour: bool
    opinion: str = Field(max_length=2000, pattern=_TEXT)


class HoldIn(Schema):
    """Until the end of which day nothing is decided, and why; the firm reads it."""

    until: date
    reason: str = Field(max_length=2000, pattern=_TEXT)


class WhyIn(Schema):
    """Why."""

    reason: str = Field(max_length=2000, pattern=_TEXT)


class AdjustIn(Schema):
    """Another reading of one open question of the measure, and why; the firm confirms the new statement first."""

    question: str = Field(max_length=80, pattern=_TEXT)
    reading: str = Field(max_length=80, pattern=_TEXT)
    reason: str = Field(max_length=2000, pattern=_TEXT)


class ReviewOut(Schema):
    """Who works on a claim under review, what it waits for, by when it is to be decided.

    `colleagues`: who of the caller's office it may be passed to; `awaited`: whose opinions have not come.
    """

    number: str
    state: str
    due_on: date | None
    assignee: UUID | None
    held_until: date | None
    awaited: list[UUID]
    colleagues: list[UUID]


class ReleaseIn(Schema):
    """What is proposed for release: a version of the rules as its files are now, and the note."""

    note: str = Field(max_length=2000, pattern=_TEXT)
    version: str = Field(CURRENT_VERSION, max_length=40, pattern=_TEXT)


class ReleaseOut(Schema):
    """A release of the rules, or the proposal of one; `files`: the SHA-256 of each."""

    id: UUID
    number: str
    version: str
    files: dict[str, str]
    content_sha256: str
    scenario_count: int
    note: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str
    approved_at: datetime | None

    @staticmethod
    def of(release: RuleRelease) -> ReleaseOut:
        approval = getattr(release, "approval", None)
        return ReleaseOut(
            id=release.pk,
            number=release.number,
            version=release.version,
            files=release.files,
            content_sha256=release.content_sha256,
            scenario_count=release.scenario_count,
            note=release.note,
            proposed_by=release.proposer_label,
            proposed_at=release.proposed_at,
            approved_by=approval.approver_label if approval else "",
            approved_at=approval.approved_at if approval else None,
        )


class EstimateIn(Schema):
    """Facts of a case (schema qingshu.facts/1) and readings that differ from the defaults."""

    facts: dict[str, Any]
    interpretation: dict[str, str] = {}


class ReplayOut(Schema):
    """Whether a decision computed again has the same bytes."""

    is_same: bool
    stored_sha256: str
    replayed_sha256: str
    facts_sha256_holds: bool

    @staticmethod
    def of(replay: Replay) -> ReplayOut:
        return ReplayOut(
            is_same=replay.is_same,
            stored_sha256=replay.stored_sha256,
            replayed_sha256=replay.replayed_sha256,
            facts_sha256_holds=replay.facts_sha256_holds,
        )


class ParameterOut(Schema):
    """One dated parameter; `value` as documents hold it."""

    name: str
    value: Any
    unit: str
    article: str
    effective_from: date
    effective_to: date | None
    is_assumption: bool
    label: dict[str, str]


class PolicyOut(Schema):
    """A measure with one version of its parameters."""

    measure: str
    version: str
    document_sha256: str
    parameters: list[ParameterOut]
    defaults: dict[str, str]


class AnswerIn(Schema):
    """An answer to one item of an objection, or to what the public said, with its reasons."""

    is_accepted: bool
    reasons: str


class NoticeOut(Schema):
    """An application notice; the window is half-open."""

    number: str
    title: str
    measures: list[str]
    year: int
    opens_at: datetime
    closes_at: datetime
    budget: str
    state: str

    @staticmethod
    def of(notice: ApplicationNotice) -> NoticeOut:
        return NoticeOut(
            number=notice.number,
            title=notice.title,
            measures=notice.measures,
            year=notice.year,
            opens_at=notice.opens_at,
            closes_at=notice.closes_at,
            budget=notice.budget.number,
            state=notice.state,
        )


class AnnouncedOut(Schema):
    """A claim in its public notice; a provisional end may come later, never earlier."""

    number: str
    firm_name: str
    measure: str
    year: int
    amount_fen: int
    notice_until: date
    is_provisional: bool


class AwardOut(Schema):
    """One line of the public register: everything granted to a firm for a year of a measure."""

    number: str
    firm_name: str
    measure: str
    year: int
    amount_fen: int
    granted_at: datetime


class BudgetOut(Schema):
    """A budget with its figures in fen."""

    number: str
    title: str
    measures: list[str]
    year: int
    fiscal_year: int
    rule: str
    amount_fen: int
    granted_fen: int
    paid_fen: int
    left_fen: int
    waiting_fen: int
    forecast_fen: int

    @staticmethod
    def of(position: Position) -> BudgetOut:
        line = position.line
        return BudgetOut(
            number=line.number,
            title=line.title,
            measures=line.measures,
            year=line.year,
            fiscal_year=line.fiscal_year,
            rule=line.rule,
            amount_fen=position.amount_fen,
            granted_fen=position.granted_fen,
            paid_fen=position.paid_fen,
            left_fen=position.left_fen,
            waiting_fen=position.waiting_fen,
            forecast_fen=position.forecast_fen,
        )


class BatchOut(Schema):
    """An approval batch; `granted_fen` is what the budget gives of `due_fen`."""

    number: str
    line: str
    state: str
    rule: str
    due_fen: int
    available_fen: int
    granted_fen: int

    @staticmethod
    def of(batch: ApprovalBatch) -> BatchOut:
        return BatchOut(
            number=batch.number,
            line=batch.line.number,
            state=batch.state,
            rule=batch.rule,
            due_fen=batch.due_fen,
            available_fen=batch.available_fen,
            granted_fen=batch.granted_fen,
        )


class PaymentOut(Schema):
    """One payment of a disbursement; the account number is masked."""

    id: UUID
    claim: str
    amount_fen: int
    account: str
    state: str
    reference: str
    return_reference: str
    reason: str


class ConfirmIn(Schema):
    """`shown`: the SHA-256 of the decision that the firm has before it."""

    shown: str = ""


class PaymentReturnIn(Schema):
    """What the bank sent back: `reference` is its return line, needed once the receipt of the payment was entered."""

    reason: str
    reference: str = ""


class DisbursementOut(Schema):
    """A payment file with its fingerprint and payments."""

    number: str
    state: str
    total_fen: int
    file_sha256: str
    payments: list[PaymentOut]

    @staticmethod
    def of(found: Disbursement, payments: Sequence[Payment]) -> DisbursementOut:
        return DisbursementOut(
            number=found.number,
            state=found.state,
            total_fen=found.total_fen,
            file_sha256=found.file_sha256,
            payments=[
                PaymentOut(
                    id=each.pk,
                    claim=each.claim.number,
                    amount_fen=each.amount_fen,
                    account=each.masked,
                    state=each.state,
                    reference=each.reference,
                    return_reference=each.return_reference,
                    reason=each.reason,
                )
                for each in payments
            ],
        )


class DeclareIn(Schema):
    """A fact of the firm's own case, in the unit of the card, with documents uploaded before."""

    measure: str
    year: int
    fact: str
    value: Any
    documents: list[UUID]
    note: str = Field("", max_length=500, pattern=r"^[^\x00]*$")


class VerdictIn(Schema):
    """The department's answer to a declared fact; a refusal has a reason."""

    is_verified: bool
    reason: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")


class DeclarationOut(Schema):
    """A declared fact and what became of it."""

    id: UUID
    firm: UUID
    measure: str
    year: int
    fact: str
    value: Any
    state: str
    declared_at: datetime
    verifier: UUID | None
    decided_at: datetime | None
    reason: str

    @staticmethod
    def of(found: Declaration) -> DeclarationOut:
        return DeclarationOut(
            id=found.pk,
            firm=found.firm_id,
            measure=found.measure,
            year=found.year,
            fact=found.fact,
            value=found.value,
            state=found.state,
            declared_at=found.declared_at,
            verifier=found.verifier_id,
            decided_at=found.decided_at,
            reason=found.reason,
        )


class ParkRecogniseIn(Schema):
    """A park that the department recognises; half-open, `until_on` is the first day that no longer counts."""

    name: str = Field(max_length=120, pattern=r"^[^\x00]*$")
    name_en: str = Field("", max_length=160, pattern=r"^[^\x00]*$")
    place: str = Field(max_length=6, pattern=r"^[^\x00]*$")
    from_on: date
    until_on: date | None = None
    document: UUID
    reason: str = Field(max_length=2000, pattern=r"^[^\x00]*$")


class ParkApplyIn(Schema):
    """A firm's application to be recognised in a park."""

    park: UUID
    from_on: date
    until_on: date | None = None
    document: UUID
    note: str = Field("", max_length=500, pattern=r"^[^\x00]*$")


class ParkVerdictIn(Schema):
    """The department's answer to an application; a refusal has a reason."""

    is_recognised: bool
    reason: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")


class ParkRevokeIn(Schema):
    """From which day a recognition no longer counts, and why."""

    from_on: date
    reason: str = Field(max_length=2000, pattern=r"^[^\x00]*$")


class ParkRecognitionOut(Schema):
    """The recognition of a park (`firm` is null) or of a firm in it; half-open days."""

    id: UUID
    park: UUID
    park_name: str
    firm: UUID | None
    from_on: date
    until_on: date | None
    revoked_from: date | None
    state: str
    document_sha256: str
    applied_at: datetime
    recogniser: UUID | None
    decided_at: datetime | None
    reason: str

    @staticmethod
    def of(found: ParkRecognition) -> ParkRecognitionOut:
        return ParkRecognitionOut(
            id=found.pk,
            park=found.park_id,
            park_name=found.park.name,
            firm=found.firm_id,
            from_on=found.from_on,
            until_on=found.until_on,
            revoked_from=found.revoked_from,
            state=found.state,
            document_sha256=found.document.sha256,
            applied_at=found.applied_at,
            recogniser=found.recogniser_id,
            decided_at=found.decided_at,
            reason=found.reason,
        )


class RecoverIn(Schema):
    """Why an award is reduced, and until when the money is to be back."""

    cause: str = Field(max_length=2000, pattern=r"^[^\x00]*$")
    due_on: date
    is_violation: bool = False


class ReasonIn(Schema):
    """Why."""

    reason: str = Field(max_length=2000, pattern=r"^[^\x00]*$")


class ReturnIn(Schema):
    """Money that came back, with the bank's reference."""

    amount_fen: int = Field(ge=1, le=10**15)
    reference: str = Field(max_length=100, pattern=r"^[^\x00]*$")


class RecoveryOut(Schema):
    """A recovery case: what the register loses, what comes back, what was lifted of it, what is still owed."""

    number: str
    claim: str
    state: str
    reduction_fen: int
    amount_fen: int
    lifted_fen: int
    outstanding_fen: int
    cause: str
    is_violation: bool
    due_on: date
    opened_at: datetime
    confirmed_at: datetime | None

    @staticmethod
    def of(case: RecoveryCase, outstanding: int) -> RecoveryOut:
        return RecoveryOut(
            number=case.number,
            claim=case.claim.number,
            state=case.state,
            reduction_fen=case.reduction_fen,
            amount_fen=case.amount_fen,
            lifted_fen=case.lifted_fen,
            outstanding_fen=outstanding,
            cause=case.cause,
            is_violation=case.is_violation,
            due_on=case.due_on,
            opened_at=case.opened_at,
            confirmed_at=case.confirmed_at,
        )


class ReceiptIn(Schema):
    """The bank's reference of a payment."""

    reference: str
