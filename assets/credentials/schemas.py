"""JSON shapes of the verification and of what a verifier may take along."""

from __future__ import annotations

from datetime import date
from typing import Any

from ninja import Field, Schema

from assets.credentials import wording
from assets.credentials.checking import Statement
from assets.credentials.verification import Answer
from assets.transparency.schemas import HeadOut, ProofOut


class StatementOut(Schema):
    """One thing that was looked at: `verdict` is holds, fails or untold (cannot be told here)."""

    code: str
    verdict: str
    label: str
    detail: str

    @classmethod
    def of(cls, each: Statement) -> StatementOut:
        return cls(
            code=each.code,
            verdict=each.verdict,
            label=str(wording.label_of(each)),
            detail=wording.reason_of(each),
        )


class AnswerOut(Schema):
    """The answer of a verification; `certificate` or `licence` is what the registry holds, not what was handed in."""

    outcome: str
    is_valid: bool
    words: str
    statements: list[StatementOut]
    certificate: dict[str, Any] | None
    licence: dict[str, Any] | None

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        verdict = answer.verdict
        return cls(
            outcome=verdict.outcome,
            is_valid=verdict.is_valid,
            words=str(verdict.words),
            statements=[StatementOut.of(each) for each in answer.statements],
            certificate=dict(verdict.claims) or None,
            licence=dict(verdict.licence_claims) or None,
        )


class PresentedIn(Schema):
    """A number, or a token (compact JWS)."""

    presented: str = Field(max_length=20_000)


class ProvenIn(Schema):
    """Which label: its row, which answer to it (from 1); an auditor says why the label itself is looked at."""

    row: str = Field(max_length=20)
    answer: int = Field(default=1, ge=1, le=100)
    reason: str = Field(default="", max_length=500)


class DossierOut(Schema):
    """All that is published about one certificate, to be checked elsewhere or kept.

    `status_lists` are signed list credentials by address; `head` and `proofs` come from the log.
    """

    number: str
    state: str
    valid_from: date
    valid_until: date
    root_hash: str
    document_sha256: str
    unified_code: str | None
    certificate_token: str
    credential_token: str | None
    status_lists: dict[str, str]
    head: HeadOut | None
    proofs: list[ProofOut]


class LicenceDossierOut(Schema):
    """All that is published about one registered licence: its signed text, and what holds of it and of the
    certificate it rests on now (through change, transfer and renewal)."""

    number: str
    state: str
    valid_from: date
    valid_until: date
    certificate: str
    certificate_state: str
    token: str
