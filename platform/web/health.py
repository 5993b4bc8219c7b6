"""Is everything there that the process needs? Other parts register their check in `config/wiring.py`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow

from celery import current_app
from django.db import connection, connections

logger = logging.getLogger(__name__)
Check = Callable[[], bool]
PATIENCE_SECONDS = 4


def database_answers() -> bool:
    """One round trip to the database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone())
    finally:
        connections.close_all()


def broker_answers() -> bool:
    """One connection to the message broker."""
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS - 1)
        return True


_checks: dict[str, Check] = {"database": database_answers, "broker": broker_answers}


def register_check(name: str, check: Check) -> None:
    """Add a part that must be there; `check` answers False or raises when it is not."""
    _checks[name] = check


def _holds(check: Check) -> bool:
    try:
        return bool(check())
    except Exception:  # a check may fail in any way its server does
        logger.warning("readiness check failed", exc_info=True)
        return False


def states() -> dict[str, bool]:
    """Every part and whether it answers in time; the parts are asked at once."""
    pool = ThreadPoolExecutor(max_workers=len(_checks))
    try:
        asked = {name: pool.submit(_holds, check) for name, check in _checks.items()}
        found = {}
        for name, answer in asked.items():
            try:
                found[name] = answer.result(timeout=PATIENCE_SECONDS)
            except TooSlow:
                found[name] = False
        return found
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
