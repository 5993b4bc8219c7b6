"""Exports of the register: each business day once, any period on demand, always in every format.

The rows are walked once into a file of JSON lines, from which every format is written; the files are put into the
store, and the rows of the export come last, so that nothing is half-made.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.services import record
from documents import objects
from exchange.filings import rules, spreadsheets
from exchange.filings.models import Filing, FormerVoucher, PastTrade, RegisterExport, RegisterFile
from exchange.filings.permissions import EXPORT_FILINGS
from exchange.filings.selectors import issues_in, past_trades_visible_to, require_export, visible_export
from exchange.filings.states import ExportFormat, FilingState
from jobs import services as jobs
from jobs.models import Job
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.periods import Period
from organizations.permissions import Actor

PREFIX, EXPORT_KIND = "registers", "filings.export"
LONGEST_PERIOD = timedelta(days=366)
DAYS_BACK = 31  # a platform that stood still for longer is caught up on demand
Advance = Callable[[int], None]


class DayNotOver(Refusal):
    """A day is exported when no issue can join it any more."""

    code = "register_day_not_over"
    message = gettext_lazy("%(day)s 尚未结束，次日自动导出。")


@transaction.atomic
def note_export(*, by: Actor, at: datetime, row_count: int, year: int | None, state: str) -> None:
    """Write down who took the register out as it stands, and how much of it."""
    by.require(EXPORT_FILINGS)
    record(by=by, at=at, action="filings.export", detail={"rows": row_count, "year": year, "state": state})


@transaction.atomic
def queue_export(*, by: Actor, at: datetime, first: date, final: date, has_imported: bool = False) -> Job:
    """Have the issues of some business days written: the whole register, or the own trades of a side.

    `has_imported` adds the past trades that were made in those days. Raises NotAllowed, InvalidInput.
    """
    require_export(by)
    if final < first:
        raise InvalidInput(field="final", reason=_("截止日不能早于起始日。"))
    if final - first >= LONGEST_PERIOD:
        raise InvalidInput(field="final", reason=_("一次最多导出 366 天，请分段导出。"))
    if final > clock.business_date(at):
        raise InvalidInput(field="final", reason=_("截止日不能晚于今天。"))
    return jobs.queue(
        by=by,
        at=at,
        kind=EXPORT_KIND,
        title=_("导出登记簿 %(first)s 至 %(final)s")
        % {"first": first.isoformat(), "final": final.isoformat()},
        arguments={"first": first.isoformat(), "final": final.isoformat(), "has_imported": has_imported},
    )


def produce(
    *,
    by: Actor,
    at: datetime,
    first: date,
    final: date,
    has_imported: bool = False,
    is_daily: bool = False,
    advance: Advance = lambda _count: None,
) -> RegisterExport:
    """Write an export (the work of the job, and of the daily task). A day already exported stays as it is.

    Raises DayNotOver for a daily export of a day that is not over.
    """
    require_export(by)
    if is_daily:
        made = RegisterExport.objects.filter(is_daily=True, first_day=first).first()
        if made is not None:
            return made
        if at < clock.end_of(final):
            raise DayNotOver(day=final.isoformat())
    is_whole = by.can(EXPORT_FILINGS)
    export = RegisterExport(
        organization=None if is_whole else by.organization,
        is_daily=is_daily,
        first_day=first,
        final_day=final,
        has_imported=has_imported,
        made_by=by.label[:200],
        made_at=at,
    )
    with tempfile.TemporaryDirectory(prefix="qingshu-register-") as folder:
        lines = Path(folder) / "rows.jsonl"
        _walk(export, by, lines, advance)
        files = [_stored(export, format_, lines, Path(folder)) for format_ in ExportFormat]
    return _keep(export, files, by=by, at=at)


def _walk(export: RegisterExport, by: Actor, lines: Path, advance: Advance) -> None:
    """Write the rows as JSON lines and add them up."""
    period = Period.of_days(export.first_day, export.final_day)
    with spreadsheets.lines_to(lines) as write:
        export.row_count = export.amount_fen = 0
        for issue in issues_in(period, organization_id=export.organization_id):
            row = rules.register_row(issue.claims)
            write(row)
            export.row_count += 1
            export.amount_fen += int(row["change_fen"] or 0)
            advance(1)
        export.imported_count = export.imported_fen = 0
        if not export.has_imported:
            return
        past = past_trades_visible_to(by).filter(
            traded_on__gte=export.first_day, traded_on__lte=export.final_day
        )
        for trade in past.order_by("traded_on", "voucher_number").iterator(chunk_size=1_000):
            write(past_row(trade))
            export.imported_count += 1
            export.imported_fen += trade.amount_fen
            advance(1)


def past_row(trade: PastTrade) -> rules.Row:
    """An imported trade in the register's columns: it has no issue of ours, and changes no filed amount."""
    row: rules.Row = {column.name: "" if column.kind == "text" else None for column in rules.COLUMNS}
    return {
        **row,
        "voucher_number": trade.voucher_number,
        "status": rules.IMPORTED,
        "venue": trade.venue,
        "filed_at": trade.traded_on.isoformat(),
        "contract_number": trade.contract_number,
        "supplier": trade.supplier_name,
        "supplier_uscc": trade.supplier_uscc,
        "buyer": trade.buyer_name,
        "buyer_uscc": trade.buyer_uscc,
        "product_title": trade.product_title,
        "delivered_at": trade.delivered_on.isoformat() if trade.delivered_on else "",
        "accepted_at": trade.accepted_on.isoformat() if trade.accepted_on else "",
        "source": rules.IMPORTED,
        "source_sha256": trade.source.sha256,
        "amount_fen": trade.amount_fen,
        "tax_fen": trade.tax_fen,
    }


