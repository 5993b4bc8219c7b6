"""Background work of annotation: leases that are over."""

from __future__ import annotations

from celery import shared_task

from annotation.work import services
from kernel import clock


@shared_task(name="work.lapse_leases")  # type: ignore[untyped-decorator]
def lapse_leases() -> int:
    """Every minute: tasks whose time is over go back; how many."""
    ended = 0
    while found := services.lapse_leases(clock.now()):
        ended += found
    return ended
