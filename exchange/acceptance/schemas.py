"""What inspections and disputes look like as JSON. Amounts in fen, rates in basis points, times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from exchange.acceptance import rules
from exchange.acceptance.models import Attachment, Complaint
from exchange.acceptance.selectors import Effect


class AcceptIn(Schema):
    """What was compared (`root_hash`, `files`, `rows`, `labels`, `dictionary`), and remarks."""

    checks: list[str] = Field(default_factory=list, max_length=10)
    remarks: str = Field("", max_length=rules.MOST_TEXT)


class DefectIn(Schema):
    """One defect; without `file_id` it concerns the whole delivery. Label errors need rows and a rate."""

    kind: str
    text: str
    file_id: int | None = Field(None, ge=0, lt=2**62)
    row_ids: list[str] = Field(default_factory=list, max_length=rules.MOST_ROWS)
    error_rate_bp: int | None = Field(None, ge=1, le=10_000)
    document_ids: list[UUID] = Field(default_factory=list, max_length=20)


class ComplaintIn(Schema):
    """One or several defects."""

    defects: list[DefectIn] = Field(..., min_length=1, max_length=50)


class AnswerIn(Schema):
    """A remedy with its terms: `replacement` (version_id), `partial_refund` (amount_fen), `full_refund`, `rejection`."""

    kind: str
    text: str
    amount_fen: int | None = Field(None, ge=1, le=10**15)
    version_id: UUID | None = None
    document_ids: list[UUID] = Field(default_factory=list, max_length=20)


class OfferIn(Schema):
    """Which answer is meant: the one that was read."""

    offer_id: UUID


class DeclineIn(OfferIn):
    """Why it is not accepted."""

    reason: str


class StatementIn(Schema):
    """What a side says, with its own stored documents."""

    text: str
    document_ids: list[UUID] = Field(default_factory=list, max_length=20)


class ReplaceIn(Schema):
    """The newer version."""

    version_id: UUID


class RulingIn(Schema):
    """`uphold`, `partial_refund` (amount_fen), `full_refund` or `replacement`, with reasons and citations."""

    outcome: str
    text: str
    citations: list[str] = Field(..., max_length=20)
    amount_fen: int | None = Field(None, ge=1, le=10**15)


class ConfirmIn(Schema):
    """The second operator's word."""

    ruling_id: UUID
    is_confirmed: bool
    remark: str = Field("", max_length=rules.MOST_TEXT)


class DocumentOut(Schema):
    """A piece of evidence."""

    id: UUID
    name: str
    sha256: str

    @classmethod
    def of(cls, found: Attachment) -> DocumentOut:
        return cls(id=found.document_id, name=found.document.name, sha256=found.sha256)


class DefectOut(Schema):
    """One defect as reported."""

    id: UUID
    kind: str
    text: str
    path: str | None
    row_ids: list[str]
    error_rate_bp: int | None
    by: str
    reported_at: datetime
    documents: list[DocumentOut]


class OfferOut(Schema):
    """One answer of the supplier; the last one stands."""

    id: UUID
    ordinal: int
    kind: str
    amount_fen: int | None
    version_id: UUID | None
    text: str
    by: str
    offered_at: datetime
    documents: list[DocumentOut]


class StatementOut(Schema):
    """One statement to the exchange."""

    id: UUID
    party: str
    text: str
    by: str
    stated_at: datetime
    documents: list[DocumentOut]


class RulingOut(Schema):
    """One ruling; `is_confirmed` is null while nobody confirmed, or where nobody needs to."""

    id: UUID
    number: str
    outcome: str
    amount_fen: int | None
    text: str
    citations: list[str]
    by: str
    ruled_at: datetime
    is_confirmation_needed: bool
    is_confirmed: bool | None


class ComplaintOut(Schema):
    """A complaint in a list."""

    id: UUID
    number: str
    order: UUID
    order_number: str
    state: str
    filed_at: datetime
    due_at: datetime | None
    evidence_until: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, found: Complaint) -> ComplaintOut:
        return cls(**_plain(found))


class ComplaintDetailOut(ComplaintOut):
    """A complaint with everything that was said in it; `turn`: buyer, supplier, operator."""

    root_hash: str
    turn: list[str]
    defects: list[DefectOut]
    offers: list[OfferOut]
    statements: list[StatementOut]
    rulings: list[RulingOut]

    @classmethod
    def told(cls, found: Complaint, turn: frozenset[str]) -> ComplaintDetailOut:
        """From a complaint that `selectors.visible_complaint` loaded."""

        def documents(thing: object) -> list[DocumentOut]:
            return [DocumentOut.of(each) for each in thing.attachments.all()]  # type: ignore[attr-defined]

        return cls(
            **_plain(found),
            root_hash=found.root_hash,
            turn=sorted(turn),
            defects=[
                DefectOut(
                    id=each.pk,
                    kind=each.kind,
                    text=each.text,
                    path=each.file.path if each.file else None,
                    row_ids=each.row_ids,
                    error_rate_bp=each.error_rate_bp,
                    by=each.reporter_label,
                    reported_at=each.reported_at,
                    documents=documents(each),
                )
                for each in found.defects.all()
            ],
            offers=[
                OfferOut(
                    id=each.pk,
                    ordinal=each.ordinal,
                    kind=each.kind,
                    amount_fen=each.amount_fen,
                    version_id=each.version_id,
                    text=each.text,
                    by=each.offerer_label,
                    offered_at=each.offered_at,
                    documents=documents(each),
                )
                for each in found.offers.all()
            ],
            statements=[
                StatementOut(
                    id=each.pk,
                    party=each.party,
                    text=each.text,
                    by=each.speaker_label,
                    stated_at=each.stated_at,
                    documents=documents(each),
                )
                for each in found.statements.all()
            ],
            rulings=[
                RulingOut(
                    id=each.pk,
                    number=each.number,
                    outcome=each.outcome,
                    amount_fen=each.amount_fen,
                    text=each.text,
                    citations=each.citations,
                    by=each.ruler_label,
                    ruled_at=each.ruled_at,
                    is_confirmation_needed=each.is_confirmation_needed,
                    is_confirmed=each.confirmation.is_confirmed if hasattr(each, "confirmation") else None,
                )
                for each in found.rulings.all()
            ],
        )


def _plain(found: Complaint) -> dict[str, Any]:
    names = ("number", "state", "filed_at", "due_at", "evidence_until", "closed_at")
    return {
        **{name: getattr(found, name) for name in names},
        "id": found.pk,
        "order": found.order_id,
        "order_number": found.order.number,
    }


class EffectOut(Schema):
    """What an outcome does to the money; amounts are null where no money moves yet."""

    outcome: str
    back_fen: int | None
    back_tax_fen: int | None
    kept_fen: int | None
    kept_tax_fen: int | None
    fee_fen: int | None
    seller_fen: int | None

    @classmethod
    def of(cls, effect: Effect) -> EffectOut:
        names = ("back", "back_tax", "kept", "kept_tax", "fee", "seller")
        parts = {f"{name}_fen": getattr(effect.split, name).fen if effect.split else None for name in names}
        return cls(outcome=effect.outcome.value, **parts)
