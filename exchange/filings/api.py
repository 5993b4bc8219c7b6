"""Filings as JSON: the register, vouchers and their verification, exports, the outside exchange, past trades."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import File, Router
from ninja.files import UploadedFile
from ninja.throttling import AnonRateThrottle, BaseThrottle

from exchange.filings import outside, reading, services, verification
from exchange.filings.schemas import (
    DayIn,
    ExportOut,
    FilingOut,
    ImportOut,
    JobOut,
    LinkOut,
    OutsideOut,
    PastTradeOut,
    PeriodIn,
    PresentedIn,
    QueueOut,
    ReconciliationOut,
    SequenceIn,
    StandingOut,
    VoucherOut,
)
from exchange.filings.selectors import (
    exports_visible_to,
    outside_counts,
    outside_filings,
    past_trades,
    reconciliations,
    register,
    require_export,
    visible_export,
    visible_filing,
    visible_import,
    visible_reconciliation,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()
PUBLIC_RATE: list[BaseThrottle] = [AnonRateThrottle("30/m")]


@router.get("/", response=Page[FilingOut])
def list_filings(
    request: HttpRequest,
    year: int | None = None,
    state: str = "",
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FilingOut]:
    """The register: own trades for the sides, all for operator, department and auditor."""
    rows = register(actor(request), year=year, state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[FilingOut](items=[FilingOut.of(each) for each in found], next=following)


@router.get("/{uuid:filing_id}", response=VoucherOut)
def get_filing(request: HttpRequest, filing_id: UUID) -> VoucherOut:
    """One filing with its signed voucher."""
    return VoucherOut.of(visible_filing(actor(request), filing_id))


@router.post("/{uuid:filing_id}/document", response={201: LinkOut})
def post_document(request: HttpRequest, filing_id: UUID, body: SequenceIn) -> LinkOut:
    """A ten-minute link to the voucher as PDF; made when it is first asked for, every call is on record."""
    document, url = services.hand_out_document(
        by=actor(request), at=clock.now(), filing_id=filing_id, sequence=body.sequence
    )
    return LinkOut(url=url, sha256=document.sha256, size=document.size)


# --- verification, open to everybody ------------------------------------------------------------


@router.get("/vouchers/{number}", response=StandingOut, auth=None, throttle=PUBLIC_RATE)
def get_standing(request: HttpRequest, number: str, check: str = "", sha256: str = "") -> StandingOut:
    """How a voucher stands; `check` is the proof that a printed issue carries, `sha256` the hash of its PDF."""
    if sha256:
        return StandingOut.of(verification.by_document(sha256[:64], number=number[:64]))
    return StandingOut.of(verification.by_number(number[:64], check=check[:64]))


@router.post("/verification", response=StandingOut, auth=None, throttle=PUBLIC_RATE)
def post_verification(request: HttpRequest, body: PresentedIn) -> StandingOut:
    """Verify a number or the signed text of an issue."""
    return StandingOut.of(verification.by_text(body.presented))


@router.post("/verification/file", response=StandingOut, auth=None, throttle=PUBLIC_RATE)
def post_verification_file(request: HttpRequest, file: File[UploadedFile]) -> StandingOut:
    """Verify a PDF, or a file that holds the signed text."""
    return StandingOut.of(verification.by_file(file.read(verification.LARGEST_FILE + 1)))


# --- exports ------------------------------------------------------------------------------------


@router.get("/exports", response=Page[ExportOut])
def list_exports(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[ExportOut]:
    """Daily exports and those on demand: of the whole register, or of the caller's own trades."""
    require_export(actor(request))
    rows = exports_visible_to(actor(request)).prefetch_related("files")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ExportOut](items=[ExportOut.of(each) for each in found], next=following)


@router.post("/exports", response={202: JobOut})
@idempotent
def post_export(request: HttpRequest, body: PeriodIn) -> JobOut:
    """Have the issues of some business days written in every format."""
    job = services.queue_export(
        by=actor(request),
        at=clock.now(),
        first=body.first,
        final=body.final,
        has_imported=body.has_imported,
    )
    return JobOut(job_id=job.pk)


