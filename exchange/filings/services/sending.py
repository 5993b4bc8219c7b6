"""The way to the outside exchange: an outbox written with each issue, sent afterwards, reconciled by day.

An attempt is three steps. The row is marked as sent and committed; the other side is called outside any
transaction; its answer is written. Whoever dies in between leaves a row that is `sent`: after its lease it is
sent again with the same key, by which the other side knows it.
"""

from __future__ import annotations

import logging
import time
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.services import record
from exchange.filings import outside, rules
from exchange.filings.models import Filing, OutsideFiling, Reconciliation
from exchange.filings.permissions import MANAGE_OUTSIDE
from exchange.filings.states import OUTSIDE_FILING, FilingState, OutsideState
from jobs import services as jobs
from jobs.models import Job
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.periods import Period
from organizations.permissions import Actor

logger = logging.getLogger(__name__)
QUEUE = Actor.system("对外报送")
RECONCILE_KIND = "filings.reconcile"


def queue_issue(filing: Filing, *, at: datetime) -> OutsideFiling:
    """Write the present issue of a filing into the outbox; sent after the transaction, when there is whereto."""
    key = f"{filing.pk}:{filing.sequence}"
    row = OutsideFiling(
        filing=filing,
        sequence=filing.sequence,
        key=key,
        body=rules.body_for(filing.claims, filing.token, key=key),
        next_at=at,
    )
    row.save(force_insert=True)
    if outside.is_configured():
        _send_soon(row.pk)
    return row


def _send_soon(row_id: UUID) -> None:
    from exchange.filings.tasks import send_outside

    transaction.on_commit(lambda: send_outside.delay(str(row_id)))


def due(at: datetime) -> QuerySet[OutsideFiling]:
    """What may be sent now: its time has come, and every earlier issue of its filing was acknowledged."""
    earlier = OutsideFiling.objects.filter(
        filing=OuterRef("filing"), sequence__lt=OuterRef("sequence")
    ).exclude(state=OutsideState.ACKNOWLEDGED)
    waiting = OutsideFiling.objects.filter(
        state__in=(OutsideState.PENDING, OutsideState.SENT), next_at__lte=at
    )
    return waiting.filter(~Exists(earlier)).order_by("next_at", "pk")


@transaction.atomic
def _claim(row_id: UUID, at: datetime) -> OutsideFiling | None:
    """Mark one due row as sent; None when it is not due or another worker has it."""
    row = due(at).select_for_update(of=("self",), skip_locked=True).filter(pk=row_id).first()
    if row is None:
        return None
    row.attempt_count += 1
    row.sent_at, row.next_at = at, at + rules.LEASE
    OUTSIDE_FILING.move(row, "send", by=QUEUE, at=at, update_fields=["attempt_count", "sent_at", "next_at"])
    return row


_MOVES = {
    outside.Result.ACCEPTED: "acknowledge",
    outside.Result.REJECTED: "reject",
    outside.Result.LATER: "defer",
}


@transaction.atomic
def _note_answer(row_id: UUID, attempt: int, answer: outside.Answer, at: datetime) -> OutsideFiling:
    """Write what came of an attempt; an answer that comes after a later attempt has begun only counts if it accepts."""
    row = OutsideFiling.objects.select_for_update(of=("self",)).get(pk=row_id)
    is_late = row.attempt_count != attempt and answer.result is not outside.Result.ACCEPTED
    if row.state != OutsideState.SENT or is_late:
        return row
    row.answered_at, row.answer_status, row.answer_text = at, answer.status, answer.text[:500]
    row.receipt_number = answer.receipt_number
    row.next_at = at + rules.next_wait(row.pk, row.attempt_count)
    changed = ["answered_at", "answer_status", "answer_text", "receipt_number", "next_at"]
    move = _MOVES[answer.result]
    OUTSIDE_FILING.move(row, move, by=QUEUE, at=at, reason=answer.text[:200], update_fields=changed)
    record(
        by=QUEUE, at=at, action=f"filings.outside_{move}", subject=row,
        detail={"key": row.key, "status": answer.status, "attempt": attempt},
    )  # fmt: skip
    if answer.result is outside.Result.ACCEPTED:  # the next issue of this filing need not wait for the beat
        following = OutsideFiling.objects.filter(filing_id=row.filing_id, sequence=row.sequence + 1).first()
        if following is not None and following.state == OutsideState.PENDING:
            _send_soon(following.pk)
    return row


