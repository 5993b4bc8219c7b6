"""Periodic work on credentials."""

from __future__ import annotations

from celery import shared_task

from assets.credentials import services
from kernel import clock


@shared_task(name="credentials.keep_current")  # type: ignore[untyped-decorator]
def keep_current() -> list[int]:
    """Every minute: issue what is missing, tell what nobody announced, sign lists anew that are a day old."""
    return [services.complete(at=clock.now()), services.renew_lists(at=clock.now())]
