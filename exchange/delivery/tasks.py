"""Periodic work of delivery, and the job that writes a marked copy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db.models import F

from exchange.delivery import selectors, services
from exchange.delivery.models import Entitlement
from exchange.delivery.services.marking import mark
from exchange.delivery.states import EntitlementState, QuotaUnit
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock

log = logging.getLogger(__name__)


@job_kind(selectors.MARK_JOB)
def make_copy(job: Job, progress: Progress) -> dict[str, Any]:
    """Write one buyer's own copy; a second delivery finds it made."""
    progress.start(progress.total)

    def advance(count: int) -> None:
        if progress.done < progress.total:
            progress.advance(count)

    copy = mark(
        entitlement_id=UUID(job.arguments["entitlement"]),
        version_id=UUID(job.arguments["version"]),
        format=job.arguments["format"],
        at=clock.now(),
        advance=advance,
    )
    return {"url": job.arguments.get("back", ""), "sha256": copy.sha256, "size": copy.size}


def _each(ids: Iterable[UUID], work: Callable[[UUID], object]) -> int:
    """How many of these had something done; one that fails does not hold up the others."""
    done = 0
    for entitlement_id in ids:
        try:
            done += bool(work(entitlement_id))
        except Exception:
            log.exception("entitlement %s could not be looked after", entitlement_id)
    return done


@shared_task(name="delivery.watch_entitlements")  # type: ignore[untyped-decorator]
def watch_entitlements() -> dict[str, int]:
    """End what is over, tell what ends soon and whose quota is nearly used; each in its own transaction."""
    at = clock.now()
    over = Entitlement.objects.filter(
        state__in=[EntitlementState.ACTIVE, EntitlementState.SUSPENDED], ends_at__lte=at
    ).values_list("pk", flat=True)
    ended = _each(list(over), lambda pk: services.end_expired(at=at, entitlement_id=pk))
    soon = list(selectors.ending_soon(at).values_list("pk", flat=True))
    told = _each(soon, lambda pk: services.tell_ending(at=at, entitlement_id=pk))
    active = Entitlement.objects.filter(state=EntitlementState.ACTIVE, meter__told_percent__lt=100)
    nearly = {
        QuotaUnit.CALLS: active.filter(
            quota_unit=QuotaUnit.CALLS, meter__call_count__gte=F("quota_amount") * 4 / 5
        ),
        QuotaUnit.BYTES: active.filter(
            quota_unit=QuotaUnit.BYTES, meter__byte_count__gte=F("quota_amount") * 4 / 5
        ),
    }
    used = [pk for rows in nearly.values() for pk in rows.values_list("pk", flat=True)]
    warned = _each(used, lambda pk: services.tell_quota(at=at, entitlement_id=pk))
    return {"ended": ended, "told": told, "warned": warned}


@shared_task(name="delivery.close_month")  # type: ignore[untyped-decorator]
def close_month() -> int:
    """Close the month before this one; what is closed stays closed."""
    at = clock.now()
    before = selectors.month_of(at) - timedelta(days=1)
    return services.close_month(at=at, month=before.replace(day=1))
