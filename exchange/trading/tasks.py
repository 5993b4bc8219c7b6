"""Periodic work of trading."""

from __future__ import annotations

import logging

from celery import shared_task

from exchange.trading.selectors import overdue_order_ids
from exchange.trading.services import accept_expired
from kernel import clock
from kernel.errors import Refusal

log = logging.getLogger(__name__)


@shared_task(name="trading.accept_overdue")  # type: ignore[untyped-decorator]
def accept_overdue() -> int:
    """Accept every delivered order whose inspection period has ended; each in its own transaction.

    One order that fails does not hold up the others; it is logged and tried again the next time.
    """
    at, accepted = clock.now(), 0
    for order_id in overdue_order_ids(at):
        try:
            accept_expired(at=at, order_id=order_id)
        except Refusal as refusal:  # somebody was quicker
            log.info("order %s was not accepted: %s", order_id, refusal.code)
        except Exception:
            log.exception("order %s could not be accepted", order_id)
        else:
            accepted += 1
    return accepted
