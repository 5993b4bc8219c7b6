"""Background work of pay runs."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from kernel import clock
from kernel.errors import Refusal
from settlement.payruns import services

logger = logging.getLogger(__name__)


@shared_task(name="payruns.pay_run")  # type: ignore[untyped-decorator]
def pay_run(run_id: str) -> None:
    """Pay an approved run; a second delivery finds nothing to do, a low balance leaves it waiting."""
    try:
        services.pay(at=clock.now(), run_id=UUID(run_id))
    except Refusal as refusal:
        logger.warning("pay run %s was not paid: %s", run_id, refusal.code)


@shared_task(name="payruns.pay_waiting")  # type: ignore[untyped-decorator]
def pay_waiting() -> int:
    """Every few minutes: pay what was approved and not paid, for instance after a balance was topped up."""
    return services.pay_waiting(at=clock.now())
