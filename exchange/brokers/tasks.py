"""Periodic work of broking."""

from __future__ import annotations

from celery import shared_task

from exchange.brokers.services import follow_terms
from kernel import clock


@shared_task(name="brokers.follow_terms")  # type: ignore[untyped-decorator]
def follow_mandate_terms() -> int:
    """Begin and end the mandates whose time has come."""
    return follow_terms(at=clock.now())
