"""Periodic work of saved searches."""

from __future__ import annotations

import logging

from celery import shared_task

from exchange.searches.selectors import search_ids
from exchange.searches.services import tell_matches
from kernel import clock

log = logging.getLogger(__name__)


@shared_task(name="searches.tell_matches")  # type: ignore[untyped-decorator]
def tell_new_matches() -> int:
    """Tell the owners of saved searches what is new; each search in its own transaction, one that fails alone."""
    at, told = clock.now(), 0
    for search_id in search_ids():
        try:
            told += tell_matches(at=at, search_id=search_id)
        except Exception:
            log.exception("saved search %s could not be told", search_id)
    return told
