"""Periodic work of the pilot."""

from __future__ import annotations

from celery import shared_task

from exchange.pilots.services import close_due
from kernel import clock


@shared_task(name="pilots.close_rounds")  # type: ignore[untyped-decorator]
def close_rounds() -> int:
    """Close every round whose end has come; each in its own transaction."""
    return close_due(at=clock.now())
