"""JSON shapes of the registry."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from assets.registry import rules, selectors
from assets.registry.models import Application, Certificate, Finding
from assets.registry.verification import Verdict


class DraftIn(Schema):
    version_id: UUID
    title: str = Field(max_length=120)
    use_case: str = Field("", max_length=4000)
    source_statement: str = Field("", max_length=4000)
    rights: list[str] = []
    classification: str = ""
    legal_statement: str = Field("", max_length=4000)
    product_kind: str = "dataset"


class EditIn(Schema):
    """Only the members that are given are changed."""

    title: str | None = Field(None, max_length=120)
    use_case: str | None = Field(None, max_length=4000)
    source_statement: str | None = Field(None, max_length=4000)
    rights: list[str] | None = None
    classification: str | None = None
    legal_statement: str | None = Field(None, max_length=4000)
    product_kind: str | None = None


class ReasonIn(Schema):
    reason: str = Field("", max_length=4000)


class FindingIn(Schema):
    check_code: str
    verdict: str
    remark: str = Field("", max_length=4000)


class MissingOut(Schema):
    code: str
    section: str
    words: str


class FindingOut(Schema):
    check_code: str
    verdict: str
    remark: str
    found_at: datetime

    @classmethod
    def of(cls, finding: Finding) -> FindingOut:
        return cls(
            check_code=finding.check_code,
            verdict=finding.verdict,
            remark=finding.remark,
            found_at=finding.found_at,
        )


class ApplicationOut(Schema):
    """An application; `turn` says whose turn it is, `due_on` until when (inclusive)."""

    id: UUID
    number: str
    kind: str
    product_kind: str
    version_id: UUID
    title: str
    use_case: str
    source_statement: str
    rights: list[str]
    classification: str
    legal_statement: str
    state: str
    turn: str
    due_on: date | None
    notice_until: date | None
    decision_reason: str
    submitted_at: datetime | None
    missing: list[MissingOut]

    @classmethod
    def of(cls, row: Application) -> ApplicationOut:
        return cls(
            id=row.pk,
            number=row.number,
            kind=row.kind,
            product_kind=row.product_kind,
            version_id=row.version_id,
            title=row.title,
            use_case=row.use_case,
            source_statement=row.source_statement,
            rights=row.rights,
            classification=row.classification,
            legal_statement=row.legal_statement,
            state=row.state,
            turn=str(rules.TURNS.get(row.state, "")),
            due_on=row.due_on,
            notice_until=row.notice_until,
            decision_reason=row.decision_reason,
            submitted_at=row.submitted_at,
            missing=[
                MissingOut(code=point.code, section=point.section, words=str(point.words))
                for point in selectors.completeness(row)
            ],
        )


class CertificateOut(Schema):
    """A certificate as anyone may know it: state, what was signed, and the signature."""

    number: str
    title: str
    state: str
    valid_from: date
    valid_until: date
    claims: dict[str, Any]
    token: str
    key_id: str
    document_sha256: str

    @classmethod
    def of(cls, row: Certificate) -> CertificateOut:
        return cls(
            number=row.number,
            title=row.title,
            state=row.state,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            claims=row.claims,
            token=row.token,
            key_id=row.key_id,
            document_sha256=row.document_sha256,
        )


class ProofOut(Schema):
    label: str
    holds: bool
    detail: str


class VerdictOut(Schema):
    """The answer of a verification; `certificate` holds what the registry holds, not what was handed in."""

    outcome: str
    is_valid: bool
    words: str
    proofs: list[ProofOut]
    differing: list[str]
    certificate: dict[str, Any] | None

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictOut:
        return cls(
            outcome=verdict.outcome,
            is_valid=verdict.is_valid,
            words=str(verdict.words),
            proofs=[
                ProofOut(label=str(p.label), holds=p.holds, detail=str(p.detail)) for p in verdict.proofs
            ],
            differing=list(verdict.differing),
            certificate=dict(verdict.claims) or None,
        )


class VerifyIn(Schema):
    """A number, or a token (compact JWS)."""

    presented: str = Field(max_length=20_000)
