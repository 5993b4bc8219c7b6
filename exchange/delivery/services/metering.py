"""Counting calls: each once, never past the quota; months closed once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.delivery import selectors
from exchange.delivery.models import AccessKey, Entitlement, Meter, MeteredCall, UsageStatement
from exchange.delivery.rules.terms import percent_used
from exchange.delivery.services.accesses import noted
from exchange.delivery.states import QuotaUnit, Way
from kernel.errors import Refusal
from organizations.permissions import Actor


class QuotaUsedUp(Refusal):
    """What the plan holds is used."""

    code = "quota_used_up"
    message = _(
        "授权 %(number)s 包含的 %(amount)s %(unit)s已用完（已用 %(used)s）。请在产品 %(product)s 页面再次下单后继续使用。"
    )
    status = 402


class RequestIdReused(Refusal):
    """The id was used for another request."""

    code = "request_id_reused"
    message = _("这个 Request-Id 已用于另一个请求。重试沿用原值，新请求请换一个值。")


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used and left, in the unit of the quota (None: no limit)."""

    call_count: int
    byte_count: int
    unit: str
    amount: int | None

    @property
    def used(self) -> int:
        return self.byte_count if self.unit == QuotaUnit.BYTES else self.call_count

    @property
    def left(self) -> int | None:
        return None if self.amount is None else max(0, self.amount - self.used)

    @property
    def percent(self) -> int:
        return percent_used(self.used, self.amount)


def usage_of(entitlement: Entitlement) -> Usage:
    """What an entitlement that was loaded with its meter has used."""
    meter = entitlement.meter
    return Usage(meter.call_count, meter.byte_count, entitlement.quota_unit, entitlement.quota_amount)


def require_quota(entitlement: Entitlement, request_id: str) -> None:
    """Raise QuotaUsedUp before any work, unless the call was counted already."""
    usage = usage_of(entitlement)
    if (
        usage.left == 0
        and not MeteredCall.objects.filter(entitlement=entitlement, request_id=request_id).exists()
    ):
        raise _used_up(entitlement, usage)


def _used_up(entitlement: Entitlement, usage: Usage) -> QuotaUsedUp:
    return QuotaUsedUp(
        number=entitlement.number,
        amount=f"{usage.amount:,}",
        used=f"{usage.used:,}",
        unit=QuotaUnit(entitlement.quota_unit).label,
        product=entitlement.product.number,
    )


@transaction.atomic
def metered(
    entitlement: Entitlement,
    *,
    at: datetime,
    request_id: str,
    fingerprint: str,
    byte_count: int,
    row_count: int,
    version_id: UUID,
    path: str,
    by: Actor | None = None,
    key: AccessKey | None = None,
) -> tuple[Usage, bool]:
    """Count one call that can be answered; the flag tells whether it was counted now (False: it was before).

    The counter is raised by one statement that holds the quota, so that of two calls for the last unit one is
    refused (QuotaUsedUp) and leaves nothing. Raises RequestIdReused.
    """
    call = MeteredCall(
        entitlement=entitlement, request_id=request_id, fingerprint=fingerprint, row_count=row_count,
        byte_count=byte_count, key=key, called_at=at,
    )  # fmt: skip
    try:
        with transaction.atomic():
            call.save(force_insert=True)
    except IntegrityError:
        known = MeteredCall.objects.get(entitlement=entitlement, request_id=request_id)
        if known.fingerprint != fingerprint:
            raise RequestIdReused(field="Request-Id") from None
        return _fresh(entitlement), False
    rows = Meter.objects.filter(pk=entitlement.pk)
    if entitlement.quota_unit == QuotaUnit.CALLS:
        rows = rows.filter(call_count__lt=entitlement.quota_amount)
    elif entitlement.quota_unit == QuotaUnit.BYTES:
        rows = rows.filter(byte_count__lte=(entitlement.quota_amount or 0) - byte_count)
    if not rows.update(call_count=F("call_count") + 1, byte_count=F("byte_count") + byte_count):
        raise _used_up(entitlement, _fresh(entitlement))
    noted(
        entitlement,
        version_id=version_id,
        way=Way.ROWS,
        path=path,
        byte_count=byte_count,
        at=at,
        by=by,
        key=key,
    )
    return _fresh(entitlement), True


def _fresh(entitlement: Entitlement) -> Usage:
    meter = Meter.objects.get(pk=entitlement.pk)
    return Usage(meter.call_count, meter.byte_count, entitlement.quota_unit, entitlement.quota_amount)


@transaction.atomic
def close_month(*, at: datetime, month: date) -> int:
    """Write the statements of a month that is over, one per metered entitlement that ran in it; how many are new.

    Run twice it writes once. A month that is not over gives none.
    """
    if selectors.month_of(at) <= month:
        return 0
    begin, end = selectors.bounds_of(month)
    rows = Entitlement.objects.exclude(quota_unit="").filter(starts_at__lt=end)
    rows = rows.filter(Q(ends_at=None) | Q(ends_at__gt=begin)).exclude(statements__month=month)
    made = 0
    for entitlement in rows.order_by("pk"):
        told = selectors.calls_in(entitlement, month).aggregate(calls=Count("pk"), size=Sum("byte_count"))
        _statement, is_new = UsageStatement.objects.get_or_create(
            entitlement=entitlement,
            month=month,
            defaults={"call_count": told["calls"] or 0, "byte_count": told["size"] or 0, "closed_at": at},
        )
        made += is_new
    if made:
        record(
            by=Actor.system("用量结账"), at=at, action="entitlements.close_month",
            detail={"month": f"{month:%Y-%m}", "statements": made},
        )  # fmt: skip
    return made
