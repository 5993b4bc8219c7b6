"""What filings look like as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from exchange.filings.models import (
    Filing,
    OutsideFiling,
    PastTrade,
    PastTradeImport,
    Reconciliation,
    RegisterExport,
)
from exchange.filings.states import OutsideState
from exchange.filings.verification import Verdict
from exchange.filings.wording import FAULTS


class FilingOut(Schema):
    """A filing; `amount_fen` is what the register counts after refunds."""

    id: UUID
    voucher_number: str | None
    state: str
    venue: str
    order_id: UUID
    order_number: str
    supplier: str
    buyer: str
    amount_fen: int
    filed_at: datetime | None

    @classmethod
    def of(cls, filing: Filing) -> FilingOut:
        return cls(**_listed(filing))


class VoucherOut(FilingOut):
    """A filing with the signed claims (see the filing rules) and the token."""

    claims: dict[str, object]
    token: str

    @classmethod
    def of(cls, filing: Filing) -> VoucherOut:
        return cls(**_listed(filing), claims=filing.claims, token=filing.token)


def _listed(filing: Filing) -> dict[str, Any]:
    return {
        "id": filing.pk,
        "voucher_number": filing.voucher_number,
        "state": filing.state,
        "venue": filing.venue,
        "order_id": filing.order_id,
        "order_number": filing.order.number,
        "supplier": filing.order.supplier.name,
        "buyer": filing.order.buyer.name,
        "amount_fen": filing.amount_fen,
        "filed_at": filing.filed_at,
    }


class LinkOut(Schema):
    """A ten-minute link to a file, with the SHA-256 of its bytes."""

    url: str
    sha256: str
    size: int


class SequenceIn(Schema):
    """Which issue of a voucher; the one in force when it is left out."""

    sequence: int | None = None


class PresentedIn(Schema):
    """A voucher number or its signed text."""

    presented: str = Field(max_length=20_000)


class StandingOut(Schema):
    """How a voucher stands. `claims` only for who presented an issue itself."""

    outcome: str
    number: str
    state: str | None
    sequence: int | None
    presented_sequence: int | None
    replaced_at: datetime | None
    claims: dict[str, object] | None

    @classmethod
    def of(cls, verdict: Verdict) -> StandingOut:
        current, issue = verdict.current, verdict.issue
        return cls(
            outcome=verdict.outcome.value,
            number=verdict.number,
            state=verdict.filing.state if verdict.filing else None,
            sequence=current.sequence if current else None,
            presented_sequence=issue.sequence if issue else None,
            replaced_at=issue.replaced_at if issue else None,
            claims=issue.claims if issue else None,
        )


class FileOut(Schema):
    """One format of an export."""

    format: str
    sha256: str
    size: int


class ExportOut(Schema):
    """An export; `amount_fen` adds up what its issues changed on the register."""

    id: UUID
    is_daily: bool
    first_day: date
    final_day: date
    has_imported: bool
    row_count: int
    amount_fen: int
    imported_count: int
    imported_fen: int
    made_at: datetime
    files: list[FileOut]

    @classmethod
    def of(cls, export: RegisterExport) -> ExportOut:
        files = [
            FileOut(format=file.format, sha256=file.sha256, size=file.size) for file in export.files.all()
        ]
        return cls(
            id=export.pk,
            is_daily=export.is_daily,
            first_day=export.first_day,
            final_day=export.final_day,
            has_imported=export.has_imported,
            row_count=export.row_count,
            amount_fen=export.amount_fen,
            imported_count=export.imported_count,
            imported_fen=export.imported_fen,
            made_at=export.made_at,
            files=files,
        )


class PeriodIn(Schema):
    """Both business days and what lies between."""

    first: date
    final: date
    has_imported: bool = False


class DayIn(Schema):
    """A business day."""

    day: date


class JobOut(Schema):
    """Work that was begun; see /jobs."""

    job_id: UUID


class OutsideOut(Schema):
    """One issue on its way to the outside exchange."""

    id: UUID
    voucher_number: str | None
    sequence: int
    key: str
    state: str
    attempt_count: int
    next_at: datetime | None
    answered_at: datetime | None
    answer_status: int | None
    answer_text: str
    receipt_number: str

    @classmethod
    def of(cls, row: OutsideFiling) -> OutsideOut:
        is_waiting = row.state in (OutsideState.PENDING, OutsideState.SENT)
        return cls(
            id=row.pk,
            voucher_number=row.filing.voucher_number,
            sequence=row.sequence,
            key=row.key,
            state=row.state,
            attempt_count=row.attempt_count,
            next_at=row.next_at if is_waiting else None,
            answered_at=row.answered_at,
            answer_status=row.answer_status,
            answer_text=row.answer_text,
            receipt_number=row.receipt_number,
        )


class QueueOut(Schema):
    """The queue at a glance."""

    is_configured: bool
    counts: dict[str, int]


class ReconciliationOut(Schema):
    """A reconciled day; differences carry number, kind, and amount and state on both sides."""

    id: UUID
    day: date
    made_at: datetime
    our_count: int
    their_count: int
    matched_count: int
    differences: list[dict[str, object]]

    @classmethod
    def of(cls, row: Reconciliation) -> ReconciliationOut:
        return cls(
            id=row.pk,
            day=row.day,
            made_at=row.made_at,
            our_count=row.our_count,
            their_count=row.their_count,
            matched_count=row.matched_count,
            differences=row.differences,
        )


class FaultOut(Schema):
    """One bad cell: row as a spreadsheet counts, column, stable code, sentence, the value as it was found."""

    row: int
    column: str
    code: str
    reason: str
    value: str


class ImportOut(Schema):
    """A file of past trades: what a dry run found, and whether it was imported."""

    id: UUID
    file_name: str
    sha256: str
    state: str
    row_count: int
    new_count: int
    known_count: int
    faulty_count: int
    imported_count: int
    amount_fen: int
    faults: list[FaultOut]

    @classmethod
    def of(cls, row: PastTradeImport) -> ImportOut:
        faults = [FaultOut(**each, reason=str(FAULTS[each["code"]])) for each in row.faults]
        return cls(
            id=row.pk,
            file_name=row.file_name,
            sha256=row.sha256,
            state=row.state,
            row_count=row.row_count,
            new_count=row.new_count,
            known_count=row.known_count,
            faulty_count=row.faulty_count,
            imported_count=row.imported_count,
            amount_fen=row.amount_fen,
            faults=faults,
        )


class PastTradeOut(Schema):
    """A trade made elsewhere before; on the register as imported, in no total of filed trades."""

    id: UUID
    voucher_number: str
    venue: str
    supplier_name: str
    supplier_uscc: str
    buyer_name: str
    buyer_uscc: str
    product_title: str
    product_kind: str
    traded_on: date
    amount_fen: int
    tax_fen: int | None
    source_sha256: str

    @classmethod
    def of(cls, trade: PastTrade) -> PastTradeOut:
        return cls(
            id=trade.pk,
            voucher_number=trade.voucher_number,
            venue=trade.venue,
            supplier_name=trade.supplier_name,
            supplier_uscc=trade.supplier_uscc,
            buyer_name=trade.buyer_name,
            buyer_uscc=trade.buyer_uscc,
            product_title=trade.product_title,
            product_kind=trade.product_kind,
            traded_on=trade.traded_on,
            amount_fen=trade.amount_fen,
            tax_fen=trade.tax_fen,
            source_sha256=trade.source.sha256,
        )
