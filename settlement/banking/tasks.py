"""Background work of bank statements."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from kernel import clock
from settlement.banking import services


@shared_task(name="banking.match_exact")  # type: ignore[untyped-decorator]
def match_exact(import_id: str) -> int:
    """Match what names its payment exactly; nothing unless the setting allows it."""
    return services.match_exact(at=clock.now(), import_id=UUID(import_id))


@shared_task(name="banking.book_arrivals")  # type: ignore[untyped-decorator]
def book_arrivals() -> int:
    """Credit what arrived for merchants' customers; beat sends it too, for a task that was lost."""
    return services.book_arrivals(at=clock.now())
