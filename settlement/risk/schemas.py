"""Shapes of the risk API; amounts are fen. Findings are for those who watch; a firm sees its hearing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from settlement.risk import wording
from settlement.risk.models import Case, Decision, Finding, Statement
from settlement.risk.selectors import Effect


class FindingOut(Schema):
    """A signal for a person to look at."""

    id: UUID
    kind: str
    firm: UUID
    year: int
    score: int
    amount_fen: int
    state: str
    case: UUID | None
    figures: dict[str, int]
    found_at: datetime
    seen_at: datetime

    @staticmethod
    def of(row: Finding) -> FindingOut:
        return FindingOut(
            id=row.pk, kind=row.kind, firm=row.firm_id, year=row.year, score=row.score, amount_fen=row.amount_fen,
            state=row.state, case=row.case_id, figures=row.figures, found_at=row.found_at, seen_at=row.seen_at,
        )  # fmt: skip


class FindingDetailOut(FindingOut):
    """With its reason in the caller's language and its evidence."""

    reason: str
    evidence: dict[str, Any]
    evidence_sha256: str

    @staticmethod
    def told(row: Finding) -> FindingDetailOut:
        return FindingDetailOut(
            **FindingOut.of(row).dict(), reason=wording.reason(row), evidence=row.evidence,
            evidence_sha256=row.evidence_sha256,
        )  # fmt: skip


class CaseOut(Schema):
    """A firm's year under review."""

    id: UUID
    number: str
    firm: UUID
    year: int
    state: str
    opened_at: datetime
    hearing_until: datetime
    decided_at: datetime | None

    @staticmethod
    def of(row: Case) -> CaseOut:
        return CaseOut(
            id=row.pk, number=row.number, firm=row.firm_id, year=row.year, state=row.state, opened_at=row.opened_at,
            hearing_until=row.hearing_until, decided_at=row.decided_at,
        )  # fmt: skip


class EffectLineOut(Schema):
    """One flagged trade, and the year without it."""

    order: UUID
    number: str
    net_fen: int
    counts: bool
    code: str
    year_without_fen: int
    reward_without_fen: int | None


class EffectOut(Schema):
    """What leaving flagged trades out would do; a decision names `digest`."""

    digest: str
    counted_fen: int
    without_all_fen: int
    reward_fen: int | None
    reward_without_all_fen: int | None
    lines: list[EffectLineOut]

    @staticmethod
    def of(effect: Effect) -> EffectOut:
        return EffectOut(
            digest=effect.digest, counted_fen=effect.counted_fen, without_all_fen=effect.without_all_fen,
            reward_fen=effect.reward_fen, reward_without_all_fen=effect.reward_without_all_fen,
            lines=[
                EffectLineOut(
                    order=line.order.pk, number=line.order.number, net_fen=line.net_fen, counts=line.counts,
                    code=line.code, year_without_fen=line.year_without_fen, reward_without_fen=line.reward_without_fen,
                )
                for line in effect.lines
            ],
        )  # fmt: skip


class DecisionOut(Schema):
    """How a case was decided."""

    outcome: str
    text: str
    citations: list[str]
    rulings: list[dict[str, Any]]
    revenue_before_fen: int
    revenue_after_fen: int
    decided_at: datetime

    @staticmethod
    def of(row: Decision) -> DecisionOut:
        return DecisionOut(
            outcome=row.outcome, text=row.text, citations=row.citations, rulings=row.rulings,
            revenue_before_fen=row.revenue_before_fen, revenue_after_fen=row.revenue_after_fen, decided_at=row.decided_at,
        )  # fmt: skip


class StatementOut(Schema):
    """What the firm answered."""

    id: UUID
    text: str
    stated_at: datetime
    documents: list[UUID]

    @staticmethod
    def of(row: Statement) -> StatementOut:
        return StatementOut(
            id=row.pk, text=row.text, stated_at=row.stated_at,
            documents=[each.document_id for each in row.attachments.all()],
        )  # fmt: skip


class CaseDetailOut(CaseOut):
    """A case with its findings, effect, statements and decisions."""

    findings: list[FindingOut]
    effect: EffectOut
    statements: list[StatementOut]
    decisions: list[DecisionOut]


class HearingOut(CaseOut):
    """A case as its firm sees it: what it is asked about, never a threshold or score."""

    concerns: list[str]
    orders: list[UUID]
    statements: list[StatementOut]
    decisions: list[DecisionOut]


class OpenIn(Schema):
    """Findings of one firm and year."""

    findings: list[UUID] = Field(max_length=200)
    reason: str
    assignee: UUID | None = None


class DecideIn(Schema):
    """A decision on the effect whose digest is `shown`."""

    outcome: str
    text: str
    citations: list[str]
    shown: str
    orders: list[UUID] = Field(default_factory=list, max_length=10_000)
    code: str = ""


class ReasonIn(Schema):
    """Why."""

    reason: str


class AnswerIn(Schema):
    """The firm's answer, with documents that it has stored before."""

    text: str
    documents: list[UUID] = Field(default_factory=list, max_length=20)


class HoldingIn(Schema):
    """A share of a firm in basis points."""

    holder_name: str
    holder_code: str = ""
    share_bp: int = Field(ge=1, le=10_000)
    is_state: bool = False


class TraitIn(Schema):
    """A detail of a firm: address, phone, bank_account or legal_representative."""

    kind: str
    value: str


class DeclaredOut(Schema):
    """What was declared."""

    id: UUID
    declared_at: datetime
    ended_at: datetime | None
