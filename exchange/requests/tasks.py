"""Periodic work of requests."""

from __future__ import annotations

import logging

from celery import shared_task

from exchange.requests.selectors import lapsed_request_ids
from exchange.requests.services import expire
from kernel import clock
from kernel.errors import Refusal

log = logging.getLogger(__name__)


@shared_task(name="requests.expire_lapsed")  # type: ignore[untyped-decorator]
def expire_lapsed() -> int:
    """End every approved request whose approval has lapsed; each in its own transaction.

    One that fails does not hold up the others; it is logged and tried again the next time.
    """
    at, expired = clock.now(), 0
    for request_id in lapsed_request_ids(at):
        try:
            expire(at=at, request_id=request_id)
        except Refusal as refusal:  # ordered or withdrawn meanwhile
            log.info("request %s did not expire: %s", request_id, refusal.code)
        except Exception:
            log.exception("request %s could not be ended", request_id)
        else:
            expired += 1
    return expired
