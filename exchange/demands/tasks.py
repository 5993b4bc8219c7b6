"""Periodic work of demands."""

from __future__ import annotations

import logging

from celery import shared_task

from exchange.demands.selectors import open_demand_ids, overdue_demand_ids
from exchange.demands.services import expire_demand, tell_matches
from kernel import clock
from kernel.errors import Refusal

log = logging.getLogger(__name__)


@shared_task(name="demands.expire_overdue")  # type: ignore[untyped-decorator]
def expire_overdue() -> int:
    """End every demand whose time has run out; each in its own transaction. One that fails holds up no other."""
    at, ended = clock.now(), 0
    for demand_id in overdue_demand_ids(at):
        try:
            expire_demand(at=at, demand_id=demand_id)
        except Refusal as refusal:  # the buyer may still decide, or somebody was quicker
            log.info("demand %s did not expire: %s", demand_id, refusal.code)
        except Exception:
            log.exception("demand %s could not expire", demand_id)
        else:
            ended += 1
    return ended


@shared_task(name="demands.tell_matches")  # type: ignore[untyped-decorator]
def tell_new_matches() -> int:
    """Tell firms of open demands that their products answer; each firm once per demand, however often this runs."""
    at, told = clock.now(), 0
    for demand_id in open_demand_ids(at):
        try:
            told += tell_matches(at=at, demand_id=demand_id)
        except Exception:
            log.exception("matches of demand %s could not be told", demand_id)
    return told
