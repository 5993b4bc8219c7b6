"""Celery: what is sent and read without anybody asking."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from annotation.servers import services
from annotation.servers.models import Link
from annotation.servers.remote import RemoteFault
from annotation.servers.services.reading import SYNC
from annotation.servers.states import LinkState
from kernel import clock

HINT_PAUSE = 3  # seconds; what changes meanwhile is read with the next turn of beat at the latest
log = logging.getLogger(__name__)


@shared_task(name="servers.exchange_all")  # type: ignore[untyped-decorator]
def exchange_all() -> None:
    """Every link in use: send what waits, read what changed."""
    for key in Link.objects.filter(state=LinkState.ACTIVE).order_by("pk").values_list("pk", flat=True):
        exchange.delay(str(key))


@shared_task(name="servers.exchange")  # type: ignore[untyped-decorator]
def exchange(link_id: str) -> None:
    """One link: send what waits, read what changed; a fault is written down and tried again next time."""
    try:
        services.send_due(by=SYNC, at=clock.now(), link_id=UUID(link_id))
    except RemoteFault as fault:
        log.warning("Label Studio link %s: %s", link_id, fault.code)
    else:
        pull(link_id)


@shared_task(name="servers.pull")  # type: ignore[untyped-decorator]
def pull(link_id: str, since: str = "") -> None:
    """Read what changed, after a hint or on time; a long read goes on in another task."""
    begun = datetime.fromisoformat(since) if since else None
    try:
        rest = services.pull(by=SYNC, at=clock.now(), link_id=UUID(link_id), since=begun)
        if rest is not None:
            pull.delay(link_id, rest.isoformat())
    except RemoteFault as fault:
        log.warning("Label Studio link %s: %s", link_id, fault.code)


@shared_task(name="servers.sweep_all")  # type: ignore[untyped-decorator]
def sweep_all() -> None:
    """Every link in use: compare with everything that stands there."""
    for key in Link.objects.filter(state=LinkState.ACTIVE).order_by("pk").values_list("pk", flat=True):
        sweep.delay(str(key))


@shared_task(name="servers.sweep")  # type: ignore[untyped-decorator]
def sweep(link_id: str) -> None:
    """One link, a part at a time; the rest in another task."""
    try:
        if not services.sweep(by=SYNC, at=clock.now(), link_id=UUID(link_id)):
            sweep.delay(link_id)
    except RemoteFault as fault:
        log.warning("Label Studio link %s: %s", link_id, fault.code)


def pull_soon(link_id: str) -> None:
    """Queue one read for any number of hints within a few seconds."""
    if cache.add(f"label-hint:{link_id}", "queued", timeout=HINT_PAUSE):
        transaction.on_commit(lambda: pull.delay(link_id))


def exchange_soon(link_id: UUID) -> None:
    """Queue sending and reading, once what was done is committed."""
    transaction.on_commit(lambda: exchange.delay(str(link_id)))


def sweep_soon(link_id: UUID) -> None:
    """Queue a comparison, once what was done is committed."""
    transaction.on_commit(lambda: sweep.delay(str(link_id)))
