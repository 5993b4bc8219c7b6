"""Background work of merchants' payments: events on their way out."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from kernel import clock
from settlement.merchant import services


@shared_task(name="merchant.deliver")  # type: ignore[untyped-decorator]
def deliver(delivery_id: str) -> None:
    """Try to send one event to one endpoint; what is not its turn is left alone."""
    services.deliver(at=clock.now(), delivery_id=UUID(delivery_id))


@shared_task(name="merchant.deliver_due")  # type: ignore[untyped-decorator]
def deliver_due() -> int:
    """Every ten seconds: what is due, also what a dead worker left."""
    return services.deliver_due(at=clock.now())