def send(*, at: datetime, row_id: UUID) -> OutsideFiling | None:
    """Try to file one issue outside; None when it is not its turn. Never inside a transaction of the caller's.

    Raises NotConfigured before anything is marked.
    """
    there = outside.adapter()
    row = _claim(row_id, at)
    if row is None:
        return None
    answer = there.file(key=row.key, body=row.body, at=at)
    return _note_answer(row.pk, row.attempt_count, answer, at)


def send_due(*, at: datetime, limit: int = 200, seconds: float = 60) -> int:
    """Send what is due, oldest first, as long as the other side answers and time is left; how many were acknowledged.

    Without a connection nothing is called: the rows wait. `seconds`: no attempt begins after so long.
    """
    if not outside.is_configured():
        return 0
    count, started = 0, time.monotonic()
    for row_id in list(due(at).values_list("pk", flat=True)[:limit]):
        row = send(at=at, row_id=row_id)
        count += row is not None and row.state == OutsideState.ACKNOWLEDGED
        if row is not None and row.answer_status is None and row.state == OutsideState.PENDING:
            logger.warning("the outside exchange does not answer: %s", row.answer_text)
            break
        if time.monotonic() - started > seconds:
            break
    return count


@transaction.atomic
def retry(*, by: Actor, at: datetime, row_id: UUID) -> OutsideFiling:
    """Send a waiting or rejected issue again now, by hand. Raises MoveNotAllowed for one sent or acknowledged."""
    row = OutsideFiling.objects.select_for_update(of=("self",)).filter(pk=row_id).first()
    if row is None:
        raise NotFound
    by.require(MANAGE_OUTSIDE)
    row.next_at = at
    OUTSIDE_FILING.move(row, "retry", by=by, at=at, update_fields=["next_at"])
    record(by=by, at=at, action="filings.outside_retry", subject=row, detail={"key": row.key})
    if outside.is_configured():
        _send_soon(row.pk)
    return row


# --- reconciliation -----------------------------------------------------------------------------


@transaction.atomic
def queue_reconciliation(*, by: Actor, at: datetime, day: date) -> Job:
    """Have a business day laid beside the other side's list. Raises NotConfigured, InvalidInput."""
    by.require(MANAGE_OUTSIDE)
    if not outside.is_configured():
        raise outside.NotConfigured
    if day > clock.business_date(at):
        raise InvalidInput(field="day", reason=_("对账日不能晚于今天。"))
    return jobs.queue(
        by=by,
        at=at,
        kind=RECONCILE_KIND,
        title=_("对账 %(day)s") % {"day": day.isoformat()},
        arguments={"day": day.isoformat()},
    )


def standings_of(day: date) -> list[rules.Standing]:
    """How the trades filed on a business day stand here now."""
    period = Period.of_days(day, day)
    rows = Filing.objects.filter(filed_at__gte=period.start, filed_at__lt=period.end)
    rows = rows.exclude(state=FilingState.PENDING)
    return [
        rules.Standing(str(number), amount, state)
        for number, amount, state in rows.values_list("voucher_number", "amount_fen", "state")
    ]


def reconcile(*, by: Actor, at: datetime, day: date) -> Reconciliation:
    """Fetch the other side's list and keep the comparison (the work of the job). Raises OutsideUnreachable."""
    by.require(MANAGE_OUTSIDE)
    theirs = outside.adapter().standings(day=day, at=at)
    with transaction.atomic():
        ours = standings_of(day)
        matched, found = rules.differences(ours, theirs)
        row = Reconciliation.objects.create(
            day=day,
            made_by=by.label[:200],
            made_at=at,
            our_count=len(ours),
            their_count=len(theirs),
            matched_count=matched,
            differences=found,
        )
        record(
            by=by, at=at, action="filings.reconcile", subject=row,
            detail={"day": day.isoformat(), "matched": matched, "differences": len(found)},
        )  # fmt: skip
    return row


def reconciliation_url(row: Reconciliation) -> str:
    """Where a reconciliation is shown."""
    return reverse("filings:reconciliation", args=[row.pk])
