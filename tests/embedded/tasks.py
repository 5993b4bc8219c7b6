"""Tasks for tests of the worker itself; they talk to the test through the cache."""

from __future__ import annotations

import time

from celery import shared_task
from django.core.cache import cache


@shared_task
def wait_for_leave(name: str) -> None:
    """Note each run, then work until the test allows an end; note the end."""
    cache.incr(f"{name}-begun")
    for _ in range(60):
        if cache.get(f"{name}-may-end"):
            break
        time.sleep(0.05)
    else:
        return
    cache.incr(f"{name}-ended")
