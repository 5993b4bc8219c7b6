"""Entries in two phases: reserved first, then posted wholly or in part, voided, or expired. Nothing moves before posting.

Locks: the caller's own rows first, then the hold, the accounts last (by the triggers).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from kernel.errors import NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import rules, services
from settlement.ledger.events import HoldDue
from settlement.ledger.models import Entry, Hold
from settlement.ledger.states import HOLD, HoldState

logger = logging.getLogger(__name__)


class HoldEnded(Refusal):
    """The hold was posted with another amount, voided, or its time is over."""

    code = "hold_ended"
    message = _("这笔预留已经入账、撤销或到期，不能再变动。请查询最新状态；仍需付款时请重新发起。")


class HoldTooSmall(Refusal):
    """More than what was reserved."""

    code = "hold_too_small"
    message = _("入账金额应大于零且不超过预留的 %(most)s。请减少金额，或重新预留。")
    status = 422


def reserve(
    *,
    key: str,
    kind: str,
    fact: Model,
    transfer: services.Transfer,
    at: datetime,
    expires_at: datetime,
    memo: str = "",
) -> Hold:
    """Reserve an amount for one later entry; the same key and content again gives the hold that is there.

    The source's floor counts it from now on; no balance changes. Raises EntryKeyReused, InsufficientBalance.
    """
    legs = rules.net_legs([(transfer.source.pk, transfer.destination.pk, transfer.amount.fen)])
    fact_type = fact._meta.label
    hold = Hold(
        id=new_id(),
        key=key,
        fingerprint=rules.fingerprint(
            kind=kind, fact_type=fact_type, fact_id=fact.pk, reverses=None, legs=legs
        ),
        kind=kind,
        fact_type=fact_type,
        fact_id=fact.pk,
        memo=memo[:200],
        source=transfer.source,
        destination=transfer.destination,
        amount_fen=transfer.amount.fen,
        reserved_at=at,
        expires_at=expires_at,
    )
    try:
        Hold.objects.bulk_create([hold], ignore_conflicts=True)
    except DatabaseError as error:
        refusal = services.refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    found = Hold.objects.get(key=key)
    if found.fingerprint != hold.fingerprint:
        raise services.EntryKeyReused
    return found


def locked_hold(hold_id: UUID) -> Hold:
    """A hold under lock. Raises NotFound."""
    rows = Hold.objects.select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=hold_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def post(*, by: Actor, at: datetime, hold_id: UUID, amount: Money | None = None) -> Entry:
    """Turn a hold into its entry, wholly or with a smaller amount; the rest is let go. Again gives the same entry.

    Raises HoldEnded (also from the moment it expires, whether or not that was noted yet), HoldTooSmall.
    """
    hold = locked_hold(hold_id)
    wanted = int(hold.amount_fen) if amount is None else amount.fen
    if hold.state == HoldState.POSTED and hold.posted_fen == wanted:
        assert hold.entry is not None, "a posted hold has its entry"
        return hold.entry
    if hold.state != HoldState.PENDING or at >= hold.expires_at:
        raise HoldEnded
    if not 0 < wanted <= hold.amount_fen:
        raise HoldTooSmall(field="amount", most=Money(hold.amount_fen))
    legs = rules.net_legs([(hold.source_id, hold.destination_id, wanted)])
    entry = Entry(
        id=new_id(),
        key=f"hold:{hold.pk}",
        fingerprint=rules.fingerprint(
            kind=hold.kind, fact_type=hold.fact_type, fact_id=hold.fact_id, reverses=None, legs=legs
        ),
        kind=hold.kind,
        fact_type=hold.fact_type,
        fact_id=hold.fact_id,
        memo=hold.memo,
        effective_at=at,
    )
    # The hold is let go first: its own amount must not stand in the way of its entry. Both or neither are stored.
    hold.entry_id, hold.posted_fen, hold.ended_at = entry.pk, wanted, at
    HOLD.move(hold, "post", by=by, at=at, update_fields=["entry", "posted_fen", "ended_at"])
    return services.written(entry, legs)


@transaction.atomic
def void(*, by: Actor, at: datetime, hold_id: UUID) -> Hold:
    """Let a pending hold go; again gives the same. Raises HoldEnded when it was posted or has expired."""
    hold = locked_hold(hold_id)
    if hold.state == HoldState.VOIDED:
        return hold
    if hold.state != HoldState.PENDING:
        raise HoldEnded
    hold.ended_at = at
    HOLD.move(hold, "void", by=by, at=at, update_fields=["ended_at"])
    return hold


@transaction.atomic
def expire(*, by: Actor, at: datetime, hold_id: UUID) -> Hold:
    """Let a hold go whose time is over; one that has ended, or still has time, stays as it is."""
    hold = locked_hold(hold_id)
    if hold.state == HoldState.PENDING and at >= hold.expires_at:
        hold.ended_at = at
        HOLD.move(hold, "expire", by=by, at=at, update_fields=["ended_at"])
    return hold


def _due(at: datetime, most: int) -> Sequence[tuple[UUID, str, UUID]]:
    rows = Hold.objects.filter(state=HoldState.PENDING, expires_at__lte=at).order_by("expires_at", "pk")
    return list(rows.values_list("pk", "fact_type", "fact_id")[:most])


def expire_due(*, by: Actor, at: datetime, most: int = 500) -> int:
    """Expire what is due, each in a transaction of its own with what follows from it; how many have ended.

    One that fails stays pending for the next time and keeps no other waiting.
    """
    ended = 0
    for hold_id, fact_type, fact_id in _due(at, most):
        try:
            with transaction.atomic():
                announce(HoldDue(at=at, hold_id=hold_id, fact_type=fact_type, fact_id=fact_id))
                ended += expire(by=by, at=at, hold_id=hold_id).state == HoldState.EXPIRED
        except Exception:
            logger.exception("hold %s could not expire", hold_id)
    return ended
