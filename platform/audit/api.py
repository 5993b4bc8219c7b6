"""JSON: the audit log and its chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema

from audit import selectors
from audit.models import AuditEvent
from audit.permissions import READ_ALL, READ_OWN
from audit.schemas import ChainOut, EventOut
from gateway.api import Page, actor, cursor_page
from organizations.permissions import Actor

router = Router()


def _viewer(request: HttpRequest) -> Actor:
    viewer = actor(request)
    if not viewer.can(READ_ALL):
        viewer.require(READ_OWN)
    return viewer


class Filters(Schema):
    """What narrows the list."""

    text: str = ""
    who: str = ""
    action: str = ""
    organization_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@router.get("/events", response=Page[EventOut])
def events(
    request: HttpRequest, filters: Query[Filters], cursor: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """Events the caller sees, newest first."""
    question = selectors.Question(**filters.dict())
    rows = selectors.matching(selectors.events_visible_to(_viewer(request)), question)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return {"items": found, "next": following}


@router.get("/events/{event_id}", response=EventOut)
def event(request: HttpRequest, event_id: UUID) -> AuditEvent:
    """One event."""
    return selectors.event_visible_to(_viewer(request), event_id)


@router.get("/chain", response=ChainOut)
def chain(request: HttpRequest) -> selectors.ChainState:
    """Length and head of the chain."""
    actor(request).require(READ_ALL)
    return selectors.chain_state()
