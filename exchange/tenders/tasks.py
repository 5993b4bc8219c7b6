"""Periodic work of tenders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from celery import shared_task

from exchange.tenders import services
from exchange.tenders.selectors import overdue_tender_ids, unfilled_engagement_ids, uninspected_lot_ids
from kernel import clock
from kernel.errors import Refusal

log = logging.getLogger(__name__)


def _each(ids: Iterable[UUID], deed: Callable[[UUID], Any]) -> int:
    """Do it for each in its own transaction; one that fails holds up no other."""
    done = 0
    for one in ids:
        try:
            deed(one)
        except Refusal as refusal:  # somebody was quicker
            log.info("%s was not due: %s", one, refusal.code)
        except Exception:
            log.exception("%s failed", one)
        else:
            done += 1
    return done


@shared_task(name="tenders.keep_time")  # type: ignore[untyped-decorator]
def keep_time() -> int:
    """End tenders that were not awarded in time and accept lots that were not inspected in time."""
    at = clock.now()
    ended = _each(overdue_tender_ids(at), lambda one: services.expire_tender(at=at, tender_id=one))
    return ended + _each(
        uninspected_lot_ids(at), lambda one: services.accept_uninspected(at=at, milestone_id=one)
    )


@shared_task(name="tenders.fill_project")  # type: ignore[untyped-decorator]
def fill_project(engagement_id: str) -> int:
    """Put a tender's items into the project that its award opened; what is there is skipped."""
    return services.fill_project(at=clock.now(), engagement_id=UUID(engagement_id))


@shared_task(name="tenders.fill_projects")  # type: ignore[untyped-decorator]
def fill_projects() -> int:
    """Make up for hand-overs that did not come through."""
    at = clock.now()
    return _each(unfilled_engagement_ids(), lambda one: services.fill_project(at=at, engagement_id=one))