def _stored(export: RegisterExport, format_: ExportFormat, lines: Path, folder: Path) -> RegisterFile:
    """Write one format and put it into the store under its content key."""
    target = folder / f"register.{format_.value}"
    spreadsheets.WRITERS[format_](lines, target)
    with target.open("rb") as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        key, size = objects.content_key(PREFIX, digest), target.stat().st_size
        body.seek(0)
        objects.put_stream(key, body, size, spreadsheets.MEDIA_TYPES[format_])
    return RegisterFile(export=export, format=format_, sha256=digest, size=size, object_key=key)


@transaction.atomic
def _keep(export: RegisterExport, files: list[RegisterFile], *, by: Actor, at: datetime) -> RegisterExport:
    """The rows of what lies in the store; of two daily exports at once the first stands."""
    if export.is_daily:
        RegisterExport.objects.bulk_create([export], ignore_conflicts=True)
        kept = RegisterExport.objects.get(is_daily=True, first_day=export.first_day)
        if kept.pk != export.pk:
            return kept
    else:
        export.save(force_insert=True)
    RegisterFile.objects.bulk_create(files)
    detail = {
        "first": export.first_day.isoformat(),
        "final": export.final_day.isoformat(),
        "rows": export.row_count,
        "imported": export.imported_count,
        **{file.format: file.sha256 for file in files},
    }
    record(by=by, at=at, action="filings.export_made", subject=export, detail=detail)
    return export


def days_to_export(at: datetime) -> list[date]:
    """The ended business days of the past month with issues and without a daily export, oldest first."""
    today = clock.business_date(at)
    over, since = clock.start_of(today), today - timedelta(days=DAYS_BACK)
    daily = RegisterExport.objects.filter(is_daily=True, first_day__gte=since)
    done = set(daily.values_list("first_day", flat=True))
    found: set[date] = set()
    for rows in (Filing.objects.exclude(state=FilingState.PENDING), FormerVoucher.objects.all()):
        within = rows.filter(issued_at__gte=clock.start_of(since), issued_at__lt=over).order_by()
        moments = within.values_list("issued_at", flat=True).iterator(chunk_size=5_000)
        found |= {clock.business_date(each) for each in moments if each is not None}
    return sorted(found - done)


def export_days(at: datetime) -> int:
    """Make the daily exports that are due; how many."""
    count = 0
    for day in days_to_export(at):
        produce(by=Actor.system("每日登记簿"), at=at, first=day, final=day, is_daily=True)
        count += 1
    return count


@transaction.atomic
def hand_out_export(*, by: Actor, at: datetime, export_id: UUID, format_: str) -> tuple[RegisterFile, str]:
    """A ten-minute link to one file of an export; recorded. Raises NotFound."""
    export = visible_export(by, export_id)
    file = export.files.filter(format=format_).first()
    if file is None:
        raise NotFound
    record(
        by=by, at=at, action="filings.export_download", subject=export,
        detail={"format": file.format, "sha256": file.sha256},
    )  # fmt: skip
    name = f"register-{export.first_day:%Y%m%d}-{export.final_day:%Y%m%d}.{file.format}"
    return file, objects.signed_link(
        file.object_key, file_name=name, media_type=spreadsheets.MEDIA_TYPES[ExportFormat(file.format)]
    )
