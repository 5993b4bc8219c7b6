"""JSON shapes of the registry."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from assets.registry import rules, selectors
from assets.registry.models import Application, Attachment, Certificate, Finding, Objection, Revocation
from assets.registry.verification import Verdict

EDITABLE = ("draft", "returned")


class DraftIn(Schema):
    """A first registration: of a dataset version, an annotation project, or (neither) a described product."""

    version_id: UUID | None = None
    project_id: UUID | None = None
    title: str = Field(max_length=120)
    use_case: str = Field("", max_length=4000)
    source_statement: str = Field("", max_length=4000)
    rights: list[str] = []
    classification: str = ""
    legal_statement: str = Field("", max_length=4000)
    arrangement: str = Field("", max_length=4000)
    product_kind: str = "dataset"


class FollowUpIn(Schema):
    """Another registration under a certificate; `version_id` only for a change."""

    kind: str
    reason: str = Field("", max_length=4000)
    version_id: UUID | None = None


class EditIn(Schema):
    """Only the members that are given are changed."""

    title: str | None = Field(None, max_length=120)
    use_case: str | None = Field(None, max_length=4000)
    source_statement: str | None = Field(None, max_length=4000)
    rights: list[str] | None = None
    classification: str | None = None
    legal_statement: str | None = Field(None, max_length=4000)
    arrangement: str | None = Field(None, max_length=4000)
    product_kind: str | None = None
    reason: str | None = Field(None, max_length=4000)
    scope: str | None = Field(None, max_length=4000)
    licence_until: date | None = None


class OtherIn(Schema):
    uscc: str = Field(max_length=18)


class AttachmentIn(Schema):
    document_id: UUID
    label: str = Field("", max_length=120)


class AttachmentOut(Schema):
    id: UUID
    document_id: UUID
    label: str
    sha256: str

    @classmethod
    def of(cls, row: Attachment) -> AttachmentOut:
        return cls(id=row.pk, document_id=row.document_id, label=str(row), sha256=row.document.sha256)


class ReasonIn(Schema):
    reason: str = Field("", max_length=4000)


class ReturnIn(Schema):
    reason: str = Field("", max_length=4000)
    points: list[str] = []
    new_facts: str = Field("", max_length=4000)


class HandOverIn(Schema):
    reviewer_id: UUID
    reason: str = Field("", max_length=4000)


class SecondIn(Schema):
    reviewer_id: UUID


class OpinionIn(Schema):
    concurs: bool
    opinion: str = Field("", max_length=4000)


class CommitteeIn(Schema):
    member_ids: list[UUID]


class VoteIn(Schema):
    is_in_favour: bool
    reason: str = Field("", max_length=4000)


class CommitteeOut(Schema):
    seats: int
    voted: int
    in_favour: int
    is_carried: bool

    @classmethod
    def of(cls, found: selectors.Committee) -> CommitteeOut:
        return cls(
            seats=len(found.seats),
            voted=found.voted_count,
            in_favour=found.in_favour_count,
            is_carried=found.is_carried,
        )


class ObjectionIn(Schema):
    """Against an application in notice or a certificate (its number): exactly one of both."""

    application_id: UUID | None = None
    certificate: str | None = None
    interest: str = Field(max_length=4000)
    statement: str = Field(max_length=4000)
    signed_name: str = Field(max_length=80)
    document_ids: list[UUID] = []


class ReplyIn(Schema):
    reply: str = Field(max_length=4000)
    document_ids: list[UUID] = []


class DecisionIn(Schema):
    is_upheld: bool
    reason: str = Field("", max_length=4000)


class ObjectionOut(Schema):
    """An objection; `turn` says whose turn it is, `due_on` until when (inclusive)."""

    id: UUID
    number: str
    application_id: UUID | None
    certificate_id: UUID | None
    interest: str
    statement: str
    signed_name: str
    signed_sha256: str
    filed_at: datetime
    state: str
    turn: str
    due_on: date | None
    reply: str
    decision_reason: str

    @classmethod
    def of(cls, row: Objection) -> ObjectionOut:
        turn = str(rules.TURNS.get(row.state, ""))
        names = [name for name in cls.model_fields if name not in ("id", "turn")]
        return cls(id=row.pk, turn=turn, **{name: getattr(row, name) for name in names})


class RevocationIn(Schema):
    grounds: str = Field("", max_length=4000)
    hearing_on: date | None = None


class HearingIn(Schema):
    hearing: str
    minutes: str = Field("", max_length=4000)
    document_id: UUID | None = None


class RevocationOut(Schema):
    """A proceeding to revoke a certificate; decided by two persons."""

    id: UUID
    number: str
    certificate_id: UUID
    grounds: str
    hearing_on: date
    hearing: str
    hearing_record: str
    proposal: str
    decision_reason: str
    state: str
    turn: str

    @classmethod
    def of(cls, row: Revocation) -> RevocationOut:
        turn = str(rules.TURNS.get(row.state, ""))
        names = [name for name in cls.model_fields if name not in ("id", "turn")]
        return cls(id=row.pk, turn=turn, **{name: getattr(row, name) for name in names})


class NoticeOut(Schema):
    """An application as it is shown to the public; `classification` is the grade in effect."""

    id: UUID
    number: str
    kind: str
    product_kind: str
    title: str
    registrant: str
    rights: list[str]
    classification: str
    use_case: str
    state: str
    notice_from: date | None
    notice_until: date | None

    @classmethod
    def of(cls, row: Application) -> NoticeOut:
        names = [name for name in cls.model_fields if name not in ("id", "registrant", "classification")]
        return cls(
            id=row.pk,
            registrant=row.registrant.name,
            classification=selectors.effective_classification(row),
            **{name: getattr(row, name) for name in names},
        )


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
    """An application; `turn` says whose turn it is, `due_on` until when (inclusive).

    `classification` is what was declared, `effective_classification` the strictest of it and the scan.
    """

    id: UUID
    number: str
    kind: str
    product_kind: str
    version_id: UUID | None
    project_id: UUID | None
    certificate_id: UUID | None
    title: str
    use_case: str
    source_statement: str
    rights: list[str]
    classification: str
    effective_classification: str
    legal_statement: str
    arrangement: str
    reason: str
    other: str
    scope: str
    licence_until: date | None
    agreed_at: datetime | None
    state: str
    turn: str
    due_on: date | None
    notice_until: date | None
    decision_reason: str
    submitted_at: datetime | None
    missing: list[MissingOut]

    @classmethod
    def of(cls, row: Application) -> ApplicationOut:
        turn = selectors.turn_of(row)
        return cls(
            id=row.pk,
            number=row.number,
            kind=row.kind,
            product_kind=row.product_kind,
            version_id=row.version_id,
            project_id=row.project_id,
            certificate_id=row.subject_id,
            title=row.title,
            use_case=row.use_case,
            source_statement=row.source_statement,
            rights=row.rights,
            classification=row.classification,
            effective_classification=selectors.effective_classification(row),
            legal_statement=row.legal_statement,
            arrangement=row.arrangement,
            reason=row.reason,
            other=row.other.uscc if row.other else "",
            scope=row.scope,
            licence_until=row.licence_until,
            agreed_at=row.agreed_at,
            state=row.state,
            turn=str(turn.words),
            due_on=turn.until,
            notice_until=row.notice_until,
            decision_reason=row.decision_reason,
            submitted_at=row.submitted_at,
            missing=[
                MissingOut(code=point.code, section=point.section, words=str(point.words))
                for point in (selectors.completeness(row) if row.state in EDITABLE else ())
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
    """The answer of a verification; `certificate` or `licence` is what the registry holds, not what was handed in."""

    outcome: str
    is_valid: bool
    words: str
    proofs: list[ProofOut]
    differing: list[str]
    certificate: dict[str, Any] | None
    licence: dict[str, Any] | None

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
            licence=dict(verdict.licence_claims) or None,
        )


class VerifyIn(Schema):
    """A number, or a token (compact JWS)."""

    presented: str = Field(max_length=20_000)
