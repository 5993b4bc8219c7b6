"""The nightly scan."""

from __future__ import annotations

from celery import shared_task

from kernel import clock
from organizations.permissions import Actor
from settlement.risk import services


@shared_task(name="risk.scan")  # type: ignore[untyped-decorator]
def scan() -> int:
    """Look at last and present year; handed out twice, it finds the same. How many signals there are."""
    return services.run(by=Actor.system("风险监测"), at=clock.now()).found_count
