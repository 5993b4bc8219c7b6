"""Past trades from a file: looked at first, then taken over all at once or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents import objects
from exchange.filings import judging, reading
from exchange.filings.judging import Judged, PastRow
from exchange.filings.models import PastTrade, PastTradeImport
from exchange.filings.permissions import IMPORT_PAST_TRADES
from exchange.filings.selectors import imports_visible_to
from exchange.filings.states import PAST_IMPORT, ImportState
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor

PREFIX = "past-trades"
_LOCK = 0x7061_7374  # all confirmations one after the other, so that a voucher number is judged once


class ImportFaulty(Refusal):
    """The file has bad rows; nothing is imported."""

    code = "past_import_faulty"
    message = _("文件中有 %(count)s 行不能导入，整个文件都没有导入。请按提示改好后重新上传。")


class ImportAltered(Refusal):
    """The kept file is not the one that was looked at."""

    code = "past_import_altered"
    message = _("保存的文件与检查时不一致，已停止导入。请重新上传。")


def known_contents(numbers: Sequence[str]) -> dict[str, str]:
    """Of these voucher numbers, those already imported, with the hash of their content."""
    rows = PastTrade.objects.filter(voucher_number__in=list(numbers))
    return dict(rows.values_list("voucher_number", "content_sha256"))


def _judged(body: bytes, file_name: str, at: datetime) -> Judged:
    return judging.judge(reading.read(body, file_name), today=clock.business_date(at), known=known_contents)


@transaction.atomic
def check_file(*, by: Actor, at: datetime, file_name: str, body: bytes) -> PastTradeImport:
    """Look at a file (dry run): every bad row and column is told, nothing is imported.

    The file is kept under its hash. Raises NotAllowed, InvalidInput (field "file").
    """
    by.require(IMPORT_PAST_TRADES)
    judged = _judged(body, file_name, at)
    stored = objects.put(PREFIX, body, "application/octet-stream")
    row = PastTradeImport.objects.create(
        organization=by.organization,
        file_name=file_name[-255:],
        size=stored.size,
        sha256=stored.sha256,
        object_key=stored.key,
        row_count=judged.row_count,
        new_count=len(judged.rows),
        known_count=len(judged.known),
        faulty_count=judged.faulty_count,
        amount_fen=Money.sum(Money(row.values["amount_fen"]) for row in judged.rows).fen,
        faults=[fault.as_json() for fault in judged.faults],
        checked_by=by.label[:200],
        checked_at=at,
    )
    detail = {"sha256": row.sha256, "rows": row.row_count, "faulty": row.faulty_count}
    record(by=by, at=at, action="filings.past_check", subject=row, detail=detail)
    return row


def _locked_import(by: Actor, import_id: UUID) -> PastTradeImport:
    if not imports_visible_to(by).filter(pk=import_id).exists():
        raise NotFound
    by.require(IMPORT_PAST_TRADES)
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    return PastTradeImport.objects.select_for_update(of=("self",)).get(pk=import_id)


@transaction.atomic
def confirm(*, by: Actor, at: datetime, import_id: UUID) -> PastTradeImport:
    """Import every new row of a file that was looked at; again: nothing more happens.

    The file is read and judged again, because others may have imported since: with any bad row nothing is
    imported. Raises NotFound, NotAllowed, ImportFaulty, ImportAltered.
    """
    row = _locked_import(by, import_id)
    if row.state == ImportState.IMPORTED:
        return row
    body = objects.get(row.object_key)
    if hashlib.sha256(body).hexdigest() != row.sha256:
        raise ImportAltered
    judged = _judged(body, row.file_name, at)
    if judged.faults:
        raise ImportFaulty(count=judged.faulty_count)
    row.imported_by, row.imported_at, row.imported_count = by.label[:200], at, len(judged.rows)
    changed = ["imported_by", "imported_at", "imported_count"]
    PAST_IMPORT.move(row, "import", by=by, at=at, update_fields=changed)
    PastTrade.objects.bulk_create([_trade(row, each) for each in judged.rows], batch_size=500)
    detail = {"sha256": row.sha256, "imported": len(judged.rows), "skipped": len(judged.known)}
    record(by=by, at=at, action="filings.past_import", subject=row, detail=detail)
    return row


def _trade(source: PastTradeImport, row: PastRow) -> PastTrade:
    days = {
        name: date.fromisoformat(row.values[name]) if row.values[name] else None
        for name in ("traded_on", "delivered_on", "accepted_on")
    }
    return PastTrade(
        id=row.id,
        source=source,
        row_number=row.number,
        content_sha256=row.content_sha256,
        **{**row.values, **days},
    )