@router.get("/exports/{uuid:export_id}", response=ExportOut)
def get_export(request: HttpRequest, export_id: UUID) -> ExportOut:
    """One export."""
    return ExportOut.of(visible_export(actor(request), export_id))


@router.post("/exports/{uuid:export_id}/links/{code}", response={201: LinkOut})
def post_export_link(request: HttpRequest, export_id: UUID, code: str) -> LinkOut:
    """A ten-minute link to one format (csv, xlsx, parquet), put on record."""
    file, url = services.hand_out_export(by=actor(request), at=clock.now(), export_id=export_id, format_=code)
    return LinkOut(url=url, sha256=file.sha256, size=file.size)


# --- the outside exchange -----------------------------------------------------------------------


@router.get("/outside", response=Page[OutsideOut])
def list_outside(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[OutsideOut]:
    """The queue to the outside exchange, newest first."""
    rows = outside_filings(actor(request), state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[OutsideOut](items=[OutsideOut.of(each) for each in found], next=following)


@router.get("/outside/counts", response=QueueOut)
def get_counts(request: HttpRequest) -> QueueOut:
    """How many issues stand in which state, and whether the other side is connected."""
    return QueueOut(is_configured=outside.is_configured(), counts=outside_counts(actor(request)))


@router.post("/outside/{uuid:row_id}/retry", response=OutsideOut)
@idempotent
def post_retry(request: HttpRequest, row_id: UUID) -> OutsideOut:
    """Send a waiting or rejected issue again now."""
    return OutsideOut.of(services.retry(by=actor(request), at=clock.now(), row_id=row_id))


@router.get("/outside/reconciliations", response=Page[ReconciliationOut])
def list_reconciliations(
    request: HttpRequest, cursor: str | None = None, limit: int = 20
) -> Page[ReconciliationOut]:
    """Reconciled days, newest first."""
    found, following = cursor_page(reconciliations(actor(request)), cursor=cursor, limit=limit)
    return Page[ReconciliationOut](items=[ReconciliationOut.of(each) for each in found], next=following)


@router.post("/outside/reconciliations", response={202: JobOut})
@idempotent
def post_reconciliation(request: HttpRequest, body: DayIn) -> JobOut:
    """Have a business day laid beside the other side's list."""
    job = services.queue_reconciliation(by=actor(request), at=clock.now(), day=body.day)
    return JobOut(job_id=job.pk)


@router.get("/outside/reconciliations/{uuid:reconciliation_id}", response=ReconciliationOut)
def get_reconciliation(request: HttpRequest, reconciliation_id: UUID) -> ReconciliationOut:
    """One reconciled day with every difference."""
    return ReconciliationOut.of(visible_reconciliation(actor(request), reconciliation_id))


# --- past trades --------------------------------------------------------------------------------


@router.get("/past-trades", response=Page[PastTradeOut])
def list_past_trades(
    request: HttpRequest, year: int | None = None, cursor: str | None = None, limit: int = 20
) -> Page[PastTradeOut]:
    """Imported trades, in the order of their ids."""
    found, following = cursor_page(past_trades(actor(request), year=year), cursor=cursor, limit=limit)
    return Page[PastTradeOut](items=[PastTradeOut.of(each) for each in found], next=following)


@router.post("/past-trades/imports", response={201: ImportOut})
@idempotent
def post_import(request: HttpRequest, file: File[UploadedFile]) -> ImportOut:
    """Look at a file of past trades (dry run); nothing is imported."""
    made = services.check_file(
        by=actor(request),
        at=clock.now(),
        file_name=file.name or "",
        body=file.read(reading.LARGEST_FILE + 1),
    )
    return ImportOut.of(made)


@router.get("/past-trades/imports/{uuid:import_id}", response=ImportOut)
def get_import(request: HttpRequest, import_id: UUID) -> ImportOut:
    """What a file holds, with every bad cell."""
    return ImportOut.of(visible_import(actor(request), import_id))


@router.post("/past-trades/imports/{uuid:import_id}/confirmation", response=ImportOut)
@idempotent
def post_confirmation(request: HttpRequest, import_id: UUID) -> ImportOut:
    """Take a file over as a whole, or nothing of it."""
    return ImportOut.of(services.confirm(by=actor(request), at=clock.now(), import_id=import_id))
