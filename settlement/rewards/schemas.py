"""Shapes of the rewards API; amounts are fen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from settlement.rewards.models import Claim, Decision
from settlement.rewards.rules import Replay


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
    """Which year to work out; `firm` defaults to the caller's organization."""

    year: int
    firm: UUID | None = None


class ObjectionIn(Schema):
    """`item` is the key of a step of the trace."""

    item: str
    statement: str


class OpinionIn(Schema):
    """A reviewer's opinion; the reason when a claim is returned or rejected."""

    opinion: str = ""


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
